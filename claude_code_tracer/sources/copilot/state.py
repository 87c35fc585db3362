"""One events file being read: which model answers, which subagent speaks, what was used so far."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from claude_code_tracer.sources.copilot.usage import Bucket, Counts, add_total
from claude_code_tracer.sources.draft import path_text
from claude_code_tracer.sources.jsonl import Record
from claude_code_tracer.sources.reading import Memory, Reading, put
from claude_code_tracer.sources.source import Parsed, Transcript
from claude_code_tracer.sources.values import count, identifier, mapping, string

__all__ = ["CopilotMemory", "CopilotReading"]

_KEPT_AGENTS = 64
_KEPT_MODELS = 32
_MAX_AGENT_ID = 100
_AUTO = "auto"


class CopilotMemory(Memory):
    """Beside the common facts: the model that answers, and tokens by model."""

    model: str | None = None
    is_routed: bool = False
    """The person left the choice of the model to Copilot: which it is shows later."""
    waiting: int = 0
    """Output tokens of answers whose model has not shown yet."""
    waiting_since: datetime | None = None
    answer: str | None = None
    answer_tokens: int = 0
    """Of the last answer: it can come in several events."""
    thought: str | None = None
    has_records: bool = False
    """Requests are told one by one: what their answers say of their output says it again."""
    agent_calls: dict[str, str] = msgspec.field(default_factory=dict)
    agent_models: dict[str, str] = msgspec.field(default_factory=dict)
    buckets: dict[str, Bucket] = msgspec.field(default_factory=dict)


class CopilotReading(Reading[CopilotMemory]):
    """What one call of `parse` is making of its lines."""

    def __init__(self, file: Transcript, state: bytes | None) -> None:
        super().__init__(file, CopilotMemory.load(state))
        self._changed: dict[str, int] = {}

    def done(self) -> Parsed:
        """Return what `parse` must return, with the totals that changed."""
        for model, revision in self._changed.items():
            add_total(self, self.native, revision, model, self.memory.buckets[model])
        return super().done()

    # Subagents ---------------------------------------------------------------------------------

    def agent_call(self, record: Record) -> str | None:
        """Return the tool call that started the subagent an event is of; None: the session's own.

        Newer versions name the subagent instead of the call that started it.
        """
        call = _short(mapping(record.value.get("data")).get("parentToolCallId"))
        agent = _short(record.value.get("agentId"))
        return call or (self.memory.agent_calls.get(agent, agent) if agent else None)

    def session_of(self, record: Record) -> str:
        """Return the session that an event belongs to: a subagent's is one of its own."""
        call = self.agent_call(record)
        return self.agent_session(record, call) if call else self.native

    def agent_session(self, record: Record, call: str, **facts: str | None) -> str:
        """Return the session of the subagent that a tool call started, and tell what is new."""
        session = f"{self.native}/{call}"
        news = {name: v for name, v in facts.items() if v and self.memory.see_fact(name + call, v)}
        if self.memory.see_fact(f"agent {call}", call):
            self.tell(record.start)
            news |= {"parent": self.native, "relation": "subagent", "agent_id": call}
            news["path"] = path_text(self.file.path)
        if news:
            self.session(session, record.start, **news)
        return session

    def start_agent(self, record: Record, call: str) -> None:
        """Remember which tool call an agent's id stands for."""
        if agent := _short(record.value.get("agentId")):
            put(self.memory.agent_calls, agent, call, _KEPT_AGENTS)

    # Tokens ------------------------------------------------------------------------------------

    def model_chosen(self, value: object, record: Record) -> None:
        """Take the model that answers from here on; `auto` says that it will show later."""
        model = identifier(value)
        if model is None:
            return
        self.memory.is_routed = model == _AUTO
        self.memory.model = None if model == _AUTO else model
        if self.memory.model and self.memory.waiting:
            at, waiting = self.memory.waiting_since, self.memory.waiting
            self.memory.waiting, self.memory.waiting_since = 0, None
            self._said(self.memory.model, waiting, at, record.start)

    def model_answered(self, value: object, record: Record) -> None:
        """Take the model that a tool's result says it was called by."""
        model, call = identifier(value), self.agent_call(record)
        if model is None:
            return
        if call:
            self.agent_model_chosen(model, record)
        else:
            self.model_chosen(model, record)

    def agent_model_chosen(self, value: object, record: Record) -> None:
        """Take the model that the subagent an event is of answers with."""
        model, call = identifier(value), self.agent_call(record)
        if model and call and model != _AUTO:
            put(self.memory.agent_models, call, model, _KEPT_AGENTS)

    def model_of(self, record: Record) -> str | None:
        """Return the model of an answer, as far as it is known."""
        call = self.agent_call(record)
        own = identifier(mapping(record.value.get("data")).get("model"))
        return own or (self.memory.agent_models.get(call) if call else self.memory.model)

    def answered(self, record: Record, at: datetime | None) -> None:
        """Count the output tokens of an answer, once when it comes in several events."""
        data = mapping(record.value.get("data"))
        output = count(data.get("outputTokens"))
        answer = identifier(data.get("messageId")) or identifier(data.get("apiCallId"))
        if not output or self.memory.has_records:
            return
        if answer is None or answer != self.memory.answer:
            self.memory.answer, self.memory.answer_tokens = answer, 0
        more = output - self.memory.answer_tokens
        if more <= 0:
            return
        self.memory.answer_tokens = output
        model = self.model_of(record)
        if model:
            self._said(model, more, at, record.start)
        elif self.agent_call(record) is None:
            if self.memory.is_routed:
                self.memory.waiting += more
                self.memory.waiting_since = self.memory.waiting_since or at
            else:
                self._said("", more, at, record.start)

    def _said(self, model: str, tokens: int, at: datetime | None, revision: int) -> None:
        self._bucket(model, revision, at).said(tokens)

    def used(self, model: str, counts: Counts, at: datetime | None, revision: int) -> None:
        """Take what a session that ends says it used of a model, since it began."""
        self._bucket(model, revision, at).closed(counts)

    def recorded(self, model: str, counts: Counts, at: datetime | None, revision: int) -> None:
        """Take what one request used."""
        self.memory.has_records = True
        self._bucket(model, revision, at).recorded(counts)

    def _bucket(self, model: str, revision: int, at: datetime | None) -> Bucket:
        bucket = self.memory.buckets.get(model) or Bucket()
        bucket.at = min((time for time in (bucket.at, at) if time), default=None)
        put(self.memory.buckets, model, bucket, _KEPT_MODELS)
        self._changed[model] = revision
        self._changed = {m: r for m, r in self._changed.items() if m in self.memory.buckets}
        return bucket


def _short(value: Any) -> str | None:
    """Return an id that may become a part of a session's id."""
    text = string(value)
    return identifier(text) if text and len(text) <= _MAX_AGENT_ID else None

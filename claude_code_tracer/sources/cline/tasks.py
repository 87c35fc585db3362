"""`ui_messages.json`: what a person saw of a task, as a list that is rewritten with every step.

Each item has a time in ms, `ts`, which both tools use as its identity, and a word for what it is:
`say` (told) or `ask` (the person may answer). An `api_req_started` opens a model call; its tokens
and cost are filled in when it ends; what follows until the next one is the model's answer.
The other list, `api_conversation_history.json`, has the same conversation without cost: it is asked
for nothing but models, so that nothing is there twice.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.cline.answer import Answer, image_parts, json_of
from claude_code_tracer.sources.cline.documents import Item
from claude_code_tracer.sources.cline.models import Model, Models, model_in
from claude_code_tracer.sources.cline.usage import task_usage
from claude_code_tracer.sources.cline.words import API_ERRORS, HOUSEKEEPING, INJECTED, NOTICES
from claude_code_tracer.sources.draft import Draft, Part, Usage, path_text
from claude_code_tracer.sources.source import Transcript
from claude_code_tracer.sources.times import from_epoch_ms
from claude_code_tracer.sources.values import bounded, mapping, string, usd

__all__ = ["Task", "request_times"]

_CWD = re.compile(r"# Current (?:Working|Workspace) Directory \(([^\n]{1,1000})\) Files")
_REQUEST = "api_req_started"
_CANCELLED = {"user_cancelled": "interrupted"}


class Task:
    """One version of a task's list being read."""

    def __init__(self, file: Transcript, end: int, models: Models, *, is_roo: bool) -> None:
        self.draft = Draft(file.source)
        self._file = file
        self._models = models
        self._is_roo = is_roo
        self._end = end
        self._answer: Answer | None = None
        self._seen: Counter[str] = Counter()
        self._revision = end
        self._position = 0
        self._cwd: str | None = None
        self._has_title = False

    def read(self, items: list[Item]) -> None:
        """Take all items of the list."""
        times = [ts for item in items if (ts := _ms(item.value)) is not None]
        self._revision = max(times, default=self._end)
        self.draft.session(self._file.session, self._revision, path=path_text(self._file.path))
        for number, item in enumerate(items):
            self._position = _ms(item.value) or self._position + 1
            self._take(item, is_first=number == 0)
        self._close()

    def _take(self, item: Item, *, is_first: bool) -> None:
        value = item.value
        word = string(value.get("say")) or string(value.get("ask"))
        if value.get("type") not in ("say", "ask") or word is None:
            self._foreign(item)
        elif word == _REQUEST:
            self._open(item)
        elif word in ("task", "user_feedback") or (is_first and word == "text"):
            self._prompt(item)
        elif word == "api_req_finished":
            self._finish(item)
        elif word in HOUSEKEEPING:
            return
        elif word in NOTICES:
            self._notice(item, word)
        elif word in INJECTED:
            self._add(item, "user", "injected", [Part("text", _text(value))])
        elif word in ("condense_context", "condense", "summarize_task"):
            self._summary(item)
        elif word == "subagent_usage":
            self._subagents(item)
        elif not self._current(item).take(item, word, self._at(value)):
            self._unknown(item)
        elif word == "followup":
            self._selected(item)

    # Model calls -------------------------------------------------------------------------------

    def _open(self, item: Item) -> None:
        """Begin the answer to a request, and count what it took."""
        self._close()
        value = item.value
        info = mapping(json_of(value.get("text")))
        request = string(info.get("request")) or ""
        self._find_cwd(request)
        told = self._model(value, info, request)
        flags = {*item.flags}
        cancelled = string(info.get("cancelReason"))
        if cancelled:
            flags.add(_CANCELLED.get(cancelled, "api_error"))
        answer = self._begin(value, told, flags)
        answer.failure = string(info.get("streamingFailedMessage")) or cancelled
        self._count(answer, info, value)

    def _model(self, value: dict[str, Any], info: dict[str, Any], request: str) -> Model:
        """Return which model answers a request: what the list itself says comes first."""
        shown = mapping(value.get("modelInfo"))
        model = string(shown.get("modelId")) or string(info.get("model")) or model_in(request)
        provider = string(shown.get("providerId"))
        if model:
            return Model(model, provider)
        told = self._models.at(_ms(value)) or Model()
        return Model(told.name, provider or told.provider)

    def _finish(self, item: Item) -> None:
        """Count a request whose tokens stand in a record of their own, as until early 2025."""
        if self._answer and not self._answer.is_counted:
            self._count(self._answer, mapping(json_of(item.value.get("text"))), item.value)

    def _count(self, answer: Answer, info: dict[str, Any], value: dict[str, Any]) -> None:
        model = answer.model
        usage = task_usage(info, is_roo=self._is_roo, provider=model.provider)
        if usage:
            answer.is_counted = True
            self._call(answer.key, usage, value, model.name, info.get("cost"), answer.id)

    def _call(
        self,
        key: str,
        usage: Usage,
        value: dict[str, Any],
        model: str | None,
        cost: object,
        message: str | None = None,
    ) -> None:
        self.draft.model_call(
            self._file.session,
            self._revision,
            (self._file.session, key),
            usage,
            message=message,
            model=model,
            at=self._at(value),
            reported_cost_usd=usd(cost),
        )

    def _subagents(self, item: Item) -> None:
        """Count what agents took that ran inside one step: all their calls together."""
        info = mapping(json_of(item.value.get("text")))
        usage = task_usage(info, is_roo=False, provider=None)
        if usage:
            model = string(mapping(item.value.get("modelInfo")).get("modelId"))
            self.draft.model_call(
                self._file.session,
                self._revision,
                (self._file.session, self._key(item.value, "subagents")),
                usage,
                model=model,
                at=self._at(item.value),
                quality="session_total",
                reported_cost_usd=usd(info.get("cost")),
            )

    # Messages ----------------------------------------------------------------------------------

    def _begin(self, value: dict[str, Any], model: Model, flags: set[str]) -> Answer:
        key = self._key(value, "answer")
        self._answer = Answer(
            self.draft, self._file.session, self._revision, key, self._position, self._at(value)
        )
        self._answer.model = model
        self._answer.flags |= flags
        return self._answer

    def _current(self, item: Item) -> Answer:
        """Return the answer that is under way; without one (a cut list) the item begins it."""
        return self._answer or self._begin(item.value, Model(), {*item.flags})

    def _close(self) -> None:
        if self._answer:
            self._answer.close()
        self._answer = None

    def _prompt(self, item: Item) -> None:
        value = item.value
        text = _text(value)
        parts = [Part("text", text)] if text else []
        parts += image_parts(value)
        if not parts:
            return
        self._add(item, "user", "prompt", parts)
        self._title(text)

    def _selected(self, item: Item) -> None:
        """Add the answer that a person chose instead of writing one."""
        chosen = string(mapping(json_of(item.value.get("text"))).get("selected"))
        if chosen:
            self._add(item, "user", "prompt", [Part("text", chosen)], suffix="selected")

    def _title(self, text: str | None) -> None:
        if text and text.strip() and not self._has_title:
            self._has_title = True
            self.draft.title(self._file.session, self._revision, text, "first_prompt")

    def _notice(self, item: Item, word: str) -> None:
        text = _text(item.value)
        if self._answer and word in ("error", "diff_error"):
            self._answer.fail(text, is_refused=word == "diff_error")
        flags = ["api_error"] if word in API_ERRORS else []
        self._add(item, "system", "notice", [Part("text", text or word)], flags=flags)

    def _summary(self, item: Item) -> None:
        condensed = mapping(item.value.get("contextCondense"))
        text = string(condensed.get("summary")) or _text(item.value)
        if not text:
            return  # it has only begun
        self._add(item, "system", "compaction", [Part("text", text)])
        if usd(condensed.get("cost")):
            key = self._key(item.value, "condense")
            self._call(key, Usage(), item.value, None, condensed.get("cost"))

    def _foreign(self, item: Item) -> None:
        """Take a plain `{role, content}`, as other programs write into this file."""
        role, content = item.value.get("role"), string(item.value.get("content"))
        if role == "user" and content:
            self._add(item, "user", "prompt", [Part("text", content)])
            self._title(content)
        elif role == "assistant" and content:
            self._add(item, "assistant", "answer", [Part("text", content)])
        else:
            self._unknown(item)

    def _unknown(self, item: Item) -> None:
        part = Part("unknown", data=bounded(item.value))
        self._add(item, "system", "unknown", [part], suffix="unknown")

    def _add(
        self,
        item: Item,
        role: Role,
        kind: MessageKind,
        parts: list[Part],
        *,
        suffix: str = "",
        flags: list[str] | None = None,
    ) -> None:
        ts = _ms(item.value)
        self.draft.message(
            self._file.session,
            self._revision,
            self._key(item.value, suffix or kind),
            role,
            kind,
            parts,
            position=self._position,
            at=self._at(item.value),
            native_id=None if ts is None else str(ts),
            flags=(*item.flags, *(flags or ())),
        )

    # Facts -------------------------------------------------------------------------------------

    def _key(self, value: dict[str, Any], what: str) -> str:
        """Return the id of an item: its time, its kind, and which one of these it is."""
        ts = _ms(value)
        base = f"{'#' if ts is None else ts}:{what}"
        self._seen[base] += 1
        return base if self._seen[base] == 1 else f"{base}:{self._seen[base]}"

    def _at(self, value: dict[str, Any]) -> Any:
        return from_epoch_ms(value.get("ts", value.get("timestamp")))

    def _find_cwd(self, request: str) -> None:
        found = _CWD.search(request)
        if found and found[1] != self._cwd:
            root = {} if self._cwd else {"project_root": found[1]}
            self._cwd = found[1]
            self.draft.session(self._file.session, self._revision, cwd=found[1], **root)


def _ms(value: dict[str, Any]) -> int | None:
    ts = value.get("ts", value.get("timestamp"))
    return int(ts) if ts is not None and from_epoch_ms(ts) else None


def _text(value: dict[str, Any]) -> str | None:
    return string(value.get("text"))


def request_times(items: list[Item]) -> list[int]:
    """Return when requests began."""
    requests = (item.value for item in items if item.value.get("say") == _REQUEST)
    return [ts for value in requests if (ts := _ms(value)) is not None]

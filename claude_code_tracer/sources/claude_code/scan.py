"""Only what was billed, as fast as it can be found: for `usage --scan`, which keeps nothing.

A line without the word `"usage"` bills nothing and is not decoded at all; of the others only what
counts is. Whatever is not plain (damage, odd types, an advisor, searches with a fee, agents that
name their parent inside) is left to the parser, so both count alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from claude_code_tracer.finding import places_of
from claude_code_tracer.ids import record_id
from claude_code_tracer.model import ModelCall
from claude_code_tracer.sources.claude_code.layout import NAME
from claude_code_tracer.sources.claude_code.usage import SYNTHETIC
from claude_code_tracer.sources.source import Line, Shape, Transcript
from claude_code_tracer.sources.values import MAX_ID_CHARS, when

__all__ = ["UsageScan", "project_of"]

_WORD = b'"usage"'
_SEARCH = "WebSearch"
_ADVISOR = "advisor_message"
_PLAIN_COUNT = 2**39


class _Split(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


_NO_SPLIT = _Split()


class _ServerTools(msgspec.Struct):
    web_search_requests: int | None = None


class _Step(msgspec.Struct):
    type: str | None = None


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _Split | None = None
    server_tool_use: _ServerTools | None = None
    output_tokens_details: _Details | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    iterations: list[_Step] | None = None


class _Block(msgspec.Struct):
    name: str | None = None


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    content: list[_Block] | str | None = None
    usage: _Usage | None = None
    stop_reason: str | None = None


class _Said(msgspec.Struct, rename="camel"):
    """What a line, or one that it repeats, says of an answer."""

    message: _Message | None = None
    timestamp: str | None = None
    uuid: str | None = None


class _Progress(msgspec.Struct):
    type: str | None = None
    message: _Said | None = None


class _Record(_Said, rename="camel"):
    type: str | None = None
    is_sidechain: bool | None = None
    is_api_error_message: bool | None = None
    forked_from: msgspec.Raw | None = None
    data: _Progress | None = None


class _Call(msgspec.Struct):
    """A call as its lines add up."""

    usage: _Usage
    session: str
    attribution: int
    model: str | None
    at: str | None
    output: int
    is_exact: bool

    def claim(self, session: str, attribution: int, at: str | None) -> None:
        """Take note of another place that holds it: the better claim wins, and the first time."""
        if (attribution, session) < (self.attribution, self.session):
            self.attribution, self.session = attribution, session
        if at and (self.at is None or at < self.at):
            self.at = at


_DECODER = msgspec.json.Decoder(_Record)
_CWD = re.compile(rb'"cwd":\s*("(?:[^"\\]|\\.){1,4000}")')

_Key = tuple[str, int, int, int]
"""Id, fresh input, cache reads, cache writes."""
Parse = Callable[[Transcript, Sequence[Line]], list[ModelCall]]
"""The parser, asked for its model calls only."""


def _key_of(call: ModelCall) -> str:
    """Return what a call of the parser is known by here: its id, unless it is a plain answer's."""
    written = (call.cache_write_5m_tokens or 0) + (call.cache_write_1h_tokens or 0)
    key = (call.native_id or "", call.input_tokens or 0, call.cache_read_tokens or 0, written)
    is_plain = call.id == record_id("model_call", *key)
    return " ".join(map(str, key)) if is_plain else call.id


def project_of(content: bytes | bytearray, size: int) -> str | None:
    """Return the folder that the first record with one names."""
    found = _CWD.search(content, 0, size)
    try:
        return msgspec.json.decode(found[1], type=str) if found else None
    except msgspec.DecodeError:
        return None


class UsageScan:
    """The calls of many files, each counted once."""

    def __init__(self, parse: Parse) -> None:
        self._parse = parse
        self._places = places_of(_WORD)
        self._calls: dict[_Key, _Call] = {}
        self._parsed: list[ModelCall] = []

    def calls(self) -> list[ModelCall]:
        """Return the calls that were counted here, each once; `id` is what `_key_of` says."""
        return [_model_call(" ".join(map(str, key)), call) for key, call in self._calls.items()]

    def parsed_calls(self) -> list[ModelCall]:
        """Return the calls that the parser found; one may be among the others as well."""
        return self._parsed

    def read(self, file: Transcript, content: bytes | bytearray, size: int) -> None:
        """Count what a whole transcript bills: the first `size` bytes of `content`."""
        if not _is_plain(file):
            self._add_parsed(file, _lines(content[:size]))
            return
        decode = _DECODER.decode
        is_compaction = file.session.rpartition("/")[2].startswith("acompact-")
        end = -1
        for at in self._places(content, size):
            if at < end:
                continue  # on the line that was just read
            start = content.rfind(b"\n", 0, at) + 1
            end = content.find(b"\n", at, size)
            end = size if end < 0 else end
            raw = content[start:end]
            try:
                record = decode(raw)
            except (msgspec.DecodeError, RecursionError):
                self._add_parsed(file, [Line(start, start + len(raw) + 1, bytes(raw))])
                continue
            said: _Said | None = record
            is_nested = False
            if record.type != "assistant" or record.is_api_error_message:
                progress = record.data
                if progress is None or progress.type != "agent_progress":
                    continue
                said, is_nested = progress.message, True
            message = said.message if said else None
            if said is None or message is None or message.usage is None:
                continue
            if _has_search(message):  # what it cost stands in its result, far from here
                self._add_parsed(file, _lines(content[:size]))
                return
            attribution = 0
            if record.forked_from is not None:
                attribution = 2
            elif is_compaction or is_nested or (record.is_sidechain and file.parent is None):
                attribution = 1
            if not self._count(file.session, said, message, message.usage, attribution):
                self._add_parsed(file, [Line(start, start + len(raw) + 1, bytes(raw))])

    def _count(
        self, session: str, said: _Said, message: _Message, usage: _Usage, attribution: int
    ) -> bool:
        """Count one line of an answer; False when that is left to the parser."""
        if message.model == SYNTHETIC:
            return True
        call = message.id or said.uuid
        written = _written(usage)
        if call is None or written is None or len(call) > MAX_ID_CHARS or _has_advisor(usage):
            return False
        key = (call, usage.input_tokens or 0, usage.cache_read_input_tokens or 0, written)
        output, is_exact = usage.output_tokens or 0, message.stop_reason is not None
        known = self._calls.get(key)
        if known is None:
            self._calls[key] = _Call(
                usage, session, attribution, message.model, said.timestamp, output, is_exact
            )
            return True
        if output > known.output:
            known.output, known.usage = output, usage
        if is_exact:
            known.is_exact = True
        if known.session != session or known.attribution != attribution:
            known.claim(session, attribution, said.timestamp)
        return True

    def _add_parsed(self, file: Transcript, lines: Sequence[Line]) -> None:
        for call in self._parse(file, lines):
            self._parsed.append(msgspec.structs.replace(call, id=_key_of(call)))


def _is_plain(file: Transcript) -> bool:
    is_beside = file.parent is None and file.session.startswith("agent-")
    return file.shape is Shape.LINES and not is_beside


def _has_search(message: _Message) -> bool:
    content = message.content
    return type(content) is list and any([block.name == _SEARCH for block in content])


def _has_advisor(usage: _Usage) -> bool:
    steps = usage.iterations
    return bool(steps) and any(step.type == _ADVISOR for step in steps or ())


def _written(usage: _Usage) -> int | None:
    """Return how much was written to the cache; None when a count is not one to be taken as is."""
    split = usage.cache_creation or _NO_SPLIT
    total = usage.cache_creation_input_tokens or 0
    for_5m = split.ephemeral_5m_input_tokens or 0
    for_1h = split.ephemeral_1h_input_tokens or 0
    counts = total | for_5m | for_1h | (usage.input_tokens or 0)
    counts |= (usage.output_tokens or 0) | (usage.cache_read_input_tokens or 0)
    return max(total, for_5m + for_1h) if 0 <= counts < _PLAIN_COUNT else None


def _writes(usage: _Usage) -> tuple[int | None, int | None]:
    split = usage.cache_creation or _NO_SPLIT
    for_5m, for_1h = split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens
    total = usage.cache_creation_input_tokens
    if total is None and for_5m is None and for_1h is None:
        return None, None
    return max(total or 0, (for_5m or 0) + (for_1h or 0)) - (for_1h or 0), for_1h


def _model_call(key: str, call: _Call) -> ModelCall:
    usage = call.usage
    details, server_tools = usage.output_tokens_details, usage.server_tool_use
    write_5m, write_1h = _writes(usage)
    return ModelCall(
        source=NAME,
        session=call.session,
        revision=0,
        id=key,
        attribution=call.attribution,
        model=call.model,
        at=when(call.at),
        input_tokens=usage.input_tokens,
        output_tokens=None if usage.output_tokens is None else call.output,
        cache_read_tokens=usage.cache_read_input_tokens,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
        reasoning_tokens=details.thinking_tokens if details else None,
        web_searches=server_tools.web_search_requests if server_tools else None,
        service_tier=usage.service_tier or None,
        speed=usage.speed or None,
        inference_geo=usage.inference_geo if usage.inference_geo == "us" else None,
        usage_quality="exact" if call.is_exact else "lower_bound",
    )


def _lines(content: bytes | bytearray) -> list[Line]:
    lines = []
    start = 0
    for raw in bytes(content).split(b"\n"):
        if raw:
            lines.append(Line(start, start + len(raw) + 1, raw))
        start += len(raw) + 1
    return lines

"""The agent's transcripts: `.jsonl`, and of late 2025 `.txt` and `.json`. Each is one document.

They say who said what and which tools were asked for what, in order: no results to speak of, no
model, no tokens. Only a prompt has a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from claude_code_tracer.sources.cursor.plain import read_plain
from claude_code_tracer.sources.cursor.turns import Call, Result, Turn, TurnWriter
from claude_code_tracer.sources.draft import Draft, Part
from claude_code_tracer.sources.jsonl import Record, records
from claude_code_tracer.sources.source import BadSpan, Line, Transcript
from claude_code_tracer.sources.values import bounded, identifier, mapping, string

__all__ = ["read_transcript"]

_FINE = {"success", "ok", "completed"}


def read_transcript(draft: Draft, file: Transcript, line: Line) -> None:
    """Add one version of a transcript, all of which is in `line`."""
    if not line.raw.strip():
        return
    writer = TurnWriter(draft, file, line.end)
    if file.path.suffix == ".txt":
        for turn in read_plain(line.raw):
            writer.add(turn)
    elif file.path.suffix == ".json":
        _read_array(draft, writer, line)
    else:
        for record in _json_lines(draft, line):
            _read_record(writer, record)


def _json_lines(draft: Draft, document: Line) -> Iterator[Record]:
    at = document.start
    for raw in document.raw.split(b"\n"):
        end = min(at + len(raw) + 1, document.end)
        if raw.strip():
            found, bad = records(Line(at, end, raw), _is_whole)
            draft.bad += bad
            yield from found
        at = end


def _is_whole(value: dict[str, Any]) -> bool:
    return type(value.get("role")) is str or value.get("type") in ("turn_ended", "metadata")


def _read_record(writer: TurnWriter, record: Record) -> None:
    value = record.value
    role, kind = value.get("role"), value.get("type")
    if role is None and kind == "turn_ended":
        _end_turn(writer, record)
    elif role is None and kind == "error":
        writer.add(_notice(record, "api_error", value.get("error")))
    elif role is None and kind == "metadata":
        overview = string(mapping(value.get("metadata")).get("overview"))
        if overview:
            writer.add(Turn("summary", texts=[overview], flags=record.flags))
    elif role in ("user", "assistant"):
        content = value.get("message")
        if type(content) is dict:
            content = content.get("content")
        writer.add(_turn(role, content, record))
    elif role != "system":
        writer.add(Turn("unknown", value=value, flags=record.flags))


def _end_turn(writer: TurnWriter, record: Record) -> None:
    status = string(record.value.get("status")) or ""
    if status == "aborted":
        writer.add(_notice(record, "interrupted", record.value.get("error")))
    elif status not in _FINE or string(record.value.get("error")):
        writer.add(_notice(record, "api_error", record.value.get("error") or status))
    writer.end_turn()


def _notice(record: Record, flag: str, said: object) -> Turn:
    text = string(said) or string(mapping(said).get("message")) or ""
    return Turn("system", notice=(flag, text), flags=record.flags)


def _turn(role: str, content: object, record: Record) -> Turn:
    """Return a message with its blocks; those of a tool's result belong to their call."""
    turn = Turn(role, flags=record.flags)
    for block in content if type(content) is list else [content]:
        fields = mapping(block)
        kind = fields.get("type")
        text = block if type(block) is str else fields.get("text")
        if type(text) is str and kind in (None, "text"):
            turn.texts.append(text)
        elif kind in ("thinking", "reasoning"):
            thought = string(fields.get("thinking")) or string(fields.get("text"))
            turn.thoughts += [thought] if thought else []
        elif kind in ("tool_use", "tool_call", "tool-call"):
            turn.calls.append(_call(fields))
        elif kind in ("tool_result", "tool-result"):
            turn.results.append(_result(fields))
        elif kind == "image":
            turn.others.append(Part("image", data={"media_type": None}))
        elif block is not None:
            turn.others.append(Part("unknown", data=bounded(block)))
    return turn


def _call(fields: dict[str, Any]) -> Call:
    name = string(fields.get("name")) or string(fields.get("toolName")) or "unknown"
    arguments = next((fields[key] for key in ("input", "args", "arguments") if key in fields), None)
    return Call(
        name, arguments, identifier(fields.get("id")) or identifier(fields.get("toolCallId"))
    )


def _result(fields: dict[str, Any]) -> Result:
    is_error = fields.get("is_error")
    native_id = fields.get("tool_use_id") or fields.get("toolCallId")
    return Result(
        name=string(fields.get("name")) or string(fields.get("toolName")),
        native_id=identifier(native_id),
        text=_result_text(fields),
        is_error=is_error if type(is_error) is bool else None,
    )


def _result_text(fields: dict[str, Any]) -> str | None:
    content = next((fields[k] for k in ("content", "result", "output") if k in fields), None)
    if type(content) is str:
        return content or None
    items = content if type(content) is list else []
    texts = (item if type(item) is str else mapping(item).get("text") for item in items)
    return "\n".join(text for text in texts if type(text) is str and text) or None


def _read_array(draft: Draft, writer: TurnWriter, line: Line) -> None:
    """Read the `.json` twin: an array of messages, tools in fields of their own."""
    found, bad = records(Line(0, 0, b'{"messages":' + line.raw + b"}"), lambda _: False)
    messages = found[0].value.get("messages") if found and not bad else None
    if type(messages) is not list:
        draft.bad.append(BadSpan(line.start, line.end, "not an array of messages"))
        return
    for message in messages:
        fields = mapping(message)
        role = fields.get("role")
        result = mapping(fields.get("toolResult"))
        if role not in ("user", "assistant", "tool"):
            writer.add(Turn("unknown", value=message, flags=found[0].flags))
            continue
        text = string(fields.get("text"))
        calls = fields.get("toolCalls")
        writer.add(
            Turn(
                role,
                texts=[text] if text else [],
                calls=[_call({"name": c.get("toolName"), **c}) for c in map(mapping, calls)]
                if type(calls) is list
                else [],
                results=[_result(result)] if result else [],
                flags=found[0].flags,
            )
        )

"""One bubble of the IDE: a prompt, a thought, a piece of an answer, or a tool call with its result.

`tokenCount` stands on some of the bubbles, on most as 0/0, which is the serializer's default and
says nothing. Where it is more it is what one request took, without what came from the cache: at
least so much.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from claude_code_tracer.ids import record_id
from claude_code_tracer.model import MessageKind, Role
from claude_code_tracer.sources.changes import Change, nothing
from claude_code_tracer.sources.cursor.edits import asked, confirmed, edited_file, is_edit
from claude_code_tracer.sources.cursor.nested import loaded
from claude_code_tracer.sources.cursor.prompts import Typed, read_user_text
from claude_code_tracer.sources.draft import Draft, Part, Usage
from claude_code_tracer.sources.values import bounded, count, identifier, mapping, string, when

__all__ = ["Bubble", "add_bubble", "moment"]

_FAILED = {"error", "failed", "cancelled", "canceled", "rejected", "aborted"}
_DONE = {"completed", "success"}
_USER, _ASSISTANT = 1, 2
_ROLES = {"user": _USER, "human": _USER, "ai": _ASSISTANT, "assistant": _ASSISTANT}
_EMPTY = "composer.content.e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""The content of a file that is not there yet: it is stored under this name or not at all."""


class Bubble(msgspec.Struct):
    """A bubble and what its place says about it."""

    session: str
    key: str
    revision: int
    fields: dict[str, Any]
    is_agent: bool = False
    """Its composer was started by another one: nobody typed its prompts."""
    default_model: str | None = None
    """What the composer is set to, for bubbles that do not name their model."""
    before: str | None = None
    after: str | None = None
    """The file that an edit changed."""
    ordinal: int | None = None
    """Its place among the bubbles of its row, when they share one."""


def add_bubble(draft: Draft, bubble: Bubble) -> str | None:
    """Add a bubble; return its text when it is what the session was asked."""
    fields = bubble.fields
    kind = fields.get("type") or fields.get("role")
    who = _ROLES.get(kind) if type(kind) is str else kind
    at = _created(fields) or moment(mapping(fields.get("timingInfo")).get("clientStartTime"))
    texts = (string(fields.get(name)) for name in ("text", "rawText", "content", "message"))
    text = next(filter(None, texts), "")
    tool = mapping(fields.get("toolFormerData"))
    _add_model_call(draft, bubble, at)
    if who == _USER and not tool:
        return _add_user(draft, bubble, text, at)
    if who in (_USER, _ASSISTANT):
        _add_answer(draft, bubble, text, tool, at)
    else:
        said = {name: value for name, value in fields.items() if value is not None}
        _message(draft, bubble, "system", "unknown", [Part("unknown", data=bounded(said))], at)
    return None


def moment(value: object) -> datetime | None:
    """Return a time that is written as ISO text or as milliseconds."""
    if type(value) is str:
        return when(value)
    if type(value) in (int, float) and 1_577_836_800_000 <= value < 4_102_444_800_000:  # type: ignore[operator]
        return datetime.fromtimestamp(value / 1000, UTC)  # type: ignore[operator]
    return None


def _created(fields: dict[str, Any]) -> datetime | None:
    return moment(fields.get("createdAt")) or moment(fields.get("timestamp"))


def _position(bubble: Bubble) -> int:
    """Return its time in ms; of old bubbles, which have none, the row's mark, far smaller."""
    if bubble.ordinal is not None:
        return bubble.ordinal
    at = _created(bubble.fields)
    return int(at.timestamp() * 1000) if at else bubble.revision


def _message(
    draft: Draft,
    bubble: Bubble,
    role: Role,
    kind: MessageKind,
    parts: list[Part],
    at: datetime | None,
    flags: tuple[str, ...] = (),
) -> None:
    draft.message(
        bubble.session,
        bubble.revision,
        bubble.key,
        role,
        kind,
        parts,
        position=_position(bubble),
        at=at,
        native_id=bubble.key,
        model=_own_model(bubble) if role == "assistant" else None,
        flags=flags,
    )


def _add_user(draft: Draft, bubble: Bubble, text: str, at: datetime | None) -> str | None:
    # The IDE keeps the bare prompt: a tag in it was typed.
    typed = read_user_text(text) if "<user_query>" in text else _bare(text)
    images = bubble.fields.get("images")
    pictures = [_image(image) for image in images] if type(images) is list else []
    parts = typed.parts + pictures
    if not parts:
        return None
    is_own = bubble.is_agent or bubble.fields.get("isSimulatedMsg") is True
    is_prompt = (typed.is_prompt or bool(pictures)) and not is_own
    _message(draft, bubble, "user", "prompt" if is_prompt else "injected", parts, at or typed.at)
    if bubble.fields.get("isSimulatedMsg") is True or not typed.is_prompt:
        return None
    return next((part.text for part in typed.parts if part.text and not part.data), None)


def _bare(text: str) -> Typed:
    parts = [Part("text", text)] if text.strip() else []
    return Typed(parts, bool(parts), None)


def _image(image: object) -> Part:
    fields = mapping(image)
    facts = {"media_type": string(fields.get("mimeType")), "path": string(fields.get("path"))}
    return Part("image", data={name: value for name, value in facts.items() if value} or None)


def _add_answer(
    draft: Draft, bubble: Bubble, text: str, tool: dict[str, Any], at: datetime | None
) -> None:
    parts = [Part("thinking", thought) for thought in _thoughts(bubble.fields)]
    parts += [Part("text", text)] if text.strip() else []
    if _is_call(tool):
        parts.append(Part("tool_call", tool_call=_add_tool_call(draft, bubble, tool, at)))
    error = _error(bubble.fields.get("errorDetails"))
    if error is not None:
        kind: MessageKind = "answer" if parts else "notice"
        parts += [Part("text", error)] if error else []
        _message(draft, bubble, "assistant", kind, parts, at, ("api_error",))
    elif parts:
        _message(draft, bubble, "assistant", "answer", parts, at)


def _thoughts(fields: dict[str, Any]) -> list[str]:
    """Return what the model thought; new builds mostly keep no more than a signature of it."""
    blocks = fields.get("allThinkingBlocks")
    found = blocks if type(blocks) is list and blocks else [fields.get("thinking")]
    texts = (b if type(b) is str else mapping(b).get("text") for b in found)
    return [text for text in texts if type(text) is str and text.strip()]


def _error(details: object) -> str | None:
    fields = mapping(details)
    if not fields:
        return None
    return string(fields.get("message")) or string(fields.get("error")) or ""


# Tools --------------------------------------------------------------------------------------------


def _is_call(tool: dict[str, Any]) -> bool:
    return any(tool.get(name) for name in ("name", "toolCallId", "params", "rawArgs", "result"))


def _add_tool_call(draft: Draft, bubble: Bubble, tool: dict[str, Any], at: datetime | None) -> str:
    call = identifier(tool.get("toolCallId")) or bubble.key
    name = string(tool.get("name")) or "unknown"
    arguments = _arguments(tool)
    is_error = _is_error(tool)
    result = loaded(tool.get("result"))
    change: Change | None
    if is_error and is_edit(name):
        change = nothing()
    else:
        before, after = _files(bubble, result)
        change = confirmed(result, before, after) or asked(name, arguments)
    return draft.tool_call(
        bubble.session,
        bubble.revision,
        call,
        message=record_id("message", bubble.key),
        position=_position(bubble),
        name=name,
        input=arguments,
        result=_text(tool.get("result")) or _text(tool.get("error")),
        is_error=is_error,
        started_at=at,
        file_path=edited_file(name, arguments),
        change=change,
        agent_session=_agent(name, result),
    )


def _is_error(tool: dict[str, Any]) -> bool | None:
    """Return whether the call failed or was refused; None while it is under way."""
    status = string(tool.get("status"))
    if status in _FAILED or string(tool.get("userDecision")) == "rejected":
        return True
    return False if status in _DONE else None


def _arguments(tool: dict[str, Any]) -> Any:
    """Return what the tool was given: as the model wrote it for an edit, else as Cursor read it."""
    params, raw = loaded(tool.get("params")), loaded(tool.get("rawArgs"))
    if type(raw) is dict and is_edit(str(tool.get("name"))):
        return {**mapping(params), **raw}
    return params if params not in (None, "", {}) else raw


def _files(bubble: Bubble, result: object) -> tuple[str | None, str | None]:
    fields = mapping(result)
    before, after = bubble.before, bubble.after
    if before is None and fields.get("beforeContentId") in (None, "", _EMPTY):
        before = "" if after is not None else None
    if after is None and fields.get("afterContentId") == _EMPTY:
        after = "" if before is not None else None
    if after is None and before is None:
        before = string(fields.get("contentsBeforeEdit"))
        after = string(fields.get("contentsAfterEdit"))
    return before, after


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if type(value) is str:
        return value
    try:
        return orjson.dumps(value).decode()
    except (orjson.JSONEncodeError, RecursionError):
        return None


def _agent(name: str, result: object) -> str | None:
    """Return the composer that a task was given to."""
    return identifier(mapping(result).get("agentId")) if name.lower().startswith("task") else None


# Tokens -------------------------------------------------------------------------------------------


def _own_model(bubble: Bubble) -> str | None:
    return identifier(mapping(bubble.fields.get("modelInfo")).get("modelName"))


def _add_model_call(draft: Draft, bubble: Bubble, at: datetime | None) -> None:
    tokens = mapping(bubble.fields.get("tokenCount"))
    fresh, output = count(tokens.get("inputTokens")), count(tokens.get("outputTokens"))
    if not fresh and not output:
        return
    draft.model_call(
        bubble.session,
        bubble.revision,
        (bubble.session, bubble.key),
        Usage(input_tokens=fresh or None, output_tokens=output or None),
        message=record_id("message", bubble.key),
        native_id=bubble.key,
        model=_own_model(bubble) or bubble.default_model,
        at=at,
        quality="lower_bound",
    )

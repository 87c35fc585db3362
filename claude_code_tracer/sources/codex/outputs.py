"""What a tool gave back, in the five forms in which Codex has written it over time.

`Exit code: N` in front; `Process exited with code N` in a header; a JSON string of `output` and
`metadata`; a list of content items; or plain words, of which some say that it failed.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from claude_code_tracer.sources.codex.prompts import image_part
from claude_code_tracer.sources.values import mapping, string

__all__ = ["Output", "exec_output", "joined", "output_of"]

_HEAD_CHARS = 600
_EXIT = re.compile(r"\A(?:Exit code:|Process exited with code) (-?\d{1,10})\b")
_HEADER_EXIT = re.compile(r"^Process exited with code (-?\d{1,10})\b", re.M)
_RUNNING = re.compile(r"^(?:Process running with session ID|Script running)\b", re.M)
_ABORTED = re.compile(r"\AWall time: [^\n]{1,40}\naborted by user\b")
_HEADERS = ("Chunk ID:", "Command:", "Wall time", "Script ", "[Command:")
_FAILED = (
    "apply_patch verification failed",
    "aborted",
    "agent ids must be",
    "agent with id",
    "collab spawn failed",
    "command blocked by",
    "command denied by sandbox",
    "command rejected",
    "empty message can't be sent",
    "error:",
    "exec command rejected",
    "exec_command failed",
    "execution error",
    "failed in sandbox",
    "failed to parse",
    "fatal error:",
    "full-history forked agents",
    "invalid agent id",
    "invalid patch",
    "live agent path",
    "mcp tool call error",
    "patch rejected",
    "rejected by user",
    "request_user_input can only be used",
    "request_user_input is",
    "request_user_input was",
    "script failed",
    "tool call blocked by",
    "tool call error",
    "unable to locate image",
    "unable to process",
    "unable to read",
    "unsupported call",
    "unsupported custom tool call",
    "view_image is not allowed",
    "write_stdin failed",
)


class Output(NamedTuple):
    """What came back, and whether it was a failure: None while that is not known."""

    text: str | None
    """None when nothing of it was written down."""
    is_error: bool | None


def output_of(value: object) -> Output:
    """Return what the `output` of a call's answer says."""
    if type(value) is list:
        return _judged(joined(value))
    fields = mapping(value)
    if not fields:
        return _judged(string(value) or "")
    success = fields.get("success")
    content = fields.get("content", fields.get("output"))
    text = joined(content if content is not None else [fields])
    return Output(text, not success) if type(success) is bool else _judged(text)


def joined(content: object) -> str:
    """Return the texts of content items; of an image its type and size."""
    if type(content) is not list:
        return string(content) or ""
    return "\n".join(filter(None, map(_item_text, content)))


def _item_text(item: Any) -> str:
    if type(item) is str:
        return item
    fields = mapping(item)
    if text := string(fields.get("text")):
        return text
    image = image_part(fields)
    if image is None:
        return ""
    kind, size = image.data.get("media_type") or "image", image.data.get("bytes")
    return f"[image: {kind}]" if size is None else f"[image: {kind}, {size} bytes]"


def _judged(text: str) -> Output:
    if text.startswith("{"):
        return _packed(text) or Output(text, False)
    if found := _EXIT.match(text):
        return Output(text, int(found[1]) != 0)
    head = text[:_HEAD_CHARS]
    if text.startswith(_HEADERS):
        if found := _HEADER_EXIT.search(head):
            return Output(text, int(found[1]) != 0)
        if _RUNNING.search(head):
            return Output(text, None)
        if _ABORTED.match(head):
            return Output(text, True)
    return Output(text, head.lstrip().lower().startswith(_FAILED))


def _packed(text: str) -> Output | None:
    """Return what a JSON string of output and metadata says; None when it is another JSON."""
    try:
        fields = mapping(orjson.loads(text))
    except orjson.JSONDecodeError:
        return None
    output, exit_code = fields.get("output"), mapping(fields.get("metadata")).get("exit_code")
    if type(output) is not str or type(exit_code) is not int:
        return None
    return _with_exit(output, exit_code)


def exec_output(event: dict[str, Any]) -> Output:
    """Return what a command gave back, as the event of its end says."""
    text = string(event.get("aggregated_output")) or string(event.get("formatted_output"))
    if text is None:
        parts = (string(event.get("stdout")), string(event.get("stderr")))
        text = "\n".join(filter(None, parts))
    exit_code = event.get("exit_code")
    if type(exit_code) is int:
        return _with_exit(text, exit_code)
    status = event.get("status")
    return Output(text, None if status not in _STATUSES else status != "completed")


_STATUSES = ("completed", "failed", "declined")


def _with_exit(text: str, exit_code: int) -> Output:
    """Keep a code that says something: the schema has no place of its own for it."""
    return Output(f"Exit code: {exit_code}\n{text}" if exit_code else text, exit_code != 0)

"""The `.txt` transcript: role lines, marks for thoughts, tools and results, and free text between.

A tool call is `[Tool call] Name` and indented `key: value` lines; a value's further lines are not
indented. Nothing is escaped, so a file that the model wrote can look like a part of the transcript:
a role counts only behind an empty line and outside of what the person typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from claude_code_tracer.sources.cursor.nested import decoded
from claude_code_tracer.sources.cursor.turns import Call, Result, Turn

__all__ = ["read_plain"]

_CALL, _RESULT, _THOUGHT = "[Tool call] ", "[Tool result] ", "[Thinking]"
_ROLES = {"user:": "user", "assistant:": "assistant"}
_OLD_ROLES = {"user:": "user", "A:": "assistant"}
_ARGUMENT = re.compile(r"  (-?[A-Za-z_][A-Za-z0-9_]{0,40}):(?: (.*))?\Z", re.DOTALL)
_LONG: dict[str, frozenset[str]] = {
    "code_edit": frozenset({"instructions"}),
    "command": frozenset(
        {
            "block_until_ms",
            "description",
            "explanation",
            "is_background",
            "required_permissions",
            "timeout",
            "working_directory",
        }
    ),
    "content": frozenset(),
    "contents": frozenset(),
    "new_string": frozenset({"file_path", "old_string", "path", "replace_all"}),
    "old_string": frozenset({"new_string"}),
    "patch": frozenset(),
    "query": frozenset({"explanation", "num_results", "search_only_prs", "target_directories"}),
}
"""Arguments that are text, whatever it looks like, and what may follow them: anything else is a
line of that text."""
_MAX_JSON = 65536


def read_plain(raw: bytes) -> Iterator[Turn]:
    """Return the messages of a `.txt` transcript."""
    exact = (
        raw.decode("utf-8", "replace")
        .replace("\r\n", "\n")
        .replace("\0", "\N{REPLACEMENT CHARACTER}")
    )
    flags = ("invalid_utf8",) if "\N{REPLACEMENT CHARACTER}" in exact else ()
    for role, lines in _messages(exact.split("\n")):
        turn = _user(lines) if role == "user" else _assistant(lines)
        turn.flags = flags
        yield turn


def _messages(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    roles = _ROLES if "assistant:" in lines or "A:" not in lines else _OLD_ROLES
    role: str | None = None
    said: list[str] = []
    is_open, is_behind_empty = False, True
    for line in lines:
        found = roles.get(line.rstrip())
        if found and is_behind_empty and not is_open:
            if role:
                yield role, said
            role, said = found, []
        else:
            said.append(line)
            if role == "user":
                is_open = (is_open or "<user_query>" in line) and "</user_query>" not in line
        is_behind_empty = not line.strip()
    if role:
        yield role, said


def _user(lines: list[str]) -> Turn:
    text = "\n".join(lines).strip()
    return Turn("user", texts=[text] if text else [])


def _assistant(lines: list[str]) -> Turn:
    """Read text up to the first mark, and what each mark begins."""
    turn = Turn("assistant")
    mark = ""
    body: list[str] = []
    for line in lines:
        if line.startswith((_CALL, _RESULT, _THOUGHT)) or (mark == _THOUGHT and _is_prose(line)):
            behind = next((m for m in (_CALL, _RESULT, _THOUGHT) if line.startswith(m)), "")
            _take(turn, mark, body, is_last=behind != _CALL)
            mark, body = behind, [line[len(behind) :]]
        else:
            body.append(line)
    _take(turn, mark, body, is_last=True)
    return turn


def _is_prose(line: str) -> bool:
    """Tell where a thought ends: its further lines are indented or empty."""
    return bool(line.strip()) and not line[:1].isspace()


def _take(turn: Turn, mark: str, body: list[str], *, is_last: bool) -> None:
    text = "\n".join(body).strip()
    if mark == _CALL:
        if is_last and len(body) > 1 and not body[-1]:
            body.pop()  # the empty line behind the last call is none of its argument's
        turn.calls.append(Call(body[0].strip() or "unknown", _arguments(body[1:])))
    elif mark == _RESULT:
        turn.results.append(
            Result(body[0].strip() or None, text="\n".join(body[1:]).strip() or None)
        )
    elif text:
        (turn.thoughts if mark == _THOUGHT else turn.texts).append(text)


def _arguments(lines: list[str]) -> Any:
    """Return what a call was given: an object, or the bare text of a patch."""
    fields: dict[str, list[str]] = {}
    name = None
    for line in lines:
        found = _ARGUMENT.match(line)
        if found and (name is None or found[1] in _LONG.get(name, (found[1],))):
            name = found[1]
            fields[name] = [found[2] or ""]
        elif name:
            fields[name].append(line)
        elif line.strip():
            return "\n".join(lines).strip()
    return {key: _value(key, "\n".join(value)) for key, value in fields.items()} or None


def _value(name: str, text: str) -> Any:
    """Return a value as the tool got it: what is no text is written as JSON."""
    if name in _LONG:
        return text
    text = text.rstrip()
    if text in ("true", "false", "null") or text[:1] in ("[", "{") or text.isdecimal():
        value = decoded(text) if len(text) <= _MAX_JSON else None
        return text if value is None and text != "null" else value
    return text

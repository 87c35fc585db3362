"""One answer of the model in `ui_messages.json`: its texts, and the tools it asked for.

A tool's result is not joined by an id: it is the next item of the fitting kind. Commands, MCP and
the browser have one; what was read or searched is in the request itself or not there at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from claude_code_tracer.ids import record_id
from claude_code_tracer.sources.changes import Change
from claude_code_tracer.sources.cline.documents import Item
from claude_code_tracer.sources.cline.edits import EDITS, shown_change
from claude_code_tracer.sources.cline.models import Model
from claude_code_tracer.sources.draft import Draft, Part
from claude_code_tracer.sources.reading import arguments_of
from claude_code_tracer.sources.values import mapping, one_line, string

__all__ = ["Answer", "image_parts", "json_of"]

_HAS_CHANGES = "HAS_CHANGES"
_NEEDS_APPROVAL = "REQ_APP"
_WITH_CONTENT_AS_RESULT = frozenset(
    (
        "listCodeDefinitionNames",
        "listFilesRecursive",
        "listFilesTopLevel",
        "searchFiles",
        "webFetch",
        "webSearch",
    )
)
_MAX_IMAGES = 20


class _Tool(msgspec.Struct):
    """A tool call under way; kept until its answer is closed."""

    call: str
    name: str
    input: Any
    at: datetime | None
    result: str | None = None
    is_error: bool | None = None
    ended_at: datetime | None = None
    file_path: str | None = None
    change: Change | None = None


class Answer:
    """What the model said and did after one request."""

    def __init__(
        self,
        draft: Draft,
        session: str,
        revision: int,
        key: str,
        position: int,
        at: datetime | None,
    ) -> None:
        self.key = key
        self.model = Model()
        self.flags: set[str] = set()
        self.failure: str | None = None
        self.is_counted = False
        self._draft = draft
        self._session = session
        self._revision = revision
        self._position = position
        self._at = at
        self._parts: list[Part] = []
        self._tools: list[_Tool] = []

    @property
    def id(self) -> str:
        """The id that its message has."""
        return record_id("message", self.key)

    def take(self, item: Item, word: str, at: datetime | None) -> bool:
        """Take an item that belongs to the answer; False when its word is not known."""
        self.flags |= {*item.flags}
        value = item.value
        text = string(value.get("text"))
        if reasoning := string(value.get("reasoning")):
            self._parts.append(Part("thinking", reasoning))
        if word in ("text", "completion_result", "plan_mode_respond", "act_mode_respond"):
            self._say(text)
        elif word == "reasoning":
            self._parts += [Part("thinking", text)] if text else []
        elif word == "followup":
            self._ask(text)
        elif word == "tool":
            self._shown_tool(text, at)
        elif word == "command":
            command = (text or "").removesuffix(_NEEDS_APPROVAL)
            self._tool("execute_command", {"command": command}, at)
        elif word == "command_output":
            self._result("execute_command", text, at, is_more=True)
        elif word == "use_mcp_server":
            self._mcp(mapping(json_of(text)), at)
        elif word == "mcp_server_response":
            self._result("mcp__", text, at)
        elif word in ("browser_action_launch", "browser_action"):
            is_launch = word == "browser_action_launch"
            launch = {"action": "launch", "url": text}
            self._tool("browser_action", launch if is_launch else json_of(text), at)
        elif word == "browser_action_result":
            self._browser_result(mapping(json_of(text)), at)
        elif word in ("new_task", "use_subagents"):
            self._tool(word, json_of(text), at)
        elif word == "subagent":
            self._subagents(mapping(json_of(text)), at)
        elif word == "image":
            self._parts += image_parts(value)
        else:
            return False
        return True

    def fail(self, text: str | None, *, is_refused: bool) -> None:
        """Take an error message: the tool that ran last did not do what it was asked."""
        tool = self._tools[-1] if self._tools else None
        if tool is None or tool.is_error:
            return
        tool.is_error = True
        tool.result = tool.result or text
        if is_refused or tool.name in EDITS:
            # What it proposed was told by an earlier version of the list, and stays to be seen.
            tool.change = Change(tool.change.hunks if tool.change else [], 0, 0)

    def close(self) -> None:
        """Add the message and its tool calls."""
        if not self._parts and self.failure:
            self._parts.append(Part("text", self.failure))
        if not self._parts:
            return
        is_said = any(part.kind != "text" or part.text != self.failure for part in self._parts)
        self._draft.message(
            self._session,
            self._revision,
            self.key,
            "assistant" if is_said else "system",
            "answer" if is_said else "notice",
            self._parts,
            position=self._position,
            at=self._at,
            native_id=self.key.partition(":")[0] if self._at else None,
            model=self.model.name if is_said else None,
            flags=self.flags,
        )
        for tool in self._tools:
            self._add_tool(tool)

    def _add_tool(self, tool: _Tool) -> None:
        self._draft.tool_call(
            self._session,
            self._revision,
            tool.call,
            message=self.id,
            position=int(tool.at.timestamp() * 1000) if tool.at else self._position,
            name=tool.name,
            input=tool.input,
            result=tool.result,
            is_error=tool.is_error,
            started_at=tool.at,
            ended_at=tool.ended_at,
            file_path=tool.file_path,
            change=tool.change,
        )

    # What it says ------------------------------------------------------------------------------

    def _say(self, text: str | None) -> None:
        shown = mapping(json_of(text)).get("response")
        said = (string(shown) or text or "").removesuffix(_HAS_CHANGES).rstrip()
        is_again = any(part.kind == "text" and part.text == said for part in self._parts[-1:])
        if said and not is_again:  # a result is told and then asked about
            self._parts.append(Part("text", said))

    def _ask(self, text: str | None) -> None:
        question = string(mapping(json_of(text)).get("question"))
        if said := question or text:
            self._parts.append(Part("text", said))

    # What it does ------------------------------------------------------------------------------

    def _tool(self, name: str, input: Any, at: datetime | None) -> _Tool:
        call = f"{self.key}#{len(self._tools)}"
        tool = _Tool(call, name, input, at)
        self._tools.append(tool)
        self._parts.append(Part("tool_call", tool_call=record_id("tool_call", call)))
        return tool

    def _shown_tool(self, text: str | None, at: datetime | None) -> None:
        info = mapping(json_of(text))
        name = one_line(string(info.get("tool")) or "unknown", 64)
        fields = {key: value for key, value in info.items() if key != "tool"}
        result = string(info.get("content")) if name in _WITH_CONTENT_AS_RESULT else None
        if result is not None:
            fields.pop("content")
        tool = self._tool(name, fields, at)
        tool.result = result
        tool.file_path = string(info.get("path")) if name in EDITS else None
        tool.change = shown_change(name, info)

    def _mcp(self, info: dict[str, Any], at: datetime | None) -> None:
        server = string(info.get("serverName")) or "unknown"
        what = string(info.get("toolName")) or string(info.get("type")) or "unknown"
        arguments = info.get("arguments", info.get("uri"))
        self._tool(one_line(f"mcp__{server}__{what}"), json_of(arguments), at)

    def _browser_result(self, info: dict[str, Any], at: datetime | None) -> None:
        told = (string(info.get("currentUrl")), string(info.get("logs")))
        self._result("browser_action", "\n".join(line for line in told if line), at)

    def _subagents(self, info: dict[str, Any], at: datetime | None) -> None:
        items = info.get("items")
        told = [mapping(item) for item in items] if type(items) is list else []
        texts = [string(item.get("result")) or string(item.get("error")) for item in told]
        tool = self._result("use_subagents", "\n\n".join(text for text in texts if text), at)
        if tool and info.get("status") in ("completed", "failed"):
            tool.is_error = info["status"] == "failed"

    def _result(
        self, name: str, text: str | None, at: datetime | None, *, is_more: bool = False
    ) -> _Tool | None:
        """Give the newest tool of that name what came back."""
        tool = next((t for t in reversed(self._tools) if t.name.startswith(name)), None)
        if tool and text:
            is_added = is_more and tool.result
            tool.result = f"{tool.result}\n{text}" if is_added else text
            tool.ended_at = at
        return tool


def json_of(text: object) -> Any:
    """Return the object that a text says as JSON; the text itself when it says none."""
    return arguments_of(text) if type(text) is str and text[:1] == "{" else text


def image_parts(value: dict[str, Any]) -> list[Part]:
    """Return what a message carries beside its text: what kind of image and how large, no more."""
    images, files = value.get("images"), value.get("files")
    parts = []
    for url in images[:_MAX_IMAGES] if type(images) is list else []:
        if type(url) is str:
            head, _, body = url.partition(",")
            media = head.removeprefix("data:").partition(";")[0][:100]
            data = {"media_type": media or None, "bytes": len(body) * 3 // 4}
            parts.append(Part("image", data=data))
    for path in files[:_MAX_IMAGES] if type(files) is list else []:
        if type(path) is str:
            parts.append(Part("document", data={"path": path[:1000]}))
    return parts

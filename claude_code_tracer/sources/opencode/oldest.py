"""Messages of OpenCode before July 2025: their pieces and facts all in one file.

`{id, role, parts: [...], metadata: {time, sessionID, tool: {callID: ...}, assistant: {...}}}` is
turned into what later versions write, so that nobody else needs to know it.
"""

from __future__ import annotations

from typing import Any

from claude_code_tracer.sources.values import mapping, string

__all__ = ["is_oldest", "message_of", "parts_of"]


def is_oldest(data: dict[str, Any]) -> bool:
    """Tell whether a message is of this form."""
    return type(data.get("parts")) is list and type(data.get("metadata")) is dict


def message_of(data: dict[str, Any]) -> dict[str, Any]:
    """Return the message without its pieces, in the later form."""
    facts = mapping(data.get("metadata"))
    answer = mapping(facts.get("assistant"))
    return {
        **{name: data.get(name) for name in ("id", "role")},
        **{name: facts.get(name) for name in ("sessionID", "time", "error")},
        **{name: answer.get(name) for name in ("modelID", "providerID", "cost", "tokens")},
        "summary": answer.get("summary"),
        "system": [],
    }


def parts_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pieces in the later form; each is known by its place."""
    pieces = []
    for index, item in enumerate(data["parts"]):
        part = mapping(item)
        if part.get("type") == "tool-invocation":
            part = _tool(part, mapping(mapping(data.get("metadata")).get("tool")))
        elif part.get("type") == "source-url":
            continue
        elif part.get("type") == "file":
            part = {**part, "mime": part.get("mediaType")}
        pieces.append({**part, "id": f"{index:04}"})
    return pieces


def _tool(part: dict[str, Any], tools: dict[str, Any]) -> dict[str, Any]:
    use = mapping(part.get("toolInvocation"))
    facts = mapping(tools.get(string(use.get("toolCallId")) or ""))
    is_done = use.get("state") == "result"
    status = "error" if facts.get("error") else "completed"
    return {
        "type": "tool",
        "callID": use.get("toolCallId"),
        "tool": use.get("toolName"),
        "state": {
            "status": status if is_done else "running",
            "input": use.get("args"),
            "output": use.get("result"),
            "error": use.get("result") if status == "error" else None,
            "metadata": facts,
            "time": facts.get("time"),
        },
    }

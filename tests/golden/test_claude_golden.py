"""Folders with known answers: `.claude` as the tool wrote it and `expected.json`.

Ours stand here. Those of `../shared/golden`, agreed on by three other tools, count where that
folder is beside the checkout (CLAUDE_TRACER_SHARED); it is no part of the project.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from claude_code_tracer.model import ModelCall
from claude_code_tracer.pricing import price
from tests.transcripts import SHARED
from tests.unit.sources.parsing import Outcome, read_home

CASES = sorted(
    file.parent
    for folder in (Path(__file__).parent, SHARED / "golden")
    for file in folder.glob("*/expected.json")
    if (file.parent / ".claude").is_dir()
)


def test_there_are_golden_cases() -> None:
    assert {"claude-one-day", "claude-forked", "claude-damaged"} <= {case.name for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_known_answer_comes_out(case: Path) -> None:
    expected = json.loads((case / "expected.json").read_text("utf-8"))["claude"]
    outcome = read_home(case)
    facts = {**_billed(outcome), **_tools(outcome), **_told(outcome)}
    assert {name: facts[name] for name in expected} == expected


def _usd(calls: Sequence[ModelCall]) -> float:
    return round(sum(float(price(call).cost_usd or 0) for call in calls), 6)


def _sum(calls: Sequence[ModelCall], *names: str) -> int:
    return sum(getattr(call, name) or 0 for call in calls for name in names)


def _billed(outcome: Outcome) -> dict[str, Any]:
    calls = outcome.calls
    writes = ("cache_write_5m_tokens", "cache_write_1h_tokens")
    by_model = {
        model: {
            "calls": len(same),
            "input": _sum(same, "input_tokens"),
            "output": _sum(same, "output_tokens"),
            "cache_write": _sum(same, *writes),
            "cache_read": _sum(same, "cache_read_tokens"),
            "cost_usd": _usd(same),
        }
        for model in {call.model for call in calls}
        if (same := [call for call in calls if call.model == model])
    }
    return {
        "api_calls": len(calls),
        "input_tokens": _sum(calls, "input_tokens"),
        "output_tokens": _sum(calls, "output_tokens"),
        "cache_write_tokens": _sum(calls, *writes),
        "cache_write_5m": _sum(calls, "cache_write_5m_tokens"),
        "cache_write_1h": _sum(calls, "cache_write_1h_tokens"),
        "cache_read_tokens": _sum(calls, "cache_read_tokens"),
        "cost_usd": _usd(calls),
        "by_model": by_model,
        "calls_by_session": dict(Counter(call.session for call in calls)),
    }


def _tools(outcome: Outcome) -> dict[str, Any]:
    tools = outcome.tools
    edits = [tool for tool in tools if tool.name == "Edit"]
    agents = [tool for tool in tools if tool.agent_session]
    facts: dict[str, Any] = {
        "tool_calls": dict(Counter(tool.name for tool in tools)),
        "tool_errors": sum(tool.is_error is True for tool in tools),
        "skills": [tool.input["skill"] for tool in tools if tool.name == "Skill"],
        "lines_added": sum(tool.lines_added or 0 for tool in tools),
        "lines_removed": sum(tool.lines_removed or 0 for tool in tools),
    }
    if edits:
        edit = edits[0]
        facts["edit"] = {
            "file": edit.file_path,
            "lines_added": edit.lines_added,
            "lines_removed": edit.lines_removed,
        }
    if agents:
        session = outcome.sessions[str(agents[0].agent_session)]
        facts["subagent"] = {
            "agent_id": session.agent_id,
            "type": session.agent_type,
            "description": agents[0].input["description"],
        }
    return facts


def _told(outcome: Outcome) -> dict[str, Any]:
    sessions = outcome.sessions.values()
    messages = outcome.messages
    prompts = [message for message in messages if message.kind == "prompt"]
    typed = [
        block.text
        for message in prompts
        for block in outcome.blocks(message)
        if block.text and not block.data
    ]
    return {
        "sessions": sum(session.relation != "subagent" for session in sessions),
        "subagents": sum(session.relation == "subagent" for session in sessions),
        "messages": dict(Counter(message.kind for message in messages)),
        "prompts": typed,
        "titles": {session.session: session.title for session in sessions},
        "flags": dict(Counter(flag for message in messages for flag in message.flags or ())),
        "bad_spans": [span.reason for span in outcome.bad],
    }

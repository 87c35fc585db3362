"""F45: a subagent's transcript is found by itself, whenever its parent tells of it, if ever."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.faults.claude import ID, claude_to, talk, user_record
from tests.faults.real_server import RealServer
from tests.transcripts import Conversation

AGENT = "abc123"
AGENT_SESSION = f"{ID}/{AGENT}"
AT = "2026-11-01T10:00:00.000Z"
SESSIONS = """
select s.native_id, p.native_id, s.relation, s.message_count
from public.sessions s left join public.sessions p on p.id = s.parent_id
where s.owner_id = %s order by 1
"""
CALLS = """
select t.name, t.result, a.native_id
from public.tool_calls t left join public.sessions a on a.id = t.agent_session_id
where t.owner_id = %s
"""
FOUND = [(ID, None, None, 2), (AGENT_SESSION, ID, "subagent", 3)]
LINKED = [("Task", "found it", AGENT_SESSION)]


class Family:
    """A session that starts a subagent, written piece by piece."""

    def __init__(self, home: Path) -> None:
        self._parent = talk(home)
        self._home = home

    def call(self) -> None:
        """The parent asks for a subagent."""
        self._parent.prompt("look for it")
        self._parent.tool_use("Task", {"subagent_type": "Explore", "prompt": "go"})

    def mention(self) -> None:
        """The parent says which subagent that was: the result of its call."""
        result = {"type": "tool_result", "tool_use_id": self._tool_id, "content": "found it"}
        message = {"role": "user", "content": [result]}
        told = {"agentId": AGENT, "status": "completed"}
        self._parent.record(type="user", message=message, toolUseResult=told)

    def agent(self) -> None:
        """The subagent's own file, whose records carry the parent's id."""
        folder = self._parent.path.with_suffix("") / "subagents"
        folder.mkdir(parents=True)
        lines = [user_record(f"step {n}", f"a{n}", AT) for n in range(3)]
        (folder / f"agent-{AGENT}.jsonl").write_bytes(b"".join(lines))

    @property
    def _tool_id(self) -> str:
        return f"toolu_{ID[:8]}_1"  # as Conversation counts: behind the prompt

    def orders(self) -> dict[str, list[Callable[[], None]]]:
        """Return every order these can be written in; a call comes before its result."""
        pieces = {"call": self.call, "mention": self.mention, "agent": self.agent}
        return {
            " ".join(names): [pieces[name] for name in names]
            for names in permutations(pieces)
            if names.index("call") < names.index("mention")
        }


ORDERS = ["call mention agent", "call agent mention", "agent call mention"]


def _drain(server: RealServer, home: Path, steps: list[Callable[[], None]], restart: bool) -> None:
    """Take every step, read what there is and send it, as one tracer or each with a new one."""
    while steps:
        with claude_to(server, home) as pipeline:
            for step in steps[:1] if restart else steps:
                step()
                pipeline.collect()
                pipeline.ship()
            steps = steps[1:] if restart else []


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("order", ORDERS)
def test_f45_a_subagent_is_found_and_linked(
    server: RealServer, tmp_path: Path, order: str, restart: bool
) -> None:
    orders = Family(tmp_path).orders()
    assert set(orders) == set(ORDERS)
    _drain(server, tmp_path, orders[order], restart)
    assert server.mine(SESSIONS) == FOUND
    assert server.mine(CALLS) == LINKED


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
def test_f45_a_subagent_that_nobody_mentions_is_found(
    server: RealServer, tmp_path: Path, restart: bool
) -> None:
    family = Family(tmp_path)
    _drain(server, tmp_path, [family.call, family.agent], restart)
    assert server.mine(SESSIONS) == FOUND
    assert server.mine(CALLS) == [("Task", None, None)]


def test_f45_only_its_own_parent_gets_it(server: RealServer, tmp_path: Path) -> None:
    family = Family(tmp_path)
    stranger = Conversation(tmp_path, "0000000b-0000-4000-8000-000000000000")
    stranger.prompt("I started nobody")
    _drain(server, tmp_path, [family.call, family.agent, family.mention], restart=False)
    sessions: list[tuple[Any, ...]] = server.mine(SESSIONS)
    assert sessions == [*FOUND, (stranger.session, None, None, 1)]

"""Usage as it is collected: questions of the reports, answered by the server.

The running tracer's server is asked at once; without one, a server is started for the length of
the question, which takes about a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from claude_code_tracer.config import find_home, load_config
from claude_code_tracer.errors import NotFound, ServerUnavailable, TracerError
from claude_code_tracer.health import read_health
from claude_code_tracer.reports.rows import Question, Row, decode_rows
from claude_code_tracer.ship.credentials import read_credentials

if TYPE_CHECKING:
    from claude_code_tracer.rpc import Server

__all__ = ["collected", "collected_quickly", "price_version"]

_QUICK_S = 0.25


class _Workspace(msgspec.Struct):
    id: str
    name: str | None = None


def collected(env: Mapping[str, str], question: Question) -> list[Row]:
    """Return the rows that the server has for `question`; `workspace` may be a name."""
    from claude_code_tracer.reaching import reached  # not on the status line's way

    with reached(env) as server:
        return _ask(server, question)


def collected_quickly(env: Mapping[str, str], question: Question) -> list[Row] | None:
    """Return the rows if a server answers within a moment; None for whatever reason not."""
    home = find_home(env)
    if read_health(home) is None:
        return None
    from claude_code_tracer.rpc import Server  # 15 ms that a tracer at rest need not cost

    try:
        with Server(read_credentials(home), timeout_s=_QUICK_S) as server:
            return _ask(server, question)
    except TracerError:
        return None


def price_version(env: Mapping[str, str]) -> str:
    """Return the version of the price tables in force: ours, and the user's own prices."""
    health = read_health(find_home(env))
    if health and health.price_version:
        return health.price_version
    from claude_code_tracer.pricing import Prices  # 25 ms

    return Prices(load_config(env).prices).version


def _ask(server: Server, question: Question) -> list[Row]:
    try:
        if question.workspace is not None:
            workspace = _workspace_id(server, question.workspace)
            question = msgspec.structs.replace(question, workspace=workspace)
        return decode_rows(server.call("get_usage", msgspec.to_builtins(question)))
    except msgspec.DecodeError as exc:
        raise ServerUnavailable("the server answered with something else than usage") from exc


def _workspace_id(server: Server, reference: str) -> str:
    """Return the id of the workspace with that id or name; NotFound when it is not one."""
    known = msgspec.json.decode(
        server.select("workspaces", select="id,name"), type=list[_Workspace]
    )
    found = [w.id for w in known if reference in (w.id, w.name)]
    if len(found) != 1:
        names = ", ".join(sorted(w.name or w.id for w in known))
        how = "no workspace is" if not found else "more than one workspace is"
        raise NotFound(f"{how} called {reference!r}: there are {names}; an id works as well")
    return found[0]

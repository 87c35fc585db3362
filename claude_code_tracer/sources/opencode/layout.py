"""Where OpenCode keeps its sessions, and what to read of its database.

Since 1.2 (February 2026) they are rows of `opencode.db`; before, every session, message and piece
of a message was a JSON file of its own. Updating copied the files into the database and left them
where they were, so both are read and must give the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from claude_code_tracer.sources.source import Shape, Table, Transcript

__all__ = ["NAME", "Place", "data_folders", "place_of", "transcript_at"]

NAME = "opencode"
_KINDS = ("session", "message", "part")
_MAX_NATIVE_ID = 200
_OVERLAP_MS = 5000

_PART_TYPE = """case
    when not json_valid(p.data) then 'damaged'
    when json_extract(p.data, '$.synthetic') or json_extract(p.data, '$.ignored') then 'synthetic'
    else json_extract(p.data, '$.type') end"""

_STEP = "case when json_valid({0}.data) then json_extract({0}.data, '$.type') end = 'step-finish'"
_TOKENS = "case when json_valid({0}.data) then json_extract({0}.data, '$.tokens') end"

_SESSION = """
  select s.id as key, s.time_updated as mark, s.id, s.parent_id, s.directory, s.title, s.version
  from session s
"""

_FORK = """
  select s.id as key, s.time_updated as mark, s.id, s.fork_session_id
  from session s where s.fork_session_id is not null
"""

_MESSAGE = f"""
  select m.id as key, m.time_updated as mark, m.id, m.session_id, m.time_created, m.data,
    s.parent_id,
    (select group_concat(distinct {_PART_TYPE}) from part p where p.message_id = m.id) as kinds
  from message m left join session s on s.id = m.session_id
"""

_PART = f"""
  select p.id as key, p.time_updated as mark, p.id, p.message_id, p.session_id, p.data,
    m.time_created as message_created, s.parent_id, s.title,
    case when json_valid(m.data) then json_extract(m.data, '$.role') end as role,
    case when json_valid(m.data) then coalesce(
      json_extract(m.data, '$.modelID'), json_extract(m.data, '$.model.modelID')) end as model,
    case when json_valid(m.data) then coalesce(
      json_extract(m.data, '$.providerID'), json_extract(m.data, '$.model.providerID')
    ) end as provider,
    case when {_STEP.format("p")} then (
      select count(*) from part q
      where q.message_id = p.message_id and q.id < p.id and {_STEP.format("q")}
        and {_TOKENS.format("q")} is {_TOKENS.format("p")}) end as repeats
  from part p
  left join message m on m.id = p.message_id
  left join session s on s.id = p.session_id
"""

_PROJECTED = """
  select n.id as key, max(n.time_updated, coalesce(s.time_created, 0)) as mark, n.id,
    n.session_id, n.type, n.time_created, n.data, s.parent_id
  from session_message n left join session s on s.id = n.session_id
  where not exists (
    select 1 from message m
    where m.session_id = n.session_id and m.time_created >= n.time_created - 300000)
"""
"""Version 2 keeps messages whole. Some 1.x wrote such rows beside their own: not read twice.

A fork copies rows with their times, so none is older than its session.
"""

_TABLES = (
    Table("session", _SESSION, _OVERLAP_MS),
    Table("fork", _FORK, _OVERLAP_MS),
    Table("message", _MESSAGE, _OVERLAP_MS),
    Table("part", _PART, _OVERLAP_MS),
    Table("session_message", _PROJECTED, _OVERLAP_MS),
)


@dataclass(frozen=True, slots=True)
class Place:
    """What the path of a JSON file says: what it holds, and the names on the way to it."""

    kind: str
    names: tuple[str, ...]
    """Folders below the kind's own, and last the file's name without its ending."""


def data_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return OpenCode's data folder, and that of a database which OPENCODE_DB names elsewhere."""
    data_home = env.get("XDG_DATA_HOME", "")
    base = Path(data_home) if data_home.startswith("/") else user_home / ".local" / "share"
    folders = [base / "opencode"]
    database = env.get("OPENCODE_DB", "")
    if database.startswith("/"):
        folders.append(Path(database).parent)
    return list(dict.fromkeys(folders))


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` below the data folder `root` holds; None: no transcript."""
    if not path.is_relative_to(root) or path.name.startswith("."):
        return None
    if path.suffix == ".db" and path.parent == root:
        return Transcript(NAME, path, path.stem, shape=Shape.ROWS, tables=_TABLES)
    place = place_of(path.relative_to(root))
    if place is None or len(place.names[-1]) > _MAX_NATIVE_ID:
        return None
    session = place.names[-1] if place.kind == "session" else place.names[0]
    return Transcript(NAME, path, session[:_MAX_NATIVE_ID], shape=Shape.DOCUMENT)


def place_of(path: Path) -> Place | None:
    """Return what a JSON file of the store holds, by its path; None when it is none.

    `storage/<kind>/...` today, `project/<name>/storage/session/<info|message|part>/...` until
    August 2025.
    """
    parts = path.parts
    if path.suffix != ".json" or ".." in parts or "storage" not in parts:
        return None
    rest = parts[len(parts) - parts[::-1].index("storage") :]
    if len(rest) > 2 and rest[0] == "session" and rest[1] in ("info", "message", "part"):
        kind = "session" if rest[1] == "info" else rest[1]
        return Place(kind, (*rest[2:-1], path.stem))
    if len(rest) < 2 or rest[0] not in _KINDS or rest[1] == "share":
        return None
    return Place(rest[0], (*rest[1:-1], path.stem))

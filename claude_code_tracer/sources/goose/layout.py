"""Where Goose keeps its sessions, and what to read of its database.

Since 1.10 (September 2025) they are rows of `sessions.db`, whose schema has had seventeen versions;
before, each was a JSONL file that Goose wrote anew after every turn. The files were copied into the
database and left where they were, so both are read and must give the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from claude_code_tracer.sources.source import Shape, Table, Transcript

__all__ = ["NAME", "session_folders", "transcript_at"]

NAME = "goose"
_MAX_NATIVE_ID = 200
_OVERLAP_S = 5

_UPDATED = "coalesce(cast(strftime('%s', s.updated_at) as integer), 0)"

_SAME_SECOND = """(
    select count(*) from messages e
    where e.session_id = m.session_id and e.role = m.role
      and e.created_timestamp = m.created_timestamp and e.id < m.id) as nth"""

_HAS_MODEL = "select 1 from pragma_table_info('sessions') where name = 'model_config_json'"
_HAS_LEDGER = "select 1 from sqlite_master where type = 'table' and name = 'usage_ledger'"

_SESSIONS = f"select s.*, s.id as key, {_UPDATED} as mark from sessions s"

_MESSAGES = f"""
  select m.*, m.id as key, m.id as mark, s.session_type, s.model_config_json, {_SAME_SECOND}
  from messages m left join sessions s on s.id = m.session_id
"""

_OLD_MESSAGES = f"""
  select m.*, m.id as key, m.id as mark, {_SAME_SECOND}
  from messages m where not exists ({_HAS_MODEL})
"""
"""Before version 6 of the schema sessions had no model, and before version 5 no type."""

_LEDGER = """
  select l.*, l.id as key, l.id as mark, s.model_config_json, s.created_at,
    not exists (
      select 1 from usage_ledger e where e.session_id = l.session_id and e.id < l.id) as is_first
  from usage_ledger l left join sessions s on s.id = l.session_id
"""

_TOTALS = f"""
  select s.*, s.id as key, {_UPDATED} as mark from sessions s
  where not exists (select 1 from usage_ledger l where l.session_id = s.id)
"""

_OLD_TOTALS = f"""
  select s.*, s.id as key, {_UPDATED} as mark from sessions s where not exists ({_HAS_LEDGER})
"""

_TABLES = (
    Table("sessions", _SESSIONS, _OVERLAP_S),
    Table("messages", _MESSAGES),
    Table("old_messages", _OLD_MESSAGES),
    Table("usage_ledger", _LEDGER),
    Table("totals", _TOTALS, _OVERLAP_S),
    Table("old_totals", _OLD_TOTALS, _OVERLAP_S),
)


def session_folders(env: Mapping[str, str], user_home: Path) -> list[Path]:
    """Return every `sessions` folder; GOOSE_PATH_ROOT replaces them all, as Goose itself has it."""
    root = env.get("GOOSE_PATH_ROOT", "")
    if root.startswith("/"):
        return [Path(root) / "data" / "sessions"]
    data_home = env.get("XDG_DATA_HOME", "")
    share = Path(data_home) if data_home.startswith("/") else user_home / ".local" / "share"
    library = user_home / "Library" / "Application Support"
    homes = [share / "goose", share / "Block" / "goose", library / "Block.goose", library / "goose"]
    return [home / "sessions" for home in homes]


def transcript_at(root: Path, path: Path) -> Transcript | None:
    """Return what `path` below the sessions folder `root` holds; None: no transcript."""
    if path.parent != root or path.name.startswith("."):
        return None
    if path.name == "sessions.db":
        return Transcript(NAME, path, path.stem, shape=Shape.ROWS, tables=_TABLES)
    if path.suffix == ".jsonl" and len(path.stem) <= _MAX_NATIVE_ID:
        return Transcript(NAME, path, path.stem, shape=Shape.DOCUMENT)
    return None

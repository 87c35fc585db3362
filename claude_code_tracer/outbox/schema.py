"""The outbox's tables, one script per version; `user_version` says which is in force."""

from __future__ import annotations

__all__ = ["MIGRATIONS", "VERSION"]

_V1 = """
create table file (
  id integer primary key,
  source text not null,
  path blob not null,            -- as the system spells it, which need not be UTF-8 (F46)
  session text not null,
  dev integer not null,
  ino integer not null,
  generation integer not null,   -- how often it was replaced by another file
  cursor integer not null,       -- behind the last newline read; moves with the rows below (I1)
  head blob not null,
  mark blob not null,
  seen integer not null,         -- cursor, or the end of a provisional last line (F11)
  state blob,                    -- what the parser must know to go on
  gone_at integer,               -- unix seconds; a vanished file deletes nothing (I7)
  unique (source, path)
) strict;

create table record (
  seq integer primary key autoincrement,
  lane integer not null,         -- 0 live, 1 backfill
  session text not null,         -- source/session
  kind text not null,
  file integer,
  at integer not null,           -- unix seconds
  bytes integer not null,
  body blob not null             -- a guarded entity, ready for the wire
) strict;
create index record_lane_idx on record (lane, seq, bytes);
create index record_backfill_idx on record (session) where lane = 1;

create table meta (
  name text primary key,         -- server: a hash of whom the cursors hold for
  value text not null
) strict;

create table parked (
  id integer primary key,
  file integer,
  generation integer,
  start integer,
  "end" integer,
  sha256 text,
  session text,
  kind text,
  record text,                   -- hash of the record's id
  reason text not null,
  at integer not null
) strict;
"""

_V2 = """
create table store (
  source text not null,
  session text not null,
  rank integer not null,         -- of the best store that gave messages of the session
  primary key (source, session)
) strict, without rowid;
"""

MIGRATIONS = (_V1, _V2)
"""`MIGRATIONS[n]` leads from version n to n + 1."""

VERSION = len(MIGRATIONS)

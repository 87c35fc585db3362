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
  seen integer not null,         -- cursor, or a digest of a provisional last line (F11)
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

_V3 = """
create table parked_once (
  id integer primary key autoincrement,  -- never given twice: `parked drop` names it
  file integer,
  generation integer,
  start integer,
  "end" integer,
  sha256 text,
  session text,
  kind text,
  record text,
  reason text not null,
  at integer not null
) strict;
create unique index parked_once_idx on parked_once
  (ifnull(file, -1), ifnull(generation, -1), reason, ifnull(kind, ''),
   ifnull(record, ifnull(start, -1)));
insert or ignore into parked_once
  select id, file, coalesce(generation, (select generation from file where id = parked.file)),
    start, "end", sha256, session, kind, record, reason, at
  from parked order by id desc;
drop table parked;
alter table parked_once rename to parked;
"""

_V4 = """
alter table record rename to old_record;
create table record (
  seq integer primary key autoincrement,
  lane integer not null,         -- 0 live, 1 backfill
  session text not null,         -- source/session
  kind text not null,
  id text,                       -- null: the session itself
  file integer,
  at integer not null,           -- unix seconds
  bytes integer not null,
  body blob not null             -- a guarded entity, ready for the wire
) strict;
insert into record
  select seq, lane, session, kind, json_extract(cast(body as text), '$.id'), file, at, bytes, body
  from old_record;
drop table old_record;
alter table file add column mtime_ns integer not null default 0;  -- when all of it was read;
alter table file add column ctime_ns integer not null default 0;  -- 0: it must be looked into
create index record_live_idx on record (seq) where lane = 0;
create index record_backfill_idx on record (session) where lane = 1;
"""

MIGRATIONS = (_V1, _V2, _V3, _V4)
"""`MIGRATIONS[n]` leads from version n to n + 1."""

VERSION = len(MIGRATIONS)

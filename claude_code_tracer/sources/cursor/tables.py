"""What is read of Cursor's databases, and nothing else.

`state.vscdb` is one key-value table for everything the IDE remembers: sign-in tokens, encryption
keys, editor caches, and conversations. So keys are named one by one, and of the values, which can
be many MB, only the fields that say something. `INSERT OR REPLACE` on the unique key gives a row a
new, greater rowid whenever it is written; therefore the rowid is the mark.
"""

from __future__ import annotations

from claude_code_tracer.sources.source import Table

__all__ = ["BUBBLE_FIELDS", "CHAT_TABLES", "COMPOSER_FIELDS", "IDE_TABLES"]

COMPOSER_FIELDS = (
    "name",
    "lastUpdatedAt",
    "workspaceIdentifier",
    "workspaceUri",
    "trackedGitRepos",
    "createdOnBranch",
    "subagentInfo",
    "conversation",
)
"""Of `composerData:<id>`, in the order the select gives them."""

BUBBLE_FIELDS = (
    "type",
    "text",
    "rawText",
    "content",
    "message",
    "createdAt",
    "timestamp",
    "timingInfo",
    "tokenCount",
    "modelInfo",
    "toolFormerData",
    "thinking",
    "allThinkingBlocks",
    "errorDetails",
    "images",
    "workspaceUris",
    "workspaceProjectDir",
    "isSimulatedMsg",
)
"""Of `bubbleId:<composer>:<bubble>`, in the order the select gives them."""


def _paths(fields: tuple[str, ...]) -> str:
    return ", ".join(f"'$.{field}'" for field in fields)


# `+key` keeps the index on `key` out of it: what is new is found by the rowid. A composer without a
# message is a draft: Cursor writes its row again with every message.
_COMPOSERS = f"""
select mark, key, is_json, case when is_json then json_extract(v, {_paths(COMPOSER_FIELDS)}) end
  as value
from (
  select mark, key, v, json_valid(v) as is_json from (
    select rowid as mark, key, cast(value as text) as v from cursorDiskKV
    where +key >= 'composerData:' and +key < 'composerData;' and value is not null
  )
) c
where case when not is_json then 1
  when json_array_length(v, '$.conversation') > 0 then 1
  else exists (
    select 1 from cursorDiskKV b
    where b.key >= 'bubbleId:' || substr(c.key, 14) || ':'
      and b.key < 'bubbleId:' || substr(c.key, 14) || ';'
  ) end
"""

# From 3.16 on the name, the folder and the parent stand in a table of their own.
_HEADERS = """
select coalesce(lastUpdatedAt, createdAt, 0) as mark, composerId as key,
  json_valid(cast(value as text)) as is_json, cast(value as text) as value
from composerHeaders h
where exists (
  select 1 from cursorDiskKV b
  where b.key >= 'bubbleId:' || h.composerId || ':' and b.key < 'bubbleId:' || h.composerId || ';'
)
"""

# Which model the composer is set to and whether it is a subagent stands only in the composer's own
# row; the file before and after an edit in rows that the tool's result names.
_BUBBLES = f"""
select mark, key, is_json,
  case when is_json then json_extract(v, {_paths(BUBBLE_FIELDS)}) end as value,
  case when is_json and (json_extract(v, '$.type') = 1
      or json_extract(v, '$.tokenCount.inputTokens') > 0
      or json_extract(v, '$.tokenCount.outputTokens') > 0) then (
    select json_extract(c, '$.modelConfig.modelName', '$.subagentInfo.parentComposerId')
    from (
      select cast(value as text) as c from cursorDiskKV k
      where k.key = 'composerData:' || substr(b.key, 10, instr(substr(b.key, 10), ':') - 1)
    )
    where json_valid(c)
  ) end as composer,
  (
    select cast(value as text) from cursorDiskKV k
    where k.key = json_extract(r, '$.beforeContentId') and k.key like 'composer.content.%'
      and length(value) <= 1000000
  ) as before,
  (
    select cast(value as text) from cursorDiskKV k
    where k.key = json_extract(r, '$.afterContentId') and k.key like 'composer.content.%'
      and length(value) <= 1000000
  ) as after
from (
  select mark, key, v, is_json, case when json_valid(r) then r end as r from (
    select mark, key, v, is_json,
      case when is_json then json_extract(v, '$.toolFormerData.result') end as r
    from (
      select mark, key, v, json_valid(v) as is_json from (
        select rowid as mark, key, cast(value as text) as v from cursorDiskKV
        where +key >= 'bubbleId:' and +key < 'bubbleId;' and value is not null
      )
    )
  )
) b
"""

_ITEMS = """
select rowid as mark, key, json_valid(cast(value as text)) as is_json, cast(value as text) as value
from ItemTable
where key in (
  'composer.composerData',
  'workbench.panel.aichat.view.aichat.chatdata',
  'workbench.panel.chat.view.chat.chatdata'
)
"""

IDE_TABLES = (
    Table("composers", _COMPOSERS),
    Table("headers", _HEADERS),
    Table("bubbles", _BUBBLES),
    Table("items", _ITEMS),
)

# The one row of `meta` is changed in place; it is looked at again whenever there are new blobs.
_META = """
select (select max(rowid) from blobs) as mark, key, value from meta
where key = '0' and exists (select 1 from blobs)
"""

CHAT_TABLES = (
    Table("meta", _META),
    Table("blobs", "select rowid as mark, id as key, data from blobs"),
)

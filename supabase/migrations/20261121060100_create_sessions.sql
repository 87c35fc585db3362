-- What happened: projects, sessions, messages with blocks, tool calls, model calls, daily rollups.
-- Keys: a session id is derived on the server from (owner, source, native id); every child key
-- starts with it, so ids invented elsewhere cannot collide with or squat on anybody's rows.
-- How this carries 10 million messages a workspace: docs/adr/0003-keys-indexes-rollups.md.

create function private.hash_id(variadic parts text[]) returns uuid
  language sql immutable strict parallel safe set search_path = ''
  as $$
    select encode(substring(
      sha256(convert_to(array_to_string(parts, chr(31)), 'UTF8')) from 1 for 16), 'hex')::uuid
  $$;
comment on function private.hash_id(text[]) is 'An id that is a pure function of its parts.';

create function private.session_id(owner uuid, source text, native_id text) returns uuid
  language sql immutable strict parallel safe set search_path = ''
  as $$ select private.hash_id('session', owner::text, source, native_id) $$;
comment on function private.session_id(uuid, text, text) is
  'Id of a session: the same from every device of one owner, different between owners.';

create function private.project_id(owner uuid, workspace uuid, root text) returns uuid
  language sql immutable strict parallel safe set search_path = ''
  as $$ select private.hash_id('project', owner::text, workspace::text, root) $$;
comment on function private.project_id(uuid, uuid, text) is 'Id of a project folder.';
revoke execute on function private.hash_id(text[]), private.session_id(uuid, text, text),
  private.project_id(uuid, uuid, text) from public, anon, authenticated;

create table public.projects (
  id uuid primary key,
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  owner_id uuid not null references auth.users (id) on delete cascade,
  root text not null,
  name text not null,
  created_at timestamptz not null default now()
);
create index projects_owner_id_idx on public.projects (owner_id);
create index projects_workspace_id_idx on public.projects (workspace_id);
comment on table public.projects is 'A folder that sessions worked in.';
comment on column public.projects.id is 'private.project_id(owner, workspace, root).';
comment on column public.projects.workspace_id is 'The workspace it belongs to.';
comment on column public.projects.owner_id is 'Whose folder it is.';
comment on column public.projects.root is 'The folder, as the tool wrote it, after masking.';
comment on column public.projects.name is 'Last part of the folder.';
comment on column public.projects.created_at is 'When it was first seen.';

create table public.sessions (
  id uuid primary key,
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  owner_id uuid not null references auth.users (id) on delete cascade,
  device_id uuid references public.devices (id) on delete set null,
  project_id uuid references public.projects (id) on delete set null,
  parent_id uuid references public.sessions (id) on delete set null,
  relation text check (relation in ('subagent', 'fork')),
  visibility public.visibility not null default 'private',
  source text not null check (source ~ '^[a-z][a-z0-9_]{0,31}$'),
  native_id text not null check (length(native_id) between 1 and 200),
  agent_id text,
  agent_type text,
  title text,
  title_rank smallint,
  cwd text,
  branch text,
  tool_version text,
  entrypoint text,
  path text,
  revision bigint not null default 0,
  started_at timestamptz,
  ended_at timestamptz,
  models text[] not null default '{}',
  message_count integer not null default 0,
  prompt_count integer not null default 0,
  tool_call_count integer not null default 0,
  tool_error_count integer not null default 0,
  lines_added integer,
  lines_removed integer,
  model_call_count integer not null default 0,
  unpriced_call_count integer not null default 0,
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_write_tokens bigint,
  cost_usd numeric(16, 8),
  masked jsonb,
  masked_count integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index sessions_owner_id_source_native_id_idx
  on public.sessions (owner_id, source, native_id);
create index sessions_workspace_id_ended_at_idx
  on public.sessions (workspace_id, ended_at desc nulls last, id);
create index sessions_parent_id_idx on public.sessions (parent_id);
create index sessions_project_id_idx on public.sessions (project_id);
create index sessions_device_id_idx on public.sessions (device_id);
comment on table public.sessions is 'One run of a tool, or one subagent of it.';
comment on column public.sessions.id is 'private.session_id(owner, source, native id).';
comment on column public.sessions.workspace_id is 'The workspace it lives in.';
comment on column public.sessions.owner_id is 'Whose session it is.';
comment on column public.sessions.device_id is 'The machine that sent it last.';
comment on column public.sessions.project_id is 'The folder it started in.';
comment on column public.sessions.parent_id is 'The session that started it, or that it is a copy of.';
comment on column public.sessions.relation is 'What it is to its parent: subagent or fork.';
comment on column public.sessions.visibility is 'What other members of the workspace see of it.';
comment on column public.sessions.source is 'The tool: claude_code, codex ...';
comment on column public.sessions.native_id is 'The tool''s own id of the session.';
comment on column public.sessions.agent_id is 'For a subagent: its id in the tool.';
comment on column public.sessions.agent_type is 'For a subagent: its kind.';
comment on column public.sessions.title is 'Title, from the best source known.';
comment on column public.sessions.title_rank is 'How good the title''s source is: 5 custom, 4 generated, 3 last prompt, 2 summary, 1 first prompt.';
comment on column public.sessions.cwd is 'Folder it works in now.';
comment on column public.sessions.branch is 'Git branch it works on now.';
comment on column public.sessions.tool_version is 'Version of the tool that wrote last.';
comment on column public.sessions.entrypoint is 'How the tool was started: cli, ide, sdk ...';
comment on column public.sessions.path is 'The transcript file, after masking.';
comment on column public.sessions.revision is 'Position of the newest fact in the transcript.';
comment on column public.sessions.started_at is 'Time of its first message.';
comment on column public.sessions.ended_at is 'Time of its last message so far.';
comment on column public.sessions.models is 'Models that answered.';
comment on column public.sessions.message_count is 'Messages.';
comment on column public.sessions.prompt_count is 'Messages typed by a person.';
comment on column public.sessions.tool_call_count is 'Tool calls.';
comment on column public.sessions.tool_error_count is 'Tool calls that failed.';
comment on column public.sessions.lines_added is 'Lines added by edits; null: not known.';
comment on column public.sessions.lines_removed is 'Lines removed by edits; null: not known.';
comment on column public.sessions.model_call_count is 'Billed API responses attributed to it.';
comment on column public.sessions.unpriced_call_count is 'Of those, how many have no known price.';
comment on column public.sessions.input_tokens is 'Input tokens that were not cached; null: not known.';
comment on column public.sessions.output_tokens is 'Output tokens; null: not known.';
comment on column public.sessions.cache_read_tokens is 'Tokens read from the cache; null: not known.';
comment on column public.sessions.cache_write_tokens is 'Tokens written to the cache; null: not known.';
comment on column public.sessions.cost_usd is 'Calculated cost of the priced calls; null: nothing priced.';
comment on column public.sessions.masked is 'Privacy rules that fired in the session''s own facts.';
comment on column public.sessions.masked_count is 'Secrets masked in all of the session.';
comment on column public.sessions.created_at is 'When it was first stored.';
comment on column public.sessions.updated_at is 'When anything of it last changed.';

create table public.messages (
  session_id uuid not null references public.sessions (id) on delete cascade,
  id uuid not null,
  owner_id uuid not null,
  position bigint not null,
  revision bigint not null,
  native_id text,
  role text not null check (role in ('user', 'assistant', 'system')),
  kind text not null
    check (kind in ('prompt', 'answer', 'injected', 'compaction', 'notice', 'unknown')),
  at timestamptz,
  model text,
  is_sidechain boolean,
  flags text[],
  masked jsonb,
  primary key (session_id, id)
);
create index messages_session_id_position_idx on public.messages (session_id, position);
comment on table public.messages is 'One turn of a session.';
comment on column public.messages.session_id is 'The session.';
comment on column public.messages.id is 'Id within the session, made from what the tool wrote.';
comment on column public.messages.owner_id is 'Whose session it is (repeated here for row-level security).';
comment on column public.messages.position is 'Where it stands in the transcript: order of replay.';
comment on column public.messages.revision is 'Position of the newest record it was made from.';
comment on column public.messages.native_id is 'The tool''s own id.';
comment on column public.messages.role is 'user, assistant or system.';
comment on column public.messages.kind is 'prompt, answer, injected, compaction, notice or unknown.';
comment on column public.messages.at is 'Time the tool wrote; null: it wrote none.';
comment on column public.messages.model is 'The model that answered.';
comment on column public.messages.is_sidechain is 'True when it is off the main conversation.';
comment on column public.messages.flags is 'What was odd about the records it was made from.';
comment on column public.messages.masked is 'Privacy rules that fired, and how often.';

create table public.blocks (
  session_id uuid not null,
  id uuid not null,
  message_id uuid not null,
  owner_id uuid not null,
  position bigint not null,
  revision bigint not null,
  kind text not null
    check (kind in ('text', 'thinking', 'tool_call', 'image', 'document', 'unknown')),
  text text,
  tool_call_id uuid,
  data jsonb,
  masked jsonb,
  primary key (session_id, id),
  foreign key (session_id) references public.sessions (id) on delete cascade
);
create index blocks_session_id_message_id_idx on public.blocks (session_id, message_id);
comment on table public.blocks is 'The content of messages, piece by piece.';
comment on column public.blocks.session_id is 'The session.';
comment on column public.blocks.id is 'Id within the session, made from what the tool wrote.';
comment on column public.blocks.message_id is 'The message it is part of.';
comment on column public.blocks.owner_id is 'Whose session it is (repeated here for row-level security).';
comment on column public.blocks.position is 'Order within the message.';
comment on column public.blocks.revision is 'Position of the newest record it was made from.';
comment on column public.blocks.kind is 'text, thinking, tool_call, image, document or unknown.';
comment on column public.blocks.text is 'Text, after masking.';
comment on column public.blocks.tool_call_id is 'For kind tool_call: the tool call.';
comment on column public.blocks.data is 'What is known of an image or document, or an unknown record as written, masked.';
comment on column public.blocks.masked is 'Privacy rules that fired, and how often.';

create table public.tool_calls (
  session_id uuid not null references public.sessions (id) on delete cascade,
  id uuid not null,
  owner_id uuid not null,
  message_id uuid,
  position bigint,
  revision bigint not null,
  native_id text,
  name text,
  input jsonb,
  result text,
  is_error boolean,
  started_at timestamptz,
  ended_at timestamptz,
  file_path text,
  diff jsonb,
  lines_added integer,
  lines_removed integer,
  agent_session_id uuid,
  masked jsonb,
  primary key (session_id, id)
);
create index tool_calls_session_id_message_id_idx on public.tool_calls (session_id, message_id);
comment on table public.tool_calls is 'One use of a tool: what was asked and what came back.';
comment on column public.tool_calls.session_id is 'The session.';
comment on column public.tool_calls.id is 'Id within the session, made from the tool''s own id.';
comment on column public.tool_calls.owner_id is 'Whose session it is (repeated here for row-level security).';
comment on column public.tool_calls.message_id is 'The message that asked for it.';
comment on column public.tool_calls.position is 'Where the request stands in the transcript.';
comment on column public.tool_calls.revision is 'Position of the newest record it was made from.';
comment on column public.tool_calls.native_id is 'The tool call''s own id.';
comment on column public.tool_calls.name is 'Name of the tool; null: only its result was found.';
comment on column public.tool_calls.input is 'Arguments, after masking.';
comment on column public.tool_calls.result is 'What came back, after masking; null: nothing yet.';
comment on column public.tool_calls.is_error is 'True when it failed; null: not known yet.';
comment on column public.tool_calls.started_at is 'When it was asked for.';
comment on column public.tool_calls.ended_at is 'When the result came back.';
comment on column public.tool_calls.file_path is 'The file it changed.';
comment on column public.tool_calls.diff is 'Hunks of the change: old_start, old_lines, new_start, new_lines, lines.';
comment on column public.tool_calls.lines_added is 'Lines added; null: not known.';
comment on column public.tool_calls.lines_removed is 'Lines removed; null: not known.';
comment on column public.tool_calls.agent_session_id is 'The session of the subagent it started.';
comment on column public.tool_calls.masked is 'Privacy rules that fired, and how often.';

create table public.model_calls (
  owner_id uuid not null references auth.users (id) on delete cascade,
  id uuid not null,
  session_id uuid not null references public.sessions (id) on delete cascade,
  message_id uuid,
  attribution smallint not null default 0,
  revision bigint not null,
  source text not null,
  native_id text,
  model text,
  at timestamptz,
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_write_5m_tokens bigint,
  cache_write_1h_tokens bigint,
  reasoning_tokens bigint,
  web_searches integer,
  service_tier text,
  speed text,
  usage_quality text check (usage_quality in ('exact', 'lower_bound')),
  cost_usd numeric(16, 8),
  price_version text,
  reported_cost_usd numeric(16, 8),
  primary key (owner_id, id)
);
create index model_calls_session_id_idx on public.model_calls (session_id, message_id);
comment on table public.model_calls is 'One billed API response, counted once per owner whatever files repeat it.';
comment on column public.model_calls.owner_id is 'Who pays.';
comment on column public.model_calls.id is 'Id for the owner: native id with input and cache counts.';
comment on column public.model_calls.session_id is 'The session it is attributed to.';
comment on column public.model_calls.message_id is 'The message it produced.';
comment on column public.model_calls.attribution is '0 made here, 1 sidechain replay, 2 copy in a fork; the least wins.';
comment on column public.model_calls.revision is 'Position of the record it was made from.';
comment on column public.model_calls.source is 'The tool.';
comment on column public.model_calls.native_id is 'The API''s id of the response.';
comment on column public.model_calls.model is 'The model, as the tool wrote it.';
comment on column public.model_calls.at is 'When the response came.';
comment on column public.model_calls.input_tokens is 'Input tokens without the cached ones; null: not known.';
comment on column public.model_calls.output_tokens is 'Output tokens; null: not known.';
comment on column public.model_calls.cache_read_tokens is 'Tokens read from the cache.';
comment on column public.model_calls.cache_write_5m_tokens is 'Tokens written to the 5-minute cache.';
comment on column public.model_calls.cache_write_1h_tokens is 'Tokens written to the 1-hour cache.';
comment on column public.model_calls.reasoning_tokens is 'Reasoning tokens, part of output_tokens.';
comment on column public.model_calls.web_searches is 'Web searches billed with it.';
comment on column public.model_calls.service_tier is 'standard, priority, batch ...';
comment on column public.model_calls.speed is 'standard or fast.';
comment on column public.model_calls.usage_quality is 'exact, or lower_bound when the tool wrote a placeholder.';
comment on column public.model_calls.cost_usd is 'Calculated cost; null: the price is not known.';
comment on column public.model_calls.price_version is 'Price table it was calculated with.';
comment on column public.model_calls.reported_cost_usd is 'Cost the tool itself reported.';

create table public.usage_daily (
  session_id uuid not null references public.sessions (id) on delete cascade,
  day date not null,
  model text not null,
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  owner_id uuid not null,
  source text not null,
  calls integer not null,
  unpriced_calls integer not null,
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_write_tokens bigint,
  cost_usd numeric(16, 8),
  primary key (session_id, day, model)
);
create index usage_daily_workspace_id_day_idx on public.usage_daily (workspace_id, day);
comment on table public.usage_daily is 'Model calls summed by session, UTC day and model; kept right by ingest.';
comment on column public.usage_daily.session_id is 'The session.';
comment on column public.usage_daily.day is 'UTC day of the calls; 1970-01-01 when a call has no time.';
comment on column public.usage_daily.model is 'The model, or unknown.';
comment on column public.usage_daily.workspace_id is 'The workspace of the session.';
comment on column public.usage_daily.owner_id is 'Who pays.';
comment on column public.usage_daily.source is 'The tool.';
comment on column public.usage_daily.calls is 'Model calls.';
comment on column public.usage_daily.unpriced_calls is 'Of those, how many have no known price.';
comment on column public.usage_daily.input_tokens is 'Input tokens without the cached ones.';
comment on column public.usage_daily.output_tokens is 'Output tokens.';
comment on column public.usage_daily.cache_read_tokens is 'Tokens read from the cache.';
comment on column public.usage_daily.cache_write_tokens is 'Tokens written to the cache.';
comment on column public.usage_daily.cost_usd is 'Calculated cost of the priced calls; null: nothing priced.';

-- Row-level security ---------------------------------------------------------------------------
create function private.shared_session_ids(at_least public.visibility) returns setof uuid
  language sql stable security definer set search_path = ''
  as $$
    select s.id from public.sessions s
    where s.workspace_id = any (array(select private.my_workspace_ids()))
      and s.visibility >= at_least and s.owner_id <> (select auth.uid())
  $$;
comment on function private.shared_session_ids(public.visibility) is
  'Sessions of others in my workspaces that are shared at least this far.';
revoke execute on function private.shared_session_ids(public.visibility) from public, anon;
grant execute on function private.shared_session_ids(public.visibility) to authenticated;

alter table public.projects enable row level security;
alter table public.sessions enable row level security;
alter table public.messages enable row level security;
alter table public.blocks enable row level security;
alter table public.tool_calls enable row level security;
alter table public.model_calls enable row level security;
alter table public.usage_daily enable row level security;

create policy "owners read their projects, members those of shared sessions" on public.projects
  for select to authenticated
  using (
    owner_id = (select auth.uid())
    or id = any (array(
      select s.project_id from public.sessions s
      where s.id = any (array(select private.shared_session_ids('tools')))
    ))
  );
create policy "owners read their sessions, members those shared" on public.sessions
  for select to authenticated
  using (
    owner_id = (select auth.uid())
    or (visibility >= 'metrics' and workspace_id = any (array(select private.my_workspace_ids())))
  );
create policy "owners read their messages, members those shared in full" on public.messages
  for select to authenticated
  using (
    owner_id = (select auth.uid())
    or session_id = any (array(select private.shared_session_ids('full')))
  );
create policy "owners read their blocks, members those shared in full" on public.blocks
  for select to authenticated
  using (
    owner_id = (select auth.uid())
    or session_id = any (array(select private.shared_session_ids('full')))
  );
create policy "owners read their tool calls, members those shared" on public.tool_calls
  for select to authenticated
  using (
    owner_id = (select auth.uid())
    or session_id = any (array(select private.shared_session_ids('tools')))
  );
create policy "owners read their model calls, members those shared" on public.model_calls
  for select to authenticated
  using (
    owner_id = (select auth.uid())
    or session_id = any (array(select private.shared_session_ids('metrics')))
  );
create policy "owners read their usage, members that of shared sessions" on public.usage_daily
  for select to authenticated
  using (
    owner_id = (select auth.uid())
    or session_id = any (array(select private.shared_session_ids('metrics')))
  );

grant select on public.projects, public.sessions, public.messages, public.blocks,
  public.tool_calls, public.model_calls, public.usage_daily to authenticated;

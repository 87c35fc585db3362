-- The same ingest for a third of the work: every list is read once, the ids of a batch's sessions
-- are made once, sums move by what changed instead of being made again from all rows of a session,
-- and rows are looked at one by one for faults only when the batch as a whole could not be stored.
-- Where the time went is told in docs/adr/0012-where-ingest-spends-its-time.md.

create type private.known_session as (source text, native_id text, id uuid);
comment on type private.known_session is 'A session that a batch speaks of, and its id.';

create type private.usage_slot as (session_id uuid, slot timestamptz, model text);
comment on type private.usage_slot is 'Key of a row of usage_slots.';

create type private.session_change as (
  session_id uuid, messages bigint, prompts bigint, tool_calls bigint, tool_errors bigint,
  lines_added bigint, lines_removed bigint, masked bigint, first_at timestamptz,
  last_at timestamptz, recount boolean);
comment on type private.session_change is
  'What a batch adds to the sums of a session; recount when they cannot be told by adding.';

-- Whoever deletes a user deletes the sessions, and with each its calls.
alter table public.model_calls drop constraint model_calls_owner_id_fkey;

create index model_calls_session_id_slot_idx
  on public.model_calls (session_id, private.slot_of(at));

-- Every session a batch speaks of exists afterwards, with what the batch knows of it, and is locked:
-- two batches about one session wait for each other, so that their sums add up.
drop function private.ingest_sessions(private.device, jsonb);
create function private.ingest_sessions(
  device private.device, batch jsonb, out known private.known_session[], out changed uuid[])
  language plpgsql set search_path = ''
  as $$
  declare
    created uuid[];
    updated uuid[];
  begin
    insert into public.projects (id, workspace_id, owner_id, root, name)
    select distinct private.project_id(device.owner_id, device.workspace_id, x.project_root),
      device.workspace_id, device.owner_id, x.project_root,
      coalesce(nullif(regexp_replace(rtrim(x.project_root, '/\'), '^.*[/\\]', ''), ''), x.project_root)
    from jsonb_to_recordset(batch -> 'sessions') as x (project_root text)
    where x.project_root is not null
    order by 1
    on conflict do nothing;

    with mentioned as materialized (
      select x.source, x.session as native_id
      from jsonb_to_recordset(batch -> 'sessions') as x (source text, session text)
      union select x.source, x.parent
      from jsonb_to_recordset(batch -> 'sessions') as x (source text, parent text)
      union select x.source, x.session
      from jsonb_to_recordset(batch -> 'messages') as x (source text, session text)
      union select x.source, x.session
      from jsonb_to_recordset(batch -> 'blocks') as x (source text, session text)
      union select x.source, x.session
      from jsonb_to_recordset(batch -> 'tool_calls') as x (source text, session text)
      union select x.source, x.agent_session
      from jsonb_to_recordset(batch -> 'tool_calls') as x (source text, agent_session text)
      union select x.source, x.session
      from jsonb_to_recordset(batch -> 'model_calls') as x (source text, session text)
    ), named as materialized (
      select m.source, m.native_id,
        coalesce(s.id, private.session_id(device.owner_id, m.source, m.native_id)) as id,
        s.id is null as is_new
      from mentioned m
      left join public.sessions s
        on s.owner_id = device.owner_id and s.source = m.source and s.native_id = m.native_id
      where length(m.native_id) between 1 and 200
    ), inserted as (
      insert into public.sessions (id, workspace_id, owner_id, device_id, source, native_id)
      select n.id, device.workspace_id, device.owner_id, device.device_id, n.source, n.native_id
      from named n
      where n.is_new
      order by 1
      on conflict do nothing
      returning id
    )
    select (select array_agg(row (n.source, n.native_id, n.id)::private.known_session) from named n),
      (select array_agg(i.id) from inserted i)
    into known, created;

    if exists (
      select from jsonb_to_recordset(batch -> 'sessions') as x (session text)
      where (length(x.session) between 1 and 200) is not true) then
      raise exception using errcode = 'check_violation', message = 'session is malformed';
    end if;

    perform from public.sessions s
    where s.id = any (array(select k.id from unnest(known) k))
    order by s.id
    for no key update;

    with new as (
      select k.id, x.*,
        case when length(x.parent) between 1 and 200
          then private.session_id(device.owner_id, x.source, x.parent) end as parent_id,
        private.project_id(device.owner_id, device.workspace_id, x.project_root) as project_id
      from jsonb_to_recordset(batch -> 'sessions') as x (
        source text, session text, revision bigint, parent text, relation text, agent_id text,
        agent_type text, project_root text, cwd text, branch text, tool_version text,
        entrypoint text, title text, title_rank smallint, path text, masked jsonb)
      join unnest(known) k on k.source = x.source and k.native_id = x.session
    ), done as (
      update public.sessions s set
        revision = greatest(s.revision, n.revision),
        project_id = coalesce(s.project_id, n.project_id),
        parent_id = coalesce(s.parent_id, n.parent_id),
        relation = coalesce(s.relation, n.relation),
        agent_id = coalesce(s.agent_id, n.agent_id),
        agent_type = coalesce(s.agent_type, n.agent_type),
        cwd = case when n.revision >= s.revision then coalesce(n.cwd, s.cwd) else coalesce(s.cwd, n.cwd) end,
        branch = case when n.revision >= s.revision
          then coalesce(n.branch, s.branch) else coalesce(s.branch, n.branch) end,
        tool_version = case when n.revision >= s.revision
          then coalesce(n.tool_version, s.tool_version) else coalesce(s.tool_version, n.tool_version) end,
        entrypoint = coalesce(s.entrypoint, n.entrypoint),
        path = coalesce(s.path, n.path),
        title = case when private.is_better_title(n.title, n.title_rank, n.revision, s)
          then n.title else s.title end,
        title_rank = case when private.is_better_title(n.title, n.title_rank, n.revision, s)
          then n.title_rank else s.title_rank end,
        masked = coalesce(n.masked, s.masked),
        masked_count = s.masked_count + private.masked_sum(coalesce(n.masked, s.masked))
          - private.masked_sum(s.masked),
        device_id = device.device_id
      from new n
      where s.id = n.id and (
        s.project_id is null and n.project_id is not null
        or s.parent_id is null and n.parent_id is not null
        or s.relation is null and n.relation is not null
        or s.agent_id is null and n.agent_id is not null
        or s.agent_type is null and n.agent_type is not null
        or s.entrypoint is null and n.entrypoint is not null
        or s.path is null and n.path is not null
        or n.revision > s.revision
        or n.cwd is not null and s.cwd is null
        or n.branch is not null and s.branch is null
        or n.tool_version is not null and s.tool_version is null
        or private.is_better_title(n.title, n.title_rank, n.revision, s))
      returning s.id
    )
    select array_agg(id) into updated from done;
    changed := coalesce(created, '{}') || coalesce(updated, '{}');
  end
  $$;
comment on function private.ingest_sessions(private.device, jsonb) is
  'Stores projects and sessions of a batch; returns all sessions it speaks of, and which changed.';

-- In what follows, `offset 0` has each row looked up by its key: estimates of what a batch holds are
-- so wrong that the planner would rather read all rows of an owner or a session.

-- A row whose session is malformed finds none, and the column that must not be null refuses it.
create function private.ingest_messages(
  device private.device, batch jsonb, known private.known_session[])
  returns private.session_change[] language sql set search_path = ''
  as $$
    with new as materialized (
      select k.id as session_id, x.*
      from jsonb_to_recordset(batch -> 'messages') as x (
        source text, session text, id uuid, position bigint, revision bigint, native_id text,
        role text, kind text, at timestamptz, model text, is_sidechain boolean, flags text[],
        masked jsonb)
      left join unnest(known) k on k.source = x.source and k.native_id = x.session
    ), old as materialized (
      select t.session_id, t.id, t.kind, t.at, t.masked
      from new n, lateral (
        select * from public.messages t where t.session_id = n.session_id and t.id = n.id offset 0) t
    ), stored as (
      insert into public.messages as t (session_id, id, owner_id, position, revision, native_id,
        role, kind, at, model, is_sidechain, flags, masked)
      select n.session_id, n.id, device.owner_id, n.position, n.revision, n.native_id, n.role,
        n.kind, n.at, n.model, n.is_sidechain, n.flags, n.masked
      from new n
      order by 1, 2
      on conflict (session_id, id) do update set
        position = least(t.position, excluded.position),
        revision = greatest(t.revision, excluded.revision),
        kind = case when excluded.revision >= t.revision then excluded.kind else t.kind end,
        at = least(t.at, excluded.at),
        model = coalesce(t.model, excluded.model),
        native_id = coalesce(t.native_id, excluded.native_id),
        is_sidechain = coalesce(t.is_sidechain, excluded.is_sidechain),
        flags = (select array_agg(distinct f order by f)
                 from unnest(t.flags || excluded.flags) f),
        masked = coalesce(excluded.masked, t.masked)
      where excluded.position < t.position or excluded.revision > t.revision
        or excluded.at < t.at or (t.at is null and excluded.at is not null)
        or (t.model is null and excluded.model is not null)
        or not coalesce(excluded.flags, '{}') <@ coalesce(t.flags, '{}')
      returning session_id, id, kind, at, masked
    ), summed as (
      select s.session_id, count(*) - count(o.id) as messages,
        count(*) filter (where s.kind = 'prompt') - count(*) filter (where o.kind = 'prompt')
          as prompts,
        coalesce(sum(private.masked_sum(s.masked)) filter (where s.masked is not null), 0)
          - coalesce(sum(private.masked_sum(o.masked)) filter (where o.masked is not null), 0)
          as masked,
        min(s.at) as first_at, max(s.at) as last_at, bool_or(s.at < o.at) as recount
      from stored s left join old o on o.session_id = s.session_id and o.id = s.id
      group by 1
    )
    select array_agg(row (session_id, messages, prompts, 0, 0, null, null, masked, first_at,
      last_at, recount)::private.session_change) from summed
  $$;
comment on function private.ingest_messages(private.device, jsonb, private.known_session[]) is
  'Stores the messages of a batch; returns what they change in the sums of their sessions.';

create function private.ingest_blocks(
  device private.device, batch jsonb, known private.known_session[])
  returns private.session_change[] language sql set search_path = ''
  as $$
    with new as materialized (
      select k.id as session_id, x.*
      from jsonb_to_recordset(batch -> 'blocks') as x (
        source text, session text, id uuid, message uuid, position bigint, revision bigint,
        kind text, text text, tool_call uuid, data jsonb, masked jsonb)
      left join unnest(known) k on k.source = x.source and k.native_id = x.session
    ), old as materialized (
      select t.session_id, t.id, t.masked
      from new n, lateral (
        select * from public.blocks t where t.session_id = n.session_id and t.id = n.id offset 0) t
      where t.masked is not null
    ), stored as (
      insert into public.blocks as t (session_id, id, message_id, owner_id, position, revision,
        kind, text, tool_call_id, data, masked)
      select n.session_id, n.id, n.message, device.owner_id, n.position, n.revision, n.kind,
        n.text, n.tool_call, n.data, n.masked
      from new n
      order by 1, 2
      on conflict (session_id, id) do update set
        message_id = excluded.message_id, position = excluded.position,
        revision = excluded.revision, kind = excluded.kind, text = excluded.text,
        tool_call_id = excluded.tool_call_id, data = excluded.data, masked = excluded.masked
      where excluded.revision > t.revision or excluded.revision = t.revision
        and (excluded.text, excluded.data, excluded.kind, excluded.position, excluded.message_id)
          is distinct from (t.text, t.data, t.kind, t.position, t.message_id)
      returning session_id, id, masked
    ), summed as (
      select s.session_id,
        coalesce(sum(private.masked_sum(s.masked)) filter (where s.masked is not null), 0)
          - coalesce(sum(private.masked_sum(o.masked)) filter (where o.masked is not null), 0)
          as masked
      from stored s left join old o on o.session_id = s.session_id and o.id = s.id
      group by 1
    )
    select array_agg(row (session_id, 0, 0, 0, 0, null, null, masked, null, null, false)
      ::private.session_change) from summed
  $$;
comment on function private.ingest_blocks(private.device, jsonb, private.known_session[]) is
  'Stores the blocks of a batch; returns what they change in the sums of their sessions.';

create function private.ingest_tool_calls(
  device private.device, batch jsonb, known private.known_session[])
  returns private.session_change[] language sql set search_path = ''
  as $$
    with new as materialized (
      select k.id as session_id, x.*
      from jsonb_to_recordset(batch -> 'tool_calls') as x (
        source text, session text, id uuid, message uuid, position bigint, revision bigint,
        native_id text, name text, input jsonb, result text, is_error boolean,
        started_at timestamptz, ended_at timestamptz, file_path text, diff jsonb,
        lines_added integer, lines_removed integer, agent_session text, masked jsonb)
      left join unnest(known) k on k.source = x.source and k.native_id = x.session
    ), old as materialized (
      select t.session_id, t.id, t.is_error, t.lines_added, t.lines_removed, t.masked
      from new n, lateral (
        select * from public.tool_calls t where t.session_id = n.session_id and t.id = n.id offset 0) t
    ), stored as (
      insert into public.tool_calls as t (session_id, id, owner_id, message_id, position, revision,
        native_id, name, input, result, is_error, started_at, ended_at, file_path, diff,
        lines_added, lines_removed, agent_session_id, masked)
      select n.session_id, n.id, device.owner_id, n.message, n.position, n.revision, n.native_id,
        n.name, n.input, n.result, n.is_error, n.started_at, n.ended_at, n.file_path, n.diff,
        n.lines_added, n.lines_removed,
        private.session_id(device.owner_id, n.source, n.agent_session), n.masked
      from new n
      order by 1, 2
      on conflict (session_id, id) do update set
        (message_id, position, revision, native_id, name, input, result, is_error, started_at,
         ended_at, file_path, diff, lines_added, lines_removed, agent_session_id, masked)
        = (select m.message_id, m.position, m.revision, m.native_id, m.name, m.input, m.result,
             m.is_error, m.started_at, m.ended_at, m.file_path, m.diff, m.lines_added,
             m.lines_removed, m.agent_session_id, m.masked
           from private.merge_tool_call(t, excluded) m)
      where (t.*) is distinct from (excluded.*)
        and (t.*) is distinct from (private.merge_tool_call(t, excluded))
      returning session_id, id, is_error, lines_added, lines_removed, masked
    ), summed as (
      select s.session_id, count(*) - count(o.id) as calls,
        count(*) filter (where s.is_error) - count(*) filter (where o.is_error) as errors,
        sum(s.lines_added) - coalesce(sum(o.lines_added), 0) as lines_added,
        sum(s.lines_removed) - coalesce(sum(o.lines_removed), 0) as lines_removed,
        coalesce(sum(private.masked_sum(s.masked)) filter (where s.masked is not null), 0)
          - coalesce(sum(private.masked_sum(o.masked)) filter (where o.masked is not null), 0)
          as masked
      from stored s left join old o on o.session_id = s.session_id and o.id = s.id
      group by 1
    )
    select array_agg(row (session_id, 0, 0, calls, errors, lines_added, lines_removed, masked,
      null, null, false)::private.session_change) from summed
  $$;
comment on function private.ingest_tool_calls(private.device, jsonb, private.known_session[]) is
  'Stores the tool calls of a batch; returns what they change in the sums of their sessions.';

-- Two versions of one call: as before, in a form that weighs and claims once.
create or replace function private.merge_model_call(a public.model_calls, b public.model_calls)
  returns public.model_calls language plpgsql stable set search_path = ''
  as $$
  declare
    same boolean := a.session_id = b.session_id;
    more integer := sign(
      coalesce(b.input_tokens, -1) + coalesce(b.output_tokens, -1)
      + coalesce(b.cache_read_tokens, -1) + coalesce(b.cache_write_5m_tokens, -1)
      + coalesce(b.cache_write_1h_tokens, -1) + coalesce(b.web_searches, -1)
      - coalesce(a.input_tokens, -1) - coalesce(a.output_tokens, -1)
      - coalesce(a.cache_read_tokens, -1) - coalesce(a.cache_write_5m_tokens, -1)
      - coalesce(a.cache_write_1h_tokens, -1) - coalesce(a.web_searches, -1));
    better boolean := case when same then b.attribution < a.attribution
      else private.claim(b.attribution, b.session_id)
        < private.claim(a.attribution, a.session_id) end;
    w public.model_calls := case when more > 0 then b else a end;
    l public.model_calls := case when more > 0 then a else b end;
    m public.model_calls := a;
  begin
    m.session_id := case when better then b.session_id else a.session_id end;
    m.message_id := case when better and same then coalesce(b.message_id, a.message_id)
      when better then b.message_id
      when same then coalesce(a.message_id, b.message_id) else a.message_id end;
    m.attribution := case when better then b.attribution else a.attribution end;
    m.revision := case when same then greatest(a.revision, b.revision)
      when better then b.revision else a.revision end;
    m.native_id := coalesce(a.native_id, b.native_id);
    m.model := coalesce(w.model, l.model);
    m.at := least(a.at, b.at);
    m.input_tokens := coalesce(w.input_tokens, l.input_tokens);
    m.output_tokens := coalesce(w.output_tokens, l.output_tokens);
    m.cache_read_tokens := coalesce(w.cache_read_tokens, l.cache_read_tokens);
    m.cache_write_5m_tokens := coalesce(w.cache_write_5m_tokens, l.cache_write_5m_tokens);
    m.cache_write_1h_tokens := coalesce(w.cache_write_1h_tokens, l.cache_write_1h_tokens);
    m.reasoning_tokens := coalesce(w.reasoning_tokens, l.reasoning_tokens);
    m.web_searches := coalesce(w.web_searches, l.web_searches);
    m.usage_quality := case when 'exact' in (a.usage_quality, b.usage_quality) then 'exact'
      else coalesce(w.usage_quality, l.usage_quality) end;
    m.price_version := case when more <> 0 or w.cost_usd is not null then w.price_version
      else coalesce(l.price_version, w.price_version) end;
    if more <> 0 then
      m.service_tier := w.service_tier;
      m.speed := w.speed;
      m.cost_usd := w.cost_usd;
      m.reported_cost_usd := w.reported_cost_usd;
      m.inference_geo := w.inference_geo;
    else
      m.service_tier := coalesce(w.service_tier, l.service_tier);
      m.speed := coalesce(w.speed, l.speed);
      m.cost_usd := coalesce(w.cost_usd, l.cost_usd);
      m.reported_cost_usd := coalesce(w.reported_cost_usd, l.reported_cost_usd);
      m.inference_geo := coalesce(w.inference_geo, l.inference_geo);
    end if;
    return m;
  end
  $$;
drop function private.weight(bigint, bigint, bigint, bigint, bigint, integer);

create or replace function private.link_forks(device private.device, batch jsonb) returns uuid[]
  language sql set search_path = ''
  as $$
    with copies as (
      select distinct on (n.session_id) n.session_id as copy, c.session_id as original
      from (
        select private.session_id(device.owner_id, x.source, x.session) as session_id, x.id, x.at,
          coalesce(x.attribution, 0) as attribution
        from jsonb_to_recordset(batch -> 'model_calls') as x (
          source text, session text, id uuid, at timestamptz, attribution smallint)) n,
      lateral (
        select * from public.model_calls c
        where c.owner_id = device.owner_id and c.id = n.id offset 0) c
      join public.sessions o on o.id = c.session_id
      where c.session_id <> n.session_id and c.at = n.at
        and n.attribution in (0, 2) and c.attribution in (0, 2)
      order by n.session_id, o.native_id
    ), linked as (
      update public.sessions s set parent_id = o.id, relation = 'fork'
      from copies p join public.sessions o on o.id = p.original
      where s.id = p.copy and s.parent_id is null and s.relation is null and s.agent_id is null
        and o.agent_id is null and o.relation is distinct from 'subagent'
        and o.parent_id is distinct from s.id
      returning s.id
    )
    select coalesce(array_agg(id), '{}') from linked
  $$;

drop function private.ingest_model_calls(private.device, jsonb);
create function private.ingest_model_calls(
  device private.device, batch jsonb, known private.known_session[],
  out slots private.usage_slot[], out linked uuid[])
  language plpgsql set search_path = ''
  as $$
  declare
    copies boolean;
    disowned jsonb;
  begin
    linked := '{}';
    -- A call may move to the session that has the better claim to it; both are summed again.
    with new as materialized (
      select k.id as session_id, x.*
      from jsonb_to_recordset(batch -> 'model_calls') as x (
        source text, session text, id uuid, message uuid, attribution smallint, revision bigint,
        native_id text, model text, at timestamptz, input_tokens bigint, output_tokens bigint,
        cache_read_tokens bigint, cache_write_5m_tokens bigint, cache_write_1h_tokens bigint,
        reasoning_tokens bigint, web_searches integer, service_tier text, speed text,
        usage_quality text, cost_usd numeric, price_version text, reported_cost_usd numeric,
        inference_geo text)
      left join unnest(known) k on k.source = x.source and k.native_id = x.session
    ), old as materialized (
      select c.id, c.session_id, c.source, c.model, c.at, c.attribution,
        n.session_id as other_id, coalesce(n.attribution, 0::smallint) as other_attribution
      from new n, lateral (
        select * from public.model_calls c
        where c.owner_id = device.owner_id and c.id = n.id offset 0) c
    ), moved as (
      select o.session_id, s.native_id, o.source, o.id, o.at, o.attribution
      from old o join public.sessions s on s.id = o.session_id
      where o.session_id <> o.other_id
        and private.claim(o.other_attribution, o.other_id)
          < private.claim(o.attribution, o.session_id)
    ), stored as (
      insert into public.model_calls as t (owner_id, id, session_id, message_id, attribution,
        revision, source, native_id, model, at, input_tokens, output_tokens, cache_read_tokens,
        cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, web_searches,
        service_tier, speed, usage_quality, cost_usd, price_version, reported_cost_usd,
        inference_geo)
      select device.owner_id, n.id, n.session_id, n.message, coalesce(n.attribution, 0),
        n.revision, n.source, n.native_id, n.model, n.at, n.input_tokens, n.output_tokens,
        n.cache_read_tokens, n.cache_write_5m_tokens, n.cache_write_1h_tokens,
        n.reasoning_tokens, n.web_searches, n.service_tier, n.speed, n.usage_quality,
        n.cost_usd, n.price_version, n.reported_cost_usd, n.inference_geo
      from new n
      order by n.id
      on conflict (owner_id, id) do update set
        (session_id, message_id, attribution, revision, native_id, model, at, input_tokens,
         output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
         reasoning_tokens, web_searches, service_tier, speed, usage_quality, cost_usd,
         price_version, reported_cost_usd, inference_geo)
        = (select m.session_id, m.message_id, m.attribution, m.revision, m.native_id, m.model,
             m.at, m.input_tokens, m.output_tokens, m.cache_read_tokens, m.cache_write_5m_tokens,
             m.cache_write_1h_tokens, m.reasoning_tokens, m.web_searches, m.service_tier, m.speed,
             m.usage_quality, m.cost_usd, m.price_version, m.reported_cost_usd, m.inference_geo
           from private.merge_model_call(t, excluded) m)
      where (t.*) is distinct from (excluded.*)
        and (t.*) is distinct from (private.merge_model_call(t, excluded))
      returning id, session_id, model, at
    ), touched as (
      select session_id, private.slot_of(at) as slot, coalesce(model, 'unknown') as model
      from (select session_id, model, at from stored
            union all
            select o.session_id, o.model, o.at from old o join stored using (id)) c
      group by 1, 2, 3
    )
    select (select array_agg(row (t.session_id, t.slot, t.model)::private.usage_slot) from touched t),
      (select jsonb_agg(jsonb_build_object('source', source, 'session', native_id, 'id', id,
        'at', at, 'attribution', attribution)) from moved),
      exists (select from old o where o.session_id <> o.other_id)
    into slots, disowned, copies;
    if copies then
      linked := private.link_forks(device, batch)
        || private.link_forks(device, jsonb_build_object('model_calls', coalesce(disowned, '[]')));
    end if;
  end
  $$;
comment on function private.ingest_model_calls(private.device, jsonb, private.known_session[]) is
  'Stores model calls of a batch, each once per owner; returns the slots whose sums change, and the sessions that are forks as it now shows.';

create function private.refresh_slots(slots private.usage_slot[]) returns void
  language plpgsql set search_path = ''
  as $$
  begin
    delete from public.usage_slots u
    using unnest(slots) x
    where u.session_id = x.session_id and u.slot = x.slot and u.model = x.model and not exists (
      select from public.model_calls c
      where c.session_id = x.session_id and private.slot_of(c.at) = x.slot
        and coalesce(c.model, 'unknown') = x.model);

    insert into public.usage_slots as u (session_id, slot, model, workspace_id, owner_id, source,
      first_at, last_at, calls, lower_bound_calls, unpriced_calls, input_tokens, output_tokens,
      cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
      web_searches, cost_usd, reported_cost_usd)
    select s.id, x.slot, x.model, s.workspace_id, s.owner_id, s.source, min(c.at), max(c.at),
      count(*) filter (where t.has_tokens),
      count(*) filter (where t.has_tokens and c.usage_quality = 'lower_bound'),
      count(*) filter (where t.has_tokens and c.cost_usd is null),
      sum(c.input_tokens), sum(c.output_tokens), sum(c.cache_read_tokens),
      sum(c.cache_write_5m_tokens), sum(c.cache_write_1h_tokens), sum(c.reasoning_tokens),
      sum(c.web_searches), sum(c.cost_usd), sum(c.reported_cost_usd)
    from unnest(slots) x
    join public.sessions s on s.id = x.session_id
    join public.model_calls c on c.session_id = x.session_id
      and private.slot_of(c.at) = x.slot and coalesce(c.model, 'unknown') = x.model
    cross join lateral (select num_nonnulls(c.input_tokens, c.output_tokens, c.cache_read_tokens,
      c.cache_write_5m_tokens, c.cache_write_1h_tokens) > 0 as has_tokens) t
    group by s.id, x.slot, x.model
    order by 1, 2, 3
    on conflict (session_id, slot, model) do update set
      workspace_id = excluded.workspace_id, first_at = excluded.first_at,
      last_at = excluded.last_at, calls = excluded.calls,
      lower_bound_calls = excluded.lower_bound_calls, unpriced_calls = excluded.unpriced_calls,
      input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
      cache_read_tokens = excluded.cache_read_tokens,
      cache_write_5m_tokens = excluded.cache_write_5m_tokens,
      cache_write_1h_tokens = excluded.cache_write_1h_tokens,
      reasoning_tokens = excluded.reasoning_tokens, web_searches = excluded.web_searches,
      cost_usd = excluded.cost_usd, reported_cost_usd = excluded.reported_cost_usd
    where (u.*) is distinct from (excluded.*);
  end
  $$;
comment on function private.refresh_slots(private.usage_slot[]) is
  'Makes these rows of usage_slots again from the model calls they sum.';

-- Counts move by what changed; what was used is the sum of the slots, of which a session has few.
create function private.apply_changes(ids uuid[], changes private.session_change[]) returns void
  language sql set search_path = ''
  as $$
    update public.sessions s set
      started_at = least(s.started_at, d.first_at),
      ended_at = greatest(s.ended_at, d.last_at),
      message_count = s.message_count + d.messages,
      prompt_count = s.prompt_count + d.prompts,
      tool_call_count = s.tool_call_count + d.tool_calls,
      tool_error_count = s.tool_error_count + d.tool_errors,
      lines_added = coalesce(s.lines_added + d.lines_added, s.lines_added, d.lines_added),
      lines_removed = coalesce(s.lines_removed + d.lines_removed, s.lines_removed, d.lines_removed),
      masked_count = s.masked_count + d.masked,
      model_call_count = coalesce(u.calls, 0), unpriced_call_count = coalesce(u.unpriced, 0),
      input_tokens = u.input_tokens, output_tokens = u.output_tokens,
      cache_read_tokens = u.cache_read_tokens, cache_write_tokens = u.cache_write_tokens,
      cost_usd = u.cost_usd, models = coalesce(u.models, '{}'), updated_at = now()
    from (
      select i.id, coalesce(sum(c.messages), 0) as messages, coalesce(sum(c.prompts), 0) as prompts,
        coalesce(sum(c.tool_calls), 0) as tool_calls,
        coalesce(sum(c.tool_errors), 0) as tool_errors, sum(c.lines_added) as lines_added,
        sum(c.lines_removed) as lines_removed, coalesce(sum(c.masked), 0) as masked,
        min(c.first_at) as first_at, max(c.last_at) as last_at
      from unnest(ids) i (id) left join unnest(changes) c on c.session_id = i.id
      group by 1) d,
    lateral (
      select sum(calls) as calls, sum(unpriced_calls) as unpriced,
        sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
        sum(cache_read_tokens) as cache_read_tokens,
        sum(coalesce(cache_write_5m_tokens + cache_write_1h_tokens, cache_write_5m_tokens,
          cache_write_1h_tokens)) as cache_write_tokens,
        sum(cost_usd) as cost_usd,
        array_agg(distinct model order by model) filter (where calls > 0) as models
      from public.usage_slots where session_id = d.id) u
    where s.id = d.id
  $$;
comment on function private.apply_changes(uuid[], private.session_change[]) is
  'Adds what a batch changed to the sums of these sessions.';

drop function private.ingest_content(private.device, jsonb);
create function private.store_batch(device private.device, batch jsonb) returns uuid[]
  language plpgsql set search_path = ''
  as $$
  declare
    known private.known_session[];
    changed uuid[];
    slots private.usage_slot[];
    linked uuid[];
    changes private.session_change[];
    recount uuid[];
  begin
    select s.known, s.changed into known, changed from private.ingest_sessions(device, batch) s;
    changes := private.ingest_messages(device, batch, known)
      || private.ingest_blocks(device, batch, known)
      || private.ingest_tool_calls(device, batch, known);
    select m.slots, m.linked into slots, linked
    from private.ingest_model_calls(device, batch, known) m;
    select array_agg(distinct id order by id) into changed from (
      select unnest(changed || linked) as id
      union all select c.session_id from unnest(changes) c
      union all select s.session_id from unnest(slots) s) ids;
    if cardinality(changed) > 0 then
      if slots is not null then
        perform private.refresh_slots(slots);
      end if;
      perform private.apply_changes(changed, changes);
      recount := array(select distinct c.session_id from unnest(changes) c where c.recount);
      if cardinality(recount) > 0 then
        perform private.refresh_sessions(recount);
      end if;
    end if;
    return coalesce(changed, '{}');
  end
  $$;
comment on function private.store_batch(private.device, jsonb) is
  'Stores a batch whose rows are all well formed; returns the sessions that changed.';

create or replace function private.ingest(batch jsonb) returns jsonb
  language plpgsql security definer set search_path = ''
  as $$
  declare
    device private.device := private.current_device();
    refused jsonb := '[]';
    total integer := 0;
    changed uuid[];
    list text;
  begin
    foreach list in array array['sessions', 'messages', 'blocks', 'tool_calls', 'model_calls'] loop
      if jsonb_typeof(batch -> list) is distinct from 'array' and batch ? list then
        raise exception using errcode = 'PT400', message = format('%s must be an array', list);
      end if;
      total := total + coalesce(jsonb_array_length(batch -> list), 0);
    end loop;
    if total > 500 or pg_column_size(batch) > 8000000 then
      raise exception using errcode = 'PT413', message = 'The batch is too large',
        hint = 'Send at most 500 rows and 1 MB';
    end if;
    if coalesce((batch ->> 'guard_version')::integer, 0) < (
      select w.min_guard_version from public.workspaces w where w.id = device.workspace_id) then
      raise exception using errcode = 'PT422', message = 'The privacy guard is too old',
        hint = 'Update claude-tracer';
    end if;
    begin
      changed := private.store_batch(device, batch);
    exception when data_exception or integrity_constraint_violation then
      refused := private.refused_rows(batch);
      if jsonb_array_length(refused) = 0 then
        raise;
      end if;
      changed := private.store_batch(device, private.without_rows(batch, refused));
    end;
    if cardinality(changed) > 0 then
      perform private.announce(changed);
    end if;
    return jsonb_build_object('accepted', total - jsonb_array_length(refused),
      'changed_sessions', cardinality(changed), 'refused', refused);
  end
  $$;

revoke execute on function private.ingest_sessions(private.device, jsonb),
  private.ingest_messages(private.device, jsonb, private.known_session[]),
  private.ingest_blocks(private.device, jsonb, private.known_session[]),
  private.ingest_tool_calls(private.device, jsonb, private.known_session[]),
  private.ingest_model_calls(private.device, jsonb, private.known_session[]),
  private.refresh_slots(private.usage_slot[]),
  private.apply_changes(uuid[], private.session_change[]),
  private.store_batch(private.device, jsonb) from public, anon, authenticated;

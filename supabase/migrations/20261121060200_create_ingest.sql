-- The one way in: api.ingest(batch). Atomic, idempotent, monotone: sending a row again, or an older
-- version of it, changes nothing; nothing is ever deleted or lowered because a source shrank.

-- Why one row of a batch is refused; null when it is fine. Types that a cast would reject raise
-- in the statement that uses them and the sender halves the batch until it finds the row.
create function private.refusal(list text, r jsonb) returns text
  language sql immutable set search_path = ''
  as $$
    select case
      when jsonb_typeof(r) is distinct from 'object' then 'not an object'
      when coalesce(r ->> 'source', '') !~ '^[a-z][a-z0-9_]{0,31}$' then 'source is malformed'
      when coalesce(length(r ->> 'session'), 0) not between 1 and 200 then 'session is malformed'
      when jsonb_typeof(r -> 'revision') is distinct from 'number' then 'revision is missing'
      when list = 'sessions' then null
      when not coalesce(pg_input_is_valid(r ->> 'id', 'uuid'), false) then 'id is not a UUID'
      when list in ('messages', 'blocks')
        and jsonb_typeof(r -> 'position') is distinct from 'number' then 'position is missing'
      when list = 'blocks' and not coalesce(pg_input_is_valid(r ->> 'message', 'uuid'), false)
        then 'message is not a UUID'
      when list = 'messages' and (r ->> 'role' in ('user', 'assistant', 'system')) is not true
        then 'role is unknown'
      when list = 'messages' and (r ->> 'kind' in
        ('prompt', 'answer', 'injected', 'compaction', 'notice', 'unknown')) is not true
        then 'kind is unknown'
      when list = 'blocks' and (r ->> 'kind' in
        ('text', 'thinking', 'tool_call', 'image', 'document', 'unknown')) is not true
        then 'kind is unknown'
    end
  $$;
comment on function private.refusal(text, jsonb) is 'Why a row of a batch is refused, or null.';

create function private.refused_rows(batch jsonb) returns jsonb
  language sql immutable set search_path = ''
  as $$
    select coalesce(jsonb_agg(jsonb_build_object('list', l, 'index', i - 1, 'reason', reason)), '[]')
    from unnest(array['sessions', 'messages', 'blocks', 'tool_calls', 'model_calls']) l,
      lateral jsonb_array_elements(coalesce(batch -> l, '[]')) with ordinality e (r, i),
      lateral private.refusal(l, r) reason
    where reason is not null
  $$;
comment on function private.refused_rows(jsonb) is 'The rows of a batch that are refused, and why.';

create function private.without_rows(batch jsonb, refused jsonb) returns jsonb
  language sql immutable set search_path = ''
  as $$
    select jsonb_object_agg(l, (
      select coalesce(jsonb_agg(r order by i), '[]')
      from jsonb_array_elements(coalesce(batch -> l, '[]')) with ordinality e (r, i)
      where not exists (
        select from jsonb_array_elements(refused) x
        where x ->> 'list' = l and (x ->> 'index')::int = i - 1)))
    from unnest(array['sessions', 'messages', 'blocks', 'tool_calls', 'model_calls']) l
  $$;
comment on function private.without_rows(jsonb, jsonb) is 'A batch without its refused rows.';

create function private.is_better_title(
  title text, title_rank smallint, revision bigint, s public.sessions) returns boolean
  language sql immutable set search_path = ''
  as $$
    select title is not null and (s.title is null
      or coalesce(title_rank, 0) > coalesce(s.title_rank, 0)
      or coalesce(title_rank, 0) = coalesce(s.title_rank, 0)
        and title_rank <> 1 and revision >= s.revision and title <> s.title)
  $$;
comment on function private.is_better_title(text, smallint, bigint, public.sessions) is
  'A better source wins, then the newer title; a first prompt stays the first.';
-- Every session a batch speaks of exists afterwards, with what the batch knows of it.
create function private.ingest_sessions(device private.device, batch jsonb) returns uuid[]
  language plpgsql set search_path = ''
  as $$
  declare
    created uuid[];
    changed uuid[];
  begin
    insert into public.projects (id, workspace_id, owner_id, root, name)
    select distinct private.project_id(device.owner_id, device.workspace_id, x.project_root),
      device.workspace_id, device.owner_id, x.project_root,
      coalesce(nullif(regexp_replace(rtrim(x.project_root, '/\'), '^.*[/\\]', ''), ''), x.project_root)
    from jsonb_to_recordset(batch -> 'sessions') as x (project_root text)
    where x.project_root is not null
    order by 1
    on conflict do nothing;

    with mentioned as (
      select distinct r ->> 'source' as source, s.native_id
      from unnest(array['sessions', 'messages', 'blocks', 'tool_calls', 'model_calls']) l,
        lateral jsonb_array_elements(coalesce(batch -> l, '[]')) r,
        lateral (values (r ->> 'session'), (r ->> 'parent'), (r ->> 'agent_session')) s (native_id)
      where s.native_id is not null and length(s.native_id) between 1 and 200
    ), inserted as (
      insert into public.sessions (id, workspace_id, owner_id, device_id, source, native_id)
      select private.session_id(device.owner_id, m.source, m.native_id),
        device.workspace_id, device.owner_id, device.device_id, m.source, m.native_id
      from mentioned m
      where not exists (
        select from public.sessions s
        where s.owner_id = device.owner_id and s.source = m.source and s.native_id = m.native_id)
      order by 1
      on conflict do nothing
      returning id
    )
    select array_agg(id) into created from inserted;

    with new as (
      select private.session_id(device.owner_id, x.source, x.session) as id, x.*,
        private.session_id(device.owner_id, x.source, x.parent) as parent_id,
        private.project_id(device.owner_id, device.workspace_id, x.project_root) as project_id
      from jsonb_to_recordset(batch -> 'sessions') as x (
        source text, session text, revision bigint, parent text, relation text, agent_id text,
        agent_type text, project_root text, cwd text, branch text, tool_version text,
        entrypoint text, title text, title_rank smallint, path text, masked jsonb)
    ), updated as (
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
    select array_agg(id) into changed from updated;
    return coalesce(created, '{}') || coalesce(changed, '{}');
  end
  $$;

comment on function private.ingest_sessions(private.device, jsonb) is
  'Stores projects and sessions of a batch; returns the sessions that changed.';

-- Two versions of one tool call: the newer wins field by field, the older fills what it lacks.
create function private.merge_tool_call(a public.tool_calls, b public.tool_calls)
  returns public.tool_calls language sql immutable set search_path = ''
  as $$
    select a.session_id, a.id, a.owner_id,
      coalesce((n).message_id, (o).message_id), coalesce((n).position, (o).position),
      (n).revision, coalesce((n).native_id, (o).native_id), coalesce((n).name, (o).name),
      coalesce((n).input, (o).input), coalesce((n).result, (o).result),
      coalesce((n).is_error, (o).is_error), coalesce((n).started_at, (o).started_at),
      coalesce((n).ended_at, (o).ended_at), coalesce((n).file_path, (o).file_path),
      coalesce((n).diff, (o).diff), coalesce((n).lines_added, (o).lines_added),
      coalesce((n).lines_removed, (o).lines_removed),
      coalesce((n).agent_session_id, (o).agent_session_id), coalesce((n).masked, (o).masked)
    from (select
      case when b.revision >= a.revision then b else a end as n,
      case when b.revision >= a.revision then a else b end as o) versions
  $$;
comment on function private.merge_tool_call(public.tool_calls, public.tool_calls) is
  'Two versions of one tool call as one.';

create function private.ingest_content(device private.device, batch jsonb) returns uuid[]
  language plpgsql set search_path = ''
  as $$
  declare
    message_sessions uuid[];
    block_sessions uuid[];
    tool_sessions uuid[];
  begin
    with changed as (
      insert into public.messages as t (session_id, id, owner_id, position, revision, native_id,
        role, kind, at, model, is_sidechain, flags, masked)
      select private.session_id(device.owner_id, x.source, x.session), x.id, device.owner_id,
        x.position, x.revision, x.native_id, x.role, x.kind, x.at, x.model, x.is_sidechain,
        x.flags, x.masked
      from jsonb_to_recordset(batch -> 'messages') as x (
        source text, session text, id uuid, position bigint, revision bigint, native_id text,
        role text, kind text, at timestamptz, model text, is_sidechain boolean, flags text[],
        masked jsonb)
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
      returning session_id
    )
    select array_agg(distinct session_id) into message_sessions from changed;

    with changed as (
      insert into public.blocks as t (session_id, id, message_id, owner_id, position, revision,
        kind, text, tool_call_id, data, masked)
      select private.session_id(device.owner_id, x.source, x.session), x.id, x.message,
        device.owner_id, x.position, x.revision, x.kind, x.text, x.tool_call, x.data, x.masked
      from jsonb_to_recordset(batch -> 'blocks') as x (
        source text, session text, id uuid, message uuid, position bigint, revision bigint,
        kind text, text text, tool_call uuid, data jsonb, masked jsonb)
      order by 1, 2
      on conflict (session_id, id) do update set
        message_id = excluded.message_id, position = excluded.position,
        revision = excluded.revision, kind = excluded.kind, text = excluded.text,
        tool_call_id = excluded.tool_call_id, data = excluded.data, masked = excluded.masked
      where excluded.revision > t.revision or excluded.revision = t.revision
        and (excluded.text, excluded.data, excluded.kind, excluded.position, excluded.message_id)
          is distinct from (t.text, t.data, t.kind, t.position, t.message_id)
      returning session_id
    )
    select array_agg(distinct session_id) into block_sessions from changed;

    with changed as (
      insert into public.tool_calls as t (session_id, id, owner_id, message_id, position, revision,
        native_id, name, input, result, is_error, started_at, ended_at, file_path, diff,
        lines_added, lines_removed, agent_session_id, masked)
      select private.session_id(device.owner_id, x.source, x.session), x.id, device.owner_id,
        x.message, x.position, x.revision, x.native_id, x.name, x.input, x.result, x.is_error,
        x.started_at, x.ended_at, x.file_path, x.diff, x.lines_added, x.lines_removed,
        private.session_id(device.owner_id, x.source, x.agent_session), x.masked
      from jsonb_to_recordset(batch -> 'tool_calls') as x (
        source text, session text, id uuid, message uuid, position bigint, revision bigint,
        native_id text, name text, input jsonb, result text, is_error boolean,
        started_at timestamptz, ended_at timestamptz, file_path text, diff jsonb,
        lines_added integer, lines_removed integer, agent_session text, masked jsonb)
      order by 1, 2
      on conflict (session_id, id) do update set
        (message_id, position, revision, native_id, name, input, result, is_error, started_at,
         ended_at, file_path, diff, lines_added, lines_removed, agent_session_id, masked)
        = (select m.message_id, m.position, m.revision, m.native_id, m.name, m.input, m.result,
             m.is_error, m.started_at, m.ended_at, m.file_path, m.diff, m.lines_added,
             m.lines_removed, m.agent_session_id, m.masked
           from private.merge_tool_call(t, excluded) m)
      where (t.*) is distinct from (private.merge_tool_call(t, excluded))
      returning session_id
    )
    select array_agg(distinct session_id) into tool_sessions from changed;

    return coalesce(message_sessions, '{}') || coalesce(block_sessions, '{}')
      || coalesce(tool_sessions, '{}');
  end
  $$;
comment on function private.ingest_content(private.device, jsonb) is
  'Stores messages, blocks and tool calls of a batch; returns the sessions that changed.';

-- Who a call belongs to when several sessions hold it: the one that made it before a replay before
-- a copy, then the smaller native id. It depends on facts only, so any order of arrival agrees.
create function private.claim(attribution smallint, session uuid) returns bytea
  language sql stable set search_path = ''
  as $$
    select convert_to(attribution || ' ' || s.native_id, 'UTF8')
    from public.sessions s where s.id = session
  $$;
comment on function private.claim(smallint, uuid) is
  'How good a session''s claim to a model call is; the least wins.';

create function private.ingest_model_calls(device private.device, batch jsonb) returns uuid[]
  language plpgsql set search_path = ''
  as $$
  declare
    losing uuid[];
    gaining uuid[];
  begin
    -- A call may move to the session that has the better claim to it; both are summed again.
    with new as (
      select private.session_id(device.owner_id, x.source, x.session) as session_id, x.*
      from jsonb_to_recordset(batch -> 'model_calls') as x (
        source text, session text, id uuid, message uuid, attribution smallint, revision bigint,
        native_id text, model text, at timestamptz, input_tokens bigint, output_tokens bigint,
        cache_read_tokens bigint, cache_write_5m_tokens bigint, cache_write_1h_tokens bigint,
        reasoning_tokens bigint, web_searches integer, service_tier text, speed text,
        usage_quality text, cost_usd numeric, price_version text, reported_cost_usd numeric)
    ), moved as (
      select c.session_id from public.model_calls c
      join new n on c.owner_id = device.owner_id and c.id = n.id
      where private.claim(coalesce(n.attribution, 0::smallint), n.session_id)
        < private.claim(c.attribution, c.session_id)
    ), changed as (
      insert into public.model_calls as t (owner_id, id, session_id, message_id, attribution,
        revision, source, native_id, model, at, input_tokens, output_tokens, cache_read_tokens,
        cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, web_searches,
        service_tier, speed, usage_quality, cost_usd, price_version, reported_cost_usd)
      select device.owner_id, n.id, n.session_id, n.message, coalesce(n.attribution, 0),
        n.revision, n.source, n.native_id, n.model, n.at, n.input_tokens, n.output_tokens,
        n.cache_read_tokens, n.cache_write_5m_tokens, n.cache_write_1h_tokens,
        n.reasoning_tokens, n.web_searches, n.service_tier, n.speed, n.usage_quality,
        n.cost_usd, n.price_version, n.reported_cost_usd
      from new n
      order by n.id
      on conflict (owner_id, id) do update set
        (session_id, message_id, attribution, revision, at) = (
          select case when better then excluded.session_id else t.session_id end,
            case when better then excluded.message_id else t.message_id end,
            case when better then excluded.attribution else t.attribution end,
            case when better then excluded.revision else greatest(t.revision,
              case when excluded.session_id = t.session_id then excluded.revision end) end,
            least(t.at, excluded.at)
          from (values (private.claim(excluded.attribution, excluded.session_id)
                        < private.claim(t.attribution, t.session_id))) v (better)),
        (output_tokens, reasoning_tokens, web_searches, service_tier, speed, usage_quality,
         cost_usd, price_version, reported_cost_usd) = (
          select case when more then excluded.output_tokens else t.output_tokens end,
            case when more then excluded.reasoning_tokens else t.reasoning_tokens end,
            case when more then excluded.web_searches else t.web_searches end,
            case when more then excluded.service_tier else t.service_tier end,
            case when more then excluded.speed else t.speed end,
            case when 'exact' in (excluded.usage_quality, t.usage_quality) then 'exact'
              else coalesce(excluded.usage_quality, t.usage_quality) end,
            case when more then excluded.cost_usd else coalesce(t.cost_usd, excluded.cost_usd) end,
            case when more then excluded.price_version else t.price_version end,
            case when more then excluded.reported_cost_usd else t.reported_cost_usd end
          from (values (coalesce(excluded.output_tokens, -1) > coalesce(t.output_tokens, -1)
            )) v (more))
      where private.claim(excluded.attribution, excluded.session_id)
          < private.claim(t.attribution, t.session_id)
        or excluded.at < t.at or (t.at is null and excluded.at is not null)
        or coalesce(excluded.output_tokens, -1) > coalesce(t.output_tokens, -1)
        or (t.cost_usd is null and excluded.cost_usd is not null)
        or (t.usage_quality is distinct from 'exact' and excluded.usage_quality = 'exact')
      returning session_id
    )
    select (select array_agg(distinct session_id) from moved),
      (select array_agg(distinct session_id) from changed)
    into losing, gaining;
    return coalesce(losing, '{}') || coalesce(gaining, '{}');
  end
  $$;
comment on function private.ingest_model_calls(private.device, jsonb) is
  'Stores model calls of a batch, each once per owner; returns the sessions whose sums change.';

-- Sums are made again from the rows of the sessions that changed, so they cannot drift.
create function private.refresh_sessions(ids uuid[]) returns void
  language plpgsql set search_path = ''
  as $$
  begin
    delete from public.usage_daily u
    where u.session_id = any (ids) and not exists (
      select from public.model_calls c
      where c.session_id = u.session_id and coalesce(c.model, 'unknown') = u.model
        and coalesce((c.at at time zone 'UTC')::date, date '1970-01-01') = u.day);

    insert into public.usage_daily as u (session_id, day, model, workspace_id, owner_id, source,
      calls, unpriced_calls, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
      cost_usd)
    select s.id, coalesce((c.at at time zone 'UTC')::date, date '1970-01-01'),
      coalesce(c.model, 'unknown'), s.workspace_id, s.owner_id, s.source,
      count(*), count(*) filter (where c.cost_usd is null), sum(c.input_tokens),
      sum(c.output_tokens), sum(c.cache_read_tokens),
      sum(coalesce(c.cache_write_5m_tokens + c.cache_write_1h_tokens,
        c.cache_write_5m_tokens, c.cache_write_1h_tokens)),
      sum(c.cost_usd)
    from public.sessions s join public.model_calls c on c.session_id = s.id
    where s.id = any (ids)
    group by 1, 2, 3
    order by 1, 2, 3
    on conflict (session_id, day, model) do update set
      workspace_id = excluded.workspace_id, calls = excluded.calls,
      unpriced_calls = excluded.unpriced_calls, input_tokens = excluded.input_tokens,
      output_tokens = excluded.output_tokens, cache_read_tokens = excluded.cache_read_tokens,
      cache_write_tokens = excluded.cache_write_tokens, cost_usd = excluded.cost_usd
    where (u.workspace_id, u.calls, u.unpriced_calls, u.input_tokens, u.output_tokens,
        u.cache_read_tokens, u.cache_write_tokens, u.cost_usd)
      is distinct from (excluded.workspace_id, excluded.calls, excluded.unpriced_calls,
        excluded.input_tokens, excluded.output_tokens, excluded.cache_read_tokens,
        excluded.cache_write_tokens, excluded.cost_usd);

    update public.sessions s set
      started_at = m.started_at, ended_at = m.ended_at, message_count = m.messages,
      prompt_count = m.prompts, tool_call_count = t.calls, tool_error_count = t.errors,
      lines_added = t.lines_added, lines_removed = t.lines_removed,
      model_call_count = coalesce(u.calls, 0), unpriced_call_count = coalesce(u.unpriced, 0),
      input_tokens = u.input_tokens, output_tokens = u.output_tokens,
      cache_read_tokens = u.cache_read_tokens, cache_write_tokens = u.cache_write_tokens,
      cost_usd = u.cost_usd, models = coalesce(u.models, '{}'),
      masked_count = private.masked_sum(s.masked) + m.masked + b.masked + t.masked,
      updated_at = now()
    from unnest(ids) i (id),
      lateral (
        select min(at) as started_at, max(at) as ended_at, count(*) as messages,
          count(*) filter (where kind = 'prompt') as prompts,
          coalesce(sum(private.masked_sum(masked)) filter (where masked is not null), 0) as masked
        from public.messages where session_id = i.id) m,
      lateral (
        select coalesce(sum(private.masked_sum(masked)), 0) as masked
        from public.blocks where session_id = i.id and masked is not null) b,
      lateral (
        select count(*) as calls, count(*) filter (where is_error) as errors,
          sum(lines_added) as lines_added, sum(lines_removed) as lines_removed,
          coalesce(sum(private.masked_sum(masked)) filter (where masked is not null), 0) as masked
        from public.tool_calls where session_id = i.id) t,
      lateral (
        select sum(calls) as calls, sum(unpriced_calls) as unpriced,
          sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
          sum(cache_read_tokens) as cache_read_tokens,
          sum(cache_write_tokens) as cache_write_tokens, sum(cost_usd) as cost_usd,
          array_agg(distinct model order by model) as models
        from public.usage_daily where session_id = i.id) u
    where s.id = i.id;
  end
  $$;
comment on function private.refresh_sessions(uuid[]) is
  'Makes the daily rollups and the sums of these sessions again from their rows.';

create function private.masked_sum(masked jsonb) returns bigint
  language sql immutable set search_path = ''
  as $$ select coalesce(sum(value::bigint), 0) from jsonb_each_text(coalesce(masked, '{}')) $$;
comment on function private.masked_sum(jsonb) is 'How many secrets a row''s rule counts add up to.';

-- Clients refetch under row-level security: an event holds ids only, one per workspace and batch.
create function private.announce(ids uuid[]) returns void
  language sql set search_path = ''
  as $$
    select realtime.send(
      jsonb_build_object('sessions', jsonb_agg(s.id order by s.id)),
      'ingest', 'workspace:' || s.workspace_id, true)
    from public.sessions s where s.id = any (ids) group by s.workspace_id
  $$;
comment on function private.announce(uuid[]) is 'Tells the workspaces of these sessions that they changed.';

create function private.ingest(batch jsonb) returns jsonb
  language plpgsql security definer set search_path = ''
  as $$
  declare
    device private.device := private.current_device();
    refused jsonb;
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
    refused := private.refused_rows(batch);
    if jsonb_array_length(refused) > 0 then
      batch := private.without_rows(batch, refused);
    end if;
    changed := private.ingest_sessions(device, batch);
    changed := changed || private.ingest_content(device, batch);
    changed := changed || private.ingest_model_calls(device, batch);
    select array_agg(distinct id order by id) into changed from unnest(changed) id;
    if cardinality(changed) > 0 then
      perform private.refresh_sessions(changed);
      perform private.announce(changed);
    end if;
    return jsonb_build_object('accepted', total - jsonb_array_length(refused),
      'changed_sessions', coalesce(cardinality(changed), 0), 'refused', refused);
  end
  $$;
comment on function private.ingest(jsonb) is 'What api.ingest does, with the rights to do it.';

create function api.ingest(batch jsonb) returns jsonb
  language sql volatile security invoker set search_path = '' set statement_timeout = '20s'
  as $$ select private.ingest(batch) $$;
comment on function api.ingest(jsonb) is
  'Stores a batch {guard_version, sessions, messages, blocks, tool_calls, model_calls} (names as in claude_code_tracer/model.py) for the owner of the device in X-Device-Token. At most 500 rows. Returns {accepted, changed_sessions, refused: [{list, index, reason}]}.';

revoke execute on all functions in schema private from public, anon;
revoke execute on function api.ingest(jsonb) from public, authenticated;
grant execute on function private.ingest(jsonb) to anon;
grant execute on function api.ingest(jsonb) to anon;

-- Counting for every source: usage by quarter-hour (so that any time zone's day can be summed),
-- calls whose counts grow, forks found by the calls they share, prices that can be set again.

alter table public.sessions drop constraint sessions_relation_check;
alter table public.sessions add constraint sessions_relation_check
  check (relation in ('subagent', 'fork', 'resume'));
comment on column public.sessions.relation is
  'What it is to its parent: subagent, fork (a copy that went on) or resume (its continuation).';

alter table public.model_calls add column inference_geo text;
comment on column public.model_calls.inference_geo is
  'Where it was computed, when that changes the price: us ...';
alter table public.model_calls drop constraint model_calls_usage_quality_check;
alter table public.model_calls add constraint model_calls_usage_quality_check
  check (usage_quality in ('exact', 'lower_bound', 'session_total'));
comment on column public.model_calls.usage_quality is
  'exact; lower_bound when the tool wrote a placeholder; session_total when it only tells the sum of a session, of which this is the latest.';

-- Usage by quarter-hour --------------------------------------------------------------------------
drop view api.usage_daily;
drop table public.usage_daily;

create table public.usage_slots (
  session_id uuid not null references public.sessions (id) on delete cascade,
  slot timestamptz not null,
  model text not null,
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  owner_id uuid not null,
  source text not null,
  first_at timestamptz,
  last_at timestamptz,
  calls integer not null,
  lower_bound_calls integer not null,
  unpriced_calls integer not null,
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_write_5m_tokens bigint,
  cache_write_1h_tokens bigint,
  reasoning_tokens bigint,
  web_searches bigint,
  cost_usd numeric(16, 8),
  reported_cost_usd numeric(16, 8),
  primary key (session_id, slot, model)
);
create index usage_slots_workspace_id_slot_idx on public.usage_slots (workspace_id, slot);
create index usage_slots_owner_id_slot_idx on public.usage_slots (owner_id, slot);
comment on table public.usage_slots is
  'Model calls summed by session, quarter-hour and model; kept right by ingest.';
comment on column public.usage_slots.session_id is 'The session.';
comment on column public.usage_slots.slot is
  'Start of the quarter-hour (UTC) of the calls: days of every time zone begin with one; 1970 when a call has no time.';
comment on column public.usage_slots.model is 'The model, or unknown.';
comment on column public.usage_slots.workspace_id is 'The workspace of the session.';
comment on column public.usage_slots.owner_id is 'Who pays.';
comment on column public.usage_slots.source is 'The tool.';
comment on column public.usage_slots.first_at is 'Time of the first of these calls.';
comment on column public.usage_slots.last_at is 'Time of the last of these calls.';
comment on column public.usage_slots.calls is 'Model calls; a fee without tokens is none.';
comment on column public.usage_slots.lower_bound_calls is 'Of those, how many used at least what is said.';
comment on column public.usage_slots.unpriced_calls is 'Of those, how many have no known price.';
comment on column public.usage_slots.input_tokens is 'Input tokens without the cached ones.';
comment on column public.usage_slots.output_tokens is 'Output tokens.';
comment on column public.usage_slots.cache_read_tokens is 'Tokens read from the cache.';
comment on column public.usage_slots.cache_write_5m_tokens is 'Tokens written to the 5-minute cache.';
comment on column public.usage_slots.cache_write_1h_tokens is 'Tokens written to the 1-hour cache.';
comment on column public.usage_slots.reasoning_tokens is 'Reasoning tokens, part of output_tokens.';
comment on column public.usage_slots.web_searches is 'Web searches.';
comment on column public.usage_slots.cost_usd is 'Calculated cost of the priced calls; null: nothing priced.';
comment on column public.usage_slots.reported_cost_usd is 'Sum of what the tool itself reported; null: nothing reported.';

alter table public.usage_slots enable row level security;
create policy "owners read their usage, members that of shared sessions" on public.usage_slots
  for select to authenticated
  using (
    owner_id = (select auth.uid())
    or session_id = any (array(select private.shared_session_ids('metrics')))
  );
grant select on public.usage_slots to authenticated;

create function private.slot_of(at timestamptz) returns timestamptz
  language sql immutable parallel safe set search_path = ''
  as $$
    select coalesce(date_bin(interval '15 minutes', at, timestamptz '2000-01-01 00:00:00Z'),
      timestamptz '1970-01-01 00:00:00Z')
  $$;
comment on function private.slot_of(timestamptz) is
  'Start of the quarter-hour of a call; 1970 when it has no time.';

create or replace function private.refresh_sessions(ids uuid[]) returns void
  language plpgsql set search_path = ''
  as $$
  begin
    delete from public.usage_slots u
    where u.session_id = any (ids) and not exists (
      select from public.model_calls c
      where c.session_id = u.session_id and coalesce(c.model, 'unknown') = u.model
        and private.slot_of(c.at) = u.slot);

    insert into public.usage_slots as u (session_id, slot, model, workspace_id, owner_id, source,
      first_at, last_at, calls, lower_bound_calls, unpriced_calls, input_tokens, output_tokens,
      cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens,
      web_searches, cost_usd, reported_cost_usd)
    select s.id, private.slot_of(c.at), coalesce(c.model, 'unknown'), s.workspace_id, s.owner_id,
      s.source, min(c.at), max(c.at), count(*) filter (where t.has_tokens),
      count(*) filter (where t.has_tokens and c.usage_quality = 'lower_bound'),
      count(*) filter (where t.has_tokens and c.cost_usd is null),
      sum(c.input_tokens), sum(c.output_tokens), sum(c.cache_read_tokens),
      sum(c.cache_write_5m_tokens), sum(c.cache_write_1h_tokens), sum(c.reasoning_tokens),
      sum(c.web_searches), sum(c.cost_usd), sum(c.reported_cost_usd)
    from public.sessions s
    join public.model_calls c on c.session_id = s.id
    cross join lateral (select num_nonnulls(c.input_tokens, c.output_tokens, c.cache_read_tokens,
      c.cache_write_5m_tokens, c.cache_write_1h_tokens) > 0 as has_tokens) t
    where s.id = any (ids)
    group by 1, 2, 3
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
          sum(coalesce(cache_write_5m_tokens + cache_write_1h_tokens, cache_write_5m_tokens,
            cache_write_1h_tokens)) as cache_write_tokens,
          sum(cost_usd) as cost_usd,
          array_agg(distinct model order by model) filter (where calls > 0) as models
        from public.usage_slots where session_id = i.id) u
    where s.id = i.id;
  end
  $$;
comment on function private.refresh_sessions(uuid[]) is
  'Makes the rollups and the sums of these sessions again from their rows.';

-- Model calls ------------------------------------------------------------------------------------
create function private.weight(
  input bigint, output bigint, cache_read bigint, write_5m bigint, write_1h bigint,
  searches integer) returns bigint
  language sql immutable parallel safe set search_path = ''
  as $$
    select coalesce(input, -1) + coalesce(output, -1) + coalesce(cache_read, -1)
      + coalesce(write_5m, -1) + coalesce(write_1h, -1) + coalesce(searches, -1)
  $$;
comment on function private.weight(bigint, bigint, bigint, bigint, bigint, integer) is
  'How much a version of a model call counts: of two versions the heavier has seen more of it.';

-- Two versions of one call: the heavier says what was used and at which price, an equal one only
-- fills what the other does not know. Where the call belongs is decided apart, by the better claim.
create function private.merge_model_call(a public.model_calls, b public.model_calls)
  returns public.model_calls language sql stable set search_path = ''
  as $$
    select a.owner_id, a.id,
      case when better then b.session_id else a.session_id end,
      case when better and same then coalesce(b.message_id, a.message_id)
        when better then b.message_id
        when same then coalesce(a.message_id, b.message_id) else a.message_id end,
      case when better then b.attribution else a.attribution end,
      case when same then greatest(a.revision, b.revision)
        when better then b.revision else a.revision end,
      a.source, coalesce(a.native_id, b.native_id), coalesce((w).model, (l).model),
      least(a.at, b.at),
      coalesce((w).input_tokens, (l).input_tokens),
      coalesce((w).output_tokens, (l).output_tokens),
      coalesce((w).cache_read_tokens, (l).cache_read_tokens),
      coalesce((w).cache_write_5m_tokens, (l).cache_write_5m_tokens),
      coalesce((w).cache_write_1h_tokens, (l).cache_write_1h_tokens),
      coalesce((w).reasoning_tokens, (l).reasoning_tokens),
      coalesce((w).web_searches, (l).web_searches),
      case when more <> 0 then (w).service_tier else coalesce((w).service_tier, (l).service_tier) end,
      case when more <> 0 then (w).speed else coalesce((w).speed, (l).speed) end,
      case when 'exact' in (a.usage_quality, b.usage_quality) then 'exact'
        else coalesce((w).usage_quality, (l).usage_quality) end,
      case when more <> 0 then (w).cost_usd else coalesce((w).cost_usd, (l).cost_usd) end,
      case when more <> 0 or (w).cost_usd is not null then (w).price_version
        else coalesce((l).price_version, (w).price_version) end,
      case when more <> 0 then (w).reported_cost_usd
        else coalesce((w).reported_cost_usd, (l).reported_cost_usd) end,
      case when more <> 0 then (w).inference_geo
        else coalesce((w).inference_geo, (l).inference_geo) end
    from (
      select d.more, a.session_id = b.session_id as same, case when d.more > 0 then b else a end as w,
        case when d.more > 0 then a else b end as l,
        private.claim(b.attribution, b.session_id) < private.claim(a.attribution, a.session_id)
          as better
      from (
        select sign(private.weight(b.input_tokens, b.output_tokens, b.cache_read_tokens,
            b.cache_write_5m_tokens, b.cache_write_1h_tokens, b.web_searches)
          - private.weight(a.input_tokens, a.output_tokens, a.cache_read_tokens,
            a.cache_write_5m_tokens, a.cache_write_1h_tokens, a.web_searches)) as more) d) v
  $$;
comment on function private.merge_model_call(public.model_calls, public.model_calls) is
  'Two versions of one model call as one.';

-- A plain fork says nowhere what it is a copy of: it holds calls that another session made, at the
-- same instant. The session that keeps such a call is the parent.
create function private.link_forks(device private.device, batch jsonb) returns uuid[]
  language sql set search_path = ''
  as $$
    with copies as (
      select distinct on (n.session_id) n.session_id as copy, c.session_id as original
      from (
        select private.session_id(device.owner_id, x.source, x.session) as session_id, x.id, x.at,
          coalesce(x.attribution, 0) as attribution
        from jsonb_to_recordset(batch -> 'model_calls') as x (
          source text, session text, id uuid, at timestamptz, attribution smallint)) n
      join public.model_calls c on c.owner_id = device.owner_id and c.id = n.id
        and c.session_id <> n.session_id and c.at = n.at
      where n.attribution in (0, 2) and c.attribution in (0, 2)
      order by n.session_id, c.session_id
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
comment on function private.link_forks(private.device, jsonb) is
  'Links sessions to the session whose calls they hold copies of; returns those that changed.';

create or replace function private.ingest_model_calls(device private.device, batch jsonb)
  returns uuid[] language plpgsql set search_path = ''
  as $$
  declare
    losing uuid[];
    gaining uuid[];
    disowned jsonb;
  begin
    -- A call may move to the session that has the better claim to it; both are summed again.
    with new as (
      select private.session_id(device.owner_id, x.source, x.session) as session_id, x.*
      from jsonb_to_recordset(batch -> 'model_calls') as x (
        source text, session text, id uuid, message uuid, attribution smallint, revision bigint,
        native_id text, model text, at timestamptz, input_tokens bigint, output_tokens bigint,
        cache_read_tokens bigint, cache_write_5m_tokens bigint, cache_write_1h_tokens bigint,
        reasoning_tokens bigint, web_searches integer, service_tier text, speed text,
        usage_quality text, cost_usd numeric, price_version text, reported_cost_usd numeric,
        inference_geo text)
    ), moved as (
      select c.session_id, s.native_id, c.source, c.id, c.at, c.attribution
      from public.model_calls c
      join new n on c.owner_id = device.owner_id and c.id = n.id
      join public.sessions s on s.id = c.session_id
      where c.session_id <> n.session_id
        and private.claim(coalesce(n.attribution, 0::smallint), n.session_id)
          < private.claim(c.attribution, c.session_id)
    ), changed as (
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
      where (t.*) is distinct from (private.merge_model_call(t, excluded))
      returning session_id
    )
    select (select array_agg(distinct session_id) from moved),
      (select array_agg(distinct session_id) from changed),
      (select jsonb_agg(jsonb_build_object('source', source, 'session', native_id, 'id', id,
        'at', at, 'attribution', attribution)) from moved)
    into losing, gaining, disowned;
    return coalesce(losing, '{}') || coalesce(gaining, '{}')
      || private.link_forks(device, batch)
      || private.link_forks(device, jsonb_build_object('model_calls', coalesce(disowned, '[]')));
  end
  $$;
comment on function private.ingest_model_calls(private.device, jsonb) is
  'Stores model calls of a batch, each once per owner; returns the sessions whose sums change.';

-- Reading ----------------------------------------------------------------------------------------
create view api.usage_slots with (security_invoker = true) as
  select session_id, slot, model, workspace_id, owner_id, source, first_at, last_at, calls,
    lower_bound_calls, unpriced_calls, input_tokens, output_tokens, cache_read_tokens,
    cache_write_5m_tokens, cache_write_1h_tokens, reasoning_tokens, web_searches, cost_usd,
    reported_cost_usd
  from public.usage_slots;
comment on view api.usage_slots is 'Model calls summed by session, quarter-hour and model.';

drop view api.model_calls;
create view api.model_calls with (security_invoker = true) as
  select id, owner_id, session_id, message_id, source, native_id, model, at, input_tokens,
    output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    reasoning_tokens, web_searches, service_tier, speed, inference_geo, usage_quality, cost_usd,
    price_version, reported_cost_usd
  from public.model_calls;
comment on view api.model_calls is 'Billed API responses.';

create function api.get_usage(
  dimensions text[], timezone text default 'UTC', since date default null,
  until date default null, source text default null, project text default null,
  workspace uuid default null)
  returns jsonb language sql stable security invoker set search_path = ''
  as $$
    select coalesce(jsonb_agg(to_jsonb(r)), '[]')
    from (
      select
        case when 'day' = any (dimensions) and u.slot > timestamptz 'epoch'
          then (u.slot at time zone timezone)::date end as day,
        case when 'slot' = any (dimensions) and u.slot > timestamptz 'epoch'
          then u.slot end as slot,
        case when 'source' = any (dimensions) then u.source end as source,
        case when 'model' = any (dimensions) then u.model end as model,
        case when 'workspace' = any (dimensions) then u.workspace_id end as workspace,
        case when 'device' = any (dimensions) then d.name end as device,
        case when 'project' = any (dimensions) then p.name end as project,
        case when 'session' = any (dimensions) then s.id end as session_id,
        case when 'session' = any (dimensions) then s.native_id end as session,
        case when 'session' = any (dimensions) and s.relation = 'subagent'
          then root.native_id end as parent,
        case when 'session' = any (dimensions) and (
          s.owner_id = (select auth.uid()) or s.visibility >= 'full') then s.title end as title,
        case when 'session' = any (dimensions) and (
          s.owner_id = (select auth.uid()) or s.visibility >= 'tools') then s.path end as path,
        sum(u.calls) as calls, sum(u.lower_bound_calls) as lower_bound_calls,
        sum(u.unpriced_calls) as unpriced_calls, sum(u.input_tokens) as input_tokens,
        sum(u.output_tokens) as output_tokens, sum(u.cache_read_tokens) as cache_read_tokens,
        sum(u.cache_write_5m_tokens) as cache_write_5m_tokens,
        sum(u.cache_write_1h_tokens) as cache_write_1h_tokens,
        sum(u.reasoning_tokens) as reasoning_tokens, sum(u.web_searches) as web_searches,
        sum(u.cost_usd) as cost_usd, sum(u.reported_cost_usd) as reported_cost_usd,
        min(u.first_at) as first_at, max(u.last_at) as last_at
      from public.usage_slots u
      join public.sessions s on s.id = u.session_id
      left join public.sessions root on root.id = s.parent_id
      left join public.projects p on p.id = coalesce(s.project_id, root.project_id)
      left join public.devices d on d.id = s.device_id
      where (since is null or u.slot >= since::timestamp at time zone timezone)
        and (until is null or u.slot < (until + 1)::timestamp at time zone timezone)
        and (get_usage.source is null or u.source = get_usage.source)
        and (get_usage.project is null
          or p.name = get_usage.project or p.id::text = get_usage.project)
        and (get_usage.workspace is null or u.workspace_id = get_usage.workspace)
      group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
      order by 1, 2, 3, 4, 5, 6, 7, 9
    ) r
  $$;
comment on function api.get_usage(text[], text, date, date, text, text, uuid) is
  'Usage of every session the caller may see, summed by the dimensions asked for: day (of the time zone), slot (quarter-hour), source, model, workspace, device, project, session. since and until are days, both included; project is a name or an id. Unknown is null, never 0; a row without a day has calls without a time.';

create function api.get_unknown_records()
  returns table (source text, tool_version text, type text, records bigint)
  language sql stable security invoker set search_path = ''
  as $$
    select s.source, s.tool_version, coalesce(b.data ->> 'type', '(none)'), count(*)
    from public.blocks b join public.sessions s on s.id = b.session_id
    where b.kind = 'unknown'
    group by 1, 2, 3
    order by 4 desc, 1, 2, 3
  $$;
comment on function api.get_unknown_records() is
  'Records that no version of the tracer knew, by tool, version of the tool, and type.';
create index blocks_unknown_idx on public.blocks (session_id) where kind = 'unknown';

-- Prices -----------------------------------------------------------------------------------------
create function private.set_prices(prices jsonb) returns integer
  language plpgsql security definer set search_path = ''
  as $$
  declare
    changed uuid[];
    written integer;
  begin
    if jsonb_typeof(prices) is distinct from 'array' or jsonb_array_length(prices) > 5000 then
      raise exception using errcode = 'PT400', message = 'prices must be an array of at most 5000';
    end if;
    with set_again as (
      update public.model_calls c set cost_usd = x.cost_usd, price_version = x.price_version
      from jsonb_to_recordset(prices) as x (
        id uuid, output_tokens bigint, cost_usd numeric, price_version text)
      where c.owner_id = (select auth.uid()) and c.id = x.id
        and c.output_tokens is not distinct from x.output_tokens
        and (c.cost_usd, c.price_version) is distinct from
          (x.cost_usd::numeric(16, 8), x.price_version)
      returning c.session_id
    )
    select array_agg(distinct session_id), count(*) into changed, written from set_again;
    if written > 0 then
      perform private.refresh_sessions(changed);
      perform private.announce(changed);
    end if;
    return written;
  end
  $$;
comment on function private.set_prices(jsonb) is 'What api.set_prices does, with the rights to do it.';

create function api.set_prices(prices jsonb) returns integer
  language sql volatile security invoker set search_path = '' set statement_timeout = '60s'
  as $$ select private.set_prices(prices) $$;
comment on function api.set_prices(jsonb) is
  'Sets cost_usd and price_version of the caller''s own model calls: [{id, output_tokens, cost_usd, price_version}], at most 5000; a call whose output grew meanwhile is left. Returns how many changed.';

revoke all on api.usage_slots, api.model_calls from public, anon;
grant select on api.usage_slots, api.model_calls to authenticated;
revoke execute on function private.slot_of(timestamptz), private.weight(bigint, bigint, bigint, bigint, bigint, integer),
  private.merge_model_call(public.model_calls, public.model_calls),
  private.link_forks(private.device, jsonb), private.set_prices(jsonb),
  api.get_usage(text[], text, date, date, text, text, uuid), api.get_unknown_records(),
  api.set_prices(jsonb) from public, anon, authenticated;
grant execute on function private.set_prices(jsonb),
  api.get_usage(text[], text, date, date, text, text, uuid), api.get_unknown_records(),
  api.set_prices(jsonb) to authenticated;

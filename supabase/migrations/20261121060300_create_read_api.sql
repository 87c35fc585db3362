-- What clients read: views that run with the caller's rights, and the replay of one session.

create view api.workspaces with (security_invoker = true) as
  select w.id, w.kind, w.name, w.created_at,
    (select m.role from public.workspace_members m
     where m.workspace_id = w.id and m.user_id = (select auth.uid())) as my_role
  from public.workspaces w;
comment on view api.workspaces is 'The caller''s workspaces and role in each.';

create view api.workspace_members with (security_invoker = true) as
  select workspace_id, user_id, role, created_at from public.workspace_members;
comment on view api.workspace_members is 'Members of the caller''s workspaces.';

create view api.devices with (security_invoker = true) as
  select id, name, platform, created_at from public.devices;
comment on view api.devices is 'The caller''s devices.';

create view api.projects with (security_invoker = true) as
  select id, workspace_id, owner_id, root, name, created_at from public.projects;
comment on view api.projects is 'Folders that sessions worked in.';

-- What `metrics` and `tools` hide of another member's session is hidden here as well: text that
-- quotes the owner (title) needs `full`, paths and branches need `tools`.
create view api.sessions with (security_invoker = true) as
  select s.id, s.workspace_id, s.owner_id, s.device_id, s.project_id, s.parent_id, s.relation,
    s.visibility, s.source, s.native_id, s.agent_id, s.agent_type,
    case when v.full then s.title end as title,
    case when v.tools then p.name end as project,
    case when v.tools then s.cwd end as cwd,
    case when v.tools then s.branch end as branch,
    case when v.tools then s.path end as path,
    s.tool_version, s.entrypoint, s.started_at, s.ended_at, s.models, s.message_count,
    s.prompt_count, s.tool_call_count, s.tool_error_count, s.lines_added, s.lines_removed,
    s.model_call_count, s.unpriced_call_count, s.input_tokens, s.output_tokens,
    s.cache_read_tokens, s.cache_write_tokens, s.cost_usd, s.masked_count,
    c.agents as agent_count,
    case when s.cost_usd is not null or c.cost_usd is not null
      then coalesce(s.cost_usd, 0) + coalesce(c.cost_usd, 0) end as total_cost_usd,
    s.unpriced_call_count + c.unpriced as total_unpriced_call_count,
    s.created_at, s.updated_at
  from public.sessions s
  left join public.projects p on p.id = s.project_id
  cross join lateral (
    select s.owner_id = (select auth.uid()) or s.visibility >= 'tools' as tools,
      s.owner_id = (select auth.uid()) or s.visibility >= 'full' as full) v
  cross join lateral (
    select count(*)::integer as agents, sum(a.cost_usd) as cost_usd,
      coalesce(sum(a.unpriced_call_count), 0)::integer as unpriced
    from public.sessions a where a.parent_id = s.id and a.relation = 'subagent') c;
comment on view api.sessions is
  'Sessions the caller may see; total_cost_usd includes the subagents. Unknown is null, never 0.';

create view api.messages with (security_invoker = true) as
  select session_id, id, position, native_id, role, kind, at, model, is_sidechain, flags, masked
  from public.messages;
comment on view api.messages is 'Messages of sessions the caller may read.';

create view api.blocks with (security_invoker = true) as
  select session_id, id, message_id, position, kind, text, tool_call_id, data, masked
  from public.blocks;
comment on view api.blocks is 'Content of messages.';

create view api.tool_calls with (security_invoker = true) as
  select session_id, id, message_id, position, native_id, name, input, result, is_error,
    started_at, ended_at, file_path, diff, lines_added, lines_removed, agent_session_id, masked
  from public.tool_calls;
comment on view api.tool_calls is 'Tool calls of sessions the caller may read.';

create view api.model_calls with (security_invoker = true) as
  select id, owner_id, session_id, message_id, source, native_id, model, at, input_tokens,
    output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
    reasoning_tokens, web_searches, service_tier, speed, usage_quality, cost_usd, price_version,
    reported_cost_usd
  from public.model_calls;
comment on view api.model_calls is 'Billed API responses.';

create view api.usage_daily with (security_invoker = true) as
  select session_id, day, model, workspace_id, owner_id, source, calls, unpriced_calls,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_usd
  from public.usage_daily;
comment on view api.usage_daily is 'Model calls summed by session, UTC day and model.';

create function api.get_replay(
  session uuid, after_position bigint default -1, page_size integer default 200)
  returns jsonb language sql stable security invoker set search_path = ''
  as $$
    select coalesce(jsonb_agg(to_jsonb(m) - 'owner_id' - 'session_id' || jsonb_build_object(
      'blocks', (
        select coalesce(jsonb_agg(jsonb_build_object('id', b.id, 'kind', b.kind, 'text', b.text,
          'data', b.data, 'tool_call_id', b.tool_call_id, 'masked', b.masked)
          order by b.position, b.id), '[]')
        from public.blocks b where b.session_id = m.session_id and b.message_id = m.id),
      'tool_calls', (
        select coalesce(jsonb_agg(to_jsonb(t) - 'owner_id' - 'session_id' - 'revision'
          order by t.position, t.id), '[]')
        from public.tool_calls t where t.session_id = m.session_id and t.message_id = m.id),
      'usage', (
        select jsonb_build_object('input_tokens', sum(c.input_tokens),
          'output_tokens', sum(c.output_tokens), 'cache_read_tokens', sum(c.cache_read_tokens),
          'cache_write_tokens',
          sum(coalesce(c.cache_write_5m_tokens + c.cache_write_1h_tokens,
        c.cache_write_5m_tokens, c.cache_write_1h_tokens)),
          'cost_usd', sum(c.cost_usd), 'unpriced_calls', count(*) filter (where c.cost_usd is null))
        from public.model_calls c where c.session_id = m.session_id and c.message_id = m.id
        having count(*) > 0)
    ) order by m.position, m.id), '[]')
    from (
      select * from public.messages
      where session_id = session and position > after_position
      order by position, id
      limit least(greatest(page_size, 1), 500)
    ) m
  $$;
comment on function api.get_replay(uuid, bigint, integer) is
  'One page of a session in order: messages with their blocks, tool calls and usage. Ask again with the last position until a page is empty.';

create function api.find_sessions(reference text) returns setof api.sessions
  language sql stable security invoker set search_path = '' rows 10
  as $$
    select s.* from api.sessions s
    where starts_with(s.native_id, reference) or starts_with(s.id::text, lower(reference))
    order by s.ended_at desc nulls last, s.id
    limit 10
  $$;
comment on function api.find_sessions(text) is
  'Sessions whose id or native id starts with the reference; at most ten.';

revoke all on all tables in schema api from public, anon;
grant select on all tables in schema api to authenticated;
revoke execute on function api.get_replay(uuid, bigint, integer), api.find_sessions(text)
  from public, anon;
grant execute on function api.get_replay(uuid, bigint, integer), api.find_sessions(text)
  to authenticated;

-- Live: members may listen on `workspace:<id>`; nobody may send there.
create function private.topic_workspace_id() returns uuid
  language sql stable set search_path = ''
  as $$
    select case when realtime.topic()
      ~ '^workspace:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then substring(realtime.topic() from 11)::uuid end
  $$;
comment on function private.topic_workspace_id() is 'The workspace of the topic being joined, or null.';
revoke execute on function private.topic_workspace_id() from public, anon;
grant execute on function private.topic_workspace_id() to authenticated;

create policy "members can listen to their workspace" on realtime.messages
  for select to authenticated
  using (
    extension = 'broadcast'
    and (select private.topic_workspace_id()) = any (array(select private.my_workspace_ids()))
  );

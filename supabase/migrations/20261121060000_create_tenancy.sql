-- Who is who: workspaces (the tenants), their members, devices and device tokens.

-- Deny first -----------------------------------------------------------------------------------
create schema if not exists api;
create schema if not exists private;
comment on schema api is 'The exposed surface: views that run with the caller''s rights, and functions.';
comment on schema private is 'Helpers and secrets. Never exposed.';

alter default privileges in schema public revoke all on tables from public, anon, authenticated;
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke execute on functions from anon, authenticated;
alter default privileges in schema api revoke execute on functions from anon, authenticated;
revoke all on schema private from public;
grant usage on schema api, private to anon, authenticated;

-- Tables ---------------------------------------------------------------------------------------
create type public.member_role as enum ('viewer', 'member', 'admin', 'owner');
create type public.visibility as enum ('private', 'metrics', 'tools', 'full');
comment on type public.member_role is 'What a member may do, from least to most.';
comment on type public.visibility is 'What other members see of a session, from nothing to all.';

create table public.workspaces (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('personal', 'team')),
  name text not null check (length(name) between 1 and 100),
  created_by uuid references auth.users (id) on delete set null,
  min_guard_version integer not null default 1,
  created_at timestamptz not null default now()
);
create unique index workspaces_created_by_personal_idx on public.workspaces (created_by)
  where kind = 'personal';
create index workspaces_created_by_idx on public.workspaces (created_by);
comment on table public.workspaces is 'The tenant: one personal workspace per user, team workspaces are shared.';
comment on column public.workspaces.id is 'Id of the workspace.';
comment on column public.workspaces.kind is 'personal (one per user) or team.';
comment on column public.workspaces.name is 'Name shown to its members.';
comment on column public.workspaces.created_by is 'The user who made it; null once that account is gone.';
comment on column public.workspaces.min_guard_version is 'Oldest privacy guard whose records are accepted.';
comment on column public.workspaces.created_at is 'When it was made.';

create table public.workspace_members (
  workspace_id uuid not null references public.workspaces (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role public.member_role not null,
  created_at timestamptz not null default now(),
  primary key (workspace_id, user_id)
);
create index workspace_members_user_id_idx on public.workspace_members (user_id, workspace_id);
comment on table public.workspace_members is 'Who belongs to which workspace, and as what.';
comment on column public.workspace_members.workspace_id is 'The workspace.';
comment on column public.workspace_members.user_id is 'The member.';
comment on column public.workspace_members.role is 'What the member may do.';
comment on column public.workspace_members.created_at is 'When the member joined.';

create table public.devices (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references auth.users (id) on delete cascade,
  name text not null check (length(name) between 1 and 100),
  platform text check (length(platform) <= 100),
  created_at timestamptz not null default now()
);
create index devices_owner_id_idx on public.devices (owner_id);
comment on table public.devices is 'Machines that send transcripts.';
comment on column public.devices.id is 'Id of the device.';
comment on column public.devices.owner_id is 'Whose machine it is.';
comment on column public.devices.name is 'Name shown to its owner.';
comment on column public.devices.platform is 'Operating system and processor.';
comment on column public.devices.created_at is 'When it was paired.';

create table private.device_tokens (
  id uuid primary key default gen_random_uuid(),
  device_id uuid not null references public.devices (id) on delete cascade,
  token_sha256 bytea not null unique check (length(token_sha256) = 32),
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz
);
create index device_tokens_device_id_idx on private.device_tokens (device_id);
alter table private.device_tokens enable row level security;
comment on table private.device_tokens is 'What a device shows to send transcripts; only the hash is kept.';
comment on column private.device_tokens.id is 'Id of the token.';
comment on column private.device_tokens.device_id is 'The device it belongs to.';
comment on column private.device_tokens.token_sha256 is 'SHA-256 of the token (random, 256 bits; so no salt).';
comment on column private.device_tokens.created_at is 'When it was issued.';
comment on column private.device_tokens.last_used_at is 'When it was last accepted, to the minute.';
comment on column private.device_tokens.expires_at is 'When it stops working; null: never.';
comment on column private.device_tokens.revoked_at is 'When it was revoked; null: it is valid.';

-- Helpers --------------------------------------------------------------------------------------
-- One helper carries every membership policy. It is evaluated once per statement when it stands as
-- `x = any(array(select private.my_workspace_ids()))` (0.6 ms against 640 ms per-row, 200k rows).
create function private.my_workspace_ids() returns setof uuid
  language sql stable security definer set search_path = ''
  as $$
    select workspace_id from public.workspace_members where user_id = (select auth.uid())
  $$;
comment on function private.my_workspace_ids() is 'The workspaces the signed-in user belongs to.';
revoke execute on function private.my_workspace_ids() from public, anon;
grant execute on function private.my_workspace_ids() to authenticated;

create type private.device as (device_id uuid, owner_id uuid, workspace_id uuid);

create function private.current_device() returns private.device
  language plpgsql security definer set search_path = ''
  as $$
  declare
    token text := nullif(current_setting('request.headers', true), '')::json ->> 'x-device-token';
    found_token private.device_tokens;
    result private.device;
  begin
    if token is not null then
      select * into found_token from private.device_tokens t
      where t.token_sha256 = sha256(convert_to(token, 'UTF8'))
        and t.revoked_at is null and (t.expires_at is null or t.expires_at > now());
    end if;
    if found_token.id is null then
      raise exception using errcode = 'PT401', message = 'This device is not signed in',
        hint = 'Pair it again with: claude-tracer login';
    end if;
    if found_token.last_used_at is null or found_token.last_used_at < now() - interval '1 minute' then
      update private.device_tokens set last_used_at = now() where id = found_token.id;
    end if;
    select d.id, d.owner_id, w.id into result
    from public.devices d
    join public.workspaces w on w.created_by = d.owner_id and w.kind = 'personal'
    where d.id = found_token.device_id;
    return result;
  end
  $$;
comment on function private.current_device() is
  'Device, owner and personal workspace behind the X-Device-Token header; HTTP 401 when it is not valid.';
revoke execute on function private.current_device() from public, anon, authenticated;

-- Sign-up --------------------------------------------------------------------------------------
create function private.create_personal_workspace() returns trigger
  language plpgsql security definer set search_path = ''
  as $$
  declare
    workspace uuid;
  begin
    insert into public.workspaces (kind, name, created_by)
    values ('personal', 'Personal', new.id) returning id into workspace;
    insert into public.workspace_members (workspace_id, user_id, role)
    values (workspace, new.id, 'owner');
    return new;
  end
  $$;
comment on function private.create_personal_workspace() is 'Gives every new user a personal workspace.';
revoke execute on function private.create_personal_workspace() from public, anon, authenticated;

create trigger create_personal_workspace after insert on auth.users
  for each row execute function private.create_personal_workspace();

-- Row-level security ---------------------------------------------------------------------------
alter table public.workspaces enable row level security;
alter table public.workspace_members enable row level security;
alter table public.devices enable row level security;

create policy "members can read their workspaces" on public.workspaces for select to authenticated
  using (id = any (array(select private.my_workspace_ids())));
create policy "members can see each other" on public.workspace_members for select to authenticated
  using (workspace_id = any (array(select private.my_workspace_ids())));
create policy "owners can read their devices" on public.devices for select to authenticated
  using (owner_id = (select auth.uid()));

grant select on public.workspaces, public.workspace_members, public.devices to authenticated;

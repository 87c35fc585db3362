-- The platform layer: what hosted Supabase has before the first migration runs. Run once per server
-- by the superuser `supabase_admin`, in the database `postgres`; safe to run again. Migrations run
-- afterwards as `postgres`, which is not a superuser here either, as on hosted.

-- Roles ----------------------------------------------------------------------------------------
do $$
declare
  role_name text;
begin
  foreach role_name in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin noinherit', role_name);
    end if;
  end loop;
  foreach role_name in array array['supabase_auth_admin', 'supabase_realtime_admin'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I nologin noinherit createrole', role_name);
    end if;
  end loop;
  if not exists (select from pg_roles where rolname = 'authenticator') then
    create role authenticator login noinherit;
  end if;
  if not exists (select from pg_roles where rolname = 'postgres') then
    create role postgres login;
  end if;
end $$;
alter role service_role bypassrls;
alter role postgres login createdb createrole replication bypassrls nosuperuser;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, supabase_realtime_admin to postgres with admin option;
grant all on database postgres to postgres;
grant all on schema public to postgres;
grant usage on schema public to anon, authenticated, service_role;
alter database postgres set search_path = "$user", public, extensions;
alter database postgres set pgrst.db_schemas = 'api';

-- extensions: shims for what the wheel's PostgreSQL lacks -----------------------------------------
create schema if not exists extensions;
grant usage on schema extensions to postgres, anon, authenticated, service_role;
create or replace function extensions.uuid_generate_v4() returns uuid
  language sql volatile as $$ select pg_catalog.gen_random_uuid() $$;

-- auth: the tables and functions that policies and our gateway use -------------------------------
create schema if not exists auth authorization supabase_auth_admin;
grant usage on schema auth to postgres, anon, authenticated, service_role;

create table if not exists auth.users (
  id uuid primary key default gen_random_uuid(),
  aud text not null default 'authenticated',
  role text not null default 'authenticated',
  email text,
  phone text,
  encrypted_password text,
  email_confirmed_at timestamptz,
  last_sign_in_at timestamptz,
  banned_until timestamptz,
  raw_app_meta_data jsonb not null default '{"provider": "email", "providers": ["email"]}',
  raw_user_meta_data jsonb not null default '{}',
  is_anonymous boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create unique index if not exists users_email_idx on auth.users (lower(email));

create table if not exists auth.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  created_at timestamptz not null default now(),
  refreshed_at timestamptz not null default now(),
  user_agent text,
  amr text not null default 'password'
);
create index if not exists sessions_user_id_idx on auth.sessions (user_id);

create table if not exists auth.refresh_tokens (
  id bigint generated always as identity primary key,
  token_sha256 bytea not null unique,
  session_id uuid not null references auth.sessions (id) on delete cascade,
  parent_id bigint references auth.refresh_tokens (id) on delete set null,
  created_at timestamptz not null default now(),
  used_at timestamptz
);
create index if not exists refresh_tokens_session_id_idx on auth.refresh_tokens (session_id);
create index if not exists refresh_tokens_parent_id_idx on auth.refresh_tokens (parent_id);

create table if not exists auth.one_time_tokens (
  token_sha256 bytea primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  token_type text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index if not exists one_time_tokens_user_id_idx on auth.one_time_tokens (user_id);

do $$
declare
  table_name text;
begin
  foreach table_name in array array['users', 'sessions', 'refresh_tokens', 'one_time_tokens'] loop
    execute format('alter table auth.%I owner to supabase_auth_admin', table_name);
    execute format('alter table auth.%I enable row level security', table_name);
    execute format('grant all on auth.%I to postgres, service_role', table_name);
  end loop;
end $$;
grant trigger, references on auth.users to postgres;
grant supabase_auth_admin to authenticator;

create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$;
create or replace function auth.uid() returns uuid language sql stable as $$
  select nullif(auth.jwt() ->> 'sub', '')::uuid $$;
create or replace function auth.role() returns text language sql stable as $$
  select auth.jwt() ->> 'role' $$;
create or replace function auth.email() returns text language sql stable as $$
  select auth.jwt() ->> 'email' $$;
grant execute on all functions in schema auth to postgres, anon, authenticated, service_role;

-- realtime: private broadcast ---------------------------------------------------------------------
create schema if not exists realtime authorization supabase_realtime_admin;
grant usage on schema realtime to postgres, anon, authenticated, service_role;

create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default now(),
  inserted_at timestamp not null default now(),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  primary key (id, inserted_at)
);
create index if not exists messages_inserted_at_idx on realtime.messages (inserted_at);
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
grant select, insert, update on realtime.messages to postgres, anon, authenticated, service_role;

create or replace function realtime.topic() returns text language sql stable as $$
  select nullif(current_setting('realtime.topic', true), '') $$;

create or replace function realtime.send(
  payload jsonb, event text, topic text, private boolean default true) returns void
  language plpgsql as $$
  declare
    message_id uuid := gen_random_uuid();
  begin
    if payload is not null and jsonb_typeof(payload) = 'object' and not payload ? 'id' then
      payload := payload || jsonb_build_object('id', message_id);
    end if;
    insert into realtime.messages (id, payload, event, topic, private, extension)
    values (message_id, payload, event, topic, private, 'broadcast');
  exception when others then
    raise warning 'realtime.send failed: %', sqlerrm;
  end $$;

create or replace function realtime.notify_message() returns trigger
  language plpgsql security definer set search_path = '' as $$
  begin
    perform pg_notify('realtime_messages', new.id::text);
    return null;
  end $$;
create or replace trigger notify_message after insert on realtime.messages
  for each row when (new.extension = 'broadcast') execute function realtime.notify_message();
grant execute on all functions in schema realtime to postgres, anon, authenticated, service_role;
revoke execute on function realtime.notify_message() from public, anon, authenticated;
grant supabase_realtime_admin to authenticator;

-- gateway: what only our gateway calls ------------------------------------------------------------
create schema if not exists gateway;
revoke all on schema gateway from public;
grant usage on schema gateway to supabase_auth_admin;

-- On hosted an edge function does this with the service role's rights.
create or replace function gateway.device_owner() returns uuid
  language plpgsql security definer set search_path = '' as $$
  begin
    return (private.current_device()).owner_id;
  end $$;
revoke execute on function gateway.device_owner() from public;
grant execute on function gateway.device_owner() to supabase_auth_admin;

-- The gateway reads the exposed schema again after a migration, as hosted PostgREST does.
create or replace function gateway.announce_change() returns event_trigger
  language plpgsql set search_path = '' as $$
  begin
    notify pgrst, 'reload schema';
  end $$;
drop event trigger if exists gateway_ddl;
drop event trigger if exists gateway_drop;
create event trigger gateway_ddl on ddl_command_end
  when tag in ('CREATE VIEW', 'ALTER VIEW', 'CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE TABLE',
    'ALTER TABLE', 'CREATE TYPE', 'ALTER TYPE', 'CREATE SCHEMA', 'ALTER SCHEMA')
  execute function gateway.announce_change();
create event trigger gateway_drop on sql_drop execute function gateway.announce_change();

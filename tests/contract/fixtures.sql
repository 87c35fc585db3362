-- What the contract suite asks about, beside the product's own views and functions.
create table public.things (
  id integer primary key, name text, size numeric, data jsonb, tags text[], words tsvector,
  at timestamptz, is_good boolean
);
insert into public.things
select n, case when n % 5 = 0 then null else 'thing ' || n end, n / 4.0,
  jsonb_build_object('kind', case when n % 2 = 0 then 'even' else 'odd' end, 'list', array[n, n + 1]),
  array['t' || n % 3, 'a,"b'], to_tsvector('english', 'the running thing number ' || n),
  timestamptz '2026-01-01Z' + n * interval '1 hour', n % 3 = 0
from generate_series(1, 20) n;
alter table public.things enable row level security;
create policy "anybody reads" on public.things for select to anon, authenticated using (true);
grant select on public.things to anon, authenticated;
create view api.things with (security_invoker = true) as select * from public.things;
grant select on api.things to anon, authenticated;
create view api.many with (security_invoker = true) as select n from generate_series(1, 1500) n;
grant select on api.many to anon, authenticated;

create function api.add(a integer, b integer default 10) returns integer
  language sql immutable as $$ select a + b $$;
create function api.nothing() returns void language sql volatile as $$ select $$;
create function api.null_text() returns text language sql stable as $$ select null::text $$;
create function api.numbers(up_to integer) returns setof integer
  language sql stable as $$ select generate_series(1, up_to) $$;
create function api.list_things(wanted text default null) returns setof public.things
  language sql stable as $$ select * from public.things where wanted is null or name = wanted $$;
create function api.first_thing() returns public.things
  language sql stable as $$ select * from public.things order by id limit 1 $$;
create function api.pairs(many integer) returns table (x integer, y text)
  language sql stable as $$ select n, 'y' || n from generate_series(1, many) n $$;
create function api.both_outs(out x integer, out y text)
  language sql stable as $$ select 1, 'one' $$;
create function api.typed(ids uuid[], day date, extra jsonb) returns text
  language sql stable as $$ select concat_ws('|', ids, day, extra ->> 'a') $$;
create function api.whole(jsonb) returns jsonb language sql stable as $$ select $1 $$;
create function api.same(a integer) returns text language sql stable as $$ select 'integer' $$;
create function api.same(b text) returns text language sql stable as $$ select 'text' $$;
create function api.refuse(state text) returns void language plpgsql volatile
  as $$ begin raise exception using errcode = state, message = 'no', hint = 'h', detail = 'd'; end $$;
create function api.rename(new_name text) returns setof public.things
  language sql volatile security definer
  as $$ update public.things set name = new_name where id in (1, 2) returning * $$;
create function api.context() returns jsonb language sql stable as $$
  select jsonb_build_object('role', current_role, 'method', current_setting('request.method'),
    'path', current_setting('request.path'), 'sub', auth.uid(),
    'header', current_setting('request.headers')::json ->> 'x-custom') $$;
create function api.sleep(seconds double precision) returns void
  language sql volatile as $$ select pg_sleep(seconds) $$;
create function api.sleep_allowed(seconds double precision) returns void
  language sql volatile set statement_timeout = '20s' as $$ select pg_sleep(seconds) $$;
grant execute on all functions in schema api to anon, authenticated;
revoke execute on function api.ingest(jsonb) from authenticated;

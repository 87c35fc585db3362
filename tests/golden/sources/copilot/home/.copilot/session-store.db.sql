create table schema_version (version integer not null);
insert into schema_version values (8);
create table sessions (id text primary key, cwd text, repository text, host_type text, branch text,
  summary text, created_at text, updated_at text);
insert into sessions values
  ('c0b10700-0000-4000-8000-000000000003', '/home/ada/till', 'ada/till', 'github', 'main', 'Add VAT to the till', '2026-06-08 09:00:00', '2026-06-08 09:00:09'),
  ('c0b10700-0000-4000-8000-000000000004', '/home/ada/docs', null, null, 'main', null, '2026-06-09 09:00:00', '2026-06-09 09:02:00');
create table assistant_usage_events (
  id integer primary key autoincrement, session_id text not null, turn_index integer,
  agent_id text, parent_tool_call_id text, model text not null, input_tokens integer,
  output_tokens integer, cache_read_tokens integer, cache_write_tokens integer,
  reasoning_tokens integer, total_nano_aiu integer, request_multiplier real, duration_ms integer,
  initiator text, finish_reason text, created_at text);
insert into assistant_usage_events (session_id, turn_index, model, input_tokens, output_tokens,
  cache_read_tokens, cache_write_tokens, reasoning_tokens, total_nano_aiu, created_at) values
  ('c0b10700-0000-4000-8000-000000000003', 0, 'gpt-5.1-codex', 2000, 50, 1500, 0, 10, 700000000, '2026-06-08 09:00:04'),
  ('c0b10700-0000-4000-8000-000000000003', 0, 'gpt-5.1-codex', 3000, 40, 2500, 0, 0, 550000000, '2026-06-08 09:00:06'),
  ('c0b10700-0000-4000-8000-000000000004', 0, 'claude-sonnet-4.5', 800, 60, 300, 200, 0, null, '2026-06-09 09:01:00');
create table turns (id integer primary key, session_id text, turn_index integer,
  user_message text, assistant_response text, timestamp text);
insert into turns values (1, 'c0b10700-0000-4000-8000-000000000003', 0, 'Add VAT', 'Added.', '2026-06-08T09:00:06.000Z');

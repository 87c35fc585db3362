-- A device whose owner has no personal workspace any more is forbidden to send (F79). Before, the
-- rows failed one by one at a null workspace, as if each of them were at fault.

create or replace function private.current_device() returns private.device
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
    if result.workspace_id is null then
      raise exception using errcode = 'PT403', message = 'The workspace of this device was deleted',
        hint = 'Pair it with another one: claude-tracer login';
    end if;
    return result;
  end
  $$;
comment on function private.current_device() is
  'Device, owner and personal workspace behind the X-Device-Token header; HTTP 401 when it is not valid, 403 when the workspace is gone.';

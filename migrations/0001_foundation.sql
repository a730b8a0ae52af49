-- The ground every tenant table stands on: roles' access, the policy recipe, organizations, audit, idempotency.
-- The roles voxanne_app and voxanne_system exist before this runs (platform::tenancy::ensure_roles).

revoke create on schema public from public;
grant usage on schema public to voxanne_app, voxanne_system;

-- The runtime logins compare the schema version with the binary's.
grant select on _sqlx_migrations to voxanne_app, voxanne_system;

-- So that an administrator who is not a superuser may give functions to the system role.
do $$
begin
  if not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant voxanne_system to %I', current_user);
  end if;
end
$$;

-- The organization of the current transaction; null (and so no rows anywhere) when none is set.
-- Written out in each policy as a sub-select, which PostgreSQL evaluates once per statement and not once per row.
--
-- tenant_table(t): the four policies every tenant table has, and the grants that go with them.
-- `verbs` narrows what the application may do at all: an append-only table passes '{select,insert}'.
create function tenant_table(t regclass, verbs text[] default '{select,insert,update,delete}')
returns void language plpgsql as $$
declare
  org_matches constant text := 'org_id = (select nullif(current_setting(''app.org_id'', true), '''')::uuid)';
begin
  execute format('alter table %s enable row level security', t);
  execute format('alter table %s force row level security', t);
  execute format('create policy tenant_select on %s for select to voxanne_app using (%s)', t, org_matches);
  execute format('create policy tenant_insert on %s for insert to voxanne_app with check (%s)', t, org_matches);
  execute format('create policy tenant_update on %s for update to voxanne_app using (%s) with check (%s)', t, org_matches, org_matches);
  execute format('create policy tenant_delete on %s for delete to voxanne_app using (%s)', t, org_matches);
  execute format('revoke all on %s from public', t);
  execute format('grant %s on %s to voxanne_app', array_to_string(verbs, ', '), t);
end
$$;

-- system_access(t, verbs): what the system role may do with a table across organizations. Narrow, table by table.
create function system_access(t regclass, verbs text[])
returns void language plpgsql as $$
declare
  verb text;
begin
  foreach verb in array verbs loop
    execute format('create policy system_%s on %s for %s to voxanne_system %s', verb, t, verb,
      case verb when 'insert' then 'with check (true)'
                when 'update' then 'using (true) with check (true)'
                else 'using (true)' end);
    execute format('grant %s on %s to voxanne_system', verb, t);
  end loop;
end
$$;

-- system_table(t, verbs): a table without organizations. Only the system role sees it.
create function system_table(t regclass, verbs text[])
returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', t);
  execute format('alter table %s force row level security', t);
  execute format('revoke all on %s from public', t);
  perform system_access(t, verbs);
end
$$;

revoke all on function tenant_table(regclass, text[]) from public;
revoke all on function system_access(regclass, text[]) from public;
revoke all on function system_table(regclass, text[]) from public;

-- The tenant itself. Its own id is its org_id, so that the one policy form serves here too.
create table organizations (
  org_id      uuid primary key,
  name        text not null check (length(name) between 1 and 200),
  -- IANA zone of the practice: "today" and "calls by hour" are told by its clock.
  zone        text not null default 'UTC' check (length(zone) between 1 and 64),
  -- True for the organizations that `serve --demo` makes; every page says so.
  is_demo     boolean not null default false,
  created_at  timestamptz not null default now(),
  deleted_at  timestamptz
);
select tenant_table('organizations', '{select,update}');
select system_access('organizations', '{select,insert,update}');

-- Domains, because a table's own CHECK is prepared anew by every statement that writes to it (migrations/README.md).
create domain audit_actor as text check (value in ('member', 'api_key', 'operator', 'system'));
create domain audit_action as text check (length(value) between 1 and 80);
create domain audit_subject as text check (length(value) <= 200);

-- Who did what, kept for the organization. Append-only for everybody who can sign in.
create table audit_log (
  org_id      uuid not null references organizations (org_id),
  id          uuid not null,
  at          timestamptz not null default now(),
  actor_kind  audit_actor not null,
  -- The user or API key; null for the system.
  actor_id    uuid,
  -- Dotted verb, for example `member.role_changed`.
  action      audit_action not null,
  -- What it was done to: an id or a name that identifies without telling.
  subject     audit_subject,
  -- Small facts. Never personal data of callers, never secrets.
  detail      jsonb not null default '{}',
  primary key (org_id, id)
);
create index audit_log_newest on audit_log (org_id, at desc);
select tenant_table('audit_log', '{select,insert}');
select system_access('audit_log', '{insert,select}');

-- Answers to unsafe requests that carried an Idempotency-Key: the same key gets the same answer.
create table idempotency_keys (
  org_id        uuid not null references organizations (org_id),
  -- Key and route together, so that one key on two routes is two requests.
  key           text not null check (length(key) between 1 and 300),
  request_hash  bytea not null,
  -- Null while the first request is still at work.
  status        int,
  body          bytea,
  created_at    timestamptz not null default now(),
  primary key (org_id, key)
);
create index idempotency_keys_age on idempotency_keys (org_id, created_at);
select tenant_table('idempotency_keys');
select system_access('idempotency_keys', '{select,delete}');

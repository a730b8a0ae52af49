-- Who may sign in and what they may do: users, memberships, browser sessions, tokens, API keys, invitations.

-- system_function(f): lets the application run `f` with the rights of the system role, for the few look-ups that cross
-- organizations or join a tenant table with users. The search path is pinned, so that no object of the caller's making
-- is picked up. The new owner needs CREATE on the schema at the moment of the change and never after it.
create function system_function(f regprocedure)
returns void language plpgsql as $$
begin
  execute format('alter function %s security definer set search_path = pg_catalog, public, pg_temp', f);
  execute format('revoke all on function %s from public', f);
  execute format('grant execute on function %s to voxanne_app, voxanne_system', f);
  grant create on schema public to voxanne_system;
  execute format('alter function %s owner to voxanne_system', f);
  revoke create on schema public from voxanne_system;
end
$$;
revoke all on function system_function(regprocedure) from public;

-- A person. May belong to several organizations; memberships say which.
create table users (
  id                  uuid primary key,
  email               text not null check (length(email) between 3 and 254),
  -- What sign-in looks up. Addresses are ASCII (the application refuses others), so lower() means the same everywhere.
  email_lower         text not null generated always as (lower(email)) stored unique,
  name                text not null check (length(name) between 1 and 200),
  -- argon2id in PHC form, its parameters included.
  password_hash       text not null,
  password_changed_at timestamptz not null,
  -- Runs the installation. Opens no organization by itself.
  is_operator         boolean not null default false,
  created_at          timestamptz not null,
  -- Set: every credential of this person is refused.
  disabled_at         timestamptz
);
select system_table('users', '{select,insert,update}');

-- Which person works in which organization, and as what. The only source of tenancy.
create table memberships (
  org_id          uuid not null references organizations (org_id),
  user_id         uuid not null references users (id),
  role            text not null check (role in ('viewer', 'member', 'admin', 'owner')),
  -- A browser session older than this gets a new token at its next request.
  role_changed_at timestamptz not null,
  created_at      timestamptz not null,
  -- To a few minutes; null until the first request.
  last_seen_at    timestamptz,
  primary key (org_id, user_id)
);
create index memberships_of_user on memberships (user_id);
-- Members are added by the system (an accepted invitation, the command line): the application may not invent one.
select tenant_table('memberships', '{select,update,delete}');
select system_access('memberships', '{select,insert,update}');

-- A signed-in browser. Only digests of its tokens are kept.
create table sessions (
  id                   uuid primary key,
  user_id              uuid not null references users (id),
  digest               bytea not null unique,
  -- The token before the last rotation. Serves requests that were under way, until previous_valid_until; with that null
  -- the new token has not been seen yet, and the old one still serves (the answer that carried the new one may be lost).
  previous_digest      bytea,
  previous_valid_until timestamptz,
  -- Random, for the tokens in this session's forms. Not rotated: an open form must survive a rotation.
  csrf_key             bytea not null check (length(csrf_key) = 32),
  -- The organization this browser looks at. A selection only: membership is looked up at each use.
  selected_org         uuid references organizations (org_id),
  created_at           timestamptz not null,
  rotated_at           timestamptz not null,
  idle_expires_at      timestamptz not null,
  expires_at           timestamptz not null
);
create index sessions_by_previous on sessions (previous_digest) where previous_digest is not null;
create index sessions_of_user on sessions (user_id);
create index sessions_by_expiry on sessions (expires_at);
select system_table('sessions', '{select,insert,update,delete}');

-- A program's sign-in: the chain of refresh tokens that one login began, and the access tokens made from it.
create table token_families (
  id           uuid primary key,
  user_id      uuid not null references users (id),
  selected_org uuid references organizations (org_id),
  created_at   timestamptz not null,
  -- Set at sign-out, at a password change, and when a used token came back. Nothing of the family works any more.
  revoked_at   timestamptz,
  -- Of its newest refresh token.
  expires_at   timestamptz not null
);
create index token_families_of_user on token_families (user_id);
create index token_families_by_expiry on token_families (expires_at);
select system_table('token_families', '{select,insert,update,delete}');

-- Each is good for one use. A second use means that two parties hold it.
create table refresh_tokens (
  digest     bytea primary key,
  family_id  uuid not null references token_families (id) on delete cascade,
  -- The token that was exchanged for this one; null for the first of a family.
  parent     bytea,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz
);
create index refresh_tokens_of_family on refresh_tokens (family_id);
select system_table('refresh_tokens', '{select,insert,update,delete}');

-- Ed25519 keys of the access tokens.
create table signing_keys (
  kid            uuid primary key,
  -- Sealed with the master key for the place `signing_keys/<kid>`.
  sealed_private bytea not null,
  public_key     bytea not null check (length(public_key) = 32),
  created_at     timestamptz not null,
  -- Set: signs no more. Verifies for as long as a token it signed may live.
  retired_at     timestamptz
);
select system_table('signing_keys', '{select,insert,update,delete}');

-- A key for a program of one organization.
create table api_keys (
  org_id       uuid not null references organizations (org_id),
  id           uuid not null,
  name         text not null check (length(name) between 1 and 100),
  -- The first characters after `vx_`, to tell keys apart.
  prefix       text not null check (length(prefix) = 8),
  digest       bytea not null check (length(digest) = 32),
  scopes       text[] not null check (
    cardinality(scopes) > 0 and scopes <@ array['calls:read', 'calls:write', 'connections:read', 'connections:write',
                                                'members:read', 'live:read']),
  created_by   uuid not null references users (id),
  created_at   timestamptz not null,
  -- To a minute.
  last_used_at timestamptz,
  revoked_at   timestamptz,
  primary key (org_id, id)
);
-- Not unique, so that the table can be distributed by org_id: 256 random bits do not meet.
create index api_keys_by_digest on api_keys (digest);
select tenant_table('api_keys', '{select,insert,update}');
select system_access('api_keys', '{select,update}');

-- An invitation by link. The token is in the link only.
create table invitations (
  org_id      uuid not null references organizations (org_id),
  id          uuid not null,
  email       text not null check (length(email) between 3 and 254),
  email_lower text not null generated always as (lower(email)) stored,
  role        text not null check (role in ('viewer', 'member', 'admin', 'owner')),
  digest      bytea not null check (length(digest) = 32),
  invited_by  uuid not null references users (id),
  created_at  timestamptz not null,
  expires_at  timestamptz not null,
  accepted_at timestamptz,
  revoked_at  timestamptz,
  primary key (org_id, id)
);
create index invitations_by_digest on invitations (digest);
-- One open invitation for an address: inviting again makes a new link and the old one stops working.
create unique index invitations_open on invitations (org_id, email_lower) where accepted_at is null and revoked_at is null;
select tenant_table('invitations', '{select,insert,update}');
select system_access('invitations', '{select,update}');

-- Links by mail to set a new password. Each is good once; only its digest is kept.
create table password_resets (
  digest     bytea primary key check (length(digest) = 32),
  user_id    uuid not null references users (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz
);
create index password_resets_of_user on password_resets (user_id);
create index password_resets_by_expiry on password_resets (expires_at);
select system_table('password_resets', '{select,insert,update,delete}');

-- Failed sign-ins, counted where every node sees them. Keyed by digests: the table names nobody.
create table login_failures (
  kind              text not null check (kind in ('account', 'address', 'reset')),
  digest            bytea not null,
  failures          integer not null,
  window_started_at timestamptz not null,
  last_failed_at    timestamptz not null,
  primary key (kind, digest)
);
create index login_failures_age on login_failures (last_failed_at);
select system_table('login_failures', '{select,insert,update,delete}');

-- The members of the transaction's organization with their addresses, which the application cannot read by itself.
-- The organization comes from the same setting as the policies'; unset means nobody.
create function org_members()
returns table (user_id uuid, email text, name text, role text, joined_at timestamptz, last_seen_at timestamptz)
language sql stable as $$
  select m.user_id, u.email, u.name, m.role, m.created_at, m.last_seen_at
    from memberships m
    join users u on u.id = m.user_id
   where m.org_id = (select nullif(current_setting('app.org_id', true), '')::uuid)
$$;
select system_function('org_members()');

-- The three look-ups behind every request: credential, person and membership in one round trip. Each notes that the
-- credential was used, at most once per minute (a membership: once per five), so that most requests write nothing.

create function find_browser_session(p_digest bytea, p_now timestamptz, p_idle_until timestamptz, p_grace_until timestamptz)
returns table (
  session_id uuid, is_current boolean, successor_seen boolean, rotated_at timestamptz, csrf_key bytea,
  user_id uuid, email text, name text, is_operator boolean, password_changed_at timestamptz,
  org_id uuid, role text, role_changed_at timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
  s sessions;
begin
  select * into s from sessions where sessions.digest = p_digest;
  if not found then
    select * into s from sessions
     where sessions.previous_digest = p_digest
       and (sessions.previous_valid_until is null or sessions.previous_valid_until > p_now);
  end if;
  if s.id is null or s.expires_at <= p_now or s.idle_expires_at <= p_now then
    return;
  end if;
  if s.idle_expires_at < p_idle_until - interval '1 minute' then
    update sessions set idle_expires_at = p_idle_until where sessions.id = s.id;
  end if;
  if s.digest = p_digest and s.previous_digest is not null and s.previous_valid_until is null then
    update sessions set previous_valid_until = p_grace_until
     where sessions.id = s.id and sessions.digest = p_digest;
  end if;
  update memberships set last_seen_at = p_now
   where memberships.org_id = s.selected_org and memberships.user_id = s.user_id
     and (memberships.last_seen_at is null or memberships.last_seen_at < p_now - interval '5 minutes');
  return query
    select s.id, s.digest = p_digest, s.previous_valid_until is not null, s.rotated_at, s.csrf_key,
           u.id, u.email, u.name, u.is_operator, u.password_changed_at, o.org_id, m.role, m.role_changed_at
      from users u
      left join memberships m on m.org_id = s.selected_org and m.user_id = u.id
      left join organizations o on o.org_id = m.org_id and o.deleted_at is null
     where u.id = s.user_id and u.disabled_at is null;
end
$$;
select system_function('find_browser_session(bytea, timestamptz, timestamptz, timestamptz)');

-- p_org is the organization that the access token selects.
create function find_token_family(p_family uuid, p_user uuid, p_org uuid, p_now timestamptz)
returns table (user_id uuid, email text, name text, is_operator boolean, org_id uuid, role text)
language plpgsql as $$
#variable_conflict use_column
begin
  update memberships set last_seen_at = p_now
   where memberships.org_id = p_org and memberships.user_id = p_user
     and (memberships.last_seen_at is null or memberships.last_seen_at < p_now - interval '5 minutes')
     and exists (select 1 from token_families f
                  where f.id = p_family and f.user_id = p_user and f.revoked_at is null and f.expires_at > p_now);
  return query
    select u.id, u.email, u.name, u.is_operator, o.org_id, m.role
      from token_families f
      join users u on u.id = f.user_id and u.disabled_at is null
      left join memberships m on m.org_id = p_org and m.user_id = u.id
      left join organizations o on o.org_id = m.org_id and o.deleted_at is null
     where f.id = p_family and f.user_id = p_user and f.revoked_at is null and f.expires_at > p_now;
end
$$;
select system_function('find_token_family(uuid, uuid, uuid, timestamptz)');

create function find_api_key(p_digest bytea, p_now timestamptz)
returns table (org_id uuid, key_id uuid, name text, scopes text[])
language plpgsql as $$
#variable_conflict use_column
begin
  update api_keys set last_used_at = p_now
   where api_keys.digest = p_digest and api_keys.revoked_at is null
     and (api_keys.last_used_at is null or api_keys.last_used_at < p_now - interval '1 minute');
  return query
    select k.org_id, k.id, k.name, k.scopes
      from api_keys k
      join organizations o on o.org_id = k.org_id and o.deleted_at is null
     where k.digest = p_digest and k.revoked_at is null;
end
$$;
select system_function('find_api_key(bytea, timestamptz)');

-- Which of many credentials still hold, for connections that stay open. The arrays run in parallel: kind (session,
-- tokens, api_key), the credential's id, its user (null for a key), its organization (null: none needed). Answers the
-- positions, counted from 1, of those that hold.
create function credentials_that_hold(p_kinds text[], p_ids uuid[], p_users uuid[], p_orgs uuid[], p_now timestamptz)
returns table (place bigint)
language sql stable as $$
  select c.place
    from unnest(p_kinds, p_ids, p_users, p_orgs) with ordinality as c (kind, id, user_id, org_id, place)
   where case c.kind
           when 'session' then exists (
             select 1 from sessions s
              where s.id = c.id and s.user_id = c.user_id and s.expires_at > p_now and s.idle_expires_at > p_now)
           when 'tokens' then exists (
             select 1 from token_families f
              where f.id = c.id and f.user_id = c.user_id and f.revoked_at is null and f.expires_at > p_now)
           when 'api_key' then exists (
             select 1 from api_keys k where k.org_id = c.org_id and k.id = c.id and k.revoked_at is null)
           else false
         end
     and (c.user_id is null or exists (select 1 from users u where u.id = c.user_id and u.disabled_at is null))
     and (c.user_id is null or c.org_id is null or exists (
           select 1 from memberships m where m.org_id = c.org_id and m.user_id = c.user_id))
     and (c.org_id is null or exists (
           select 1 from organizations o where o.org_id = c.org_id and o.deleted_at is null))
$$;
select system_function('credentials_that_hold(text[], uuid[], uuid[], uuid[], timestamptz)');

-- The installation itself: one row, there from the first `serve` or `admin create-org` on.
create table installation (
  is_the_one      boolean primary key default true check (is_the_one),
  -- The operator's own organization: demo bookings and the installation's own mails belong to it.
  operator_org_id uuid not null references organizations (org_id),
  -- False while that organization is the one that a bare `serve` made: the first `admin create-org` takes it over.
  is_claimed      boolean not null
);
select system_table('installation', '{select,insert,update}');

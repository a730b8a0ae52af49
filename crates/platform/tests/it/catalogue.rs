//! The live schema, table by table and function by function: what keeps organizations apart is there, on everything,
//! in exactly the form that was reviewed. Whoever adds a table is told here what it lacks.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};
use test_support::TestDb;

/// Tables without an organization, each with its reason. The application sees none of them.
const WITHOUT_ORGANIZATION: &[(&str, &str)] = &[
    ("_sqlx_migrations", "the version of the schema; readable, so that a login can compare it with the binary's"),
    ("users", "a person may belong to several organizations"),
    ("sessions", "of a person; only selects an organization"),
    ("token_families", "of a person; only selects an organization"),
    ("refresh_tokens", "of a token family"),
    ("signing_keys", "of the installation"),
    ("password_resets", "of a person"),
    ("login_failures", "counted before anybody is known"),
    ("quarantined_events", "events whose organization is not known"),
    ("installation", "one row: which organization is the operator's own"),
    ("mail_suppressions", "the relay's reputation is the installation's"),
    ("mail_relays", "of the installation"),
    ("mail_events_unmatched", "they belong to no mail, so to no organization"),
    ("mail_spending", "the daily budget of a relay is shared by all organizations"),
    ("job_queues", "of the installation"),
    ("schedules", "duties of the installation"),
];

/// Functions that run with the rights of the system role, each looked at for what it lets through.
const WITH_SYSTEM_RIGHTS: [&str; 8] = [
    "credentials_that_hold",
    "find_api_key",
    "find_browser_session",
    "find_token_family",
    "org_members",
    "quarantine_event",
    "resolve_event_org",
    "search_calls",
];

/// Each query answers one line per fault. `$1`: tables without organization, `$2`: functions with system rights.
const RULES: [&str; 18] = [
    // Row security, also for the owner.
    "select format('%s: row security is not both enabled and forced', c.relname) from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> '_sqlx_migrations'
        and not (c.relrowsecurity and c.relforcerowsecurity)",
    "select format('%s: has no org_id and is not on the list', c.relname) from pg_class c
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> all ($1)
        and not exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped)",
    "select format('%s: org_id is not a uuid or may be null', c.relname) from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and not (a.attnotnull and a.atttypid = 'uuid'::regtype)",
    // The four policies of the application, in the one form, and no other.
    "select format('%s: no policy for %s in the one-organization form', t.relname, v.cmd)
       from (select c.oid, c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
              where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not a.attisdropped) t
      cross join (values ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')) v (cmd)
      cross join (select '(org_id = ( SELECT (NULLIF(current_setting(''app.org_id''::text, true), ''''::text))::uuid AS \"nullif\"))' as one) form
      where not exists (
        select 1 from pg_policies p
         where p.schemaname = 'public' and p.tablename = t.relname and p.cmd = v.cmd and p.roles = '{voxanne_app}'
           and p.permissive = 'PERMISSIVE'
           and p.qual is not distinct from (case when v.cmd <> 'INSERT' then form.one end)
           and p.with_check is not distinct from (case when v.cmd in ('INSERT', 'UPDATE') then form.one end))",
    "select format('%s: policy %s lets in more than one reviewed policy does', p.tablename, p.policyname) from pg_policies p
      where p.schemaname = 'public'
        and not (p.roles = '{voxanne_app}' and p.policyname in ('tenant_select', 'tenant_insert', 'tenant_update', 'tenant_delete'))
        and not (p.roles = '{voxanne_system}' and p.policyname like 'system\\_%' and coalesce(p.qual, 'true') = 'true'
                 and coalesce(p.with_check, 'true') = 'true')",
    // Distribution and speed: every organization's rows lie together.
    "select format('%s: no index begins with org_id', c.relname) from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        and not exists (select 1 from pg_index i where i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid
                           and i.indpred is null)",
    // Foreign keys: to the organization, itself or through a row of the same organization.
    "select format('%s: org_id refers to no organization', c.relname) from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'organizations'
        and not exists (select 1 from pg_constraint f join pg_attribute fa on fa.attrelid = f.confrelid and fa.attname = 'org_id'
                         where f.conrelid = c.oid and f.contype = 'f' and f.convalidated and f.conkey[1] = a.attnum
                           and f.confkey[1] = fa.attnum)",
    "select format('%s: foreign key %s does not begin with org_id', f.conrelid::regclass, f.conname) from pg_constraint f
       join pg_attribute a on a.attrelid = f.conrelid and a.attname = 'org_id' and not a.attisdropped
       join pg_attribute fa on fa.attrelid = f.confrelid and fa.attname = 'org_id' and not fa.attisdropped
      where f.contype = 'f' and f.connamespace = 'public'::regnamespace
        and not (f.conkey[1] = a.attnum and f.confkey[1] = fa.attnum)",
    // Grants.
    "select format('%s: PUBLIC may %s', c.relname, acl.privilege_type)
       from pg_class c, aclexplode(c.relacl) acl where c.relnamespace = 'public'::regnamespace and acl.grantee = 0
     union all
     select format('%s.%s: PUBLIC may %s', c.relname, a.attname, acl.privilege_type)
       from pg_class c join pg_attribute a on a.attrelid = c.oid, aclexplode(a.attacl) acl
      where c.relnamespace = 'public'::regnamespace and acl.grantee = 0
     union all
     select format('schema public: PUBLIC may %s', acl.privilege_type)
       from pg_namespace n, aclexplode(n.nspacl) acl
      where n.nspname = 'public' and acl.grantee = 0 and acl.privilege_type <> 'USAGE'",
    "select format('%s: the application may %s a table without organization', c.relname, acl.privilege_type)
       from pg_class c, aclexplode(c.relacl) acl
      where c.relnamespace = 'public'::regnamespace and c.relname = any ($1) and acl.grantee = 'voxanne_app'::regrole
        and not (c.relname = '_sqlx_migrations' and acl.privilege_type = 'SELECT')",
    "select format('%s: %s may %s%s', c.relname, acl.grantee::regrole, acl.privilege_type,
                   case when acl.is_grantable then ' and pass it on' else '' end)
       from pg_class c, aclexplode(c.relacl) acl
      where c.relnamespace = 'public'::regnamespace and acl.grantee in ('voxanne_app'::regrole, 'voxanne_system'::regrole)
        and c.relkind in ('r', 'p')
        and (acl.is_grantable or acl.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))",
    // Functions.
    "select format('%s: PUBLIC may run it', p.oid::regprocedure) from pg_proc p
      where p.pronamespace = 'public'::regnamespace
        and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')
        and (p.proacl is null or exists (select 1 from aclexplode(p.proacl) acl where acl.grantee = 0))",
    "select format('%s: runs with its owner''s rights and is not on the list', p.oid::regprocedure) from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.prosecdef and p.proname <> all ($2)",
    "select format('%s: runs with its owner''s rights, but not as voxanne_system with a pinned search path', p.oid::regprocedure)
       from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef
        and not (p.proowner = 'voxanne_system'::regrole
                 and coalesce(p.proconfig, '{}') @> array['search_path=pg_catalog, public, pg_temp'])",
    // What would go round row security or grow stiff.
    "select format('%s: a view reads with its owner''s rights', c.relname) from pg_class c
      where c.relnamespace = 'public'::regnamespace and (c.relkind = 'm'
         or (c.relkind = 'v' and not coalesce(c.reloptions, '{}') && array['security_invoker=true', 'security_invoker=on']))",
    "select format('%s: an enum cannot be compared under row security', t.typname) from pg_type t
      where t.typnamespace = 'public'::regnamespace and t.typtype = 'e'",
    "select format('%s: is more than a login', r.rolname) from pg_roles r
      where r.rolname in ('voxanne_app', 'voxanne_system')
        and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolinherit
             or not r.rolcanlogin or exists (select 1 from pg_auth_members m where m.member = r.oid))",
    "select format('%s: owns %s', r.rolname, o.what) from pg_roles r join (
       select c.relowner as owner, c.relname::text as what from pg_class c where c.relnamespace = 'public'::regnamespace
       union all select n.nspowner, n.nspname::text from pg_namespace n
       union all select p.proowner, p.oid::regprocedure::text from pg_proc p where not p.prosecdef) o on o.owner = r.oid
      where r.rolname in ('voxanne_app', 'voxanne_system')",
];

async fn faults(conn: &mut PgConnection) -> Vec<String> {
    let tables: Vec<&str> = WITHOUT_ORGANIZATION.iter().map(|(table, _)| *table).collect();
    let mut found = Vec::new();
    for rule in RULES {
        // A rule may not need the lists; the parameters are there all the same.
        let sql = format!("with given as (select $1::text[], $2::text[]) {rule}");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(&tables)
            .bind(&WITH_SYSTEM_RIGHTS[..])
            .fetch_all(&mut *conn)
            .await
            .unwrap();
        found.extend(rows);
    }
    found
}

#[tokio::test]
async fn the_schema_keeps_organizations_apart_everywhere() {
    let db = TestDb::new().await;
    assert_eq!(faults(&mut db.admin().await).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_lists_of_exceptions_name_nothing_that_is_gone() {
    let db = TestDb::new().await;
    let mut admin = db.admin().await;
    let tables: Vec<&str> = WITHOUT_ORGANIZATION.iter().map(|(table, _)| *table).collect();
    let gone: Vec<String> = sqlx::query_scalar(
        "select t from unnest($1::text[]) t where to_regclass('public.' || t) is null
         union all
         select f from unnest($2::text[]) f
          where not exists (select 1 from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef and p.proname = f)",
    )
    .bind(&tables)
    .bind(&WITH_SYSTEM_RIGHTS[..])
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert_eq!(gone, Vec::<String>::new());
}

/// Faults as somebody in a hurry would make them, and what the check must say of each.
const PLANTED: [(&str, &str); 27] = [
    ("alter table leads disable row level security", "leads: row security"),
    ("alter table leads no force row level security", "leads: row security"),
    ("create table notes (id uuid primary key)", "notes: has no org_id"),
    (
        "alter table leads drop constraint leads_pkey cascade; alter table leads alter column org_id drop not null",
        "leads: org_id is not a uuid or may be null",
    ),
    ("drop policy tenant_delete on call_logs", "call_logs: no policy for DELETE"),
    (
        "alter policy tenant_select on call_logs using (true)",
        "call_logs: no policy for SELECT in the one-organization form",
    ),
    (
        "alter policy tenant_update on call_logs with check (true)",
        "call_logs: no policy for UPDATE in the one-organization form",
    ),
    ("create policy more on call_logs for select to voxanne_app using (true)", "call_logs: policy more lets in more"),
    ("create policy all_in on call_logs for select to public using (true)", "call_logs: policy all_in lets in more"),
    (
        "create policy tenant_members on agents for select to voxanne_app
           using (org_id in (select org_id from memberships))",
        "agents: policy tenant_members lets in more",
    ),
    ("alter table live_heads drop constraint live_heads_pkey", "live_heads: no index begins with org_id"),
    ("alter table leads drop constraint leads_org_id_fkey", "leads: org_id refers to no organization"),
    (
        "alter table agents add unique (agent_id);
         alter table leads add column agent_id uuid references agents (agent_id)",
        "leads: foreign key leads_agent_id_fkey does not begin with org_id",
    ),
    ("grant select on leads to public", "leads: PUBLIC may SELECT"),
    ("grant select (name) on leads to public", "leads.name: PUBLIC may SELECT"),
    ("grant create on schema public to public", "schema public: PUBLIC may CREATE"),
    ("grant select on users to voxanne_app", "users: the application may SELECT"),
    ("grant truncate on leads to voxanne_app", "leads: voxanne_app may TRUNCATE"),
    ("grant select on leads to voxanne_system with grant option", "leads: voxanne_system may SELECT and pass it on"),
    ("create function planted() returns int language sql as 'select 1'", "planted(): PUBLIC may run it"),
    (
        "create function planted() returns int language sql security definer as 'select 1'",
        "planted(): runs with its owner's rights and is not on the list",
    ),
    ("alter function org_members() reset search_path", "org_members(): runs with its owner's rights, but not as"),
    (
        "alter function org_members() set search_path = pg_catalog, public",
        "org_members(): runs with its owner's rights, but",
    ),
    ("alter function org_members() owner to postgres", "org_members(): runs with its owner's rights, but not as"),
    ("create view all_calls as select * from call_logs", "all_calls: a view reads with its owner's rights"),
    ("create type mood as enum ('good', 'bad')", "mood: an enum"),
    ("alter role voxanne_app bypassrls", "voxanne_app: is more than a login"),
];

#[tokio::test]
async fn every_planted_fault_is_named() {
    let db = TestDb::new().await;
    let mut admin = db.admin().await;
    for (plant, expected) in PLANTED {
        // Given up each time: roles belong to the whole cluster, where other tests are at work.
        admin.execute("begin").await.unwrap();
        admin.execute(plant).await.unwrap();
        let found = faults(&mut admin).await;
        admin.execute("rollback").await.unwrap();
        assert!(found.iter().any(|fault| fault.contains(expected)), "{plant}: {found:?}");
    }
    assert_eq!(faults(&mut admin).await, Vec::<String>::new());
}

#[tokio::test]
async fn ownership_of_a_table_is_named() {
    let db = TestDb::new().await;
    let mut admin = db.admin().await;
    for plant in ["alter table leads owner to voxanne_app", "alter table leads owner to voxanne_system"] {
        admin.execute("begin; grant create on schema public to voxanne_app, voxanne_system").await.unwrap();
        admin.execute(plant).await.unwrap();
        let found = faults(&mut admin).await;
        admin.execute("rollback").await.unwrap();
        assert!(found.iter().any(|fault| fault.ends_with(": owns leads")), "{plant}: {found:?}");
    }
}

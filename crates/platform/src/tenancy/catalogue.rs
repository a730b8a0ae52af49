//! What keeps organizations apart, read from the live schema: table by table and function by function, in exactly the form
//! that was reviewed.
//!
//! A test asks this of the schema that the migrations make, and a restored backup is asked it before anybody may use it.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

/// Tables without an organization, each with its reason. The application sees none of them.
pub const WITHOUT_ORGANIZATION: &[(&str, &str)] = &[
    ("_sqlx_migrations", "the version of the schema; readable, so that a login can compare it with the binary's"),
    ("users", "a person may belong to several organizations"),
    ("sessions", "of a person; only selects an organization"),
    ("token_families", "of a person; only selects an organization"),
    ("refresh_tokens", "of a token family"),
    ("signing_keys", "of the installation"),
    ("password_resets", "of a person"),
    ("login_failures", "counted before anybody is known"),
    ("quarantined_events", "events whose organization is not known"),
    ("import_runs", "of the installation: an export holds rows of many organizations"),
    ("import_progress", "of an import"),
    ("import_issues", "of an import; names files, lines and columns"),
    ("import_quarantine", "rows whose organization is not known"),
    ("installation", "one row: which organization is the operator's own"),
    ("backups", "a backup holds every organization"),
    ("mail_suppressions", "the relay's reputation is the installation's"),
    ("mail_relays", "of the installation"),
    ("mail_events_unmatched", "they belong to no mail, so to no organization"),
    ("mail_spending", "the daily budget of a relay is shared by all organizations"),
    ("vital_signs", "of the installation"),
    ("alerts", "of the installation"),
    ("alert_notices", "of the installation"),
    ("job_queues", "of the installation"),
    ("schedules", "duties of the installation"),
    ("nodes", "processes of the installation"),
];

/// Functions that run with the rights of the system role, each looked at for what it lets through.
pub const WITH_SYSTEM_RIGHTS: &[&str] = &[
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
const RULES: &[&str] = &[
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
    // Functions. Not the constructors that come with a range type: they belong to PostgreSQL's own superuser, so an
    // administrator who is none cannot close them, and pg_dump does not keep their rights. They reach nothing.
    "select format('%s: PUBLIC may run it', p.oid::regprocedure) from pg_proc p
      where p.pronamespace = 'public'::regnamespace
        and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype in ('e', 'i'))
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

/// Every fault, one line each, as the administrator sees them. Empty: the schema keeps organizations apart.
pub async fn faults(conn: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let tables: Vec<&str> = WITHOUT_ORGANIZATION.iter().map(|(table, _)| *table).collect();
    let mut found = Vec::new();
    for rule in RULES {
        // A rule may not need the lists; the parameters are there all the same.
        let sql = format!("with given as (select $1::text[], $2::text[]) {rule}");
        let rows: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(&tables).bind(WITH_SYSTEM_RIGHTS).fetch_all(&mut *conn).await?;
        found.extend(rows);
    }
    Ok(found)
}

//! The live schema, table by table and function by function: what keeps organizations apart is there, on everything
//! (`platform::tenancy::catalogue` has the rules). Whoever adds a table is told here what it lacks.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use platform::tenancy::catalogue::{self, WITH_SYSTEM_RIGHTS, WITHOUT_ORGANIZATION};
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use test_support::TestDb;

async fn faults(conn: &mut PgConnection) -> Vec<String> {
    catalogue::faults(conn).await.unwrap()
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
    .bind(WITH_SYSTEM_RIGHTS)
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

//! No tenant, no SQL: what each login sees and may write, what a connection carries from one user to the next, which
//! logins and schemas the server refuses.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use platform::ids::OrgId;
use platform::tenancy::{DbError, GuardError, Logins, MIGRATOR, MigrateError, Tenancy, migrate, schema_is_current};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use test_support::TestDb;

/// A table with organizations, as the application may use it.
#[derive(sqlx::FromRow)]
struct Table {
    name: String,
    /// Its columns that can be written.
    columns: String,
    /// Values of every type for them, for a row of the organization `$1`.
    sample: String,
    may_select: bool,
    may_insert: bool,
    may_update: bool,
    may_delete: bool,
}

/// Every table with organizations, whoever added it.
async fn tables(admin: &mut PgConnection) -> Vec<Table> {
    let found: Vec<Table> = sqlx::query_as(
        "select c.relname::text as name,
                string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns,
                string_agg(case when a.attname = 'org_id' then '$1'
                                when a.attnotnull and format_type(a.atttypid, null) like '%[]' then quote_literal('{}')
                                when a.attnotnull and format_type(a.atttypid, null) like '%range' then quote_literal('empty')
                                when a.attnotnull then case format_type(a.atttypid, null)
                                  when 'uuid' then 'gen_random_uuid()' when 'text' then 'gen_random_uuid()::text'
                                  when 'timestamp with time zone' then 'now()' when 'bytea' then 'uuid_send(gen_random_uuid())'
                                  when 'jsonb' then quote_literal('{}') when 'boolean' then 'false'
                                  when 'tsvector' then quote_literal('x') when 'date' then 'current_date'
                                  else '1' end
                                else 'null' end, ', ' order by a.attnum) as sample,
                has_table_privilege('voxanne_app', c.oid, 'select') as may_select,
                has_table_privilege('voxanne_app', c.oid, 'insert') as may_insert,
                has_table_privilege('voxanne_app', c.oid, 'update') as may_update,
                has_table_privilege('voxanne_app', c.oid, 'delete') as may_delete
           from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
          where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
            and exists (select 1 from pg_attribute o where o.attrelid = c.oid and o.attname = 'org_id')
          group by c.oid, c.relname order by c.relname",
    )
    .fetch_all(admin)
    .await
    .unwrap();
    assert!(found.len() > 15, "the schema has more tables than this: {}", found.len());
    found
}

/// A row of each table for each organization. What the rows say does not matter here, so neither do checks and keys.
async fn fill(admin: &mut PgConnection, tables: &[Table], orgs: &[OrgId]) {
    let checks: Vec<String> = sqlx::query_scalar(
        "select case when conrelid <> 0 then format('alter table %s drop constraint %I', conrelid::regclass, conname)
                     else format('alter domain %s drop constraint %I', contypid::regtype, conname) end
           from pg_constraint where contype = 'c' and connamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut *admin)
    .await
    .unwrap();
    for check in checks {
        admin.execute(AssertSqlSafe(check)).await.unwrap();
    }
    admin.execute("set session_replication_role = replica").await.unwrap();
    for table in tables.iter().filter(|table| table.name != "organizations") {
        let insert = format!("insert into {} ({}) values ({})", table.name, table.columns, table.sample);
        for org in orgs {
            sqlx::query(AssertSqlSafe(insert.clone())).bind(org).execute(&mut *admin).await.unwrap();
        }
    }
}

/// Two organizations with a row in every table.
async fn two_organizations() -> (TestDb, Vec<Table>, OrgId, OrgId) {
    let db = TestDb::new().await;
    let (ours, theirs) = (db.organization("Harbour").await, db.organization("Hill").await);
    let mut admin = db.admin().await;
    let tables = tables(&mut admin).await;
    fill(&mut admin, &tables, &[ours, theirs]).await;
    (db, tables, ours, theirs)
}

fn code(error: &sqlx::Error) -> String {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default().into_owned()
}

#[tokio::test]
async fn without_an_organization_every_table_is_empty() {
    let (db, tables, ..) = two_organizations().await;
    let mut app = PgConnection::connect_with(&db.logins().app).await.unwrap();
    for setting in ["select 1", "set app.org_id = ''", "set app.org_id = '00000000-0000-0000-0000-000000000000'"] {
        app.execute(setting).await.unwrap();
        for table in tables.iter().filter(|table| table.may_select) {
            let rows: i64 = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {}", table.name)))
                .fetch_one(&mut app)
                .await
                .unwrap();
            assert_eq!(rows, 0, "{} after {setting}", table.name);
        }
        for table in tables.iter().filter(|table| table.may_delete) {
            let gone = app.execute(AssertSqlSafe(format!("delete from {}", table.name))).await.unwrap();
            assert_eq!(gone.rows_affected(), 0, "{}", table.name);
        }
    }
    app.execute("set app.org_id = 'not an id'").await.unwrap();
    let error = app.execute("select count(*) from call_logs").await.unwrap_err();
    assert_eq!(code(&error), "22P02", "a setting that is no id is an error and not everybody");
}

#[tokio::test]
async fn a_transaction_sees_its_organization_and_nothing_of_another() {
    let (db, tables, ours, theirs) = two_organizations().await;
    let mut tx = db.tenancy().tenant(ours).await.unwrap();
    for table in tables.iter().filter(|table| table.may_select) {
        let owners: Vec<OrgId> = sqlx::query_scalar(AssertSqlSafe(format!("select org_id from {}", table.name)))
            .fetch_all(tx.conn())
            .await
            .unwrap();
        assert_eq!(owners, [ours], "{}", table.name);
    }
    for table in tables.iter().filter(|table| table.may_delete) {
        let theirs = sqlx::query(AssertSqlSafe(format!("delete from {} where org_id = $1", table.name))).bind(theirs);
        assert_eq!(theirs.execute(tx.conn()).await.unwrap().rows_affected(), 0, "{}", table.name);
    }
    for table in tables.iter().filter(|table| table.may_update) {
        let theirs = sqlx::query(AssertSqlSafe(format!("update {} set org_id = org_id where org_id = $1", table.name)))
            .bind(theirs);
        assert_eq!(theirs.execute(tx.conn()).await.unwrap().rows_affected(), 0, "{}", table.name);
    }
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn a_transaction_can_neither_write_nor_move_rows_into_another_organization() {
    let (db, tables, ours, theirs) = two_organizations().await;
    let mut admin = db.admin().await;
    for table in &tables {
        let row: Value =
            sqlx::query_scalar(AssertSqlSafe(format!("select to_jsonb(t) from {} t where org_id = $1", table.name)))
                .bind(theirs)
                .fetch_one(&mut admin)
                .await
                .unwrap();
        let mut tx = db.tenancy().tenant(ours).await.unwrap();
        let insert = format!(
            "insert into {name} ({columns}) select {columns} from jsonb_populate_record(null::{name}, $1)",
            name = table.name,
            columns = table.columns
        );
        let error = sqlx::query(AssertSqlSafe(insert)).bind(&row).execute(tx.conn()).await.unwrap_err();
        assert_eq!(code(&error), "42501", "{}: {error}", table.name);
        assert_eq!(error.to_string().contains("row-level security"), table.may_insert, "{}: {error}", table.name);
        tx.rollback().await.unwrap();

        let mut tx = db.tenancy().tenant(ours).await.unwrap();
        let update = sqlx::query(AssertSqlSafe(format!("update {} set org_id = $1", table.name))).bind(theirs);
        let error = update.execute(tx.conn()).await.unwrap_err();
        assert_eq!(code(&error), "42501", "{}: {error}", table.name);
        assert_eq!(error.to_string().contains("row-level security"), table.may_update, "{}: {error}", table.name);
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn the_system_login_sees_what_its_policies_name_and_no_more() {
    let (db, tables, ..) = two_organizations().await;
    let mut tx = db.tenancy().system("a test looks at every table").await.unwrap();
    let mut closed = BTreeSet::new();
    for table in &tables {
        tx.conn().execute("savepoint look").await.unwrap();
        // Whole rows: a table of which single columns may be read is closed.
        match sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("select count(t.*) from {} t", table.name)))
            .fetch_one(tx.conn())
            .await
        {
            Ok(rows) => assert_eq!(rows, 2, "{}: a policy hides what a grant shows", table.name),
            Err(error) => {
                assert_eq!(code(&error), "42501", "{}", table.name);
                closed.insert(table.name.as_str());
            }
        }
        tx.conn().execute("rollback to savepoint look").await.unwrap();
    }
    tx.commit().await.unwrap();
    for table in ["call_logs", "call_turns", "call_tool_calls", "provider_events", "leads"] {
        assert!(closed.contains(table), "what was said on the phone is not the system's to read: {table}");
    }
    let counted: Vec<String> = sqlx::query_scalar(
        "select column_name::text from information_schema.column_privileges
          where grantee = 'voxanne_system' and table_name = 'call_logs' order by 1",
    )
    .fetch_all(&mut db.admin().await)
    .await
    .unwrap();
    assert_eq!(
        counted,
        [
            "at",
            "cost_micros",
            "currency",
            "direction",
            "duration_seconds",
            "ended_at",
            "ended_class",
            "number_id",
            "org_id"
        ]
    );
}

// --- connections --------------------------------------------------------------------------------------------------------

/// A pool of one connection, so that the next user gets the one before's.
async fn one_connection(db: &TestDb) -> Tenancy {
    Tenancy::connect(db.logins(), 1).await.unwrap()
}

/// The process of the connection and the organization it carries outside of any transaction.
async fn next_user(tenancy: &Tenancy) -> (i32, String) {
    let query = sqlx::query_as("select pg_backend_pid(), coalesce(current_setting('app.org_id', true), '')");
    tenancy.tenant_call().await.unwrap().fetch_one(query).await.unwrap()
}

async fn pid(tx: &mut platform::tenancy::TenantTx) -> i32 {
    sqlx::query_scalar("select pg_backend_pid()").fetch_one(tx.conn()).await.unwrap()
}

/// Waits until the server has let go of a connection.
async fn has_gone(db: &TestDb, pid: i32) -> bool {
    let mut admin = db.admin().await;
    for _ in 0..200 {
        let there: bool = sqlx::query_scalar("select exists (select 1 from pg_stat_activity where pid = $1)")
            .bind(pid)
            .fetch_one(&mut admin)
            .await
            .unwrap();
        if !there {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test]
async fn the_organization_ends_with_its_transaction() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour").await;
    let tenancy = one_connection(&db).await;
    let mut tx = tenancy.tenant(org).await.unwrap();
    let used = pid(&mut tx).await;
    let setting: String =
        sqlx::query_scalar("select current_setting('app.org_id')").fetch_one(tx.conn()).await.unwrap();
    assert_eq!(setting, org.to_string());
    tx.commit().await.unwrap();
    assert_eq!(next_user(&tenancy).await, (used, String::new()), "after a commit");
    tenancy.tenant(org).await.unwrap().rollback().await.unwrap();
    assert_eq!(next_user(&tenancy).await, (used, String::new()), "after a rollback");
}

#[tokio::test]
async fn a_failed_statement_leaves_a_clean_connection() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour").await;
    let tenancy = one_connection(&db).await;
    let mut tx = tenancy.tenant(org).await.unwrap();
    let used = pid(&mut tx).await;
    tx.conn().execute("select 1 / 0").await.unwrap_err();
    tx.rollback().await.unwrap();
    assert_eq!(next_user(&tenancy).await, (used, String::new()));
    let failing = sqlx::query_as::<_, (i32,)>("select 1 / 0");
    let error = tenancy.tenant_call().await.unwrap().fetch_one(failing).await.unwrap_err();
    assert!(matches!(error, DbError::Statement(_)) && !error.is_transient(), "{error:?}");
    assert_eq!(next_user(&tenancy).await, (used, String::new()));
}

#[tokio::test]
async fn a_request_cancelled_in_mid_statement_leaks_nothing() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour").await;
    let tenancy = one_connection(&db).await;
    let mut tx = tenancy.tenant(org).await.unwrap();
    let used = pid(&mut tx).await;
    let request = async {
        tx.conn()
            .execute(
                "insert into leads (org_id, lead_id) values (current_setting('app.org_id')::uuid, gen_random_uuid())",
            )
            .await?;
        tx.conn().execute("select pg_sleep(1.5)").await?;
        Ok::<_, sqlx::Error>(tx)
    };
    assert!(tokio::time::timeout(Duration::from_millis(300), request).await.is_err());
    let (next, setting) = next_user(&tenancy).await;
    assert_ne!(next, used, "the connection of a cancelled request is not used again");
    assert_eq!(setting, "");
    assert!(has_gone(&db, used).await, "it is closed");
    let call = tenancy.tenant_call().await.unwrap();
    let request = call.fetch_one(sqlx::query_as::<_, (String,)>(
        "select set_config('app.org_id', 'left behind', false) from pg_sleep(1)",
    ));
    assert!(tokio::time::timeout(Duration::from_millis(200), request).await.is_err());
    let (after, setting) = next_user(&tenancy).await;
    assert_ne!(after, next);
    assert_eq!(setting, "");
    let leads: i64 = sqlx::query_scalar("select count(*) from leads").fetch_one(&mut db.admin().await).await.unwrap();
    assert_eq!(leads, 0, "nothing of the cancelled transaction was kept");
}

#[tokio::test]
async fn a_request_cancelled_between_statements_leaks_nothing() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour").await;
    let tenancy = one_connection(&db).await;
    let mut tx = tenancy.tenant(org).await.unwrap();
    let used = pid(&mut tx).await;
    tx.conn()
        .execute("insert into leads (org_id, lead_id) values (current_setting('app.org_id')::uuid, gen_random_uuid())")
        .await
        .unwrap();
    drop(tx);
    let (next, setting) = next_user(&tenancy).await;
    assert_ne!(next, used);
    assert_eq!(setting, "");
    assert!(has_gone(&db, used).await);
    let mut system = tenancy.system("a test that is cancelled").await.unwrap();
    system.conn().execute("select 1").await.unwrap();
    drop(system);
    tenancy.system("the next user").await.unwrap().commit().await.unwrap();
    let leads: i64 = sqlx::query_scalar("select count(*) from leads").fetch_one(&mut db.admin().await).await.unwrap();
    assert_eq!(leads, 0);
}

/// Ends every connection of the restricted logins to this database, as a restart of the server does.
async fn cut_all(db: &TestDb) {
    let cut: i64 = sqlx::query_scalar(
        "select count(*) filter (where pg_terminate_backend(pid, 5000)) from pg_stat_activity
          where datname = current_database() and usename in ('voxanne_app', 'voxanne_system')",
    )
    .fetch_one(&mut db.admin().await)
    .await
    .unwrap();
    assert!(cut > 0);
}

#[tokio::test]
async fn a_connection_that_died_with_the_server_is_replaced() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour").await;
    let tenancy = one_connection(&db).await;
    tenancy.tenant(org).await.unwrap().commit().await.unwrap();
    cut_all(&db).await;
    tenancy.tenant(org).await.unwrap().commit().await.unwrap();
    tenancy.system("after a restart").await.unwrap().commit().await.unwrap();
}

#[tokio::test]
async fn a_whole_pool_that_died_with_the_server_is_replaced() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour").await;
    let tenancy = Tenancy::connect(db.logins(), 6).await.unwrap();
    let mut open = Vec::new();
    for _ in 0..6 {
        open.push(tenancy.tenant(org).await.unwrap());
    }
    for tx in open {
        tx.commit().await.unwrap();
    }
    cut_all(&db).await;
    for attempt in 0..8 {
        let tx = tenancy.tenant(org).await;
        tx.unwrap_or_else(|error| panic!("attempt {attempt}: {error:?}")).commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_connection_cut_in_mid_transaction_is_not_handed_on() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour").await;
    let tenancy = one_connection(&db).await;
    let mut tx = tenancy.tenant(org).await.unwrap();
    tx.conn().execute("select 1").await.unwrap();
    cut_all(&db).await;
    tx.conn().execute("select 1").await.unwrap_err();
    let error = tx.commit().await.unwrap_err();
    assert!(matches!(error, DbError::Unreachable(_) | DbError::Statement(_)), "{error:?}");
    assert_eq!(next_user(&tenancy).await.1, "");
}

#[tokio::test]
async fn a_full_pool_says_busy() {
    let db = TestDb::new().await;
    let org = db.organization("Harbour").await;
    let tenancy = one_connection(&db).await;
    let held = tenancy.tenant(org).await.unwrap();
    let Err(error) = tenancy.tenant(org).await else { panic!("two transactions on one connection") };
    assert!(matches!(error, DbError::Busy) && error.is_transient(), "{error:?}");
    held.commit().await.unwrap();
    tenancy.tenant(org).await.unwrap().commit().await.unwrap();
}

// --- logins the server refuses --------------------------------------------------------------------------------------------

/// Why the server does not start with `role` as its tenant login. The role exists only as long as this.
async fn refusal(db: &TestDb, role: &str, made: &[String]) -> String {
    let mut admin = db.admin().await;
    for statement in made {
        admin.execute(AssertSqlSafe(statement.clone())).await.unwrap();
    }
    let app = db.admin_options().options([("role", role)]);
    let result = Tenancy::connect(Logins { app, system: db.logins().system }, 1).await;
    admin.execute(AssertSqlSafe(format!("reassign owned by {role} to postgres"))).await.unwrap();
    admin.execute(AssertSqlSafe(format!("drop owned by {role}"))).await.unwrap();
    match result {
        Err(GuardError::Unrestricted { login, why }) => {
            assert_eq!(login, role);
            why.to_owned()
        }
        Err(GuardError::Database(error)) => panic!("{role}: {error:?}"),
        Ok(_) => String::new(),
    }
}

#[tokio::test]
async fn logins_that_row_security_would_not_hold_are_refused() {
    let db = TestDb::new().await;
    let unique = uuid::Uuid::now_v7().simple().to_string();
    let name = |kind: &str| format!("{kind}_{unique}");
    let (mighty, owner, heir, passing, maker, plain) =
        (name("mighty"), name("owner"), name("heir"), name("passing"), name("maker"), name("plain"));
    let cases = [
        (&mighty, vec![format!("create role {mighty} superuser")], "is a superuser (or may become one)"),
        (&passing, vec![format!("create role {passing} bypassrls")], "has BYPASSRLS (or may get it)"),
        (&maker, vec![format!("create role {maker} createrole")], "may create roles"),
        (
            &owner,
            vec![
                format!("create role {owner}"),
                format!("grant create, usage on schema public to {owner}"),
                format!("alter table leads owner to {owner}"),
            ],
            "owns tables",
        ),
        // A member may become what it is a member of, inherited or not.
        (
            &heir,
            vec![
                format!("create role {heir} noinherit"),
                format!("grant {owner} to {heir}"),
                format!("grant create, usage on schema public to {owner}"),
                format!("alter table leads owner to {owner}"),
            ],
            "owns tables",
        ),
        (&plain, vec![format!("create role {plain}")], ""),
    ];
    for (role, made, why) in &cases {
        assert_eq!(refusal(&db, role, made).await, *why, "{role}");
    }
    let mut admin = db.admin().await;
    admin
        .execute(AssertSqlSafe(format!("reassign owned by {owner} to postgres; drop owned by {owner}")))
        .await
        .unwrap();
    for (role, ..) in cases.iter().rev() {
        admin.execute(AssertSqlSafe(format!("drop role {role}"))).await.unwrap();
    }
}

#[tokio::test]
async fn both_logins_are_looked_at() {
    let db = TestDb::new().await;
    let logins = Logins { app: db.logins().app, system: db.admin_options() };
    let Err(GuardError::Unrestricted { login, .. }) = Tenancy::connect(logins, 1).await else {
        panic!("a superuser as the system login")
    };
    assert_eq!(login, "postgres");
}

// --- schemas the server refuses -------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let db = TestDb::new().await;
    let mut admin = db.admin().await;
    admin
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
             values (999999, 'of a newer binary', true, '\\x00', 0)",
        )
        .await
        .unwrap();
    for result in [migrate(&db.admin_options()).await, schema_is_current(&db.logins().app).await] {
        assert!(matches!(result, Err(MigrateError::SchemaIsNewer { found: 999_999, .. })), "{result:?}");
    }
}

#[tokio::test]
async fn an_older_schema_is_refused_without_an_administrator() {
    let db = TestDb::new().await;
    schema_is_current(&db.logins().app).await.unwrap();
    schema_is_current(&db.logins().system).await.unwrap();
    let mut admin = db.admin().await;
    admin
        .execute("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
        .await
        .unwrap();
    let result = schema_is_current(&db.logins().app).await;
    assert!(matches!(result, Err(MigrateError::SchemaIsOlder)), "{result:?}");
    admin.execute("delete from _sqlx_migrations").await.unwrap();
    let result = schema_is_current(&db.logins().app).await;
    assert!(matches!(result, Err(MigrateError::SchemaIsOlder)), "{result:?}");
}

#[tokio::test]
async fn an_edited_migration_is_refused() {
    let db = TestDb::new().await;
    db.admin().await.execute("update _sqlx_migrations set checksum = '\\x00' where version = 1").await.unwrap();
    let result = migrate(&db.admin_options()).await;
    assert!(matches!(result, Err(MigrateError::Migration(_))), "{result:?}");
}

#[tokio::test]
async fn servers_that_migrate_at_the_same_moment_do_it_once() {
    let db = TestDb::new().await;
    let name = format!("empty_{}", uuid::Uuid::now_v7().simple());
    let mut admin = db.admin().await;
    admin.execute(AssertSqlSafe(format!("create database {name} template template0"))).await.unwrap();
    let options = db.admin_options().database(&name);
    let (first, second, third) = tokio::join!(migrate(&options), migrate(&options), migrate(&options));
    for result in [first, second, third] {
        result.unwrap();
    }
    migrate(&options).await.unwrap();
    let mut fresh = PgConnection::connect_with(&options).await.unwrap();
    let applied: Vec<i64> = sqlx::query_scalar("select version from _sqlx_migrations where success order by 1")
        .fetch_all(&mut fresh)
        .await
        .unwrap();
    assert_eq!(applied, MIGRATOR.iter().map(|migration| migration.version).collect::<Vec<_>>());
    fresh.close().await.unwrap();
    // The database stays until the run's cluster goes: to drop it would write every other test's pages to the disk first.
}

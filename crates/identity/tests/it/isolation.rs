//! Row security over identity's tables: one organization's transaction sees nothing of another's, and the application's
//! login sees nothing of people, sessions and keys at all.

use identity::Role;
use platform::tenancy::TenantTx;
use serde_json::json;
use sqlx::AssertSqlSafe;

use crate::app::{TestApp, ask};

const TENANT_TABLES: [&str; 6] =
    ["organizations", "memberships", "api_keys", "invitations", "audit_log", "idempotency_keys"];
const SYSTEM_TABLES: [&str; 6] =
    ["users", "sessions", "token_families", "refresh_tokens", "signing_keys", "login_failures"];

/// An organization with a row in every tenant table.
async fn furnished(app: &TestApp, name: &str, email: &str) -> platform::ids::OrgId {
    let org = app.organization(name, email).await.org_id;
    app.member(org, &format!("second-{email}"), Role::Viewer).await;
    let token = app.login(email).await;
    let body = json!({ "name": "Desk", "scopes": ["calls:read"] });
    let key = ask("POST", "/api/v1/api-keys").bearer(&token).header("idempotency-key", "k").json(&body);
    assert_eq!(app.status(key).await, 201);
    let body = json!({ "email": "ben@example.com", "role": "viewer" });
    assert_eq!(app.status(ask("POST", "/api/v1/invitations").bearer(&token).json(&body)).await, 201);
    org
}

async fn count(tx: &mut TenantTx, what: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {what}"))).fetch_one(tx.conn()).await.unwrap()
}

#[tokio::test]
async fn an_organizations_transaction_sees_its_own_rows_only() {
    let app = TestApp::new().await;
    let a = furnished(&app, "Harbour Dental", "olive@example.com").await;
    let b = furnished(&app, "Station Clinic", "sam@example.com").await;
    for (mine, theirs) in [(a, b), (b, a)] {
        let mut tx = app.db.tenancy().tenant(mine).await.unwrap();
        for table in TENANT_TABLES {
            assert!(count(&mut tx, &format!("{table} where org_id = '{mine}'")).await > 0, "{table} has a row");
            assert_eq!(count(&mut tx, &format!("{table} where org_id = '{theirs}'")).await, 0, "{table}");
            assert_eq!(count(&mut tx, &format!("{table} where org_id <> '{mine}'")).await, 0, "{table}");
        }
        assert_eq!(count(&mut tx, "org_members()").await, 2);
        tx.commit().await.unwrap();
    }
    let mut nobody = app.db.tenancy().tenant(platform::ids::OrgId::new()).await.unwrap();
    for table in TENANT_TABLES {
        assert_eq!(count(&mut nobody, table).await, 0, "{table}");
    }
    assert_eq!(count(&mut nobody, "org_members()").await, 0);
}

#[tokio::test]
async fn an_organizations_transaction_writes_nowhere_else() {
    let app = TestApp::new().await;
    let a = furnished(&app, "Harbour Dental", "olive@example.com").await;
    let b = furnished(&app, "Station Clinic", "sam@example.com").await;
    for statement in [
        format!("update memberships set role = 'viewer' where org_id = '{b}'"),
        format!("delete from memberships where org_id = '{b}'"),
        format!("update api_keys set revoked_at = now() where org_id = '{b}'"),
        format!("update invitations set revoked_at = now() where org_id = '{b}'"),
        format!("update organizations set name = 'Mine' where org_id = '{b}'"),
        format!("delete from idempotency_keys where org_id = '{b}'"),
    ] {
        let mut tx = app.db.tenancy().tenant(a).await.unwrap();
        let done = sqlx::query(AssertSqlSafe(statement.clone())).execute(tx.conn()).await.unwrap();
        assert_eq!(done.rows_affected(), 0, "{statement}");
    }
    for statement in [
        format!("update memberships set org_id = '{b}' where org_id = '{a}'"),
        format!("insert into idempotency_keys (org_id, key, request_hash) values ('{b}', 'x', '')"),
        "insert into memberships select * from memberships".to_owned(),
        "delete from api_keys".to_owned(),
        "delete from audit_log".to_owned(),
        "update audit_log set action = 'x'".to_owned(),
        "delete from organizations".to_owned(),
    ] {
        let mut tx = app.db.tenancy().tenant(a).await.unwrap();
        let refused = sqlx::query(AssertSqlSafe(statement.clone())).execute(tx.conn()).await;
        let error = refused.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{statement}");
    }
}

#[tokio::test]
async fn the_application_login_cannot_read_people_sessions_or_keys() {
    let app = TestApp::new().await;
    let org = furnished(&app, "Harbour Dental", "olive@example.com").await;
    for table in SYSTEM_TABLES {
        for statement in [
            format!("select count(*) from {table}"),
            format!("delete from {table}"),
            format!("update {table} set {} = null", if table == "login_failures" { "failures" } else { "created_at" }),
        ] {
            let mut tx = app.db.tenancy().tenant(org).await.unwrap();
            let refused = sqlx::query(AssertSqlSafe(statement.clone())).execute(tx.conn()).await.unwrap_err();
            let code = refused.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
            assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        }
    }
}

#[tokio::test]
async fn functions_with_the_systems_rights_are_for_our_logins_and_pin_their_path() {
    let app = TestApp::new().await;
    let mut admin = app.db.admin().await;
    let rows: Vec<(String, String, Option<Vec<String>>, bool)> = sqlx::query_as(
        "select p.proname::text, r.rolname::text, p.proconfig, has_function_privilege('public', p.oid, 'execute') \
           from pg_proc p join pg_roles r on r.oid = p.proowner \
          where p.prosecdef and p.pronamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(rows.len() >= 5);
    for (name, owner, settings, public) in rows {
        assert_eq!(owner, "voxanne_system", "{name}");
        assert!(!public, "{name} may be called by anybody");
        assert!(settings.unwrap_or_default().iter().any(|setting| setting.starts_with("search_path=")), "{name}");
    }
    let may_create: bool = sqlx::query_scalar("select has_schema_privilege('voxanne_system', 'public', 'create')")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(!may_create);
}

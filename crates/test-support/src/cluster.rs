//! The cluster of a test run and the template every test database is cloned from.

use std::path::PathBuf;

use anyhow::Context as _;
use platform::embedded::{EmbeddedOptions, EmbeddedPostgres};
use platform::tenancy::{APP_ROLE, Roles, SYSTEM_ROLE, ensure_roles, migrate};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// Tells tests where the cluster listens.
pub const SOCKET_VARIABLE: &str = "VOXANNE_TEST_SOCKET";
/// The migrated database that tests clone.
pub const TEMPLATE: &str = "voxanne_template";

/// How the administrator reaches the cluster of this run.
pub fn options() -> PgConnectOptions {
    let Ok(socket) = std::env::var(SOCKET_VARIABLE) else {
        panic!("no test cluster: run the tests with `make test`, or one crate's with `cargo vt -p <crate>`");
    };
    at(&PathBuf::from(socket))
}

fn at(socket: &std::path::Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(socket).port(5432).username("postgres").database("postgres")
}

/// Starts a cluster in a new directory and prepares the template.
pub async fn start(data_dir: PathBuf) -> anyhow::Result<EmbeddedPostgres> {
    let options = EmbeddedOptions { data_dir, pg_bin: None, roles: vec![APP_ROLE.to_owned(), SYSTEM_ROLE.to_owned()] };
    let cluster = EmbeddedPostgres::start(options).await?;
    let admin = at(cluster.socket_dir());
    let mut conn = PgConnection::connect_with(&admin).await.context("the new cluster does not answer")?;
    // Nothing here outlives the run, so nothing needs to survive a power cut.
    for setting in ["fsync = off", "synchronous_commit = off", "full_page_writes = off"] {
        conn.execute(AssertSqlSafe(format!("alter system set {setting}"))).await?;
    }
    conn.execute("select pg_reload_conf()").await?;
    ensure_roles(&admin, &Roles::default()).await?;
    conn.execute(AssertSqlSafe(format!("create database {TEMPLATE}"))).await?;
    migrate(&admin.clone().database(TEMPLATE)).await?;
    conn.close().await?;
    Ok(cluster)
}

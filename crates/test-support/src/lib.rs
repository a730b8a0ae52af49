//! What tests of every crate share.
//!
//! Tests run under the restricted logins on real PostgreSQL. One cluster lives for the whole run (`cargo vt`), one
//! database per test is cloned from a migrated template.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test harness fails by panicking"
)]

pub mod cluster;
pub mod logs;
pub mod s3;

use std::path::PathBuf;

use jiff::Timestamp;
use platform::clock::Clock;
use platform::crypto::MasterKey;
use platform::tenancy::{APP_ROLE, Logins, MIGRATOR, SYSTEM_ROLE, Tenancy};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// The instant at which every frozen clock starts: a Tuesday afternoon.
pub const START: &str = "2026-11-24T14:00:00Z";

/// A database of one test.
pub struct TestDb {
    options: PgConnectOptions,
    tenancy: Tenancy,
    clock: Clock,
}

/// The database goes with the cluster; files would stay.
impl Drop for TestDb {
    fn drop(&mut self) {
        match std::fs::remove_dir_all(self.scratch_dir()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => eprintln!("files of a test stay: {error}"),
            _ => {}
        }
    }
}

impl TestDb {
    /// Clones the template.
    pub async fn new() -> Self {
        let options = create(&format!("template {}", cluster::TEMPLATE)).await;
        Self::at(options).await
    }

    /// A database as the newest migration finds it: every one before it has been applied.
    pub async fn before_the_newest_migration() -> Self {
        let options = create("").await;
        let mut earlier = MIGRATOR.migrations.to_vec();
        earlier.pop().expect("a migration");
        let mut admin = PgConnection::connect_with(&options).await.expect("the new database");
        Migrator::with_migrations(earlier).run(&mut admin).await.expect("the earlier migrations");
        admin.close().await.expect("a clean goodbye");
        Self::at(options).await
    }

    async fn at(options: PgConnectOptions) -> Self {
        logs::keep();
        let logins = Logins { app: options.clone().username(APP_ROLE), system: options.clone().username(SYSTEM_ROLE) };
        let tenancy = Tenancy::connect(logins, 8).await.expect("restricted logins");
        let start: Timestamp = START.parse().expect("a valid time");
        Self { options, tenancy, clock: Clock::frozen_at(start) }
    }

    /// The way to the database, under the restricted logins.
    pub fn tenancy(&self) -> Tenancy {
        self.tenancy.clone()
    }

    /// Where this test may keep files. Nobody has made it yet.
    pub fn scratch_dir(&self) -> PathBuf {
        std::env::temp_dir().join(self.options.get_database().expect("a named database"))
    }

    /// A clock that stands still at [`START`] until advanced.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// A master key, the same in every test.
    pub fn master_key(&self) -> MasterKey {
        MasterKey::from_bytes([42; 32])
    }

    /// How the administrator connects; for starting a second server on this database.
    pub fn admin_options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// How the restricted logins connect.
    pub fn logins(&self) -> Logins {
        Logins { app: self.options.clone().username(APP_ROLE), system: self.options.clone().username(SYSTEM_ROLE) }
    }

    /// The administrator, past all row security: to look at what is really there, or to plant it.
    pub async fn admin(&self) -> PgConnection {
        PgConnection::connect_with(&self.options).await.expect("the administrator")
    }

    /// Plants an organization.
    pub async fn organization(&self, name: &str) -> platform::ids::OrgId {
        let org = platform::ids::OrgId::new();
        let mut admin = self.admin().await;
        sqlx::query("insert into organizations (org_id, name, zone) values ($1, $2, 'Europe/London')")
            .bind(org)
            .bind(name)
            .execute(&mut admin)
            .await
            .expect("a planted organization");
        org
    }
}

/// Makes a database with a new name: how the administrator reaches it.
async fn create(like: &str) -> PgConnectOptions {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let base = cluster::options();
    let mut admin = PgConnection::connect_with(&base.clone().database("postgres")).await.expect("the test cluster");
    admin.execute(AssertSqlSafe(format!("create database {name} {like}"))).await.expect("a new database");
    admin.close().await.expect("a clean goodbye");
    base.database(&name)
}

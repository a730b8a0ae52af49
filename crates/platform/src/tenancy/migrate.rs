//! The schema: embedded in the binary, applied forward only, by an administrator login that the server does not keep.

use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use super::{APP_ROLE, SYSTEM_ROLE};
use crate::secret::Secret;

/// Every migration, in order. `migrations/README.md` has the recipe for a tenant table.
pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Serializes servers that start at the same moment. Any constant will do; it must only never change.
const MIGRATION_LOCK: i64 = 0x766f_7861_6e6e_6531;

/// The schema that stands in a database from the beginning of a restore to its end.
pub const RESTORE_MARKER: &str = "voxanne_restore_unfinished";

/// Why the schema is not as this binary needs it.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer binary has been here.
    #[error(
        "the database has schema version {found}, newer than the {known} this binary knows: start the newer binary, or \
         restore a backup made before the upgrade"
    )]
    SchemaIsNewer {
        /// Version in the database.
        found: i64,
        /// Newest version in the binary.
        known: i64,
    },
    /// Migrations wait and this process has no administrator login.
    #[error("the database schema is behind this binary: run `voxanne migrate` with DATABASE_ADMIN_URL set")]
    SchemaIsOlder,
    /// A restore began and did not end.
    #[error(
        "a restore into this database did not finish, so nothing is served from it: run `voxanne restore` again, or begin \
         with an empty database"
    )]
    RestoreUnfinished,
    /// A migration failed or an applied one was edited.
    #[error("a migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("the administrator login could not prepare the database")]
    Database(#[from] sqlx::Error),
}

/// Passwords for the two restricted logins; `None` where the server trusts the operating system account (the private
/// cluster) or the login was made by hand.
#[derive(Debug, Default)]
pub struct Roles {
    /// Password of `voxanne_app`.
    pub app_password: Option<Secret>,
    /// Password of `voxanne_system`.
    pub system_password: Option<Secret>,
}

/// Makes the two restricted roles if they are missing. Needs CREATEROLE.
pub async fn ensure_roles(admin: &PgConnectOptions, roles: &Roles) -> Result<(), MigrateError> {
    let mut conn = PgConnection::connect_with(admin).await?;
    let result = async {
        conn.execute(AssertSqlSafe(format!("select pg_advisory_lock({MIGRATION_LOCK})"))).await?;
        for (role, password) in [(APP_ROLE, &roles.app_password), (SYSTEM_ROLE, &roles.system_password)] {
            ensure_role(&mut conn, role, password.as_ref()).await?;
        }
        Ok(())
    }
    .await;
    conn.close().await?;
    result
}

async fn ensure_role(conn: &mut PgConnection, role: &str, password: Option<&Secret>) -> Result<(), MigrateError> {
    let exists: bool = sqlx::query_scalar("select exists (select 1 from pg_roles where rolname = $1)")
        .bind(role)
        .fetch_one(&mut *conn)
        .await?;
    if !exists {
        // Another database of the same cluster may make the role at the same moment; its winner is as good as ours.
        let created = conn
            .execute(AssertSqlSafe(format!(
                "create role {role} login nosuperuser nocreatedb nocreaterole noinherit nobypassrls noreplication"
            )))
            .await;
        match created {
            Err(sqlx::Error::Database(error))
                if error.is_unique_violation() || error.code().as_deref() == Some("42710") => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
    }
    if let Some(password) = password {
        // ALTER ROLE takes no bound parameters; the server quotes the literal for us.
        let statement: String = sqlx::query_scalar("select format('alter role %I password %L', $1, $2)")
            .bind(role)
            .bind(password.expose())
            .fetch_one(&mut *conn)
            .await?;
        conn.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

/// Applies what is missing and refuses a schema from a newer binary.
pub async fn migrate(admin: &PgConnectOptions) -> Result<(), MigrateError> {
    // The migration table is made "if not exists", and the server would remark on it at every start; a migration that takes
    // a second on a slow machine would be printed whole.
    let quiet = admin.clone().options([("client_min_messages", "warning")]).disable_statement_logging();
    let mut conn = PgConnection::connect_with(&quiet).await?;
    let result = async {
        conn.execute(AssertSqlSafe(format!("select pg_advisory_lock({MIGRATION_LOCK})"))).await?;
        refuse_newer(&mut conn).await?;
        MIGRATOR.run(&mut conn).await?;
        Ok(())
    }
    .await;
    conn.close().await?;
    result
}

/// Checks without changing anything, for a process that has no administrator login.
pub async fn schema_is_current(login: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut conn = PgConnection::connect_with(login).await?;
    let applied = applied_version(&mut conn).await;
    conn.close().await?;
    match (applied?, newest_schema()) {
        (Some(found), known) if found > known => Err(MigrateError::SchemaIsNewer { found, known }),
        (Some(found), known) if found == known => Ok(()),
        _ => Err(MigrateError::SchemaIsOlder),
    }
}

/// Refuses a database whose restore was interrupted: half of it may be missing.
pub async fn refuse_unfinished_restore(login: &PgConnectOptions) -> Result<(), MigrateError> {
    let mut conn = PgConnection::connect_with(login).await?;
    let marked =
        sqlx::query_scalar("select to_regnamespace($1) is not null").bind(RESTORE_MARKER).fetch_one(&mut conn).await;
    conn.close().await?;
    if marked? { Err(MigrateError::RestoreUnfinished) } else { Ok(()) }
}

async fn refuse_newer(conn: &mut PgConnection) -> Result<(), MigrateError> {
    conn.ensure_migrations_table(&MIGRATOR.table_name).await?;
    match applied_version(conn).await? {
        Some(found) if found > newest_schema() => Err(MigrateError::SchemaIsNewer { found, known: newest_schema() }),
        _ => Ok(()),
    }
}

async fn applied_version(conn: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("select max(version) from _sqlx_migrations where success").fetch_one(conn).await
}

/// The version of the schema that this binary makes.
pub fn newest_schema() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

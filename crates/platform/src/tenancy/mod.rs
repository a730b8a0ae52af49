//! No tenant, no SQL.
//!
//! The connection pools are private to this module. Everything else reaches the database through one of three things:
//!
//! - [`TenantTx`]: a transaction for one organization, under the login `voxanne_app`. Row security shows it that
//!   organization's rows and nothing else; with the setting missing it would show none.
//! - [`SystemTx`]: a transaction across organizations, under the login `voxanne_system`, opened with a written reason
//!   that is logged. Its policies are narrow and written table by table in `migrations/`.
//! - [`TenantCall`]: one SQL function in one round trip, for the hot paths. The function is given the organization (ingest
//!   finds it) and sets it itself, so the same row security applies.
//!
//! None can be made from another, so a store function's signature tells what it can reach.

pub mod catalogue;
mod guard;
mod migrate;
mod pool;
mod tx;

pub use guard::GuardError;
pub use migrate::{
    MIGRATOR, MigrateError, RESTORE_MARKER, Roles, ensure_roles, migrate, newest_schema, refuse_unfinished_restore,
    schema_is_current,
};
pub use pool::DbError;
pub use tx::{SystemTx, TenantCall, TenantTx};

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use crate::ids::OrgId;
use pool::SessionPool;

/// The login for one organization's work.
pub const APP_ROLE: &str = "voxanne_app";
/// The login for cross-organization work.
pub const SYSTEM_ROLE: &str = "voxanne_system";

/// How long a caller waits for a free connection before the answer is "busy".
const POOL_PATIENCE: Duration = Duration::from_secs(5);

/// The way to the database. Cheap to clone.
#[derive(Clone)]
pub struct Tenancy {
    inner: Arc<Inner>,
}

struct Inner {
    app: SessionPool,
    system: SessionPool,
    system_login: PgConnectOptions,
}

/// Where the two restricted logins connect to.
#[derive(Clone, Debug)]
pub struct Logins {
    /// For [`TenantTx`] and [`TenantCall`].
    pub app: PgConnectOptions,
    /// For [`SystemTx`].
    pub system: PgConnectOptions,
}

impl Tenancy {
    /// Connects both logins and refuses logins that could see past row security.
    pub async fn connect(logins: Logins, connections: usize) -> Result<Self, GuardError> {
        let tenancy = Self::unconnected(logins, connections);
        guard::refuse_unrestricted(&tenancy.inner.app).await?;
        guard::refuse_unrestricted(&tenancy.inner.system).await?;
        Ok(tenancy)
    }

    /// Connects to nothing until it is used, and checks nothing: for describing routes without a database.
    pub fn unconnected(logins: Logins, connections: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                app: SessionPool::new(logins.app, connections, POOL_PATIENCE),
                system: SessionPool::new(logins.system.clone(), connections.div_ceil(2), POOL_PATIENCE),
                system_login: logins.system,
            }),
        }
    }

    /// Begins a transaction that sees one organization. One round trip.
    pub async fn tenant(&self, org: OrgId) -> Result<TenantTx, DbError> {
        TenantTx::begin(&self.inner.app, org).await
    }

    /// One SQL function that is given its organization, in one round trip. See [`TenantCall`].
    pub async fn tenant_call(&self) -> Result<TenantCall, DbError> {
        TenantCall::open(&self.inner.app).await
    }

    /// Begins a transaction across organizations. `reason` says why no single organization will do.
    pub async fn system(&self, reason: &'static str) -> Result<SystemTx, DbError> {
        SystemTx::begin(&self.inner.system, reason).await
    }

    /// Listens to notifications on `channel` under the system login, on a connection of its own that reconnects by itself.
    /// What it brings are hints: a notification may be lost, so whoever listens also polls.
    pub async fn listen(&self, channel: &str) -> Result<PgListener, DbError> {
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(self.inner.system_login.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(channel).await?;
        Ok(listener)
    }

    /// Whether a trivial statement comes back within `patience`.
    pub async fn is_reachable(&self, patience: Duration) -> bool {
        let probe = async { self.system("readiness probe").await?.commit().await };
        matches!(tokio::time::timeout(patience, probe).await, Ok(Ok(())))
    }

    /// The most connections of the tenant login.
    pub fn pool_size(&self) -> usize {
        self.inner.app.most()
    }

    /// Connections in use and open for the tenant login, for metrics.
    pub fn pool_use(&self) -> (usize, usize) {
        self.inner.app.usage()
    }
}

//! Connections that are reused only when they were handed back clean.
//!
//! sqlx's own pool asks the server at each hand-over whether the connection still lives, one round trip more per
//! request, and trusts a connection whose query was cancelled half-way. Here a connection that was dropped in the middle
//! of anything is closed, so a cancelled request cannot leak its organization to the next user of the connection
//! (docs/adr/0002).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, QueueMode, RecycleError, RecycleResult, Timeouts};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No connection became free in time: the caller should try again shortly.
    #[error("the database is busy")]
    Busy,
    /// The server could not be reached or refused.
    #[error("the database could not be reached")]
    Unreachable(#[source] sqlx::Error),
    /// A statement failed.
    #[error("a database statement failed")]
    Statement(#[source] sqlx::Error),
    /// A row that must exist does not.
    #[error("a row that must exist does not")]
    RowMissing,
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::RowMissing,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) => Self::Unreachable(error),
            other => Self::Statement(other),
        }
    }
}

impl DbError {
    /// The name of the constraint that a statement violated, if that is why it failed.
    pub fn violated_constraint(&self) -> Option<&str> {
        match self {
            Self::Statement(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }

    /// Whether trying again later may help: the fault is the database's state, not the statement.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::Unreachable(_) => true,
            // 40: serialization and deadlock, 53: out of resources, 55: lock not available,
            // 57: cancelled, shut down or starting (PostgreSQL manual, appendix A).
            Self::Statement(sqlx::Error::Database(error)) => error
                .code()
                .is_some_and(|code| ["40", "53", "55", "57", "08"].iter().any(|class| code.starts_with(class))),
            Self::Statement(_) | Self::RowMissing => false,
        }
    }
}

/// One server connection and whether it may be used again.
pub(super) struct Session {
    pub(super) conn: PgConnection,
    /// False from the moment work starts until it has ended in an orderly way.
    pub(super) clean: bool,
    /// The server's life that this connection belongs to.
    life: u64,
    current_life: Arc<AtomicU64>,
}

impl Session {
    /// Notes that the server has gone away. Its other connections are as dead as this one; they are replaced when they
    /// are next asked for, instead of failing one request each.
    pub(super) fn server_is_gone(&self) {
        self.current_life.fetch_max(self.life + 1, Ordering::Relaxed);
    }
}

pub(super) struct Connector {
    options: PgConnectOptions,
    life: Arc<AtomicU64>,
}

impl Manager for Connector {
    type Type = Session;
    type Error = sqlx::Error;

    async fn create(&self) -> Result<Session, sqlx::Error> {
        let life = self.life.load(Ordering::Relaxed);
        let conn = connecting(self.options.clone()).await?;
        Ok(Session { conn, clean: true, life, current_life: Arc::clone(&self.life) })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<sqlx::Error> {
        if !session.clean {
            Err(RecycleError::message("dropped in mid-work"))
        } else if session.life < self.life.load(Ordering::Relaxed) {
            Err(RecycleError::message("of a server that went away"))
        } else {
            Ok(())
        }
    }
}

/// Work behind a pointer, for functions marked `inline(never)`: what an async function awaits is compiled again into every
/// handler that awaits it, and connecting alone was in the program seventy times.
pub(super) type Boxed<'a, T, E = DbError> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

#[inline(never)]
fn connecting(options: PgConnectOptions) -> Boxed<'static, PgConnection, sqlx::Error> {
    Box::pin(async move { PgConnection::connect_with(&options).await })
}

/// A pool of sessions for one login.
pub(super) struct SessionPool {
    pool: Pool<Connector>,
}

impl SessionPool {
    pub(super) fn new(options: PgConnectOptions, size: usize, patience: Duration) -> Self {
        // Limits that no forgotten transaction or runaway statement may exceed; a stuck backend holds back cleanup for
        // every organization. PostgreSQL 15 has no transaction_timeout, so both halves are set.
        let options = options
            .options([
                ("statement_timeout", "20s"),
                ("lock_timeout", "10s"),
                ("idle_in_transaction_session_timeout", "30s"),
                ("timezone", "UTC"),
            ])
            .application_name("voxanne")
            .disable_statement_logging();
        let timeouts = Timeouts { wait: Some(patience), create: Some(patience), recycle: Some(patience) };
        let pool = Pool::builder(Connector { options, life: Arc::default() })
            .max_size(size.max(1))
            // The one used last: its server process still has plans and catalogue in the processor's caches, which is a
            // fifth of what an event costs (bench/README.md).
            .queue_mode(QueueMode::Lifo)
            .timeouts(timeouts)
            .runtime(deadpool::Runtime::Tokio1)
            .build();
        // The builder fails only without a runtime, and one is given.
        let pool = match pool {
            Ok(pool) => pool,
            Err(error) => unreachable!("a runtime is given: {error}"),
        };
        Self { pool }
    }

    pub(super) async fn get(&self) -> Result<Object<Connector>, DbError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Backend(source) => DbError::Unreachable(source),
            PoolError::Timeout(_)
            | PoolError::Closed
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => DbError::Busy,
        })
    }

    pub(super) fn most(&self) -> usize {
        self.pool.status().max_size
    }

    pub(super) fn usage(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size.saturating_sub(status.available), status.size)
    }
}

/// Closes a connection instead of handing it back.
pub(super) fn discard(session: Object<Connector>) {
    drop(Object::take(session));
}

//! The three ways to SQL.

use deadpool::managed::Object;
use sqlx::postgres::{PgArguments, PgConnection, PgRow, Postgres};
use sqlx::query::QueryAs;
use sqlx::{AssertSqlSafe, Executor as _};

use super::pool::{Boxed, Connector, DbError, SessionPool, discard};
use crate::ids::OrgId;

/// A transaction that sees the rows of one organization.
///
/// Ends with [`TenantTx::commit`]. Dropped without it, nothing was written and the connection is closed.
pub struct TenantTx {
    open: Open,
    org: OrgId,
}

/// A transaction across organizations, for what is truly cross-tenant.
///
/// Ends like [`TenantTx`].
pub struct SystemTx {
    open: Open,
}

impl TenantTx {
    pub(super) async fn begin(pool: &SessionPool, org: OrgId) -> Result<Self, DbError> {
        // The id is a UUID that we print ourselves, so it cannot carry SQL; one simple-protocol message saves the two
        // round trips that BEGIN and a bound set_config would cost.
        let open = Open::begin(pool, format!("begin; set local app.org_id = '{org}'")).await?;
        Ok(Self { open, org })
    }

    /// The organization this transaction works for. Queries name it too: row security is the second lock.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// The connection, for store functions.
    pub fn conn(&mut self) -> &mut PgConnection {
        self.open.conn()
    }

    /// Makes the work durable.
    pub async fn commit(self) -> Result<(), DbError> {
        self.open.end("commit").await
    }

    /// Gives the work up and keeps the connection.
    pub async fn rollback(self) -> Result<(), DbError> {
        self.open.end("rollback").await
    }
}

impl SystemTx {
    pub(super) async fn begin(pool: &SessionPool, reason: &'static str) -> Result<Self, DbError> {
        tracing::debug!(reason, "cross-organization transaction");
        Ok(Self { open: Open::begin(pool, "begin".to_owned()).await? })
    }

    /// The connection, for store functions.
    pub fn conn(&mut self) -> &mut PgConnection {
        self.open.conn()
    }

    /// Makes the work durable.
    pub async fn commit(self) -> Result<(), DbError> {
        self.open.end("commit").await
    }

    /// Gives the work up and keeps the connection.
    pub async fn rollback(self) -> Result<(), DbError> {
        self.open.end("rollback").await
    }
}

/// One SQL function call in one round trip, under the tenant login.
///
/// The statement runs in its own implicit transaction. The function is given the organization and sets `app.org_id`
/// itself; a plain query through here would find the setting missing and see no rows.
pub struct TenantCall {
    open: Open,
}

impl TenantCall {
    pub(super) async fn open(pool: &SessionPool) -> Result<Self, DbError> {
        Ok(Self { open: Open::idle(pool).await? })
    }

    /// Runs the call and reads all rows.
    pub async fn fetch_all<R>(mut self, query: QueryAs<'_, Postgres, R, PgArguments>) -> Result<Vec<R>, DbError>
    where
        R: for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin,
    {
        let result = query.fetch_all(self.open.conn()).await;
        self.open.settle(result)
    }

    /// Runs the call and reads its one row.
    pub async fn fetch_one<R>(mut self, query: QueryAs<'_, Postgres, R, PgArguments>) -> Result<R, DbError>
    where
        R: for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin,
    {
        let result = query.fetch_one(self.open.conn()).await;
        self.open.settle(result)
    }
}

/// A checked-out connection that is closed unless its work ends in an orderly way.
struct Open {
    session: Option<Object<Connector>>,
}

impl Open {
    #[inline(never)]
    fn begin(pool: &SessionPool, sql: String) -> Boxed<'_, Self> {
        Box::pin(async move {
            let mut open = Self::idle(pool).await?;
            match open.conn().execute(AssertSqlSafe(sql.clone())).await {
                Ok(_) => Ok(open),
                // A pooled connection may have died with the server it belonged to. Nothing has happened in it yet, so a
                // fresh one may try again.
                Err(error) if is_dead(&error) => {
                    open.server_is_gone();
                    drop(open);
                    let mut open = Self::idle(pool).await?;
                    open.conn().execute(AssertSqlSafe(sql)).await?;
                    Ok(open)
                }
                Err(error) => Err(error.into()),
            }
        })
    }

    #[inline(never)]
    fn idle(pool: &SessionPool) -> Boxed<'_, Self> {
        Box::pin(async move {
            let mut session = pool.get().await?;
            session.clean = false;
            Ok(Self { session: Some(session) })
        })
    }

    fn conn(&mut self) -> &mut PgConnection {
        match &mut self.session {
            Some(session) => &mut session.conn,
            None => unreachable!("the session leaves only when the transaction is consumed"),
        }
    }

    fn server_is_gone(&self) {
        if let Some(session) = &self.session {
            session.server_is_gone();
        }
    }

    #[inline(never)]
    fn end(mut self, sql: &'static str) -> Boxed<'static, ()> {
        Box::pin(async move {
            let result = self.conn().execute(sql).await;
            self.settle(result).map(drop)
        })
    }

    /// Hands the connection back when the server answered, closes it when it did not.
    fn settle<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, DbError> {
        if let Some(mut session) = self.session.take() {
            match &result {
                Ok(_) | Err(sqlx::Error::RowNotFound) => session.clean = true,
                Err(error) if is_dead(error) => {
                    session.server_is_gone();
                    discard(session);
                }
                Err(sqlx::Error::Database(_)) => session.clean = true,
                Err(_) => discard(session),
            }
        }
        result.map_err(DbError::from)
    }
}

/// Whether the error means that the server closed the connection: a broken socket, or its farewell (class 57P, operator
/// intervention).
fn is_dead(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            discard(session);
        }
    }
}

//! The three ways to SQL.

use deadpool::managed::Object;
use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::query::QueryAs;
use sqlx::{AssertSqlSafe, Executor as _};

use super::pool::{Connector, DbError, SessionPool, discard};
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
/// The statement runs in its own implicit transaction. The function sets `app.org_id` from its first argument; a plain
/// query through here would find the setting missing and see no rows.
pub struct TenantCall {
    open: Open,
    org: Option<OrgId>,
}

impl TenantCall {
    pub(super) async fn open(pool: &SessionPool, org: OrgId) -> Result<Self, DbError> {
        Ok(Self { open: Open::idle(pool).await?, org: Some(org) })
    }

    pub(super) async fn open_unbound(pool: &SessionPool) -> Result<Self, DbError> {
        Ok(Self { open: Open::idle(pool).await?, org: None })
    }

    /// Runs `sql`, whose `$1` is the organization; further arguments are bound by `bind` from `$2` on. Without an
    /// organization (ingest) the arguments start at `$1`.
    pub async fn fetch_all<R>(
        mut self,
        sql: &'static str,
        bind: impl for<'q> FnOnce(QueryAs<'q, Postgres, R, PgArguments>) -> QueryAs<'q, Postgres, R, PgArguments>,
    ) -> Result<Vec<R>, DbError>
    where
        R: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
    {
        let mut query = sqlx::query_as::<_, R>(sql);
        if let Some(org) = self.org {
            query = query.bind(org);
        }
        let result = bind(query).fetch_all(self.open.conn()).await;
        self.open.settle(result)
    }
}

/// A checked-out connection that is closed unless its work ends in an orderly way.
struct Open {
    session: Option<Object<Connector>>,
}

impl Open {
    async fn begin(pool: &SessionPool, sql: String) -> Result<Self, DbError> {
        let mut open = Self::idle(pool).await?;
        match open.conn().execute(AssertSqlSafe(sql.clone())).await {
            Ok(_) => Ok(open),
            // A pooled connection may have died with the server it belonged to. Nothing has happened in it yet, so a
            // fresh one may try again. All older ones are as dead; each is found out the same way.
            Err(sqlx::Error::Io(_)) => {
                drop(open);
                let mut open = Self::idle(pool).await?;
                open.conn().execute(AssertSqlSafe(sql)).await?;
                Ok(open)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn idle(pool: &SessionPool) -> Result<Self, DbError> {
        let mut session = pool.get().await?;
        session.clean = false;
        Ok(Self { session: Some(session) })
    }

    fn conn(&mut self) -> &mut PgConnection {
        match &mut self.session {
            Some(session) => &mut session.conn,
            None => unreachable!("the session leaves only when the transaction is consumed"),
        }
    }

    async fn end(mut self, sql: &'static str) -> Result<(), DbError> {
        let result = self.conn().execute(sql).await;
        self.settle(result).map(drop)
    }

    /// Hands the connection back when the server answered, closes it when it did not.
    fn settle<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, DbError> {
        let orderly = match &result {
            Ok(_) => true,
            Err(sqlx::Error::Database(error)) => error.code().is_some_and(|code| !code.starts_with("57P")),
            Err(_) => false,
        };
        if orderly && let Some(mut session) = self.session.take() {
            session.clean = true;
        }
        result.map_err(DbError::from)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            discard(session);
        }
    }
}

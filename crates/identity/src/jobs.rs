//! Forgetting what has expired: sessions, program sign-ins, retired keys, failure counters, stored answers.

use std::time::Duration;

use platform::http::problem::Chain;
use platform::tenancy::DbError;

use crate::access::Authority;
use crate::{accounts, idempotency, tokens};

/// Deletes expired rows of every organization. Answers how many. Run it hourly; any number of nodes may run it at once.
pub async fn sweep(authority: &Authority) -> Result<u64, DbError> {
    let now = authority.clock().now();
    let mut tx = authority.tenancy().system("expired rows are forgotten whosever they are").await?;
    let rows = accounts::store::sweep(&mut tx, now).await?
        + accounts::resets::sweep(&mut tx, now).await?
        + tokens::store::sweep(&mut tx, now).await?
        + idempotency::sweep(&mut tx, now).await?;
    tx.commit().await?;
    Ok(rows)
}

/// How often.
const SWEEPS_EVERY: Duration = Duration::from_hours(1);

pub(crate) fn start(authority: &Authority) {
    let stopping = authority.tasks().stopping();
    let worker = authority.clone();
    authority.tasks().spawn(async move {
        let mut tick = tokio::time::interval(SWEEPS_EVERY);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                _ = tick.tick() => {}
            }
            match sweep(&worker).await {
                Ok(rows) => tracing::debug!(rows, "forgot expired sign-ins and answers"),
                // The next hour tries again; nothing expired is honoured in the meantime.
                Err(error) => tracing::warn!(error = %Chain(&error), "expired rows could not be forgotten"),
            }
        }
    });
}

//! Forgetting what has expired: sessions, program sign-ins, retired keys, failure counters, stored answers.

use std::time::Duration;

use platform::jobs::{Jobs, Report, Schedule};
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

const SCHEDULE: Schedule =
    Schedule { name: "identity.sweep", every: Duration::from_hours(1), patience: Duration::from_mins(10) };

/// Nothing expired is honoured until it is forgotten.
pub(crate) fn start(authority: &Authority, jobs: &Jobs) {
    let authority = authority.clone();
    jobs.schedule(SCHEDULE, move || {
        let authority = authority.clone();
        async move { Ok::<_, DbError>(Report::new().count("forgotten", sweep(&authority).await?)) }
    });
}

//! The search index follows the calls, shortly after them.

use std::time::Duration;

use platform::jobs::{Jobs, Report, Schedule};
use platform::tenancy::{DbError, Tenancy};

use super::store;

/// Several nodes may do it at once: rows are claimed.
const SCHEDULE: Schedule =
    Schedule { name: "voice.index_calls", every: Duration::from_secs(1), patience: Duration::from_mins(10) };
/// Calls indexed in one transaction.
const BATCH: i32 = 50;

/// Keeps the index up to date until the process stops.
pub fn keep_indexed(tenancy: Tenancy, jobs: &Jobs) {
    jobs.often(SCHEDULE, move || {
        let tenancy = tenancy.clone();
        async move { Ok::<_, DbError>(Report::new().count("indexed", index_all(&tenancy).await?)) }
    });
}

/// Indexes everything that is queued; answers how many calls.
pub async fn index_all(tenancy: &Tenancy) -> Result<i32, DbError> {
    let mut tx = tenancy.system("find organizations with calls to index").await?;
    let orgs = store::orgs_with_queued_calls(&mut tx).await?;
    tx.commit().await?;
    let mut total = 0;
    for org in orgs {
        loop {
            let done = store::index_queued(tenancy.tenant_call().await?, org, BATCH).await?;
            total += done;
            if done < BATCH {
                break;
            }
        }
    }
    Ok(total)
}

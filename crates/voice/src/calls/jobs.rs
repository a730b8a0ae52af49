//! The search index follows the calls, shortly after them.

use std::time::Duration;

use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};

use super::store;

/// How often the queue is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Calls indexed in one transaction.
const BATCH: i32 = 50;

/// Keeps the index up to date until the process stops. Several nodes may do it at once: rows are claimed.
pub fn keep_indexed(tenancy: Tenancy, tasks: &Tasks) {
    tasks.every(EVERY, "the search index could not be brought up to date", move || {
        let tenancy = tenancy.clone();
        async move { index_all(&tenancy).await.map(drop) }
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

//! What a person can do about a recording.

use platform::audit::{self, Actor};
use platform::clock::Clock;
use platform::ids::RecordingId;
use platform::jobs::{JobError, Jobs};
use platform::tenancy::TenantTx;
use serde_json::json;

use super::jobs::{QUEUE, job};
use super::store;

/// Has a recording that failed or expired tried again. Answers the number of the live event; nothing when there is none of
/// this id that waits for that. After the commit, call `jobs.wake` with [`QUEUE`] and announce the event.
pub async fn try_again(
    tx: &mut TenantTx,
    jobs: &Jobs,
    clock: &Clock,
    actor: Actor,
    id: RecordingId,
) -> Result<Option<i64>, JobError> {
    let Some(call) = store::want_again(tx, id, clock.now()).await? else { return Ok(None) };
    // A job that was given up stays so until it is told otherwise.
    if !jobs.retry(tx, QUEUE, &id.to_string()).await? {
        jobs.enqueue(tx, job(id)).await?;
    }
    store::follow(tx, call).await?;
    let seq = store::tell(tx, "call.updated", call).await?;
    audit::record(tx, actor, "recording.retried", Some(&id.to_string()), json!({ "call": call })).await?;
    Ok(Some(seq))
}

//! What a person can do about a recording.

use platform::audit::{self, Actor};
use platform::clock::Clock;
use platform::ids::RecordingId;
use platform::jobs::{JobError, Jobs};
use platform::tenancy::TenantTx;
use serde_json::json;

use super::jobs::{QUEUE, job};
use super::store;

/// Has a recording that failed or expired tried again. False: there is none of this id that waits for that. After the
/// commit, call `jobs.wake` with [`QUEUE`] and announce the live event.
pub async fn try_again(
    tx: &mut TenantTx,
    jobs: &Jobs,
    clock: &Clock,
    actor: Actor,
    id: RecordingId,
) -> Result<bool, JobError> {
    let Some(call) = store::want_again(tx, id, clock.now()).await? else { return Ok(false) };
    // A job that was given up stays so until it is told otherwise.
    if !jobs.retry(tx, QUEUE, &id.to_string()).await? {
        jobs.enqueue(tx, job(id)).await?;
    }
    store::follow(tx, call).await?;
    store::tell(tx, "call.updated", call).await?;
    audit::record(tx, actor, "recording.retried", Some(&id.to_string()), json!({ "call": call })).await?;
    Ok(true)
}

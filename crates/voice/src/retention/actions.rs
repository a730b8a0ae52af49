//! Use cases: settings, holds, and deleting content.

use jiff::Timestamp;
use platform::audit::{self, Actor};
use platform::crypto::MasterKey;
use platform::ids::{CallId, OrgId};
use platform::jobs::{JobError, Jobs, NewJob, Running};
use platform::storage::{Key, Storage, StorageError};
use platform::tenancy::{DbError, Tenancy, TenantTx};
use serde_json::json;

use super::model::{Candidate, Due, Keeping, Policy, Preview, Refusal, Standing, confirms};
use super::{jobs, store};

/// Calls looked at between two looks at the database for more.
const BATCH: i64 = 200;

/// Why content was not deleted, or not put on hold.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The setting would delete something at once, and nobody has looked at what.
    #[error("nobody has seen yet what this setting would delete now")]
    Unseen(Preview),
    /// The files' deletion could not be put into the queue.
    #[error(transparent)]
    Queue(#[from] JobError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// What was written, to be told after the commit.
#[derive(Clone, Copy, Debug)]
#[must_use = "watchers are told after the commit"]
pub struct Told {
    /// The live event's number.
    pub seq: i64,
}

/// The organization's setting.
pub async fn policy(tx: &mut TenantTx) -> Result<Policy, DbError> {
    store::policy(tx).await
}

/// What this setting would delete if it were in force now. Deletes nothing.
pub async fn preview(tx: &mut TenantTx, policy: &Policy, now: Timestamp) -> Result<Preview, DbError> {
    match policy.recordings_before(now) {
        None => Ok(Preview::default()),
        Some(before) => store::preview(tx, before, policy.content_before(now)).await,
    }
}

/// Puts a setting in force. Content that is older is deleted by the next run of the duty; where there is such content, a
/// [`confirmation`](super::model::confirmation) has to show that somebody saw how much.
pub async fn set_policy(
    tx: &mut TenantTx,
    key: &MasterKey,
    by: Actor,
    policy: &Policy,
    confirmation: Option<&str>,
    now: Timestamp,
) -> Result<(), RetentionError> {
    let would = preview(tx, policy, now).await?;
    if would.deletes() && !confirmation.is_some_and(|text| confirms(text, key, tx.org(), policy, now)) {
        return Err(RetentionError::Unseen(would));
    }
    let before = store::policy(tx).await?;
    store::set_policy(tx, policy, now).await?;
    audit::record(tx, by, "retention.changed", None, json!({ "before": before, "after": policy })).await?;
    Ok(())
}

/// How a call's content is kept.
pub async fn keeping(tx: &mut TenantTx, call: CallId) -> Result<Keeping, DbError> {
    store::keeping(tx, call).await
}

/// Keeps a call's content whatever the setting says, until the hold is lifted.
pub async fn place_hold(
    tx: &mut TenantTx,
    by: Actor,
    call: CallId,
    reason: &str,
    now: Timestamp,
) -> Result<Told, RetentionError> {
    locked(tx, call).await?.may_be_held()?;
    store::place_hold(tx, call, reason, now).await?;
    // The reason may name somebody; it stands with the hold, and not in a list that is never shortened.
    audit::record(tx, by, "call.hold_placed", Some(&call.to_string()), json!({})).await?;
    Ok(Told { seq: store::tell(tx, call).await? })
}

/// From here on the setting counts again.
pub async fn lift_hold(tx: &mut TenantTx, by: Actor, call: CallId, now: Timestamp) -> Result<Told, RetentionError> {
    if !locked(tx, call).await?.is_held {
        return Err(Refusal::NotOnHold.into());
    }
    store::lift_hold(tx, call, now).await?;
    audit::record(tx, by, "call.hold_lifted", Some(&call.to_string()), json!({})).await?;
    Ok(Told { seq: store::tell(tx, call).await? })
}

/// Deletes a call's content, because somebody asked for it. The files go a moment later, by a job.
pub async fn erase(
    tx: &mut TenantTx,
    queue: &Jobs,
    by: Actor,
    call: CallId,
    now: Timestamp,
) -> Result<Told, RetentionError> {
    locked(tx, call).await?.may_be_erased()?;
    erase_locked(tx, queue, by, call, now).await
}

async fn locked(tx: &mut TenantTx, call: CallId) -> Result<Standing, RetentionError> {
    Ok(store::lock(tx, call).await?.ok_or(Refusal::NotFound)?)
}

async fn erase_locked(
    tx: &mut TenantTx,
    queue: &Jobs,
    by: Actor,
    call: CallId,
    now: Timestamp,
) -> Result<Told, RetentionError> {
    store::expire_recordings(tx, call).await?;
    store::erase(tx, call, by, now).await?;
    audit::record(tx, by, "call.content_deleted", Some(&call.to_string()), json!({})).await?;
    queue.enqueue(tx, clearing(call)).await?;
    Ok(Told { seq: store::tell(tx, call).await? })
}

fn clearing(call: CallId) -> NewJob {
    NewJob { queue: jobs::CLEARING.name, key: call.to_string(), payload: json!({}), due: None }
}

/// What a run of the duty did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Recordings that were deleted, without those of `calls`.
    pub recordings: u64,
    /// Calls whose content was deleted.
    pub calls: u64,
}

/// Organizations whose setting deletes something.
pub async fn orgs_with_policy(tenancy: &Tenancy) -> Result<Vec<OrgId>, DbError> {
    let mut tx = tenancy.system("organizations whose setting deletes something").await?;
    let orgs = store::orgs_with_policy(&mut tx).await?;
    tx.commit().await?;
    Ok(orgs)
}

/// Deletes what an organization's setting wants deleted now. A transaction for each call: what a run did before it was cut
/// off is done, and the next run goes on.
pub async fn run(tenancy: &Tenancy, queue: &Jobs, org: OrgId, now: Timestamp) -> Result<Done, RetentionError> {
    let mut done = Done::default();
    let mut last = None;
    loop {
        let mut tx = tenancy.tenant(org).await?;
        let policy = store::policy(&mut tx).await?;
        let found = candidates(&mut tx, &policy, last, now).await?;
        tx.commit().await?;
        let Some(newest) = found.last() else { return Ok(done) };
        last = Some(*newest);
        for candidate in found {
            match settle(tenancy, queue, org, candidate.id, now).await? {
                Due::Nothing => {}
                Due::Recording => done.recordings += 1,
                Due::Content => done.calls += 1,
            }
        }
    }
}

/// The oldest calls after `last` that the setting may want something of.
async fn candidates(
    tx: &mut TenantTx,
    policy: &Policy,
    last: Option<Candidate>,
    now: Timestamp,
) -> Result<Vec<Candidate>, DbError> {
    // A recording is deleted no later than the rest, so every call that is due is before this time.
    match policy.recordings_before(now) {
        None => Ok(Vec::new()),
        Some(before) => store::due(tx, before, policy.content_before(now), last, BATCH).await,
    }
}

/// Looks at one call again, now that nobody else can change it, and deletes what is due.
async fn settle(
    tenancy: &Tenancy,
    queue: &Jobs,
    org: OrgId,
    call: CallId,
    now: Timestamp,
) -> Result<Due, RetentionError> {
    let mut tx = tenancy.tenant(org).await?;
    // The setting too: somebody may have changed it since the run began.
    let policy = store::policy(&mut tx).await?;
    let due = match store::lock(&mut tx, call).await? {
        Some(standing) => standing.due(&policy, now),
        None => Due::Nothing,
    };
    match due {
        Due::Nothing => {}
        Due::Content => drop(erase_locked(&mut tx, queue, Actor::System, call, now).await?),
        Due::Recording => {
            if !store::expire_recordings(&mut tx, call).await? {
                tx.rollback().await?;
                return Ok(Due::Nothing);
            }
            audit::record(&mut tx, Actor::System, "recording.expired", Some(&call.to_string()), json!({})).await?;
            queue.enqueue(&mut tx, clearing(call)).await?;
            store::tell(&mut tx, call).await?;
        }
    }
    tx.commit().await?;
    Ok(due)
}

/// Why what is left outside the tables could not be deleted.
#[derive(Debug, thiserror::Error)]
pub enum ClearError {
    /// The storage did not do it.
    #[error("the files could not be deleted")]
    Storage(#[from] StorageError),
    /// The job is another worker's by now.
    #[error("the lease on the job is gone")]
    Lost,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Deletes what is left of a call's deleted recordings and content outside the tables of its organization.
pub async fn clear(
    tenancy: &Tenancy,
    storage: &Storage,
    job: &Running,
    call: CallId,
    now: Timestamp,
) -> Result<(), ClearError> {
    let mut tx = tenancy.tenant(job.org).await?;
    let files = store::files_to_delete(&mut tx, call).await?;
    let is_erased = store::keeping(&mut tx, call).await?.tombstone.is_some();
    tx.commit().await?;
    for file in &files {
        storage.delete(&Key::new(file.as_str())?).await?;
    }
    if is_erased {
        let mut tx = tenancy.system("the quarantine belongs to no organization").await?;
        store::empty_quarantined(&mut tx, job.org, call).await?;
        tx.commit().await?;
    }
    let mut tx = tenancy.tenant(job.org).await?;
    store::complete(&mut tx, call, now).await?;
    if !job.finish(&mut tx).await? {
        return Err(ClearError::Lost);
    }
    tx.commit().await?;
    Ok(())
}

//! Backups that are taken by themselves, and those that go when a new one is there.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Time;
use platform::clock::Clock;
use platform::crypto::stream::StreamKey;
use platform::jobs::{Jobs, Report, Schedule};
use platform::tenancy::Tenancy;
use uuid::Uuid;

use crate::contents::Cover;
use crate::keep::{Kept, Policy, is_due, superfluous};
use crate::place::{COVER, Place};
use crate::recordings::set_of;
use crate::restore::Opened;
use crate::stored::Source;
use crate::take::{Installation, Order, take};
use crate::{BackupError, store};

/// How often it is looked whether a time of day has come.
const LOOKS_EVERY: Duration = Duration::from_mins(5);
/// A backup that takes longer is given up.
const PATIENCE: Duration = Duration::from_hours(12);

/// When backups are taken, where to, and how many stay.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where they go.
    pub to: Place,
    /// What they are sealed with.
    pub key: Option<StreamKey>,
    /// Times of day, in UTC.
    pub at: Vec<Time>,
    /// How many stay.
    pub keep: Policy,
}

/// Takes backups by plan, on one node at a time.
pub fn start(jobs: &Jobs, from: Arc<Installation>, plan: Plan) {
    let plan = Arc::new(plan);
    let schedule = Schedule { name: "backup.take", every: LOOKS_EVERY, patience: PATIENCE };
    jobs.schedule(schedule, move || {
        let (from, plan) = (Arc::clone(&from), Arc::clone(&plan));
        async move { by_plan(&from, &plan).await }
    });
}

/// Takes a backup if it is time, and lets go of what it makes superfluous.
pub async fn by_plan(from: &Installation, plan: &Plan) -> Result<Report, BackupError> {
    let mut tx = from.tenancy.system("backups are of the installation").await?;
    let (success, attempt) = store::last_times(&mut tx).await?;
    tx.commit().await?;
    if !is_due(&plan.at, success, attempt, from.clock.now()) {
        return Ok(Report::new());
    }
    let order = Order { to: &plan.to, key: plan.key.as_ref(), with_master_key: true };
    let taken = take(from, &order).await?;
    let removed = prune(&from.tenancy, &plan.to, plan.keep).await?;
    let swept = if removed > 0 { sweep(&plan.to, plan.key.as_ref(), &from.clock).await? } else { 0 };
    Ok(Report::new()
        .count("bytes", taken.bytes)
        .count("rows", taken.rows())
        .count("recordings", taken.recordings)
        .count("recordings_missing", taken.missing)
        .count("removed", removed)
        .count("recordings_removed", swept))
}

/// Removes the backups at a place that the policy does not keep. Only those that this installation knows: a place may serve
/// another one too. Answers how many went.
pub async fn prune(tenancy: &Tenancy, place: &Place, policy: Policy) -> Result<usize, BackupError> {
    let mut tx = tenancy.system("backups are of the installation").await?;
    let known: HashMap<Uuid, bool> = store::known(&mut tx).await?.into_iter().collect();
    tx.commit().await?;
    let mut ours = Vec::new();
    for name in place.names().await? {
        let text = Source::new(place.read(&name, COVER).await?, COVER, "", None).read_all().await?;
        match Cover::read(&text) {
            Ok(cover) => ours.extend(known.get(&cover.backup_id).map(|good| Kept {
                name,
                taken_at: cover.taken_at,
                good: *good,
            })),
            // What cannot be read is not ours to judge.
            Err(error) => tracing::warn!(%error, backup = name, "a backup was left out of account"),
        }
    }
    let gone = superfluous(&ours, policy);
    for name in &gone {
        place.remove(name).await?;
    }
    Ok(gone.len())
}

/// Removes the recordings that no backup of the place speaks of any more, in the set that this key seals. When one backup
/// cannot be read nothing is removed: it may be the one that wants them. Answers how many went.
pub async fn sweep(place: &Place, key: Option<&StreamKey>, clock: &Clock) -> Result<u64, BackupError> {
    let mut wanted = HashSet::new();
    for name in place.names().await? {
        match Opened::open(place, Some(&name), key).await {
            Ok(backup) if backup.cover.sealed == key.is_some() => {
                wanted.extend(backup.recordings().await?.into_iter().map(|entry| entry.sha256));
            }
            // Its recordings are in another set.
            Ok(_) | Err(BackupError::OtherKey | BackupError::KeyMissing) => {}
            Err(error) => {
                tracing::warn!(%error, backup = name, "no recording was removed beside a backup that cannot be read");
                return Ok(0);
            }
        }
    }
    place.sweep_recordings(&set_of(key), |digest| wanted.contains(digest), clock).await
}

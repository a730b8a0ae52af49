//! Backups that are taken by themselves, those that go when a new one is there, and trials of the newest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use platform::clock::Clock;
use platform::crypto::stream::StreamKey;
use platform::jobs::{Jobs, Report, Schedule};
use platform::tenancy::Tenancy;
use uuid::Uuid;

use crate::contents::Cover;
use crate::keep::{Kept, Policy, is_due, is_trial_due, superfluous};
use crate::place::{COVER, Place};
use crate::recordings::set_of;
use crate::restore::Opened;
use crate::stored::Source;
use crate::take::{Installation, Order, take};
use crate::trial::{Workshop, on_trial_apart};
use crate::{BackupError, records, store};

/// How often it is looked whether a time of day has come.
const LOOKS_EVERY: Duration = Duration::from_mins(5);
/// How often it is looked whether a trial is due.
const TRIES_EVERY: Duration = Duration::from_hours(1);
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
    /// Every how many days the newest is restored on trial; `None`: never.
    pub trial_days: Option<u32>,
    /// Where that may be done.
    pub workshop: Workshop,
}

/// Takes backups by plan and restores them on trial, on one node at a time.
pub fn start(jobs: &Jobs, from: Arc<Installation>, plan: Plan) {
    let plan = Arc::new(plan);
    let schedule = Schedule { name: "backup.take", every: LOOKS_EVERY, patience: PATIENCE };
    let (taken_from, taken_by) = (Arc::clone(&from), Arc::clone(&plan));
    jobs.schedule(schedule, move || {
        let (from, plan) = (Arc::clone(&taken_from), Arc::clone(&taken_by));
        async move { by_plan(&from, &plan).await }
    });
    if plan.trial_days.is_some() {
        let schedule = Schedule { name: "backup.trial", every: TRIES_EVERY, patience: PATIENCE };
        jobs.schedule(schedule, move || {
            let (from, plan) = (Arc::clone(&from), Arc::clone(&plan));
            async move { try_newest(&from.tenancy, &from.clock, &plan).await }
        });
    }
}

/// Restores the newest backup on trial, if it is time, and notes what came of it. One that is damaged is noted as such and is
/// no failure of the duty, which would only do it again: its vital sign tells.
pub async fn try_newest(tenancy: &Tenancy, clock: &Clock, plan: &Plan) -> Result<Report, BackupError> {
    let Some(days) = plan.trial_days else { return Ok(Report::new()) };
    let mut tx = tenancy.system("backups are of the installation").await?;
    let (newest, agreed) = store::newest(&mut tx, &plan.to.describe()).await?;
    tx.commit().await?;
    let is_good = newest.as_ref().map(|newest| newest.is_good);
    let Some(newest) = newest.filter(|_| is_trial_due(days, is_good, agreed, clock.now())) else {
        return Ok(Report::new());
    };
    let name = plan.to.name_with(newest.id).await?;
    let tried = on_trial_apart(plan.to.clone(), name.clone(), plan.key.clone(), plan.workshop.clone()).await;
    records::tried(tenancy, newest.id, clock.now(), &tried).await?;
    match tried {
        Ok(()) => Ok(Report::new().note("backup", name).note("outcome", "agreed")),
        Err(error) if error.condemns_the_backup() => {
            tracing::error!(%error, backup = name, "a backup that was restored on trial is damaged");
            Ok(Report::new().note("backup", name).note("outcome", "damaged"))
        }
        Err(error) => Err(error),
    }
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
    let removed = prune(&from.tenancy, &plan.to, plan.keep, from.clock.now()).await?;
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
pub async fn prune(tenancy: &Tenancy, place: &Place, policy: Policy, now: Timestamp) -> Result<usize, BackupError> {
    let mut tx = tenancy.system("backups are of the installation").await?;
    let known: HashMap<Uuid, bool> = store::known(&mut tx).await?.into_iter().collect();
    tx.commit().await?;
    let mut ours = Vec::new();
    let mut ids = HashMap::new();
    for name in place.names().await? {
        let text = Source::new(place.read(&name, COVER).await?, COVER, "", None).read_all().await?;
        match Cover::read(&text) {
            Ok(Cover { backup_id: id, taken_at, .. }) => {
                if let Some(good) = known.get(&id).copied() {
                    ids.insert(name.clone(), id);
                    ours.push(Kept { name, taken_at, good });
                }
            }
            // What cannot be read is not ours to judge.
            Err(error) => tracing::warn!(%error, backup = name, "a backup was left out of account"),
        }
    }
    let gone = superfluous(&ours, policy);
    for name in &gone {
        place.remove(name).await?;
    }
    let gone: Vec<Uuid> = gone.iter().filter_map(|name| ids.get(name).copied()).collect();
    let mut tx = tenancy.system("backups are of the installation").await?;
    store::removed(&mut tx, &gone, now).await?;
    tx.commit().await?;
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

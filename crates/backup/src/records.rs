//! The record of backups in the installation's own database, which its vital signs read.

use jiff::{SignedDuration, Timestamp};
use platform::http::{Cursor, Limit, Page};
use platform::tenancy::{DbError, Tenancy};
use uuid::Uuid;

use crate::BackupError;
use crate::store;
pub use crate::store::Outcome;

/// Characters kept of an error.
const LONGEST_ERROR: usize = 500;
/// A backup that runs for longer than this has died with its process.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(24);

/// Notes that a backup began, and what became of those that died.
pub(crate) async fn began(tenancy: &Tenancy, id: Uuid, place: &str, now: Timestamp) -> Result<(), DbError> {
    let mut tx = tenancy.system("backups are of the installation").await?;
    store::close_abandoned(&mut tx, now.saturating_sub(LONGEST_RUN).unwrap_or(now), now).await?;
    store::began(&mut tx, id, place, now).await?;
    tx.commit().await
}

/// Notes what came of a backup.
pub(crate) async fn ended(
    tenancy: &Tenancy,
    id: Uuid,
    now: Timestamp,
    outcome: Result<u64, &BackupError>,
) -> Result<(), DbError> {
    let mut tx = tenancy.system("backups are of the installation").await?;
    match outcome {
        Ok(bytes) => store::ended(&mut tx, id, Outcome::Done, now, Some(bytes), None).await?,
        Err(error) => store::ended(&mut tx, id, Outcome::Failed, now, None, Some(&words(error))).await?,
    }
    tx.commit().await
}

/// Notes what a trial restore found. False: this installation knows nothing of the backup.
pub async fn verified(
    tenancy: &Tenancy,
    id: Uuid,
    now: Timestamp,
    outcome: Result<(), &BackupError>,
) -> Result<bool, DbError> {
    let mut tx = tenancy.system("backups are of the installation").await?;
    let fault = outcome.err().map(words);
    let known = store::verified(&mut tx, id, now, fault.as_deref()).await?;
    tx.commit().await?;
    Ok(known)
}

/// Notes what a trial restore found, if that says something of the backup: what could not be looked at is not damaged.
pub async fn tried(
    tenancy: &Tenancy,
    id: Uuid,
    now: Timestamp,
    outcome: &Result<(), BackupError>,
) -> Result<bool, DbError> {
    match outcome {
        Ok(()) => verified(tenancy, id, now, Ok(())).await,
        Err(error) if error.condemns_the_backup() => verified(tenancy, id, now, Err(error)).await,
        Err(_) => Ok(false),
    }
}

/// A backup that was tried to be made.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its id.
    pub id: Uuid,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: Outcome,
    /// The folder or bucket, without credentials.
    pub place: String,
    /// Bytes that it takes there, without the recordings.
    pub bytes: Option<u64>,
    /// When it was last restored on trial and agreed.
    pub verified_at: Option<Timestamp>,
    /// When it was removed to make room for newer ones.
    pub removed_at: Option<Timestamp>,
    /// Why it failed or is damaged.
    pub error: Option<String>,
}

/// What was tried, newest first.
pub async fn list(tenancy: &Tenancy, from: Option<Cursor>, limit: Limit) -> Result<Page<Record>, DbError> {
    let mut tx = tenancy.system("backups are of the installation").await?;
    let rows = store::list(&mut tx, from, limit.fetch()).await?;
    tx.commit().await?;
    Ok(Page::of(rows, limit, |record| Cursor { at: record.started_at, id: record.id }))
}

fn words(error: &BackupError) -> String {
    error.to_string().chars().take(LONGEST_ERROR).collect()
}

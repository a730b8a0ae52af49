//! SQL of `call_recordings`, and of what a call shows of it.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use platform::ids::{CallId, ConnectionId, OrgId, RecordingId};
use platform::tenancy::{DbError, SystemTx, TenantTx};
use sqlx::FromRow;
use uuid::Uuid;

use super::model::{Channel, File, Media, Peaks, Reason, Recording, State, call_state};

#[derive(FromRow)]
struct RecordingRow {
    org_id: OrgId,
    recording_id: RecordingId,
    call_id: CallId,
    channel: String,
    state: String,
    attempts: i32,
    last_attempt_at: Option<jiff_sqlx::Timestamp>,
    reason: Option<String>,
    detail: Option<String>,
    storage_key: Option<String>,
    size_bytes: Option<i64>,
    sha256: Option<Vec<u8>>,
    content_type: Option<String>,
    duration_ms: Option<i64>,
    channels: Option<i32>,
    peaks: Option<Vec<u8>>,
    copied_at: Option<jiff_sqlx::Timestamp>,
}

impl RecordingRow {
    fn file(&self) -> Option<File> {
        let channels = self.channels.and_then(|channels| u8::try_from(channels).ok());
        Some(File {
            key: self.storage_key.clone()?,
            size: u64::try_from(self.size_bytes?).ok()?,
            sha256: self.sha256.clone()?,
            media: Media::from_content_type(self.content_type.as_deref()?)?,
            duration: self.duration_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
            channels,
            peaks: self.peaks.as_deref().and_then(|bytes| Peaks::from_stored(bytes, usize::from(channels?))),
            copied_at: self.copied_at?.to_jiff(),
        })
    }
}

impl TryFrom<RecordingRow> for Recording {
    type Error = DbError;

    /// Fails on a word that the table's checks allow and this version does not know.
    fn try_from(row: RecordingRow) -> Result<Self, DbError> {
        let file = row.file();
        let reason = row.reason.as_deref().map(|reason| Reason::from_stored(reason).ok_or_else(|| unknown("reason")));
        Ok(Self {
            org: row.org_id,
            id: row.recording_id,
            call: row.call_id,
            channel: Channel::from_stored(&row.channel).ok_or_else(|| unknown("channel"))?,
            state: State::from_stored(&row.state).ok_or_else(|| unknown("state"))?,
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            last_attempt_at: row.last_attempt_at.map(jiff_sqlx::Timestamp::to_jiff),
            reason: reason.transpose()?,
            detail: row.detail,
            file,
        })
    }
}

fn unknown(column: &'static str) -> DbError {
    sqlx::Error::Decode(format!("call_recordings.{column} holds a word that this version does not know").into()).into()
}

const COLUMNS: &str = "org_id, recording_id, call_id, channel, state, attempts, last_attempt_at, reason, detail, storage_key, \
                       size_bytes, sha256, content_type, duration_ms, channels, peaks, copied_at";

/// The recordings of a call, the best to listen to first.
pub async fn of_call(tx: &mut TenantTx, call: CallId) -> Result<Vec<Recording>, DbError> {
    let sql = format!("select {COLUMNS} from call_recordings where org_id = $1 and call_id = $2");
    let rows: Vec<RecordingRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(tx.org()).bind(call).fetch_all(tx.conn()).await?;
    let mut found = rows.into_iter().map(Recording::try_from).collect::<Result<Vec<_>, _>>()?;
    found.sort_by_key(|recording| recording.channel);
    Ok(found)
}

/// One recording; nothing when it is unknown or another organization's.
pub async fn find(tx: &mut TenantTx, id: RecordingId) -> Result<Option<Recording>, DbError> {
    let sql = format!("select {COLUMNS} from call_recordings where org_id = $1 and recording_id = $2");
    let row: Option<RecordingRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(tx.org()).bind(id).fetch_optional(tx.conn()).await?;
    row.map(Recording::try_from).transpose()
}

/// What a run needs to know.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) id: RecordingId,
    pub(super) call: CallId,
    pub(super) provider_call_id: String,
    pub(super) connection: Option<ConnectionId>,
    pub(super) channel: Channel,
    pub(super) source_url: Option<String>,
    /// The number of this run, which no other has.
    pub(super) run: i32,
    /// When the recording was first heard of.
    pub(super) since: Timestamp,
}

/// Counts a run and answers what it needs; nothing when there is nothing to do (any more).
pub(super) async fn begin(tx: &mut TenantTx, id: RecordingId, now: Timestamp) -> Result<Option<Begun>, DbError> {
    type Row = (CallId, String, Option<ConnectionId>, String, Option<String>, i32, jiff_sqlx::Timestamp);
    let row: Option<Row> = sqlx::query_as(
        "update call_recordings r set attempts = r.attempts + 1, last_attempt_at = $3
           from call_logs l
          where r.org_id = $1 and r.recording_id = $2 and r.state in ('pending', 'copying', 'failed')
            and l.org_id = r.org_id and l.id = r.call_id
         returning r.call_id, l.provider_call_id, l.connection_id, r.channel, r.source_url, r.attempts, r.created_at",
    )
    .bind(tx.org())
    .bind(id)
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?;
    let Some((call, provider_call_id, connection, channel, source_url, run, since)) = row else { return Ok(None) };
    let channel = Channel::from_stored(&channel).ok_or_else(|| unknown("channel"))?;
    let since = since.to_jiff();
    Ok(Some(Begun { id, call, provider_call_id, connection, channel, source_url, run, since }))
}

/// Locks a recording that run `run` still owns. False: a later run has begun, or it is settled.
pub(super) async fn lock_run(tx: &mut TenantTx, id: RecordingId, run: i32) -> Result<bool, DbError> {
    let found: Option<bool> = sqlx::query_scalar(
        "select true from call_recordings
          where org_id = $1 and recording_id = $2 and attempts = $3 and state in ('pending', 'copying', 'failed') for update",
    )
    .bind(tx.org())
    .bind(id)
    .bind(run)
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.is_some())
}

/// Writes how far it has come; a reason where something is wrong.
pub(super) async fn set_state(
    tx: &mut TenantTx,
    id: RecordingId,
    state: State,
    reason: Option<(Reason, &str)>,
) -> Result<(), DbError> {
    sqlx::query(
        "update call_recordings set state = $3, reason = $4, detail = left($5, 500) where org_id = $1 and recording_id = $2",
    )
    .bind(tx.org())
    .bind(id)
    .bind(state.as_str())
    .bind(reason.map(|(reason, _)| reason.as_str()))
    .bind(reason.map(|(_, detail)| detail))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes that the file is there.
pub(super) async fn set_ready(tx: &mut TenantTx, id: RecordingId, file: &File) -> Result<(), DbError> {
    sqlx::query(
        "update call_recordings set state = 'ready', reason = null, detail = null, storage_key = $3, size_bytes = $4,
                sha256 = $5, content_type = $6, duration_ms = $7, channels = $8, peaks = $9, copied_at = $10
          where org_id = $1 and recording_id = $2",
    )
    .bind(tx.org())
    .bind(id)
    .bind(&file.key)
    .bind(i64::try_from(file.size).unwrap_or(i64::MAX))
    .bind(&file.sha256)
    .bind(file.media.content_type())
    .bind(file.duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    .bind(file.channels.map(i32::from))
    .bind(file.peaks.as_ref().map(Peaks::to_stored))
    .bind(file.copied_at.to_sqlx())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lets a call show what has become of its recordings. The best of those that are ready is the one it names.
///
/// False: it shows that already.
pub async fn follow(tx: &mut TenantTx, call: CallId) -> Result<bool, DbError> {
    // The live state is a call's lock: a report that is taken in at this moment would write back what it has read.
    sqlx::query("select 1 from call_tracking where org_id = $1 and id = $2 for update")
        .bind(tx.org())
        .bind(call)
        .execute(tx.conn())
        .await?;
    let recordings = of_call(tx, call).await?;
    let best = recordings.iter().find_map(|recording| {
        let file = recording.file.as_ref()?;
        (recording.state == State::Ready).then_some(file.key.as_str())
    });
    let state = call_state(recordings.iter().map(|recording| recording.state));
    let done = sqlx::query(
        "update call_logs set recording_state = $3, recording_storage_path = $4
          where org_id = $1 and id = $2
            and (recording_state, recording_storage_path) is distinct from ($3::text, $4::text)",
    )
    .bind(tx.org())
    .bind(call)
    .bind(state)
    .bind(best)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Tells whoever watches; answers the number of the live event.
pub async fn tell(tx: &mut TenantTx, kind: &str, call: CallId) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar("select append_live_event($1, $2, $3, null, null, null, null)")
        .bind(tx.org())
        .bind(kind)
        .bind(call)
        .fetch_one(tx.conn())
        .await?)
}

/// Recordings that nobody has made a job for, the oldest first, marked as having one.
pub(super) async fn take_unqueued(
    tx: &mut SystemTx,
    most: i64,
    now: Timestamp,
) -> Result<Vec<(OrgId, RecordingId)>, DbError> {
    Ok(sqlx::query_as(
        "update call_recordings r set queued_at = $2
           from (select org_id, recording_id from call_recordings
                  where queued_at is null order by created_at limit $1 for update skip locked) wanted
          where r.org_id = wanted.org_id and r.recording_id = wanted.recording_id
         returning r.org_id, r.recording_id",
    )
    .bind(most)
    .bind(now.to_sqlx())
    .fetch_all(tx.conn())
    .await?)
}

/// Makes a recording that is not there be wanted again. Nothing: it is unknown, there, or wanted already.
pub(super) async fn want_again(tx: &mut TenantTx, id: RecordingId, now: Timestamp) -> Result<Option<CallId>, DbError> {
    Ok(sqlx::query_scalar(
        // What our own retention deleted has no reason beside it, and is not fetched again.
        "update call_recordings set state = 'pending', queued_at = $3
          where org_id = $1 and recording_id = $2 and (state = 'failed' or (state = 'expired' and reason is not null))
         returning call_id",
    )
    .bind(tx.org())
    .bind(id)
    .bind(now.to_sqlx())
    .fetch_optional(tx.conn())
    .await?)
}

// --- orphans -----------------------------------------------------------------------------------------------------------

/// Which of these files a row names, whatever has become of it.
pub(super) async fn named_files(tx: &mut SystemTx, keys: &[&str]) -> Result<HashSet<String>, DbError> {
    let named: Vec<String> =
        sqlx::query_scalar("select storage_key from call_recordings where storage_key = any ($1::text[])")
            .bind(keys)
            .fetch_all(tx.conn())
            .await?;
    Ok(named.into_iter().collect())
}

/// Which of these organizations are of this installation, deleted or not.
pub(super) async fn known_orgs(tx: &mut SystemTx, orgs: &[Uuid]) -> Result<HashSet<OrgId>, DbError> {
    let known: Vec<OrgId> = sqlx::query_scalar("select org_id from organizations where org_id = any ($1::uuid[])")
        .bind(orgs)
        .fetch_all(tx.conn())
        .await?;
    Ok(known.into_iter().collect())
}

/// Sees to it that run `run` cannot name the file `key` any more. False: the row names it.
pub(super) async fn disown(tx: &mut TenantTx, id: RecordingId, run: i32, key: &str) -> Result<bool, DbError> {
    // The lock is the one that a run takes before it names its file (lock_run).
    let row: Option<(Option<String>, i32)> = sqlx::query_as(
        "select storage_key, attempts from call_recordings where org_id = $1 and recording_id = $2 for update",
    )
    .bind(tx.org())
    .bind(id)
    .fetch_optional(tx.conn())
    .await?;
    match row {
        Some((Some(named), _)) if named == key => Ok(false),
        // The run may still be at work: the next one has its number from here.
        Some((_, attempts)) if attempts <= run => {
            sqlx::query("update call_recordings set attempts = $3 where org_id = $1 and recording_id = $2")
                .bind(tx.org())
                .bind(id)
                .bind(run.saturating_add(1))
                .execute(tx.conn())
                .await?;
            Ok(true)
        }
        // A later run has begun, or the row is gone; neither it nor the run comes back.
        _ => Ok(true),
    }
}

/// A row that names a file.
#[derive(FromRow)]
pub(super) struct Naming {
    pub(super) org_id: OrgId,
    pub(super) recording_id: RecordingId,
    pub(super) storage_key: String,
    pub(super) size_bytes: i64,
    /// Whether it says that the file is there.
    pub(super) is_ready: bool,
}

/// Rows that name a file and have not given it up, by id after `after`, copied before `before`.
pub(super) async fn naming_files(
    tx: &mut SystemTx,
    after: Option<(OrgId, RecordingId)>,
    before: Timestamp,
    most: usize,
) -> Result<Vec<Naming>, DbError> {
    let (org, id) = after.unzip();
    Ok(sqlx::query_as(
        "select org_id, recording_id, storage_key, size_bytes, state = 'ready' as is_ready from call_recordings
          where storage_key is not null and size_bytes is not null and state in ('ready', 'pending', 'failed')
            and copied_at < $3 and ($1::uuid is null or (org_id, recording_id) > ($1, $2))
          order by org_id, recording_id limit $4",
    )
    .bind(org)
    .bind(id)
    .bind(before.to_sqlx())
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(tx.conn())
    .await?)
}

/// Lets a recording that is ready with this file say that the file is gone. It goes on naming it: a place that was only away
/// comes back. Answers its call and when that was; nothing when it is otherwise by now.
pub(super) async fn lose_file(
    tx: &mut TenantTx,
    id: RecordingId,
    key: &str,
    detail: &str,
) -> Result<Option<(CallId, Timestamp)>, DbError> {
    let row: Option<(CallId, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "update call_recordings r set state = 'failed', reason = $4, detail = $5
           from call_logs l
          where r.org_id = $1 and r.recording_id = $2 and r.state = 'ready' and r.storage_key = $3
            and l.org_id = r.org_id and l.id = r.call_id
         returning r.call_id, l.at",
    )
    .bind(tx.org())
    .bind(id)
    .bind(key)
    .bind(Reason::Storage.as_str())
    .bind(detail)
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|(call, at)| (call, at.to_jiff())))
}

/// Lets a recording whose file was gone be ready with it again. Answers its call; nothing when it is otherwise by now.
pub(super) async fn find_file_again(tx: &mut TenantTx, id: RecordingId, key: &str) -> Result<Option<CallId>, DbError> {
    Ok(sqlx::query_scalar(
        "update call_recordings set state = 'ready', reason = null, detail = null
          where org_id = $1 and recording_id = $2 and storage_key = $3 and state in ('pending', 'failed')
         returning call_id",
    )
    .bind(tx.org())
    .bind(id)
    .bind(key)
    .fetch_optional(tx.conn())
    .await?)
}

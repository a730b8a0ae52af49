//! SQL of `call_recordings`.

use std::time::Duration;

use platform::ids::{CallId, OrgId, RecordingId};
use platform::tenancy::{DbError, TenantTx};
use sqlx::FromRow;

use super::model::{Channel, File, Media, Peaks, Reason, Recording, State};

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

//! SQL that looks for the recording to be played.

use platform::ids::CallId;
use platform::tenancy::{DbError, TenantTx};

use super::model::{Channel, Sound};

/// How a call's recording stands.
pub(super) struct Found {
    /// The call's own word: `none`, `pending`, `copying`, `ready`, `failed` or `expired`.
    pub(super) state: String,
    /// The file, when the recording asked for can be played.
    pub(super) sound: Option<Sound>,
}

#[derive(sqlx::FromRow)]
struct Row {
    recording_state: String,
    storage_key: Option<String>,
    content_type: Option<String>,
    size_bytes: Option<i64>,
    sha256: Option<Vec<u8>>,
    channel: Option<String>,
}

/// The recording of a call: the one asked for, else the one with both sides apart, else with both. Nothing when the call
/// is unknown or another organization's.
pub(super) async fn find(tx: &mut TenantTx, call: CallId, channel: Option<Channel>) -> Result<Option<Found>, DbError> {
    let row: Option<Row> = sqlx::query_as(
        "select l.recording_state, r.storage_key, r.content_type, r.size_bytes, r.sha256, r.channel
           from call_logs l
           left join lateral (
             select * from call_recordings c
              where c.org_id = l.org_id and c.call_id = l.id and c.state = 'ready' and ($3::text is null or c.channel = $3)
              order by case c.channel when 'stereo' then 1 when 'mono' then 2 when 'caller' then 3 else 4 end limit 1) r on true
          where l.org_id = $1 and l.id = $2",
    )
    .bind(tx.org())
    .bind(call)
    .bind(channel.map(Channel::as_str))
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(Found::from))
}

impl From<Row> for Found {
    fn from(row: Row) -> Self {
        let length = row.size_bytes.and_then(|bytes| u64::try_from(bytes).ok());
        let sound = match (row.storage_key, row.content_type, length, row.sha256, row.channel) {
            (Some(key), Some(content_type), Some(length), Some(digest), Some(channel)) => {
                Some(Sound { key, content_type, length, digest, channel })
            }
            _ => None,
        };
        Self { state: row.recording_state, sound }
    }
}

//! Use cases: finding the sound, noting who listens, links.

use std::net::IpAddr;

use jiff::Timestamp;
use platform::audit::{self, Actor};
use platform::ids::{CallId, OrgId};
use platform::tenancy::{DbError, Tenancy};
use serde_json::json;

use super::model::{Channel, Listening, Listenings, Sound};
use super::store;

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PlaybackError {
    /// No such call, or another organization's.
    #[error("there is no such call")]
    NotFound,
    /// The call has no such recording.
    #[error("there is no such recording of this call")]
    NoRecording,
    /// It is not here yet.
    #[error("the recording is not copied yet")]
    NotReady,
    /// It could not be copied.
    #[error("the recording could not be copied")]
    Failed,
    /// It was deleted.
    #[error("the recording was deleted")]
    Gone,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The file that plays when this recording is asked for.
pub async fn find(
    tenancy: &Tenancy,
    org: OrgId,
    call: CallId,
    channel: Option<Channel>,
) -> Result<Sound, PlaybackError> {
    let mut tx = tenancy.tenant(org).await?;
    let found = store::find(&mut tx, call, channel).await?;
    tx.commit().await?;
    let found = found.ok_or(PlaybackError::NotFound)?;
    match (found.sound, found.state.as_str()) {
        (_, "expired") => Err(PlaybackError::Gone),
        (Some(sound), _) => Ok(sound),
        (None, "pending" | "copying") => Err(PlaybackError::NotReady),
        (None, "failed") => Err(PlaybackError::Failed),
        (None, _) => Err(PlaybackError::NoRecording),
    }
}

/// Who asks, from where and for what.
#[derive(Clone, Copy, Debug)]
pub struct Listener {
    /// Whose call.
    pub org: OrgId,
    /// Who.
    pub actor: Actor,
    /// From where.
    pub from: IpAddr,
    /// By a link that was given out.
    pub by_link: bool,
    /// To keep it as a file.
    pub download: bool,
}

/// Writes an audit row when this request begins a listening, and not when it goes on with one.
pub async fn note(
    tenancy: &Tenancy,
    listenings: &Listenings,
    listener: &Listener,
    call: CallId,
    channel: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let Listener { org, actor, from, by_link, download } = *listener;
    let listening = Listening { org, call, who: actor.columns(), from, download };
    if !listenings.begins(listening, now) {
        return Ok(());
    }
    let written = async {
        let action = if download { "recording.downloaded" } else { "recording.played" };
        let detail = json!({ "from": from, "channel": channel, "by_link": by_link });
        let mut tx = tenancy.tenant(org).await?;
        audit::record(&mut tx, actor, action, Some(&call.to_string()), detail).await?;
        tx.commit().await
    };
    let written = written.await;
    if written.is_err() {
        listenings.forget(&listening);
    }
    written
}

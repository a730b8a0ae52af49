//! Use cases: finding the sound, noting who listens, links.

use std::net::IpAddr;

use jiff::Timestamp;
use platform::audit::{self, Actor};
use platform::clock::Clock;
use platform::ids::{CallId, OrgId};
use platform::jobs::{JobError, Jobs};
use platform::tenancy::{DbError, Tenancy, TenantTx};
use serde_json::json;

use super::model::{Listening, Listenings, choose};
use super::store;
use crate::recordings;
use crate::recordings::model::{Channel, File, State};

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
    /// Nothing to try again.
    #[error("no recording of this call has failed")]
    NotFailed,
    /// It could not be put into the queue.
    #[error(transparent)]
    Queue(#[from] JobError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A file that plays.
#[derive(Clone, Debug)]
pub struct Sound {
    /// Which sides of the call it has.
    pub channel: Channel,
    /// The file.
    pub file: File,
}

/// The file that plays when this recording is asked for.
pub async fn find(
    tenancy: &Tenancy,
    org: OrgId,
    call: CallId,
    channel: Option<Channel>,
) -> Result<Sound, PlaybackError> {
    let mut tx = tenancy.tenant(org).await?;
    let state = store::recording_state(&mut tx, call).await?;
    let recordings = recordings::of_call(&mut tx, call).await?;
    tx.commit().await?;
    let state = state.ok_or(PlaybackError::NotFound)?;
    if let Some((channel, file)) = choose(&recordings, channel) {
        return Ok(Sound { channel, file: file.clone() });
    }
    Err(match state.as_str() {
        "pending" | "copying" => PlaybackError::NotReady,
        "failed" => PlaybackError::Failed,
        "expired" => PlaybackError::Gone,
        _ => PlaybackError::NoRecording,
    })
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
    channel: Channel,
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

/// Has the recordings of a call that could not be copied tried again, from the first attempt on. Answers the number of the
/// live event, to be announced after the commit.
pub async fn retry(
    tx: &mut TenantTx,
    queue: &Jobs,
    clock: &Clock,
    by: Actor,
    call: CallId,
) -> Result<i64, PlaybackError> {
    store::recording_state(tx, call).await?.ok_or(PlaybackError::NotFound)?;
    let mut seq = None;
    for recording in recordings::of_call(tx, call).await? {
        if recording.state == State::Failed {
            seq = recordings::actions::try_again(tx, queue, clock, by, recording.id).await?.or(seq);
        }
    }
    seq.ok_or(PlaybackError::NotFailed)
}

//! What may be listened to, by which link, and when it counts anew.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::{CredentialId, CredentialRef};
use jiff::{SignedDuration, Timestamp};
use platform::audit::Actor;
use platform::crypto::{CryptoError, MasterKey};
use platform::ids::{CallId, OrgId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::recordings::model::{Channel, File, Media, Recording, State};

/// How long a link works.
pub const LINK_LIFE: SignedDuration = SignedDuration::from_mins(5);
/// Requests with no longer pause between them are one listening.
const PAUSE: SignedDuration = SignedDuration::from_mins(10);
/// Listenings remembered: more than a busy node has within a pause. Beyond it the oldest are forgotten, and count anew.
const MOST: usize = 10_000;
/// What a sealed link is for: it opens nothing else that is sealed.
const PLACE: &str = "recording link";

/// A strong validator of a file: its own digest.
pub fn etag(file: &File) -> String {
    format!("\"{}\"", hex::encode(&file.sha256))
}

/// A name for the file on somebody's disk. Names nobody.
pub fn file_name(call: CallId, channel: Channel, media: Media) -> String {
    format!("call-{call}-{}.{}", channel.as_str(), media.extension())
}

/// The recording that plays: the one asked for, else the best that is ready.
pub fn choose(recordings: &[Recording], channel: Option<Channel>) -> Option<(Channel, &File)> {
    recordings
        .iter()
        .filter(|recording| recording.state == State::Ready && channel.is_none_or(|wanted| wanted == recording.channel))
        .find_map(|recording| Some((recording.channel, recording.file.as_ref()?)))
}

/// What a link opens, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The call.
    pub call: CallId,
    /// The recording of it; `None` for the one that plays by itself.
    pub channel: Option<Channel>,
    /// To be kept as a file.
    pub download: bool,
    /// Whoever asked for it: its organization, and whom the audit row names.
    pub holder: CredentialRef,
    /// When it stops working.
    pub expires_at: Timestamp,
}

impl Link {
    /// The text that stands in the address. Sealed: nobody can make one, change one, or read in it.
    pub fn seal(&self, key: &MasterKey) -> Result<String, LinkError> {
        let plain = serde_json::to_vec(self).map_err(|_| LinkError::Invalid)?;
        Ok(URL_SAFE_NO_PAD.encode(key.seal(PLACE, &plain)?))
    }

    /// Reads it again. Whether it still works is [`Link::is_over`]'s to say.
    pub fn open(text: &str, key: &MasterKey) -> Result<Self, LinkError> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| LinkError::Invalid)?;
        let plain = key.open(PLACE, &sealed).map_err(|_| LinkError::Invalid)?;
        serde_json::from_slice(&plain).map_err(|_| LinkError::Invalid)
    }

    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whom the audit row names.
    pub fn actor(&self) -> Actor {
        match (self.holder.user, self.holder.credential) {
            (Some(user), _) => Actor::Member(user),
            (None, CredentialId::ApiKey(key)) => Actor::ApiKey(key),
            (None, _) => Actor::System,
        }
    }
}

/// Why a link could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Not one of ours.
    #[error("this is no link of ours")]
    Invalid,
    /// It could not be sealed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// Who listens to what, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listening {
    /// Whose call.
    pub org: OrgId,
    /// Which.
    pub call: CallId,
    /// Who: kind and id of an audit row's actor.
    pub who: (&'static str, Option<Uuid>),
    /// From where.
    pub from: IpAddr,
    /// To keep it as a file.
    pub download: bool,
}

/// Who listened in the last minutes, in the memory of this process. A second node, or a restart, counts once more: an audit
/// list may say something twice and never too little.
#[derive(Clone, Default)]
pub struct Listenings(Arc<Mutex<HashMap<Listening, Timestamp>>>);

impl Listenings {
    /// Notes a request; true when it begins a listening.
    pub fn begins(&self, listening: Listening, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = known.insert(listening, now);
        if known.len() > MOST {
            known.retain(|_, at| now.duration_since(*at) < PAUSE);
            if known.len() > MOST {
                known.clear();
            }
        }
        last.is_none_or(|last| now.duration_since(last) >= PAUSE)
    }

    /// It could not be written down: the next request counts as the first.
    pub fn forget(&self, listening: &Listening) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(listening);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::ids::{ApiKeyId, RecordingId, UserId};

    fn now() -> Timestamp {
        "2026-11-26T09:00:00Z".parse().unwrap()
    }

    fn link() -> Link {
        let holder = CredentialRef { credential: CredentialId::ApiKey(ApiKeyId::new()), user: None, org: OrgId::new() };
        Link {
            call: CallId::new(),
            channel: Some(Channel::Mono),
            download: false,
            holder,
            expires_at: now() + LINK_LIFE,
        }
    }

    #[test]
    fn a_link_is_read_by_its_maker_alone_and_ends() {
        let key = MasterKey::from_bytes([7; 32]);
        let link = link();
        let text = link.seal(&key).unwrap();
        assert_eq!(Link::open(&text, &key).unwrap(), link);
        assert!(Link::open(&text, &MasterKey::from_bytes([8; 32])).is_err());
        let mut changed = text.clone().into_bytes();
        changed[60] ^= 1;
        assert!(Link::open(&String::from_utf8(changed).unwrap(), &key).is_err());
        for nonsense in ["", "a", "é", &text[1..]] {
            assert!(Link::open(nonsense, &key).is_err(), "{nonsense}");
        }
        let other = key.seal("another place", &serde_json::to_vec(&link).unwrap()).unwrap();
        assert!(Link::open(&URL_SAFE_NO_PAD.encode(other), &key).is_err(), "sealed for something else");
        assert!(!link.is_over(now() + SignedDuration::from_secs(299)));
        assert!(link.is_over(now() + LINK_LIFE));
    }

    #[test]
    fn the_requests_of_one_browser_are_one_listening_until_it_pauses() {
        let listenings = Listenings::default();
        let listening = Listening {
            org: OrgId::new(),
            call: CallId::new(),
            who: Actor::Member(UserId::new()).columns(),
            from: IpAddr::from([192, 0, 2, 1]),
            download: false,
        };
        let after = |minutes| now() + SignedDuration::from_mins(minutes);
        assert!(listenings.begins(listening, now()));
        assert!(!listenings.begins(listening, after(9)));
        assert!(!listenings.begins(listening, after(18)), "less than ten minutes after the last request");
        assert!(listenings.begins(listening, after(28)));
        assert!(
            listenings.begins(Listening { from: IpAddr::from([192, 0, 2, 2]), ..listening }, after(28)),
            "elsewhere"
        );
        assert!(listenings.begins(Listening { download: true, ..listening }, after(28)), "to keep it");
        assert!(listenings.begins(Listening { call: CallId::new(), ..listening }, after(28)), "another call");
        listenings.forget(&listening);
        assert!(listenings.begins(listening, after(29)), "what was not written down counts anew");
    }

    #[test]
    fn the_memory_stays_within_its_bound() {
        let listenings = Listenings::default();
        for n in 0..=u32::try_from(MOST).unwrap() {
            let from = IpAddr::from(n.to_be_bytes());
            listenings.begins(
                Listening { org: OrgId::new(), call: CallId::new(), who: ("member", None), from, download: false },
                now(),
            );
        }
        assert!(listenings.0.lock().unwrap().len() <= MOST);
    }

    #[test]
    fn a_files_name_names_nobody() {
        let call: CallId = "01935e5a-0000-7000-8000-000000000064".parse().unwrap();
        let name = file_name(call, Channel::Stereo, Media::Mp3);
        assert_eq!(name, "call-01935e5a-0000-7000-8000-000000000064-stereo.mp3");
    }

    fn recording(channel: Channel, state: State) -> Recording {
        let file = File {
            key: format!("{channel:?}"),
            size: 3,
            sha256: vec![0xab; 32],
            media: Media::Wav,
            duration: None,
            channels: None,
            peaks: None,
            copied_at: now(),
        };
        Recording {
            org: OrgId::new(),
            id: RecordingId::new(),
            call: CallId::new(),
            channel,
            state,
            attempts: 1,
            last_attempt_at: None,
            reason: None,
            detail: None,
            file: (state == State::Ready).then_some(file),
        }
    }

    #[test]
    fn what_is_asked_for_plays_and_else_the_best() {
        let all = [
            recording(Channel::Stereo, State::Failed),
            recording(Channel::Mono, State::Ready),
            recording(Channel::Caller, State::Ready),
        ];
        let chosen = |channel| choose(&all, channel).map(|(channel, _)| channel);
        assert_eq!(chosen(None), Some(Channel::Mono));
        assert_eq!(chosen(Some(Channel::Caller)), Some(Channel::Caller));
        assert_eq!(chosen(Some(Channel::Stereo)), None, "it is not ready");
        assert_eq!(chosen(Some(Channel::Agent)), None);
        assert_eq!(etag(choose(&all, None).unwrap().1), format!("\"{}\"", "ab".repeat(32)));
    }
}

//! What a recording is, and the decisions about it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use platform::ids::{CallId, OrgId, RecordingId};
use platform::outbound::OutboundError;
use platform::storage::StorageError;
use providers::vapi;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which sound of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// One side per channel. The best to listen to: it comes first.
    Stereo,
    /// Both sides mixed.
    Mono,
    /// The agent alone.
    Agent,
    /// The caller alone.
    Caller,
}

impl Channel {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stereo => "stereo",
            Self::Mono => "mono",
            Self::Agent => "agent",
            Self::Caller => "caller",
        }
    }

    /// The provider's word.
    pub const fn at_provider(self) -> vapi::Channel {
        match self {
            Self::Stereo => vapi::Channel::Stereo,
            Self::Mono => vapi::Channel::Mono,
            Self::Agent => vapi::Channel::Assistant,
            Self::Caller => vapi::Channel::Customer,
        }
    }

    /// From storage.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Stereo, Self::Mono, Self::Agent, Self::Caller].into_iter().find(|channel| channel.as_str() == text)
    }
}

/// How far the copying has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The provider names it; it waits to be copied, or to be tried again.
    Pending,
    /// Its bytes are coming in.
    Copying,
    /// It is in our storage.
    Ready,
    /// It could not be copied; `reason` says why. A person may have it tried again.
    Failed,
    /// The provider has given it up, or our retention has.
    Expired,
}

impl State {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Copying => "copying",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// From storage.
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Pending, Self::Copying, Self::Ready, Self::Failed, Self::Expired]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// The state of a call from the states of its recordings: as good as its best one. `none` without any.
pub fn call_state(states: impl IntoIterator<Item = State>) -> &'static str {
    let goodness = |state: &State| match state {
        State::Ready => 4,
        State::Copying => 3,
        State::Pending => 2,
        State::Failed => 1,
        State::Expired => 0,
    };
    states.into_iter().max_by_key(goodness).map_or("none", State::as_str)
}

/// Why a recording is not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The provider does not have it (yet): 404.
    NotThere,
    /// The provider says that it is gone: 410.
    Gone,
    /// The provider refuses our key: 401, 403.
    Refused,
    /// There is no private key for the connection, and the address alone is not open.
    NoKey,
    /// The provider answered with an error, or asked us to wait: 429, 5xx.
    Provider,
    /// The provider could not be reached, or the connection broke.
    Network,
    /// It took too long.
    TooSlow,
    /// The address leads to a place that is not asked.
    BadAddress,
    /// It is larger than what is accepted.
    TooLarge,
    /// Nothing came.
    Empty,
    /// Fewer or more bytes came than were announced.
    WrongLength,
    /// A page came instead of sound, most likely one to sign in on.
    WebPage,
    /// What came is no sound that we know.
    NotAudio,
    /// Our own storage did not take it.
    Storage,
    /// Our own storage is full.
    StorageFull,
    /// Something here is broken.
    Internal,
}

impl Reason {
    const ALL: [Self; 16] = [
        Self::NotThere,
        Self::Gone,
        Self::Refused,
        Self::NoKey,
        Self::Provider,
        Self::Network,
        Self::TooSlow,
        Self::BadAddress,
        Self::TooLarge,
        Self::Empty,
        Self::WrongLength,
        Self::WebPage,
        Self::NotAudio,
        Self::Storage,
        Self::StorageFull,
        Self::Internal,
    ];

    /// As stored, and as the label of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotThere => "not_there",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::NoKey => "no_key",
            Self::Provider => "provider",
            Self::Network => "network",
            Self::TooSlow => "too_slow",
            Self::BadAddress => "bad_address",
            Self::TooLarge => "too_large",
            Self::Empty => "empty",
            Self::WrongLength => "wrong_length",
            Self::WebPage => "web_page",
            Self::NotAudio => "not_audio",
            Self::Storage => "storage",
            Self::StorageFull => "storage_full",
            Self::Internal => "internal",
        }
    }

    /// From storage.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// What a page tells a person.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotThere => "The provider has no recording of this call yet.",
            Self::Gone => "The provider has deleted the recording.",
            Self::Refused => "The provider refused our key. Check the private key of the connection.",
            Self::NoKey => "The connection has no private key, without which the provider gives no recordings.",
            Self::Provider => "The provider has trouble at the moment.",
            Self::Network => "The provider could not be reached.",
            Self::TooSlow => "The provider was too slow.",
            Self::BadAddress => "The address of the recording leads to a place that is not asked.",
            Self::TooLarge => "The recording is larger than this installation accepts.",
            Self::Empty => "The recording is empty.",
            Self::WrongLength => "The recording came incomplete.",
            Self::WebPage => "A web page came instead of the recording.",
            Self::NotAudio => "What came is not a recording that can be played.",
            Self::Storage => "Our own storage did not take the recording.",
            Self::StorageFull => "Our own storage is full.",
            Self::Internal => "Something went wrong here; the log knows more.",
        }
    }
}

/// What the bytes of a recording are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// RIFF WAVE.
    Wav,
    /// MPEG audio, layer 3.
    Mp3,
    /// AAC in an MP4 file.
    M4a,
    /// AAC in ADTS frames.
    Aac,
    /// Opus (or Vorbis) in Ogg.
    Ogg,
    /// Opus in `WebM`.
    WebM,
}

impl Media {
    /// The media type that a browser is told.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Aac => "audio/aac",
            Self::Ogg => "audio/ogg",
            Self::WebM => "audio/webm",
        }
    }

    /// The ending of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::M4a => "m4a",
            Self::Aac => "aac",
            Self::Ogg => "ogg",
            Self::WebM => "webm",
        }
    }

    /// From storage.
    pub fn from_content_type(text: &str) -> Option<Self> {
        [Self::Wav, Self::Mp3, Self::M4a, Self::Aac, Self::Ogg, Self::WebM]
            .into_iter()
            .find(|media| media.content_type() == text)
    }
}

/// The loudest sample of each of equally long pieces, for drawing the sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peaks {
    /// A list for each channel, all of the same length; 0 is silence and 255 as loud as it gets.
    pub channels: Vec<Vec<u8>>,
}

impl Peaks {
    /// As stored: one channel after the other.
    pub fn to_stored(&self) -> Vec<u8> {
        self.channels.concat()
    }

    /// From storage; nothing when the two do not fit together.
    pub fn from_stored(bytes: &[u8], channels: usize) -> Option<Self> {
        if channels == 0 || bytes.is_empty() || !bytes.len().is_multiple_of(channels) {
            return None;
        }
        Some(Self { channels: bytes.chunks(bytes.len() / channels).map(<[u8]>::to_vec).collect() })
    }
}

/// The file of a recording that is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its key in the storage.
    pub key: String,
    /// Its size in bytes, as it was before any encryption.
    pub size: u64,
    /// SHA-256 of these bytes.
    pub sha256: Vec<u8>,
    /// What they are.
    pub media: Media,
    /// How long it sounds; none where it could not be measured.
    pub duration: Option<Duration>,
    /// How many channels it has.
    pub channels: Option<u8>,
    /// How loud it is where.
    pub peaks: Option<Peaks>,
    /// When it was whole.
    pub copied_at: Timestamp,
}

/// One sound of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Whose.
    pub org: OrgId,
    /// Its id.
    pub id: RecordingId,
    /// Of which call.
    pub call: CallId,
    /// Which sound.
    pub channel: Channel,
    /// How far it has come.
    pub state: State,
    /// Runs begun.
    pub attempts: u32,
    /// When the last one began.
    pub last_attempt_at: Option<Timestamp>,
    /// Why the last one did not end well.
    pub reason: Option<Reason>,
    /// What that was exactly, without personal data.
    pub detail: Option<String>,
    /// The file, when it is ready.
    pub file: Option<File>,
}

/// What is to be done about a recording that could not be copied in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again, with growing pauses.
    Again,
    /// Try again after this long: the other side said so, or the fault is not the recording's.
    Wait(Duration),
    /// Give it up until a person asks again.
    GiveUp,
    /// It will never come.
    Expire,
}

/// How long Vapi keeps recordings at the most: what is not there after that will not come.
pub(super) const PROVIDER_KEEPS: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long we do as the other side asks, or wait for our own storage.
const PATIENCE: SignedDuration = SignedDuration::from_hours(72);
/// Runs after which something that came and is broken is believed to be broken.
const TRIES_OF_BROKEN: u32 = 5;
/// The longest pause that another side can ask for.
const LONGEST_PAUSE: Duration = Duration::from_hours(6);
/// How long our storage is left alone after it refused.
const STORAGE_PAUSE: Duration = Duration::from_mins(5);

/// Decides about a failure of the `run`th run since somebody asked for the recording, `waited` after that.
///
/// `asked` is the pause that the other side asked for; `is_last` says that the queue will not try again by itself.
pub fn next(reason: Reason, asked: Option<Duration>, run: u32, is_last: bool, waited: SignedDuration) -> Next {
    let again = if is_last { Next::GiveUp } else { Next::Again };
    match reason {
        Reason::Gone => Next::Expire,
        Reason::NotThere if waited > PROVIDER_KEEPS => Next::Expire,
        Reason::Refused | Reason::NoKey | Reason::BadAddress | Reason::TooLarge => Next::GiveUp,
        Reason::WebPage | Reason::NotAudio | Reason::Empty | Reason::WrongLength if run >= TRIES_OF_BROKEN => {
            Next::GiveUp
        }
        // For as long as it takes: the recording is fine, and nobody could do anything about it alone.
        Reason::Storage | Reason::StorageFull if waited <= PATIENCE => Next::Wait(STORAGE_PAUSE),
        _ => match asked {
            Some(pause) if waited <= PATIENCE => Next::Wait(pause.clamp(Duration::from_secs(1), LONGEST_PAUSE)),
            _ => again,
        },
    }
}

/// The reason in a status that is not 200.
pub fn reason_of_status(status: u16, with_key: bool) -> Reason {
    match status {
        404 if with_key => Reason::NotThere,
        410 => Reason::Gone,
        // Nobody who has no key is told whether it is there.
        401 | 403 if with_key => Reason::Refused,
        401 | 403 | 404 => Reason::NoKey,
        _ => Reason::Provider,
    }
}

impl From<&OutboundError> for Reason {
    fn from(error: &OutboundError) -> Self {
        match error {
            OutboundError::Address { .. }
            | OutboundError::Refused { .. }
            | OutboundError::TooManyHops { .. }
            | OutboundError::BadRedirect { .. } => Self::BadAddress,
            OutboundError::TimedOut { .. } => Self::TooSlow,
            OutboundError::TooLarge { .. } => Self::TooLarge,
            OutboundError::Unresolved { .. }
            | OutboundError::Unreachable { .. }
            | OutboundError::Tls { .. }
            | OutboundError::Broken { .. } => Self::Network,
            OutboundError::Setup | OutboundError::BadHeader | OutboundError::NotJson { .. } => Self::Internal,
        }
    }
}

impl From<&StorageError> for Reason {
    fn from(error: &StorageError) -> Self {
        match error {
            StorageError::Full(_) => Self::StorageFull,
            _ => Self::Storage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_call_is_as_good_as_its_best_recording() {
        use State::*;
        assert_eq!(call_state([]), "none");
        assert_eq!(call_state([Failed, Ready, Pending]), "ready");
        assert_eq!(call_state([Expired, Failed]), "failed");
        assert_eq!(call_state([Pending, Copying, Failed]), "copying");
        assert_eq!(call_state([Expired, Expired]), "expired");
    }

    #[test]
    fn what_is_stored_comes_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_stored(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!(Media::from_content_type("audio/mp4"), Some(Media::M4a));
        assert_eq!((State::from_stored("none"), Channel::from_stored("video")), (None, None));
    }

    #[test]
    fn what_will_come_is_waited_for_and_what_will_not_is_given_up() {
        let hours = SignedDuration::from_hours;
        let soon = hours(1);
        let minutes = Duration::from_mins;
        assert_eq!(next(Reason::NotThere, None, 1, false, soon), Next::Again);
        assert_eq!(next(Reason::NotThere, None, 12, true, hours(40)), Next::GiveUp);
        assert_eq!(next(Reason::NotThere, None, 1, false, hours(15 * 24)), Next::Expire);
        assert_eq!(next(Reason::Gone, None, 1, false, soon), Next::Expire);
        assert_eq!(next(Reason::Refused, None, 1, false, soon), Next::GiveUp);
        assert_eq!(next(Reason::WebPage, None, 4, false, soon), Next::Again);
        assert_eq!(next(Reason::WebPage, None, 5, false, soon), Next::GiveUp);
        assert_eq!(next(Reason::Provider, Some(minutes(7)), 12, true, soon), Next::Wait(minutes(7)), "as it was asked");
        assert_eq!(next(Reason::Provider, Some(Duration::MAX), 1, false, soon), Next::Wait(LONGEST_PAUSE));
        assert_eq!(next(Reason::Provider, Some(minutes(7)), 12, true, hours(80)), Next::GiveUp, "not for ever");
        assert_eq!(
            next(Reason::Storage, None, 12, true, hours(24)),
            Next::Wait(STORAGE_PAUSE),
            "a day without storage"
        );
        assert_eq!(next(Reason::StorageFull, None, 12, true, hours(80)), Next::GiveUp);
    }

    #[test]
    fn a_status_means_what_it_says_to_somebody_with_a_key() {
        use Reason::*;
        let reasons = [401, 403, 404, 410, 429, 500, 503, 302, 206].map(|status| reason_of_status(status, true));
        assert_eq!(reasons, [Refused, Refused, NotThere, Gone, Provider, Provider, Provider, Provider, Provider]);
        assert_eq!(reason_of_status(404, false), NoKey);
        assert_eq!(reason_of_status(403, false), NoKey);
    }

    proptest! {
        #[test]
        fn nothing_is_tried_for_ever(at in 0..16_usize, asked: Option<u32>, run in 1_u32..50) {
            let asked = asked.map(|seconds| Duration::from_secs(u64::from(seconds)));
            let decided = next(Reason::ALL[at], asked, run, true, SignedDuration::from_hours(15 * 24));
            prop_assert!(matches!(decided, Next::GiveUp | Next::Expire));
        }

        #[test]
        fn peaks_come_back_as_they_were(pieces in 1..50_usize, channels in 1..4_usize, loud: u8) {
            let peaks = Peaks { channels: vec![vec![loud; pieces]; channels] };
            prop_assert_eq!(Peaks::from_stored(&peaks.to_stored(), channels), Some(peaks));
        }
    }
}

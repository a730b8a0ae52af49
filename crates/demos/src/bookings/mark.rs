//! The mark that our own form carries: when it was shown and which request it will be. Sealed, so that neither can be
//! made up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use platform::crypto::random_bytes;

use crate::{DemoError, Demos};

const PLACE: &str = "demo-form";
/// Nobody fills in the form faster.
const AT_LEAST: SignedDuration = SignedDuration::from_millis(1500);

/// A form that we showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// When.
    shown_at: Timestamp,
    /// The idempotency key of what it sends.
    pub key: String,
}

impl Mark {
    /// A mark for a form that is shown now, as the text that the form carries.
    pub fn make(demos: &Demos) -> Result<String, DemoError> {
        let mut plain = demos.now().as_millisecond().to_be_bytes().to_vec();
        plain.extend_from_slice(&random_bytes::<16>());
        Ok(URL_SAFE_NO_PAD.encode(demos.master_key().seal(PLACE, &plain)?))
    }

    /// Reads a form's mark. `None`: it is not ours.
    pub fn read(demos: &Demos, text: &str) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = demos.master_key().open(PLACE, &sealed).ok()?;
        let (time, nonce) = plain.split_at_checked(8)?;
        let millis = i64::from_be_bytes(time.try_into().ok()?);
        Some(Self {
            shown_at: Timestamp::from_millisecond(millis).ok()?,
            key: format!("form/{}", URL_SAFE_NO_PAD.encode(nonce)),
        })
    }

    /// Whether the form came back faster than a person can fill it in.
    pub fn is_too_fast(&self, now: Timestamp) -> bool {
        now.duration_since(self.shown_at) < AT_LEAST
    }
}

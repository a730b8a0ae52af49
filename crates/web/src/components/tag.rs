//! A word on a coloured ground.

use maud::{Markup, html};

/// What the colour means; the word beside it says the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Answering, booked, done.
    Ok,
    /// A person is needed.
    Warn,
    /// Failed.
    Bad,
    /// A fact.
    Info,
    /// Nothing to notice.
    #[default]
    Neutral,
}

impl Tone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
            Self::Neutral => "",
        }
    }
}

/// The tag.
pub fn tag(tone: Tone, text: &str) -> Markup {
    html! { span class={ "tag " (tone.class()) } { (text) } }
}

//! Every text with invented people, so that the operator can read it before anybody gets it.

use std::fmt;
use std::sync::Arc;

use platform::i18n::Locale;

use crate::draft::Draft;

/// A text that can be looked at. Each crate that writes mails offers its own, made by the very function that writes the
/// real ones.
#[derive(Clone)]
pub struct Sample {
    /// As in [`Draft::template`].
    pub template: &'static str,
    /// When it is sent and to whom, in one sentence.
    pub what: &'static str,
    make: Arc<dyn Fn(Locale) -> Draft + Send + Sync>,
}

impl Sample {
    /// A text, and how it is written in a language. `make` uses invented people and addresses at example.com.
    pub fn new(
        template: &'static str,
        what: &'static str,
        make: impl Fn(Locale) -> Draft + Send + Sync + 'static,
    ) -> Self {
        Self { template, what, make: Arc::new(make) }
    }

    /// The mail in a language.
    pub fn draft(&self, locale: Locale) -> Draft {
        (self.make)(locale)
    }
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample").field("template", &self.template).finish_non_exhaustive()
    }
}

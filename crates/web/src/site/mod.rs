//! The public website: pages that anybody may open, in every language, under the operator's name.
//!
//! - [`Site`]: what the operator configured. - [`Visit`]: who opened which page in which language. - [`page`]: the frame
//!   that every public page stands in. - [`in_every_language`]: a page's addresses.
//!
//! Rules. English lives at `/pricing`, French at `/fr/pricing`: an address is one page in one language, so that a link, a
//! cache and a search engine mean the same page. `?lang=` is a choice: it is remembered and leads to the address of that
//! language. A cookie from an earlier choice moves nobody but a visitor of `/`, and `Accept-Language` moves nobody: it is
//! offered as a link. Every word comes from `locales/` or from the operator. No page needs script.

mod frame;
mod pages;
mod visit;

use std::sync::Arc;

use axum::handler::Handler;
use platform::config::{Origin, SiteConfig};
use platform::http::PublicRouter;
use platform::i18n::{Locale, Value};

pub use frame::{About, page};
pub use pages::router;
pub use visit::{Visit, address};

/// The website as the operator configured it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Site(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: SiteConfig,
    origin: Origin,
}

impl Site {
    /// `origin`: where visitors find this installation.
    pub fn new(config: SiteConfig, origin: Origin) -> Self {
        Self(Arc::new(Inner { config, origin }))
    }

    /// What the operator said.
    pub fn config(&self) -> &SiteConfig {
        &self.0.config
    }

    /// What the operator calls the service.
    pub fn name(&self) -> &str {
        &self.0.config.name
    }

    /// The words of a language.
    pub fn words(&self, locale: Locale) -> Words<'_> {
        Words { site: self, locale }
    }

    /// The full address of a page in a language.
    pub fn url(&self, locale: Locale, place: &str) -> String {
        format!("{}{}", self.0.origin.as_str(), address(locale, place))
    }

    /// The full address of a file or another path.
    fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.0.origin.as_str())
    }

    fn is_https(&self) -> bool {
        self.0.origin.is_https()
    }
}

/// The words of one language, with the operator's name put in wherever a sentence says `{ $name }`.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    site: &'a Site,
    locale: Locale,
}

impl Words<'_> {
    /// The sentence under `key`.
    pub fn text(self, key: &str) -> String {
        self.text_with(key, &[])
    }

    /// The sentence under `key` with values put in.
    pub fn text_with(self, key: &str, values: &[(&str, Value<'_>)]) -> String {
        let mut all = Vec::with_capacity(values.len() + 1);
        all.push(("name", Value::from(self.site.name())));
        all.extend_from_slice(values);
        self.locale.text_with(key, &all)
    }
}

/// Adds a page at its address in every language. `place` is its path without a language, for example `/pricing`.
#[must_use]
pub fn in_every_language<S, H, T>(router: PublicRouter<S>, method: &str, place: &str, handler: H) -> PublicRouter<S>
where
    S: Clone + Send + Sync + 'static,
    H: Handler<T, S> + Clone,
    T: 'static,
{
    let handlers = std::iter::repeat(handler);
    Locale::ALL
        .into_iter()
        .zip(handlers)
        .fold(router, |router, (locale, handler)| router.page(method, &address(locale, place), handler))
}

//! The public website: pages that anybody may open, in every language, under the operator's name.
//!
//! - [`Site`]: what the operator configured. - [`Visit`]: who opened which page in which language. - [`page`]: the frame
//!   that every public page stands in. - [`in_every_language`]: a page's addresses. - [`router`]: the website's own pages.
//!
//! Rules. English lives at `/pricing`, French at `/fr/pricing`: an address is one page in one language, so that a link, a
//! cache and a search engine mean the same page. `?lang=` is a choice: it is remembered and leads to the address of that
//! language. A cookie from an earlier choice moves nobody but a visitor of `/`, and `Accept-Language` moves nobody: it is
//! offered as a link. Every word comes from `locales/` or from the operator. No page needs script.

mod card;
mod chat;
mod frame;
mod legal;
pub mod money;
mod pages;
mod problem;
mod robots;
mod sample;
mod style;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Extract;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use platform::config::accent::Colour;
use platform::config::{Origin, SiteConfig};
use platform::http::{ApiError, PublicRouter};
use platform::i18n::{Locale, OwnWords, Value};
use tower_http::compression::CompressionLayer;

pub use frame::{About, page};
pub(crate) use problem::meant;
pub use problem::problem;
pub use visit::{Visit, address};

use style::Style;

/// The colours of the picture beside shared links, where the operator has no accent colour.
const OUR_GREEN: Colour = Colour([10, 107, 80]);
const WHITE: Colour = Colour([255, 255, 255]);

/// The website as the operator configured it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Site(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: SiteConfig,
    origin: Origin,
    own_words: OwnWords,
    style: Style,
}

impl Site {
    /// `origin`: where visitors find this installation.
    pub fn new(config: SiteConfig, origin: Origin) -> Self {
        let own_words = OwnWords::new(&config.texts);
        let style = Style::new(config.accent.as_ref());
        Self(Arc::new(Inner { config, origin, own_words, style }))
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
        self.absolute(&address(locale, place))
    }

    /// The full address of a file or another path.
    fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.0.origin.as_str())
    }

    fn is_https(&self) -> bool {
        self.0.origin.is_https()
    }

    /// The pages that search engines may list.
    fn listed(&self) -> Vec<&'static str> {
        let legal: &[&'static str] = if self.config().legal.is_some() { &["/privacy", "/terms"] } else { &[] };
        ["/", "/how-it-works", "/pricing", "/security", "/book"].into_iter().chain(legal.iter().copied()).collect()
    }

    /// Whether there is a page at this place.
    fn has(&self, place: &str) -> bool {
        self.listed().contains(&place) || ["/privacy", "/terms", "/chat"].contains(&place)
    }
}

/// The words of one language, with the operator's name put in wherever a sentence says `{ $name }`.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    site: &'a Site,
    locale: Locale,
}

impl Words<'_> {
    /// The sentence under `key`: the operator's own, or ours.
    pub fn text(self, key: &str) -> String {
        self.text_with(key, &[])
    }

    /// The sentence under `key` with values put in.
    pub fn text_with(self, key: &str, values: &[(&str, Value<'_>)]) -> String {
        let mut all = Vec::with_capacity(values.len() + 1);
        all.push(("name", Value::from(self.site.name())));
        all.extend_from_slice(values);
        let own = self.site.0.own_words.text_with(self.locale, key, &all);
        own.unwrap_or_else(|| self.locale.text_with(key, &all))
    }

    fn site_name(self) -> String {
        self.site.name().to_owned()
    }
}

/// The website's own pages and files.
pub fn router(site: Site) -> Router {
    let mut pages = PublicRouter::new();
    pages = in_every_language(pages, "GET", "/", pages::home);
    pages = in_every_language(pages, "GET", "/how-it-works", pages::how_it_works);
    pages = in_every_language(pages, "GET", "/pricing", pages::pricing);
    pages = in_every_language(pages, "GET", "/security", pages::security);
    pages = in_every_language(pages, "GET", "/privacy", legal::privacy);
    pages = in_every_language(pages, "GET", "/terms", legal::terms);
    pages = in_every_language(pages, "GET", "/chat", chat::show);
    let files = pages.page("GET", "/robots.txt", robots::robots).page("GET", "/sitemap.xml", robots::sitemap).page(
        "GET",
        style::PATH,
        style::serve,
    );
    let picture = PublicRouter::new().page("GET", frame::PICTURE, picture).with_state(site.clone());
    let (pages, _) = files.with_state(site).split();
    let (picture, _) = picture.split();
    // Nothing secret is in these pages, so that their length may tell what they say.
    pages.layer(CompressionLayer::new()).merge(picture).merge(sample::router())
}

async fn picture(Extract(site): Extract<Site>) -> Result<Response, ApiError> {
    let ground = site.config().accent.map_or(OUR_GREEN, |accent| accent.light.accent);
    let file = card::draw(ground, WHITE).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut answer = file.into_response();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    Ok(answer)
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

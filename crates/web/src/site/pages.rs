//! The handlers and contents of the website's own pages.

use axum::extract::State as Extract;
use maud::html;
use platform::http::PublicRouter;

use super::{About, Site, Visit, in_every_language, page};
use crate::page::Page;

/// The website's pages.
pub fn router(site: Site) -> PublicRouter<()> {
    let router = PublicRouter::new();
    let router = in_every_language(router, "GET", "/", home);
    router.with_state(site)
}

async fn home(visit: Visit, Extract(site): Extract<Site>) -> Page {
    let words = site.words(visit.locale);
    let about = About::new(words.text("site-home-title"), words.text("site-home-description"));
    let content = html! {
        div.hero {
            div {
                h1 { (about.title) }
                p.lede { (about.description) }
                p.acts { a.btn.pri.lg href=(visit.to("/book")) data-book { (words.text("site-book")) } }
            }
        }
    };
    page(&site, &visit, &about, &content)
}

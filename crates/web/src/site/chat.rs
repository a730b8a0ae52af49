//! Talking to somebody: a page of its own for the chat of another company, there only when the operator has one.
//!
//! The chat's program needs inline styles, its own hosts and unguarded markup. So that no other page has to allow that,
//! it runs on this page alone, and even here nothing of it is loaded before the visitor presses the button.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::html;

use super::{About, Site, Visit, page, problem};
use crate::assets;
use crate::security::Csp;

pub(super) async fn show(visit: Visit, Extract(site): Extract<Site>) -> Response {
    let Some(app) = &site.config().intercom_app_id else {
        return problem(&site, &visit, StatusCode::NOT_FOUND, "not_found", None).into_response();
    };
    let words = site.words(visit.locale);
    let about = About {
        modules: vec![assets::CHAT_JS],
        csp: Some(Csp::intercom()),
        ..About::unlisted(words.text("site-chat-title"), words.text("site-chat-description"))
    };
    let config = site.config();
    let content = html! {
        div.read.text {
            h1 { (about.title) }
            p.lede { (about.description) }
            div data-chat data-app=(app) data-starting=(words.text("site-chat-starting")) data-open=(words.text("site-chat-open"))
                data-failed=(words.text("site-chat-failed")) {
                p { (words.text("site-chat-before")) }
                p.acts { button.btn.pri.lg type="button" hidden { (words.text("site-chat-start")) } }
                p.state role="status" {}
                noscript { p { (words.text("site-chat-script")) } }
            }
            h2 { (words.text("site-chat-else")) }
            ul.plain {
                @if let Some(email) = &config.email { li { a href={ "mailto:" (email) } { (email) } } }
                @if let Some(phone) = &config.phone { li { a href={ "tel:" (phone) } { bdi { (crate::format::phone(phone)) } } } }
                li { a href=(visit.to("/book")) { (words.text("site-book")) } }
            }
        }
    };
    page(&site, &visit, &about, &content).into_response()
}

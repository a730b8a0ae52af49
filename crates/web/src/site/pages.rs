//! The handlers and contents of the website's own pages.

use axum::extract::State as Extract;
use maud::{Markup, html};
use platform::config::{Per, Plan};

use super::sample::{self, Sample};
use super::{About, Site, Visit, Words, money, page};
use crate::assets;
use crate::components::{Icon, icon};
use crate::page::Page;

pub(super) async fn home(visit: Visit, Extract(site): Extract<Site>) -> Page {
    let words = site.words(visit.locale);
    let sample = Sample::of(visit.locale);
    let about = About {
        modules: vec![assets::HOME_JS],
        ..About::new(words.text("site-home-title"), words.text("site-home-description"))
    };
    let length = sample.length();
    let content = html! {
        div.hero {
            div {
                h1 { (about.title) }
                p.lede { (about.description) }
                p.acts {
                    a.btn.pri.lg href=(visit.to("/book")) data-book { (words.text("site-book")) }
                    a.btn.lg href="#sample" data-play {
                        (icon(Icon::Play)) (words.text_with("site-home-hear", &[("length", length.as_str().into())]))
                    }
                }
                p.note { (words.text("site-home-note")) }
            }
            (sample::card(sample, words))
        }
        section.band {
            h2 { (words.text("site-home-what")) }
            div.three {
                (point(Icon::PhoneIncoming, &words.text("site-home-answer-h"), &words.text("site-home-answer")))
                (point(Icon::CalendarCheck, &words.text("site-home-book-h"), &words.text("site-home-book")))
                (point(Icon::PhoneForwarded, &words.text("site-home-pass-h"), &words.text("site-home-pass")))
            }
        }
        section.band {
            h2 { (words.text("site-home-see")) }
            ul.ticks {
                li { (icon(Icon::Check)) (words.text("site-home-see-live")) }
                li { (icon(Icon::Check)) (words.text("site-home-see-list")) }
                li { (icon(Icon::Check)) (words.text("site-home-see-missed")) }
            }
        }
        (invitation(&visit, words))
        // Filled by the module, which opens it in place of the page that the buttons lead to.
        dialog.booking aria-label=(words.text("site-book")) data-wait=(words.text("site-wait")) {
            form method="dialog" { button.btn.quiet.icon type="submit" aria-label=(words.text("site-close")) { (icon(Icon::X)) } }
            div data-place {}
        }
    };
    page(&site, &visit, &about, &content)
}

fn point(sign: Icon, title: &str, text: &str) -> Markup {
    html! { div { (icon(sign)) h3 { (title) } p { (text) } } }
}

/// The end of a page: what to do next.
fn invitation(visit: &Visit, words: Words<'_>) -> Markup {
    html! {
        section.band.invite {
            h2 { (words.text("site-home-end")) }
            p.lede { (words.text("site-home-end-text")) }
            p.acts { a.btn.pri.lg href=(visit.to("/book")) data-book { (words.text("site-book")) } }
        }
    }
}

pub(super) async fn how_it_works(visit: Visit, Extract(site): Extract<Site>) -> Page {
    let words = site.words(visit.locale);
    let about = About::new(words.text("site-nav-how"), words.text("site-how-description"));
    let steps = [
        ["site-how-1-h", "site-how-1"],
        ["site-how-2-h", "site-how-2"],
        ["site-how-3-h", "site-how-3"],
        ["site-how-4-h", "site-how-4"],
        ["site-how-5-h", "site-how-5"],
    ];
    let content = html! {
        div.read {
            h1 { (about.title) }
            p.lede { (about.description) }
            ol.steps {
                @for [heading, text] in steps { li { h2 { (words.text(heading)) } p { (words.text(text)) } } }
            }
            h2 { (words.text("site-how-not")) }
            ul.ticks {
                @for key in ["site-how-not-1", "site-how-not-2", "site-how-not-3"] { li { (icon(Icon::X)) (words.text(key)) } }
            }
        }
        (invitation(&visit, words))
    };
    page(&site, &visit, &about, &content)
}

pub(super) async fn pricing(visit: Visit, Extract(site): Extract<Site>) -> Page {
    let words = site.words(visit.locale);
    let about = About::new(words.text("site-pricing-title"), words.text("site-pricing-description"));
    let plans = &site.config().plans;
    let content = html! {
        div.read.wide[plans.len() > 1] {
            h1 { (about.title) }
            p.lede { (about.description) }
            @if plans.is_empty() {
                section.card.plan {
                    h2 { (words.text("site-pricing-request")) }
                    p { (words.text("site-pricing-request-text")) }
                    p.acts { a.btn.pri.lg href=(visit.to("/book")) data-book { (words.text("site-book")) } }
                }
            } @else {
                div.plans { @for plan in plans { (offer(plan, &visit, words)) } }
                p.note { (words.text("site-pricing-note")) }
                p.acts { a.btn.pri.lg href=(visit.to("/book")) data-book { (words.text("site-book")) } }
            }
        }
    };
    page(&site, &visit, &about, &content)
}

fn offer(plan: &Plan, visit: &Visit, words: Words<'_>) -> Markup {
    let name = plan.name.in_language(visit.locale);
    let per = match plan.per {
        Per::Month => words.text("site-pricing-month"),
        Per::Year => words.text("site-pricing-year"),
        Per::Call => words.text("site-pricing-call"),
        Per::Minute => words.text("site-pricing-minute"),
    };
    let setup = plan.setup.as_ref().map(|setup| money::amount(setup, visit.locale));
    html! {
        section.card.plan {
            h2 { (name) }
            p.price { bdi { (money::amount(&plan.price, visit.locale)) } " " span { (per) } }
            @if let Some(setup) = &setup { p.muted { (words.text_with("site-pricing-setup", &[("amount", setup.as_str().into())])) } }
            @if !plan.features.is_empty() {
                ul.ticks aria-label=(words.text_with("site-pricing-includes", &[("plan", name.into())])) {
                    @for feature in &plan.features { li { (icon(Icon::Check)) (feature.in_language(visit.locale)) } }
                }
            }
        }
    }
}

pub(super) async fn security(visit: Visit, Extract(site): Extract<Site>) -> Page {
    let words = site.words(visit.locale);
    let about = About::new(words.text("site-security-title"), words.text("site-security-description"));
    let rows = [
        ["site-security-calls", "site-security-calls-where", "site-security-calls-who"],
        ["site-security-demos", "site-security-calls-where", "site-security-demos-who"],
        ["site-security-keys", "site-security-keys-where", "site-security-keys-who"],
        ["site-security-passwords", "site-security-passwords-where", "site-security-passwords-who"],
    ];
    let columns = ["site-security-what", "site-security-where", "site-security-who"].map(|key| words.text(key));
    let sections = [
        ["site-security-apart-h", "site-security-apart"],
        ["site-security-trace-h", "site-security-trace"],
        ["site-security-pages-h", "site-security-pages"],
        ["site-security-claims-h", "site-security-claims"],
    ];
    let content = html! {
        article.read.text {
            h1 { (about.title) }
            p.lede { (about.description) }
            table.facts {
                caption { (words.text("site-security-table")) }
                thead { tr { @for column in &columns { th scope="col" { (column) } } } }
                tbody {
                    @for [what, place, who] in rows {
                        tr {
                            th scope="row" { (words.text(what)) }
                            td data-label=(columns[1]) { (words.text(place)) }
                            td data-label=(columns[2]) { (words.text(who)) }
                        }
                    }
                }
            }
            @for [heading, text] in sections { section { h2 { (words.text(heading)) } p { (words.text(text)) } } }
        }
    };
    page(&site, &visit, &about, &content)
}

//! The privacy page and the terms: a template with the operator's details in it, marked as unfinished without them.

use axum::extract::State as Extract;
use maud::{Markup, html};

use super::{About, Site, Visit, Words, page};
use crate::components::{Tone, banner};
use crate::page::Page;

/// The words that the template is completed with.
struct Details {
    company: String,
    address: String,
    email: String,
    law: String,
}

impl Details {
    fn of(site: &Site, words: Words<'_>) -> Self {
        match &site.config().legal {
            Some(legal) => Self {
                company: match &legal.registration {
                    Some(registration) => format!("{} ({registration})", legal.name),
                    None => legal.name.clone(),
                },
                address: legal.address.clone(),
                email: legal.privacy_email.clone(),
                law: legal.law.clone(),
            },
            None => Self {
                company: words.text("site-legal-company"),
                address: words.text("site-legal-address"),
                email: words.text("site-legal-email"),
                law: words.text("site-legal-law"),
            },
        }
    }
}

pub(super) async fn privacy(visit: Visit, Extract(site): Extract<Site>) -> Page {
    let sections: &[[&str; 2]] = &[
        ["site-privacy-who-h", "site-privacy-who"],
        ["site-privacy-visit-h", "site-privacy-visit"],
        ["site-privacy-book-h", "site-privacy-book"],
        ["site-privacy-calls-h", "site-privacy-calls"],
        ["site-privacy-chat-h", "site-privacy-chat"],
        ["site-privacy-keep-h", "site-privacy-keep"],
        ["site-privacy-rights-h", "site-privacy-rights"],
    ];
    let has_chat = site.config().intercom_app_id.is_some();
    let told: Vec<_> = sections.iter().filter(|[head, _]| has_chat || *head != "site-privacy-chat-h").collect();
    document(&site, &visit, ["site-privacy-title", "site-privacy-description"], &told)
}

pub(super) async fn terms(visit: Visit, Extract(site): Extract<Site>) -> Page {
    let sections: &[[&str; 2]] = &[
        ["site-terms-who-h", "site-terms-who"],
        ["site-terms-service-h", "site-terms-service"],
        ["site-terms-yours-h", "site-terms-yours"],
        ["site-terms-emergency-h", "site-terms-emergency"],
        ["site-terms-limits-h", "site-terms-limits"],
        ["site-terms-end-h", "site-terms-end"],
        ["site-terms-law-h", "site-terms-law"],
    ];
    document(&site, &visit, ["site-terms-title", "site-terms-description"], &sections.iter().collect::<Vec<_>>())
}

fn document(site: &Site, visit: &Visit, head: [&str; 2], sections: &[&[&str; 2]]) -> Page {
    let words = site.words(visit.locale);
    let details = Details::of(site, words);
    let values = [
        ("company", details.company.as_str().into()),
        ("address", details.address.as_str().into()),
        ("email", details.email.as_str().into()),
        ("law", details.law.as_str().into()),
    ];
    let about = About {
        // An unfinished page is nobody's word and must not turn up in a search.
        indexed: site.config().legal.is_some(),
        ..About::new(words.text(head[0]), words.text(head[1]))
    };
    let content = html! {
        article.read.text {
            h1 { (about.title) }
            (state(site, words))
            @for [heading, text] in sections {
                section {
                    h2 { (words.text_with(heading, &values)) }
                    p { (words.text_with(text, &values)) }
                }
            }
        }
    };
    page(site, visit, &about, &content)
}

fn state(site: &Site, words: Words<'_>) -> Markup {
    html! {
        @match &site.config().legal {
            None => { (banner(Tone::Warn, &html! { (words.text("site-legal-draft")) })) }
            Some(legal) => {
                p.muted { (words.text_with("site-legal-updated", &[("date", legal.updated.to_string().into())])) }
            }
        }
    }
}

//! What stands around every public page: head, header, footer.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use platform::i18n::Locale;
use serde_json::{Value, json};

use super::{Site, Visit, Words, address, card};
use crate::assets::{self, Asset};
use crate::components::{Icon, icon, logo};
use crate::frame::Theme;
use crate::page::Page;
use crate::security::Csp;

/// The picture beside a shared link.
pub(super) const PICTURE: &str = "/card.png";

/// What a page says about itself.
#[derive(Clone, Debug)]
pub struct About {
    /// Its title, without the operator's name.
    pub title: String,
    /// One or two sentences for search engines and shared links.
    pub description: String,
    /// Whether search engines may list it. A page about one person or one booking is not for them.
    pub indexed: bool,
    /// Structured data (schema.org), beside what every page says about the operator.
    pub facts: Vec<Value>,
    /// Browser modules it loads.
    pub modules: Vec<&'static Asset>,
    /// Its policy, where the one for public pages is not right.
    pub csp: Option<Csp>,
}

impl About {
    /// A page that search engines may list.
    pub fn new(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: description.into(),
            indexed: true,
            facts: Vec::new(),
            modules: Vec::new(),
            csp: None,
        }
    }

    /// A page that search engines leave out.
    pub fn unlisted(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self { indexed: false, ..Self::new(title, description) }
    }
}

/// A public page: `content` is what stands in `<main>`, with the page's only `<h1>`.
pub fn page(site: &Site, visit: &Visit, about: &About, content: &Markup) -> Page {
    let words = site.words(visit.locale);
    let markup = html! {
        (DOCTYPE)
        html lang=(visit.locale.tag()) dir=(visit.locale.dir()) data-theme=[visit.theme.attribute()] {
            head { (head(site, visit, about)) }
            body {
                a.skip href="#main" { (words.text("site-skip")) }
                (suggestion(visit, words))
                (header(site, visit, words))
                main id="main" tabindex="-1" { (content) }
                (footer(site, visit, words))
            }
        }
    };
    Page::site(about.csp.clone().unwrap_or_else(Csp::public), markup)
}

fn head(site: &Site, visit: &Visit, about: &About) -> Markup {
    let title = format!("{} · {}", about.title, site.name());
    let here = site.url(visit.locale, &visit.place);
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        title { (title) }
        meta name="description" content=(about.description);
        @if about.indexed {
            link rel="canonical" href=(here);
            @for locale in Locale::ALL {
                link rel="alternate" hreflang=(locale.tag()) href=(site.url(locale, &visit.place));
            }
            link rel="alternate" hreflang="x-default" href=(site.url(Locale::En, &visit.place));
        } @else {
            meta name="robots" content="noindex";
        }
        // The file has Latin letters only; other scripts use the device's own font.
        @if visit.locale != Locale::Ar {
            link rel="preload" href=(assets::INTER_WOFF2.url) as="font" type="font/woff2" crossorigin;
        }
        link rel="stylesheet" href=(site.0.style.url);
        link rel="icon" href=(assets::FAVICON_SVG.url) type="image/svg+xml";
        @for module in &about.modules { script src=(module.url) type="module" {} }
        meta property="og:type" content="website";
        meta property="og:site_name" content=(site.name());
        meta property="og:title" content=(title);
        meta property="og:description" content=(about.description);
        meta property="og:url" content=(here);
        meta property="og:locale" content=(visit.locale.tag().replace('-', "_"));
        meta property="og:image" content=(site.absolute(PICTURE));
        meta property="og:image:width" content=(card::WIDTH);
        meta property="og:image:height" content=(card::HEIGHT);
        meta name="twitter:card" content="summary_large_image";
        @if about.indexed { (facts(site, visit, about)) }
    }
}

/// Structured data. A data block runs nothing, so the policy has nothing to say about it.
fn facts(site: &Site, visit: &Visit, about: &About) -> Markup {
    let mut graph = vec![
        json!({
            "@type": "Organization",
            "@id": site.absolute("/#organization"),
            "name": site.name(),
            "url": site.url(Locale::En, "/"),
            "logo": site.absolute(assets::FAVICON_SVG.url),
        }),
        json!({
            "@type": "WebPage",
            "url": site.url(visit.locale, &visit.place),
            "name": about.title,
            "description": about.description,
            "inLanguage": visit.locale.tag(),
            "publisher": { "@id": site.absolute("/#organization") },
        }),
    ];
    graph.extend(about.facts.iter().cloned());
    let text = json!({ "@context": "https://schema.org", "@graph": graph }).to_string();
    // Inside a script element only `<` could end the block.
    html! { script type="application/ld+json" { (PreEscaped(text.replace('<', "\\u003c"))) } }
}

/// Offers the language that the browser would rather have, in that language.
fn suggestion(visit: &Visit, words: Words<'_>) -> Markup {
    html! {
        @if let Some(liked) = visit.suggestion {
            aside.suggest aria-label=(words.text("site-nav-language")) {
                a lang=(liked.tag()) dir=(liked.dir()) href=(choose(liked, &visit.place)) hreflang=(liked.tag()) { (liked.text("site-suggest")) }
            }
        }
    }
}

/// The address that remembers a language and leads to it.
fn choose(locale: Locale, place: &str) -> String {
    format!("{}?lang={}", address(locale, place), locale.tag())
}

fn header(site: &Site, visit: &Visit, words: Words<'_>) -> Markup {
    let link = |place: &str, label: String| {
        html! { li { a href=(visit.to(place)) aria-current=[(visit.place == place).then_some("page")] { (label) } } }
    };
    html! {
        header.top {
            a.brand href=(visit.to("/")) { (logo()) (site.name()) }
            // A popover: opens and closes without script. On a wide screen the sheet shows it always.
            nav.menu id="menu" popover aria-label=(words.text("site-nav-main")) {
                ul {
                    (link("/how-it-works", words.text("site-nav-how")))
                    (link("/pricing", words.text("site-nav-pricing")))
                    (link("/security", words.text("site-nav-security")))
                    li { a href="/signin" { (words.text("site-nav-sign-in")) } }
                }
            }
            a.btn.pri href=(visit.to("/book")) data-book { (words.text("site-book")) }
            button.btn.icon.opener type="button" popovertarget="menu" aria-label=(words.text("site-nav-menu")) { (icon(Icon::Menu)) }
        }
    }
}

fn footer(site: &Site, visit: &Visit, words: Words<'_>) -> Markup {
    let link = |place: &str, label: String| html! { li { a href=(visit.to(place)) { (label) } } };
    let config = site.config();
    html! {
        footer.foot {
            div.about {
                p.brand { (logo()) (site.name()) }
                p { (words.text("site-foot-line")) }
                @if let Some(email) = &config.email { p { a href={ "mailto:" (email) } { (email) } } }
                @if let Some(phone) = &config.phone { p { a href={ "tel:" (phone) } { bdi { (crate::format::phone(phone)) } } } }
            }
            nav aria-label=(words.text("site-nav-foot")) {
                ul {
                    (link("/how-it-works", words.text("site-nav-how")))
                    (link("/pricing", words.text("site-nav-pricing")))
                    (link("/security", words.text("site-nav-security")))
                    (link("/privacy", words.text("site-nav-privacy")))
                    (link("/terms", words.text("site-nav-terms")))
                    @if config.intercom_app_id.is_some() { (link("/chat", words.text("site-nav-chat"))) }
                }
            }
            nav aria-label=(words.text("site-nav-language")) {
                ul {
                    @for locale in Locale::ALL {
                        li {
                            a href=(choose(locale, &visit.place)) hreflang=(locale.tag()) lang=(locale.tag()) dir=(locale.dir())
                                aria-current=[(locale == visit.locale).then_some("true")] { (locale.native_name()) }
                        }
                    }
                }
            }
            (look(visit, words))
        }
    }
}

/// The look, by a form, so that it works without script.
fn look(visit: &Visit, words: Words<'_>) -> Markup {
    let entry = |theme: Theme, sign: Icon, label: String| {
        html! {
            button.btn.quiet type="submit" name="theme" value=(theme.as_str()) aria-pressed=(if visit.theme == theme { "true" } else { "false" }) {
                (icon(sign)) (label)
            }
        }
    };
    html! {
        form.look method="post" action="/theme" {
            fieldset {
                legend.vh { (words.text("site-look")) }
                (entry(Theme::System, Icon::Monitor, words.text("site-look-system")))
                (entry(Theme::Light, Icon::Sun, words.text("site-look-light")))
                (entry(Theme::Dark, Icon::Moon, words.text("site-look-dark")))
            }
        }
    }
}

//! The page around a page: head, sidebar, top bar, or the plain frame of a page with one form.

use maud::{DOCTYPE, Markup, html};

use super::{Icon, avatar, dialog, icon, icon_link, logo, setting_form};
use crate::assets;
use crate::frame::{Chrome, Frame, Line, Theme};

/// Which entry of the sidebar a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nav {
    /// What is going on.
    Today,
    /// Calls in progress.
    Live,
    /// All calls.
    Calls,
    /// People.
    Team,
    /// Keys of programs.
    ApiKeys,
    /// Providers.
    Connections,
    /// How long calls are kept.
    Retention,
    /// Mails.
    Mail,
    /// What is used up.
    Limits,
    /// How the installation stands.
    Status,
    /// Demos of the operator.
    Bookings,
    /// Whether every call is accounted for.
    Accounting,
    /// Work that happens later.
    Jobs,
    /// Events without an organization.
    Quarantine,
    /// None of them.
    Elsewhere,
}

/// What stands in `<head>` on every page.
pub fn head(title: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="robots" content="noindex";
        title { (title) " · Voxanne" }
        link rel="preload" href=(assets::INTER_WOFF2.url) as="font" type="font/woff2" crossorigin;
        link rel="stylesheet" href=(assets::APP_CSS.url);
        link rel="icon" href=(assets::FAVICON_SVG.url) type="image/svg+xml";
    }
}

/// The document: language, direction and look are the server's to know, so nothing flashes.
pub fn document(frame: &Frame, head: &Markup, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(frame.lang) dir=(frame.dir) data-theme=[frame.theme.attribute()] {
            head { (head) }
            (body)
        }
    }
}

fn simulated(frame: &Frame) -> Markup {
    html! { @if frame.simulated { p.demo { (frame.locale().text("account-demonstration")) } } }
}

/// A page of one thing, for people who are not signed in.
pub fn solo(frame: &Frame, title: &str, content: &Markup) -> Markup {
    document(
        frame,
        &head(title),
        &html! {
            body {
                a.skip href="#main" { (frame.locale().text("account-skip")) }
                div.solo {
                    header {
                        (simulated(frame))
                        a.brand href="/" { (logo()) "Voxanne" }
                    }
                    main id="main" tabindex="-1" { (content) }
                }
            }
        },
    )
}

/// Configuration of htmx. No history of its own: lists live in the query string and the browser's history does.
/// Nothing is put on the page from an error answer, and an open `<details>` stays open when its surroundings change.
const HTMX: &str = r#"{"extensions":"hx-csp","history":false,"includeIndicatorCSS":false,"noSwap":[204,304,"4xx","5xx"],"morphIgnore":["data-htmx-powered","open"]}"#;

/// A page of the signed-in app.
pub fn shell(chrome: &Chrome, current: Nav, title: &str, content: &Markup) -> Markup {
    let frame = &chrome.frame;
    document(
        frame,
        &html! {
            (head(title))
            meta name="htmx-config" content=(HTMX);
            script src=(assets::HTMX_JS.url) nonce=(frame.nonce.as_str()) defer {}
            script src=(assets::APP_JS.url) type="module" {}
            script src=(assets::LIVE_JS.url) type="module" {}
            link rel="modulepreload" href=(assets::TIME_JS.url);
        },
        &html! {
            body data-keys=(if chrome.shortcuts { "on" } else { "off" }) {
                a.skip href="#main" { "Skip to content" }
                div.shell {
                    (sidebar(chrome, current))
                    div {
                        (top_bar(chrome))
                        main id="main" tabindex="-1" { (content) }
                    }
                }
                div.toasts role="status" {
                    @if let Some(toast) = &chrome.toast { (toast_box(&toast.text, false)) }
                }
                template id="toast" { (toast_box("", true)) }
                (dialog("keys", "Keys", false, &keys()))
            }
        },
    )
}

fn toast_box(text: &str, blank: bool) -> Markup {
    html! {
        div.toast {
            span.grow { @if !blank { (text) } }
            button.btn type="button" data-dismiss hidden[!blank] { "Close" }
        }
    }
}

fn sidebar(chrome: &Chrome, current: Nav) -> Markup {
    html! {
        // A popover: opens, closes on Escape and on a press outside, without script. On a wide screen the sheet
        // shows it always.
        nav.side id="side" popover aria-label="Main" {
            a.brand href="/app" { (logo()) "Voxanne" }
            (organization(chrome))
            div.nav {
                ul {
                    (entry(current == Nav::Today, "/app", Icon::House, "Today"))
                    li {
                        a href="/app/live" aria-current=[(current == Nav::Live).then_some("page")] {
                            (icon(Icon::Radio)) "Live calls" (live_count(chrome))
                        }
                    }
                    (entry(current == Nav::Calls, "/app/calls", Icon::Phone, "Calls"))
                }
                @if chrome.manages {
                    h2 { "Workspace" }
                    ul {
                        (entry(current == Nav::Team, "/app/settings/team", Icon::Users, "Team"))
                        (entry(current == Nav::ApiKeys, "/app/settings/api-keys", Icon::KeyRound, "API keys"))
                        (entry(current == Nav::Connections, "/app/settings/connections", Icon::Plug, "Connections"))
                        (entry(current == Nav::Retention, "/app/settings/retention", Icon::Archive, "Retention"))
                    }
                }
                @if chrome.operates {
                    h2 { "Operator" }
                    ul {
                        (entry(current == Nav::Bookings, "/app/operator/bookings", Icon::CalendarClock, "Bookings"))
                        (entry(current == Nav::Mail, "/app/operator/mail", Icon::Mail, "E-mail"))
                        (entry(current == Nav::Limits, "/app/operator/limits", Icon::Gauge, "Limits"))
                        (entry(current == Nav::Accounting, "/app/operator/accounting", Icon::Activity, "Accounting"))
                        (entry(current == Nav::Status, "/app/operator/status", Icon::CircleAlert, "Status"))
                        (entry(current == Nav::Jobs, "/app/operator/jobs", Icon::ListChecks, "Jobs"))
                        (entry(current == Nav::Quarantine, "/app/operator/quarantine", Icon::Inbox, "Quarantine"))
                    }
                }
            }
            footer {
                div.row {
                    a.me href="/app/settings/profile" {
                        (avatar(&chrome.person_name))
                        span.clip { span.vh { "Profile: " } (chrome.person_email) }
                    }
                }
                div.row {
                    (theme_switch(&chrome.frame))
                    (setting_form(&chrome.frame, "/sign-out", "", &html! {
                        button.btn.quiet type="submit" { (icon(Icon::LogOut)) "Sign out" }
                    }))
                }
            }
        }
    }
}

fn entry(here: bool, href: &str, sign: Icon, label: &str) -> Markup {
    html! { li { a href=(href) aria-current=[here.then_some("page")] { (icon(sign)) (label) } } }
}

/// The number of live calls beside its entry; keeps itself right.
pub(crate) fn live_count(chrome: &Chrome) -> Markup {
    html! {
        span.n id="live-count" hx-get="/app/live?part=count" hx-trigger="vx:calls from:document" hx-swap="outerMorph"
            hx-nonce=(chrome.frame.nonce.as_str()) {
            @if chrome.live_calls > 0 { (chrome.live_calls) span.vh { " in progress" } }
        }
    }
}

fn organization(chrome: &Chrome) -> Markup {
    html! {
        @if chrome.others.is_empty() {
            div.org { span { span.clip { (chrome.organization.name) } } }
        } @else {
            details.org {
                summary { span.clip { span.vh { "Organization: " } (chrome.organization.name) } (icon(Icon::ChevronsUpDown)) }
                (setting_form(&chrome.frame, "/app/organization", "", &html! {
                    @for other in &chrome.others { button type="submit" name="organization" value=(other.id) { (other.name) } }
                }))
            }
        }
    }
}

/// Steps through the looks. The three steps all stand here and the sheet shows the one that fits, so that the module
/// can change the look without a round trip.
fn theme_switch(frame: &Frame) -> Markup {
    let step = |from: Theme, to: Theme, sign: Icon| {
        let label = format!("Look: {}. Change to {}", from.as_str(), to.as_str());
        html! {
            button class={ "btn quiet icon look " (from.as_str()) } type="submit" name="theme" value=(to.as_str())
                aria-label=(label) title=(label) { (icon(sign)) }
        }
    };
    setting_form(
        frame,
        "/theme",
        "",
        &html! {
            (step(Theme::System, Theme::Dark, Icon::Monitor))
            (step(Theme::Dark, Theme::Light, Icon::Moon))
            (step(Theme::Light, Theme::System, Icon::Sun))
        },
    )
}

fn top_bar(chrome: &Chrome) -> Markup {
    html! {
        header.bar {
            (simulated(&chrome.frame))
            div.top {
                button.btn.icon.only-s type="button" popovertarget="side" aria-label="Menu" { (icon(Icon::Menu)) }
                form.find method="get" action="/app/calls" role="search" {
                    label.vh for="find" { "Find a call" }
                    (icon(Icon::Search))
                    input id="find" name="q" type="search" placeholder="Find a call by number or words" autocomplete="off";
                    kbd aria-hidden="true" { "/" }
                }
                span.only-s { (icon_link("/app/calls", Icon::Search, "Find a call")) }
                (line_status(chrome))
            }
        }
    }
}

/// The state of the line in words. The live module writes over it while the connection is lost; the words come from
/// here, so that they can be translated.
fn line_status(chrome: &Chrome) -> Markup {
    let (class, words) = match chrome.line {
        Line::Answering => ("tag ok", "Answering calls"),
        Line::Waiting => ("tag", "No call yet"),
        Line::NotConnected => ("tag warn", "No provider connected"),
    };
    html! {
        vx-live src="/api/v1/live" since=(chrome.live_seq)
            data-live="Live" data-lost="Reconnecting, list may be old ({time})" data-lost-short="Reconnecting"
            data-full="Not live: too many open tabs" data-out="Signed out. Sign in again" {
            span class=(class) data-line { span.dot aria-hidden="true" {} (words) }
            span.tag.warn role="status" data-state hidden {}
            a.tag.bad href="/signin" data-sign-in hidden {}
        }
    }
}

/// The list that `?` opens.
fn keys() -> Markup {
    let row = |keys: &[&str], what: &str| {
        html! { dt { (what) } dd { @for (i, key) in keys.iter().enumerate() { @if i > 0 { " " } kbd { (key) } } } }
    };
    html! {
        dl.dl {
            (row(&["/"], "Find a call"))
            (row(&["f"], "Filters of a list, words of a call"))
            (row(&["g", "t"], "Go to Today"))
            (row(&["g", "l"], "Go to Live calls"))
            (row(&["g", "c"], "Go to Calls"))
            (row(&["j"], "Next row"))
            (row(&["k"], "Previous row"))
            (row(&["Enter"], "Open the row"))
            (row(&["Esc"], "Close a dialog"))
            (row(&["p"], "Play or pause the recording"))
            (row(&["[", "]"], "Slower, faster"))
            (row(&[",", "."], "Previous, next turn"))
            (row(&["?"], "This list"))
        }
        p.hint.sec { "Single keys can be turned off in " a href="/app/settings/profile" { "your profile" } "." }
    }
}

/// Links between pages that belong together; `here` is the one that is open.
pub fn tabs(label: &str, here: &str, links: &[(&str, &str)]) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for (href, name) in links { a href=(href) aria-current=[(*href == here).then_some("page")] { (name) } }
        }
    }
}

/// The heading of a page with what belongs beside it.
pub(crate) fn heading(title: &Markup, below: &Markup, actions: Option<&Markup>) -> Markup {
    html! {
        div.head {
            div.grow { h1 { (title) } p.muted { (below) } }
            @if let Some(actions) = actions { div.acts { (actions) } }
        }
    }
}

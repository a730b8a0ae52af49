//! How the installation stands, part by part, and the alerts that its operator was told of.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use crate::components::{
    Column, Icon, Look, Nav, Tone, banner, card, empty, error_summary, heading, moment, moment_ago, post_form, shell,
    submit, table, tabs, tag,
};
use crate::frame::Chrome;

/// Where the status is.
pub const STATUS: &str = "/app/operator/status";
/// Where the alerts are.
pub const ALERTS: &str = "/app/operator/alerts";

/// Where the backups are.
pub const BACKUPS: &str = "/app/operator/backups";

/// A word with its colour.
pub type Word = (&'static str, Tone);

/// A part of the installation.
#[derive(Clone, Debug)]
pub struct PartCard {
    /// Names it in the page.
    pub id: &'static str,
    /// Its name.
    pub title: &'static str,
    /// How it stands.
    pub word: Word,
    /// What it is judged by.
    pub signs: Vec<SignRow>,
}

/// A vital sign.
#[derive(Clone, Debug)]
pub struct SignRow {
    /// Its name.
    pub title: &'static str,
    /// How it stands.
    pub word: Word,
    /// What was found.
    pub words: String,
    /// What to do; empty when all is well.
    pub advice: &'static str,
}

/// What the page of the status shows.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// One sentence about all of it.
    pub summary: String,
    /// How all of it stands.
    pub tone: Tone,
    /// When the worker looked last.
    pub looked_at: Option<Timestamp>,
    /// The parts.
    pub parts: Vec<PartCard>,
}

/// An alert.
#[derive(Clone, Debug)]
pub struct AlertRow {
    /// Its id.
    pub id: Uuid,
    /// Its sign.
    pub title: &'static str,
    /// How bad it is.
    pub word: Word,
    /// What was found.
    pub words: String,
    /// What to do.
    pub advice: &'static str,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// Who has taken it on, and when.
    pub acknowledged: Option<(String, Timestamp)>,
    /// How often it was told, and when last.
    pub told: (u64, Timestamp),
    /// How its last notice to the webhook went.
    pub webhook: Option<Word>,
}

/// What the page of alerts shows.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    /// Those that are open, the worst first.
    pub open: Vec<AlertRow>,
    /// Those that are over, the newest first.
    pub over: Vec<AlertRow>,
    /// Whom they reach, in words.
    pub reaches: Vec<String>,
    /// What went wrong with an action.
    pub problem: Option<String>,
}

const OVER: [Column; 5] = [
    Column { title: "Alert", class: "" },
    Column { title: "What was found", class: "" },
    Column { title: "Opened", class: "" },
    Column { title: "Over", class: "" },
    Column { title: "Taken on by", class: "hide-s" },
];

/// The page of the status.
pub fn status_page(chrome: &Chrome, view: &Status) -> Markup {
    let below = html! {
        "Every part of this installation, looked at every minute"
        @if let Some(at) = view.looked_at { ", last " (moment_ago(at, chrome.frame.now, &chrome.zone)) }
        "."
    };
    shell(
        chrome,
        Nav::Status,
        "Status",
        &html! {
            (heading(&html! { "Status" }, &below, None))
            (sections(STATUS))
            div.stack {
                (banner(view.tone, &html! { p { (view.summary) } }))
                div.tiles { @for part in &view.parts { (part_card(part)) } }
                p.small.muted {
                    "Programs get the same from " code { "/ready" } ", and figures from " code { "/metrics" } "."
                }
            }
        },
    )
}

pub(super) fn sections(here: &str) -> Markup {
    tabs("Status", here, &[(STATUS, "Status"), (ALERTS, "Alerts"), (BACKUPS, "Backups")])
}

pub(super) fn part_card(part: &PartCard) -> Markup {
    card(
        part.id,
        &html! { (part.title) },
        Some(&tag(part.word.1, part.word.0)),
        &html! {
            div.body.stack-s {
                @for sign in &part.signs {
                    div {
                        p { strong { (sign.title) } " " span.muted { (sign.word.0) } }
                        p.small { (sign.words) }
                        @if !sign.advice.is_empty() { p.small { strong { "What helps: " } (with_code(sign.advice)) } }
                    }
                }
            }
        },
    )
}

/// The page of alerts.
pub fn alerts_page(chrome: &Chrome, view: &Alerts) -> Markup {
    let below = html! { "An alert is told once, again after one hour, six hours and then daily, and when it is over." };
    shell(
        chrome,
        Nav::Status,
        "Alerts",
        &html! {
            (heading(&html! { "Alerts" }, &below, None))
            (sections(ALERTS))
            div.stack {
                (error_summary(view.problem.as_deref()))
                (reaches(view))
                @if view.open.is_empty() {
                    section.card aria-label="Open alerts" {
                        (empty(Icon::Check, "Nothing is wrong", &html! { p { "Every sign that is watched is fine." } }))
                    }
                }
                @for alert in &view.open { (open(chrome, alert)) }
                @if !view.over.is_empty() {
                    section.card aria-label="Alerts that are over" {
                        header { h2 { "Over" } }
                        (table("Alerts that are over", "cards", &OVER, &html! { @for alert in &view.over { (over(chrome, alert)) } }))
                    }
                }
            }
        },
    )
}

fn reaches(view: &Alerts) -> Markup {
    html! {
        @if view.reaches.is_empty() {
            (banner(Tone::Warn, &html! {
                p {
                    "Alerts reach nobody: they are on this page alone. Set " code { "VOXANNE_ALERT_TO" } " or "
                    code { "VOXANNE_ALERT_WEBHOOK_URL" } "."
                }
            }))
        } @else {
            p.small.muted { "Alerts reach " (view.reaches.join(", ")) "." }
        }
    }
}

fn open(chrome: &Chrome, alert: &AlertRow) -> Markup {
    let id = format!("alert-{}", alert.id.simple());
    card(
        &id,
        &html! { (alert.title) },
        Some(&tag(alert.word.1, alert.word.0)),
        &html! {
            div.body.stack-s {
                p { (alert.words) }
                p { strong { "What helps: " } (with_code(alert.advice)) }
                p.small.muted {
                    "Open since " (moment(alert.opened_at, chrome.frame.now, &chrome.zone)) ", told "
                    (times(alert.told.0)) ", last " (moment(alert.told.1, chrome.frame.now, &chrome.zone)) "."
                    @if let Some((word, _)) = alert.webhook { " Webhook: " (word) "." }
                }
                @if let Some((who, at)) = &alert.acknowledged {
                    p.small { "Taken on by " strong { (who) } ", " (moment(*at, chrome.frame.now, &chrome.zone)) "." }
                } @else {
                    (post_form(&chrome.frame, "/app/operator/alerts/acknowledge", "", &html! {
                        input type="hidden" name="alert_id" value=(alert.id);
                        (submit(Look::Default, "Acknowledge"))
                        " " span.small.muted { "It tells again only when it gets worse, and when it is over." }
                    }))
                }
            }
        },
    )
}

fn over(chrome: &Chrome, alert: &AlertRow) -> Markup {
    html! {
        tr {
            td data-label="Alert" { (alert.title) " " (tag(alert.word.1, alert.word.0)) }
            td data-label="Found" { (alert.words) }
            td.nowrap data-label="Opened" { (moment(alert.opened_at, chrome.frame.now, &chrome.zone)) }
            td.nowrap data-label="Over" {
                @if let Some(at) = alert.resolved_at { (moment(at, chrome.frame.now, &chrome.zone)) }
            }
            td.hide-s data-label="Taken on" { @if let Some((who, _)) = &alert.acknowledged { (who) } @else { "Nobody" } }
        }
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

/// A text whose commands stand between backticks, as mails have them too.
fn with_code(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code.mono { (part) } } @else { (part) }
        }
    }
}

//! E-mail of the whole installation: the list, who is not written to, and what every text looks like.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use crate::components::{
    Choice, Column, Icon, Look, Nav, Tone, banner, card, confirm, empty, error_summary, filter_bar, heading, history,
    key_values, meter, moment, pager, post_form, row_link, select, shell, submit, table, tabs, tag,
};
use crate::components::{Field, Moment};
use crate::frame::Chrome;

/// Where the list is.
pub const LIST: &str = "/app/operator/mail";
/// Where the addresses are that are not written to.
pub const SUPPRESSIONS: &str = "/app/operator/mail/suppressions";
/// Where the events are that name no mail.
pub const STRAYS: &str = "/app/operator/mail/unmatched";
/// Where every text can be looked at.
pub const PREVIEWS: &str = "/app/operator/mail/previews";

/// What became of a mail, in words that promise nothing.
#[derive(Clone, Debug)]
pub struct Fate {
    /// One to three words.
    pub label: &'static str,
    /// Their colour.
    pub tone: Tone,
    /// One or two sentences: what is known, and what is not.
    pub meaning: String,
}

/// A mail in the list.
#[derive(Clone, Debug)]
pub struct MailRow {
    /// The mail.
    pub id: Uuid,
    /// When it was written.
    pub created_at: Timestamp,
    /// Whom it is for.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Which text.
    pub template: String,
    /// Its state.
    pub label: &'static str,
    /// The state's colour.
    pub tone: Tone,
    /// Until when it waits.
    pub waits_until: Option<Timestamp>,
}

/// What the filters hold, as typed.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Part of an address.
    pub to: String,
    /// A state; empty for any.
    pub state: String,
    /// A template; empty for any.
    pub template: String,
}

impl Filters {
    fn any(&self) -> bool {
        [&self.to, &self.state, &self.template].iter().any(|value| !value.is_empty())
    }
}

/// How the relay does.
#[derive(Clone, Debug, Default)]
pub enum Relay {
    /// None is configured: mails are kept and shown here.
    #[default]
    None,
    /// It takes mails.
    Ready {
        /// Its host.
        host: String,
        /// Whether it tells what becomes of them.
        tells: bool,
    },
    /// It failed and is left alone for a while.
    Paused {
        /// Its host.
        host: String,
        /// Until when.
        until: Option<Timestamp>,
        /// What was wrong.
        fault: String,
    },
}

/// What was used of the daily budget.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// Recipients in the last 24 hours.
    pub used: u32,
    /// How many there may be.
    pub limit: u32,
    /// Mails that wait.
    pub waiting: u64,
    /// When there is room again; none when there is now.
    pub room_at: Option<Timestamp>,
}

/// What the list shows.
#[derive(Clone, Debug, Default)]
pub struct Mails {
    /// The filters.
    pub filters: Filters,
    /// The states to choose from: value and word.
    pub states: Vec<(&'static str, &'static str)>,
    /// The templates to choose from.
    pub templates: Vec<String>,
    /// What is wrong with the filters.
    pub problem: Option<String>,
    /// How the relay does.
    pub relay: Relay,
    /// What was used.
    pub budget: Budget,
    /// Events that name no mail of ours.
    pub strays: u64,
    /// The rows of this page.
    pub rows: Vec<MailRow>,
    /// Address of this list with its filters, from the newest on.
    pub newest: String,
    /// Whether this is a later page.
    pub paged: bool,
    /// Address of the page of older mails.
    pub older: Option<String>,
}

/// The list.
pub fn page(chrome: &Chrome, view: &Mails) -> Markup {
    shell(chrome, Nav::Mail, "E-mail", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Mails) -> Markup {
    html! {
        (heading(&html! { "E-mail" }, &html! { "Every mail of this installation, newest first." }, None))
        (sections(LIST))
        div.stack {
            (relay(chrome, &view.relay))
            (budget(chrome, view))
            section.card aria-label="Mails" {
                (filters(view))
                (error_summary(view.problem.as_deref()))
                @if view.rows.is_empty() && view.filters.any() {
                    (empty(Icon::Search, "No mail matches", &html! {
                        p { "Change a filter, or look at all of them." }
                        div.acts { a.btn href=(LIST) { "Clear the filters" } }
                    }))
                } @else if view.rows.is_empty() {
                    (empty(Icon::Mail, "Nothing sent yet", &html! {
                        p { "When somebody books a demonstration or is invited, the mail appears here with what became of it." }
                    }))
                } @else {
                    (table("Mails", "", &COLUMNS, &html! { @for row in &view.rows { (mail_row(chrome, row)) } }))
                    (pager(view.paged.then_some(view.newest.as_str()), view.older.as_deref()))
                }
            }
        }
    }
}

fn sections(here: &str) -> Markup {
    tabs(
        "E-mail",
        here,
        &[(LIST, "Mails"), (SUPPRESSIONS, "Suppressions"), (STRAYS, "Unmatched"), (PREVIEWS, "Previews")],
    )
}

fn relay(chrome: &Chrome, relay: &Relay) -> Markup {
    html! {
        @match relay {
            Relay::None => (banner(Tone::Info, &html! {
                p { strong { "No relay is configured." } " Mails are kept and can be read here; none leaves. Set " code { "VOXANNE_SMTP_URL" } " to send them." }
            })),
            Relay::Paused { host, until, fault } => (banner(Tone::Bad, &html! {
                p {
                    strong { "The relay " (host) " fails." } " Mails wait"
                    @if let Some(until) = until { "; the next try is at " (moment(*until, chrome.frame.now, &chrome.zone)) }
                    "."
                }
                p.small { (fault) }
            })),
            Relay::Ready { tells: true, .. } => {},
            Relay::Ready { host, tells: false } => (banner(Tone::Info, &html! {
                p { strong { (host) " does not tell what becomes of mails." } " They end as “accepted by relay” here. With SendGrid, Postmark, Mailgun or Amazon SES, set up its event webhook to learn more." }
            })),
        }
    }
}

fn budget(chrome: &Chrome, view: &Mails) -> Markup {
    let used = &view.budget;
    html! {
        section.card aria-labelledby="budget" {
            header { h2 id="budget" { "Daily budget" } }
            div.body.stack-s {
                (meter("budget", f64::from(used.used), f64::from(used.limit)))
                p {
                    span.num { (used.used) " of " (used.limit) } " recipients used in the last 24 hours."
                    @match (used.waiting, used.room_at) {
                        (0, _) => {},
                        (waiting, None) => { " " (mails(waiting)) },
                        (waiting, Some(at)) => { " " (mails(waiting)) " There is room again at " (moment(at, chrome.frame.now, &chrome.zone)) "." },
                    }
                }
                @if view.strays > 0 {
                    p.small.muted {
                        (view.strays) @if view.strays == 1 { " event names" } @else { " events name" }
                        " no mail that is known here, or could not be read. " a href=(STRAYS) { "Look at them" }
                    }
                }
            }
        }
    }
}

fn mails(waiting: u64) -> String {
    if waiting == 1 { "One mail waits.".to_owned() } else { format!("{waiting} mails wait.") }
}

fn filters(view: &Mails) -> Markup {
    let chosen = &view.filters;
    let any = Choice { value: "", label: "Any" };
    let states: Vec<Choice<'_>> =
        std::iter::once(any).chain(view.states.iter().map(|(value, label)| Choice { value, label })).collect();
    let templates: Vec<Choice<'_>> =
        std::iter::once(any).chain(view.templates.iter().map(|name| Choice { value: name, label: name })).collect();
    filter_bar(
        LIST,
        chosen.any().then_some(LIST),
        &html! {
            div.field {
                label for="to" { "Address" }
                input.in id="to" name="to" type="search" value=(chosen.to) data-filters;
            }
            (select("state", "state", "State", &states, &chosen.state, false))
            (select("template", "template", "Text", &templates, &chosen.template, false))
        },
    )
}

/// An address that breaks before its @ where it must.
fn address(text: &str) -> Markup {
    html! {
        @match text.rsplit_once('@') {
            Some((name, host)) => { (name) wbr; "@" (host) },
            None => (text),
        }
    }
}

const COLUMNS: [Column; 4] = [
    Column { title: "When", class: "" },
    Column { title: "To", class: "" },
    Column { title: "Subject", class: "hide-s" },
    Column { title: "State", class: "" },
];

fn mail_row(chrome: &Chrome, row: &MailRow) -> Markup {
    html! {
        tr id={ "mail-" (row.id) } {
            td.nowrap { (moment(row.created_at, chrome.frame.now, &chrome.zone)) }
            td { (row_link(&format!("{LIST}/{}", row.id), &address(&row.to))) }
            td.summary.hide-s { span { (row.subject) } code.mono.small.muted { (row.template) } }
            td {
                (tag(row.tone, row.label))
                @if let Some(until) = row.waits_until {
                    div.small.muted { "until " (moment(until, chrome.frame.now, &chrome.zone)) }
                }
            }
        }
    }
}

/// What a mail says, as far as it may be shown.
#[derive(Clone, Debug)]
pub enum Words {
    /// Its plain text; the HTML has an address of its own.
    Shown {
        /// The plain text.
        text: String,
        /// Address of the HTML, for a frame without rights.
        html: String,
    },
    /// It opens an account, and goes to somebody: nobody else reads it.
    Hidden,
    /// No longer kept.
    Forgotten,
}

/// One mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The mail.
    pub id: Uuid,
    /// Its subject.
    pub subject: String,
    /// Whom it is for, with the name.
    pub to: String,
    /// What became of it.
    pub fate: Fate,
    /// What happened, oldest first.
    pub history: Vec<Moment>,
    /// Facts in the order in which they are shown.
    pub facts: Vec<(&'static str, String)>,
    /// What it says.
    pub words: Words,
    /// Can be sent again.
    pub resendable: bool,
    /// Sending it again may bring it twice.
    pub may_arrive_twice: bool,
    /// Can be taken out of the queue.
    pub cancellable: bool,
    /// The mail that this one repeats.
    pub repeats: Option<Uuid>,
    /// What went wrong with an action.
    pub problem: Option<String>,
}

/// One mail's page.
pub fn mail_page(chrome: &Chrome, view: &Mail) -> Markup {
    shell(chrome, Nav::Mail, &view.subject, &one(chrome, view))
}

fn one(chrome: &Chrome, view: &Mail) -> Markup {
    let id = view.id.to_string();
    let hidden = [("mail_id", id.as_str())];
    let again = if view.may_arrive_twice {
        "The first one may have arrived: this can bring it twice."
    } else {
        "A new mail with the same words is put in the queue."
    };
    let actions = html! {
        @if view.resendable { (confirm(&chrome.frame, "Send again", again, "/app/operator/mail/resend", &hidden)) }
        @if view.cancellable { (confirm(&chrome.frame, "Do not send", "It leaves the queue and stays in this list.", "/app/operator/mail/cancel", &hidden)) }
    };
    let facts: Vec<(&str, Markup)> = view.facts.iter().map(|(name, value)| (*name, html! { (value) })).collect();
    html! {
        p.small { a href=(LIST) { "E-mail" } }
        (heading(&html! { (view.subject) (tag(view.fate.tone, view.fate.label)) }, &html! { "To " (view.to) }, Some(&actions)))
        div.stack {
            (error_summary(view.problem.as_deref()))
            div.cols {
                div.stack {
                    (card("happened", &html! { "What happened" }, None, &html! {
                        div.body.stack {
                            p { (view.fate.meaning) }
                            (history(&view.history, chrome.frame.now, &chrome.zone))
                        }
                    }))
                    (card("words", &html! { "What it says" }, None, &words(&view.words)))
                }
                (card("details", &html! { "Details" }, None, &html! {
                    div.body.stack {
                        (key_values(&facts))
                        @if let Some(first) = view.repeats { p { a href={ (LIST) "/" (first) } { "The mail that this one repeats" } } }
                    }
                }))
            }
        }
    }
}

fn words(words: &Words) -> Markup {
    html! {
        div.body.stack {
            @match words {
                Words::Shown { text, html } => {
                    // No right at all: no script, no form, no origin. Its own policy keeps it from loading anything.
                    iframe.paper src=(html) sandbox="" title="The mail as HTML" loading="lazy" {}
                    details.more { summary { "As plain text" } pre.words { (text) } }
                },
                Words::Hidden => p.muted { "This mail opens an account. Its words are for the recipient only." },
                Words::Forgotten => p.muted { "The words are no longer kept. What happened to the mail is." },
            }
        }
    }
}

/// An address that is not written to.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// The address.
    pub address: String,
    /// Why, in words.
    pub reason: &'static str,
    /// What it stops, in words.
    pub stops: &'static str,
    /// Who said so.
    pub source: String,
    /// What was said.
    pub words: String,
    /// The mail it came from.
    pub mail: Option<Uuid>,
    /// Since when.
    pub since: Timestamp,
}

/// What the page of suppressions shows.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    /// The addresses, in the order of the alphabet.
    pub rows: Vec<Suppressed>,
    /// Part of an address to look for.
    pub q: String,
    /// Whether this is a later page.
    pub paged: bool,
    /// Address of the page of older ones.
    pub older: Option<String>,
    /// What was typed as an address to add.
    pub address: String,
    /// What is wrong with it.
    pub address_error: Option<String>,
    /// What went wrong with another action.
    pub problem: Option<String>,
}

/// The page of suppressions.
pub fn suppressions_page(chrome: &Chrome, view: &Suppressions) -> Markup {
    shell(chrome, Nav::Mail, "Suppressions", &suppressions(chrome, view))
}

const SUPPRESSED: [Column; 4] = [
    Column { title: "Address", class: "" },
    Column { title: "Why", class: "" },
    Column { title: "Since", class: "" },
    Column { title: "Actions", class: "end" },
];

fn suppressions(chrome: &Chrome, view: &Suppressions) -> Markup {
    html! {
        (heading(&html! { "Suppressions" }, &html! { "Addresses that are not written to, for all organizations of this installation." }, None))
        (sections(SUPPRESSIONS))
        div.stack {
            (error_summary(view.problem.as_deref()))
            section.card aria-label="Suppressed addresses" {
                (filter_bar(SUPPRESSIONS, (!view.q.is_empty()).then_some(SUPPRESSIONS), &html! {
                    div.field {
                        label for="q" { "Address" }
                        input.in id="q" name="q" type="search" value=(view.q) data-filters;
                    }
                }))
                @if view.rows.is_empty() && !view.q.is_empty() {
                    (empty(Icon::Search, "No such address", &html! { p { "It is written to like any other." } }))
                } @else if view.rows.is_empty() {
                    (empty(Icon::Check, "Everybody is written to", &html! { p { "An address that does not exist, or whose owner calls a mail spam, appears here by itself." } }))
                } @else {
                    (table("Suppressed addresses", "cards", &SUPPRESSED, &html! { @for row in &view.rows { (suppressed(chrome, row)) } }))
                    (pager(view.paged.then_some(SUPPRESSIONS), view.older.as_deref()))
                }
            }
            (card("add", &html! { "Add an address" }, None, &html! {
                div.body {
                    (post_form(&chrome.frame, "/app/operator/mail/suppress", "stack narrow", &html! {
                        (Field { name: "address", label: "E-mail address", kind: "email", value: &view.address, autocomplete: "off", required: true,
                            hint: "No mail at all will be sent to it.", error: view.address_error.as_deref(), ..Field::default() }.render())
                        (submit(Look::Default, "Add"))
                    }))
                }
            }))
        }
    }
}

fn suppressed(chrome: &Chrome, row: &Suppressed) -> Markup {
    let hidden = [("address", row.address.as_str())];
    html! {
        tr {
            td data-label="Address" { strong { (address(&row.address)) } }
            td data-label="Why" {
                (row.reason) " " span.muted { "(" (row.source) ")" } div.small.muted { (row.stops) }
                @if !row.words.is_empty() { div.small.mono { (row.words) } }
                @if let Some(mail) = row.mail { div.small { a href={ (LIST) "/" (mail) } { "The mail" } } }
            }
            td.nowrap data-label="Since" { (moment(row.since, chrome.frame.now, &chrome.zone)) }
            td.end { (confirm(&chrome.frame, "Remove", "It will be written to again.", "/app/operator/mail/unsuppress", &hidden)) }
        }
    }
}

/// An event that names no mail of ours, or could not be read.
#[derive(Clone, Debug)]
pub struct StrayRow {
    /// When it came.
    pub received_at: Timestamp,
    /// Which provider told it.
    pub source: String,
    /// What it says happened; empty when it could not be read.
    pub kind: String,
    /// Why it is here, as a sentence.
    pub why: String,
    /// Whose mail it is about; empty when it does not say.
    pub recipient: String,
    /// The `Message-ID` it names, or the beginning of what could not be read; may be empty.
    pub detail: String,
}

/// What the page of events without a mail shows.
#[derive(Clone, Debug, Default)]
pub struct Strays {
    /// Newest first.
    pub rows: Vec<StrayRow>,
    /// Whether this is a later page.
    pub paged: bool,
    /// Address of the page of older ones.
    pub older: Option<String>,
}

/// The page of events without a mail.
pub fn strays_page(chrome: &Chrome, view: &Strays) -> Markup {
    shell(chrome, Nav::Mail, "Unmatched events", &strays(chrome, view))
}

const STRAY: [Column; 4] = [
    Column { title: "Came", class: "" },
    Column { title: "Event", class: "" },
    Column { title: "About", class: "" },
    Column { title: "Why it is here", class: "" },
];

fn strays(chrome: &Chrome, view: &Strays) -> Markup {
    html! {
        (heading(&html! { "Unmatched events" }, &html! { "What mail providers told that fits no mail of this installation. Kept for 90 days." }, None))
        (sections(STRAYS))
        section.card aria-label="Unmatched events" {
            @if view.rows.is_empty() {
                (empty(Icon::Check, "Every event found its mail", &html! { p { "Many of them here would mean that the provider’s account serves another program too." } }))
            } @else {
                (table("Unmatched events", "cards", &STRAY, &html! { @for row in &view.rows { (stray(chrome, row)) } }))
                (pager(view.paged.then_some(STRAYS), view.older.as_deref()))
            }
        }
    }
}

fn stray(chrome: &Chrome, row: &StrayRow) -> Markup {
    html! {
        tr {
            td.nowrap data-label="Came" { (moment(row.received_at, chrome.frame.now, &chrome.zone)) }
            td data-label="Event" { @if row.kind.is_empty() { span.muted { "Unreadable" } } @else { (row.kind) } " " span.muted { "(" (row.source) ")" } }
            td data-label="About" {
                @if row.recipient.is_empty() { span.muted { "Nobody named" } } @else { (address(&row.recipient)) }
                @if !row.detail.is_empty() { div.small.mono.muted { (address(&row.detail)) } }
            }
            td data-label="Why it is here" { (row.why) }
        }
    }
}

/// A text that can be looked at.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its name.
    pub template: &'static str,
    /// When it is sent.
    pub what: &'static str,
}

/// What the previews show.
#[derive(Clone, Debug, Default)]
pub struct Previews {
    /// Every text.
    pub samples: Vec<Sample>,
    /// The languages: tag and own name.
    pub languages: Vec<(&'static str, &'static str)>,
    /// The chosen text.
    pub template: String,
    /// The chosen language.
    pub language: String,
    /// The chosen text in the chosen language: subject, plain text, address of the HTML.
    pub shown: Option<(String, String, String)>,
}

/// The previews.
pub fn previews_page(chrome: &Chrome, view: &Previews) -> Markup {
    shell(chrome, Nav::Mail, "Previews", &previews(view))
}

fn previews(view: &Previews) -> Markup {
    let samples: Vec<Choice<'_>> =
        view.samples.iter().map(|sample| Choice { value: sample.template, label: sample.template }).collect();
    let languages: Vec<Choice<'_>> = view.languages.iter().map(|(value, label)| Choice { value, label }).collect();
    let what = view.samples.iter().find(|sample| sample.template == view.template).map(|sample| sample.what);
    html! {
        (heading(&html! { "Previews" }, &html! { "Each text with invented people, in each language. Nothing is sent." }, None))
        (sections(PREVIEWS))
        section.card aria-label="Preview" {
            @if view.samples.is_empty() {
                (empty(Icon::Mail, "No texts", &html! { p { "This build has no texts to show." } }))
            } @else {
                form.filters method="get" action=(PREVIEWS) {
                    (select("template", "template", "Text", &samples, &view.template, false))
                    (select("language", "language", "Language", &languages, &view.language, false))
                    div.acts { (submit(Look::Default, "Show")) }
                }
            }
            @if let Some((subject, text, html)) = &view.shown {
                div.body.stack.padded {
                    div {
                        h2 { bdi lang=(view.language) { (subject) } }
                        @if let Some(what) = what { p.muted { (what) } }
                    }
                    (words(&Words::Shown { text: text.clone(), html: html.clone() }))
                }
            }
        }
    }
}

//! Accounting: whether every call that the provider knows is known here, account by account.

use maud::{Markup, html};
use voice::reconcile::actions::Overview;
use voice::reconcile::{DifferenceRow, SilentRow, WindowRow};

use crate::components::{Column, Icon, Nav, Tone, card, empty, heading, moment, shell, table, tag};
use crate::format;
use crate::frame::Chrome;

const WINDOWS: [Column; 5] = [
    Column { title: "Account", class: "" },
    Column { title: "Calls changed between", class: "" },
    Column { title: "Accounted for", class: "" },
    Column { title: "Healed", class: "end" },
    Column { title: "State", class: "" },
];
const DIFFERENCES: [Column; 5] = [
    Column { title: "Found", class: "" },
    Column { title: "Account", class: "" },
    Column { title: "Call at the provider", class: "" },
    Column { title: "What", class: "" },
    Column { title: "State", class: "" },
];
const SILENT: [Column; 4] = [
    Column { title: "Asked", class: "" },
    Column { title: "Practice", class: "" },
    Column { title: "Call", class: "" },
    Column { title: "What became of it", class: "" },
];

/// The whole page.
pub fn page(chrome: &Chrome, view: &Overview) -> Markup {
    shell(chrome, Nav::Accounting, "Accounting", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Overview) -> Markup {
    let open = view.differences.iter().filter(|difference| !difference.healed).count();
    let unfinished = view.windows.iter().any(|window| window.problem.is_some());
    let summary = match (view.windows.is_empty(), open, unfinished) {
        (true, ..) => "No provider account has been asked yet: connections need a private key.",
        (_, 0, false) => "Every call that the providers know is known here.",
        (_, 0, true) => "An account could not be looked at to the end.",
        _ => "Some calls are not as the provider knows them.",
    };
    html! {
        (heading(&html! { "Accounting" }, &html! { (summary) }, None))
        div.stack {
            (card("windows", &html! { "Comparisons" }, None, &windows(chrome, &view.windows)))
            (card("differences", &html! { "Differences" }, None, &differences(chrome, &view.differences)))
            (card("silent", &html! { "Calls that fell silent" }, None, &silent(chrome, &view.silent)))
        }
    }
}

fn windows(chrome: &Chrome, windows: &[WindowRow]) -> Markup {
    if windows.is_empty() {
        return empty(
            Icon::Activity,
            "Nothing compared yet",
            &html! {
                p { "Every five minutes each account with a private key is asked for the calls that changed." }
            },
        );
    }
    let now = chrome.frame.now;
    table(
        "Comparisons",
        "cards",
        &WINDOWS,
        &html! {
            @for window in windows {
                tr {
                    td data-label="Account" {
                        (window.label.as_deref().unwrap_or("Platform-wide"))
                        div.small.muted { (window.org_name) @if window.asked_by == "command" { ", by command" } }
                    }
                    td data-label="Between" {
                        (moment(window.from, now, &chrome.zone)) " and " (moment(window.until, now, &chrome.zone))
                    }
                    td.nowrap data-label="Accounted" { span.num { (number(window.agreed + window.healed)) " of " (number(window.calls)) } }
                    td.end.num data-label="Healed" { (number(window.healed)) }
                    td data-label="State" { (state(window)) }
                }
            }
        },
    )
}

fn state(window: &WindowRow) -> Markup {
    html! {
        @if window.complete && window.agreed + window.healed == window.calls {
            (tag(Tone::Ok, "Complete"))
        } @else if window.complete {
            (tag(Tone::Warn, "Calls are open"))
        } @else if let Some(problem) = &window.problem {
            (tag(Tone::Bad, "Stopped")) div.small { (format::sentence(problem)) }
        } @else {
            (tag(Tone::Info, "Going on"))
        }
    }
}

fn differences(chrome: &Chrome, differences: &[DifferenceRow]) -> Markup {
    if differences.is_empty() {
        return empty(Icon::Check, "No difference", &html! { p { "Whatever was compared agreed." } });
    }
    table(
        "Differences",
        "cards",
        &DIFFERENCES,
        &html! {
            @for difference in differences {
                tr {
                    td.nowrap data-label="Found" { (moment(difference.found_at, chrome.frame.now, &chrome.zone)) }
                    td data-label="Account" { (difference.org_name) }
                    td data-label="Call" { code.mono.small { (difference.provider_call_id) } }
                    td data-label="What" { (format::sentence(difference.kind.words())) }
                    td data-label="State" {
                        @if difference.healed { (tag(Tone::Ok, "Healed")) } @else { (tag(Tone::Warn, "Open")) }
                    }
                }
            }
        },
    )
}

fn silent(chrome: &Chrome, silent: &[SilentRow]) -> Markup {
    if silent.is_empty() {
        return empty(
            Icon::Phone,
            "No call fell silent",
            &html! { p { "Every call so far was heard of until its end." } },
        );
    }
    table(
        "Calls that fell silent",
        "cards",
        &SILENT,
        &html! {
            @for call in silent {
                tr {
                    td.nowrap data-label="Asked" { (moment(call.asked_at, chrome.frame.now, &chrome.zone)) }
                    td data-label="Practice" { (call.org_name) }
                    td data-label="Call" { code.mono.small { (call.call_id) } }
                    td data-label="Became" { (answer(&call.answer)) }
                }
            }
        },
    )
}

fn answer(word: &str) -> Markup {
    match word {
        "goes_on" => tag(Tone::Ok, "Goes on, says the provider"),
        "ended_there" => tag(Tone::Ok, "The provider knew its end"),
        "closed" => tag(Tone::Warn, "Closed: nobody knows its end"),
        _ => tag(Tone::Bad, "The provider did not answer"),
    }
}

fn number(count: i64) -> String {
    format::count(count.unsigned_abs())
}

//! Small pieces of detail: times, code to copy, lists of facts, people.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::copy_button;
use crate::format;

/// A moment on the organization's clock, in full on hover.
pub fn moment(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Markup {
    html! { time datetime=(at) title=(format::in_full(at, zone)) { (format::when(at, now, zone)) } }
}

/// A moment that the browser turns into "3 minutes ago" and keeps right.
pub fn moment_ago(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Markup {
    html! { time datetime=(at) title=(format::in_full(at, zone)) data-ago { (format::when(at, now, zone)) } }
}

/// Something to copy exactly, on one line.
pub fn code(id: &str, text: &str, what: &str) -> Markup {
    html! { div.code { code id=(id) { (text) } (copy_button(id, what)) } }
}

/// Something to copy exactly, on several lines.
pub fn code_lines(id: &str, text: &str, what: &str) -> Markup {
    html! { div.code { code.lines id=(id) { (text) } (copy_button(id, what)) } }
}

/// Facts with their names.
pub fn key_values(pairs: &[(&str, Markup)]) -> Markup {
    html! { dl.dl { @for (name, value) in pairs { dt { (name) } dd { (value) } } } }
}

/// A person's initials; their name stands beside it.
pub fn avatar(name: &str) -> Markup {
    html! { span.avatar aria-hidden="true" { (format::initials(name)) } }
}

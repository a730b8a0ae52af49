//! Boxes of content, and the part of a page that keeps itself up to date.

use maud::{Markup, html};

use crate::security::Nonce;

/// A titled box. `aside` stands at the end of its header.
pub fn card(id: &str, title: &Markup, aside: Option<&Markup>, body: &Markup) -> Markup {
    html! {
        section.card aria-labelledby=(id) {
            header { h2 id=(id) { (title) } @if let Some(aside) = aside { (aside) } }
            (body)
        }
    }
}

/// A figure with its name.
#[derive(Clone, Debug)]
pub struct Stat {
    /// What it counts.
    pub label: String,
    /// The figure, formatted.
    pub value: String,
    /// What to compare it with.
    pub note: String,
}

/// Figures in a row; four read best.
pub fn stat_row(stats: &[Stat]) -> Markup {
    html! {
        dl.nums {
            @for stat in stats {
                div {
                    dt { (stat.label) }
                    dd { (stat.value) @if !stat.note.is_empty() { " " small { (stat.note) } } }
                }
            }
        }
    }
}

/// How much of a limit is used, as a bar named by the element `label`. Green until four fifths, then amber, and red when
/// next to nothing is left.
pub fn meter(label: &str, used: f64, limit: f64) -> Markup {
    html! {
        meter aria-labelledby=(label) min="0" max=(limit) low=(limit * 0.8) high=(limit * 0.999) optimum="0" value=(used.min(limit)) {}
    }
}

/// A part that fetches itself again on events of the live module, and changes in place.
///
/// `call` limits it to the events of one call; otherwise any change of any call counts.
pub fn live_region(nonce: &Nonce, id: &str, url: &str, call: Option<&str>, content: &Markup) -> Markup {
    let trigger = if call.is_some() { "vx:call" } else { "vx:calls from:document" };
    html! {
        div.region id=(id) data-call=[call] hx-get=(url) hx-trigger=(trigger) hx-swap="innerMorph" hx-nonce=(nonce.as_str()) {
            (content)
        }
    }
}

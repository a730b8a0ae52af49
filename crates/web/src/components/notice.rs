//! Things said to the reader: banners, empty places, problems.

use maud::{Markup, html};

use super::{Icon, Tone, icon};

/// A line across the content that stays.
pub fn banner(tone: Tone, body: &Markup) -> Markup {
    let sign = match tone {
        Tone::Ok => Icon::Check,
        Tone::Warn | Tone::Bad => Icon::CircleAlert,
        Tone::Info | Tone::Neutral => Icon::Info,
    };
    html! {
        div class={ "banner " (tone.class()) } role=[(tone == Tone::Bad).then_some("alert")] {
            (icon(sign))
            div.grow { (body) }
        }
    }
}

/// What stands where a list would be; says what to do next.
pub fn empty(sign: Icon, title: &str, body: &Markup) -> Markup {
    html! { div.empty { (icon(sign)) p.title { (title) } (body) } }
}

/// The problem with a whole form, above it.
pub fn error_summary(problem: Option<&str>) -> Markup {
    html! { @if let Some(text) = problem { (banner(Tone::Bad, &html! { p { (text) } })) } }
}

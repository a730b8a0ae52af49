//! Limits: what the installation uses of what it may use, and what helps when that is not enough.

use maud::{Markup, html};

use crate::components::{Nav, Tone, card, heading, meter, shell, tag};
use crate::frame::Chrome;

/// Something that is used up.
#[derive(Clone, Debug)]
pub struct Quota {
    /// Names it in the page.
    pub id: &'static str,
    /// What is used.
    pub title: &'static str,
    /// How much, formatted.
    pub used: String,
    /// Of how much, formatted; none when nobody set a limit.
    pub limit: Option<String>,
    /// Used and limit in one unit, for the bar.
    pub share: Option<(f64, f64)>,
    /// The setting of the limit.
    pub variable: &'static str,
    /// What is counted, in one sentence.
    pub counts: String,
    /// What to do when it is not enough.
    pub upgrade: &'static str,
}

impl Quota {
    /// Percent of the limit, rounded down: 100 is said only when it is reached.
    fn percent(&self) -> Option<u64> {
        let (used, limit) = self.share?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped on the same line")]
        (limit > 0.0).then(|| (used / limit * 100.0).clamp(0.0, 999_999.0) as u64)
    }
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Everything that is used up.
    pub quotas: Vec<Quota>,
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Limits) -> Markup {
    shell(chrome, Nav::Limits, "Limits", &content(view))
}

fn content(view: &Limits) -> Markup {
    html! {
        (heading(&html! { "Limits" }, &html! { (summary(view)) }, None))
        div.tiles { @for quota in &view.quotas { (one(quota)) } }
    }
}

fn summary(view: &Limits) -> String {
    let over = view.quotas.iter().filter(|quota| quota.percent().is_some_and(|percent| percent >= 100)).count();
    let near =
        view.quotas.iter().filter(|quota| quota.percent().is_some_and(|percent| (80..100).contains(&percent))).count();
    match (over, near) {
        (0, 0) => "Nothing is near its limit.".to_owned(),
        (0, 1) => "One thing is near its limit.".to_owned(),
        (0, near) => format!("{near} things are near their limits."),
        (1, _) => "One thing has reached its limit.".to_owned(),
        (over, _) => format!("{over} things have reached their limits."),
    }
}

fn one(quota: &Quota) -> Markup {
    let percent = quota.percent();
    let mark = match percent {
        None => tag(Tone::Neutral, "No limit set"),
        Some(percent @ 0..80) => tag(Tone::Ok, &format!("{percent} %")),
        Some(percent @ 80..100) => tag(Tone::Warn, &format!("{percent} %, near the limit")),
        Some(percent) => tag(Tone::Bad, &format!("{percent} %, limit reached")),
    };
    card(
        quota.id,
        &html! { (quota.title) },
        Some(&mark),
        &html! {
            div.body.stack-s {
                p.figure { strong.num { (quota.used) } @if let Some(limit) = &quota.limit { " " span.muted { "of " (limit) } } }
                @if let Some((used, limit)) = quota.share { (meter(quota.id, used, limit)) }
                p.small.muted { (quota.counts) }
                @if percent.is_some_and(|percent| percent >= 80) {
                    p { strong { "What helps: " } (quota.upgrade) }
                } @else {
                    details.more { summary { "When it is not enough" } p { (quota.upgrade) } }
                }
                p.small.muted { "Limit: " code { (quota.variable) } }
            }
        },
    )
}

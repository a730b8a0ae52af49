//! How long the content of calls is kept: what is in force, and what another setting would delete, before it does.

use maud::{Markup, html};

use crate::components::{
    Field, Icon, Look, Nav, Tone, banner, card, confirm, empty, error_summary, heading, key_values, post_form, shell,
    submit,
};
use crate::format;
use crate::frame::Chrome;

/// Days as they are typed: nothing is for ever.
#[derive(Clone, Debug, Default)]
pub struct Days {
    /// For the sound.
    pub recording: String,
    /// For everything.
    pub content: String,
    /// What is wrong with the first.
    pub recording_error: Option<String>,
    /// What is wrong with the second.
    pub content_error: Option<String>,
}

/// What a setting would delete now.
#[derive(Clone, Debug, Default)]
pub struct Preview {
    /// Shows, with the setting, that somebody saw this.
    pub confirmation: String,
    /// Recordings, those of the calls included.
    pub recordings: i64,
    /// Their bytes.
    pub bytes: u64,
    /// Calls.
    pub calls: i64,
    /// Calls that are kept by a hold.
    pub held: i64,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// Days that are in force; none is for ever.
    pub recording_days: Option<i32>,
    /// The same for all content.
    pub content_days: Option<i32>,
    /// What was typed.
    pub days: Days,
    /// What that would delete.
    pub preview: Option<Preview>,
    /// What is wrong with the whole.
    pub problem: Option<String>,
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Retention) -> Markup {
    shell(chrome, Nav::Retention, "Retention", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Retention) -> Markup {
    html! {
        (heading(&html! { "Retention" }, &html! { "How long the content of your calls is kept." }, None))
        div.stack {
            (error_summary(view.problem.as_deref()))
            (card("in-force", &html! { "In force" }, None, &html! {
                div.body.stack {
                    (key_values(&[
                        ("Recordings are kept", html! { (length(view.recording_days)) }),
                        ("Words, numbers and names are kept", html! { (length(view.content_days)) }),
                    ]))
                    p.hint {
                        "A call on legal hold is kept whatever the setting says. That there was a call, when, how long and what it \
                         cost is never deleted."
                    }
                }
            }))
            (card("change", &html! { "Change" }, None, &html! { div.body { (wish(view)) } }))
            @if let Some(preview) = &view.preview { (would(chrome, view, preview)) }
        }
    }
}

fn length(days: Option<i32>) -> String {
    match days {
        None => "For ever".to_owned(),
        Some(1) => "For 1 day".to_owned(),
        Some(days) => format!("For {days} days"),
    }
}

/// A GET form: looking at what would be deleted changes nothing.
fn wish(view: &Retention) -> Markup {
    let days = &view.days;
    html! {
        form.stack method="get" action="/app/settings/retention" {
            (Field { name: "recording_days", label: "Days until a recording is deleted", value: &days.recording, autocomplete: "off",
                hint: "Empty: for ever.", error: days.recording_error.as_deref(), ..Field::default() }.render())
            (Field { name: "content_days", label: "Days until words, numbers and names are deleted", value: &days.content,
                autocomplete: "off", hint: "Empty: for ever. Not less than the days of recordings.",
                error: days.content_error.as_deref(), ..Field::default() }.render())
            div.acts {
                button class=(Look::Primary.class()) type="submit" name="show" value="1" { "Show what would be deleted" }
            }
        }
    }
}

fn would(chrome: &Chrome, view: &Retention, preview: &Preview) -> Markup {
    let hidden = [
        ("recording_days", view.days.recording.as_str()),
        ("content_days", view.days.content.as_str()),
        ("confirmation", preview.confirmation.as_str()),
    ];
    let action = "/app/settings/retention";
    let keep = |days: &str| if days.is_empty() { "for ever".to_owned() } else { format!("for {days} days") };
    card(
        "would",
        &html! { "What would be deleted now" },
        None,
        &html! {
            div.body.stack {
                p { "Recordings kept " (keep(&view.days.recording)) ", words, numbers and names " (keep(&view.days.content)) "." }
                @if preview.recordings == 0 && preview.calls == 0 {
                    (empty(Icon::Archive, "Nothing yet", &html! { p { "No call is that old." } }))
                    (post_form(&chrome.frame, action, "acts", &html! {
                        @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
                        (submit(Look::Primary, "Put in force"))
                    }))
                } @else {
                    (key_values(&[
                        ("Recordings", html! { span.num { (preview.recordings) } ", " (format::bytes(preview.bytes)) }),
                        ("Calls whose words, numbers and names go", html! { span.num { (preview.calls) } }),
                        ("Old enough, and kept by a legal hold", html! { span.num { (preview.held) } }),
                    ]))
                    (banner(Tone::Warn, &html! { p { "They are deleted within the hour, and cannot be brought back." } }))
                    (confirm(&chrome.frame, "Put in force", "Delete them, and go on like this from now on?", action, &hidden))
                }
            }
        },
    )
}

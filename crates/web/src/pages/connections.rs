//! Connections: where the provider must send its events, and whether it does.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use crate::components::{
    Icon, Look, Nav, Tone, banner, code, code_lines, confirm, empty, error_summary, heading, icon, key_values, moment,
    moment_ago, post_form, shell, tag,
};
use crate::frame::Chrome;

/// A connection to a provider.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: Uuid,
    /// The provider's name, for example "Vapi".
    pub provider: String,
    /// How the provider proves itself, in words.
    pub verification: String,
    /// Where it must send its events.
    pub webhook_url: String,
    /// When the last event came.
    pub last_event_at: Option<Timestamp>,
    /// What it was.
    pub last_event_kind: Option<String>,
    /// Events of the last 24 hours.
    pub events_last_day: u64,
    /// A previous secret still works until then.
    pub old_secret_until: Option<Timestamp>,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    /// The connections.
    pub connections: Vec<Connection>,
    /// A secret just made, for which connection; shown this once.
    pub fresh_secret: Option<(Uuid, String)>,
    /// Result of a test event, for which connection: worked or not, in words.
    pub test: Option<(Uuid, bool, String)>,
    /// What went wrong with another action.
    pub problem: Option<String>,
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Connections) -> Markup {
    shell(chrome, Nav::Connections, "Connections", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Connections) -> Markup {
    let command =
        format!("voxanne admin connect-provider --org {} --provider vapi --secret-stdin", chrome.organization.id);
    html! {
        (heading(&html! { "Connections" }, &html! { "Where your voice provider sends what happens in calls." }, None))
        div.stack {
            (error_summary(view.problem.as_deref()))
            @if view.connections.is_empty() {
                section.card aria-label="Connections" {
                    (empty(Icon::Plug, "No provider connected", &html! {
                        p { "The operator of this installation connects one with:" }
                        (code_lines("connect", &command, "command"))
                    }))
                }
            }
            @for connection in &view.connections { (one(chrome, view, connection)) }
        }
    }
}

fn one(chrome: &Chrome, view: &Connections, connection: &Connection) -> Markup {
    let id = connection.id.to_string();
    let hidden = html! { input type="hidden" name="connection_id" value=(id); };
    let (tone, word) =
        if connection.last_event_at.is_some() { (Tone::Ok, "Receiving") } else { (Tone::Warn, "Nothing received yet") };
    let fresh = view.fresh_secret.as_ref().filter(|(of, _)| *of == connection.id);
    let test = view.test.as_ref().filter(|(of, _, _)| *of == connection.id);
    html! {
        // No landmark: two connections to one provider would be two landmarks of one name.
        div.card {
            header { h2 { (connection.provider) } (tag(tone, word)) }
            div.body.stack {
                @if let Some((_, secret)) = fresh {
                    (banner(Tone::Ok, &html! {
                        p { strong { "Enter this secret at " (connection.provider) " now." } " It is shown only this once." }
                        (code(&format!("secret-{id}"), secret, "secret"))
                    }))
                }
                @if let Some((_, worked, words)) = test {
                    (banner(if *worked { Tone::Ok } else { Tone::Bad }, &html! { p { (words) } }))
                }
                div {
                    p.label { "Webhook address" }
                    (code(&format!("webhook-{id}"), &connection.webhook_url, "address"))
                    p.hint { "Enter it as the server URL of your assistants or of the account, with the secret." }
                }
                (facts(chrome, connection))
                div.acts {
                    (post_form(&chrome.frame, "/app/settings/connections/test", "", &html! {
                        (hidden)
                        button class=(Look::Default.class()) type="submit" { (icon(Icon::Send)) "Send test event" }
                    }))
                    (confirm(&chrome.frame, "New secret", "The present secret works for one more day.",
                        "/app/settings/connections/rotate", &[("connection_id", &id)]))
                }
            }
        }
    }
}

fn facts(chrome: &Chrome, connection: &Connection) -> Markup {
    let ago = |at| moment_ago(at, chrome.frame.now, &chrome.zone);
    let last = html! {
        @match (connection.last_event_at, &connection.last_event_kind) {
            (Some(at), Some(kind)) => { (ago(at)) ", " code { (kind) } },
            (Some(at), None) => (ago(at)),
            (None, _) => "None yet",
        }
    };
    let mut pairs = vec![
        ("Last event", last),
        ("Events in 24 hours", html! { span.num { (connection.events_last_day) } }),
        ("Proof", html! { (connection.verification) }),
    ];
    if let Some(until) = connection.old_secret_until {
        pairs.push(("Previous secret works until", moment(until, chrome.frame.now, &chrome.zone)));
    }
    key_values(&pairs)
}

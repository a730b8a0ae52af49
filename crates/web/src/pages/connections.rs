//! Connections: where the provider must send its events, and whether it does.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use crate::components::{
    Field, Icon, Look, Nav, Tone, banner, code, confirm, dialog, empty, error_summary, heading, icon, key_values,
    moment_ago, opener, post_form, shell, submit, tag,
};
use crate::frame::Chrome;

/// A connection to a provider.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id.
    pub id: Uuid,
    /// The organization's name for it.
    pub label: String,
    /// How the provider proves itself, in words.
    pub verification: String,
    /// Where it must send its events.
    pub webhook_url: String,
    /// When the last event came.
    pub last_event_at: Option<Timestamp>,
    /// What it was.
    pub last_event_kind: Option<String>,
    /// Secrets that are valid now; more than one during a rotation.
    pub secrets: i64,
    /// We have its private key at the provider.
    pub has_key: bool,
    /// The built-in simulator's.
    pub simulated: bool,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    /// The connections.
    pub connections: Vec<Connection>,
    /// The dialog for a new one stands in the page.
    pub creating: bool,
    /// Name typed into it.
    pub label: String,
    /// What is wrong with the name.
    pub label_error: Option<String>,
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
    let open =
        opener(Look::Primary, "connect", "/app/settings/connections?connect=1", Some(Icon::Plus), "Connect Vapi");
    html! {
        (heading(&html! { "Connections" }, &html! { "Where your voice provider sends what happens in calls." }, Some(&open)))
        div.stack {
            (error_summary(view.problem.as_deref()))
            (create(chrome, view))
            @if view.connections.is_empty() {
                section.card aria-label="Connections" {
                    (empty(Icon::Plug, "No provider connected", &html! {
                        p { "Connect your account at the voice provider: you get an address and a secret to enter there." }
                    }))
                }
            }
            @for connection in &view.connections { (one(chrome, view, connection)) }
        }
    }
}

fn create(chrome: &Chrome, view: &Connections) -> Markup {
    dialog(
        "connect",
        "Connect Vapi",
        view.creating || view.label_error.is_some(),
        &post_form(
            &chrome.frame,
            "/app/settings/connections/create",
            "stack",
            &html! {
                (Field { name: "label", label: "Name", value: &view.label, autocomplete: "off", required: true,
                    hint: "For yourself, for example “Front desk line”.", error: view.label_error.as_deref(), ..Field::default() }.render())
                (submit(Look::Primary, "Connect"))
            },
        ),
    )
}

fn one(chrome: &Chrome, view: &Connections, connection: &Connection) -> Markup {
    let id = connection.id.to_string();
    let fresh = view.fresh_secret.as_ref().filter(|(of, _)| *of == connection.id);
    let test = view.test.as_ref().filter(|(of, _, _)| *of == connection.id);
    html! {
        // No landmark: two connections of one name would be two landmarks of one name.
        div.card {
            header {
                h2 { (connection.label) }
                span.inline {
                    @if connection.simulated { (tag(Tone::Warn, "Simulated")) }
                    @if connection.last_event_at.is_some() { (tag(Tone::Ok, "Receiving")) } @else { (tag(Tone::Warn, "Nothing received yet")) }
                }
            }
            div.body.stack {
                @if let Some((_, secret)) = fresh {
                    (banner(Tone::Ok, &html! {
                        p { strong { "Enter this secret at the provider now." } " It is shown only this once." }
                        (code(&format!("secret-{id}"), secret, "secret"))
                    }))
                }
                @if let Some((_, worked, words)) = test {
                    (banner(if *worked { Tone::Ok } else { Tone::Bad }, &html! { p { (words) } }))
                }
                div {
                    p.label { "Webhook address" }
                    (code(&format!("webhook-{id}"), &connection.webhook_url, "address"))
                    p.hint { "Enter it at Vapi as the server URL of your assistants or of the account, with the secret." }
                }
                (facts(chrome, connection))
                (key(chrome, connection))
                (actions(chrome, connection))
            }
        }
    }
}

fn actions(chrome: &Chrome, connection: &Connection) -> Markup {
    let id = connection.id.to_string();
    let hidden = [("connection_id", id.as_str())];
    html! {
        div.acts {
            (post_form(&chrome.frame, "/app/settings/connections/test", "", &html! {
                input type="hidden" name="connection_id" value=(id);
                button class=(Look::Default.class()) type="submit" { (icon(Icon::Send)) "Send test event" }
            }))
            (confirm(&chrome.frame, "New secret", "The present secret goes on working until you retire it.",
                "/app/settings/connections/rotate", &hidden))
            @if connection.secrets > 1 {
                (confirm(&chrome.frame, "Retire older secrets", "Only the newest secret works then.",
                    "/app/settings/connections/retire", &hidden))
            }
            (confirm(&chrome.frame, "Switch off", "Its events are refused from then on. Calls stay.",
                "/app/settings/connections/disable", &hidden))
        }
    }
}

/// The private key goes in and never comes out again.
fn key(chrome: &Chrome, connection: &Connection) -> Markup {
    let id = connection.id.to_string();
    let control = format!("key-{id}");
    html! {
        details.confirm {
            summary class=(Look::Quiet.class()) { @if connection.has_key { "Replace private key" } @else { "Add private key" } }
            (post_form(&chrome.frame, "/app/settings/connections/key", "stack", &html! {
                input type="hidden" name="connection_id" value=(id);
                div.field {
                    label for=(control) { "Private key at Vapi" }
                    input.in id=(control) name="api_key" type="password" autocomplete="off" required minlength="8" aria-describedby=(format!("{control}-hint"));
                    p.hint id=(format!("{control}-hint")) { "With it recordings are copied, and calls that we missed are asked for. It is kept sealed and never shown." }
                }
                (submit(Look::Primary, "Keep the key"))
            }))
        }
        @if connection.has_key {
            (confirm(&chrome.frame, "Remove private key", "Recordings and missed calls are asked for no more.",
                "/app/settings/connections/remove-key", &[("connection_id", id.as_str())]))
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
    let secrets = match connection.secrets {
        1 => html! { "One" },
        n => html! { span.num { (n) } ", the older ones until you retire them" },
    };
    let key = html! { @if connection.has_key { "Kept" } @else { "None: recordings are not copied" } };
    key_values(&[
        ("Last event", last),
        ("Proof", html! { (connection.verification) }),
        ("Secrets that work", secrets),
        ("Private key", key),
    ])
}

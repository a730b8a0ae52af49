//! API keys: for programs that read the calls.

use jiff::Timestamp;
use maud::{Markup, html};
use uuid::Uuid;

use crate::components::{
    Column, Field, Icon, Look, Nav, Tone, banner, checkbox, code, code_lines, confirm, dialog, empty, error_summary,
    heading, moment, moment_ago, opener, post_form, shell, submit, table,
};
use crate::frame::Chrome;

/// A key as it can be shown: never the key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub struct ApiKeys {
    /// The keys.
    pub keys: Vec<Key>,
    /// What a new one may be allowed: the word in the key, and what it means.
    pub scopes: Vec<(&'static str, &'static str)>,
    /// The dialog stands in the page.
    pub creating: bool,
    /// Name typed into it.
    pub name: String,
    /// What is wrong with it.
    pub name_error: Option<String>,
    /// A key just made; shown this once.
    pub fresh: Option<String>,
    /// Address of the API, for the example.
    pub api_base: String,
    /// What went wrong with another action.
    pub problem: Option<String>,
}

const COLUMNS: [Column; 5] = [
    Column { title: "Name", class: "" },
    Column { title: "Starts with", class: "" },
    Column { title: "May", class: "" },
    Column { title: "Last used", class: "" },
    Column { title: "Actions", class: "end" },
];

/// The whole page.
pub fn page(chrome: &Chrome, view: &ApiKeys) -> Markup {
    shell(chrome, Nav::ApiKeys, "API keys", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &ApiKeys) -> Markup {
    let example = format!("curl -H \"Authorization: Bearer $VOXANNE_KEY\" {}/api/v1/calls", view.api_base);
    html! {
        (heading(&html! { "API keys" }, &html! { "For programs that work with the calls of " (chrome.organization.name) "." },
            Some(&opener(Look::Primary, "create-key", "/app/settings/api-keys?create=1", Some(Icon::Plus), "New key"))))
        div.stack {
            (error_summary(view.problem.as_deref()))
            @if let Some(key) = &view.fresh {
                (banner(Tone::Ok, &html! {
                    p { strong { "Copy the key now." } " It is shown only this once; we keep a digest of it." }
                    (code("fresh-key", key, "key"))
                }))
            }
            (create(chrome, view))
            section.card aria-label="Keys" {
                @if view.keys.is_empty() {
                    (empty(Icon::KeyRound, "No keys yet", &html! { p { "Make one for each program, so that each can be taken back alone." } }))
                } @else {
                    (table("API keys", "cards", &COLUMNS, &html! { @for key in &view.keys { (row(chrome, key)) } }))
                }
            }
            section.card aria-labelledby="example" {
                header { h2 id="example" { "Try it" } }
                div.body.stack {
                    (code_lines("curl", &example, "example"))
                    p { a href="/api/docs" { "Everything that the API can do" } }
                }
            }
        }
    }
}

fn create(chrome: &Chrome, view: &ApiKeys) -> Markup {
    dialog(
        "create-key",
        "New key",
        view.creating || view.name_error.is_some(),
        &post_form(
            &chrome.frame,
            "/app/settings/api-keys/create",
            "stack",
            &html! {
                (Field { name: "name", label: "What is it for?", value: &view.name, autocomplete: "off", required: true,
                    error: view.name_error.as_deref(), ..Field::default() }.render())
                fieldset {
                    legend.label { "It may" }
                    @for (index, (name, meaning)) in view.scopes.iter().enumerate() {
                        (checkbox(&format!("scope-{index}"), "scope", name, name, meaning, index == 0))
                    }
                }
                (submit(Look::Primary, "Make the key"))
            },
        ),
    )
}

fn row(chrome: &Chrome, key: &Key) -> Markup {
    html! {
        tr {
            th scope="row" { span.who { (key.name) } br; span.small.muted { "Made " (moment(key.created_at, chrome.frame.now, &chrome.zone)) } }
            td data-label="Starts with" { code.mono.small { (key.prefix) "…" } }
            td data-label="May" { span.small { (key.scopes.join(", ")) } }
            td data-label="Last used" {
                @if let Some(at) = key.last_used_at { (moment_ago(at, chrome.frame.now, &chrome.zone)) } @else { span.muted { "Never" } }
            }
            td.end {
                (confirm(&chrome.frame, "Revoke", &format!("Programs with “{}” stop working at once.", key.name),
                    "/app/settings/api-keys/revoke", &[("key_id", &key.id.to_string())]))
            }
        }
    }
}

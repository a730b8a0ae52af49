//! Profile: password, look, keys.

use maud::{Markup, html};

use crate::components::{
    Choice, Field, Look, Nav, checkbox, error_summary, heading, key_values, post_form, select, setting_form, shell,
    submit,
};
use crate::frame::{Chrome, Theme};
use identity::accounts::model::SHORTEST_PASSWORD;

/// What the page shows besides the person.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// What the person may do here, in a word.
    pub role: String,
    /// What is wrong with the present password.
    pub current_error: Option<String>,
    /// What is wrong with the new one.
    pub new_error: Option<String>,
    /// What went wrong.
    pub problem: Option<String>,
}

/// The whole page.
pub fn page(chrome: &Chrome, view: &Profile) -> Markup {
    shell(chrome, Nav::Elsewhere, "Profile", &content(chrome, view))
}

fn content(chrome: &Chrome, view: &Profile) -> Markup {
    let looks = [
        Choice { value: Theme::System.as_str(), label: "As the device" },
        Choice { value: Theme::Light.as_str(), label: "Light" },
        Choice { value: Theme::Dark.as_str(), label: "Dark" },
    ];
    let hint = format!("At least {SHORTEST_PASSWORD} characters.");
    html! {
        (heading(&html! { "Profile" }, &html! { (chrome.person_name) }, None))
        div.stack.narrow {
            (error_summary(view.problem.as_deref()))
            section.card aria-labelledby="you" {
                header { h2 id="you" { "You" } }
                div.body { (key_values(&[
                    ("Name", html! { (chrome.person_name) }),
                    ("Email", html! { (chrome.person_email) }),
                    ("Organization", html! { (chrome.organization.name) }),
                    ("Role", html! { (view.role) }),
                ])) }
            }
            section.card aria-labelledby="password" {
                header { h2 id="password" { "Change password" } }
                div.body { (post_form(&chrome.frame, "/app/settings/profile/password", "stack", &html! {
                    // Password managers match the change to the account by this field.
                    input type="hidden" name="username" value=(chrome.person_email) autocomplete="username";
                    (Field { name: "current", label: "Present password", kind: "password", autocomplete: "current-password",
                        required: true, error: view.current_error.as_deref(), ..Field::default() }.render())
                    (Field { name: "new", label: "New password", kind: "password", autocomplete: "new-password", required: true,
                        min: SHORTEST_PASSWORD, hint: &hint, error: view.new_error.as_deref(), ..Field::default() }.render())
                    p.hint { "Your other devices are signed out." }
                    (submit(Look::Primary, "Change password"))
                })) }
            }
            section.card aria-labelledby="preferences" {
                header { h2 id="preferences" { "This browser" } }
                div.body { (setting_form(&chrome.frame, "/app/settings/profile/preferences", "stack", &html! {
                    (select("look", "theme", "Look", &looks, chrome.frame.theme.as_str(), false))
                    (checkbox("shortcuts", "keys", "on", "Single-key shortcuts", "Press ? anywhere to see them.", chrome.shortcuts))
                    (submit(Look::Default, "Save"))
                })) }
            }
            p.small { a href=(crate::assets::NOTICES_TXT.url) { "Licences of the software in this page" } }
        }
    }
}

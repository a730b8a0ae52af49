//! Choosing an organization, for somebody whose chosen one is closed to them.

use maud::{Markup, html};

use crate::components::{Look, setting_form, solo, submit};
use crate::frame::{Frame, OrganizationLink};

/// The page.
pub fn page(frame: &Frame, organizations: &[OrganizationLink]) -> Markup {
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "Choose an organization" }
                @if organizations.is_empty() {
                    p { "You belong to no organization any more. Somebody at your practice can invite you again." }
                } @else {
                    (setting_form(frame, "/app/organization", "stack", &html! {
                        @for organization in organizations {
                            button class="btn lg block" type="submit" name="organization" value=(organization.id) { (organization.name) }
                        }
                    }))
                }
                (setting_form(frame, "/sign-out", "", &submit(Look::Quiet, "Sign out")))
            }
        }
    };
    solo(frame, "Choose an organization", &body)
}

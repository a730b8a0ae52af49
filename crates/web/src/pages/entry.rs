//! Getting in: sign in, and accepting an invitation.

use maud::{Markup, html};

use crate::components::{Field, error_summary, post_form, solo};
use crate::frame::Frame;
use identity::accounts::model::SHORTEST_PASSWORD;

/// What the sign-in form starts with.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    /// Address typed before.
    pub email: String,
    /// Where to go afterwards: a path of ours.
    pub next: String,
    /// What went wrong; never whether the account exists.
    pub problem: Option<String>,
}

/// The sign-in page.
pub fn sign_in(frame: &Frame, view: &SignIn) -> Markup {
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "Sign in" }
                (error_summary(view.problem.as_deref()))
                (post_form(frame, "/signin", "stack", &html! {
                    @if !view.next.is_empty() { input type="hidden" name="next" value=(view.next); }
                    (Field { name: "email", label: "Email", kind: "email", value: &view.email, autocomplete: "username",
                        required: true, autofocus: view.email.is_empty(), ..Field::default() }.render())
                    (Field { name: "password", label: "Password", kind: "password", autocomplete: "current-password",
                        required: true, autofocus: !view.email.is_empty(), ..Field::default() }.render())
                    button class="btn pri lg block" type="submit" { "Sign in" }
                }))
                p.hint { "No account? Somebody at your practice can invite you." }
            }
        }
    };
    solo(frame, "Sign in", &body)
}

/// An invitation as its reader sees it.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Token in the address.
    pub token: String,
    /// Who invites.
    pub organization: String,
    /// Whom.
    pub email: String,
    /// What the person may do there.
    pub role: String,
    /// The person has an account already and only joins.
    pub known: bool,
    /// Name typed before.
    pub name: String,
    /// What is wrong with the name.
    pub name_error: Option<String>,
    /// What is wrong with the password.
    pub password_error: Option<String>,
    /// What is wrong with the whole.
    pub problem: Option<String>,
}

/// The page of an invitation.
pub fn invitation(frame: &Frame, view: &Invitation) -> Markup {
    let hint = format!("At least {SHORTEST_PASSWORD} characters. A few words in a row are easy to remember.");
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "Join " (view.organization) }
                p.muted { "You are invited as " strong { (view.role) } "." }
                (error_summary(view.problem.as_deref()))
                (post_form(frame, &format!("/invite/{}", view.token), "stack", &html! {
                    (Field { name: "email", label: "Email", kind: "email", value: &view.email, autocomplete: "username",
                        readonly: true, ..Field::default() }.render())
                    @if view.known {
                        p.hint { "You have an account with this address. Sign in with its password to join." }
                        (Field { name: "password", label: "Password", kind: "password", autocomplete: "current-password",
                            error: view.password_error.as_deref(), required: true, autofocus: true, ..Field::default() }.render())
                    } @else {
                        (Field { name: "name", label: "Your name", value: &view.name, autocomplete: "name",
                            error: view.name_error.as_deref(), required: true, autofocus: true, ..Field::default() }.render())
                        (Field { name: "password", label: "Choose a password", kind: "password", autocomplete: "new-password",
                            hint: &hint, error: view.password_error.as_deref(), required: true, min: SHORTEST_PASSWORD,
                            ..Field::default() }.render())
                    }
                    button class="btn pri lg block" type="submit" { "Join" }
                }))
            }
        }
    };
    solo(frame, &format!("Join {}", view.organization), &body)
}

/// An invitation that cannot be used: expired, taken back, or used.
pub fn invitation_gone(frame: &Frame) -> Markup {
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "This invitation no longer works" }
                p { "It may have expired, been used or been taken back. Ask the person who sent it for a new one." }
                a.btn href="/signin" { "Sign in" }
            }
        }
    };
    solo(frame, "Invitation", &body)
}

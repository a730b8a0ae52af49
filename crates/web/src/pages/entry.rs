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
    /// The password was set a moment ago.
    pub password_is_new: bool,
}

/// The sign-in page.
pub fn sign_in(frame: &Frame, view: &SignIn) -> Markup {
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "Sign in" }
                @if view.password_is_new { p role="status" { "Your new password is set. Sign in with it." } }
                (error_summary(view.problem.as_deref()))
                (post_form(frame, "/signin", "stack", &html! {
                    @if !view.next.is_empty() { input type="hidden" name="next" value=(view.next); }
                    (Field { name: "email", label: "Email", kind: "email", value: &view.email, autocomplete: "username",
                        required: true, autofocus: view.email.is_empty(), ..Field::default() }.render())
                    (Field { name: "password", label: "Password", kind: "password", autocomplete: "current-password",
                        required: true, autofocus: !view.email.is_empty(), ..Field::default() }.render())
                    button class="btn pri lg block" type="submit" { "Sign in" }
                }))
                p.hint { a href="/forgot" { "Forgot your password?" } }
                p.hint { "No account? Somebody at your practice can invite you." }
            }
        }
    };
    solo(frame, "Sign in", &body)
}

/// The page that sends a link to set a new password.
pub fn forgot(frame: &Frame, problem: Option<&str>) -> Markup {
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "Forgot your password?" }
                p { "Tell us the address you sign in with, and we send you a link to set a new one." }
                (error_summary(problem))
                (post_form(frame, "/forgot", "stack", &html! {
                    (Field { name: "email", label: "Email", kind: "email", autocomplete: "username", required: true,
                        autofocus: true, ..Field::default() }.render())
                    button class="btn pri lg block" type="submit" { "Send the link" }
                }))
                p.hint { a href="/signin" { "Back to sign in" } }
            }
        }
    };
    solo(frame, "Forgot your password?", &body)
}

/// What is said to everybody who asked, whether they have an account or not.
pub fn forgot_sent(frame: &Frame) -> Markup {
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "Look into your mailbox" }
                p { "If there is an account with this address, a mail with a link is on its way. The link works once, for an hour." }
                p.hint { "Nothing there after some minutes? Look among the unwanted mails, or ask the person who runs this installation." }
                a.btn href="/signin" { "Back to sign in" }
            }
        }
    };
    solo(frame, "Look into your mailbox", &body)
}

/// The page behind the link.
pub fn reset(frame: &Frame, token: &str, error: Option<&str>) -> Markup {
    let hint = format!("At least {SHORTEST_PASSWORD} characters. A few words in a row are easy to remember.");
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "Set a new password" }
                (post_form(frame, &format!("/reset/{token}"), "stack", &html! {
                    (Field { name: "password", label: "New password", kind: "password", autocomplete: "new-password",
                        hint: &hint, error, required: true, autofocus: true, min: SHORTEST_PASSWORD, ..Field::default() }.render())
                    button class="btn pri lg block" type="submit" { "Set password" }
                }))
                p.hint { "Every browser and program that is signed in as you is signed out." }
            }
        }
    };
    solo(frame, "Set a new password", &body)
}

/// A link that cannot be used: expired, used, or replaced.
pub fn reset_gone(frame: &Frame) -> Markup {
    let body = html! {
        section.card {
            div.body.stack {
                h1 { "This link no longer works" }
                p { "It works once, for an hour." }
                a.btn href="/forgot" { "Ask for a new one" }
            }
        }
    };
    solo(frame, "Set a new password", &body)
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

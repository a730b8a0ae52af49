//! Getting in: sign in, and accepting an invitation.

use maud::{Markup, html};

use crate::components::{Field, error_summary, post_form, solo};
use crate::frame::Frame;
use identity::Role;
use identity::accounts::model::{LONGEST_PASSWORD, SHORTEST_PASSWORD};
use platform::i18n::Locale;

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

/// The words of a page around signing in.
struct Words(Locale);

impl Words {
    fn of(frame: &Frame) -> Self {
        Self(frame.locale())
    }

    fn say(&self, key: &str) -> String {
        self.0.text(key)
    }

    fn say_with(&self, key: &str, name: &str, value: &str) -> String {
        self.0.text_with(key, &[(name, value.to_owned().into())])
    }
}

/// What a new password has to be.
fn password_hint(words: &Words) -> String {
    words.say_with("account-password-hint", "least", &SHORTEST_PASSWORD.to_string())
}

/// The sign-in page.
pub fn sign_in(frame: &Frame, view: &SignIn) -> Markup {
    let words = Words::of(frame);
    let body = html! {
        section.card {
            div.body.stack {
                h1 { (words.say("account-signin-title")) }
                @if view.password_is_new { p role="status" { (words.say("account-signin-new")) } }
                (error_summary(view.problem.as_deref()))
                (post_form(frame, "/signin", "stack", &html! {
                    @if !view.next.is_empty() { input type="hidden" name="next" value=(view.next); }
                    (Field { name: "email", label: &words.say("account-email"), kind: "email", value: &view.email, autocomplete: "username",
                        required: true, autofocus: view.email.is_empty(), ..Field::default() }.render())
                    (Field { name: "password", label: &words.say("account-password"), kind: "password", autocomplete: "current-password",
                        required: true, autofocus: !view.email.is_empty(), ..Field::default() }.render())
                    button class="btn pri lg block" type="submit" { (words.say("account-signin-title")) }
                }))
                p.hint { a href="/forgot" { (words.say("account-signin-forgot")) } }
                p.hint { (words.say("account-signin-none")) }
            }
        }
    };
    solo(frame, &words.say("account-signin-title"), &body)
}

/// The page that sends a link to set a new password.
pub fn forgot(frame: &Frame, problem: Option<&str>) -> Markup {
    let words = Words::of(frame);
    let body = html! {
        section.card {
            div.body.stack {
                h1 { (words.say("account-forgot-title")) }
                p { (words.say("account-forgot-line")) }
                (error_summary(problem))
                (post_form(frame, "/forgot", "stack", &html! {
                    (Field { name: "email", label: &words.say("account-email"), kind: "email", autocomplete: "username", required: true,
                        autofocus: true, ..Field::default() }.render())
                    button class="btn pri lg block" type="submit" { (words.say("account-forgot-button")) }
                }))
                p.hint { a href="/signin" { (words.say("account-back")) } }
            }
        }
    };
    solo(frame, &words.say("account-forgot-title"), &body)
}

/// What is said to everybody who asked, whether they have an account or not.
pub fn forgot_sent(frame: &Frame) -> Markup {
    let words = Words::of(frame);
    let body = html! {
        section.card {
            div.body.stack {
                h1 { (words.say("account-sent-title")) }
                p { (words.say("account-sent-line")) }
                p.hint { (words.say("account-sent-hint")) }
                a.btn href="/signin" { (words.say("account-back")) }
            }
        }
    };
    solo(frame, &words.say("account-sent-title"), &body)
}

/// The page behind the link. `wrong`: the password that was typed is no good.
pub fn reset(frame: &Frame, token: &str, wrong: bool) -> Markup {
    let words = Words::of(frame);
    let error = wrong.then(|| password_bad(frame));
    let body = html! {
        section.card {
            div.body.stack {
                h1 { (words.say("account-reset-title")) }
                (post_form(frame, &format!("/reset/{token}"), "stack", &html! {
                    (Field { name: "password", label: &words.say("account-reset-field"), kind: "password", autocomplete: "new-password",
                        hint: &password_hint(&words), error: error.as_deref(), required: true, autofocus: true, min: SHORTEST_PASSWORD,
                        ..Field::default() }.render())
                    button class="btn pri lg block" type="submit" { (words.say("account-reset-button")) }
                }))
                p.hint { (words.say("account-reset-note")) }
            }
        }
    };
    solo(frame, &words.say("account-reset-title"), &body)
}

/// How long a password is.
pub fn password_bad(frame: &Frame) -> String {
    let (least, most) = (SHORTEST_PASSWORD.to_string(), LONGEST_PASSWORD.to_string());
    frame.locale().text_with("account-password-bad", &[("least", least.into()), ("most", most.into())])
}

/// A link that cannot be used: expired, used, or replaced.
pub fn reset_gone(frame: &Frame) -> Markup {
    let words = Words::of(frame);
    let body = html! {
        section.card {
            div.body.stack {
                h1 { (words.say("account-reset-gone")) }
                p { (words.say("account-reset-gone-line")) }
                a.btn href="/forgot" { (words.say("account-reset-again")) }
            }
        }
    };
    solo(frame, &words.say("account-reset-title"), &body)
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

/// What somebody may do, in the page's language.
pub fn role_of(frame: &Frame, role: Role) -> String {
    let words = Words::of(frame);
    match role {
        Role::Viewer => words.say("account-role-viewer"),
        Role::Member => words.say("account-role-member"),
        Role::Admin => words.say("account-role-admin"),
        Role::Owner => words.say("account-role-owner"),
    }
}

/// The page of an invitation.
pub fn invitation(frame: &Frame, view: &Invitation) -> Markup {
    let words = Words::of(frame);
    let title = words.say_with("account-join-title", "organization", &view.organization);
    let body = html! {
        section.card {
            div.body.stack {
                h1 { (title) }
                p.muted { (words.say_with("account-join-role", "role", &view.role)) }
                (error_summary(view.problem.as_deref()))
                (post_form(frame, &format!("/invite/{}", view.token), "stack", &html! {
                    (Field { name: "email", label: &words.say("account-email"), kind: "email", value: &view.email, autocomplete: "username",
                        readonly: true, ..Field::default() }.render())
                    @if view.known {
                        p.hint { (words.say("account-join-known")) }
                        (Field { name: "password", label: &words.say("account-password"), kind: "password", autocomplete: "current-password",
                            error: view.password_error.as_deref(), required: true, autofocus: true, ..Field::default() }.render())
                    } @else {
                        (Field { name: "name", label: &words.say("account-join-name"), value: &view.name, autocomplete: "name",
                            error: view.name_error.as_deref(), required: true, autofocus: true, ..Field::default() }.render())
                        (Field { name: "password", label: &words.say("account-join-choose"), kind: "password", autocomplete: "new-password",
                            hint: &password_hint(&words), error: view.password_error.as_deref(), required: true, min: SHORTEST_PASSWORD,
                            ..Field::default() }.render())
                    }
                    button class="btn pri lg block" type="submit" { (words.say("account-join-button")) }
                }))
            }
        }
    };
    solo(frame, &title, &body)
}

/// An invitation that cannot be used: expired, taken back, or used.
pub fn invitation_gone(frame: &Frame) -> Markup {
    let words = Words::of(frame);
    let body = html! {
        section.card {
            div.body.stack {
                h1 { (words.say("account-join-gone")) }
                p { (words.say("account-join-gone-line")) }
                a.btn href="/signin" { (words.say("account-signin-title")) }
            }
        }
    };
    solo(frame, &words.say("account-join-gone"), &body)
}

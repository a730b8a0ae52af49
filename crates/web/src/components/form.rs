//! Form controls. Errors stand beside their control and are tied to it.

use identity::access::{CSRF_FIELD, KEY_FIELD};
use maud::{Markup, html};

use super::{Look, submit};
use crate::frame::Frame;

/// A one-line input with its label, hint and error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Field<'a> {
    /// Name of the value, and id of the control.
    pub name: &'a str,
    /// Label.
    pub label: &'a str,
    /// `type`; empty means text.
    pub kind: &'a str,
    /// Value to start with.
    pub value: &'a str,
    /// What `autocomplete` says; empty leaves it out.
    pub autocomplete: &'a str,
    /// One line of help.
    pub hint: &'a str,
    /// What is wrong with it.
    pub error: Option<&'a str>,
    /// Must not be empty.
    pub required: bool,
    /// Shown, not changed.
    pub readonly: bool,
    /// Takes the focus when the page opens.
    pub autofocus: bool,
    /// Shortest allowed, in characters; 0 for any.
    pub min: usize,
}

impl Field<'_> {
    /// The control with its words.
    pub fn render(&self) -> Markup {
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        let error = self.error.map(|_| format!("{}-error", self.name));
        let described = [error.as_deref(), hint.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                input.in id=(self.name) name=(self.name) type=(given(self.kind).as_deref().unwrap_or("text")) value=[given(self.value)]
                    autocomplete=[given(self.autocomplete)] required[self.required] readonly[self.readonly]
                    autofocus[self.autofocus] minlength=[(self.min > 0).then_some(self.min)]
                    aria-invalid=[self.error.map(|_| "true")] aria-describedby=[given(&described)];
                @if let (Some(id), Some(text)) = (error, self.error) { p.err id=(id) { (text) } }
                @if let Some(id) = hint { p.hint id=(id) { (self.hint) } }
            }
        }
    }
}

/// One entry of a select.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// What is sent.
    pub value: &'a str,
    /// What is read.
    pub label: &'a str,
}

/// A drop-down with its label; `hide_label` keeps the label for those who hear the page.
pub fn select(id: &str, name: &str, label: &str, choices: &[Choice<'_>], chosen: &str, hide_label: bool) -> Markup {
    html! {
        div.field {
            label.vh[hide_label] for=(id) { (label) }
            select.in.fit[hide_label] id=(id) name=(name) {
                @for choice in choices {
                    option value=(choice.value) selected[choice.value == chosen] { (choice.label) }
                }
            }
        }
    }
}

/// A box to tick, with a line of explanation.
pub fn checkbox(id: &str, name: &str, value: &str, label: &str, hint: &str, ticked: bool) -> Markup {
    html! {
        label.check for=(id) {
            input type="checkbox" id=(id) name=(name) value=(value) checked[ticked];
            span { (label) @if !hint.is_empty() { small { (hint) } } }
        }
    }
}

/// A form that does something: posts, carries the session's token, and does its thing once however often it is pressed
/// ([`identity::idempotency::form_layer`]). Before signing in there is neither, and the handler goes by where the request
/// comes from. One whose answer sets a cookie is a [`setting_form`]: the repeated answer has none.
pub fn post_form(frame: &Frame, action: &str, class: &str, body: &Markup) -> Markup {
    let key = (!frame.csrf.is_empty()).then_some(frame.form_key.as_str());
    form(frame, action, class, key, body)
}

/// A form that sets something to what it says, so that pressing it again, now or after others changed it, means just
/// that.
pub fn setting_form(frame: &Frame, action: &str, class: &str, body: &Markup) -> Markup {
    form(frame, action, class, None, body)
}

fn form(frame: &Frame, action: &str, class: &str, key: Option<&str>, body: &Markup) -> Markup {
    html! {
        form class=[(!class.is_empty()).then_some(class)] method="post" action=(action) data-once {
            @if !frame.csrf.is_empty() { input type="hidden" name=(CSRF_FIELD) value=(frame.csrf); }
            @if let Some(key) = key { input type="hidden" name=(KEY_FIELD) value=(key); }
            (body)
        }
    }
}

/// Filters of a list: a GET form, so that back, reload and sharing work.
pub fn filter_bar(action: &str, clear: Option<&str>, fields: &Markup) -> Markup {
    html! {
        form.filters method="get" action=(action) role="search" aria-label="Filters" {
            (fields)
            div.acts {
                (submit(Look::Default, "Filter"))
                @if let Some(href) = clear { a.btn.quiet href=(href) { "Clear" } }
            }
        }
    }
}

//! Dialogs. Each opens from a link, so that without script the link leads to the same page with the dialog's content
//! standing in it.

use maud::{Markup, html};

use super::{Icon, Look, icon, post_form, submit};
use crate::frame::Frame;

/// A dialog. `standing` puts it into the page as plain content.
///
/// Close has a form of its own: inside the dialog's form, Enter in a field would press it.
pub fn dialog(id: &str, title: &str, standing: bool, body: &Markup) -> Markup {
    html! {
        dialog.dialog id=(id) aria-labelledby={ (id) "-title" } open[standing] {
            header {
                h2 id={ (id) "-title" } { (title) }
                form method="dialog" {
                    button.btn.quiet.icon type="submit" aria-label="Close" { (icon(Icon::X)) }
                }
            }
            div.body { (body) }
        }
    }
}

/// The link that opens a dialog: a fragment-less address that shows it, which the module upgrades.
pub fn opener(look: Look, id: &str, href: &str, sign: Option<Icon>, label: &str) -> Markup {
    html! {
        a class=(look.class()) href=(href) data-dialog=(id) {
            @if let Some(sign) = sign { (icon(sign)) }
            (label)
        }
    }
}

/// A question before something that cannot be undone. Works without script: it unfolds in place.
pub fn confirm(frame: &Frame, label: &str, question: &str, action: &str, hidden: &[(&str, &str)]) -> Markup {
    html! {
        details.confirm {
            summary class=(Look::Quiet.class()) { (label) }
            (post_form(frame, action, "row wrap", &html! {
                @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
                span.small { (question) }
                (submit(Look::Danger, label))
            }))
        }
    }
}

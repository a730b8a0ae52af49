//! Buttons and links that look like buttons.

use maud::{Markup, html};

use super::{Icon, icon};

/// How much a button asks for attention. One primary button to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The main action.
    Primary,
    /// Any other.
    Default,
    /// In a row of many.
    Quiet,
    /// Takes something away.
    Danger,
}

impl Look {
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Primary => "btn pri",
            Self::Default => "btn",
            Self::Quiet => "btn quiet",
            Self::Danger => "btn bad",
        }
    }
}

/// Sends the form around it.
pub fn submit(look: Look, label: &str) -> Markup {
    html! { button class=(look.class()) type="submit" { (label) } }
}

/// A link that is only an icon; `label` is its name.
pub fn icon_link(href: &str, sign: Icon, label: &str) -> Markup {
    html! { a.btn.icon href=(href) aria-label=(label) title=(label) { (icon(sign)) } }
}

/// Copies the text of the element with this id. Shown by the module that makes it work: without script the
/// code beside it selects whole.
pub fn copy_button(target: &str, what: &str) -> Markup {
    html! {
        button.btn.icon type="button" hidden data-copy=(target) data-done={ (what) " copied" } aria-label={ "Copy " (what) } {
            (icon(Icon::Copy))
        }
    }
}

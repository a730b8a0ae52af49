//! Icons, inlined: no request, and they take the colour of the text beside them.

use maud::{Markup, PreEscaped, html};

include!(concat!(env!("OUT_DIR"), "/icons.rs"));

/// An icon beside a word. It is hidden from assistive technology: the word says it.
pub fn icon(icon: Icon) -> Markup {
    html! {
        svg.i viewBox="0 0 24 24" aria-hidden="true" { (PreEscaped(icon.drawing())) }
    }
}

/// The product's mark.
pub fn logo() -> Markup {
    html! {
        svg.i viewBox="0 0 24 24" aria-hidden="true" { path d="M3 10v4M7.5 6.5v11M12 3v18M16.5 7.5v9M21 10v4" {} }
    }
}

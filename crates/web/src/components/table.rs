//! Tables whose rows lead somewhere, and paging.

use maud::{Markup, html};

use super::{Icon, icon};

/// A column's heading.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its word.
    pub title: &'static str,
    /// Classes for heading and cells: `end`, `hide-s`.
    pub class: &'static str,
}

/// A table. `class` may be `cards`: on a phone each row then stacks, for rows with controls in them.
pub fn table(caption: &str, class: &str, columns: &[Column], rows: &Markup) -> Markup {
    html! {
        table class=[(!class.is_empty()).then_some(class)] {
            caption.vh { (caption) }
            thead { tr { @for column in columns { th scope="col" class=[(!column.class.is_empty()).then_some(column.class)] { (column.title) } } } }
            tbody { (rows) }
        }
    }
}

/// The link that makes its whole row a target.
pub fn row_link(href: &str, text: &Markup) -> Markup {
    html! { a.rowlink href=(href) { (text) } }
}

/// Links to the neighbouring pages of a list that is read by position. Nothing when there are none.
pub fn pager(newer: Option<&str>, older: Option<&str>) -> Markup {
    html! {
        @if newer.is_some() || older.is_some() {
            nav.pager aria-label="Pages" {
                @if let Some(href) = newer { a.btn href=(href) rel="prev" { (icon(Icon::ChevronLeft)) "Newest" } } @else { span {} }
                @if let Some(href) = older { a.btn href=(href) rel="next" { "Older" (icon(Icon::ChevronRight)) } }
            }
        }
    }
}

//! The signed-in app and the pages around it: components, pages, embedded files, browser modules.
//!
//! Rules. A page is a function from plain data to markup: nothing here reads a database. One address, one page; when
//! htmx asks, the same page answers without the shell. A live event only says that something changed: the page fetches
//! its part again, so what a person may see is decided in one place. No inline script or style anywhere.

pub mod assets;
pub mod components;
pub mod format;
pub mod frame;
pub mod page;
pub mod pages;
pub mod security;

//! The public pages of booking a demo: `/book` and what follows from it, in every language.
//!
//! Step 1 is a GET with zone and day in the address; choosing a time posts, holds it and leads to step 2; step 2 posts
//! and leads to the booking's own page. Each works without script; where it runs, the landing page shows the very same pages
//! in a dialog.

mod routes;
mod view;

use platform::http::PublicRouter;

use crate::State;
use crate::site::in_every_language;

/// The pages at their addresses in every language.
pub(crate) fn router() -> PublicRouter<State> {
    let router = PublicRouter::new();
    let router = in_every_language(router, "GET", "/book", routes::choose_time);
    let router = in_every_language(router, "POST", "/book/hold", routes::hold);
    let router = in_every_language(router, "GET", "/book/details", routes::ask_details);
    let router = in_every_language(router, "POST", "/book/details", routes::book);
    let router = in_every_language(router, "POST", "/book/check", routes::check);
    let router = in_every_language(router, "GET", "/book/{token}", routes::show);
    let router = in_every_language(router, "POST", "/book/{token}/move", routes::change_time);
    let router = in_every_language(router, "POST", "/book/{token}/cancel", routes::cancel);
    let router = in_every_language(router, "GET", "/book/{token}/calendar.ics", routes::calendar);
    router.body_limit(64 * 1024)
}

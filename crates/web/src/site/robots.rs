//! What search engines are told: `robots.txt` and `sitemap.xml`.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use maud::{PreEscaped, html};
use platform::i18n::Locale;

use super::Site;

pub(super) async fn robots(Extract(site): Extract<Site>) -> String {
    // What follows a question mark is a choice within a page that is listed anyway: its language, a day to book, a clock.
    format!(
        "User-agent: *\nDisallow: /app\nDisallow: /api/\nDisallow: /*?\n\nSitemap: {}\n",
        site.absolute("/sitemap.xml")
    )
}

pub(super) async fn sitemap(Extract(site): Extract<Site>) -> Response {
    let map = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
        urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml" {
            @for place in site.listed() {
                @for locale in Locale::ALL {
                    url {
                        loc { (site.url(locale, place)) }
                        @for other in Locale::ALL {
                            xhtml:link rel="alternate" hreflang=(other.tag()) href=(site.url(other, place)) {}
                        }
                        xhtml:link rel="alternate" hreflang="x-default" href=(site.url(Locale::En, place)) {}
                    }
                }
            }
        }
    };
    let mut answer = map.into_string().into_response();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    answer
}

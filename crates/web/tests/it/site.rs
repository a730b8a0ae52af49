//! The public website over HTTP: languages, addresses, headers.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HeaderName, LOCATION, SET_COOKIE, VARY,
};
use http::{HeaderMap, Request, StatusCode};
use platform::config::SiteConfig;
use platform::i18n::Locale;
use tower::ServiceExt as _;
use web::site::{Site, address};

const ORIGIN: &str = "https://clinic-phone.example";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |value| value.to_str().unwrap())
    }
}

fn router(config: SiteConfig) -> Router {
    web::site::router(Site::new(config, ORIGIN.parse().unwrap())).split().0
}

async fn get(path: &str, headers: &[(HeaderName, &str)]) -> Answer {
    ask(router(SiteConfig::default()), path, headers).await
}

async fn ask(router: Router, path: &str, headers: &[(HeaderName, &str)]) -> Answer {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, body }
}

#[tokio::test]
async fn each_language_has_its_own_address_and_knows_the_others() {
    for locale in Locale::ALL {
        let answer = get(&address(locale, "/"), &[]).await;
        assert_eq!(answer.status, StatusCode::OK);
        let (tag, dir) = (locale.tag(), locale.dir());
        assert!(answer.body.contains(&format!("<html lang=\"{tag}\" dir=\"{dir}\">")), "{tag}");
        assert!(answer.body.contains(&format!("<link rel=\"canonical\" href=\"{ORIGIN}{}\">", address(locale, "/"))));
        for other in Locale::ALL {
            let link = format!("hreflang=\"{}\" href=\"{ORIGIN}{}\">", other.tag(), address(other, "/"));
            assert!(answer.body.contains(&link), "{tag}: {link}");
        }
        assert!(answer.body.contains(&format!("hreflang=\"x-default\" href=\"{ORIGIN}/\">")));
    }
}

#[tokio::test]
async fn a_choice_is_remembered_and_leads_to_the_address_of_the_language() {
    let answer = get("/fr?lang=pt-br&from=mail", &[]).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/pt-BR?from=mail"));
    let line = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(line.starts_with("lang=pt-BR; Path=/;") && line.contains("; Secure"), "{line}");
    assert_eq!(get("/?lang=en", &[(COOKIE, "lang=fr")]).await.location(), "/");
    // Nobody's words are put into a redirect.
    assert_eq!(get("/?lang=//evil.example", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_remembered_language_opens_the_home_page_and_moves_nobody_elsewhere() {
    assert_eq!(get("/", &[(COOKIE, "lang=de")]).await.location(), "/de");
    assert_eq!(get("/", &[(COOKIE, "lang=en")]).await.status, StatusCode::OK);
    assert_eq!(get("/fr", &[(COOKIE, "lang=de")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_browsers_language_is_offered_and_never_forced() {
    let offer = "href=\"/de?lang=de\" hreflang=\"de\">Diese Seite auf Deutsch lesen";
    let answer = get("/", &[(ACCEPT_LANGUAGE, "de-CH,en;q=0.5")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains(offer));
    assert_eq!(answer.headers[VARY], "Cookie, Accept-Language");
    let chosen = get("/", &[(ACCEPT_LANGUAGE, "de"), (COOKIE, "lang=en")]).await;
    assert!(!chosen.body.contains(offer));
}

#[tokio::test]
async fn a_public_page_runs_nothing_that_is_not_ours() {
    let answer = get("/", &[]).await;
    assert_eq!(
        answer.headers[CONTENT_SECURITY_POLICY],
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
         media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    );
    assert_eq!(answer.headers[CACHE_CONTROL], "private, no-cache");
    for banned in [" style=", "<style", " onclick=", "javascript:", "hx-", "<script>"] {
        assert!(!answer.body.contains(banned), "{banned}");
    }
}

#[tokio::test]
async fn the_operators_name_is_text_wherever_it_stands() {
    let name = "</script><b>\"Quick\" & Sons".to_owned();
    let answer = ask(router(SiteConfig { name, ..SiteConfig::default() }), "/", &[]).await;
    assert!(answer.body.contains("&lt;/script&gt;&lt;b&gt;&quot;Quick&quot; &amp; Sons"));
    assert!(!answer.body.contains("<b>"));
    assert_eq!(answer.body.matches("</script>").count(), answer.body.matches("<script").count());
}

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
    web::site::router(Site::new(config, ORIGIN.parse().unwrap()))
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
    let offer = "<a lang=\"de\" dir=\"ltr\" href=\"/de?lang=de\" hreflang=\"de\">Diese Seite auf Deutsch lesen";
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

const PLACES: [&str; 6] = ["/", "/how-it-works", "/pricing", "/security", "/privacy", "/terms"];

fn configured(text: &str) -> SiteConfig {
    SiteConfig::parse(text).unwrap()
}

fn legal() -> &'static str {
    "[legal]\nname = \"Harbour Voice Ltd\"\naddress = \"1 Example Street\"\nprivacy_email = \"privacy@example.com\"\n\
     law = \"Scotland\"\nupdated = \"2026-11-01\"\n"
}

#[tokio::test]
async fn every_page_answers_in_every_language_with_its_words() {
    for place in PLACES {
        for locale in Locale::ALL {
            let answer = get(&address(locale, place), &[]).await;
            assert_eq!(answer.status, StatusCode::OK, "{place} {}", locale.tag());
            assert!(!answer.body.contains(">site-") && !answer.body.contains("\"site-"), "{place} {}", locale.tag());
            assert_eq!(answer.body.matches("<h1").count(), 1, "{place}");
        }
    }
}

#[tokio::test]
async fn without_prices_none_is_invented_and_with_them_each_is_shown() {
    let bare = get("/pricing", &[]).await.body;
    assert!(bare.contains("Prices on request") && !bare.contains('£') && !bare.contains('€') && !bare.contains('$'));
    let plans =
        "[[plans]]\nname = \"Practice\"\namount = \"1249.5\"\ncurrency = \"EUR\"\nper = \"call\"\nsetup = \"80\"\n";
    let shown = ask(router(configured(plans)), "/de/pricing", &[]).await.body;
    assert!(shown.contains("1.249,50\u{a0}€") && shown.contains("pro Anruf") && shown.contains("80\u{a0}€ einmalig"));
}

#[tokio::test]
async fn unfinished_legal_pages_say_so_and_are_not_listed() {
    for place in ["/privacy", "/terms"] {
        let draft = get(place, &[]).await.body;
        assert!(draft.contains("This page is a template") && draft.contains("[registered name]"), "{place}");
        assert!(draft.contains("noindex") && !draft.contains("canonical"), "{place}");
        let whole = ask(router(configured(legal())), place, &[]).await.body;
        assert!(whole.contains("Harbour Voice Ltd") && !whole.contains("template") && !whole.contains("noindex"));
    }
    assert!(!get("/sitemap.xml", &[]).await.body.contains("/privacy"));
    assert!(ask(router(configured(legal())), "/sitemap.xml", &[]).await.body.contains("/ar/privacy"));
}

#[tokio::test]
async fn search_engines_get_every_address_with_its_alternates() {
    let robots = get("/robots.txt", &[]).await.body;
    assert!(robots.contains("Disallow: /app\n") && robots.contains(&format!("Sitemap: {ORIGIN}/sitemap.xml")));
    let map = get("/sitemap.xml", &[]).await.body;
    assert_eq!(map.matches("<loc>").count(), 5 * Locale::ALL.len());
    // Six languages and the default for each address.
    assert_eq!(map.matches("hreflang=").count(), 5 * 6 * 7);
    for (locale, place) in Locale::ALL.into_iter().flat_map(|locale| [(locale, "/pricing"), (locale, "/book")]) {
        assert!(map.contains(&format!("<loc>{ORIGIN}{}</loc>", address(locale, place))));
    }
    assert!(robots.contains("Disallow: /*?\n"), "what is chosen within a page is no page of its own");
}

#[tokio::test]
async fn structured_data_is_json_whatever_the_name_is() {
    let name = "A \"quick\" </script> name".to_owned();
    let body = ask(router(SiteConfig { name: name.clone(), ..SiteConfig::default() }), "/", &[]).await.body;
    let start = body.find("application/ld+json\">").unwrap() + "application/ld+json\">".len();
    let end = start + body[start..].find("</script>").unwrap();
    let data: serde_json::Value = serde_json::from_str(&body[start..end]).unwrap();
    assert_eq!(data["@graph"][0]["name"], name);
}

#[tokio::test]
async fn a_shared_link_has_its_picture() {
    let body = get("/fr", &[]).await.body;
    assert!(body.contains(&format!("<meta property=\"og:image\" content=\"{ORIGIN}/card.png\">")));
    let answer = router(SiteConfig::default())
        .oneshot(Request::builder().uri("/card.png").body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert!(to_bytes(answer.into_body(), usize::MAX).await.unwrap().starts_with(b"\x89PNG\r\n"));
}

#[tokio::test]
async fn the_sample_call_answers_ranges() {
    let body = get("/", &[]).await.body;
    let start = body.find("/sample/en.").unwrap();
    let url = &body[start..start + body[start..].find('"').unwrap()];
    let ask = async |range: Option<&str>| {
        let mut request = Request::builder().uri(url);
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let answer = router(SiteConfig::default()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        (head.status, head.headers, to_bytes(body, usize::MAX).await.unwrap())
    };
    let (status, headers, whole) = ask(None).await;
    assert_eq!((status, headers["accept-ranges"].to_str().unwrap()), (StatusCode::OK, "bytes"));
    assert!(whole.starts_with(b"RIFF"));
    let (status, headers, part) = ask(Some("bytes=100-199")).await;
    assert_eq!(status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(headers["content-range"], format!("bytes 100-199/{}", whole.len()));
    assert_eq!(part, whole.slice(100..200));
    let (status, headers, _) = ask(Some("bytes=99999999-")).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers["content-range"], format!("bytes */{}", whole.len()));
}

#[tokio::test]
async fn the_chat_widens_the_policy_of_its_own_page_only() {
    let chat = "[chat]\nintercom_app_id = \"abc12def\"\n";
    assert_eq!(get("/chat", &[]).await.status, StatusCode::NOT_FOUND);
    for (path, wide) in [("/chat", true), ("/ar/chat", true), ("/", false), ("/pricing", false), ("/privacy", false)] {
        let answer = ask(router(configured(chat)), path, &[]).await;
        let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(policy.contains("intercom"), wide, "{path}: {policy}");
        assert!(!answer.body.contains("intercom.io/widget"), "{path} loads nothing by itself");
        assert!(answer.body.contains("/chat\""), "{path} leads to the chat");
    }
    assert!(ask(router(configured(chat)), "/privacy", &[]).await.body.contains("run by Intercom"));
    assert!(!get("/privacy", &[]).await.body.contains("Intercom"));
}

#[tokio::test]
async fn an_accent_colour_comes_as_a_sheet_of_its_own() {
    let site = || router(configured("accent = \"#7a1f5c\"\n"));
    let body = ask(site(), "/", &[]).await.body;
    let start = body.find("/style/").unwrap();
    let url = &body[start..start + body[start..].find('"').unwrap()];
    let sheet = ask(site(), url, &[]).await;
    assert!(sheet.body.contains("--accent:#7a1f5c;") && sheet.body.contains("url(\"/assets/inter."));
    assert_eq!(ask(site(), "/style/00000000.css", &[]).await.status, StatusCode::NOT_FOUND);
    assert!(!get("/", &[]).await.body.contains("/style/"));
}

/// The colours that a chosen accent is judged against are those of the style sheet.
#[test]
fn the_accent_is_judged_against_the_grounds_of_the_sheet() {
    use platform::config::accent::{DARK_GROUNDS, LIGHT_GROUNDS};
    let sheet = include_str!("../../assets/tokens.css");
    let dark = sheet.find(":root[data-theme=dark]").unwrap();
    for (grounds, block) in [(LIGHT_GROUNDS, &sheet[..dark]), (DARK_GROUNDS, &sheet[dark..])] {
        for (name, ground) in ["bg", "surface", "sunken", "hover"].into_iter().zip(grounds) {
            assert!(block.contains(&format!("--{name}: {};", ground.hex())), "{name}");
        }
    }
}

#[tokio::test]
async fn the_public_pages_are_light() {
    let sent = async |path: &str| {
        let request = Request::builder().uri(path).header("accept-encoding", "br").body(Body::empty()).unwrap();
        let answer = router(SiteConfig::default()).oneshot(request).await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], "br");
        to_bytes(answer.into_body(), usize::MAX).await.unwrap().len()
    };
    for place in PLACES {
        assert!(sent(place).await <= 15_000, "{place}");
    }
    let script = web::assets::HOME_JS.packed_len();
    assert!(script <= 5_000, "{script}");
    assert!(web::assets::SITE_CSS.packed_len() <= 12_000);
}

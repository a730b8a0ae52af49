//! Embedded files over HTTP.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, Method, Request, StatusCode};
use tower::ServiceExt as _;
use web::assets;

async fn ask(method: Method, path: &str, headers: &[(http::HeaderName, &str)]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let answer = assets::router::<()>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status, head.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
}

async fn get(path: &str, accept: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    ask(Method::GET, path, &[(ACCEPT_ENCODING, accept)]).await
}

#[tokio::test]
async fn every_file_is_served_for_ever_under_its_own_name() {
    for asset in assets::ALL {
        let (status, headers, body) = get(asset.url, "").await;
        assert_eq!(status, StatusCode::OK, "{}", asset.url);
        assert!(!body.is_empty());
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(headers[VARY], "Accept-Encoding");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(!headers.contains_key(CONTENT_ENCODING));
    }
    assert_eq!(get(assets::APP_CSS.url, "").await.1[CONTENT_TYPE], "text/css; charset=utf-8");
    assert_eq!(get(assets::LIVE_JS.url, "").await.1[CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert_eq!(get(assets::INTER_WOFF2.url, "").await.1[CONTENT_TYPE], "font/woff2");
}

#[tokio::test]
async fn the_client_gets_the_smallest_form_that_it_takes() {
    for (accept, coding) in [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("*", "br"),
        ("identity", ""),
        ("br;q=0, *;q=0", ""),
        ("brotli", ""),
        ("br;q=nonsense", ""),
    ] {
        let (_, headers, _) = get(assets::APP_CSS.url, accept).await;
        assert_eq!(headers.get(CONTENT_ENCODING).map_or("", |v| v.to_str().unwrap()), coding, "{accept}");
    }
    // A font is compressed already.
    assert!(!get(assets::INTER_WOFF2.url, "br").await.1.contains_key(CONTENT_ENCODING));
}

#[tokio::test]
async fn each_form_has_its_own_tag_and_a_known_one_is_not_sent_again() {
    let (_, plain, _) = get(assets::APP_JS.url, "").await;
    let (_, packed, _) = get(assets::APP_JS.url, "br").await;
    assert_ne!(plain[ETAG], packed[ETAG]);

    let tag = packed[ETAG].to_str().unwrap();
    for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let (status, headers, body) =
            ask(Method::GET, assets::APP_JS.url, &[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, &known)]).await;
        assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        assert_eq!(headers[ETAG], tag);
    }
    let stale = ask(Method::GET, assets::APP_JS.url, &[(ACCEPT_ENCODING, "br"), (IF_NONE_MATCH, "\"other\"")]).await;
    assert_eq!(stale.0, StatusCode::OK);
}

#[tokio::test]
async fn head_tells_the_length_without_the_content() {
    let (_, _, body) = get(assets::APP_CSS.url, "br").await;
    let (status, headers, nothing) = ask(Method::HEAD, assets::APP_CSS.url, &[(ACCEPT_ENCODING, "br")]).await;
    assert_eq!((status, nothing.len()), (StatusCode::OK, 0));
    assert_eq!(headers[CONTENT_LENGTH], body.len().to_string());
}

#[tokio::test]
async fn an_unknown_name_or_another_method_is_refused() {
    for path in ["/assets/app.css", "/assets/app.00000000.css", "/assets/..%2f..%2fetc%2fpasswd", "/assets/%00"] {
        assert_eq!(get(path, "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let (status, _, _) = ask(Method::POST, assets::APP_CSS.url, &[]).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    let _: Router = assets::router();
}

#[tokio::test]
async fn references_between_files_lead_to_files() {
    let text = async |url: &str| String::from_utf8(get(url, "").await.2).unwrap();
    let font = assets::INTER_WOFF2.url.trim_start_matches("/assets/");
    assert!(text(assets::APP_CSS.url).await.contains(&format!("url(\"{font}\")")));
    let time = assets::TIME_JS.url.trim_start_matches("/assets/");
    for module in [assets::APP_JS, assets::LIVE_JS] {
        assert!(text(module.url).await.contains(&format!("from \"./{time}\"")), "{}", module.url);
    }
    // Both parts in one file, so that nothing runs between them.
    let htmx = text(assets::HTMX_JS.url).await;
    assert!(htmx.contains("registerExtension(\"hx-csp\"") && !htmx.contains("sourceMappingURL"));
    assert!(text(assets::NOTICES_TXT.url).await.contains("SIL OPEN FONT LICENSE"));
}

/// In bytes on the wire. The build packs less tightly in debug builds, so the figures have some air.
#[test]
fn the_browser_gets_little() {
    for (asset, most) in [
        (assets::APP_JS, 2_600),
        (assets::LIVE_JS, 2_600),
        (assets::TIME_JS, 700),
        (assets::HOME_JS, 2_000),
        (assets::BOOKING_JS, 1_600),
        (assets::CHAT_JS, 1_000),
        (assets::HTMX_JS, 15_500),
        (assets::APP_CSS, 8_000),
        (assets::INTER_WOFF2, 49_000),
    ] {
        assert!(asset.packed_len() <= most, "{}: {} bytes", asset.url, asset.packed_len());
    }
    // All that the landing page ever loads, the dialog for booking included.
    let landing = [assets::HOME_JS, assets::BOOKING_JS].map(web::assets::Asset::packed_len);
    assert!(landing.iter().sum::<usize>() <= 5_000, "{landing:?}");
}

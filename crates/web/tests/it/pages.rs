//! Pages as text: headers, policy, and what hostile data becomes.

use axum::response::IntoResponse as _;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::html;
use uuid::Uuid;
use voice::calls::model::Direction;
use web::components::{Caption, LiveRow, LiveState, Speaker, Tone, Turn};
use web::frame::{Chrome, Frame, Line, OrganizationLink, Theme, Toast};
use web::page::Page;
use web::pages::calls::{CallRow, Calls, Filters, Outcome};
use web::pages::{call, calls, entry, live, today};
use web::security::{Csp, Nonce};

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>";

fn chrome(text: &str) -> Chrome {
    let now: Timestamp = "2025-11-25T14:52:00Z".parse().unwrap();
    Chrome {
        frame: Frame {
            lang: "en",
            dir: "ltr",
            theme: Theme::Dark,
            nonce: Nonce::new([7; 16]),
            csrf: text.to_owned(),
            form_key: text.to_owned(),
            now,
            simulated: true,
        },
        person_name: text.to_owned(),
        person_email: text.to_owned(),
        organization: OrganizationLink { id: Uuid::from_u128(1), name: text.to_owned() },
        others: vec![OrganizationLink { id: Uuid::from_u128(2), name: text.to_owned() }],
        zone: TimeZone::get("Europe/London").unwrap(),
        manages: true,
        operates: true,
        shortcuts: true,
        line: Line::Answering,
        live_calls: 2,
        live_seq: 41,
        toast: Some(Toast { text: text.to_owned() }),
    }
}

fn call_row(chrome: &Chrome, text: &str) -> CallRow {
    CallRow {
        id: Uuid::from_u128(3),
        started_at: chrome.frame.now,
        name: Some(text.to_owned()),
        number: Some(text.to_owned()),
        direction: Some(Direction::Outbound),
        outcome: Outcome { label: text.to_owned(), tone: Tone::Bad },
        summary: Some(text.to_owned()),
        seconds: Some(9),
    }
}

/// Pages full of one text, wherever a caller, a member or a provider could put one.
fn pages_of(text: &str) -> Vec<String> {
    let chrome = chrome(text);
    let row = LiveRow {
        id: Uuid::from_u128(3),
        name: Some(text.to_owned()),
        number: Some(text.to_owned()),
        state: LiveState::Ended { outcome: text.to_owned(), tone: Tone::Info },
        seconds: 3,
        last: Some(Caption { speaker: Speaker::Caller, text: text.to_owned() }),
    };
    let turns = vec![
        Turn::Said { at: Some(1), speaker: Speaker::Caller, text: text.to_owned() },
        Turn::Tool { text: text.to_owned() },
    ];
    let filters = Filters { q: text.to_owned(), from: text.to_owned(), ..Filters::default() };
    let list = Calls {
        filters,
        rows: vec![call_row(&chrome, text)],
        older: Some(format!("/app/calls?q={text}")),
        here: format!("/app/calls?q={text}"),
        problem: Some(text.to_owned()),
        ..Calls::default()
    };
    let one = call::Call {
        id: Uuid::from_u128(3),
        name: Some(text.to_owned()),
        from: Some(text.to_owned()),
        to: Some(text.to_owned()),
        direction: Some(Direction::Inbound),
        live: true,
        outcome: Outcome { label: text.to_owned(), tone: Tone::Ok },
        started_at: chrome.frame.now,
        seconds: Some(3),
        recording: call::Recording::Failed { reason: text.to_owned(), attempts: 3 },
        turns: turns.clone(),
        summary: Some(text.to_owned()),
        facts: vec![(text.to_owned(), text.to_owned())],
        provider_call_id: text.to_owned(),
        hold: Some(call::Hold { reason: text.to_owned(), since: chrome.frame.now }),
        erased: None,
        works: true,
        problem: Some(text.to_owned()),
        events: vec![web::components::Moment { at: chrome.frame.now, text: text.to_owned(), note: text.to_owned() }],
    };
    let sign_in = entry::SignIn {
        email: text.to_owned(),
        next: text.to_owned(),
        problem: Some(text.to_owned()),
        password_is_new: false,
    };
    let today = today::Today {
        live: vec![row.clone()],
        latest: list.rows.clone(),
        before: text.to_owned(),
        ..today::Today::default()
    };
    let live = live::Live { rows: vec![row.clone()], selected: Some((row, turns)), last_call: Some(text.to_owned()) };
    [
        today::page(&chrome, &today),
        live::page(&chrome, &live),
        calls::page(&chrome, &list),
        call::page(&chrome, &one),
        entry::sign_in(&chrome.frame, &sign_in),
    ]
    .map(maud::PreEscaped::into_string)
    .to_vec()
}

#[test]
fn hostile_text_stays_text_on_every_page() {
    let plain = pages_of("plain");
    for (hostile, plain) in pages_of(HOSTILE).iter().zip(&plain) {
        assert!(!hostile.contains("<img") && !hostile.contains("<script>"), "{hostile}");
        // Nothing in the text opened or closed anything: the pages have the same elements.
        assert_eq!(hostile.matches('<').count(), plain.matches('<').count());
        assert_eq!(hostile.matches('"').count(), plain.matches('"').count());
    }
}

#[test]
fn no_page_has_inline_script_or_style_or_an_unsigned_htmx_element() {
    let nonce = chrome("").frame.nonce;
    for page in pages_of("plain") {
        for banned in [" style=", "<style", " onclick=", " onload=", "javascript:", "hx-on", "hx-vals", "<script>"] {
            assert!(!page.contains(banned), "{banned}");
        }
        let acting = page.matches(" hx-get=").count() + page.matches(" hx-post=").count();
        assert_eq!(acting, page.matches(&format!(" hx-nonce=\"{}\"", nonce.as_str())).count());
    }
}

#[test]
fn a_page_of_the_app_is_private_and_guarded() {
    let chrome = chrome("x");
    let answer = Page::app(&chrome, html! { p { "x" } }).into_response();
    let headers = answer.headers();
    assert_eq!(
        headers[CONTENT_SECURITY_POLICY],
        "default-src 'none'; script-src 'self' 'nonce-07070707070707070707070707070707'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types htmx"
    );
    assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    assert_eq!(headers[VARY], "HX-Request");
    assert_eq!(headers[REFERRER_POLICY], "same-origin");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
    assert!(headers["permissions-policy"].to_str().unwrap().contains("microphone=()"));
}

#[test]
fn a_public_page_runs_no_htmx_and_its_policy_allows_none() {
    let policy = Csp::public();
    assert!(!policy.as_str().contains("nonce") && !policy.as_str().contains("trusted-types htmx"));
    let page = pages_of("x").pop().unwrap();
    assert!(page.contains("Sign in") && !page.contains("<script"));
}

#[test]
fn the_simulator_is_named_on_every_page_while_it_runs() {
    for page in pages_of("x") {
        assert!(page.contains("Demonstration: simulated calls"));
    }
}

#[test]
fn a_nonce_never_shows_in_a_log() {
    assert_eq!(format!("{:?}", Nonce::new([7; 16])), "Nonce(..)");
}

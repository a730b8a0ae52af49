//! Every page with invented data, on a loopback port: for looking at them, and for the browser tests that need no
//! database, and the public website. Prints its address and runs until it is stopped. `--site FILE` configures the
//! website, `--pseudo` accents its words.
//!
//! `GET /api/v1/live` speaks the live protocol. `POST /gallery/push` sends a message to everybody who listens,
//! `POST /gallery/close/{code}` ends every socket with that code, `POST /gallery/ways/{ways}` allows ways to connect
//! (`socket`, `stream`, `poll`, joined by commas).
#![expect(clippy::print_stdout, reason = "the address is what a caller of this program wants")]
#![expect(clippy::unwrap_used, reason = "a gallery that cannot start should stop")]
#![expect(
    clippy::disallowed_methods,
    reason = "the pages show the time of day, and nothing here needs a clock to be set"
)]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use uuid::Uuid;

use identity::Role;
use platform::config::SiteConfig;
use voice::calls::model::Direction;
use voice::reconcile::{DifferenceRow, Kind, SilentRow, WindowRow};
use web::components::{Caption, HourBar, LiveRow, LiveState, Moment, Speaker, Stat, Tone, Turn};
use web::frame::{Chrome, Frame, Line, OrganizationLink, Theme, Toast};
use web::page::{Page, framed_mail, wants_fragment};
use web::pages::calls::{CallRow, Calls, Filters, Outcome};
use web::pages::problem::Problem;
use web::pages::{
    accounting, api_keys, backups, call, calls, connections, entry, import, limits, live, mail, organization, problem,
    profile, quarantine, retention, status, team, today,
};
use web::security::Nonce;
use web::site::{About, Site, Visit};

#[path = "gallery/sound.rs"]
mod sound;

/// What `push` and `close` send to the sockets.
#[derive(Clone)]
enum Signal {
    Say(Value),
    Close(u16),
}

/// `[port] [--site FILE] [--pseudo]`.
#[derive(Default)]
struct Arguments {
    port: u16,
    site: Option<PathBuf>,
    pseudo: bool,
}

impl Arguments {
    fn read() -> Self {
        let mut read = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--pseudo" => read.pseudo = true,
                "--site" => read.site = words.next().map(PathBuf::from),
                port => read.port = port.parse().unwrap(),
            }
        }
        read
    }
}

#[derive(Clone)]
struct Gallery {
    site: Site,
    signals: broadcast::Sender<Signal>,
    ways: Arc<Mutex<String>>,
    /// Calls shown as live; `push` of a created or ended call changes it, so that a refetch shows something new.
    live: Arc<Mutex<Vec<Uuid>>>,
    log: Arc<Mutex<Vec<Value>>>,
}

#[tokio::main]
async fn main() {
    let asked = Arguments::read();
    if asked.pseudo {
        platform::i18n::speak_pseudo();
    }
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", asked.port)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let config = asked.site.map_or_else(SiteConfig::default, |file| SiteConfig::read(&file).unwrap());
    let site = Site::new(config, origin.parse().unwrap());
    let gallery = Gallery {
        site: site.clone(),
        signals: broadcast::channel(64).0,
        ways: Arc::new(Mutex::new("socket,stream,poll".to_owned())),
        live: Arc::new(Mutex::new(vec![id(1), id(2)])),
        log: Arc::default(),
    };
    let app = Router::new()
        .merge(web::assets::router())
        .route("/app", get(today_page))
        .route("/app/live", get(live_page))
        .route("/app/calls", get(calls_page))
        .route("/app/calls/{id}", get(call_page))
        .route("/api/v1/calls/{id}/recording", get(sound::serve))
        .route("/app/operator/mail/previews/html", get(mail_html))
        .route("/api/v1/live", get(live_wire))
        .route("/gallery/push", post(push))
        .route("/gallery/close/{code}", post(close))
        .route("/gallery/ways/{ways}", post(allow))
        .route("/book", get(choose_time).post(take_time))
        .route("/book/taken", get(taken))
        .route("/{*rest}", get(other_page))
        .with_state(gallery)
        .merge(web::site::router(site));
    println!("{origin}");
    axum::serve(listener, app).await.unwrap();
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0193_5e5a_0000_7000_8000_0000_0000_0000 + n)
}

fn ago(now: Timestamp, seconds: i64) -> Timestamp {
    now - SignedDuration::from_secs(seconds)
}

type Asked = Query<HashMap<String, String>>;

fn frame(headers: &HeaderMap, asked: &HashMap<String, String>) -> Frame {
    let cookie = headers.get("cookie").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let theme = cookie.split("; ").find_map(|c| c.strip_prefix("theme=")).map_or(Theme::System, Theme::from_cookie);
    Frame {
        lang: "en",
        dir: if asked.contains_key("rtl") { "rtl" } else { "ltr" },
        theme: asked.get("theme").map_or(theme, |t| Theme::from_cookie(t)),
        nonce: Nonce::new(*Uuid::new_v4().as_bytes()),
        csrf: "gallery".to_owned(),
        form_key: "gallery".to_owned(),
        now: Timestamp::now(),
        simulated: asked.contains_key("simulated"),
    }
}

fn chrome(gallery: &Gallery, headers: &HeaderMap, asked: &HashMap<String, String>) -> Chrome {
    let empty = asked.contains_key("empty");
    Chrome {
        frame: frame(headers, asked),
        person_name: "Amara Osei".to_owned(),
        person_email: "amara@bright-dental.example".to_owned(),
        organization: OrganizationLink { id: id(900), name: "Bright Dental, Leeds".to_owned() },
        others: vec![OrganizationLink {
            id: id(901),
            name: "Harbour Physiotherapy and Sports Injury Clinic".to_owned(),
        }],
        zone: TimeZone::get("Europe/London").unwrap(),
        manages: true,
        operates: true,
        shortcuts: !asked.contains_key("nokeys"),
        line: if empty { Line::NotConnected } else { Line::Answering },
        live_calls: if empty { 0 } else { u32::try_from(gallery.live.lock().unwrap().len()).unwrap() },
        live_seq: i64::try_from(gallery.log.lock().unwrap().len()).unwrap(),
        toast: asked.contains_key("toast").then(|| Toast { text: "Password changed".to_owned() }),
    }
}

fn live_rows(gallery: &Gallery) -> Vec<LiveRow> {
    let mut rows: Vec<LiveRow> =
        gallery.live.lock().unwrap().iter().enumerate().map(|(n, id)| live_row(*id, n)).collect();
    rows.push(LiveRow {
        id: id(3),
        name: None,
        number: Some("+447700900552".to_owned()),
        state: LiveState::Ended { outcome: "Answered".to_owned(), tone: Tone::Info },
        seconds: 51,
        last: Some(said(Speaker::Agent, "Thank you for calling. Goodbye.")),
    });
    rows
}

fn live_row(id: Uuid, n: usize) -> LiveRow {
    let (name, number, state, last) = match n {
        0 => (
            Some("Priya Nair"),
            "+447700900118",
            LiveState::Talking,
            Some(said(
                Speaker::Caller,
                "Do you have anything on Thursday after four, or failing that early on Friday morning before school?",
            )),
        ),
        1 => (
            None,
            "+441134960031",
            LiveState::Transferring,
            Some(said(Speaker::Agent, "I can help with that. Is the tooth painful right now?")),
        ),
        _ => (None, "+12025550123", LiveState::Ringing, None),
    };
    LiveRow {
        id,
        name: name.map(str::to_owned),
        number: Some(number.to_owned()),
        state,
        seconds: if n == 0 { 135 } else { 39 },
        last,
    }
}

fn said(speaker: Speaker, text: &str) -> Caption {
    Caption { speaker, text: text.to_owned() }
}

fn call_rows(now: Timestamp) -> Vec<CallRow> {
    let rows = [
        (1_260, Some("Hannah Webb"), "+447700900233", "Booked", Tone::Ok, "Hygienist, Thursday 27 November 09:10", 182),
        (2_400, None, "+447700900552", "Answered", Tone::Info, "Opening hours on Saturday", 51),
        (
            3_240,
            Some("Tom Ellis"),
            "+447700900107",
            "Callback",
            Tone::Warn,
            "Asked what sedation costs and whether a companion has to wait; wants a call before 16:00",
            140,
        ),
        (4_320, Some("Grace Liu"), "+12025550123", "Moved", Tone::Ok, "Check-up moved to 4 December", 107),
        (5_400, None, "+442079460812", "Dropped", Tone::Bad, "Line lost after 9 seconds", 9),
        (93_000, Some("José Álvarez Domínguez"), "+34910123456", "Passed on", Tone::Warn, "", 305),
    ];
    rows.into_iter()
        .enumerate()
        .map(|(n, (back, name, number, outcome, tone, summary, seconds))| CallRow {
            id: id(100 + n as u128),
            started_at: ago(now, back),
            name: name.map(str::to_owned),
            number: Some(number.to_owned()),
            direction: match n {
                3 => Some(Direction::Outbound),
                4 => Some(Direction::Web),
                _ => Some(Direction::Inbound),
            },
            outcome: Outcome { label: outcome.to_owned(), tone },
            summary: (!summary.is_empty()).then(|| summary.to_owned()),
            seconds: (n != 0).then_some(seconds),
        })
        .collect()
}

fn sample_retention(asked: &HashMap<String, String>) -> retention::Retention {
    let has = |name: &str| asked.contains_key(name);
    let preview =
        retention::Preview { recordings: 1_204, bytes: 3_400_000_000, calls: 87, held: 2, ..Default::default() };
    retention::Retention {
        recording_days: Some(90),
        content_days: None,
        days: retention::Days {
            recording: "30".to_owned(),
            content: "365".to_owned(),
            content_error: has("problem").then(|| "Must not be less than the days of recordings.".to_owned()),
            ..retention::Days::default()
        },
        preview: has("show").then(|| if has("empty") { retention::Preview::default() } else { preview }),
        problem: None,
    }
}

fn turns() -> Vec<Turn> {
    let line = |at: u32, speaker, text: &str| Turn::Said { at: Some(at * 1_000), speaker, text: text.to_owned() };
    vec![
        line(
            0,
            Speaker::Agent,
            "Bright Dental, this is Voxanne, an automated receptionist. This call is recorded. How can I help?",
        ),
        line(7, Speaker::Caller, "Hi, it is Hannah Webb. I need to see the hygienist, ideally this week."),
        line(14, Speaker::Agent, "Of course, Hannah. I found your record. May I confirm your date of birth?"),
        line(20, Speaker::Caller, "The ninth of March, eighty-nine."),
        Turn::Tool { text: "find_slots: 3 slots".to_owned() },
        line(29, Speaker::Agent, "Thank you. I have Thursday at ten past nine, or Friday at half past two."),
        line(39, Speaker::Caller, "Thursday morning is perfect."),
        line(48, Speaker::Agent, "Booked for Thursday the twenty-seventh at ten past nine. Anything else?"),
    ]
}

async fn today_page(State(gallery): State<Gallery>, Query(asked): Asked, headers: HeaderMap) -> Page {
    let chrome = chrome(&gallery, &headers, &asked);
    let stat = |label: &str, value: &str, note: &str| Stat {
        label: label.to_owned(),
        value: value.to_owned(),
        note: note.to_owned(),
    };
    let view = if asked.contains_key("empty") {
        today::Today {
            stats: vec![
                stat("Answered", "0", "of 0"),
                stat("Bookings made", "0", ""),
                stat("Passed to a person", "0", ""),
                stat("Reply delay, median", "–", ""),
            ],
            hours: (8..18).map(|hour| HourBar { hour, answered: 0, missed: 0, before: None }).collect(),
            ..today::Today::default()
        }
    } else {
        today::Today {
            live: live_rows(&gallery),
            latest: call_rows(chrome.frame.now),
            stats: vec![
                stat("Answered", "43", "of 44"),
                stat("Bookings made", "11", "25 %"),
                stat("Passed to a person", "4", "9 %"),
                stat("Reply delay, median", "0.8 s", ""),
            ],
            hours: [2, 5, 8, 7, 4, 6, 8, 3, 0, 0]
                .into_iter()
                .zip([3, 6, 8, 7, 5, 5, 7, 6, 5, 2])
                .zip(8..)
                .map(|((answered, before), hour)| HourBar {
                    hour,
                    answered,
                    missed: u32::from(hour == 10),
                    before: Some(before),
                })
                .collect(),
            before: "last Tuesday".to_owned(),
        }
    };
    Page::app(&chrome, if wants_fragment(&headers) { today::body(&chrome, &view) } else { today::page(&chrome, &view) })
}

async fn live_page(State(gallery): State<Gallery>, Query(asked): Asked, headers: HeaderMap) -> Page {
    let chrome = chrome(&gallery, &headers, &asked);
    let rows = if asked.contains_key("empty") { Vec::new() } else { live_rows(&gallery) };
    let chosen = asked.get("call").and_then(|c| c.parse::<Uuid>().ok());
    let view = live::Live {
        selected: chosen.and_then(|id| rows.iter().find(|r| r.id == id)).map(|row| (row.clone(), turns())),
        last_call: Some("today at 14:31".to_owned()),
        rows,
    };
    let markup = match (asked.get("part").map(String::as_str), &view.selected) {
        (Some("count"), _) => live::count(&chrome),
        (Some("list"), _) => live::list(&chrome, &view),
        (Some("words"), Some((row, turns))) => live::words(row, turns),
        _ => live::page(&chrome, &view),
    };
    Page::app(&chrome, markup)
}

async fn calls_page(State(gallery): State<Gallery>, Query(asked): Asked, headers: HeaderMap) -> Page {
    let chrome = chrome(&gallery, &headers, &asked);
    let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let q = text("q");
    let rows = if asked.contains_key("empty") { Vec::new() } else { call_rows(chrome.frame.now) };
    let view = Calls {
        rows: rows
            .into_iter()
            .filter(|r| format!("{:?}{:?}{:?}", r.name, r.number, r.summary).to_lowercase().contains(&q.to_lowercase()))
            .collect(),
        filters: Filters {
            q,
            status: text("status"),
            direction: text("direction"),
            from: text("from"),
            to: text("to"),
        },
        problem: None,
        newest: "/app/calls".to_owned(),
        paged: asked.contains_key("cursor"),
        older: Some("/app/calls?cursor=older".to_owned()),
        here: "/app/calls".to_owned(),
    };
    Page::app(&chrome, if wants_fragment(&headers) { calls::rows(&chrome, &view) } else { calls::page(&chrome, &view) })
}

async fn call_page(
    State(gallery): State<Gallery>,
    Path(which): Path<Uuid>,
    Query(asked): Asked,
    headers: HeaderMap,
) -> Page {
    let chrome = chrome(&gallery, &headers, &asked);
    let now = chrome.frame.now;
    let live = gallery.live.lock().unwrap().contains(&which);
    let event =
        |back, text: &str, note: &str| Moment { at: ago(now, back), text: text.to_owned(), note: note.to_owned() };
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let view = call::Call {
        id: which,
        name: Some("Hannah Webb".to_owned()),
        from: Some("+447700900233".to_owned()),
        to: Some("+441134960100".to_owned()),
        direction: Some(Direction::Inbound),
        live,
        outcome: if live { Outcome { label: "Talking".to_owned(), tone: Tone::Ok } } else { Outcome { label: "Booked".to_owned(), tone: Tone::Ok } },
        started_at: ago(now, 1_260),
        seconds: Some(66),
        recording: match asked.get("recording").map(String::as_str) {
            Some("none") => call::Recording::None,
            Some("pending") => call::Recording::Pending { reason: Some("The provider could not be reached.".to_owned()), attempts: 3 },
            Some("copying") => call::Recording::Copying,
            Some("failed") => call::Recording::Failed { reason: "The recording came incomplete.".to_owned(), attempts: 12 },
            Some("expired") => call::Recording::Expired { reason: None },
            _ if live => call::Recording::None,
            kind => call::Recording::Ready(sound::player(which, kind == Some("mono"), &asked)),
        },
        turns: if asked.contains_key("empty") || asked.contains_key("erased") { Vec::new() } else { turns() },
        summary: Some("Existing patient asked for a hygienist visit this week. Identity confirmed by date of birth. Booked Thursday 27 November at 09:10.".to_owned()),
        facts: vec![fact("Ended by", "Caller hung up"), fact("Language", "English (UK)"), fact("Reply delay, median", "0.74 s"), fact("Cost", "£0.07")],
        provider_call_id: "7f0c2a52-6a51-4a3e-9a39-5a0b8f6c1d11".to_owned(),
        hold: asked.contains_key("hold").then(|| call::Hold { reason: "Complaint of 12 November".to_owned(), since: ago(now, 90_000) }),
        erased: asked.contains_key("erased").then(|| call::Erased { at: ago(now, 3_000), by: "Amara Osei".to_owned() }),
        works: true,
        problem: asked.contains_key("problem").then(|| "Say in a few words why this call must be kept.".to_owned()),
        events: vec![event(1_262, "Ringing", ""), event(1_260, "Answered", ""), event(1_194, "Ended", "customer-ended-call"), event(1_190, "Report received", "")],
    };
    Page::app(&chrome, if wants_fragment(&headers) { call::body(&chrome, &view) } else { call::page(&chrome, &view) })
}

async fn other_page(
    State(gallery): State<Gallery>,
    Path(rest): Path<String>,
    Query(asked): Asked,
    headers: HeaderMap,
) -> Page {
    let frame = frame(&headers, &asked);
    let chrome = chrome(&gallery, &headers, &asked);
    let now = frame.now;
    let has = |name: &str| asked.contains_key(name);
    match rest.as_str() {
        "signin" => Page::public(entry::sign_in(
            &frame,
            &entry::SignIn {
                email: if has("problem") { "amara@bright-dental.example".to_owned() } else { String::new() },
                next: String::new(),
                problem: has("problem").then(|| "Email or password is wrong.".to_owned()),
                password_is_new: has("reset"),
            },
        )),
        "forgot" => Page::public(entry::forgot(&frame, None)),
        "forgot/sent" => Page::public(entry::forgot_sent(&frame)),
        "reset/sample" => Page::public(entry::reset(&frame, "sample", asked.contains_key("problem"))),
        "reset/gone" => Page::public(entry::reset_gone(&frame)).with_status(StatusCode::GONE),
        "invite/sample" => Page::public(entry::invitation(
            &frame,
            &entry::Invitation {
                token: "sample".to_owned(),
                organization: "Bright Dental, Leeds".to_owned(),
                email: "new.person@bright-dental.example".to_owned(),
                role: "Member".to_owned(),
                known: has("known"),
                name: String::new(),
                name_error: None,
                password_error: has("problem").then(|| "Too short: 12 characters at least.".to_owned()),
                problem: None,
            },
        )),
        "invite/gone" => Page::public(entry::invitation_gone(&frame)).with_status(StatusCode::GONE),
        "app/settings/profile" => Page::app(
            &chrome,
            profile::page(
                &chrome,
                &profile::Profile {
                    role: "Owner".to_owned(),
                    new_error: has("problem").then(|| "Too short: 12 characters at least.".to_owned()),
                    ..profile::Profile::default()
                },
            ),
        ),
        "app/settings/team" => Page::app(&chrome, team::page(&chrome, &sample_team(now, &asked))),
        "app/settings/api-keys" => Page::app(&chrome, api_keys::page(&chrome, &sample_keys(now, &asked))),
        "app/settings/connections" => Page::app(&chrome, connections::page(&chrome, &sample_connections(now, &asked))),
        "app/settings/retention" => Page::app(&chrome, retention::page(&chrome, &sample_retention(&asked))),
        "app/operator/accounting" => Page::app(&chrome, accounting::page(&chrome, &sample_accounting(now, &asked))),
        "app/operator/quarantine" => Page::app(&chrome, quarantine::page(&chrome, &sample_quarantine(now, &asked))),
        "app/operator/import" => Page::app(&chrome, import::page(&chrome, &sample_import(now, &asked))),
        "app/operator/mail" => Page::app(&chrome, mail::page(&chrome, &sample_mails(now, &asked))),
        "app/operator/mail/unmatched" => Page::app(&chrome, mail::strays_page(&chrome, &sample_strays(now, &asked))),
        "app/operator/mail/suppressions" => {
            Page::app(&chrome, mail::suppressions_page(&chrome, &sample_suppressions(now, &asked)))
        }
        "app/operator/mail/previews" => {
            Page::app_with_frame(&chrome, mail::previews_page(&chrome, &sample_previews(&asked)))
        }
        rest if rest.starts_with("app/operator/mail/") => {
            Page::app_with_frame(&chrome, mail::mail_page(&chrome, &sample_mail(now, &asked)))
        }
        "app/operator/status" => Page::app(&chrome, status::status_page(&chrome, &sample_status(now, &asked))),
        "app/operator/backups" => Page::app(&chrome, backups::page(&chrome, &sample_backups(now, &asked))),
        "app/operator/alerts" => Page::app(&chrome, status::alerts_page(&chrome, &sample_alerts(now, &asked))),
        "app/operator/limits" => Page::app(&chrome, limits::page(&chrome, &sample_limits(&asked))),
        "choose" => Page::public(organization::page(&frame, &chrome.others)),
        "choose-none" => Page::public(organization::page(&frame, &[])),
        "gone" | "ar/gone" => {
            let visit = Visit::new(&format!("/{rest}"), &headers);
            web::site::problem(&gallery.site, &visit, StatusCode::NOT_FOUND, "not_found", None)
        }
        "broken" => {
            let visit = Visit::new("/broken", &headers);
            web::site::problem(&gallery.site, &visit, StatusCode::INTERNAL_SERVER_ERROR, "", Some("sample-request"))
        }
        rest => failure(&frame, rest),
    }
}

/// A form in two steps and its end, as a booking has them: for trying the dialog that shows them.
async fn choose_time(State(gallery): State<Gallery>, Query(asked): Asked, headers: HeaderMap) -> Page {
    let content = match asked.get("slot") {
        None => html! {
            h1 { "Pick a time" }
            form method="get" { button.btn.pri name="slot" value="ten" { "10:30" } }
        },
        Some(slot) => details(slot, "", false),
    };
    booking_page(&gallery, &headers, &content)
}

async fn take_time(
    State(gallery): State<Gallery>,
    headers: HeaderMap,
    Form(sent): Form<HashMap<String, String>>,
) -> Response {
    let text = |name: &str| sent.get(name).map(String::as_str).unwrap_or_default();
    if text("email").contains('@') && text("sure") == "yes" {
        return Redirect::to("/book/taken").into_response();
    }
    let page = booking_page(&gallery, &headers, &details(text("slot"), text("email"), true));
    page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response()
}

async fn taken(State(gallery): State<Gallery>, headers: HeaderMap) -> Page {
    booking_page(&gallery, &headers, &html! { h1 { "Booked" } p { "We look forward to it." } })
}

fn details(slot: &str, email: &str, wrong: bool) -> Markup {
    html! {
        h1 { "Your details" }
        form method="post" action="/book" {
            input type="hidden" name="slot" value=(slot);
            label for="email" { "Email" }
            input.in id="email" name="email" value=(email) autofocus[!wrong] aria-invalid=[wrong.then_some("true")];
            button.btn.pri name="sure" value="yes" { "Book" }
        }
    }
}

fn booking_page(gallery: &Gallery, headers: &HeaderMap, content: &Markup) -> Page {
    let visit = Visit::new("/book", headers);
    web::site::page(&gallery.site, &visit, &About::unlisted("Book a demo", "A sample"), content).private()
}

fn failure(frame: &Frame, which: &str) -> Page {
    let (status, code) = match which {
        "forbidden" => (StatusCode::FORBIDDEN, ""),
        "stale" => (StatusCode::FORBIDDEN, "outdated_form"),
        "too-many" => (StatusCode::TOO_MANY_REQUESTS, ""),
        "not-understood" => (StatusCode::BAD_REQUEST, ""),
        "failed" => (StatusCode::INTERNAL_SERVER_ERROR, ""),
        "unavailable" => (StatusCode::SERVICE_UNAVAILABLE, ""),
        _ => (StatusCode::NOT_FOUND, ""),
    };
    let id = status.is_server_error().then(|| id(700).to_string());
    Page::public(problem::page(frame, Problem::of(status, code), id.as_deref())).with_status(status)
}

fn sample_team(now: Timestamp, asked: &HashMap<String, String>) -> team::Team {
    let member = |n: u128, name: &str, email: &str, role, seen: Option<i64>, you: bool| team::Member {
        user_id: id(200 + n),
        name: name.to_owned(),
        email: email.to_owned(),
        role,
        last_seen: seen.map(|s| ago(now, s)),
        you,
        changeable: !you,
    };
    team::Team {
        members: vec![
            member(0, "Amara Osei", "amara@bright-dental.example", Role::Owner, Some(20), true),
            member(
                1,
                "Oliver Grant-Whittaker",
                "oliver.grant-whittaker@bright-dental.example",
                Role::Member,
                Some(7_400),
                false,
            ),
            member(2, "Mei Tanaka", "mei@bright-dental.example", Role::Viewer, None, false),
        ],
        pending: vec![
            team::Pending {
                id: id(300),
                email: "reception@bright-dental.example".to_owned(),
                role: Role::Member,
                expires_at: now + SignedDuration::from_hours(70),
                expired: false,
            },
            team::Pending {
                id: id(301),
                email: "locum@bright-dental.example".to_owned(),
                role: Role::Viewer,
                expires_at: ago(now, 4_000),
                expired: true,
            },
        ],
        grantable: Role::ALL.into_iter().rev().collect(),
        inviting: asked.contains_key("invite"),
        email_error: asked.contains_key("problem").then(|| "This person is a member already.".to_owned()),
        fresh_link: asked.contains_key("fresh").then(|| {
            (
                "mei@bright-dental.example".to_owned(),
                "https://voxanne.example/invite/q8Zt1vG0cW5mYkR2pXaLhB7nDfE4sJuQ".to_owned(),
            )
        }),
        ..team::Team::default()
    }
}

fn sample_keys(now: Timestamp, asked: &HashMap<String, String>) -> api_keys::ApiKeys {
    let key = |n: u128, name: &str, prefix: &str, used: Option<i64>| api_keys::Key {
        id: id(400 + n),
        name: name.to_owned(),
        prefix: prefix.to_owned(),
        scopes: vec!["calls:read".to_owned()],
        created_at: ago(now, 900_000),
        last_used_at: used.map(|s| ago(now, s)),
    };
    api_keys::ApiKeys {
        keys: if asked.contains_key("empty") {
            Vec::new()
        } else {
            vec![key(0, "Practice software", "vx_9fQ2", Some(300)), key(1, "Weekly report", "vx_Lm04", None)]
        },
        scopes: vec![
            ("calls:read", "Read calls, transcripts and summaries."),
            ("members:read", "Read who is in the team."),
        ],
        creating: asked.contains_key("create"),
        fresh: asked.contains_key("fresh").then(|| "vx_9fQ2example0000000000000000000000000000000000".to_owned()),
        api_base: "https://voxanne.example".to_owned(),
        ..api_keys::ApiKeys::default()
    }
}

fn sample_connections(now: Timestamp, asked: &HashMap<String, String>) -> connections::Connections {
    let of = id(500);
    let one = |id: Uuid, label: &str, quiet: bool| connections::Connection {
        id,
        label: label.to_owned(),
        verification: "Secret in X-Vapi-Secret or as bearer token".to_owned(),
        webhook_url: format!("https://voxanne.example/api/webhooks/vapi/{id}"),
        last_event_at: (!quiet).then(|| ago(now, 42)),
        last_event_kind: (!quiet).then(|| "status-update".to_owned()),
        secrets: if quiet { 1 } else { 2 },
        has_key: !quiet,
        simulated: quiet,
    };
    connections::Connections {
        connections: if asked.contains_key("empty") {
            Vec::new()
        } else {
            vec![one(of, "Front desk line", false), one(id(501), "Demonstration", true)]
        },
        creating: asked.contains_key("connect"),
        fresh_secret: asked.contains_key("fresh").then(|| (of, "example-secret-0000000000000000".to_owned())),
        test: asked
            .contains_key("test")
            .then(|| (of, true, "A test event was verified and stored, after 12 ms.".to_owned())),
        ..connections::Connections::default()
    }
}

fn sample_accounting(now: Timestamp, asked: &HashMap<String, String>) -> voice::reconcile::actions::Overview {
    if asked.contains_key("empty") {
        return voice::reconcile::actions::Overview {
            windows: Vec::new(),
            differences: Vec::new(),
            silent: Vec::new(),
        };
    }
    let window = |label: Option<&str>, calls: i64, healed: i64, problem: Option<&str>| WindowRow {
        org_name: "Bright Dental".to_owned(),
        label: label.map(str::to_owned),
        asked_by: if problem.is_some() { "command" } else { "schedule" }.to_owned(),
        from: ago(now, 900),
        until: ago(now, 60),
        position: ago(now, if problem.is_some() { 400 } else { 60 }),
        complete: problem.is_none(),
        calls,
        agreed: calls - healed,
        healed,
        problem: problem.map(str::to_owned),
        touched_at: ago(now, 30),
    };
    let difference = |kind: Kind, healed: bool| DifferenceRow {
        org_name: "Bright Dental".to_owned(),
        provider_call_id: id(700).to_string(),
        kind,
        healed,
        found_at: ago(now, 40),
    };
    let silent = |answer: &str| SilentRow {
        org_name: "Bright Dental".to_owned(),
        call_id: platform::ids::CallId::from_uuid(id(701)),
        answer: answer.to_owned(),
        asked_at: ago(now, 600),
    };
    voice::reconcile::actions::Overview {
        windows: vec![
            window(Some("Front desk line"), 1_204, 3, None),
            window(None, 17, 0, Some("the provider does not accept the private key of this connection")),
        ],
        differences: vec![difference(Kind::EndedOnlyHere, false), difference(Kind::MissingReport, true)],
        silent: ["goes_on", "ended_there", "closed", "not_answered"].map(silent).to_vec(),
    }
}

fn sample_quarantine(now: Timestamp, asked: &HashMap<String, String>) -> quarantine::Quarantine {
    let held = |n: u128, kind: &str, reason: &str| quarantine::Held {
        id: id(600 + n),
        received_at: ago(now, 4_000 * i64::try_from(n + 1).unwrap()),
        kind: kind.to_owned(),
        reason: reason.to_owned(),
        clues: vec![
            ("call".to_owned(), "5d0e8f1a-4c3b-4f7e-9e55-1b2c3d4e5f60".to_owned()),
            ("connection".to_owned(), "platform-wide".to_owned()),
        ],
    };
    let list = vec![
        held(0, "end-of-call-report", "Its number and its assistant belong to no organization here"),
        held(1, "status-update", "Its number or assistant belongs to more than one organization"),
    ];
    if asked.contains_key("empty") {
        quarantine::Quarantine::default()
    } else {
        quarantine::Quarantine { total: list.len() as u64, held: list, ..quarantine::Quarantine::default() }
    }
}

fn sample_import(now: Timestamp, asked: &HashMap<String, String>) -> import::Imported {
    let row = |n: u128, table: &str, reason: &str| import::WaitingRow {
        id: id(700 + n),
        table: table.to_owned(),
        place: format!("{table}.csv:{}", 12 + 31 * n),
        reason: reason.to_owned(),
        since: ago(now, 90_000),
    };
    if asked.contains_key("empty") {
        return import::Imported::default();
    }
    import::Imported {
        rows: vec![
            row(0, "call_logs", "org_id: nothing says whose it is"),
            row(1, "call_tracking", "agent_id: its agent belongs to another organization"),
            row(2, "call_transcripts", "call_id: its call is not here"),
        ],
        total: 165,
        organizations: vec![
            (id(1).to_string(), "Elm Street Dental".to_owned()),
            (id(2).to_string(), "Birch Lane Dental".to_owned()),
        ],
        next: Some("/app/operator/import?cursor=x".to_owned()),
        problem: asked
            .contains_key("problem")
            .then(|| "1 of the chosen rows contradicts this organization, and waits still.".to_owned()),
        ..import::Imported::default()
    }
}

const PAPER: &str = "/app/operator/mail/previews/html";

async fn mail_html(Query(asked): Asked) -> Response {
    let script = if asked.contains_key("script") { "<script>document.title = 'ran'</script>" } else { "" };
    let html = "<!doctype html><html lang=\"en\"><head><title>Mail</title><style>body { font: 16px sans-serif; margin: 2rem; \
                color: #16201b; background: #fff; }</style></head><body><h1>Your demonstration is booked</h1><p>Dear Nadia \
                Example, we look forward to showing you Voxanne on Thursday 3 December, 10:30 to 10:55.</p>";
    framed_mail(format!("{html}{script}</body></html>"))
}

fn sample_mails(now: Timestamp, asked: &HashMap<String, String>) -> mail::Mails {
    let row = |n: u128, to: &str, subject: &str, template: &str, label, tone| mail::MailRow {
        id: id(800 + n),
        created_at: ago(now, 700 * i64::try_from(n + 1).unwrap()),
        to: to.to_owned(),
        subject: subject.to_owned(),
        template: template.to_owned(),
        label,
        tone,
        waits_until: (n == 0).then(|| now + SignedDuration::from_hours(3)),
    };
    let empty = asked.contains_key("empty");
    mail::Mails {
        filters: mail::Filters { to: asked.get("to").cloned().unwrap_or_default(), ..mail::Filters::default() },
        states: vec![("queued", "Waiting"), ("delivered", "Delivered"), ("bounced", "Bounced")],
        templates: vec!["booking.confirmed".to_owned(), "invitation".to_owned()],
        problem: None,
        relay: match asked.get("relay").map(String::as_str) {
            Some("none") => mail::Relay::None,
            Some("silent") => mail::Relay::Ready { host: "smtp.example.com".to_owned(), tells: false },
            Some("paused") => mail::Relay::Paused {
                host: "smtp.example.com".to_owned(),
                until: Some(now + SignedDuration::from_mins(4)),
                fault: "535 5.7.8 Authentication failed".to_owned(),
            },
            _ => mail::Relay::Ready { host: "smtp.sendgrid.net".to_owned(), tells: true },
        },
        budget: mail::Budget {
            used: if empty { 0 } else { 87 },
            limit: 100,
            waiting: if empty { 0 } else { 3 },
            room_at: (!empty).then(|| now + SignedDuration::from_hours(3)),
        },
        strays: if empty { 0 } else { 2 },
        rows: if empty || asked.contains_key("to") {
            Vec::new()
        } else {
            vec![
                row(
                    0,
                    "newsletter.reader@practice.example.org",
                    "What is new in Voxanne",
                    "news",
                    "Waiting",
                    Tone::Neutral,
                ),
                row(
                    1,
                    "nadia.example@example.org",
                    "Your demonstration on Thursday 3 December at 10:30",
                    "booking.confirmed",
                    "Delivered",
                    Tone::Ok,
                ),
                row(
                    2,
                    "sales@example.com",
                    "New booking: Nadia Example, Harbour Lane Dental",
                    "booking.notify",
                    "Accepted by relay",
                    Tone::Info,
                ),
                row(3, "gone@example.org", "Your demonstration on Friday", "booking.confirmed", "Bounced", Tone::Bad),
                row(4, "tom@example.org", "You are invited to Bright Dental", "invitation", "Unknown", Tone::Warn),
            ]
        },
        newest: mail::LIST.to_owned(),
        paged: asked.contains_key("cursor"),
        older: (!empty).then(|| format!("{}?cursor=older", mail::LIST)),
    }
}

fn sample_mail(now: Timestamp, asked: &HashMap<String, String>) -> mail::Mail {
    let moment =
        |back, text: &str, note: &str| Moment { at: ago(now, back), text: text.to_owned(), note: note.to_owned() };
    mail::Mail {
        id: id(801),
        subject: "Your demonstration on Thursday 3 December at 10:30".to_owned(),
        to: "Nadia Example, nadia.example@example.org".to_owned(),
        fate: mail::Fate {
            label: "Delivered",
            tone: Tone::Ok,
            meaning: "The recipient's server took it. Whether it lies in the inbox or among the spam is not known."
                .to_owned(),
        },
        history: vec![
            moment(100_000, "Written", ""),
            moment(99_990, "Handed to smtp.sendgrid.net", "450 4.7.1 Greylisted, please try again later"),
            moment(1_400, "Accepted by the relay", "250 Ok: queued as 9c1f"),
            moment(1_390, "Delivered", "250 2.0.0 OK"),
            moment(900, "Pictures fetched by a program", "nobody has read it for that"),
            moment(600, "Opened", ""),
        ],
        facts: vec![
            ("Text", "booking.confirmed".to_owned()),
            ("Priority", "Prospect".to_owned()),
            ("Language", "English".to_owned()),
            ("Organization", "Operator".to_owned()),
            ("Message-ID", "0199f0aa1c117d529a3e5d1f0c0a0001@mail.example.com".to_owned()),
        ],
        words: match asked.get("words").map(String::as_str) {
            Some("hidden") => mail::Words::Hidden,
            Some("forgotten") => mail::Words::Forgotten,
            _ => mail::Words::Shown {
                text: "Dear Nadia Example,\n\nwe look forward to showing you Voxanne.".to_owned(),
                html: if asked.contains_key("script") { format!("{PAPER}?script") } else { PAPER.to_owned() },
            },
        },
        resendable: true,
        may_arrive_twice: true,
        cancellable: asked.contains_key("waiting"),
        repeats: Some(id(800)),
        problem: asked.contains_key("problem").then(|| "This mail is still waiting to be sent.".to_owned()),
    }
}

fn sample_strays(now: Timestamp, asked: &HashMap<String, String>) -> mail::Strays {
    let row = |n: i64, kind: &str, why: &str, recipient: &str, detail: &str| mail::StrayRow {
        received_at: ago(now, 5_000 * n),
        source: "sendgrid".to_owned(),
        kind: kind.to_owned(),
        why: why.to_owned(),
        recipient: recipient.to_owned(),
        detail: detail.to_owned(),
    };
    let rows = vec![
        row(
            1,
            "delivered",
            "It names no mail that is known here.",
            "a.very.long.address.of.somebody@department.of.a.clinic.example.org",
            "14c5d75ce93.of.another.program@example.org",
        ),
        row(
            2,
            "",
            "It could not be read: event missing.",
            "",
            r#"{"email":"gone@example.org","timestamp":1795600000}"#,
        ),
    ];
    let older = Some("/app/operator/mail/unmatched?cursor=x".to_owned());
    if asked.contains_key("empty") { mail::Strays::default() } else { mail::Strays { rows, paged: true, older } }
}

fn sample_suppressions(now: Timestamp, asked: &HashMap<String, String>) -> mail::Suppressions {
    let row = |n: i64, address: &str, reason, stops, words: &str| mail::Suppressed {
        address: address.to_owned(),
        reason,
        stops,
        source: "sendgrid".to_owned(),
        words: words.to_owned(),
        mail: (n == 1).then(|| id(803)),
        since: ago(now, 90_000 * n),
    };
    mail::Suppressions {
        rows: if asked.contains_key("empty") {
            Vec::new()
        } else {
            vec![
                row(
                    1,
                    "gone@example.org",
                    "The mailbox does not exist",
                    "Stops every mail.",
                    "550 5.1.1 The account does not exist",
                ),
                row(
                    2,
                    "cross@example.org",
                    "A mail was called spam",
                    "Stops every mail but sign-in and invitations.",
                    "",
                ),
            ]
        },
        address: if asked.contains_key("problem") { "nobody".to_owned() } else { String::new() },
        address_error: asked
            .contains_key("problem")
            .then(|| "Must be one e-mail address like name@example.com.".to_owned()),
        ..mail::Suppressions::default()
    }
}

fn sample_previews(asked: &HashMap<String, String>) -> mail::Previews {
    mail::Previews {
        samples: if asked.contains_key("empty") {
            Vec::new()
        } else {
            vec![
                mail::Sample { template: "booking.confirmed", what: "To a prospect, when a demonstration is booked." },
                mail::Sample { template: "invitation", what: "To a person who is invited to an organization." },
            ]
        },
        languages: vec![("en", "English"), ("ar", "العربية")],
        template: "booking.confirmed".to_owned(),
        language: "en".to_owned(),
        shown: asked.contains_key("template").then(|| {
            (
                "Your demonstration on Thursday".to_owned(),
                "Dear Nadia Example,\n\nwe look forward to it.".to_owned(),
                PAPER.to_owned(),
            )
        }),
    }
}

fn sample_status(now: Timestamp, asked: &HashMap<String, String>) -> status::Status {
    let sign = |title, word, words: &str, advice| status::SignRow { title, word, words: words.to_owned(), advice };
    let fine = |title, words: &str| sign(title, ("Fine", Tone::Ok), words, "");
    let bad = asked.contains_key("bad");
    let database = if bad {
        sign(
            "Database size",
            ("Critical", Tone::Bad),
            "97 % of the database's budget is used.",
            "A database that is full stops taking in calls. Enlarge it, or shorten how long data is kept.",
        )
    } else {
        fine("Database size", "42 % of the database's budget is used.")
    };
    let part = |id, title, word, signs| status::PartCard { id, title, word, signs };
    status::Status {
        summary: if bad { "2 parts are not fine." } else { "Everything works." }.to_owned(),
        tone: if bad { Tone::Bad } else { Tone::Ok },
        looked_at: Some(ago(now, 25)),
        parts: vec![
            part(
                "database",
                "Database",
                if bad { ("Critical", Tone::Bad) } else { ("Fine", Tone::Ok) },
                vec![fine("Connection", "It answers."), database],
            ),
            part(
                "backups",
                "Backups",
                if bad { ("Not known", Tone::Warn) } else { ("Fine", Tone::Ok) },
                vec![if bad {
                    sign("Backups", ("Not known", Tone::Warn), "The database could not be asked.", "")
                } else {
                    fine("Backups", "The newest backup is 7 hours old.")
                }],
            ),
            part(
                "address",
                "Public address",
                ("Does not apply", Tone::Neutral),
                vec![sign(
                    "Certificate",
                    ("Does not apply", Tone::Neutral),
                    "The public address has no certificate.",
                    "",
                )],
            ),
        ],
    }
}

fn sample_backups(now: Timestamp, asked: &HashMap<String, String>) -> backups::Backups {
    let hours = |count: i64| ago(now, count * 3_600);
    let taken = |age, word| backups::BackupRow {
        started_at: hours(age),
        word,
        error: None,
        bytes: Some(734_003_200),
        place: "s3://practices-backup/voxanne/eu-central".to_owned(),
        verified_at: None,
        removed_at: None,
    };
    let done = ("Complete", Tone::Ok);
    let failed = backups::BackupRow {
        error: Some(
            "cannot write to s3://practices-backup/voxanne/eu-central: the storage does not allow it".to_owned(),
        ),
        bytes: None,
        ..taken(36, ("Failed", Tone::Bad))
    };
    let rows = vec![
        taken(12, done),
        failed,
        backups::BackupRow { verified_at: Some(hours(59)), ..taken(60, done) },
        backups::BackupRow { removed_at: Some(hours(12)), ..taken(300, done) },
    ];
    let is_empty = asked.contains_key("empty");
    backups::Backups {
        part: sample_status(now, asked).parts.remove(1),
        rows: if is_empty { Vec::new() } else { rows },
        older: (!is_empty).then(|| "/app/operator/backups?older".to_owned()),
        paged: asked.contains_key("older"),
    }
}

fn sample_alerts(now: Timestamp, asked: &HashMap<String, String>) -> status::Alerts {
    let alert = |n: u128, title, word, words: &str| status::AlertRow {
        id: id(700 + n),
        title,
        word,
        words: words.to_owned(),
        advice: "A number or assistant is not mapped, or mapped twice. Map it, then play the events again.",
        opened_at: ago(now, 9_000),
        resolved_at: None,
        acknowledged: None,
        told: (3, ago(now, 1_800)),
        webhook: Some(("taken", Tone::Ok)),
    };
    if asked.contains_key("empty") {
        return status::Alerts::default();
    }
    let quarantine = alert(0, "Quarantine", ("Needs a look", Tone::Warn), "3 events belong to no organization.");
    let disk = alert(1, "Disk", ("Critical", Tone::Bad), "2 % of the data directory's disk is free.");
    let relay = alert(2, "Mail relay", ("Needs a look", Tone::Warn), "The relay has been failing for 12 minutes.");
    let mine = Some(("Amara Obi".to_owned(), ago(now, 600)));
    status::Alerts {
        open: vec![disk, status::AlertRow { acknowledged: mine.clone(), ..quarantine }],
        over: vec![status::AlertRow { resolved_at: Some(ago(now, 300)), acknowledged: mine, ..relay }],
        reaches: vec!["2 addresses by mail".to_owned(), "a webhook".to_owned()],
        problem: asked
            .contains_key("problem")
            .then(|| "That alert is over, so there is nothing to take on.".to_owned()),
    }
}

fn sample_limits(asked: &HashMap<String, String>) -> limits::Limits {
    let quota = |id, title, used: &str, limit: Option<&str>, share, variable| limits::Quota {
        id,
        title,
        used: used.to_owned(),
        limit: limit.map(str::to_owned),
        share,
        variable,
        counts: "All organizations together, since 1 November 2026, 00:00 UTC.".to_owned(),
        upgrade: "A larger plan of the relay; then raise this limit to what the plan allows.",
    };
    let full = asked.contains_key("full");
    limits::Limits {
        quotas: vec![
            quota(
                "mail",
                "Mail, last 24 hours",
                "87 recipients",
                Some("100"),
                Some((87.0, 100.0)),
                "VOXANNE_MAIL_DAILY_LIMIT",
            ),
            quota(
                "database",
                "Database",
                "212.4 MB",
                Some("500 MB"),
                Some((if full { 502.0 } else { 212.4 }, 500.0)),
                "VOXANNE_LIMIT_DATABASE_BYTES",
            ),
            quota("storage", "Files", "1.2 GB", None, None, "VOXANNE_LIMIT_STORAGE_BYTES"),
            quota(
                "minutes",
                "Call minutes, this month",
                "1,204",
                Some("5,000"),
                Some((1_204.0, 5_000.0)),
                "VOXANNE_LIMIT_PROVIDER_MINUTES",
            ),
            quota(
                "cost",
                "Provider cost, this month",
                "$96.31",
                Some("$100.00"),
                Some((96.31, 100.0)),
                "VOXANNE_LIMIT_PROVIDER_COST_USD",
            ),
        ],
    }
}

async fn push(State(gallery): State<Gallery>, Json(mut message): Json<Value>) -> StatusCode {
    let called = message["id"].as_str().and_then(|i| i.parse::<Uuid>().ok());
    match (message["t"].as_str(), called) {
        (Some("call.created"), Some(call)) => gallery.live.lock().unwrap().push(call),
        (Some("call.ended"), Some(call)) => gallery.live.lock().unwrap().retain(|c| *c != call),
        _ => {}
    }
    let mut log = gallery.log.lock().unwrap();
    message["seq"] = json!(log.len() + 1);
    log.push(message.clone());
    let _ = gallery.signals.send(Signal::Say(message));
    StatusCode::NO_CONTENT
}

async fn close(State(gallery): State<Gallery>, Path(code): Path<u16>) -> StatusCode {
    let _ = gallery.signals.send(Signal::Close(code));
    StatusCode::NO_CONTENT
}

async fn allow(State(gallery): State<Gallery>, Path(ways): Path<String>) -> StatusCode {
    *gallery.ways.lock().unwrap() = ways;
    let _ = gallery.signals.send(Signal::Close(1012));
    StatusCode::NO_CONTENT
}

async fn live_wire(
    State(gallery): State<Gallery>,
    Query(asked): Asked,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let since = asked.get("since").and_then(|s| s.parse::<usize>().ok()).unwrap_or(0);
    let ways = gallery.ways.lock().unwrap().clone();
    let wants = |kind: &str| headers.get("accept").is_some_and(|v| v.to_str().is_ok_and(|v| v.contains(kind)));
    if let Ok(upgrade) = upgrade {
        if !ways.contains("socket") {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        return upgrade.on_upgrade(move |socket| speak(gallery, socket, since));
    }
    let missed: Vec<Value> = gallery.log.lock().unwrap().iter().skip(since).cloned().collect();
    if wants("text/event-stream") && ways.contains("stream") {
        let hello = json!({"t": "hello", "seq": since, "resumed": true});
        let first = futures::stream::iter(std::iter::once(hello).chain(missed));
        let signals = gallery.signals.subscribe();
        let rest = futures::stream::unfold(signals, async |mut signals| match signals.recv().await {
            Ok(Signal::Say(message)) => Some((message, signals)),
            _ => None,
        });
        return Sse::new(first.chain(rest).map(|m| Event::default().json_data(m))).into_response();
    }
    if wants("application/json") && ways.contains("poll") {
        let seq = gallery.log.lock().unwrap().len();
        return Json(json!({"seq": seq, "reset": false, "events": missed})).into_response();
    }
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

async fn speak(gallery: Gallery, mut socket: WebSocket, since: usize) {
    let mut signals = gallery.signals.subscribe();
    let missed: Vec<Value> = gallery.log.lock().unwrap().iter().skip(since).cloned().collect();
    let hello = json!({"t": "hello", "seq": since + missed.len(), "resumed": true});
    for message in std::iter::once(hello).chain(missed) {
        if socket.send(Message::Text(message.to_string().into())).await.is_err() {
            return;
        }
    }
    loop {
        tokio::select! {
            signal = signals.recv() => {
                let message = match signal {
                    Ok(Signal::Say(message)) => Message::Text(message.to_string().into()),
                    Ok(Signal::Close(code)) => Message::Close(Some(CloseFrame { code, reason: "".into() })),
                    Err(_) => return,
                };
                let last = matches!(message, Message::Close(_));
                if socket.send(message).await.is_err() || last {
                    return;
                }
            }
            heard = socket.recv() => if heard.is_none_or(|h| h.is_err()) { return },
        }
    }
}

//! A whole server looks after itself: the worker looks, `/ready` and the page tell the same, and its faults reach a collector.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::binary::Installation;
use crate::support::{Client, PASSWORD, TestApp, answer, cookie, eventually};

/// Each part, with the words of the page for what `/ready` says.
const WORDS: [(&str, &str); 5] = [
    ("ok", "Fine"),
    ("warning", "Needs a look"),
    ("critical", "Critical"),
    ("unknown", "Not known"),
    ("off", "Does not apply"),
];

#[tokio::test]
async fn ready_and_the_page_of_the_status_tell_the_same_truth_in_parts() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    app.operator(&practice).await;
    let parts = eventually("the worker has looked", async || {
        let parts = app.nobody().get("/ready").await.expect(200).json()["parts"].clone();
        (parts["jobs"] != "unknown").then_some(parts)
    })
    .await;
    assert_eq!((parts["database"].as_str(), parts["process"].as_str()), (Some("ok"), Some("ok")), "{parts}");
    let cookie = cookie(&app, &practice).await;
    let page = app.nobody().request(reqwest::Method::GET, "/app/operator/status").header("accept", "text/html");
    let page = String::from_utf8(answer(page.header("cookie", cookie)).await.expect(200).body.to_vec()).unwrap();
    let ready = app.nobody().get("/ready").await.expect(200).json()["parts"].clone();
    for part in ["storage", "jobs", "provider", "backups", "disk", "address"] {
        let said = ready[part].as_str().unwrap();
        let word = WORDS.iter().find(|(state, _)| *state == said).unwrap().1;
        let card =
            page.split(&format!("aria-labelledby=\"{part}\"")).nth(1).unwrap().split("</header>").next().unwrap();
        assert!(card.contains(word), "{part} is {said}: {card}");
    }
}

#[tokio::test]
async fn each_vital_sign_of_a_running_server_can_be_read() {
    let app = TestApp::start().await;
    app.practice("Elm Street Dental").await;
    let rows: Vec<(String, String, String)> = eventually("every sign is written down", async || {
        let rows: Vec<(String, String, String)> =
            sqlx::query_as("select sign, state, words from vital_signs order by sign")
                .fetch_all(&mut app.db.admin().await)
                .await
                .unwrap();
        (rows.len() == alarms::signs::model::Sign::ALL.len()).then_some(rows)
    })
    .await;
    assert!(rows.iter().all(|(_, state, _)| state != "unknown"), "{rows:?}");
}

/// The collector of the platform's tests, which knows the protocol from its documentation.
async fn collector() -> (Child, u16, Lines<BufReader<ChildStdout>>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../platform/tests/collector.py");
    let mut command = Command::new("python3");
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    (child, u16::try_from(first["port"].as_u64().unwrap()).unwrap(), lines)
}

#[tokio::test]
async fn a_request_that_breaks_is_reported_by_its_route_and_without_its_query() {
    let (_child, port, mut lines) = collector().await;
    let place = Installation::new();
    place.create_org("Elm Street Dental", "owner@elmstreet.example").await;
    let (dsn, allow) = (format!("http://publickey@127.0.0.1:{port}/sub/42"), format!("127.0.0.1:{port}"));
    let settings = [("VOXANNE_SENTRY_DSN", dsn.as_str()), ("VOXANNE_OUTBOUND_ALLOW", allow.as_str())];
    let server = place.serve(&["--no-worker"], &settings).await;
    let login = json!({"email": "owner@elmstreet.example", "password": PASSWORD});
    let issued = Client::new(&place.base(), None).post("/api/v1/auth/login", &login).await.expect(200).json();
    let token = issued["access_token"].as_str().unwrap();
    place.succeed(&["psql", "--", "-c", "alter table call_logs rename to gone"], "").await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let broken =
        http.get(format!("{}/api/v1/calls?q=wisdom%20tooth", place.base())).bearer_auth(token).send().await.unwrap();
    assert_eq!(broken.status(), 500);
    let id = broken.headers()["x-request-id"].to_str().unwrap().to_owned();
    let said: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let (event, raw) = (&said["event"], said["raw"].as_str().unwrap());
    assert_eq!(event["transaction"], "/api/v1/calls", "{said}");
    assert_eq!(
        (event["tags"]["code"].as_str(), event["tags"]["request.id"].as_str()),
        (Some("internal"), Some(id.as_str()))
    );
    for secret in ["wisdom", "elmstreet", token, PASSWORD, "127.0.0.1"] {
        assert!(!raw.contains(secret), "{secret} in {raw}");
    }
    assert!(server.stop().await.success());
}

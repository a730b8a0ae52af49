//! Listening to a recording over HTTP: parts of it, who may, links, and what is written down about it.

use jiff::SignedDuration;
use platform::clock::Clock;
use reqwest::Method;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE, ETAG};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Client, Practice, TestApp, answer, cookie, new_call, unrecorded};

const SOUND: &[u8] = b"RIFF 0123456789 and so on, sixty-four bytes that stand for sound";

/// A call with a recording.
async fn recorded(app: &TestApp, practice: &Practice) -> Uuid {
    let call = call(practice).await;
    app.plant_recording(practice, call, SOUND).await;
    call
}

async fn call(practice: &Practice) -> Uuid {
    let name = new_call();
    practice.send(&unrecorded(&name)).await.expect(200);
    practice.owner.call(&name).await["id"].as_str().unwrap().parse().unwrap()
}

fn path(call: Uuid) -> String {
    format!("/api/v1/calls/{call}/recording")
}

async fn part(client: &Client, call: Uuid, headers: &[(&str, &str)]) -> Answer {
    let request = client.request(Method::GET, &path(call));
    answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

/// What the audit list says of the call's recording: action, who, detail; newest first.
async fn audited(practice: &Practice, call: Uuid) -> Vec<(String, String, Value)> {
    let rows = practice.owner.get("/api/v1/audit?limit=100").await.expect(200).json();
    let rows = rows["items"].as_array().unwrap().iter();
    rows.filter(|row| row["subject"] == json!(call) && row["action"].as_str().unwrap().starts_with("recording."))
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            (text("action"), text("actor_kind"), row["detail"].clone())
        })
        .collect()
}

#[tokio::test]
async fn a_recording_is_sent_whole_or_in_the_part_that_is_asked_for() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    let call = recorded(&app, &practice).await;
    let owner = &practice.owner;

    let whole = part(owner, call, &[]).await.expect(200);
    assert_eq!(whole.body, SOUND);
    assert_eq!(whole.headers[CONTENT_TYPE], "audio/wav");
    assert_eq!(whole.headers["accept-ranges"], "bytes");
    assert_eq!(whole.headers["cache-control"], "private, no-store");
    assert_eq!(whole.headers[CONTENT_LENGTH], "64");
    let name = format!("call-{call}-stereo.wav");
    assert_eq!(whole.headers[CONTENT_DISPOSITION].to_str().unwrap(), format!("inline; filename=\"{name}\""));
    let tag = whole.headers[ETAG].to_str().unwrap().to_owned();

    for (range, first, last) in
        [("bytes=5-14", 5, 14), ("bytes=60-", 60, 63), ("bytes=-4", 60, 63), ("bytes=0-900", 0, 63)]
    {
        let answer = part(owner, call, &[("range", range)]).await.expect(206);
        assert_eq!(answer.body, SOUND[first..=last], "{range}");
        assert_eq!(answer.headers[CONTENT_RANGE].to_str().unwrap(), format!("bytes {first}-{last}/64"));
        assert_eq!(answer.headers[CONTENT_LENGTH].to_str().unwrap(), (last - first + 1).to_string());
        assert_eq!(answer.headers[ETAG], tag.as_str());
    }
    let beyond = part(owner, call, &[("range", "bytes=64-")]).await.refuses(416, "range_not_satisfiable");
    assert_eq!(beyond.headers[CONTENT_RANGE], "bytes */64");
    assert_eq!(part(owner, call, &[("range", "bytes=0-1,5-6")]).await.expect(200).body, SOUND, "one range at a time");

    assert!(part(owner, call, &[("if-none-match", &tag)]).await.expect(304).body.is_empty());
    assert_eq!(part(owner, call, &[("range", "bytes=0-3"), ("if-range", &tag)]).await.expect(206).body, SOUND[..4]);
    assert_eq!(part(owner, call, &[("range", "bytes=0-3"), ("if-range", "\"other\"")]).await.expect(200).body, SOUND);

    let head = answer(owner.request(Method::HEAD, &path(call))).await.expect(200);
    assert_eq!((head.headers[CONTENT_LENGTH].to_str().unwrap(), head.body.len()), ("64", 0));
    let kept = owner.get(&format!("{}?download=true", path(call))).await.expect(200);
    assert_eq!(kept.headers[CONTENT_DISPOSITION].to_str().unwrap(), format!("attachment; filename=\"{name}\""));
    owner.get(&format!("{}?channel=mono", path(call))).await.refuses(404, "no_recording");
    assert_eq!(owner.get(&format!("{}?channel=video", path(call))).await.status, 400);
}

#[tokio::test]
async fn who_may_read_calls_may_listen_and_nobody_else() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    let call = recorded(&app, &practice).await;
    let stranger = app.practice("Birch Lane Dental").await;

    let browser = cookie(&app, &practice).await;
    let with_cookie = app.nobody().request(Method::GET, &path(call)).header(COOKIE, browser);
    assert_eq!(answer(with_cookie).await.expect(200).body, SOUND, "a browser");
    assert_eq!(part(&app.member(&practice, "viewer").await, call, &[]).await.expect(200).body, SOUND);
    assert_eq!(part(&app.api_key(&practice, &["calls:read"]).await, call, &[]).await.expect(200).body, SOUND);
    part(&app.api_key(&practice, &["members:read"]).await, call, &[]).await.refuses(403, "forbidden");
    part(&app.nobody(), call, &[]).await.refuses(401, "unauthenticated");
    let foreign = part(&stranger.owner, call, &[]).await.refuses(404, "not_found");
    let unknown = part(&stranger.owner, Uuid::now_v7(), &[]).await.refuses(404, "not_found");
    assert_eq!(foreign.without_request_id(), unknown.without_request_id());
    let link = json!({"download": false});
    stranger.owner.post(&format!("{}/links", path(call)), &link).await.refuses(404, "not_found");
}

#[tokio::test]
async fn what_is_not_there_says_why() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    let call = call(&practice).await;
    part(&practice.owner, call, &[]).await.refuses(404, "no_recording");
    for (state, status, code) in [
        ("pending", 409, "recording_not_ready"),
        ("copying", 409, "recording_not_ready"),
        ("failed", 409, "recording_failed"),
        ("expired", 410, "recording_deleted"),
    ] {
        sqlx::query("update call_logs set recording_state = $2 where id = $1")
            .bind(call)
            .bind(state)
            .execute(&mut app.db.admin().await)
            .await
            .unwrap();
        part(&practice.owner, call, &[]).await.refuses(status, code);
    }
    app.plant_recording(&practice, call, SOUND).await;
    for file in files(&app) {
        std::fs::remove_file(file).unwrap();
    }
    let missing = practice.owner.request(Method::GET, &path(call)).send().await.unwrap();
    assert_eq!(missing.status(), 500, "a row without its file is a fault of ours, and is told as one");
    assert_eq!(audited(&practice, call).await, [], "nobody heard anything");
}

/// Every file in the storage.
fn files(app: &TestApp) -> Vec<std::path::PathBuf> {
    fn below(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(app.storage.folder().unwrap(), &mut found);
    found
}

#[tokio::test]
async fn each_listening_is_written_down_once_with_who_and_from_where() {
    let clock = Clock::frozen_at("2026-11-26T09:00:00Z".parse().unwrap());
    let app = TestApp::at(clock.clone(), &[]).await;
    let practice = app.practice("Elm Street Dental").await;
    let call = recorded(&app, &practice).await;
    let viewer = app.member(&practice, "viewer").await;

    answer(viewer.request(Method::HEAD, &path(call))).await.expect(200);
    part(&viewer, call, &[("range", "bytes=64-")]).await.expect(416);
    assert_eq!(audited(&practice, call).await, [], "nothing was heard yet");
    for range in ["bytes=0-", "bytes=10-20", "bytes=60-"] {
        part(&viewer, call, &[("range", range)]).await.expect(206);
    }
    let once = audited(&practice, call).await;
    let detail = json!({"from": "127.0.0.1", "channel": "stereo", "by_link": false});
    assert_eq!(once, [("recording.played".to_owned(), "member".to_owned(), detail.clone())]);

    viewer.get(&format!("{}?download=true", path(call))).await.expect(200);
    let key = app.api_key(&practice, &["calls:read"]).await;
    part(&key, call, &[]).await.expect(200);
    let all = audited(&practice, call).await;
    let kinds: Vec<_> = all.iter().map(|(action, who, _)| (action.as_str(), who.as_str())).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(kinds.contains(&("recording.downloaded", "member")) && kinds.contains(&("recording.played", "api_key")));

    clock.advance(SignedDuration::from_mins(10));
    part(&viewer, call, &[("range", "bytes=0-")]).await.expect(206);
    assert_eq!(audited(&practice, call).await.len(), 4, "after a pause it is another listening");
}

#[tokio::test]
async fn a_link_plays_without_a_credential_for_five_minutes_and_no_longer_than_its_maker() {
    let clock = Clock::frozen_at("2026-11-26T09:00:00Z".parse().unwrap());
    let app = TestApp::at(clock.clone(), &[]).await;
    let practice = app.practice("Elm Street Dental").await;
    let call = recorded(&app, &practice).await;
    let made = practice
        .owner
        .post("/api/v1/api-keys", &json!({"name": "Player", "scopes": ["calls:read"]}))
        .await
        .expect(201)
        .json();
    let key = app.bearer(made["key"].as_str().unwrap());
    let link = async |client: &Client| {
        let body = json!({"channel": "stereo", "download": true});
        let made = client.post(&format!("{}/links", path(call)), &body).await.expect(201).json();
        assert_eq!(made["expires_at"], "2026-11-26T09:05:00Z");
        made["url"].as_str().unwrap().strip_prefix(&app.base).unwrap().to_owned()
    };
    let (ours, theirs) = (link(&practice.owner).await, link(&key).await);
    let nobody = app.nobody();
    let open = async |link: &str| answer(nobody.request(Method::GET, link).header("range", "bytes=0-3")).await;
    for link in [&ours, &theirs] {
        let answer = open(link).await.expect(206);
        assert_eq!(answer.body, SOUND[..4]);
        assert!(answer.headers[CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
        assert!(!link.contains(&call.to_string()) && !link.contains(&practice.org.to_string()), "it tells nothing");
    }
    let rows = audited(&practice, call).await;
    assert!(
        rows.iter().all(|(action, _, detail)| action == "recording.downloaded" && detail["by_link"] == true),
        "{rows:?}"
    );
    assert_eq!(rows.len(), 2);
    let mut forged = ours.clone().into_bytes();
    let last = forged.len() - 8;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    open(&String::from_utf8(forged).unwrap()).await.refuses(404, "not_found");

    practice.owner.delete(&format!("/api/v1/api-keys/{}", made["id"].as_str().unwrap())).await.expect(204);
    open(&theirs).await.refuses(404, "not_found");
    clock.advance(SignedDuration::from_secs(299));
    open(&ours).await.expect(206);
    clock.advance(SignedDuration::from_secs(1));
    open(&ours).await.refuses(404, "not_found");
}

#[tokio::test]
async fn a_failed_copy_is_tried_again_by_whoever_works_with_calls() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    let call = recorded(&app, &practice).await;
    let retry = format!("{}/retry", path(call));
    let nothing = json!({});
    let post = async |client: &Client| answer(client.request(Method::POST, &retry).json(&nothing)).await;
    post(&practice.owner).await.refuses(409, "not_failed");
    let mut admin = app.db.admin().await;
    for sql in [
        "update call_recordings set state = 'failed', reason = 'not_audio', attempts = 12 where call_id = $1",
        "update call_logs set recording_state = 'failed' where id = $1",
    ] {
        sqlx::query(sql).bind(call).execute(&mut admin).await.unwrap();
    }
    post(&app.member(&practice, "viewer").await).await.refuses(403, "forbidden");
    post(&app.api_key(&practice, &["calls:read"]).await).await.refuses(403, "forbidden");
    post(&app.practice("Birch Lane Dental").await.owner).await.refuses(404, "not_found");
    assert_eq!(post(&app.member(&practice, "member").await).await.expect(202).json()["state"], "pending");
    let rows = practice.owner.get("/api/v1/audit?limit=100").await.expect(200).json();
    let row =
        rows["items"].as_array().unwrap().iter().find(|row| row["action"] == "recording.retried").unwrap().clone();
    assert_eq!(row["detail"]["call"], json!(call));
}

#[tokio::test]
async fn content_is_deleted_for_good_unless_it_is_on_hold() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    let name = new_call();
    practice.send(&unrecorded(&name)).await.expect(200);
    let id: Uuid = practice.owner.call(&name).await["id"].as_str().unwrap().parse().unwrap();
    app.plant_recording(&practice, id, SOUND).await;
    let owner = &practice.owner;
    let (call, hold) = (format!("/api/v1/calls/{id}"), format!("/api/v1/calls/{id}/hold"));
    let put = async |body: Value| answer(owner.request(Method::PUT, &hold).json(&body)).await;

    put(json!({"reason": " "})).await.refuses(422, "invalid_input");
    assert_eq!(put(json!({"reason": " A complaint "})).await.expect(200).json()["reason"], "A complaint");
    put(json!({"reason": "Another"})).await.refuses(409, "on_hold");
    assert_eq!(owner.get(&call).await.expect(200).json()["legal_hold"]["reason"], "A complaint");
    owner.delete(&format!("{call}/content")).await.refuses(409, "on_hold");
    owner.delete(&hold).await.expect(204);
    owner.delete(&hold).await.refuses(409, "not_on_hold");
    app.member(&practice, "member").await.delete(&format!("{call}/content")).await.refuses(403, "forbidden");

    owner.delete(&format!("{call}/content")).await.expect(200);
    owner.delete(&format!("{call}/content")).await.refuses(409, "content_deleted");
    put(json!({"reason": "Too late"})).await.refuses(409, "content_deleted");
    let left = owner.get(&call).await.expect(200).json();
    assert_eq!(left["content_deleted"]["name"], format!("Owner of {}", practice.name));
    assert_eq!(
        (&left["summary"], &left["caller_name"], &left["from_number"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!((left["transcript"].as_array().unwrap().len(), left["events"].as_array().unwrap().len()), (0, 0));
    assert!(left["duration_seconds"].is_number() && left["cost"].is_object(), "that there was a call stays");
    part(owner, id, &[]).await.refuses(410, "recording_deleted");
    crate::support::eventually("the file to go", async || files(&app).is_empty().then_some(())).await;

    practice.send(&unrecorded(&name)).await.expect(200);
    let after = owner.get(&call).await.expect(200).json();
    assert_eq!(after, left, "what comes again brings nothing back");
    let rows = owner.get("/api/v1/audit?limit=100").await.expect(200).json();
    let did: Vec<&str> = rows["items"].as_array().unwrap().iter().filter_map(|row| row["action"].as_str()).collect();
    for action in ["call.hold_placed", "call.hold_lifted", "call.content_deleted"] {
        assert!(did.contains(&action), "{action}: {did:?}");
    }
}

#[tokio::test]
async fn a_setting_is_seen_before_it_is_in_force_and_is_written_down() {
    let app = TestApp::start().await;
    let practice = app.practice("Elm Street Dental").await;
    recorded(&app, &practice).await;
    let owner = &practice.owner;
    let put = async |body: Value| answer(owner.request(Method::PUT, "/api/v1/retention").json(&body)).await;
    assert_eq!(
        owner.get("/api/v1/retention").await.expect(200).json(),
        json!({"recording_days": null, "content_days": null}),
        "for ever, until somebody says otherwise"
    );
    // The fixture's call is some weeks old.
    let seen = owner.get("/api/v1/retention/preview?recording_days=1&content_days=1").await.expect(200).json();
    assert_eq!(seen["recordings"], 1, "{seen}");
    assert_eq!((&seen["calls"], &seen["held"], &seen["recording_bytes"]), (&json!(1), &json!(0), &json!(64)));
    let nothing = owner.get("/api/v1/retention/preview").await.expect(200).json();
    assert_eq!(nothing["recordings"], 0);
    let wrong = owner.get("/api/v1/retention/preview?content_days=1").await.refuses(422, "invalid_input");
    assert_eq!(wrong.json()["errors"][0]["path"], "recording_days");
    put(json!({"recording_days": 30, "content_days": 29})).await.refuses(422, "invalid_input");
    let unseen = put(json!({"recording_days": 1, "content_days": 1})).await.refuses(409, "preview_first");
    assert!(unseen.json()["detail"].as_str().unwrap().contains("recordings: 1, calls: 1"));
    put(json!({"recording_days": 1, "content_days": null, "confirmation": seen["confirmation"]}))
        .await
        .refuses(409, "preview_first");
    put(json!({"recording_days": 1, "content_days": 1, "confirmation": seen["confirmation"]})).await.expect(200);
    put(json!({"recording_days": 36_500, "content_days": null})).await.expect(200);
    let rows = owner.get("/api/v1/audit?limit=100").await.expect(200).json();
    let row =
        rows["items"].as_array().unwrap().iter().find(|row| row["action"] == "retention.changed").unwrap().clone();
    assert_eq!(row["detail"]["after"]["recording_days"], 36_500);
}

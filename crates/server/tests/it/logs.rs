//! What the log and the metrics must never hold: names, numbers, words, addresses, secrets.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{
    ApiAccess, CANARIES, Credential, Faults, Kind, SimulateOptions, Target, Truth, practices, run, verify,
};
use tokio_util::sync::CancellationToken;

use crate::support::binary::{Installation, free_port};
use crate::support::{Client, PASSWORD, answer};

const NAME: &str = "Elm Street Dental";
const EMAIL: &str = "owner@elmstreet.example";
const SECRET: &str = "webhook-secret-of-elm-street";

/// Everything personal or secret that passed through.
fn sensitive(truth: &Truth, target: &Target) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = CANARIES.iter().map(|canary| (*canary).to_owned()).collect();
    for call in &truth.calls {
        all.extend([&call.from, &call.to].into_iter().flatten().cloned());
        all.extend(call.summary.clone());
        for turn in &call.turns {
            all.insert(turn.text.clone());
            // Part of a sentence is as personal as the whole.
            let words: Vec<&str> = turn.text.split_whitespace().collect();
            all.extend(words.windows(4).map(|words| words.join(" ")));
        }
    }
    all.extend(target.numbers.iter().map(|number| number.e164.clone()));
    all.extend(practices().iter().flat_map(|practice| practice.staff).map(|person| person.name.to_owned()));
    // Without the plus, in whatever form a log might show it.
    let digits: Vec<String> = all.iter().filter_map(|text| text.strip_prefix('+')).map(str::to_owned).collect();
    all.extend(digits.into_iter().filter(|digits| digits.len() >= 7 && digits.bytes().all(|b| b.is_ascii_digit())));
    all.extend([SECRET, PASSWORD, EMAIL, "owner@elmstreet"].map(str::to_owned));
    all.into_iter().filter(|text| text.len() >= 7).collect()
}

#[tokio::test]
async fn the_log_and_the_metrics_tell_what_happened_and_nothing_of_whom() {
    let place = Installation::new();
    let org = place.create_org(NAME, EMAIL).await;
    let connection = place.connect(org, SECRET).await;
    let metrics = format!("127.0.0.1:{}", free_port());
    let settings =
        [("VOXANNE_LOG", "debug"), ("VOXANNE_LOG_FORMAT", "json"), ("VOXANNE_METRICS_LISTEN", metrics.as_str())];
    let server = place.serve(&[], &settings).await;
    let played = Target::of_kind(Kind::Dental, &place.base(), Some(connection), SECRET).unwrap();
    let target = Target { org_label: NAME.to_owned(), ..played };
    let options = SimulateOptions {
        faults: Faults { lost: 0.0, ..Faults::some_of_everything() },
        start: None,
        ..SimulateOptions::flat_out(21, 12, "2026-03-11T09:00:00Z".parse().unwrap())
    };
    let truth = run(options, vec![target.clone()], CancellationToken::new(), |_| {}).await.unwrap();
    let access = ApiAccess {
        base_url: place.base(),
        credential: Credential::Password { email: EMAIL.to_owned(), password: PASSWORD.to_owned() },
        org_label: Some(NAME.to_owned()),
    };
    assert!(verify(&truth, &access).await.unwrap().is_clean());

    // What people do, and what they do wrong.
    let nobody = Client::new(&place.base(), None);
    let login = json!({"email": EMAIL, "password": PASSWORD});
    let issued = nobody.post("/api/v1/auth/login", &login).await.expect(200).json();
    nobody.post("/api/v1/auth/login", &json!({"email": EMAIL, "password": "a wrong password"})).await.expect(401);
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let owner = Client::new(&place.base(), Some(token.clone()));
    let number = truth.calls.iter().find_map(|call| call.from.clone()).unwrap().replace('+', "");
    owner.get(&format!("/api/v1/calls?q={number}")).await.expect(200);
    owner.get("/api/v1/calls?q=wisdom%20tooth&status=nonsense").await.expect(400);
    let invited =
        owner.post("/api/v1/invitations", &json!({"email": "bea.newcomer@example.com", "role": "viewer"})).await;
    let link = invited.expect(201).json()["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    answer(nobody.request(Method::GET, &format!("/invite/{link}")).header("accept", "text/html")).await.expect(200);
    let key = owner.post("/api/v1/api-keys", &json!({"name": "Desk", "scopes": ["calls:read"]})).await.expect(201);
    let key = key.json()["key"].as_str().unwrap().to_owned();
    Client::new(&place.base(), Some(key.clone())).get("/api/v1/calls").await.expect(200);
    let ticket = owner.post("/api/v1/live/tickets", &json!({})).await.expect(201).json();
    let ticket = ticket["ticket"].as_str().unwrap().to_owned();
    nobody.get(&format!("/api/v1/live?ticket={ticket}")).await.expect(200);
    nobody.get("/metrics").await.refuses(404, "not_found");
    let metrics = reqwest::Client::builder().no_proxy().build().unwrap().get(format!("http://{metrics}/metrics"));
    let metrics = metrics.send().await.unwrap().text().await.unwrap();
    for name in ["voxanne_events_total", "voxanne_http_request_seconds", "voxanne_events_refused_total"] {
        assert!(metrics.contains(name), "{name} is counted");
    }
    assert!(server.stop().await.success());

    let log = place.text("err.log");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().filter(|line| line["message"] == "request").count() > 100, "the log was kept");
    assert!(lines.iter().any(|line| line["route"] == "/api/v1/calls"), "{:?}", lines.last());
    let mut found = Vec::new();
    let mut sensitive = sensitive(&truth, &target);
    let issued = [token, link, key, ticket, issued["refresh_token"].as_str().unwrap().to_owned()];
    sensitive.extend(issued);
    sensitive.extend(["a wrong password", "wisdom tooth", "wisdom%20tooth", "bea.newcomer"].map(str::to_owned));
    for text in &sensitive {
        if let Some(line) = log.lines().chain(metrics.lines()).find(|line| line.contains(text.as_str())) {
            found.push(format!("{text}\n    {line:.600}"));
        }
    }
    assert!(
        found.is_empty(),
        "{} of {} in the log or the metrics:\n{}",
        found.len(),
        sensitive.len(),
        found.join("\n")
    );
}

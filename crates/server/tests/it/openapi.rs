//! The description of the API is complete, committed, and served.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::TestApp;

/// What anybody may ask for; everything else must say that it answers 401.
const PUBLIC: [&str; 12] = [
    "list_signing_keys",
    "get_health",
    "get_ready",
    "get_openapi",
    "accept_invitation",
    "forgot_password",
    "reset_password",
    "list_demo_slots",
    "book_demo",
    "create_demo_hold",
    "create_demo_booking",
    "open_recording_link",
];
/// Answers of its own beside the one error shape: the parts that are not ready, free times beside a taken one, and what
/// the pages of the original system read besides.
const OWN_FAILURES: [(&str, &str); 10] = [
    ("get_ready", "503"),
    ("create_demo_hold", "409"),
    ("create_demo_booking", "409"),
    ("update_demo_booking", "409"),
    ("book_demo", "400"),
    ("book_demo", "409"),
    ("book_demo", "413"),
    ("book_demo", "415"),
    ("book_demo", "429"),
    ("book_demo", "503"),
];

fn document() -> Value {
    serde_json::from_str(&server::openapi::document().unwrap()).unwrap()
}

/// Path, method and operation.
pub fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters");
        methods.map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation.clone()))
    });
    all.collect()
}

#[test]
fn the_committed_description_is_the_one_of_the_routes() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json")).unwrap();
    assert!(
        committed == server::openapi::document().unwrap(),
        "openapi.json is not what the routes say. If the change is meant: make openapi"
    );
}

#[test]
fn every_operation_says_what_it_is_and_how_it_fails() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{at} has no operationId"));
        assert!(names.insert(name.to_owned()), "{at}: {name} is there twice");
        assert!(name.contains('_') && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{at} has one tag");
        assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{at} has a sentence");
        let answers = operation["responses"].as_object().unwrap();
        assert!(PUBLIC.contains(&name) || answers.contains_key("401"), "{at} does not say that it answers 401");
        for (status, answer) in answers.iter().filter(|(status, _)| status.as_str() >= "400") {
            if OWN_FAILURES.contains(&(name, status)) {
                continue;
            }
            let schema = &answer["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{at} {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{at} {parameter}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_description_is_served_to_programs_and_to_people() {
    let app = TestApp::start().await;
    let json = app.nobody().get("/api/v1/openapi.json").await.expect(200);
    assert_eq!(json.headers["content-type"], "application/json");
    assert_eq!(json.body, server::openapi::document().unwrap());

    let page = app.nobody().get("/api/docs").await.expect(200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("style-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    for (path, method, operation) in operations(&document()) {
        assert!(text.contains(&format!("{method} {path}")), "{method} {path}");
        assert!(text.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())));
    }
    for foreign in ["<script", "<style", "style=\"", "http://", "https://", "//cdn"] {
        assert!(!text.contains(foreign), "{foreign}");
    }
    let style = app.nobody().get("/api/docs/style.css").await.expect(200);
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
}

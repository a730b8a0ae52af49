//! Every message that the simulator can send, held against the provider's published schema.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::practice::practices;
use crate::scenario::Scenario;
use crate::script::library;
use crate::target::Target;

const SCHEMA: &str = include_str!("../../fixtures/server-messages.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Checks required fields, types, short enums and references. Returns what is wrong, with its path.
fn problems(schemas: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(name) = schema["$ref"].as_str() {
        return problems(schemas, &schemas[name], value, path);
    }
    if let Some(name) = schema["type"].as_str() {
        let fits = match name {
            "string" => value.is_string(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("{other} is not a type of the schema"),
        };
        if !fits {
            return vec![format!("{path} is not a {name}: {value}")];
        }
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        found.push(format!("{path} is {value}, not one of {allowed:?}"));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            found.push(format!("{path} lacks {required}"));
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            found.extend(problems(schemas, property, value, &format!("{path}.{name}")));
        }
    }
    if schema["items"].is_object() {
        for (index, value) in value.as_array().into_iter().flatten().enumerate() {
            found.extend(problems(schemas, &schema["items"], value, &format!("{path}[{index}]")));
        }
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(problems(schemas, part, value, path));
    }
    for alternatives in [&schema["oneOf"], &schema["anyOf"]].into_iter().filter_map(Value::as_array) {
        let tried: Vec<Vec<String>> = alternatives.iter().map(|one| problems(schemas, one, value, path)).collect();
        if !tried.iter().any(Vec::is_empty) {
            found.push(format!("{path} fits none of its alternatives: {tried:?}"));
        }
    }
    found
}

/// Every message of one call of every script, the practices taking turns, and the question before it.
fn messages(options: &WireOptions) -> Vec<Value> {
    let mut all = Vec::new();
    for (script, practice) in library().iter().zip(practices().iter().cycle()) {
        let target = Target::of_practice(practice, "http://127.0.0.1:9", None, "secret");
        let mut rng = rng::stream(3, &script.id);
        let scenario = Scenario::draw(&mut rng, &target, script, Timestamp::UNIX_EPOCH);
        all.push(assistant_request(&scenario, options).message);
        all.extend(timeline(&scenario, options).events.into_iter().map(|event| event.message));
    }
    all
}

#[test]
fn every_message_has_the_shape_of_the_published_schema() {
    let schema = schema();
    let known: BTreeSet<&str> = schema["messages"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for message in messages(&WireOptions::default()) {
        let kind = message["type"].as_str().unwrap();
        *seen.entry(kind.to_owned()).or_default() += 1;
        let found = problems(&schema["schemas"], &schema["messages"][kind], &message, kind);
        assert_eq!(found, Vec::<String>::new(), "{message:#}");
        if let Some(reason) = message["endedReason"].as_str() {
            let official = schema["endedReasons"].as_array().unwrap();
            assert!(official.iter().any(|one| one == reason), "{reason} is not a published ended reason");
        }
    }
    let seen: BTreeSet<&str> = seen.keys().map(String::as_str).collect();
    assert_eq!(seen, known, "the kinds sent and the kinds in the fixture differ");
}

#[test]
fn a_call_object_has_the_published_shape_at_every_moment_and_in_the_end_says_what_the_report_says() {
    let schema = schema();
    let options = WireOptions::default();
    for (script, practice) in library().iter().zip(practices().iter().cycle()) {
        let target = Target::of_practice(practice, "http://127.0.0.1:9", None, "secret");
        let scenario = Scenario::draw(&mut rng::stream(3, &script.id), &target, script, Timestamp::UNIX_EPOCH);
        let events = timeline(&scenario, &options).events;
        let telling = |(place, event): &(usize, &Event)| {
            place % 20 == 0 || matches!(event.kind, EventKind::Status { .. } | EventKind::Report)
        };
        for (_, event) in events.iter().enumerate().filter(telling) {
            let call = call_object(&scenario, &options, event.offset_ms);
            let found = problems(&schema["schemas"], &schema["schemas"]["Call"], &call, "call");
            assert_eq!(found, Vec::<String>::new(), "{call:#}");
            if let EventKind::Status { status } = &event.kind {
                assert_eq!(call["status"], *status, "{}", script.id);
            }
            let is_reported = event.kind == EventKind::Report;
            assert_eq!(call["artifact"]["recording"].is_object(), is_reported && scenario.started_at.is_some());
            assert_eq!(call["analysis"].is_object(), is_reported);
        }
        let report = &events.last().unwrap().message;
        let call = call_object(&scenario, &options, u32::MAX);
        for key in ["analysis", "artifact", "cost", "costs", "destination", "endedAt", "endedReason", "startedAt"] {
            assert_eq!(call.get(key), report.get(key), "{}: {key}", script.id);
        }
        assert_eq!(call["updatedAt"], iso(scenario.at(scenario.report_at)));
    }
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    let schema = schema();
    let report = &schema["messages"]["end-of-call-report"];
    let wrong = json!({
        "type": "end-of-call-report", "endedReason": 7, "analysis": {}, "artifact": {"messages": [{"role": "user"}]},
        "call": {"id": "x", "orgId": "y", "createdAt": "z", "type": "smokeSignal"},
    });
    let found = problems(&schema["schemas"], report, &wrong, "report").join("\n");
    assert!(found.contains("report.endedReason is not a string"), "{found}");
    assert!(found.contains("report.artifact.messages[0] fits none"), "{found}");
    assert!(found.contains("report.call lacks \"updatedAt\""), "{found}");
    assert!(found.contains("report.call.type is \"smokeSignal\""), "{found}");
}

#[test]
fn every_message_of_a_phone_call_carries_the_canaries_of_the_real_ones() {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for message in messages(&WireOptions::default()) {
        let text = message.to_string();
        found.extend(CANARIES.into_iter().filter(|canary| text.contains(canary)));
        if message["phoneNumber"].is_object() {
            assert_eq!(message["phoneNumber"]["twilioAuthToken"], CANARIES[0]);
            assert_eq!(message["call"]["phoneNumber"]["twilioAuthToken"], CANARIES[0]);
        }
        assert!(message["call"]["monitor"]["listenUrl"].as_str().unwrap().contains(CANARIES[5]));
    }
    assert_eq!(found.len(), CANARIES.len(), "only {found:?}");
}

#[test]
fn tool_calls_come_in_all_three_documented_shapes() {
    for (shape, arguments) in [
        (ToolShape::Schema, "/function/arguments"),
        (ToolShape::ArgumentsObject, "/arguments"),
        (ToolShape::ParametersObject, "/parameters"),
    ] {
        let wire = WireOptions { tool_shape: shape, ..WireOptions::default() };
        let calls: Vec<Value> = messages(&wire)
            .into_iter()
            .filter(|message| message["type"] == "tool-calls")
            .map(|message| message["toolCallList"][0].clone())
            .collect();
        assert!(calls.len() > 20);
        for call in calls {
            let found = call.pointer(arguments).unwrap_or_else(|| panic!("{shape:?}: {call}"));
            assert_eq!(found.is_string(), shape == ToolShape::Schema);
        }
    }
}

#[test]
fn every_number_is_kept_free_for_fiction() {
    let fictional = ["+4420794601", "+447700900", "+44113496", "+493023125", "+6125550", "+6170100"];
    for message in messages(&WireOptions::default()) {
        let numbers =
            [&message["customer"]["number"], &message["phoneNumber"]["number"], &message["destination"]["number"]];
        for number in numbers.into_iter().filter_map(Value::as_str) {
            let in_america = number.starts_with("+1") && number.len() == 12 && &number[5..10] == "55501";
            assert!(in_america || fictional.iter().any(|range| number.starts_with(range)), "{number}");
        }
    }
}

//! What is sent back, field by field as documented.

use providers::vapi::MessageKind;
use providers::vapi::reply::{AssistantReply, Destination, ToolCallsReply, ToolResult, harmless};
use serde_json::{Value, json, to_value};

#[test]
fn an_assistant_request_is_answered_in_the_documented_shapes() {
    let reply = |reply: AssistantReply| to_value(reply).unwrap();
    assert_eq!(reply(AssistantReply::AssistantId("a-1".into())), json!({"assistantId": "a-1"}));
    assert_eq!(reply(AssistantReply::Assistant(json!({"name": "Ivy"}))), json!({"assistant": {"name": "Ivy"}}));
    assert_eq!(reply(AssistantReply::Error("Sorry.".into())), json!({"error": "Sorry."}));
    let number = Destination::Number { number: "+12025550177".into(), message: None };
    assert_eq!(
        reply(AssistantReply::Destination(number)),
        json!({"destination": {"type": "number", "number": "+12025550177"}})
    );
    let sip = Destination::Sip { sip_uri: "sip:desk@pbx.example.test".into(), message: Some("One moment.".into()) };
    assert_eq!(
        reply(AssistantReply::Destination(sip)),
        json!({"destination": {"type": "sip", "sipUri": "sip:desk@pbx.example.test", "message": "One moment."}})
    );
}

#[test]
fn tool_results_carry_id_name_and_one_line_of_text() {
    let reply = ToolCallsReply {
        results: vec![
            ToolResult::ok("call_1", "move_appointment", "Moved to\n  Tuesday."),
            ToolResult::failed("call_2", "send_text", "Sending texts is not set up."),
        ],
    };
    assert_eq!(
        to_value(reply).unwrap(),
        json!({"results": [
            {"toolCallId": "call_1", "name": "move_appointment", "result": "Moved to Tuesday."},
            {"toolCallId": "call_2", "name": "send_text", "error": "Sending texts is not set up."}
        ]})
    );
}

#[test]
fn requests_nobody_can_fulfil_get_an_honest_answer_that_harms_nobody() {
    for kind in [MessageKind::TransferDestinationRequest, MessageKind::HandoffDestinationRequest] {
        let reply = harmless(&kind).unwrap();
        assert!(reply["error"].is_string() && reply.get("destination").is_none());
    }
    assert_eq!(harmless(&MessageKind::KnowledgeBaseRequest), Some(json!({"documents": []})));
    assert_eq!(harmless(&MessageKind::CampaignPredial), Some(json!({"eligible": false})));
    let wait =
        harmless(&MessageKind::CallEndpointingRequest).and_then(|reply| reply["timeoutSeconds"].as_f64()).unwrap();
    assert!((0.0..=15.0).contains(&wait), "the schema allows 0 to 15 s");
}

#[test]
fn messages_that_expect_nothing_get_nothing() {
    for kind in MessageKind::documented().filter(|kind| !kind.expects_reply()) {
        assert_eq!(harmless(&kind), None::<Value>, "{kind}");
    }
    assert_eq!(MessageKind::documented().filter(MessageKind::expects_reply).count(), 8);
}

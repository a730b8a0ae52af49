//! A row of a call in the provider's own words.
//!
//! What the original kept of a call becomes a report, or a status while the call went on; a line of a transcript becomes a
//! transcript message. They are read by the code that reads webhooks, so scrubbing, limits, money and times are the same, and
//! what is stored can be replayed. The whole row stands in it under `imported`.

use providers::vapi::{Direction, MessageKind, ParseError, Role};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use voice::ingress::imports::Imported;
use voice::ingress::model::Event;

use platform::ids::{AgentId, CallId};

use crate::mapping::Mapping;
use crate::model::{Issue, Known, Reason, Taking};
use crate::rows::{CallWords, Content, Prepared, Source, Standing, TurnWords};

/// Columns that the message carries in another place, and that may be long.
const CARRIED: [&str; 3] = ["transcript", "transcript_only_fallback", "text"];

/// The event that a row of a call becomes, and what is worth knowing about it. `None` for rows of other things.
pub fn event_of(
    row: &Prepared,
    taking: &Taking,
    known: &Known,
    mapping: &Mapping,
) -> Result<Option<(Imported, Vec<Issue>)>, ParseError> {
    let Some(call_id) = taking.provider_call_id.as_deref() else { return Ok(None) };
    let mut notes = Vec::new();
    let (message, text) = match &row.content {
        Content::Call(words) => {
            let sides = sides(words, row, taking, known, mapping);
            if sides.direction.is_none() {
                notes.push(Issue::of("call_type", Reason::DirectionUnknown));
            }
            (call_message(words, &sides, row, call_id), words.transcript.clone())
        }
        Content::Turn(words) => (turn_message(words, &row.source, call_id), None),
        _ => return Ok(None),
    };
    let mut event =
        Event::from_received(providers::vapi::receive(json!({ "message": message }).to_string().as_bytes())?);
    let Source { table, id, digest, .. } = &row.source;
    event.type_text = format!("import.{table}");
    event.dedup_key = format!("import/{table}/{id}/{digest}");
    event.facts_digest = None;
    event.provider_call_id = Some(call_id.to_owned());
    let imported = Imported {
        // Lines with speakers have become turns; a text without them is kept as it is.
        plain_text: text.filter(|_| event.transcript.is_none()),
        new_id: CallId::from_uuid(taking.subject),
        agent: taking.agent.map(AgentId::from_uuid),
        lead: taking.lead,
        event,
    };
    Ok(Some((imported, notes)))
}

/// Who rang whom.
struct Sides {
    direction: Option<Direction>,
    ours: Option<String>,
    theirs: Option<String>,
    assistant: Option<String>,
}

/// The row's own word first; then which of its numbers is ours, what its agent does, and the mapping.
fn sides(words: &CallWords, row: &Prepared, taking: &Taking, known: &Known, mapping: &Mapping) -> Sides {
    let org: Uuid = taking.org.uuid();
    let is_ours =
        |number: &Option<String>| number.as_deref().is_some_and(|number| known.is_number_of(number, org, mapping));
    let by_number = || match (is_ours(&words.from), is_ours(&words.to)) {
        (false, true) => Some(Direction::Inbound),
        (true, false) => Some(Direction::Outbound),
        _ => None,
    };
    let agent = taking.agent.and_then(|id| known.agent(id));
    let direction = words.direction.or_else(by_number).or_else(|| agent?.role).or(mapping.direction);
    let assistant = row.claims.assistant.clone().or_else(|| agent?.assistant.clone());
    let (CallWords { from, to, phone, .. }, mine) = (words, [&words.to, &words.from, &words.phone]);
    let ours = mine.into_iter().find(|number| is_ours(number)).cloned().flatten();
    let other = |order: [&Option<String>; 3]| {
        order.into_iter().find(|number| number.is_some() && **number != ours).cloned().flatten()
    };
    let (theirs, assumed) = match direction {
        // With one number only it is the other side's: the original wrote the caller into `to_number`.
        Some(Direction::Inbound) => (other([from, phone, to]), from.as_ref().and(to.clone())),
        Some(Direction::Outbound) => (other([to, phone, from]), to.as_ref().or(phone.as_ref()).and(from.clone())),
        Some(Direction::Web) | None => (None, None),
    };
    let ours = ours.or(assumed).filter(|number| Some(number) != theirs.as_ref());
    Sides { direction, ours, theirs, assistant }
}

fn call_message(words: &CallWords, sides: &Sides, row: &Prepared, call_id: &str) -> Value {
    let mut call = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            call.insert(name.to_owned(), value);
        }
    };
    let time = |at: Option<jiff::Timestamp>| at.map(|at| Value::String(at.to_string()));
    put("id", Some(call_id.into()));
    put("type", sides.direction.map(|direction| call_type(direction).into()));
    put("createdAt", time(Some(words.created)));
    put("startedAt", time(words.started));
    put("endedAt", time(words.ended));
    put("assistantId", sides.assistant.clone().map(Into::into));
    put("phoneCallProviderId", words.leg.clone().map(Into::into));

    let at = words.ended.or(words.started).unwrap_or(words.created);
    let mut message = json!({
        "timestamp": at.to_string(),
        "call": call,
        "customer": { "number": sides.theirs, "name": words.name },
        "phoneNumber": { "number": sides.ours },
        "imported": original(&row.source),
    });
    match words.standing {
        Standing::On(status) => {
            message["type"] = MessageKind::StatusUpdate.as_str().into();
            message["status"] = status.into();
        }
        Standing::Over(_) => {
            message["type"] = MessageKind::EndOfCallReport.as_str().into();
            message["durationSeconds"] = words.seconds.into();
            message["endedReason"] = words.reason.clone().into();
            message["cost"] = words.dollars.into();
            message["analysis"] = json!({ "summary": words.summary, "structuredData": words.extracted });
            message["artifact"] = json!({
                "messages": words.messages,
                "transcript": words.transcript,
                "recordingUrl": words.recording,
            });
        }
    }
    message
}

fn call_type(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inboundPhoneCall",
        Direction::Outbound => "outboundPhoneCall",
        Direction::Web => "webCall",
    }
}

fn turn_message(words: &TurnWords, source: &Source, call_id: &str) -> Value {
    json!({
        "type": MessageKind::Transcript.as_str(),
        "transcriptType": "final",
        "timestamp": words.at.map(|at| at.to_string()),
        "role": match words.role { Role::Agent => "assistant", Role::Caller => "user" },
        "transcript": words.text,
        "call": { "id": call_id },
        "imported": original(source),
    })
}

/// The row as it stood, but for what the message carries anyway.
fn original(source: &Source) -> Value {
    let rest: Map<String, Value> = source
        .row
        .iter()
        .filter(|(name, _)| !CARRIED.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({ "table": source.table, "row": rest })
}

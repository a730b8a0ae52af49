//! Looking again and again, and posting notices until somebody takes them.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use platform::jobs::{Outcome, Queue, Running, Schedule};
use platform::outbound::{Limits, OutboundError, Request};
use platform::secret::Secret;
use serde::Deserialize;

use super::model::{Delivery, NoticeId};
use super::{store, webhook};
use crate::signs::actions::Alarms;

/// Notices for the operator's webhook. Twelve attempts are more than a day.
pub const WEBHOOK: Queue = Queue { name: "alarms.webhook", attempts: 12, lease: Duration::from_mins(2), at_once: 2 };
/// The look at every sign.
pub const LOOK: Schedule =
    Schedule { name: "alarms.look", every: Duration::from_mins(1), patience: Duration::from_mins(4) };

const LIMITS: Limits = Limits {
    total: Duration::from_secs(20),
    connect: Duration::from_secs(15),
    idle: Duration::from_secs(10),
    hops: 0,
    max_bytes: 64 * 1024,
};

#[derive(Deserialize)]
struct Payload {
    notice: NoticeId,
}

/// Starts both on this node.
pub fn start(alarms: &Alarms) {
    let jobs = alarms.services().jobs.clone();
    let looking = alarms.clone();
    jobs.schedule(LOOK, move || {
        let alarms = looking.clone();
        async move { alarms.evaluate().await }
    });
    let posting = alarms.clone();
    jobs.work(WEBHOOK, move |job| {
        let alarms = posting.clone();
        async move { post(&alarms, &job).await }
    });
}

/// Posts one notice: the handler of [`WEBHOOK`].
pub async fn post(alarms: &Alarms, job: &Running) -> Outcome {
    let Ok(Payload { notice }) = job.payload() else {
        return Outcome::dead("its payload names no notice");
    };
    let body = match load(alarms, notice).await {
        Ok(Some(body)) => body,
        Ok(None) => return Outcome::Done,
        Err(_) => return Outcome::failed("the notice could not be read"),
    };
    let outcome = match send(alarms, notice, &body).await {
        Ok(outcome) => outcome,
        Err(error) if error.may_pass() => Outcome::failed(error.to_string()),
        Err(error) => Outcome::dead(error.to_string()),
    };
    metrics::counter!("voxanne_alert_webhooks_total", "outcome" => outcome.as_str()).increment(1);
    let (delivery, words) = match &outcome {
        Outcome::Done => (Delivery::Delivered, "taken"),
        Outcome::Dead { reason } => (Delivery::Failed, reason.as_str()),
        Outcome::Failed { reason } if job.is_last => (Delivery::Failed, reason.as_str()),
        Outcome::Failed { reason } | Outcome::Later { reason, .. } => (Delivery::Waiting, reason.as_str()),
    };
    match note(alarms, notice, delivery, words).await {
        Ok(()) => outcome,
        // The receiver drops a repeat by its id.
        Err(_) => Outcome::failed("what came of the notice could not be written down"),
    }
}

async fn send(alarms: &Alarms, notice: NoticeId, body: &str) -> Result<Outcome, OutboundError> {
    let Some(hook) = &alarms.services().config.webhook else {
        return Ok(Outcome::dead("no webhook is configured any more"));
    };
    let (id, now) = (webhook::message_id(notice), alarms.now());
    let signature = Secret::new(webhook::signature(&hook.keys, &id, now, body));
    let text = |value: &str| HeaderValue::from_str(value).map_err(|_| OutboundError::BadHeader);
    let request = Request::post(hook.url.expose())?
        .header(HeaderName::from_static("content-type"), HeaderValue::from_static("application/json"))
        .header(HeaderName::from_static("webhook-id"), text(&id)?)
        .header(HeaderName::from_static("webhook-timestamp"), text(&now.as_second().to_string())?)
        .secret_header(HeaderName::from_static("webhook-signature"), &signature)?
        .body(body.to_owned());
    let answer = alarms.services().outbound.send(request, &LIMITS).await?;
    alarms.note_date(answer.headers.get("date").and_then(|date| date.to_str().ok()), now);
    let status = answer.status;
    Ok(match status.as_u16() {
        200..=299 => Outcome::Done,
        410 => Outcome::dead("the receiver wants no more (410)"),
        code => match answer.retry_after().filter(|_| matches!(code, 429 | 503)) {
            Some(after) => {
                Outcome::Later { after: after.min(Duration::from_hours(6)), reason: format!("status {code}") }
            }
            None => Outcome::failed(format!("status {code}")),
        },
    })
}

async fn load(alarms: &Alarms, notice: NoticeId) -> Result<Option<String>, platform::tenancy::DbError> {
    let mut tx = alarms.services().tenancy.system("a notice of the installation is posted").await?;
    let body = store::waiting_body(&mut tx, notice).await?;
    tx.commit().await?;
    Ok(body)
}

async fn note(
    alarms: &Alarms,
    notice: NoticeId,
    delivery: Delivery,
    words: &str,
) -> Result<(), platform::tenancy::DbError> {
    let words: String = words.chars().take(300).collect();
    let mut tx = alarms.services().tenancy.system("what came of a notice of the installation").await?;
    store::set_delivery(&mut tx, notice, delivery, &words).await?;
    tx.commit().await
}

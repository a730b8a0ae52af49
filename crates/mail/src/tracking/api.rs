//! `POST /api/webhooks/mail/{provider}`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use jiff::SignedDuration;
use platform::clock::Clock;
use platform::config::MailEventsConfig;
use platform::http::{ApiError, ClientAddr, FieldError, Json, Limiter, Problem, PublicRouter};
use platform::secret::Secret;
use platform::tenancy::Tenancy;
use providers::mail_events::{Batch, Unreadable};
use providers::sendgrid::{NotAKey, VerificationKey};
use providers::webhook::Refused;
use providers::{mailgun, postmark, sendgrid};
use serde::Serialize;
use utoipa::ToSchema;

use super::actions;

/// Largest request in bytes. SendGrid sends at 768 kB or after half a minute, whichever comes first.
const MAX_BYTES: usize = 1 << 20;
/// How far SendGrid's time of signing may lie from ours. A second lock only: a replay brings nothing twice.
const SENDGRID_WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// The same for Mailgun, which tries for eight hours and does not promise to sign anew. A token counts once.
const MAILGUN_WINDOW: SignedDuration = SignedDuration::from_hours(9);

/// State of the route. Cheap to clone.
#[derive(Clone)]
pub struct WebhookState {
    tenancy: Tenancy,
    clock: Clock,
    /// Refused requests per address; verified ones are never counted.
    unverified: Option<Limiter<IpAddr>>,
    proofs: Arc<Proofs>,
}

/// What verifies each provider's requests.
struct Proofs {
    sendgrid: Vec<VerificationKey>,
    postmark: Vec<Secret>,
    mailgun: Vec<Secret>,
}

impl WebhookState {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When a key of SendGrid is none.
    pub fn new(
        tenancy: Tenancy,
        clock: Clock,
        unverified: Option<Limiter<IpAddr>>,
        config: &MailEventsConfig,
    ) -> Result<Self, NotAKey> {
        let sendgrid = config.sendgrid_keys.iter().map(|key| key.parse()).collect::<Result<_, _>>()?;
        let (postmark, mailgun) = (config.postmark_secrets.clone(), config.mailgun_keys.clone());
        Ok(Self { tenancy, clock, unverified, proofs: Arc::new(Proofs { sendgrid, postmark, mailgun }) })
    }
}

/// The webhook route. Public on purpose: each request proves itself in its provider's own way.
pub fn router(state: WebhookState) -> PublicRouter<()> {
    PublicRouter::new().route(__path_receive_mail_events, receive_mail_events).body_limit(MAX_BYTES).with_state(state)
}

/// A provider of relays whose events are understood.
#[derive(Clone, Copy)]
enum Provider {
    Sendgrid,
    Postmark,
    Mailgun,
}

impl Provider {
    fn of_path(text: &str) -> Option<Self> {
        match text {
            "sendgrid" => Some(Self::Sendgrid),
            "postmark" => Some(Self::Postmark),
            "mailgun" => Some(Self::Mailgun),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sendgrid => "sendgrid",
            Self::Postmark => "postmark",
            Self::Mailgun => "mailgun",
        }
    }

    fn verify(self, state: &WebhookState, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
        let (proofs, now) = (&state.proofs, state.clock.now());
        match self {
            Self::Sendgrid => sendgrid::verify(&proofs.sendgrid, headers, body, now, SENDGRID_WINDOW),
            Self::Postmark => postmark::verify(&exposed(&proofs.postmark), headers),
            Self::Mailgun => mailgun::verify(&exposed(&proofs.mailgun), body, now, MAILGUN_WINDOW),
        }
    }

    fn receive(self, body: &[u8]) -> Result<Batch, Unreadable> {
        match self {
            Self::Sendgrid => sendgrid::receive(body),
            Self::Postmark => postmark::receive(body),
            Self::Mailgun => mailgun::receive(body),
        }
    }
}

fn exposed(secrets: &[Secret]) -> Vec<&str> {
    secrets.iter().map(Secret::expose).collect()
}

/// What became of the events.
#[derive(Debug, Serialize, ToSchema)]
struct EventsTaken {
    /// New events of mails of this installation.
    stored: usize,
    /// Events that were known already.
    repeated: usize,
    /// New events that name no mail of this installation; kept aside.
    unmatched: u64,
    /// New events that could not be read; kept aside.
    faulty: u64,
}

/// Takes in what a mail provider tells about mails: delivered, bounced, complained, opened and so on.
///
/// Each provider proves itself in its own way: SendGrid by its signed event webhook, Postmark by the password in the
/// address that was entered there, Mailgun by the signature in the body. Events that name no mail are kept, not refused.
#[utoipa::path(
    post, path = "/api/webhooks/mail/{provider}", tag = "webhooks",
    params(("provider" = String, Path, description = "`sendgrid`, `postmark` or `mailgun`.")),
    request_body(content = serde_json::Value, description = "The provider's own events: a list for SendGrid, one object for the others."),
    responses(
        (status = 200, description = "Stored.", body = EventsTaken),
        (status = 400, description = "Verified, but not events.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "Not verified, or no such provider.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Larger than the limit.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "With a content encoding.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many unverified requests from this address.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Not stored; send it again.", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn receive_mail_events(
    State(state): State<WebhookState>,
    client: ClientAddr,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Result<axum::body::Bytes, BytesRejection>,
) -> Result<Json<EventsTaken>, ApiError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The events are larger than the limit.")
        }
        _ => ApiError::bad_request("unreadable_body", "The body was cut off."),
    })?;
    // The bytes are what is signed, so nothing unfolds them first; nor can a small body become a large one here.
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "encoded_body",
            "Send the body without content encoding.",
        ));
    }
    let Some(provider) = Provider::of_path(&provider).filter(|provider| is_genuine(&state, *provider, &headers, &body))
    else {
        if let Some(limiter) = &state.unverified {
            limiter.check(&client.limit_key())?;
        }
        return Err(ApiError::unauthenticated());
    };
    let batch = provider.receive(&body).map_err(|error| {
        tracing::warn!(code = error.code(), provider = provider.name(), "a verified body holds no events");
        ApiError::bad_request(error.code(), error.to_string())
            .with_errors(vec![FieldError::new("$", error.to_string())])
    })?;
    // Whatever the database says, the provider must send it again: an event that cannot be stored today may be tomorrow.
    let taken = actions::take_in(&state.tenancy, provider.name(), &batch, state.clock.now())
        .await
        .map_err(ApiError::unavailable)?;
    let actions::Taken { stored, repeated, strays, faulty, .. } = taken;
    Ok(Json(EventsTaken { stored, repeated, unmatched: strays, faulty }))
}

fn is_genuine(state: &WebhookState, provider: Provider, headers: &HeaderMap, body: &[u8]) -> bool {
    match provider.verify(state, headers, body) {
        Ok(()) => true,
        Err(refused) => {
            let (reason, provider) = (refused.reason(), provider.name());
            metrics::counter!("voxanne_mail_events_refused_total", "reason" => reason, "source" => provider)
                .increment(1);
            tracing::info!(reason, provider, "an unverified mail event was refused");
            false
        }
    }
}

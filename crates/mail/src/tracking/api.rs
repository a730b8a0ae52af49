//! `POST /api/webhooks/mail/{provider}`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use jiff::SignedDuration;
use platform::clock::Clock;
use platform::config::MailEventsConfig;
use platform::http::{ApiError, ClientAddr, FieldError, Json, Limiter, Problem, PublicRouter, SignedBody};
use platform::secret::Secret;
use platform::tenancy::Tenancy;
use providers::mail_events::{Batch, Unreadable};
use providers::sendgrid::{NotAKey, VerificationKey};
use providers::ses::sns::NotATopic;
use providers::webhook::Refused;
use providers::{mailgun, postmark, sendgrid};
use serde::Serialize;
use utoipa::ToSchema;

use super::actions;
use super::ses::{Fetch, Heard, Topics, Unheard};

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
    ses: Topics,
}

/// A setting that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum BadSetting {
    /// `VOXANNE_MAIL_SENDGRID_WEBHOOK_KEY`.
    #[error("VOXANNE_MAIL_SENDGRID_WEBHOOK_KEY {0}")]
    Sendgrid(#[from] NotAKey),
    /// `VOXANNE_MAIL_SES_TOPICS`.
    #[error("VOXANNE_MAIL_SES_TOPICS {0}")]
    Ses(#[from] NotATopic),
}

impl WebhookState {
    /// Puts the parts together. `fetch` gets what lies at Amazon SNS.
    ///
    /// # Errors
    /// When a key of SendGrid or a topic of SNS is none.
    pub fn new(
        tenancy: Tenancy,
        clock: Clock,
        unverified: Option<Limiter<IpAddr>>,
        config: &MailEventsConfig,
        fetch: Fetch,
    ) -> Result<Self, BadSetting> {
        let sendgrid = config.sendgrid_keys.iter().map(|key| key.parse()).collect::<Result<_, NotAKey>>()?;
        let (postmark, mailgun) = (config.postmark_secrets.clone(), config.mailgun_keys.clone());
        let topics = config.ses_topics.iter().map(|topic| topic.parse()).collect::<Result<_, NotATopic>>()?;
        let ses = Topics::new(topics, fetch);
        Ok(Self { tenancy, clock, unverified, proofs: Arc::new(Proofs { sendgrid, postmark, mailgun, ses }) })
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
    Ses,
}

type Receive = fn(&[u8]) -> Result<Batch, Unreadable>;

impl Provider {
    fn of_path(text: &str) -> Option<Self> {
        match text {
            "sendgrid" => Some(Self::Sendgrid),
            "postmark" => Some(Self::Postmark),
            "mailgun" => Some(Self::Mailgun),
            "ses" => Some(Self::Ses),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sendgrid => "sendgrid",
            Self::Postmark => "postmark",
            Self::Mailgun => "mailgun",
            Self::Ses => "ses",
        }
    }

    /// Verifies a request and reads what it says.
    async fn hear(self, state: &WebhookState, headers: &HeaderMap, body: &[u8]) -> Result<Heard, Unheard> {
        let (proofs, now) = (&state.proofs, state.clock.now());
        let (verified, receive): (_, Receive) = match self {
            Self::Ses => return proofs.ses.hear(body, now).await,
            Self::Sendgrid => {
                (sendgrid::verify(&proofs.sendgrid, headers, body, now, SENDGRID_WINDOW), sendgrid::receive)
            }
            Self::Postmark => (postmark::verify(&exposed(&proofs.postmark), headers), postmark::receive),
            Self::Mailgun => (mailgun::verify(&exposed(&proofs.mailgun), body, now, MAILGUN_WINDOW), mailgun::receive),
        };
        verified.map_err(Unheard::Refused)?;
        receive(body).map(Heard::Events).map_err(|error| {
            tracing::warn!(code = error.code(), provider = self.name(), "a verified body holds no events");
            let fault = FieldError::new("$", error.to_string());
            Unheard::Failed(ApiError::bad_request(error.code(), error.to_string()).with_errors(vec![fault]))
        })
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
/// address that was entered there, Mailgun by the signature in the body, Amazon SES by SNS's signature and the topic, whose
/// subscription is confirmed here too. Events that name no mail are kept, not refused.
#[utoipa::path(
    post, path = "/api/webhooks/mail/{provider}", tag = "webhooks",
    params(("provider" = String, Path, description = "`sendgrid`, `postmark`, `mailgun` or `ses`.")),
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
    SignedBody(body): SignedBody,
) -> Result<Json<EventsTaken>, ApiError> {
    let Some(provider) = Provider::of_path(&provider) else { return Err(refuse(&state, client)) };
    let batch = match provider.hear(&state, &headers, &body).await {
        Ok(Heard::Events(batch)) => batch,
        Ok(Heard::Settled) => Batch::default(),
        Err(Unheard::Failed(error)) => return Err(error),
        Err(Unheard::Refused(refused)) => {
            note_refusal(provider, refused);
            return Err(refuse(&state, client));
        }
    };
    // Whatever the database says, the provider must send it again: an event that cannot be stored today may be tomorrow.
    let taken = actions::take_in(&state.tenancy, provider.name(), &batch, state.clock.now())
        .await
        .map_err(ApiError::unavailable)?;
    let actions::Taken { stored, repeated, strays, faulty, .. } = taken;
    Ok(Json(EventsTaken { stored, repeated, unmatched: strays, faulty }))
}

/// Only now is the client counted: what is verified is never lost to a limit.
fn refuse(state: &WebhookState, client: ClientAddr) -> ApiError {
    let limited = state.unverified.as_ref().map(|limiter| limiter.check(&client.limit_key()));
    match limited {
        Some(Err(too_many)) => too_many,
        _ => ApiError::unauthenticated(),
    }
}

fn note_refusal(provider: Provider, refused: Refused) {
    let (reason, provider) = (refused.reason(), provider.name());
    metrics::counter!("voxanne_mail_events_refused_total", "reason" => reason, "source" => provider).increment(1);
    tracing::info!(reason, provider, "an unverified mail event was refused");
}

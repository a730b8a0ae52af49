//! Amazon SES through SNS: the certificate that signs, remembered, and saying yes to a topic that asks.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use platform::http::ApiError;
use platform::http::problem::Chain;
use platform::outbound::{Limits, Outbound, OutboundError, Request};
use providers::mail_events::Batch;
use providers::ses;
use providers::ses::sns::{Envelope, Topic, Verified};
use providers::webhook::Refused;
use tokio::sync::Mutex;

/// How long a certificate is used before it is fetched again. Amazon replaces them every year or so, under new names.
const CERTIFICATE_LASTS: SignedDuration = SignedDuration::from_hours(24);
/// How long one that could not be fetched is not asked for again.
const FAILURE_LASTS: SignedDuration = SignedDuration::from_mins(1);
/// Most addresses that are remembered. There are one or two; the others are somebody's who knows the topic and tries.
const MOST_ADDRESSES: usize = 16;

/// A certificate has two kilobytes, an answer to a confirmation less.
const LIMITS: Limits = Limits {
    total: Duration::from_secs(10),
    connect: Duration::from_secs(5),
    idle: Duration::from_secs(5),
    hops: 0,
    max_bytes: 64 * 1024,
};

/// What came of fetching an address.
pub type Fetched = Result<Vec<u8>, Unfetched>;

/// Fetches an address of Amazon's, within seconds and up to a few kilobytes.
pub type Fetch = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Fetched> + Send>> + Send + Sync>;

/// Through the client that cannot be led inside. No redirect is followed: what Amazon has lies where it says.
pub fn fetch_through(outbound: Outbound) -> Fetch {
    Arc::new(move |url| {
        let outbound = outbound.clone();
        Box::pin(async move { fetch(&outbound, &url).await })
    })
}

async fn fetch(outbound: &Outbound, url: &str) -> Fetched {
    let told = |error: OutboundError| Unfetched(error.into());
    let answer = outbound.send(Request::get(url).map_err(told)?, &LIMITS).await.map_err(told)?;
    if !answer.status.is_success() {
        return Err(Unfetched(format!("Amazon answered {}", answer.status).into()));
    }
    Ok(answer.bytes().await.map_err(told)?.to_vec())
}

/// An address could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("an address of Amazon SNS could not be fetched")]
pub struct Unfetched(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What takes in messages of SNS.
pub(super) struct Topics {
    known: Vec<Topic>,
    fetch: Fetch,
    /// By address. Held while fetching, so that a rush fetches once.
    certificates: Mutex<HashMap<String, Looked>>,
}

/// What was found at the address of a certificate.
struct Looked {
    at: Timestamp,
    /// `None`: it could not be fetched.
    found: Option<Arc<[u8]>>,
}

impl Looked {
    fn holds(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < if self.found.is_some() { CERTIFICATE_LASTS } else { FAILURE_LASTS }
    }
}

/// A message that counts.
pub(super) enum Heard {
    /// Events of mails.
    Events(Batch),
    /// About the subscription itself; there is nothing to store.
    Settled,
}

/// Why a message does not count.
pub(super) enum Unheard {
    /// Not certainly Amazon's, or of a topic that nobody configured.
    Refused(Refused),
    /// Amazon's, and yet not understood, or its certificate cannot be fetched now: it comes again.
    Failed(ApiError),
}

impl Topics {
    pub(super) fn new(known: Vec<Topic>, fetch: Fetch) -> Self {
        Self { known, fetch, certificates: Mutex::default() }
    }

    /// Verifies a body and reads what it says. A topic that asks whether we want its messages is told yes.
    pub(super) async fn hear(&self, body: &[u8], now: Timestamp) -> Result<Heard, Unheard> {
        let envelope = Envelope::read(&self.known, body).map_err(Unheard::Refused)?;
        let certificate = self.certificate(envelope.certificate_url(), now).await?;
        match envelope.verify(&certificate).map_err(Unheard::Refused)? {
            Verified::Notification { message, .. } => match ses::receive(&message) {
                Ok(batch) => Ok(Heard::Events(batch)),
                // The first message of a new destination is a sentence and no event.
                Err(error) => {
                    tracing::info!(code = error.code(), "a message of SNS holds no events");
                    Ok(Heard::Settled)
                }
            },
            Verified::Confirm { url } => self.confirm(url).await,
            Verified::Unsubscribed => {
                tracing::warn!("a topic of SNS was unsubscribed: events of Amazon SES no longer come through it");
                Ok(Heard::Settled)
            }
        }
    }

    async fn confirm(&self, url: String) -> Result<Heard, Unheard> {
        (self.fetch)(url).await.map_err(|error| Unheard::Failed(ApiError::unavailable(error)))?;
        tracing::info!("a topic of SNS was confirmed: events of Amazon SES come through it");
        Ok(Heard::Settled)
    }

    async fn certificate(&self, url: &str, now: Timestamp) -> Result<Arc<[u8]>, Unheard> {
        let mut looked = self.certificates.lock().await;
        looked.retain(|_, looked| looked.holds(now));
        if let Some(Looked { found, .. }) = looked.get(url) {
            return found.clone().ok_or_else(|| Unheard::Failed(later()));
        }
        if looked.len() >= MOST_ADDRESSES {
            return Err(Unheard::Failed(later()));
        }
        let found = (self.fetch)(url.to_owned()).await;
        let found =
            found.inspect_err(|error| tracing::warn!(error = %Chain(error), "a certificate of SNS is not there"));
        let found: Option<Arc<[u8]>> = found.ok().map(Into::into);
        looked.insert(url.to_owned(), Looked { at: now, found: found.clone() });
        found.ok_or_else(|| Unheard::Failed(later()))
    }
}

/// Told without a look at the network.
fn later() -> ApiError {
    ApiError::unavailable(Unfetched("the certificate that signs is not there".into()))
}

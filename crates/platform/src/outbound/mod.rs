//! Requests that we send: the one guarded HTTP client.
//!
//! An address may come from a provider, or from a person who fills in a form, and must not make this server speak with
//! its own network: the database next door, the cloud's metadata. So:
//!
//! - only `https` and port 443, unless the operator allows the very host and port (`VOXANNE_OUTBOUND_ALLOW`);
//! - a name is resolved once, all of its addresses must be public, and the connection goes to one of those
//!   ([`guard`]); there is no second look-up that could be answered differently;
//! - redirects are followed by hand and each hop is checked like the first address. What proves who we are is left
//!   behind when the origin changes;
//! - time, bytes and hops are limited; the body is handed on as it comes, and never unpacked;
//! - an error names the host and a class, never a path, a query or a secret.

mod connect;
mod error;
mod guard;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::{Host, Url};

use crate::clock::Clock;
use crate::config::{HostPort, OutboundConfig};
use crate::secret::Secret;

pub use error::{OutboundError, Phase};
pub use guard::is_public;

/// How long a connection may take, whatever the request allows in all.
const CONNECT: Duration = Duration::from_secs(10);

/// What one request may use up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first hop to the last byte.
    pub total: Duration,
    /// From asking to the head of the answer, on each hop. Connecting takes at most ten seconds of it.
    pub connect: Duration,
    /// Between two pieces of the body.
    pub idle: Duration,
    /// How many redirects are followed.
    pub hops: u8,
    /// Bytes of the body that are read.
    pub max_bytes: u64,
}

impl Default for Limits {
    /// For a small answer that somebody waits for: half a minute, three hops, a mebibyte.
    fn default() -> Self {
        Self {
            total: Duration::from_secs(30),
            connect: Duration::from_secs(15),
            idle: Duration::from_secs(15),
            hops: 3,
            max_bytes: 1 << 20,
        }
    }
}

/// A request to be sent by [`Outbound::send`].
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    /// Which of the headers prove who we are.
    secrets: Vec<HeaderName>,
    body: Bytes,
}

impl Request {
    /// Asks for what is at `url`.
    pub fn get(url: &str) -> Result<Self, OutboundError> {
        Self::new(Method::GET, url)
    }

    /// Posts to `url`. The redirects of such a request are answered as they are and not followed.
    pub fn post(url: &str) -> Result<Self, OutboundError> {
        Self::new(Method::POST, url)
    }

    /// A request of any method. Only those of GET and HEAD follow redirects.
    pub fn new(method: Method, url: &str) -> Result<Self, OutboundError> {
        let url = Url::parse(url).map_err(|error| OutboundError::Address { what: format!("is not a URL: {error}") })?;
        Ok(Self { method, url, headers: HeaderMap::new(), secrets: vec![AUTHORIZATION, COOKIE], body: Bytes::new() })
    }

    /// With `Authorization: Bearer`.
    pub fn bearer(self, token: &Secret) -> Result<Self, OutboundError> {
        let value = Secret::new(format!("Bearer {}", token.expose()));
        self.secret_header(AUTHORIZATION, &value)
    }

    /// With a header that proves who we are: never shown, and not sent to another origin.
    pub fn secret_header(mut self, name: HeaderName, value: &Secret) -> Result<Self, OutboundError> {
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| OutboundError::BadHeader)?;
        value.set_sensitive(true);
        self.secrets.push(name.clone());
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With a header that anybody may see.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With this body. The caller names its type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// With this value as JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, OutboundError> {
        let body = serde_json::to_vec(value).map_err(|_| OutboundError::BadHeader)?;
        Ok(self.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body))
    }

    /// Goes on to another address; credentials stay with the origin they were given for.
    fn redirected(&mut self, to: Url) {
        if to.origin() != self.url.origin() {
            for name in &self.secrets {
                self.headers.remove(name);
            }
        }
        self.url = to;
    }
}

/// The guarded client. Cheap to clone; connections are kept and shared.
#[derive(Clone)]
pub struct Outbound {
    /// Resolves names itself and refuses those that are not public.
    guarded: reqwest::Client,
    /// For the hosts and ports that the operator has allowed.
    allowed: reqwest::Client,
    allow: Arc<[HostPort]>,
    clock: Clock,
}

/// Which client a checked address is for.
enum Way {
    Guarded,
    Allowed,
}

impl Outbound {
    /// A client for this process. Fails when TLS cannot be set up.
    pub fn new(config: &OutboundConfig, clock: Clock) -> Result<Self, OutboundError> {
        Self::with_lookup(config, clock, guard::system_lookup())
    }

    fn with_lookup(config: &OutboundConfig, clock: Clock, lookup: guard::Lookup) -> Result<Self, OutboundError> {
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(|_| OutboundError::Setup);
        Ok(Self {
            guarded: build(client()?.https_only(true).dns_resolver(guard::Guarded(lookup)))?,
            allowed: build(client()?)?,
            allow: config.allow.clone().into(),
            clock,
        })
    }

    /// Whether an address would be refused for what can be seen of it without asking anybody. For telling a person at
    /// once; [`Outbound::send`] checks again, and more.
    pub fn check(&self, url: &str) -> Result<(), OutboundError> {
        Request::get(url).and_then(|request| self.way(&request.url)).map(drop)
    }

    /// Sends the request, follows its redirects, and answers with the head of the last answer.
    ///
    /// Any status is an answer, not an error. Should an address turn out to be none of the outside's, or time run out,
    /// the error says so and nothing further is sent.
    pub async fn send(&self, mut request: Request, limits: &Limits) -> Result<Response, OutboundError> {
        let deadline = Instant::now() + limits.total;
        let mut hops = 0;
        loop {
            let host = host_of(&request.url)?;
            let answer = self.ask(&request, &host, limits, deadline).await?;
            let follows = matches!(request.method, Method::GET | Method::HEAD);
            let Some(location) = follows.then(|| redirect(&answer)).flatten() else {
                return Ok(Response {
                    status: answer.status(),
                    headers: answer.headers().clone(),
                    host,
                    body: answer,
                    read: 0,
                    limits: *limits,
                    deadline,
                    clock: self.clock.clone(),
                });
            };
            if hops == limits.hops {
                return Err(OutboundError::TooManyHops { host });
            }
            hops += 1;
            let to = location
                .to_str()
                .ok()
                .and_then(|location| request.url.join(location).ok())
                .ok_or(OutboundError::BadRedirect { host })?;
            request.redirected(to);
        }
    }

    async fn ask(
        &self,
        request: &Request,
        host: &str,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<reqwest::Response, OutboundError> {
        let client = match self.way(&request.url)? {
            Way::Guarded => &self.guarded,
            Way::Allowed => &self.allowed,
        };
        let sent = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send();
        match tokio::time::timeout_at(deadline.min(Instant::now() + limits.connect), sent).await {
            Err(_) => Err(OutboundError::TimedOut { host: host.to_owned(), phase: Phase::Answer }),
            Ok(answer) => answer.map_err(|error| OutboundError::of(host, Phase::Answer, error)),
        }
    }

    /// Judges an address by what can be seen of it. Names are judged when they are resolved.
    fn way(&self, url: &Url) -> Result<Way, OutboundError> {
        let wrong = |what: &str| OutboundError::Address { what: what.to_owned() };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("holds a user name or password"));
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(wrong("has no host"));
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("does not begin with https://"));
        }
        // The same host in another spelling: it would pass by every comparison.
        if matches!(host, Host::Domain(name) if name.ends_with('.')) {
            return Err(wrong("has a host that ends with a dot"));
        }
        if self.allow.iter().any(|allowed| allowed.is(&host, port)) {
            return Ok(Way::Allowed);
        }
        let refused = |what| OutboundError::Refused { host: host.to_string(), what };
        if url.scheme() != "https" {
            return Err(refused("it is not https"));
        }
        if port != 443 {
            return Err(refused("its port is not 443"));
        }
        let address = match host {
            Host::Domain(_) => return Ok(Way::Guarded),
            Host::Ipv4(address) => address.into(),
            Host::Ipv6(address) => address.into(),
        };
        if is_public(address) { Ok(Way::Guarded) } else { Err(refused(guard::NOT_PUBLIC)) }
    }
}

/// The head of an answer; its body is read piece by piece.
#[derive(Debug)]
pub struct Response {
    /// The status of the last hop.
    pub status: StatusCode,
    /// The headers of the last hop.
    pub headers: HeaderMap,
    /// The host that answered in the end.
    pub host: String,
    body: reqwest::Response,
    read: u64,
    limits: Limits,
    deadline: Instant,
    clock: Clock,
}

impl Response {
    /// How many bytes the body was said to have.
    pub fn length(&self) -> Option<u64> {
        self.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
    }

    /// The media type in lower case without parameters.
    pub fn media_type(&self) -> Option<String> {
        let text = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        Some(text.split(';').next()?.trim().to_ascii_lowercase())
    }

    /// How long the other side asks us to wait, as seconds or as a date (RFC 9110, 10.2.3).
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        Some(Duration::try_from(date.duration_since(self.clock.now())).unwrap_or_default())
    }

    /// The next piece of the body; `None` at its end. An end before the length that was announced is an error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        let too_large = || OutboundError::TooLarge { host: self.host.clone(), limit: self.limits.max_bytes };
        if self.read == 0 && self.length().is_some_and(|length| length > self.limits.max_bytes) {
            return Err(too_large());
        }
        let patience = self.deadline.min(Instant::now() + self.limits.idle);
        let chunk = match tokio::time::timeout_at(patience, self.body.chunk()).await {
            Err(_) => return Err(OutboundError::TimedOut { host: self.host.clone(), phase: Phase::Body }),
            Ok(chunk) => chunk.map_err(|error| OutboundError::of(&self.host, Phase::Body, error))?,
        };
        self.read += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.read > self.limits.max_bytes {
            return Err(OutboundError::TooLarge { host: self.host.clone(), limit: self.limits.max_bytes });
        }
        Ok(chunk)
    }

    /// The whole body, which is at most as long as the limits allow.
    pub async fn bytes(mut self) -> Result<Bytes, OutboundError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }

    /// The whole body as JSON.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, OutboundError> {
        let host = self.host.clone();
        let body = self.bytes().await?;
        // The place of a mistake in foreign JSON is told without quoting any of it.
        serde_json::from_slice(&body).map_err(|error| OutboundError::NotJson {
            host,
            line: error.line(),
            column: error.column(),
        })
    }
}

/// What both clients have in common: no proxy, no cookies, no redirects, no unpacking, HTTP/1.1.
fn client() -> Result<reqwest::ClientBuilder, OutboundError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| OutboundError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent("voxanne")
        .http1_only()
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .pool_idle_timeout(Duration::from_mins(1)))
}

fn host_of(url: &Url) -> Result<String, OutboundError> {
    url.host_str().map(str::to_owned).ok_or_else(|| OutboundError::Address { what: "has no host".to_owned() })
}

fn redirect(answer: &reqwest::Response) -> Option<HeaderValue> {
    let moved = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    moved.then(|| answer.headers().get(LOCATION).cloned()).flatten()
}

//! The types that configuration values become, with their parsers. A parser's error is the rest of a
//! sentence that begins with the variable's name; it quotes the value only where a value cannot
//! hold a password.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretBox};
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

use crate::ids::OrgId;
use crate::secret::Secret;

/// The longest period a rate may have. Longer ones would outlive the counters they are kept in.
const LONGEST_RATE_PERIOD: Duration = Duration::from_hours(24);

/// An organization's id.
pub(super) fn organization(text: &str) -> Result<OrgId, String> {
    text.parse().map_err(|_| format!("is {text:?}, not the id of an organization"))
}

/// So many in so long: `100/15m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many are let through in one period; at least 1.
    pub limit: u32,
    /// The period; from one second to one day.
    pub period: Duration,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("is {text:?}, not a rate like 100/15m (units s, m, h)");
        let (limit, period) = text.split_once('/').ok_or_else(wrong)?;
        let unit_at = period.len().checked_sub(1).ok_or_else(wrong)?;
        let (count, unit) = period.split_at_checked(unit_at).ok_or_else(wrong)?;
        let unit_seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        let limit = digits(limit).ok_or_else(wrong)?;
        let count: u32 = digits(count).ok_or_else(wrong)?;
        let period = Duration::from_secs(u64::from(count) * unit_seconds);
        if limit == 0 || period.is_zero() {
            return Err(format!("is {text:?}; neither number may be 0"));
        }
        if period > LONGEST_RATE_PERIOD {
            return Err(format!("is {text:?}; the period may not exceed 24h"));
        }
        Ok(Self { limit, period })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.limit, self.period.as_secs())
    }
}

/// A web origin: scheme, host and port, written as browsers write it in the `Origin` header (lower
/// case, no default port, no path, no trailing slash).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(String);

impl Origin {
    /// `https://host` or `http://host:port`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached through TLS, so that cookies may be marked `Secure`.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The origin of a plain HTTP listener. A wildcard address becomes loopback, as nobody can open
    /// `http://0.0.0.0`.
    pub fn of_listener(listen: SocketAddr) -> Self {
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let port = listen.port();
        match (ip, port) {
            (IpAddr::V4(ip), 80) => Self(format!("http://{ip}")),
            (IpAddr::V6(ip), 80) => Self(format!("http://[{ip}]")),
            _ => Self(format!("http://{}", SocketAddr::new(ip, port))),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = http_url(text)?;
        if url.path() != "/" || text.ends_with('/') {
            return Err("must end after the host or port, without a path or slash".to_owned());
        }
        Ok(Self(url.origin().ascii_serialization()))
    }
}

/// A host and a port: `minio.internal:9000`, `[::1]:8080`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    host: Host,
    port: u16,
}

impl HostPort {
    /// Whether this names `host` at `port`.
    pub fn is(&self, host: &Host<&str>, port: u16) -> bool {
        self.port == port
            && match (&self.host, host) {
                (Host::Domain(ours), Host::Domain(theirs)) => ours == theirs,
                (Host::Ipv4(ours), Host::Ipv4(theirs)) => ours == theirs,
                (Host::Ipv6(ours), Host::Ipv6(theirs)) => ours == theirs,
                _ => false,
            }
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("has {text:?}, not a host and a port like minio.internal:9000");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = Host::parse(host).map_err(|_| wrong())?;
        let port = digits(port).filter(|port| *port != 0).ok_or_else(wrong)?;
        Ok(Self { host, port })
    }
}

/// The key that encrypts stored credentials. `Debug` does not show it; it is wiped when dropped.
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    /// The 32 bytes, for the cipher that needs them.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

impl MasterKey {
    /// The key as it is written into a file.
    pub fn to_base64(&self) -> Secret {
        Secret::new(STANDARD.encode(self.expose()))
    }
}

impl Clone for MasterKey {
    fn clone(&self) -> Self {
        Self(SecretBox::new(Box::new(*self.expose())))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl FromStr for MasterKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut bytes =
            STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).map_err(|_| "is not base64".to_owned())?;
        let key = <[u8; 32]>::try_from(bytes.as_slice());
        let length = bytes.len();
        zeroize::Zeroize::zeroize(&mut bytes);
        match key {
            Ok(key) => Ok(Self(SecretBox::new(Box::new(key)))),
            Err(_) => Err(format!("holds {length} bytes, not 32")),
        }
    }
}

/// The form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("is {text:?}; it may be text or json")),
        }
    }
}

pub(super) fn listener(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("is {text:?}, not an IP address and a port"))
}

pub(super) fn listener_or_off(text: &str) -> Result<Option<SocketAddr>, String> {
    if text == "off" {
        return Ok(None);
    }
    listener(text).map(Some)
}

pub(super) fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map(|net| net.trunc())
        .map_err(|_| format!("has {text:?}, not an IP address or a network like 10.0.0.0/8"))
}

#[expect(clippy::unnecessary_wraps, reason = "every parser has this shape")]
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    Ok(PathBuf::from(text))
}

pub(super) fn number_in(text: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    digits(text)
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("is {text:?}, not a whole number from {} to {}", range.start(), range.end()))
}

/// A number of days from a month to a hundred years.
pub(super) fn days(text: &str) -> Result<jiff::SignedDuration, String> {
    number_in(text, 30..=36_500).map(|days| jiff::SignedDuration::from_hours(24 * i64::from(days)))
}

/// A whole number above 0 that a bar on a page can still tell from its neighbours (2^53).
pub(super) fn amount(text: &str) -> Result<u64, String> {
    digits(text)
        .filter(|number| (1..=1 << 53).contains(number))
        .ok_or_else(|| format!("is {text:?}, not a whole number above 0, in digits alone"))
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::builder().parse(text).map(|_| text.to_owned()).map_err(|error| format!("is {text:?}: {error}"))
}

/// Does not quote the text, which may hold a password before the host.
fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not hold a query or fragment".to_owned());
    }
    Ok(url)
}

/// Digits only: `u32::from_str` would also take a plus sign.
fn digits<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

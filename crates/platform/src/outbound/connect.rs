//! A bare connection under the same guard, for looking at what stands there without asking it for anything.

use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Host;

use super::error::{OutboundError, Phase};
use super::{CONNECT, Outbound, guard};

impl Outbound {
    /// Connects to `host` at `port`, any port, if its addresses are public or the operator has allowed the two.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, OutboundError> {
        let parsed = Host::parse(host).map_err(|_| OutboundError::Address { what: "has no host".to_owned() })?;
        let is_allowed = self.allow.iter().any(|allowed| match &parsed {
            Host::Domain(name) => allowed.is(&Host::Domain(name.as_str()), port),
            Host::Ipv4(address) => allowed.is(&Host::Ipv4(*address), port),
            Host::Ipv6(address) => allowed.is(&Host::Ipv6(*address), port),
        });
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let host = host.to_owned();
        let connected = timeout(CONNECT, async {
            let unresolved =
                |error: &std::io::Error| OutboundError::Unresolved { host: host.clone(), why: error.to_string() };
            let found: Vec<_> =
                tokio::net::lookup_host((name, port)).await.map_err(|error| unresolved(&error))?.collect();
            if found.is_empty() {
                return Err(unresolved(&std::io::ErrorKind::NotFound.into()));
            }
            if !is_allowed && found.iter().any(|address| !guard::is_public(address.ip())) {
                return Err(OutboundError::Refused { host: host.clone(), what: guard::NOT_PUBLIC });
            }
            TcpStream::connect(found.as_slice())
                .await
                .map_err(|error| OutboundError::Unreachable { host: host.clone(), why: error.to_string() })
        });
        connected.await.unwrap_or_else(|_| Err(OutboundError::TimedOut { host: host.clone(), phase: Phase::Answer }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::OutboundConfig;

    #[tokio::test]
    async fn a_bare_connection_is_guarded_like_a_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let allowed = OutboundConfig { allow: vec![format!("127.0.0.1:{port}").parse().unwrap()] };
        let open = Outbound::new(&allowed, Clock::system()).unwrap();
        assert!(open.connect("127.0.0.1", port).await.is_ok());
        let guarded = Outbound::new(&OutboundConfig::default(), Clock::system()).unwrap();
        for host in ["127.0.0.1", "[::1]", "localhost", "10.0.0.1", "169.254.169.254"] {
            let refused = guarded.connect(host, port).await.unwrap_err();
            assert!(matches!(refused, OutboundError::Refused { .. }), "{host}: {refused}");
        }
    }
}

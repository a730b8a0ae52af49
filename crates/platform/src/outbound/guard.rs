//! Which addresses are the outside's. The list is IANA's registries of special-purpose addresses (RFC 6890 and what
//! came after it), and where clouds keep what only their machines may ask.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

pub(super) const NOT_PUBLIC: &str = "its address is not a public one";

/// Whether an address belongs to somebody on the public Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)   // this network, private, loopback, multicast and beyond
            | (100, 64..=127, _)           // shared by carriers (RFC 6598); a cloud's metadata
            | (169, 254, _)                // link-local; metadata
            | (172, 16..=31, _)            // private
            | (192, 0, 0 | 2)              // protocols, with a cloud's metadata; examples
            | (192, 88, 99)                // relays of 6to4
            | (192, 168, _)                // private
            | (198, 18 | 19, _)            // measurements
            | (198, 51, 100)               // examples
            | (203, 0, 113) // examples
    ) && address != Ipv4Addr::new(168, 63, 129, 16) // a cloud's host, under a public address
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let s = address.segments();
    // A network that has only IPv6 reaches IPv4 through this prefix (RFC 6052): what counts is who is behind it.
    if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let behind = u32::from(s[6]) << 16 | u32::from(s[7]);
        return is_public_v4(Ipv4Addr::from(behind));
    }
    // 2000::/3 is all that is given out; loopback, mapped and compatible IPv4, unique local, link-local and multicast
    // are outside it.
    s[0] & 0xe000 == 0x2000
        && !(s[0] == 0x2001 && s[1] < 0x0200)       // protocols: Teredo and others, which carry IPv4 within
        && !(s[0] == 0x2001 && s[1] == 0x0db8)      // examples
        && s[0] != 0x2002                           // 6to4: IPv4 within
        && !(s[0] == 0x3fff && s[1] < 0x1000) // examples
}

/// The name has an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
pub(super) struct NotPublic;

/// The name could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("the name has no address")]
pub(super) struct Unresolved(pub(super) std::io::Error);

/// Asks for the addresses of a name.
pub(super) type Lookup =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>> + Send + Sync>;

pub(super) fn system_lookup() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
}

/// Resolves names for the guarded client. The connection goes to the addresses that were looked at here.
pub(super) struct Guarded(pub(super) Lookup);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.0)(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = found.await.map_err(Unresolved)?;
            if addresses.is_empty() {
                return Err(Unresolved(std::io::ErrorKind::NotFound.into()).into());
            }
            // One bad address spoils the name: whoever mixes them is trying something.
            if addresses.iter().any(|address| !is_public(address.ip())) {
                return Err(NotPublic.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

//! E-mail addresses: which we take, and how they are written in the configuration.

use std::fmt;
use std::str::FromStr;

/// Not an address that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address like name@example.com")]
pub struct BadEmail;

/// Whether `text` is one address: ASCII, at most 254 bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets), one `@`, a
/// dotted or single-label domain.
///
/// Only ASCII, so that two addresses that look alike are alike, and lower case means the same in the database and here.
/// Quoted local parts, comments, lists and white space are left out, so that an address cannot carry a second one.
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let plain = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'@' | b',' | b';' | b'<' | b'>' | b'"' | b'\\' | b'(' | b')')
    };
    let local_is_fine = (1..=64).contains(&local.len()) && local.bytes().all(plain);
    let label_is_fine = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 254 && local_is_fine && domain.split('.').all(label_is_fine)
}

/// An address with the name it is shown under: `Example Dental <hello@example.com>`, or the address alone.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedAddress {
    /// Empty for none.
    pub name: String,
    /// One address, see [`is_address`].
    pub address: String,
}

impl NamedAddress {
    /// What follows the `@`.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// An address is personal data, and a `Debug` may end in a log.
impl fmt::Debug for NamedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NamedAddress(..)")
    }
}

impl FromStr for NamedAddress {
    type Err = BadEmail;

    fn from_str(text: &str) -> Result<Self, BadEmail> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(text) => text.split_once('<').ok_or(BadEmail)?,
            None => ("", text),
        };
        let name = name.trim();
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        let is_name = name.len() <= 200 && !name.chars().any(|letter| letter.is_control() || letter == '<');
        if is_name && is_address(address) {
            Ok(Self { name: name.to_owned(), address: address.to_owned() })
        } else {
            Err(BadEmail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_address_is_taken_and_nothing_else() {
        for fine in ["a@b", "ana.lima+book@mail.example.com", "o'brien@example.org"] {
            assert!(is_address(fine), "{fine}");
        }
        for wrong in [
            "",
            "a",
            "@b",
            "a@",
            "a@@b",
            "a@b.",
            "a b@example.com",
            "a@b,c@d",
            "a@b;c@d",
            "<a@b>",
            "a@b\r\nBcc: c@d",
            "\"a\"@b",
            "zoë@example.com",
            "a@exämple.com",
            "a@-b",
            "a(b)@c",
        ] {
            assert!(!is_address(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_name_may_stand_before_the_address() {
        let named: NamedAddress = "Harbour Dental <hello@example.com>".parse().unwrap();
        assert_eq!((named.name.as_str(), named.address.as_str()), ("Harbour Dental", "hello@example.com"));
        let quoted: NamedAddress = "\"Dental, Harbour\" <hello@example.com>".parse().unwrap();
        assert_eq!(quoted.name, "Dental, Harbour");
        assert_eq!("hello@example.com".parse::<NamedAddress>().unwrap().name, "");
        assert_eq!(named.domain(), "example.com");
        for wrong in ["Harbour hello@example.com", "Harbour <a@b", "A <b> <c@d>", "A\r\nB <c@d>", "A <b@c, d@e>"] {
            assert!(wrong.parse::<NamedAddress>().is_err(), "{wrong}");
        }
    }
}

//! Addresses, names, passwords that are good enough, and when a session's token is renewed.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use platform::http::Report;
use platform::ids::{OrgId, UserId};
use platform::secret::Secret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::Role;

/// A browser that is not used for this long has to sign in again.
pub const IDLE_FOR: SignedDuration = SignedDuration::from_hours(12);
/// A browser has to sign in again after this long, however much it is used.
pub const LIVES_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// A session's token is renewed after this long.
pub const ROTATES_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// How long the token before serves requests that were under way, counted from the first use of its successor.
pub const PREVIOUS_SERVES_FOR: SignedDuration = SignedDuration::from_secs(30);

/// A form whose link works once may be pressed a second time this long after the first, and is answered like it.
pub(crate) const PRESSED_AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// Fewest bytes of a new password.
pub const SHORTEST_PASSWORD: usize = 12;
/// Most bytes of a password. Longer ones are refused before any work is done for them.
pub const LONGEST_PASSWORD: usize = 1_000;

/// What decides whether a session's token is renewed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SessionAges {
    /// The request came with the newest token.
    pub(crate) is_current: bool,
    /// The newest token has been used.
    pub(crate) successor_seen: bool,
    /// When the newest token was made.
    pub(crate) rotated_at: Timestamp,
    /// When the person's password was set.
    pub(crate) password_changed_at: Timestamp,
    /// When the person's role here was set.
    pub(crate) role_changed_at: Option<Timestamp>,
}

/// Whether the session's token should be renewed now: hourly, and after a change of password or role.
///
/// A request with the token before renews too when the newest one was never used: the answer that carried it was lost,
/// for example because the person clicked on before the page had come.
pub(crate) fn is_rotation_due(ages: &SessionAges, now: Timestamp) -> bool {
    let age = now.duration_since(ages.rotated_at);
    if !ages.is_current {
        return !ages.successor_seen && age >= PREVIOUS_SERVES_FOR;
    }
    age >= ROTATES_AFTER
        || ages.rotated_at < ages.password_changed_at
        || ages.role_changed_at.is_some_and(|changed| ages.rotated_at < changed)
}

/// An e-mail address that can be stored and compared: trimmed, and of the kind that [`platform::email::is_address`] takes.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

pub use platform::email::BadEmail;

impl EmailAddress {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, BadEmail> {
        let text = text.trim();
        if platform::email::is_address(text) { Ok(Self(text.to_owned())) } else { Err(BadEmail) }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it is compared.
    pub fn lower(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

/// Whether two addresses are the same person's.
pub(crate) fn same_address(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Notes what is wrong with an address.
pub(crate) fn check_email(report: &mut Report, path: &str, text: &str) {
    if let Err(error) = EmailAddress::parse(text) {
        report.fault(path, error.to_string());
    }
}

/// Notes what is wrong with a new password. Length is what counts (NIST SP 800-63B, section 5.1.1): no rules about
/// which characters.
pub(crate) fn check_new_password(report: &mut Report, path: &str, password: &Secret) {
    let length = password.expose().len();
    report.require(length >= SHORTEST_PASSWORD, path, &format!("must have at least {SHORTEST_PASSWORD} characters"));
    report.require(length <= LONGEST_PASSWORD, path, &format!("must have at most {LONGEST_PASSWORD} characters"));
}

/// A name to show, trimmed.
pub(crate) fn tidy_name(name: &str) -> String {
    name.trim().to_owned()
}

/// One of a person's organizations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Membership {
    /// The organization.
    pub org_id: OrgId,
    /// Its name.
    #[schema(example = "Harbour Dental")]
    pub org_name: String,
    /// What the person may do there.
    pub role: Role,
}

/// A person whose password was right.
#[derive(Clone, Debug)]
pub struct SignedInUser {
    /// Who.
    pub user: UserId,
    /// The organization they used last; `None` when they belong to none.
    pub org: Option<OrgId>,
    /// Everywhere they belong, the last used first.
    pub memberships: Vec<Membership>,
}

impl SignedInUser {
    /// Lets an organization of theirs come first, as the last used one would.
    pub(crate) fn looking_at(mut self, org: OrgId) -> Self {
        if self.memberships.iter().any(|membership| membership.org_id == org) {
            self.org = Some(org);
            self.memberships.sort_by_key(|membership| membership.org_id != org);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_taken_and_trimmed() {
        for good in ["ana@example.com", " Ana.Silva+desk@mail.example.co.uk ", "o'hara@localhost", "x@1.example"] {
            assert_eq!(EmailAddress::parse(good).unwrap().as_str(), good.trim());
        }
        assert_eq!(EmailAddress::parse("Ana@Example.COM").unwrap().lower(), "ana@example.com");
    }

    #[test]
    fn other_text_is_no_address() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", ["b".repeat(63), "c".repeat(63), "d".repeat(63), "e".repeat(63)].join("."));
        for bad in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "a b@example.com",
            "ana@exa mple.com",
            "ana@example..com",
            "ana@-x.com",
            "ana\n@example.com",
            "ana@example.com\r\nBcc: x@example.com",
            "a@b@example.com",
            "a@example.com,b@example.com",
            "Ana <ana@example.com>",
            "ana@ex\0ample.com",
            "anä@example.com",
            "ana@exämple.com",
            &long_local,
            &long,
        ] {
            assert!(EmailAddress::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_password_is_judged_by_its_length_alone() {
        let faults = |text: &str| {
            let mut report = Report::default();
            check_new_password(&mut report, "password", &Secret::new(text));
            report.finish().is_err()
        };
        assert!(faults("short-words"));
        assert!(!faults("twelve-bytes"));
        assert!(!faults("пароль"), "twelve bytes of Cyrillic");
        assert!(!faults(&"a".repeat(LONGEST_PASSWORD)));
        assert!(faults(&"a".repeat(LONGEST_PASSWORD + 1)));
    }

    fn ages(rotated_at: Timestamp) -> SessionAges {
        SessionAges {
            is_current: true,
            successor_seen: false,
            rotated_at,
            password_changed_at: Timestamp::UNIX_EPOCH,
            role_changed_at: None,
        }
    }

    #[test]
    fn a_token_is_renewed_hourly_and_after_a_change_of_rights() {
        let start: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let fresh = ages(start);
        assert!(!is_rotation_due(&fresh, start + SignedDuration::from_mins(59)));
        assert!(is_rotation_due(&fresh, start + SignedDuration::from_mins(60)));
        let later = start + SignedDuration::from_mins(1);
        assert!(is_rotation_due(&SessionAges { password_changed_at: later, ..fresh }, later));
        assert!(is_rotation_due(&SessionAges { role_changed_at: Some(later), ..fresh }, later));
        assert!(!is_rotation_due(&SessionAges { role_changed_at: Some(start), ..fresh }, later));
    }

    #[test]
    fn an_old_token_renews_only_when_the_new_one_was_lost() {
        let start: Timestamp = "2026-11-23T09:00:00Z".parse().unwrap();
        let old = SessionAges { is_current: false, ..ages(start) };
        assert!(!is_rotation_due(&old, start + SignedDuration::from_secs(5)), "the new one may still be on its way");
        assert!(is_rotation_due(&old, start + SignedDuration::from_secs(30)));
        assert!(!is_rotation_due(&SessionAges { successor_seen: true, ..old }, start + SignedDuration::from_hours(2)));
    }
}

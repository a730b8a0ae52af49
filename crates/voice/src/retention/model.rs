//! What is kept, and what may be deleted. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use platform::crypto::{CryptoError, MasterKey};
use platform::http::{Report, Validate};
use platform::ids::{CallId, OrgId};
use serde::Serialize;
use utoipa::ToSchema;

/// The longest time that can be set, in days: a century.
const MOST_DAYS: i32 = 36_500;
/// How long a setting may be put in force after somebody saw what it would delete.
const SEEN_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Longest reason of a hold, in characters.
pub const MAX_REASON: usize = 500;

/// How long a practice keeps the content of its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Policy {
    /// Days after a call until its recording is deleted; null: for ever.
    #[schema(example = 90)]
    pub recording_days: Option<i32>,
    /// Days after a call until everything that was said, shown or recorded of it is deleted; null: for ever. Not less
    /// than `recording_days`.
    #[schema(example = 365)]
    pub content_days: Option<i32>,
}

impl Policy {
    /// Deletes nothing.
    pub fn keeps_everything(&self) -> bool {
        self.recording_days.is_none() && self.content_days.is_none()
    }

    /// Recordings of calls before this time are deleted.
    pub fn recordings_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.recording_days.map(|days| before(now, days))
    }

    /// All content of calls before this time is deleted.
    pub fn content_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.content_days.map(|days| before(now, days))
    }
}

impl Validate for Policy {
    fn validate(&self, report: &mut Report) {
        for (path, days) in [("recording_days", self.recording_days), ("content_days", self.content_days)] {
            let possible = days.is_none_or(|days| (1..=MOST_DAYS).contains(&days));
            report.require(possible, path, &format!("must be between 1 and {MOST_DAYS} days, or left out"));
        }
        match (self.recording_days, self.content_days) {
            (None, Some(_)) => {
                report.fault("recording_days", "must be given with content_days: content includes the recording");
            }
            (Some(recording), Some(content)) => {
                report.require(recording <= content, "content_days", "must not be less than recording_days");
            }
            (_, None) => {}
        }
    }
}

fn before(now: Timestamp, days: i32) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Timestamp::MIN)
}

/// How a call stands, as somebody who holds its lock sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The earliest time known of it.
    pub at: Timestamp,
    /// Over.
    pub is_over: bool,
    /// On hold.
    pub is_held: bool,
    /// Its content was deleted.
    pub is_erased: bool,
}

/// Why a call's content is not deleted, or not put on hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Unknown, or another organization's.
    #[error("there is no such call")]
    NotFound,
    /// It goes on.
    #[error("the call is still going on")]
    Live,
    /// Somebody wants it kept.
    #[error("the call is on legal hold")]
    OnHold,
    /// Nothing is left to delete or to keep.
    #[error("the content of this call was deleted")]
    Erased,
    /// Nothing to lift.
    #[error("the call is not on legal hold")]
    NotOnHold,
}

impl Standing {
    /// Whether a person may delete the content.
    pub fn may_be_erased(&self) -> Result<(), Refusal> {
        match self {
            Self { is_erased: true, .. } => Err(Refusal::Erased),
            Self { is_held: true, .. } => Err(Refusal::OnHold),
            Self { is_over: false, .. } => Err(Refusal::Live),
            _ => Ok(()),
        }
    }

    /// Whether the content may be put on hold.
    pub fn may_be_held(&self) -> Result<(), Refusal> {
        match self {
            Self { is_erased: true, .. } => Err(Refusal::Erased),
            Self { is_held: true, .. } => Err(Refusal::OnHold),
            _ => Ok(()),
        }
    }

    /// What the setting wants deleted now.
    pub fn due(&self, policy: &Policy, now: Timestamp) -> Due {
        let is_past = |limit: Option<Timestamp>| limit.is_some_and(|limit| self.at < limit);
        match self.may_be_erased() {
            Ok(()) if is_past(policy.content_before(now)) => Due::Content,
            Ok(()) if is_past(policy.recordings_before(now)) => Due::Recording,
            Ok(()) | Err(_) => Due::Nothing,
        }
    }
}

/// What a setting wants deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is kept.
    Nothing,
    /// The sound.
    Recording,
    /// Everything, with a tombstone.
    Content,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hold {
    /// Why the call must be kept.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub placed_at: Timestamp,
}

/// Who had content deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Eraser {
    /// Somebody of the practice.
    Member,
    /// A program.
    ApiKey,
    /// The retention setting.
    Setting,
}

/// What is left of a call's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tombstone {
    /// When it was deleted.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who had it deleted.
    pub by: Eraser,
    /// Their name, while they are a member.
    pub name: Option<String>,
}

/// How a call's content is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// On hold.
    pub hold: Option<Hold>,
    /// Deleted.
    pub tombstone: Option<Tombstone>,
}

/// A call that a setting may want something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The call.
    pub id: CallId,
    /// The earliest time known of it; with the id the place in the order.
    pub at: Timestamp,
}

/// What a setting would delete if it were in force now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Preview {
    /// Calls whose recording would be deleted, those of `calls` included.
    pub recordings: i64,
    /// Bytes of these recordings.
    pub recording_bytes: i64,
    /// Calls whose content would be deleted.
    pub calls: i64,
    /// Calls that are old enough and kept, because they are on hold.
    pub held: i64,
}

impl Preview {
    /// Whether it would delete anything.
    pub fn deletes(&self) -> bool {
        self.recordings > 0 || self.calls > 0
    }
}

/// What shows that somebody saw what a setting would delete. Sealed for the organization and for just this setting: it
/// confirms no other one, and nobody can make it up.
pub fn confirmation(key: &MasterKey, org: OrgId, policy: &Policy, now: Timestamp) -> Result<String, CryptoError> {
    let until = (now + SEEN_FOR).as_millisecond().to_be_bytes();
    Ok(URL_SAFE_NO_PAD.encode(key.seal(&place(org, policy), &until)?))
}

/// Whether a text is the [`confirmation`] of this setting, and still counts.
pub fn confirms(text: &str, key: &MasterKey, org: OrgId, policy: &Policy, now: Timestamp) -> bool {
    let read = |text: &str| -> Option<i64> {
        let until = key.open(&place(org, policy), &URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        Some(i64::from_be_bytes(until.try_into().ok()?))
    };
    read(text).is_some_and(|until| now.as_millisecond() < until)
}

fn place(org: OrgId, policy: &Policy) -> String {
    format!("retention preview/{org}/{:?}/{:?}", policy.recording_days, policy.content_days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_confirmation_is_good_for_one_setting_of_one_organization_for_an_hour() {
        let (key, org, now) = (MasterKey::from_bytes([7; 32]), OrgId::new(), at("2026-11-26T10:00:00Z"));
        let policy = Policy { recording_days: Some(30), content_days: None };
        let text = confirmation(&key, org, &policy, now).unwrap();
        assert!(confirms(&text, &key, org, &policy, now + SignedDuration::from_mins(59)));
        assert!(!confirms(&text, &key, org, &policy, now + SignedDuration::from_mins(60)));
        assert!(!confirms(&text, &key, OrgId::new(), &policy, now));
        let shorter = Policy { recording_days: Some(3), content_days: None };
        let more = Policy { recording_days: Some(30), content_days: Some(30) };
        assert!(!confirms(&text, &key, org, &shorter, now) && !confirms(&text, &key, org, &more, now));
        for made_up in ["", "x", "AAAAAAAAAAA", "\u{e9}"] {
            assert!(!confirms(made_up, &key, org, &policy, now), "{made_up}");
        }
    }

    fn first_fault(policy: &Policy) -> Option<String> {
        let mut report = Report::default();
        policy.validate(&mut report);
        report.finish().err().map(|error| error.field_errors()[0].path.clone())
    }

    #[test]
    fn a_setting_that_cannot_be_meant_is_refused_at_its_field() {
        let policy = |recording_days, content_days| Policy { recording_days, content_days };
        for (policy, field) in [
            (policy(Some(0), None), Some("recording_days")),
            (policy(Some(-1), None), Some("recording_days")),
            (policy(Some(36_501), None), Some("recording_days")),
            (policy(None, Some(30)), Some("recording_days")),
            (policy(Some(31), Some(30)), Some("content_days")),
            (policy(Some(30), Some(30)), None),
            (policy(Some(1), None), None),
            (policy(None, None), None),
        ] {
            assert_eq!(first_fault(&policy).as_deref(), field, "{policy:?}");
        }
    }

    #[test]
    fn days_are_counted_to_the_hour() {
        let policy = Policy { recording_days: Some(30), content_days: Some(90) };
        let now = at("2026-11-26T10:00:00Z");
        let standing = |text| Standing { at: at(text), is_over: true, is_held: false, is_erased: false };
        assert_eq!(standing("2026-10-27T10:00:00Z").due(&policy, now), Due::Nothing, "thirty days to the second");
        assert_eq!(standing("2026-10-27T09:59:59Z").due(&policy, now), Due::Recording);
        assert_eq!(standing("2026-08-28T09:59:59Z").due(&policy, now), Due::Content);
        assert_eq!(standing("2026-08-28T09:59:59Z").due(&Policy::default(), now), Due::Nothing);
    }

    proptest! {
        #[test]
        fn nothing_held_live_or_gone_is_ever_due(
            days in prop::option::of(1..100_i32), more in prop::option::of(0..100_i32), age in 0..20_000_i64,
            is_over in any::<bool>(), is_held in any::<bool>(), is_erased in any::<bool>(),
        ) {
            let policy = Policy { recording_days: days, content_days: days.zip(more).map(|(days, more)| days + more) };
            prop_assert_eq!(first_fault(&policy), None);
            let now = at("2026-11-26T10:00:00Z");
            let standing = Standing { at: now - SignedDuration::from_hours(age), is_over, is_held, is_erased };
            let due = standing.due(&policy, now);
            if is_held || is_erased || !is_over || policy.keeps_everything() {
                prop_assert_eq!(due, Due::Nothing);
            }
            if due == Due::Content {
                let sound_only = Policy { content_days: None, ..policy };
                prop_assert_eq!(standing.due(&sound_only, now), Due::Recording, "the sound goes first, or with the rest");
            }
        }
    }
}

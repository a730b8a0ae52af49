//! What is compared, and the decisions about it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use platform::ids::{CallId, ConnectionId, OrgId};
use providers::vapi::Status;
use providers::vapi::rest::CallObject;
use serde::Serialize;

/// How far back a window reaches into the one before it. A call that changed at the provider a moment before its page was
/// read may have been listed a moment after.
pub const OVERLAP: SignedDuration = SignedDuration::from_mins(10);
/// How long a call is left alone after its last change before the schedule looks at it: its own messages are on the way.
pub const SETTLE: SignedDuration = SignedDuration::from_mins(1);
/// How far the first window of a new connection reaches back before the connection itself.
pub const BEFORE_CONNECTION: SignedDuration = SignedDuration::from_hours(1);
/// How long the provider keeps calls, by its smallest plan.
pub const PROVIDER_KEEPS: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What was not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// We did not know the call.
    MissingCall,
    /// It had come further than we knew.
    MissingStatus,
    /// We did not know that it is over.
    MissingEnd,
    /// Its report had not come.
    MissingReport,
    /// The report named no recording, and there is one.
    MissingRecording,
    /// The report had no conversation, and there is one.
    MissingTranscript,
    /// A number, the summary or the cost was missing.
    MissingFacts,
    /// A call that we did not know came over a number and an assistant that are nobody's.
    UnknownNumber,
    /// It belongs to no organization that we know of, and waits in the quarantine.
    Quarantined,
    /// We hold it for over, and the provider for going on.
    EndedOnlyHere,
    /// More calls changed in a millisecond than the provider lists at once.
    WindowOverfull,
}

impl Kind {
    /// All kinds, the gravest first.
    pub const ALL: [Self; 11] = [
        Self::MissingCall,
        Self::MissingStatus,
        Self::MissingEnd,
        Self::MissingReport,
        Self::MissingRecording,
        Self::MissingTranscript,
        Self::MissingFacts,
        Self::UnknownNumber,
        Self::Quarantined,
        Self::EndedOnlyHere,
        Self::WindowOverfull,
    ];

    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingCall => "missing_call",
            Self::MissingStatus => "missing_status",
            Self::MissingEnd => "missing_end",
            Self::MissingReport => "missing_report",
            Self::MissingRecording => "missing_recording",
            Self::MissingTranscript => "missing_transcript",
            Self::MissingFacts => "missing_facts",
            Self::UnknownNumber => "unknown_number",
            Self::Quarantined => "quarantined",
            Self::EndedOnlyHere => "ended_only_here",
            Self::WindowOverfull => "window_overfull",
        }
    }

    /// From storage.
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// In words, as it stands after a number.
    pub const fn words(self) -> &'static str {
        match self {
            Self::MissingCall => "unknown call",
            Self::MissingStatus => "missing status",
            Self::MissingEnd => "missing end",
            Self::MissingReport => "missing report",
            Self::MissingRecording => "missing recording",
            Self::MissingTranscript => "missing conversation",
            Self::MissingFacts => "missing number, summary or cost",
            Self::UnknownNumber => "number that is nobody's",
            Self::Quarantined => "call of nobody, in quarantine",
            Self::EndedOnlyHere => "over here, going on there",
            Self::WindowOverfull => "moment with too many changes",
        }
    }

    /// Whether the provider's record of the call can mend it.
    pub const fn can_be_healed(self) -> bool {
        !matches!(self, Self::EndedOnlyHere | Self::WindowOverfull)
    }
}

/// What we hold of a call.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Ours {
    /// The provider's id.
    pub provider_call_id: String,
    /// Its rank in the life of a call, 1 to 5.
    pub rank: i32,
    /// Its report, or the provider's record of it, has come.
    pub reported: bool,
    /// A number of either side is known.
    pub from_number: bool,
    /// The same of the other side.
    pub to_number: bool,
    /// Recordings are named.
    pub recordings: bool,
    /// The conversation is there.
    pub transcript: bool,
    /// A summary is there.
    pub summary: bool,
    /// The cost is known.
    pub cost: bool,
}

/// What is missing here. Nothing: the call is as it should be.
pub fn compare(ours: Option<&Ours>, theirs: &CallObject) -> Vec<Kind> {
    let Some(ours) = ours else { return vec![Kind::MissingCall] };
    let facts = &theirs.message.facts;
    let is_over = theirs.status == Some(Status::Ended);
    let mut kinds = Vec::new();
    if is_over && ours.rank < rank(Status::Ended) {
        kinds.push(Kind::MissingEnd);
    } else if theirs.status.is_some_and(|status| rank(status) > ours.rank) {
        kinds.push(Kind::MissingStatus);
    }
    if is_over && !ours.reported {
        kinds.push(Kind::MissingReport);
    } else if is_over {
        if !ours.recordings && !facts.recordings.is_empty() {
            kinds.push(Kind::MissingRecording);
        }
        if !ours.transcript && !facts.turns.is_empty() {
            kinds.push(Kind::MissingTranscript);
        }
        let lacks = (!ours.summary && facts.summary.is_some()) || (!ours.cost && facts.cost_micros.is_some());
        if lacks || lacks_number(ours, theirs) {
            kinds.push(Kind::MissingFacts);
        }
    }
    if !is_over && theirs.status.is_some() && ours.rank == rank(Status::Ended) {
        kinds.push(Kind::EndedOnlyHere);
    }
    kinds
}

fn lacks_number(ours: &Ours, theirs: &CallObject) -> bool {
    let facts = &theirs.message.facts;
    (!ours.from_number && facts.from_number.is_some()) || (!ours.to_number && facts.to_number.is_some())
}

fn rank(status: Status) -> i32 {
    match status {
        Status::Queued => 1,
        Status::Ringing => 2,
        Status::InProgress => 3,
        Status::Forwarding => 4,
        Status::Ended => 5,
    }
}

/// Whose a call is that an account lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This organization's, known or by its number or assistant.
    Known(OrgId),
    /// Nothing of ours explains it. The account's own organization gets it.
    Presumed(OrgId),
    /// Nothing of ours explains it, and several organizations may be meant.
    Nobody,
    /// Another organization's, and accounted for there.
    Elsewhere,
}

/// What we know about whose a call is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The organization that knows the call.
    pub route: Option<OrgId>,
    /// The organizations with its number, else with its assistant; each once.
    pub mapped: Vec<OrgId>,
}

/// Decides whose a call is. `account` is the organization of the account, none for the platform-wide one; `shared` says
/// that others have the same key.
pub fn owner(account: Option<OrgId>, shared: bool, claims: &Claims) -> Owner {
    match (claims.route, claims.mapped.as_slice(), account) {
        (Some(org), _, None) => Owner::Known(org),
        (Some(org), _, Some(own)) if org == own => Owner::Known(org),
        (Some(_), _, Some(_)) => Owner::Elsewhere,
        (None, [org], None) => Owner::Known(*org),
        (None, [org], Some(own)) if *org == own => Owner::Known(own),
        (None, [], Some(own)) if !shared => Owner::Presumed(own),
        (None, mapped, Some(own)) if !mapped.is_empty() && !mapped.contains(&own) => Owner::Elsewhere,
        (None, ..) => Owner::Nobody,
    }
}

/// Who asked for a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// The duty that comes again and again.
    Schedule,
    /// Somebody.
    Command,
}

impl AskedBy {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Command => "command",
        }
    }
}

/// The stretch that a new window covers. None: there is nothing to look at yet.
///
/// `complete` is where the last complete window ended, `since` when the connection was made, `back_to` how far back
/// somebody wants to look.
pub fn stretch(
    asked_by: AskedBy,
    complete: Option<Timestamp>,
    since: Timestamp,
    back_to: Option<Timestamp>,
    now: Timestamp,
) -> Option<(Timestamp, Timestamp)> {
    let until = match asked_by {
        AskedBy::Schedule => minus(now, SETTLE),
        AskedBy::Command => now,
    };
    let due = complete.map_or_else(|| minus(since, BEFORE_CONNECTION), |complete| minus(complete, OVERLAP));
    let from = match asked_by {
        AskedBy::Schedule => due.max(minus(now, PROVIDER_KEEPS)),
        AskedBy::Command => back_to.unwrap_or_else(|| minus(now, PROVIDER_KEEPS)),
    };
    (from < until).then_some((from, until))
}

fn minus(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// What became of one account.
#[derive(Clone, Debug, Serialize)]
pub struct AccountReport {
    /// The organization of the connection; none for the platform-wide account.
    pub org_id: Option<OrgId>,
    /// The connection; none for the platform-wide account.
    pub connection_id: Option<ConnectionId>,
    /// What people call it.
    pub label: String,
    /// What was looked at: everything that changed after this.
    #[serde(serialize_with = "as_text")]
    pub from: Timestamp,
    /// Until here.
    #[serde(serialize_with = "as_text")]
    pub until: Timestamp,
    /// Whether it was looked at to the end.
    pub complete: bool,
    /// Calls the provider listed.
    pub calls: i64,
    /// Of these, calls that were as they should be.
    pub agreed: i64,
    /// Calls that lacked something and have it now.
    pub healed: i64,
    /// Differences by kind.
    pub differences: BTreeMap<Kind, i64>,
    /// Why it was not looked at to the end.
    pub problem: Option<String>,
}

fn as_text<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

impl AccountReport {
    /// Calls that are as they should be now.
    pub fn accounted(&self) -> i64 {
        self.agreed + self.healed
    }

    /// Everything was looked at, and every call is as it should be.
    pub fn is_clean(&self) -> bool {
        self.complete && self.accounted() == self.calls
    }
}

/// A call that may have to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    /// Which.
    pub call: CallId,
    /// The provider's id.
    pub provider_call_id: String,
    /// The connection it came through; none for the platform-wide one.
    pub connection: Option<ConnectionId>,
    /// Its rank in the life of a call.
    pub rank: i32,
    /// When we last heard of it.
    pub heard_at: Timestamp,
    /// When it was last asked for.
    pub asked_at: Option<Timestamp>,
}

/// How long a call may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SilenceLimits {
    /// While it is queued or rings.
    pub ringing: SignedDuration,
    /// While people speak.
    pub talking: SignedDuration,
}

/// A call that is silent for this long is closed even if the provider cannot be asked. Calls are shorter by its own rules.
pub const GIVE_UP: SignedDuration = SignedDuration::from_hours(24);

impl SilenceLimits {
    /// The limit for a call of this rank.
    pub fn of(&self, rank: i32) -> SignedDuration {
        if rank < 3 { self.ringing } else { self.talking }
    }

    /// The shortest of them.
    pub fn shortest(&self) -> SignedDuration {
        self.ringing.min(self.talking)
    }

    /// Whether a call is to be asked for now: silent for longer than its limit, and not asked for within it.
    pub fn is_due(&self, call: &Silent, now: Timestamp) -> bool {
        let limit = self.of(call.rank);
        now.duration_since(call.heard_at) > limit && call.asked_at.is_none_or(|asked| now.duration_since(asked) > limit)
    }
}

/// What asking the provider about a silent call brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It goes on.
    GoesOn,
    /// It is over.
    Over,
    /// The provider does not know it, or we have no key to ask with.
    Unknown,
    /// The provider could not be asked.
    NoAnswer,
}

/// What to do with a silent call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Leave,
    /// Take over what the provider knows.
    Learn,
    /// Close it: nobody knows its end.
    Close,
}

/// Decides about a silent call. What goes on is never closed.
pub fn verdict(heard: Heard, silent_for: SignedDuration) -> Verdict {
    match heard {
        Heard::Over => Verdict::Learn,
        Heard::Unknown => Verdict::Close,
        Heard::NoAnswer if silent_for > GIVE_UP => Verdict::Close,
        Heard::GoesOn | Heard::NoAnswer => Verdict::Leave,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_call_goes_to_another_organization_only_when_something_of_theirs_explains_it() {
        let (own, other) = (OrgId::new(), OrgId::new());
        let claims = |route: Option<OrgId>, mapped: &[OrgId]| Claims { route, mapped: mapped.to_vec() };
        for (account, shared, claims, expected) in [
            (Some(own), false, claims(Some(own), &[]), Owner::Known(own)),
            (Some(own), true, claims(Some(own), &[other]), Owner::Known(own)),
            (Some(own), false, claims(Some(other), &[own]), Owner::Elsewhere),
            (Some(own), true, claims(None, &[own]), Owner::Known(own)),
            (Some(own), false, claims(None, &[other]), Owner::Elsewhere),
            (Some(own), false, claims(None, &[own, other]), Owner::Nobody),
            (Some(own), false, claims(None, &[]), Owner::Presumed(own)),
            (Some(own), true, claims(None, &[]), Owner::Nobody),
            (None, false, claims(Some(other), &[own]), Owner::Known(other)),
            (None, false, claims(None, &[other]), Owner::Known(other)),
            (None, false, claims(None, &[]), Owner::Nobody),
            (None, false, claims(None, &[own, other]), Owner::Nobody),
        ] {
            assert_eq!(owner(account, shared, &claims), expected, "{account:?} {shared} {claims:?}");
        }
    }

    proptest! {
        #[test]
        fn an_account_never_gives_a_call_to_an_organization_that_others_claim(
            known in prop::option::of(0..3_usize), mapped in prop::collection::btree_set(0..3_usize, 0..3),
            account in prop::option::of(0..3_usize), shared: bool,
        ) {
            let orgs = [OrgId::new(), OrgId::new(), OrgId::new()];
            let claims = Claims { route: known.map(|org| orgs[org]), mapped: mapped.iter().map(|org| orgs[*org]).collect() };
            let given = match owner(account.map(|org| orgs[org]), shared, &claims) {
                Owner::Known(org) | Owner::Presumed(org) => Some(org),
                Owner::Nobody | Owner::Elsewhere => None,
            };
            if let Some(org) = given {
                prop_assert!(account.is_none_or(|own| orgs[own] == org));
                prop_assert!(claims.route.is_none_or(|route| route == org));
                prop_assert!(claims.route.is_some() || claims.mapped.iter().all(|mapped| *mapped == org));
            }
        }

        #[test]
        fn what_goes_on_is_never_closed_and_what_nobody_knows_always_is(hours in 0..1_000_i64) {
            let silent = SignedDuration::from_hours(hours);
            prop_assert_eq!(verdict(Heard::GoesOn, silent), Verdict::Leave);
            prop_assert_eq!(verdict(Heard::Unknown, silent), Verdict::Close);
            prop_assert_eq!(verdict(Heard::Over, silent), Verdict::Learn);
            let expected = if hours > 24 { Verdict::Close } else { Verdict::Leave };
            prop_assert_eq!(verdict(Heard::NoAnswer, silent), expected);
        }
    }

    #[test]
    fn windows_overlap_and_the_schedule_leaves_fresh_calls_alone() {
        let (now, made) = (at("2026-11-24T14:00:00Z"), at("2026-11-24T10:00:00Z"));
        let stretch = |asked_by, complete, back_to| stretch(asked_by, complete, made, back_to, now);
        assert_eq!(
            stretch(AskedBy::Schedule, None, None),
            Some((at("2026-11-24T09:00:00Z"), at("2026-11-24T13:59:00Z")))
        );
        let complete = Some(at("2026-11-24T13:55:00Z"));
        assert_eq!(
            stretch(AskedBy::Schedule, complete, None),
            Some((at("2026-11-24T13:45:00Z"), at("2026-11-24T13:59:00Z")))
        );
        assert_eq!(stretch(AskedBy::Command, complete, None), Some((at("2026-11-10T14:00:00Z"), now)));
        let back_to = Some(at("2026-11-24T12:00:00Z"));
        assert_eq!(stretch(AskedBy::Command, complete, back_to), Some((at("2026-11-24T12:00:00Z"), now)));
        assert_eq!(stretch(AskedBy::Command, complete, Some(now)), None);
    }

    #[test]
    fn a_call_is_asked_for_once_in_each_limit() {
        let limits = SilenceLimits { ringing: SignedDuration::from_mins(10), talking: SignedDuration::from_hours(2) };
        let now = at("2026-11-24T14:00:00Z");
        let call = |rank, heard: &str, asked: Option<&str>| Silent {
            call: CallId::new(),
            provider_call_id: "x".to_owned(),
            connection: None,
            rank,
            heard_at: at(heard),
            asked_at: asked.map(at),
        };
        for (rank, heard, asked, due) in [
            (2, "2026-11-24T13:51:00Z", None, false),
            (2, "2026-11-24T13:49:00Z", None, true),
            (2, "2026-11-24T13:49:00Z", Some("2026-11-24T13:55:00Z"), false),
            (2, "2026-11-24T13:20:00Z", Some("2026-11-24T13:45:00Z"), true),
            (3, "2026-11-24T12:30:00Z", None, false),
            (4, "2026-11-24T11:59:00Z", None, true),
        ] {
            assert_eq!(limits.is_due(&call(rank, heard, asked), now), due, "{rank} {heard} {asked:?}");
        }
    }
}

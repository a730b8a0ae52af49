//! When an alert opens, whom it tells and how often, and when it is over. Pure: one step of one sign.
//!
//! An alert opens once. It tells again after an hour, six hours, and then every day. It is over when its sign has been
//! fine for a while, and says so once. Trouble that comes back soon is the same alert and tells nothing new; from then on the sign
//! has to be fine for longer. So one that comes and goes all day tells about as often as one that stays bad.

use jiff::{SignedDuration, Timestamp};
use platform::ids::{Id, UserId};
use platform::jobs::JobError;
use platform::tenancy::DbError;

use crate::signs::model::{Sign, State};

/// Marker for alert ids.
pub enum AlertRow {}
/// Marker for notice ids.
pub enum NoticeRow {}
/// An alert.
pub type AlertId = Id<AlertRow>;
/// One time that the operator was told of an alert.
pub type NoticeId = Id<NoticeRow>;

/// How long a warning must last before it opens an alert.
const WARNING_LASTS: SignedDuration = SignedDuration::from_mins(2);
/// How long a sign may be unreadable before that is an alert: a restart of the database is none.
const UNKNOWN_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// How long a sign must be fine before its alert is over.
const FINE_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// The same for an alert that came back.
const FINE_LASTS_AFTER_A_FLAP: SignedDuration = SignedDuration::from_hours(1);
/// Trouble that is back within this time after an alert ended is the same alert.
const SAME_AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// When it is told again, counted from the time before; the last one repeats.
const AGAIN_AFTER: [SignedDuration; 3] =
    [SignedDuration::from_hours(1), SignedDuration::from_hours(6), SignedDuration::from_hours(24)];

/// How bad it is, the least bad first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The sign cannot be read.
    Unknown,
    /// A person should look at it.
    Warning,
    /// Something is being lost, or will be within hours.
    Critical,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Warning, Self::Critical];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    /// Of a sign; `None` when all is well.
    pub const fn of(state: State) -> Option<Self> {
        match state {
            State::Off | State::Fine => None,
            State::Unknown => Some(Self::Unknown),
            State::Warning => Some(Self::Warning),
            State::Critical => Some(Self::Critical),
        }
    }

    /// How long it must last before an alert opens.
    const fn patience(self) -> SignedDuration {
        match self {
            Self::Unknown => UNKNOWN_LASTS,
            Self::Warning => WARNING_LASTS,
            Self::Critical => SignedDuration::ZERO,
        }
    }
}

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum News {
    /// It opened.
    Opened,
    /// It got worse than it ever was.
    Worse,
    /// It is still open.
    Again,
    /// It is over.
    Resolved,
}

impl News {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Opened, Self::Worse, Self::Again, Self::Resolved];

    /// As it is stored and in webhooks.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Worse => "worse",
            Self::Again => "again",
            Self::Resolved => "resolved",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|news| news.as_str() == text)
    }
}

/// An alert as far as the rules need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When it opened.
    pub opened_at: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// How bad it was at its worst.
    pub worst: Level,
    /// Since when the sign has been fine.
    pub fine_since: Option<Timestamp>,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// When somebody was told last.
    pub told_at: Timestamp,
    /// The last thing that was told is that it is over.
    pub told_over: bool,
    /// How often it was told again.
    pub repeats: u32,
    /// It was over and came back.
    pub flapped: bool,
    /// A person has taken it on.
    pub acknowledged: bool,
}

/// What is remembered of a sign between two looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Since when it has not been fine.
    pub bad_since: Option<Timestamp>,
    /// The alert that is open, or the last one.
    pub trouble: Option<Trouble>,
}

/// One look: what is remembered afterwards, and what is told.
pub fn step(memory: Memory, state: State, now: Timestamp) -> (Memory, Option<News>) {
    match Level::of(state) {
        None => {
            let (trouble, news) = memory.trouble.map_or((None, None), |trouble| well(trouble, now));
            (Memory { bad_since: None, trouble }, news)
        }
        Some(level) => {
            let bad_since = memory.bad_since.unwrap_or(now);
            let (trouble, news) = bad(memory.trouble, level, bad_since, now);
            (Memory { bad_since: Some(bad_since), trouble }, news)
        }
    }
}

fn well(trouble: Trouble, now: Timestamp) -> (Option<Trouble>, Option<News>) {
    if trouble.resolved_at.is_some() {
        return (Some(trouble), None);
    }
    let fine_since = trouble.fine_since.unwrap_or(now);
    let trouble = Trouble { fine_since: Some(fine_since), ..trouble };
    let enough = if trouble.flapped { FINE_LASTS_AFTER_A_FLAP } else { FINE_LASTS };
    if now.duration_since(fine_since) < enough {
        return (Some(trouble), None);
    }
    let over = Trouble { resolved_at: Some(now), ..trouble };
    if trouble.told_over {
        return (Some(over), None);
    }
    (Some(Trouble { told_at: now, told_over: true, ..over }), Some(News::Resolved))
}

fn bad(
    trouble: Option<Trouble>,
    level: Level,
    bad_since: Timestamp,
    now: Timestamp,
) -> (Option<Trouble>, Option<News>) {
    let same = trouble.filter(|trouble| is_same(trouble, now));
    let Some(was) = same else {
        let is_new = now.duration_since(bad_since) >= level.patience();
        return if is_new { (Some(opened(level, now)), Some(News::Opened)) } else { (trouble, None) };
    };
    if was.resolved_at.is_some() && now.duration_since(bad_since) < level.patience() {
        return (Some(was), None);
    }
    // A sign that cannot be read says nothing of how bad it is.
    let level = if level == Level::Unknown { was.level } else { level };
    let now_open = Trouble {
        level,
        worst: was.worst.max(level),
        fine_since: None,
        resolved_at: None,
        flapped: was.flapped || was.resolved_at.is_some(),
        ..was
    };
    if level > was.worst {
        let told = Trouble { told_at: now, told_over: false, acknowledged: false, ..now_open };
        return (Some(told), Some(News::Worse));
    }
    if !now_open.acknowledged && now >= again_at(&now_open) {
        let told = Trouble { told_at: now, told_over: false, repeats: now_open.repeats.saturating_add(1), ..now_open };
        return (Some(told), Some(News::Again));
    }
    (Some(now_open), None)
}

fn is_same(trouble: &Trouble, now: Timestamp) -> bool {
    trouble.resolved_at.is_none_or(|at| now.duration_since(at) < SAME_AGAIN)
}

fn opened(level: Level, now: Timestamp) -> Trouble {
    Trouble {
        opened_at: now,
        level,
        worst: level,
        fine_since: None,
        resolved_at: None,
        told_at: now,
        told_over: false,
        repeats: 0,
        flapped: false,
        acknowledged: false,
    }
}

/// When an open alert is told again. The last word about trouble that is back must not be for a day that it is over.
fn again_at(trouble: &Trouble) -> Timestamp {
    let last = if trouble.told_over { AGAIN_AFTER.len() - 2 } else { AGAIN_AFTER.len() - 1 };
    let step = usize::try_from(trouble.repeats).unwrap_or(usize::MAX).min(last);
    trouble.told_at.saturating_add(AGAIN_AFTER[step]).unwrap_or(Timestamp::MAX)
}

/// An alert in a list.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// What it is about.
    pub sign: Sign,
    /// How bad it is, or was.
    pub level: Level,
    /// What was found, last time it was bad.
    pub words: String,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it was over.
    pub resolved_at: Option<Timestamp>,
    /// Who has taken it on, and when.
    pub acknowledged: Option<(UserId, String, Timestamp)>,
    /// How often the operator was told.
    pub told: u64,
    /// When last.
    pub told_at: Timestamp,
    /// How the last notice by webhook went.
    pub webhook: Option<Delivery>,
}

/// How a notice went to the operator's webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It waits, or is being tried again.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// It was given up.
    Failed,
}

impl Delivery {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Failed];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Why alerts could not be evaluated, told or acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// There is no such alert, or it is over.
    #[error("there is no such open alert")]
    NotFound,
    /// The mail could not be kept.
    #[error(transparent)]
    Mail(#[from] mail::MailError),
    /// The notice could not be written down.
    #[error("a notice could not be packed")]
    Packing(#[from] serde_json::Error),
    /// The job that posts the notice broke a rule of jobs.
    #[error("the job of a notice could not be kept")]
    Job(#[source] JobError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Timestamp {
        "2026-11-24T14:00:00Z".parse().unwrap()
    }

    fn minutes(count: i64) -> SignedDuration {
        SignedDuration::from_mins(count)
    }

    /// Looks at a sign every minute; answers what was told, with the minute.
    fn watch(states: impl IntoIterator<Item = State>) -> (Memory, Vec<(i64, News)>) {
        let mut memory = Memory::default();
        let mut told = Vec::new();
        for (minute, state) in (0..).zip(states) {
            let (next, news) = step(memory, state, start() + minutes(minute));
            memory = next;
            told.extend(news.map(|news| (minute, news)));
        }
        (memory, told)
    }

    fn so_long(state: State, minutes: usize) -> impl Iterator<Item = State> {
        std::iter::repeat_n(state, minutes)
    }

    #[test]
    fn it_opens_once_and_repeats_after_one_and_six_hours_and_then_daily() {
        let (_, told) = watch(so_long(State::Critical, 60 * 24 * 4));
        let at = [0, 60, 60 * 7, 60 * 31, 60 * 55, 60 * 79];
        let expected: Vec<_> = at.into_iter().map(|m| (m, if m == 0 { News::Opened } else { News::Again })).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_moment_of_trouble_is_no_alert_unless_it_is_critical() {
        assert_eq!(watch([State::Warning, State::Fine, State::Warning, State::Fine]).1, []);
        assert_eq!(watch([State::Critical]).1, [(0, News::Opened)]);
        assert_eq!(watch(so_long(State::Warning, 5)).1, [(2, News::Opened)]);
    }

    #[test]
    fn what_cannot_be_read_is_not_fine() {
        assert_eq!(watch(so_long(State::Unknown, 30)).1, [(10, News::Opened)], "unreadable is an alert of its own");
        let unread = so_long(State::Warning, 5).chain(so_long(State::Unknown, 50));
        assert_eq!(watch(unread).1, [(2, News::Opened)], "it neither ends an alert nor makes it worse");
        let back = so_long(State::Unknown, 12).chain(so_long(State::Critical, 1));
        assert_eq!(watch(back).1, [(10, News::Opened), (12, News::Worse)]);
    }

    #[test]
    fn it_is_over_after_ten_fine_minutes_and_says_so_once() {
        let series = so_long(State::Critical, 3).chain(so_long(State::Fine, 30));
        assert_eq!(watch(series).1, [(0, News::Opened), (13, News::Resolved)]);
        let off = so_long(State::Critical, 3).chain(so_long(State::Off, 30));
        assert_eq!(watch(off).1, [(0, News::Opened), (13, News::Resolved)], "switched off is over as well");
    }

    #[test]
    fn trouble_that_comes_back_soon_is_the_same_and_later_is_new() {
        let back = |after: usize| {
            let fine = so_long(State::Fine, after);
            watch(so_long(State::Critical, 1).chain(fine).chain(so_long(State::Critical, 3))).1
        };
        assert_eq!(back(30), [(0, News::Opened), (11, News::Resolved)], "back within the hour: nothing new");
        assert_eq!(back(120), [(0, News::Opened), (11, News::Resolved), (121, News::Opened)]);
    }

    #[test]
    fn trouble_that_is_back_and_stays_is_told_after_an_hour_and_needs_a_fine_hour() {
        let bad = |minutes| so_long(State::Critical, minutes);
        let series = bad(1).chain(so_long(State::Fine, 30)).chain(bad(60)).chain(so_long(State::Fine, 70));
        let expected = [(0, News::Opened), (11, News::Resolved), (71, News::Again), (151, News::Resolved)];
        assert_eq!(watch(series).1, expected);
    }

    #[test]
    fn an_acknowledged_alert_is_quiet_until_it_gets_worse() {
        let (mut memory, _) = watch(so_long(State::Warning, 5));
        let trouble = memory.trouble.as_mut().unwrap();
        trouble.acknowledged = true;
        for minute in 5..60 * 48 {
            let (next, news) = step(memory, State::Warning, start() + minutes(minute));
            assert_eq!(news, None);
            memory = next;
        }
        let (memory, news) = step(memory, State::Critical, start() + minutes(60 * 48));
        assert_eq!(news, Some(News::Worse));
        assert!(!memory.trouble.unwrap().acknowledged, "what was taken on was something else");
    }

    fn states() -> impl Strategy<Value = Vec<State>> {
        // Runs of random length, so that holding, flapping and everything between is drawn.
        let run = (proptest::sample::select(State::ALL.to_vec()), prop_oneof![1..3usize, 1..30usize, 1..400usize]);
        proptest::collection::vec(run, 1..60)
            .prop_map(|runs| runs.into_iter().flat_map(|(state, count)| std::iter::repeat_n(state, count)).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Whatever a sign does, nobody is flooded: each level is told as news once in an alert's life, and everything else is
        /// bound to the hours that passed.
        #[test]
        fn whatever_a_sign_does_nobody_is_flooded(series in states()) {
            let (_, told) = watch(series);
            for (i, (from, _)) in told.iter().enumerate() {
                let within = |span: i64| told[i..].iter().take_while(|(at, _)| at - from < span).count();
                prop_assert!(within(60) <= 5, "in an hour: {told:?}");
                prop_assert!(within(24 * 60) <= 20, "in a day: {told:?}");
            }
            // One alert's stream: after it was told over, only time makes it speak again.
            for pair in told.windows(2) {
                let ((first, a), (second, b)) = (pair[0], pair[1]);
                match (a, b) {
                    (News::Resolved, News::Opened) => prop_assert!(second - first >= 60, "{told:?}"),
                    (News::Opened | News::Worse | News::Again, News::Opened) => prop_assert!(false, "opened twice: {told:?}"),
                    (_, News::Again) => prop_assert!(second - first >= 60, "{told:?}"),
                    (News::Resolved, News::Resolved) => prop_assert!(false, "over twice: {told:?}"),
                    _ => {}
                }
            }
        }

        /// A sign that flaps for days, whatever its rhythm, tells about as often as one that stays bad.
        #[test]
        fn flapping_tells_about_as_often_as_staying_bad(bad in 1..40usize, fine in 1..45usize) {
            let days = 4;
            let series = (0..).flat_map(|_| so_long(State::Critical, bad).chain(so_long(State::Fine, fine)));
            let (_, told) = watch(series.take(60 * 24 * days));
            prop_assert!(told.len() <= 2 * (3 + days), "{told:?}");
        }

        /// A fine hour ends every alert, and it does not speak until there is trouble again.
        #[test]
        fn a_fine_hour_ends_every_alert(series in states()) {
            let (memory, told) = watch(series.into_iter().chain(so_long(State::Fine, 62)));
            prop_assert!(memory.trouble.is_none_or(|trouble| trouble.resolved_at.is_some()));
            prop_assert!(told.last().is_none_or(|(_, news)| *news == News::Resolved), "{told:?}");
        }

        /// Trouble that lasts is told, whatever came before: within a day, and if the last word was that it is over, within six
        /// hours.
        #[test]
        fn trouble_that_lasts_is_told(series in states()) {
            let length = i64::try_from(series.len()).unwrap();
            let (_, told) = watch(series.into_iter().chain(so_long(State::Critical, 6 * 60 + 15)));
            let (at, news) = told.last().copied().unwrap();
            prop_assert!(news != News::Resolved, "{told:?}");
            prop_assert!(at > length - 24 * 60, "{told:?}");
        }
    }
}

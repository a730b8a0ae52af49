//! What is watched, and when a measurement is worrying. Pure.

use jiff::{SignedDuration, Timestamp};
use platform::config::Thresholds;
use platform::recent::Tries;

/// Something whose failing means that calls, mails or data are lost, or soon will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Recordings that were copied, of those that were tried.
    Recordings,
    /// Events that were answered before they were stored.
    Events,
    /// Calls that search does not know yet.
    Search,
    /// Events that belong to no organization.
    Quarantine,
    /// Imported rows that wait for somebody to decide.
    Import,
    /// What is left of the mail budget.
    MailBudget,
    /// The mail relay.
    MailRelay,
    /// Mails that were given up.
    DeadMails,
    /// Background work that does not begin.
    Jobs,
    /// Background work that was given up.
    DeadJobs,
    /// Size of the database.
    Database,
    /// Room on the disk of every node.
    Disk,
    /// Whether files can be kept.
    Storage,
    /// The certificate of the public address.
    Certificate,
    /// The clock of this machine.
    Clock,
    /// Calls that failed at the voice provider.
    Provider,
    /// Requests of ours that the provider's API did not answer.
    ProviderApi,
    /// Numbers that usually ring and do not.
    SilentNumbers,
    /// The newest backup.
    Backups,
    /// The newest trial restore.
    Trials,
}

impl Sign {
    /// Every sign, in the order of the pages.
    pub const ALL: [Self; 20] = [
        Self::Recordings,
        Self::Events,
        Self::Search,
        Self::Quarantine,
        Self::Import,
        Self::MailBudget,
        Self::MailRelay,
        Self::DeadMails,
        Self::Jobs,
        Self::DeadJobs,
        Self::Database,
        Self::Disk,
        Self::Storage,
        Self::Certificate,
        Self::Clock,
        Self::Provider,
        Self::ProviderApi,
        Self::SilentNumbers,
        Self::Backups,
        Self::Trials,
    ];

    /// As it is stored, in metrics and in webhooks.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recordings => "recordings",
            Self::Events => "events",
            Self::Search => "search",
            Self::Quarantine => "quarantine",
            Self::Import => "import",
            Self::MailBudget => "mail_budget",
            Self::MailRelay => "mail_relay",
            Self::DeadMails => "dead_mails",
            Self::Jobs => "jobs",
            Self::DeadJobs => "dead_jobs",
            Self::Database => "database",
            Self::Disk => "disk",
            Self::Storage => "storage",
            Self::Certificate => "certificate",
            Self::Clock => "clock",
            Self::Provider => "provider",
            Self::ProviderApi => "provider_api",
            Self::SilentNumbers => "silent_numbers",
            Self::Backups => "backups",
            Self::Trials => "trials",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sign| sign.as_str() == text)
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Recordings => "Recordings",
            Self::Events => "Events to store",
            Self::Search => "Search",
            Self::Quarantine => "Quarantine",
            Self::Import => "Imported rows",
            Self::MailBudget => "Mail budget",
            Self::MailRelay => "Mail relay",
            Self::DeadMails => "Mails given up",
            Self::Jobs => "Background work",
            Self::DeadJobs => "Work given up",
            Self::Database => "Database size",
            Self::Disk => "Disk",
            Self::Storage => "Storage",
            Self::Certificate => "Certificate",
            Self::Clock => "Clock",
            Self::Provider => "Voice provider",
            Self::ProviderApi => "Provider's API",
            Self::SilentNumbers => "Silent numbers",
            Self::Backups => "Backups",
            Self::Trials => "Trial restores",
        }
    }

    /// What to do when it is not fine, in one or two sentences.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Recordings => {
                "Failed recordings say why on their call's page and can be tried again there. The provider deletes its copies \
                 after some days."
            }
            Self::Events => {
                "The database does not take events in. Look at its log and at its disk; what waits is kept in the folder spool \
                 of the data directory."
            }
            Self::Search => "Calls are stored but not found by words. Look at the log of the worker.",
            Self::Quarantine => {
                "A number or assistant is not mapped, or mapped twice. Map it, then play the events again on the page Quarantine."
            }
            Self::Import => {
                "The page Quarantine, under Imported rows, says why each waits, and gives it to an organization. `voxanne import \
                 assign --again` takes those that can be told by now."
            }
            Self::MailBudget => "Mails will wait. Raise VOXANNE_MAIL_DAILY_LIMIT if the relay's plan allows more.",
            Self::MailRelay => "`voxanne doctor mail --to ADDRESS` shows the whole dialogue with the relay.",
            Self::DeadMails => "The page E-mail shows them with the relay's words, and sends them again.",
            Self::Jobs => "No worker runs, or it cannot keep up. The page Jobs shows what waits.",
            Self::DeadJobs => "The page Jobs shows them with the reason, and tries them again.",
            Self::Database => {
                "A database that is full stops taking in calls. Enlarge it, or shorten how long data is kept."
            }
            Self::Disk => "Free or add space for the data directory. A full disk stops the private database.",
            Self::Storage => {
                "Look at the disk of the folder VOXANNE_STORAGE_URL, or at the bucket and its keys. Recordings wait meanwhile, and \
                 the provider deletes its copies after some days."
            }
            Self::Certificate => {
                "Renew the certificate at the proxy; most do it by themselves and say in their log why not."
            }
            Self::Clock => {
                "Set the clock, for example with chrony or systemd-timesyncd. Tokens and signatures depend on it."
            }
            Self::Provider => {
                "Look at the provider's status page, at its account's balance, and at the calls that failed."
            }
            Self::ProviderApi => {
                "The page Accounting shows which account is refused and why. Look at the provider's status page and at the private \
                 keys of the connections. What webhooks bring is not affected."
            }
            Self::SilentNumbers => {
                "Call the number. If it rings, look whether the provider still posts to this installation; if it does not, the \
                 number is at fault."
            }
            Self::Backups => "`voxanne backup` makes one now and says what is wrong.",
            Self::Trials => {
                "`voxanne backup verify` restores the newest backup on trial and says what is wrong. One that is damaged is worth \
                 nothing: make another."
            }
        }
    }
}

/// How a sign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It does not apply here: nothing is configured, or nothing happened.
    Off,
    /// All is well.
    Fine,
    /// A person should look at it.
    Warning,
    /// Something is being lost, or will be within hours.
    Critical,
    /// It could not be read. That is not fine.
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Off, Self::Fine, Self::Warning, Self::Critical, Self::Unknown];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Fine => "fine",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }

    /// Reads what is stored.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// For the metric: 0 fine or off, 1 warning, 2 critical, 3 unknown.
    pub const fn number(self) -> u8 {
        match self {
            Self::Off | Self::Fine => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// How much it weighs against others, the heaviest last: what cannot be read may be as bad as anything.
    pub const fn weight(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Fine => 1,
            Self::Warning => 2,
            Self::Unknown => 3,
            Self::Critical => 4,
        }
    }

    fn is_trouble(self) -> bool {
        matches!(self, Self::Warning | Self::Critical)
    }
}

/// What the certificate of the public address is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Every client trusts it for so many more whole days.
    Trusted(i64),
    /// Clients refuse it now, for this reason.
    Refused(&'static str),
}

/// A sign as it was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Measurement {
    /// Within the last hour.
    Recordings {
        /// Copied.
        ready: u64,
        /// Given up, or still failing.
        failed: u64,
    },
    /// What waits on a node's disk.
    Events {
        /// Files that wait.
        waiting: u64,
        /// When the oldest of them was written.
        oldest: Option<Timestamp>,
        /// Files that cannot be read.
        unreadable: u64,
    },
    /// When the oldest call that search does not know changed.
    Search(Option<Timestamp>),
    /// Events that wait for a person.
    Quarantine(u64),
    /// Imported rows that wait for a person.
    Import(u64),
    /// Recipients of the last 24 hours.
    MailBudget {
        /// Spent.
        used: u32,
        /// Allowed.
        limit: u32,
    },
    /// Since when the relay has been failing.
    MailRelay(Option<Timestamp>),
    /// Mails given up within the last 24 hours.
    DeadMails(u64),
    /// What should have begun longest ago.
    Jobs(Option<Timestamp>),
    /// Jobs that were given up.
    DeadJobs(u64),
    /// Bytes.
    Database {
        /// On the database's disk.
        bytes: u64,
        /// Allowed.
        limit: u64,
    },
    /// Bytes of a node's data directory's file system.
    Disk {
        /// That we may still write.
        free: u64,
        /// In all.
        total: u64,
    },
    /// Why no file can be kept, in a few words; `None`: one was written, read back and deleted.
    Storage(Option<String>),
    /// Of the public address.
    Certificate(Certificate),
    /// How far this machine's clock is from another's; positive when ours is ahead.
    Clock {
        /// The difference.
        skew: SignedDuration,
        /// Whose clock it was compared with.
        with: &'static str,
    },
    /// Calls that ended within the last hour.
    Provider {
        /// All of them.
        ended: u64,
        /// Those that broke.
        failed: u64,
    },
    /// Requests to the provider's API within the last hour, of all nodes.
    ProviderApi(Tries),
    /// Numbers that usually ring.
    SilentNumbers {
        /// Those that do not.
        silent: u64,
        /// All of them.
        watched: u64,
    },
    /// When the newest good backup was made.
    Backups(Option<Timestamp>),
    /// Backups that were restored on trial.
    Trials {
        /// When one last agreed with what was backed up; when the first was made, where none was tried yet.
        since: Timestamp,
        /// Whether one was ever tried and agreed.
        was_tried: bool,
        /// Whether the newest backup was found damaged.
        is_damaged: bool,
        /// How many days pass from one trial to the next.
        every_days: u32,
    },
}

/// A sign with the verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// How it stands.
    pub state: State,
    /// The figure behind it, in the unit of the metric; none where there is none.
    pub value: Option<f64>,
    /// What was found, for the operator. Names nobody and holds no number of anybody.
    pub words: String,
}

impl Reading {
    /// It does not apply.
    pub fn off(why: impl Into<String>) -> Self {
        Self { state: State::Off, value: None, words: why.into() }
    }

    /// It could not be read.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { state: State::Unknown, value: None, words: why.into() }
    }
}

/// From where on a figure is worrying, and how far back it must be before it is not. The gap between the two keeps a
/// figure that swings about its limit from opening and closing an alert with every swing.
#[derive(Clone, Copy, Debug)]
struct Limit {
    warning: f64,
    critical: f64,
    /// How far below a step it must be to leave it.
    back: f64,
}

impl Limit {
    /// The state of a figure that gets worse as it grows.
    fn judge(self, value: f64, was: State) -> State {
        let held = |state: State, step: f64| value >= step || (was == state && value > step - self.back);
        if held(State::Critical, self.critical) {
            State::Critical
        } else if value >= self.warning || (was.is_trouble() && value > self.warning - self.back) {
            State::Warning
        } else {
            State::Fine
        }
    }

    /// The same for a figure that gets worse as it shrinks.
    fn judge_shrinking(self, value: f64, was: State) -> State {
        let mirrored = Self { warning: -self.warning, critical: -self.critical, back: self.back };
        mirrored.judge(-value, was)
    }
}

/// The verdict on a measurement. `was` is how the sign stood before; `now` the time it is measured at.
pub fn judge(measured: &Measurement, was: State, limits: &Thresholds, now: Timestamp) -> Reading {
    match *measured {
        Measurement::Recordings { ready, failed } => recordings(ready, failed, was, limits),
        Measurement::Events { waiting, oldest, unreadable } => {
            let reading = age("The oldest event that is not stored", oldest, limits.event_minutes, was, now);
            match unreadable {
                0 if waiting == 0 => Reading { words: "Every event is stored.".to_owned(), ..reading },
                0 => reading,
                n => Reading {
                    state: State::Critical,
                    words: format!("{} in the spool cannot be read: sealed with another master key?", files(n)),
                    ..reading
                },
            }
        }
        Measurement::Search(oldest) => {
            let reading = age("The oldest call that search does not know", oldest, limits.event_minutes, was, now);
            if oldest.is_some() { reading } else { fine(0.0, "Every call is found.") }
        }
        Measurement::Quarantine(0) => fine(0.0, "Every event found its organization."),
        Measurement::Quarantine(n) => {
            trouble(State::Warning, float(n), format!("{} no organization.", events_belong_to(n)))
        }
        Measurement::Import(0) => fine(0.0, "No imported row waits."),
        Measurement::Import(n) => {
            let what = if n == 1 { "One imported row waits" } else { &format!("{n} imported rows wait") };
            trouble(State::Warning, float(n), format!("{what} for somebody to decide."))
        }
        Measurement::MailBudget { used, limit } => budget(used, limit, was, limits),
        Measurement::MailRelay(None) => fine(0.0, "The relay answers."),
        Measurement::MailRelay(since) => {
            age("The relay", since, limits.event_minutes, was, now).renamed("has been failing for")
        }
        Measurement::DeadMails(0) => fine(0.0, "No mail was given up within 24 hours."),
        Measurement::DeadMails(n) => {
            let what = if n == 1 { "One mail was" } else { &format!("{n} mails were") };
            trouble(State::Warning, float(n), format!("{what} given up within 24 hours."))
        }
        Measurement::Jobs(None) => fine(0.0, "Nothing waits longer than it should."),
        Measurement::Jobs(since) => {
            age("What should have begun first", since, limits.job_minutes, was, now).renamed("has been waiting for")
        }
        Measurement::DeadJobs(0) => fine(0.0, "No job was given up."),
        Measurement::DeadJobs(n) => {
            let what = if n == 1 { "One job was" } else { &format!("{n} jobs were") };
            trouble(State::Warning, float(n), format!("{what} given up and waits for a person."))
        }
        Measurement::Database { bytes, limit } => {
            let used = percent(bytes, limit);
            let steps = Limit {
                warning: f64::from(limits.database_percent),
                critical: f64::from(limits.database_critical_percent),
                back: 2.0,
            };
            let words = format!("{used:.0} % of the database's budget is used.");
            Reading { state: steps.judge(used, was), value: Some(used), words }
        }
        Measurement::Disk { free, total } => {
            let left = percent(free, total);
            let warning = f64::from(limits.disk_percent);
            let steps = Limit { warning, critical: warning / 3.0, back: warning / 10.0 };
            let words = format!("{left:.0} % of the data directory's disk is free.");
            Reading { state: steps.judge_shrinking(left, was), value: Some(left), words }
        }
        Measurement::Storage(None) => fine(0.0, "A file was written, read back and deleted."),
        Measurement::Storage(Some(ref why)) => {
            trouble(State::Critical, 1.0, format!("No recording can be kept: {why}."))
        }
        Measurement::Certificate(Certificate::Refused(why)) => {
            trouble(State::Critical, 0.0, format!("Clients refuse the certificate of the public address: {why}."))
        }
        Measurement::Certificate(Certificate::Trusted(days)) => {
            let warning = f64::from(limits.certificate_days);
            let steps = Limit { warning, critical: warning / 4.0, back: 1.0 };
            let left = float(days.unsigned_abs());
            let words = format!("The certificate of the public address is good for {days} more days.");
            Reading { state: steps.judge_shrinking(left, was), value: Some(left), words }
        }
        Measurement::Clock { skew, with } => {
            let away = skew.abs().as_secs_f64();
            let warning = f64::from(limits.clock_seconds);
            let steps = Limit { warning, critical: warning * 12.0, back: warning / 2.0 };
            let side = if skew.is_negative() { "behind" } else { "ahead of" };
            let words = if away < 1.0 {
                format!("This machine's clock agrees with {with}.")
            } else {
                format!("This machine's clock is {away:.0} s {side} {with}.")
            };
            Reading { state: steps.judge(away, was), value: Some(skew.as_secs_f64()), words }
        }
        Measurement::Provider { ended: 0, .. } => Reading::off("No call ended within the last hour."),
        Measurement::Provider { ended, failed } => {
            let words = format!("{failed} of {ended} calls that ended within the last hour had failed.");
            failures(failed, ended, words, was, limits)
        }
        Measurement::ProviderApi(Tries { tried: 0, .. }) => {
            Reading::off("The provider's API was not asked within the last hour.")
        }
        Measurement::ProviderApi(Tries { tried, failed }) => {
            let words = format!("{failed} of {tried} requests to the provider's API within the last hour failed.");
            failures(failed, tried, words, was, limits)
        }
        Measurement::SilentNumbers { watched: 0, .. } => {
            Reading::off("No number has rung often enough for long enough to say what is usual.")
        }
        Measurement::SilentNumbers { silent: 0, watched } => {
            fine(0.0, format!("Numbers that usually ring do ({watched} watched)."))
        }
        Measurement::SilentNumbers { silent, watched } => {
            let what = if silent == 1 { "One number" } else { &format!("{silent} numbers") };
            let state = if silent == watched && watched > 1 { State::Critical } else { State::Warning };
            trouble(state, float(silent), format!("{what} of {watched} had no call where history expects many."))
        }
        Measurement::Backups(None) => trouble(State::Warning, 0.0, "There is no backup yet."),
        Measurement::Backups(Some(at)) => {
            let hours = now.duration_since(at).as_secs_f64() / 3600.0;
            let warning = f64::from(limits.backup_hours);
            let steps = Limit { warning, critical: warning * 2.0, back: 1.0 };
            let words = format!("The newest backup is {} old.", span(now.duration_since(at)));
            Reading { state: steps.judge(hours, was), value: Some(hours * 3600.0), words }
        }
        Measurement::Trials { is_damaged: true, .. } => {
            trouble(State::Critical, 0.0, "The newest backup is damaged: it could not be restored from.")
        }
        Measurement::Trials { since, was_tried, every_days, .. } => trials(since, was_tried, every_days, was, now),
    }
}

/// A trial that is a day late is worrying, and one that is left out twice is critical.
fn trials(since: Timestamp, was_tried: bool, every_days: u32, was: State, now: Timestamp) -> Reading {
    let age = now.duration_since(since);
    let days = age.as_secs_f64() / 86_400.0;
    let every = f64::from(every_days);
    let steps = Limit { warning: every + 1.0, critical: every * 3.0 + 1.0, back: 0.5 };
    let words = if was_tried {
        format!("A backup was last restored on trial {} ago, and agreed.", span(age))
    } else {
        format!("No backup was restored on trial yet; the first is {} old.", span(age))
    };
    Reading { state: steps.judge(days, was), value: Some(age.as_secs_f64()), words }
}

fn recordings(ready: u64, failed: u64, was: State, limits: &Thresholds) -> Reading {
    let tried = ready + failed;
    if tried == 0 {
        return Reading::off("No recording was due within the last hour.");
    }
    let share = percent(ready, tried);
    let least = u64::from(limits.recordings_least);
    let words = format!("{ready} of {tried} recordings of the last hour were copied.");
    if tried < least {
        // Too few to say; an alert that is open stays until there is something better to go by.
        let state = if was.is_trouble() && failed > 0 { was } else { State::Fine };
        return Reading { state, value: Some(share), words };
    }
    let warning = f64::from(limits.recordings_percent);
    // Just below the wanted share is worrying, the share itself is not.
    let steps = Limit { warning: warning - f64::EPSILON * 128.0, critical: warning / 2.0, back: 2.0 };
    Reading { state: steps.judge_shrinking(share, was), value: Some(share), words }
}

/// A share of failures among calls or requests, of which there is at least one.
fn failures(failed: u64, all: u64, words: String, was: State, limits: &Thresholds) -> Reading {
    /// Fewer failures than this are somebody's bad line.
    const FEWEST: u64 = 3;
    let share = percent(failed, all);
    let warning = f64::from(limits.provider_percent);
    let steps = Limit { warning, critical: warning.mul_add(0.5, 50.0), back: warning / 4.0 };
    let state = if failed < FEWEST && !was.is_trouble() { State::Fine } else { steps.judge(share, was) };
    Reading { state, value: Some(share), words }
}

fn budget(used: u32, limit: u32, was: State, limits: &Thresholds) -> Reading {
    let share = percent(u64::from(used), u64::from(limit));
    let steps = Limit { warning: f64::from(limits.mail_percent), critical: 100.0, back: 5.0 };
    let words = format!("{used} of {limit} recipients of the last 24 hours are spent.");
    Reading { state: steps.judge(share, was), value: Some(share), words }
}

/// Something that waits should not wait long.
fn age(what: &str, since: Option<Timestamp>, minutes: u32, was: State, now: Timestamp) -> Reading {
    let waits = since.map_or(SignedDuration::ZERO, |since| now.duration_since(since).max(SignedDuration::ZERO));
    let warning = f64::from(minutes) * 60.0;
    let steps = Limit { warning, critical: warning * 6.0, back: warning / 2.0 };
    let state = steps.judge(waits.as_secs_f64(), was);
    Reading { state, value: Some(waits.as_secs_f64()), words: format!("{what} is {} old.", span(waits)) }
}

impl Reading {
    /// The words of [`age`] with another verb.
    fn renamed(mut self, verb: &str) -> Self {
        self.words = self.words.replacen(" is ", &format!(" {verb} "), 1).replace(" old.", ".");
        self
    }
}

fn fine(value: f64, words: impl Into<String>) -> Reading {
    Reading { state: State::Fine, value: Some(value), words: words.into() }
}

fn trouble(state: State, value: f64, words: impl Into<String>) -> Reading {
    Reading { state, value: Some(value), words: words.into() }
}

fn files(n: u64) -> String {
    if n == 1 { "One file".to_owned() } else { format!("{n} files") }
}

fn events_belong_to(n: u64) -> String {
    if n == 1 { "One event belongs to".to_owned() } else { format!("{n} events belong to") }
}

/// A length of time in one unit, rounded down.
pub fn span(time: SignedDuration) -> String {
    let (count, unit) = match time.as_secs().max(0) {
        seconds @ 0..120 => (seconds, "second"),
        seconds @ 120..7_200 => (seconds / 60, "minute"),
        seconds @ 7_200..172_800 => (seconds / 3_600, "hour"),
        seconds => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes far below 2^53, for a share and a metric")]
fn float(n: u64) -> f64 {
    n as f64
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 100.0 } else { float(part) / float(whole) * 100.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T14:00:00Z".parse().unwrap()
    }

    fn state(measured: &Measurement, was: State) -> State {
        judge(measured, was, &Thresholds::default(), now()).state
    }

    fn ago(minutes: i64) -> Timestamp {
        now() - SignedDuration::from_mins(minutes)
    }

    #[test]
    fn recordings_alarm_below_95_percent_with_five_in_the_hour() {
        let judged = |ready, failed, was| state(&Measurement::Recordings { ready, failed }, was);
        assert_eq!(judged(0, 0, State::Fine), State::Off);
        assert_eq!(judged(0, 4, State::Fine), State::Fine, "four are too few to say");
        assert_eq!(judged(4, 1, State::Fine), State::Warning);
        assert_eq!(judged(19, 1, State::Fine), State::Fine, "95 % is what is wanted");
        assert_eq!(judged(94, 6, State::Fine), State::Warning);
        assert_eq!(judged(96, 4, State::Warning), State::Warning, "it has to get well before it counts as well");
        assert_eq!(judged(98, 2, State::Warning), State::Fine);
        assert_eq!(judged(2, 8, State::Fine), State::Critical);
        assert_eq!(judged(0, 2, State::Critical), State::Critical, "a quiet hour proves nothing");
    }

    #[test]
    fn a_database_is_worrying_at_80_and_critical_at_96_percent_of_its_budget() {
        let judged = |bytes, was| state(&Measurement::Database { bytes, limit: 1_000 }, was);
        assert_eq!(judged(799, State::Fine), State::Fine);
        assert_eq!(judged(800, State::Fine), State::Warning);
        assert_eq!(judged(790, State::Warning), State::Warning);
        assert_eq!(judged(780, State::Warning), State::Fine);
        assert_eq!(judged(960, State::Warning), State::Critical);
        assert_eq!(judged(950, State::Critical), State::Critical);
    }

    #[test]
    fn what_waits_may_wait_a_little() {
        let events = |minutes| Measurement::Events { waiting: 1, oldest: Some(ago(minutes)), unreadable: 0 };
        assert_eq!(state(&events(4), State::Fine), State::Fine);
        assert_eq!(state(&events(5), State::Fine), State::Warning);
        assert_eq!(state(&events(30), State::Fine), State::Critical);
        assert_eq!(
            state(&Measurement::Events { waiting: 0, oldest: None, unreadable: 1 }, State::Fine),
            State::Critical
        );
        let words = judge(&Measurement::Jobs(Some(ago(20))), State::Fine, &Thresholds::default(), now()).words;
        assert_eq!(words, "What should have begun first has been waiting for 20 minutes.");
    }

    #[test]
    fn mails_certificates_clocks_disks_and_backups_have_their_limits() {
        let judged = |measured| state(&measured, State::Fine);
        assert_eq!(judged(Measurement::MailBudget { used: 79, limit: 100 }), State::Fine);
        assert_eq!(judged(Measurement::MailBudget { used: 80, limit: 100 }), State::Warning);
        assert_eq!(judged(Measurement::MailBudget { used: 100, limit: 100 }), State::Critical);
        assert_eq!(judged(Measurement::DeadMails(1)), State::Warning);
        assert_eq!(judged(Measurement::Quarantine(1)), State::Warning);
        assert_eq!(judged(Measurement::Certificate(Certificate::Trusted(60))), State::Fine);
        assert_eq!(judged(Measurement::Certificate(Certificate::Trusted(14))), State::Warning);
        assert_eq!(judged(Measurement::Certificate(Certificate::Trusted(3))), State::Critical);
        assert_eq!(judged(Measurement::Certificate(Certificate::Refused("it has expired"))), State::Critical);
        let clock = |seconds| Measurement::Clock { skew: SignedDuration::from_secs(seconds), with: "the database's" };
        assert_eq!(
            [0, 5, -5, 3_600].map(|seconds| judged(clock(seconds))),
            [State::Fine, State::Warning, State::Warning, State::Critical]
        );
        let disk = |free| Measurement::Disk { free, total: 100 };
        assert_eq!([50, 10, 3].map(|free| judged(disk(free))), [State::Fine, State::Warning, State::Critical]);
        let backup = |hours: i64| Measurement::Backups(Some(ago(hours * 60)));
        assert_eq!([20, 27, 60].map(|hours| judged(backup(hours))), [State::Fine, State::Warning, State::Critical]);
        assert_eq!(judged(Measurement::Backups(None)), State::Warning);
        assert_eq!(judged(Measurement::Provider { ended: 4, failed: 2 }), State::Fine, "two bad lines are no outage");
        assert_eq!(judged(Measurement::Provider { ended: 10, failed: 4 }), State::Warning);
        assert_eq!(judged(Measurement::Provider { ended: 10, failed: 9 }), State::Critical);
        let asked = |tried, failed| judged(Measurement::ProviderApi(Tries { tried, failed }));
        assert_eq!(
            [asked(0, 0), asked(40, 2), asked(10, 4), asked(10, 9)],
            [State::Off, State::Fine, State::Warning, State::Critical]
        );
        assert_eq!(judged(Measurement::Import(0)), State::Fine);
        assert_eq!(judged(Measurement::Import(1)), State::Warning);
        assert_eq!(judged(Measurement::Storage(None)), State::Fine);
        assert_eq!(judged(Measurement::Storage(Some("the storage is full".into()))), State::Critical);
        let trial = |days: i64, is_damaged| {
            let since = ago(days * 24 * 60);
            judged(Measurement::Trials { since, was_tried: true, is_damaged, every_days: 7 })
        };
        assert_eq!([7, 8, 22].map(|days| trial(days, false)), [State::Fine, State::Warning, State::Critical]);
        assert_eq!(trial(0, true), State::Critical);
    }

    #[test]
    fn every_sign_and_state_reads_back_and_no_words_promise_a_person() {
        for sign in Sign::ALL {
            assert_eq!(Sign::parse(sign.as_str()), Some(sign));
            assert!(sign.advice().ends_with('.'), "{sign:?}");
        }
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }

    proptest! {
        /// More of a bad thing is never better, and between the steps the past decides.
        #[test]
        fn a_growing_figure_never_gets_better(
            a in 0.0..200.0f64, b in 0.0..200.0f64, was in proptest::sample::select(State::ALL.to_vec())
        ) {
            let steps = Limit { warning: 80.0, critical: 96.0, back: 2.0 };
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(steps.judge(low, was).number() <= steps.judge(high, was).number());
            prop_assert_eq!(steps.judge(low, was), steps.judge_shrinking_mirror(low, was));
        }

        /// A figure that swings by less than the gap changes the state at most once.
        #[test]
        fn a_swing_within_the_gap_does_not_flap(start in 0.0..120.0f64, swings in proptest::collection::vec(-0.9..0.9f64, 1..60)) {
            let steps = Limit { warning: 80.0, critical: 96.0, back: 2.0 };
            let mut was = steps.judge(start, State::Fine);
            let mut changes = 0;
            for swing in swings {
                let state = steps.judge(start + swing, was);
                changes += usize::from(state != was);
                was = state;
            }
            prop_assert!(changes <= 1, "{changes} changes");
        }
    }

    impl Limit {
        fn judge_shrinking_mirror(self, value: f64, was: State) -> State {
            let mirrored = Self { warning: -self.warning, critical: -self.critical, back: self.back };
            mirrored.judge_shrinking(-value, was)
        }
    }
}

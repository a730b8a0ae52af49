//! Faults of the program, reported to a collector that speaks Sentry's envelope protocol: panics, requests that we answered with
//! 5xx, jobs and duties that failed. docs/adr has why this is not the vendor's library.
//!
//! A report is put together from a list of what may be in it, and never from what happened to be at hand: the place in the program,
//! its version, codes, ids, and words that [`scrub`] has been through. There is no request in it: no address, header, cookie, query
//! or body.
//!
//! Nothing waits for a report. It goes into a short queue; what does not fit is dropped and counted. The same fault is reported
//! once a minute with the number of times. When the collector says how long to leave it alone, it is left alone.

mod scrub;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::panic::{self, PanicHookInfo};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::clock::Clock;
use crate::config::SentryDsn;
use crate::outbound::{Limits, Outbound, OutboundError, Request};
use crate::secret::Secret;
use crate::tasks::Tasks;

pub use scrub::scrub;
pub use wire::pause_of;

/// Reports that wait. A collector that is away for longer loses the rest.
const QUEUE: usize = 64;
/// The same fault is not reported again within this time.
const ONCE_IN: SignedDuration = SignedDuration::from_mins(1);
/// Different faults that are told apart at one time.
const MOST_KINDS: usize = 500;
/// How long the last reports may take when the process stops.
const LAST_WORDS: Duration = Duration::from_secs(3);
const LIMITS: Limits = Limits {
    total: Duration::from_secs(10),
    connect: Duration::from_secs(10),
    idle: Duration::from_secs(5),
    hops: 0,
    max_bytes: 64 * 1024,
};

/// Our own crates: what a library says of its errors is not ours to vouch for.
const OURS: [&str; 10] =
    ["alarms", "demos", "identity", "mail", "platform", "providers", "server", "voice", "voxanne", "web"];
/// Fields that are reported as they are: ids, codes, names of ours.
const TAGS: [&str; 14] = [
    "alert",
    "attempts",
    "call",
    "code",
    "job",
    "kind",
    "org",
    "outcome",
    "queue",
    "request.id",
    "route",
    "schedule",
    "sign",
    "status",
];
/// Fields with words in them, which are scrubbed.
const WORDS: [&str; 4] = ["cause", "error", "reason", "words"];

/// Something that went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Part of the program.
    logger: String,
    /// What happened, scrubbed.
    message: String,
    file: String,
    line: u32,
    /// Ids and codes, and scrubbed words.
    tags: BTreeMap<&'static str, String>,
    /// Of a panic: the functions that were at work, outermost first, each with its place.
    frames: Vec<(String, String)>,
    is_panic: bool,
}

/// Both ends of the queue: one for the log, one for the sender.
pub fn channel() -> (FaultLayer, Faults) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (FaultLayer { sender }, Faults { receiver })
}

/// Takes faults out of the log.
#[derive(Clone)]
pub struct FaultLayer {
    sender: mpsc::Sender<Fault>,
}

/// The faults that wait to be reported.
pub struct Faults {
    receiver: mpsc::Receiver<Fault>,
}

impl FaultLayer {
    /// How many faults wait to be reported.
    pub fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    fn take(&self, fault: Fault) {
        if self.sender.try_send(fault).is_err() {
            count("dropped");
        }
    }
}

fn count(outcome: &'static str) {
    ::metrics::counter!("voxanne_fault_reports_total", "outcome" => outcome).increment(1);
}

impl<S: Subscriber> Layer<S> for FaultLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let target = metadata.target();
        let is_ours = OURS.contains(&target.split("::").next().unwrap_or_default());
        // A job that failed is tried again, which is a warning in the log; somebody should see it all the same.
        let is_fault = *metadata.level() == Level::ERROR
            || (*metadata.level() == Level::WARN && target.starts_with("platform::jobs"));
        if !(is_ours && is_fault) {
            return;
        }
        let mut fault = Fault {
            logger: target.to_owned(),
            file: metadata.file().map(in_tree).unwrap_or_default(),
            line: metadata.line().unwrap_or(0),
            ..Fault::default()
        };
        event.record(&mut fault);
        self.take(fault);
    }
}

impl Visit for Fault {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let name = field.name();
        if name == "message" {
            self.message = scrub(value);
        } else if TAGS.contains(&name) {
            // Ids and codes have no blanks; anything else got here by mistake.
            let is_word =
                value.len() <= 80 && value.bytes().all(|byte| byte.is_ascii_graphic()) && !value.contains('@');
            self.tags.insert(name, if is_word { value.to_owned() } else { scrub(value) });
        } else if WORDS.contains(&name) {
            self.tags.insert(name, scrub(value));
        }
    }
}

/// A source file as it is called in the repository, whatever machine built it.
fn in_tree(file: &str) -> String {
    file.find("crates/").map_or(file, |at| &file[at..]).to_owned()
}

/// Writes panics to the log and reports them. The text of a panic is shown only where it is a literal of the program: one that was
/// put together may quote what it choked on.
pub fn catch_panics(layer: Option<FaultLayer>) {
    panic::set_hook(Box::new(move |info| {
        let fault = panicked(info);
        tracing::error!(target: "panic", at = %format!("{}:{}", fault.file, fault.line), "{}", fault.message);
        if let Some(layer) = &layer {
            layer.take(fault);
        }
    }));
}

fn panicked(info: &PanicHookInfo<'_>) -> Fault {
    let literal = info.payload().downcast_ref::<&'static str>().map(|text| scrub(text));
    let (file, line) = info.location().map_or_else(Default::default, |at| (in_tree(at.file()), at.line()));
    Fault {
        logger: "panic".to_owned(),
        message: literal.unwrap_or_else(|| "a panic, whose words may quote what it choked on".to_owned()),
        file,
        line,
        frames: wire::frames(&std::backtrace::Backtrace::force_capture().to_string()),
        is_panic: true,
        ..Fault::default()
    }
}

impl Faults {
    /// Sends what comes until the process stops, and then what is left.
    pub fn report(self, dsn: SentryDsn, outbound: Outbound, clock: Clock, tasks: &Tasks) {
        let stopping = tasks.stopping();
        let mut reporter = Reporter { dsn, outbound, clock, quiet_until: None, seen: HashMap::new() };
        let mut receiver = self.receiver;
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stopping.cancelled() => break,
                    fault = receiver.recv() => match fault {
                        Some(fault) => reporter.report(fault).await,
                        None => return,
                    },
                }
            }
            let rest = async {
                while let Ok(fault) = receiver.try_recv() {
                    reporter.report(fault).await;
                }
            };
            if tokio::time::timeout(LAST_WORDS, rest).await.is_err() {
                count("dropped");
            }
        });
    }
}

/// What was reported of one kind of fault.
struct Seen {
    at: Timestamp,
    /// How often it happened since.
    since: u32,
}

struct Reporter {
    dsn: SentryDsn,
    outbound: Outbound,
    clock: Clock,
    /// The collector asked to be left alone until then.
    quiet_until: Option<Timestamp>,
    seen: HashMap<(String, u32, String), Seen>,
}

impl Reporter {
    async fn report(&mut self, fault: Fault) {
        let now = self.clock.now();
        let Some(times) = self.times(&fault, now) else {
            count("repeated");
            return;
        };
        if self.quiet_until.is_some_and(|until| until > now) {
            count("limited");
            return;
        }
        match self.send(&fault, times, now).await {
            Ok(pause) => {
                self.quiet_until = pause.and_then(|pause| now.checked_add(pause).ok());
                count(if pause.is_some() { "limited" } else { "sent" });
            }
            Err(error) => {
                count("failed");
                // Not an error: that would be reported too.
                tracing::warn!(%error, "a fault could not be reported");
            }
        }
    }

    /// How often it happened since it was reported last; `None` when that was just now.
    fn times(&mut self, fault: &Fault, now: Timestamp) -> Option<u32> {
        if self.seen.len() >= MOST_KINDS {
            self.seen.retain(|_, seen| now.duration_since(seen.at) < ONCE_IN);
        }
        let kind = (fault.file.clone(), fault.line, fault.tags.get("code").cloned().unwrap_or_default());
        match self.seen.get_mut(&kind) {
            Some(seen) if now.duration_since(seen.at) < ONCE_IN => {
                seen.since = seen.since.saturating_add(1);
                None
            }
            known => {
                let before = known.map_or(0, |seen| seen.since);
                self.seen.insert(kind, Seen { at: now, since: 0 });
                Some(before.saturating_add(1))
            }
        }
    }

    /// Sends one report; answers how long the collector wants to be left alone.
    async fn send(&self, fault: &Fault, times: u32, now: Timestamp) -> Result<Option<SignedDuration>, OutboundError> {
        let envelope = wire::envelope(fault, times, now).map_err(|_| OutboundError::BadHeader)?;
        let auth = format!(
            "Sentry sentry_version=7, sentry_client=voxanne/{}, sentry_key={}",
            env!("CARGO_PKG_VERSION"),
            self.dsn.key.expose()
        );
        let request = Request::post(&self.dsn.endpoint)?
            .secret_header(HeaderName::from_static("x-sentry-auth"), &Secret::new(auth))?
            .header(HeaderName::from_static("content-type"), HeaderValue::from_static("application/x-sentry-envelope"))
            .body(envelope);
        let answer = self.outbound.send(request, &LIMITS).await?;
        let limits = answer.headers.get("x-sentry-rate-limits").and_then(|value| value.to_str().ok());
        Ok(pause_of(answer.status.as_u16(), limits, answer.retry_after()))
    }
}

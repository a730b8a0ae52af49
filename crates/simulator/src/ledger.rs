//! What was sent, what was answered, and what the receiver must therefore know.
//!
//! The ledger is written while the run goes on: one JSON object per line, flushed to the disk batch by batch, so
//! that it survives whatever happens to the receiver or to this process. A message counts as acknowledged when its
//! answer was 2xx; only acknowledged facts are expected back.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::faults::Fault;
use crate::practice::Kind;
use crate::scenario::Scenario;
use crate::script::Medium;
use crate::wire::{EventKind, Timeline, Turn};

/// The final state of a call as the provider sees it, and where it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallTruth {
    /// The provider's id of the call.
    pub call_id: Uuid,
    /// Whose call it is: [`crate::Target::org_label`].
    pub org_label: String,
    /// The connection it was sent to; none for the platform's own.
    pub connection_id: Option<Uuid>,
    /// Kind of practice.
    pub practice_kind: Kind,
    /// Name of the script.
    pub script: String,
    /// BCP 47 tag of the caller's language.
    pub language: String,
    /// `inbound`, `outbound` or `web`.
    pub direction: String,
    /// Number of the calling side, E.164. None: withheld, or no phone.
    pub from: Option<String>,
    /// Number of the called side, E.164. None: no phone.
    pub to: Option<String>,
    /// When the provider created the call.
    pub created_at: Timestamp,
    /// When somebody answered. None: nobody did.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it ended, in the provider's words.
    pub ended_reason: String,
    /// US dollars times a million.
    pub cost_micros: i64,
    /// The provider's summary.
    pub summary: Option<String>,
    /// The provider's judgement.
    pub success: Option<bool>,
    /// What the conversation led to, in one word of ours.
    pub outcome: String,
    /// Everything said, in order.
    pub turns: Vec<Turn>,
    /// Whether the report names a recording.
    pub recording: bool,
}

impl CallTruth {
    pub(crate) fn of(scenario: &Scenario, timeline: &Timeline, kind: Kind, connection_id: Option<Uuid>) -> Self {
        let practice = (scenario.medium != Medium::Web).then(|| scenario.number.e164.clone());
        let customer = scenario.customer_number.clone();
        let (direction, from, to) = match scenario.medium {
            Medium::Inbound => ("inbound", customer, practice),
            Medium::Outbound => ("outbound", practice, customer),
            Medium::Web => ("web", None, None),
        };
        Self {
            call_id: scenario.call_id,
            org_label: scenario.org_label.clone(),
            connection_id,
            practice_kind: kind,
            script: scenario.script_id.clone(),
            language: scenario.language.clone(),
            direction: direction.to_owned(),
            from,
            to,
            created_at: scenario.created_at,
            started_at: scenario.started_at.map(|offset| scenario.at(offset)),
            ended_at: scenario.at(scenario.ended_at),
            ended_reason: scenario.ended_reason.clone(),
            cost_micros: timeline.cost_micros,
            summary: scenario.summary.clone(),
            success: scenario.success,
            outcome: scenario.outcome.clone(),
            turns: timeline.turns.clone(),
            recording: timeline.recording,
        }
    }
}

/// One attempt to deliver one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The provider's id of the call.
    pub call_id: Uuid,
    /// Business identity within the call; equal for every delivery of the same fact.
    pub identity: String,
    /// What it is.
    pub event: EventKind,
    /// What was done to it.
    pub fault: Option<Fault>,
    /// 1 for the first delivery; retries and doubles count on.
    pub delivery: u32,
    /// SHA-256 of the bytes sent, hex. Empty: never sent.
    pub digest: String,
    /// Number of bytes sent.
    pub bytes: usize,
    /// HTTP status of the answer. None: no answer came, or it was never sent.
    pub status: Option<u16>,
    /// Why no answer came.
    pub error: Option<String>,
    /// Milliseconds from sending to answer.
    pub latency_ms: u32,
}

impl EventRecord {
    /// The receiver has taken responsibility for this fact.
    pub fn acknowledged(&self) -> bool {
        self.fault != Some(Fault::Tampered) && self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// It was sent, but whether the receiver stored it is not known.
    pub fn uncertain(&self) -> bool {
        self.status.is_none() && !self.digest.is_empty()
    }
}

/// Something the receiver did wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// The provider's id of the call.
    pub call_id: Uuid,
    /// Identity of the message.
    pub identity: String,
    /// What is wrong, in one sentence.
    pub problem: String,
}

/// Numbers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Calls begun.
    pub calls: u64,
    /// Requests made.
    pub sent: u64,
    /// Answered 2xx, forgeries excepted.
    pub acknowledged: u64,
    /// Answered otherwise, forgeries excepted.
    pub refused: u64,
    /// Not answered.
    pub unanswered: u64,
    /// Held back on purpose.
    pub lost: u64,
    /// Forgeries sent.
    pub forged: u64,
    /// Things the receiver did wrong.
    pub violations: u64,
}

/// Everything a run did, and what must be true of the receiver afterwards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// The seed of the run.
    pub seed: u64,
    /// The calls, in the order in which they began.
    pub calls: Vec<CallTruth>,
    /// The attempts, in the order in which they were answered.
    pub events: Vec<EventRecord>,
    /// What the receiver did wrong. At most [`Truth::VIOLATIONS_KEPT`] are kept; the counter counts all.
    pub violations: Vec<Violation>,
    /// Numbers.
    pub counters: Counters,
}

/// What a receiver must know of a call, given what it acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected<'a> {
    /// The call.
    pub call: &'a CallTruth,
    /// The report was acknowledged: every field must be equal.
    pub complete: bool,
    /// The end was acknowledged, by status or by report.
    pub ended: bool,
    /// The statuses that were acknowledged, in the order of the call's life.
    pub statuses: Vec<String>,
    /// Indexes of the turns that were acknowledged one by one.
    pub turns: Vec<usize>,
}

impl Truth {
    /// How many violations are kept in memory: a receiver that is wrong every time must not fill it.
    pub const VIOLATIONS_KEPT: usize = 1_000;

    /// Writes the truth to a file as JSON.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec(self)?;
        std::fs::write(path, text).with_context(|| format!("cannot write the truth to {}", path.display()))
    }

    /// Reads what [`Truth::save`] wrote.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read the truth from {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not a truth file", path.display()))
    }

    /// Rebuilds the truth from a ledger file. A last line cut short by a crash is left out.
    pub fn from_ledger(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read the ledger {}", path.display()))?;
        let whole = text.ends_with('\n');
        let lines: Vec<&str> = text.lines().collect();
        let mut truth = Self::default();
        for (index, line) in lines.iter().enumerate() {
            let is_last = index + 1 == lines.len();
            match serde_json::from_str(line) {
                Ok(line) => truth.take(line),
                Err(_) if is_last && !whole => break,
                Err(error) => return Err(error).with_context(|| format!("line {} of the ledger", index + 1)),
            }
        }
        Ok(truth)
    }

    /// The truth once the receiver has asked the provider for everything that it missed: what was held back counts as
    /// acknowledged.
    #[must_use]
    pub fn reconciled(mut self) -> Self {
        for record in self.events.iter_mut().filter(|record| record.fault == Some(Fault::Lost)) {
            record.fault = None;
            record.status = Some(200);
        }
        self
    }

    /// What the receiver must know: one entry for every call of which it acknowledged anything.
    pub fn expected(&self) -> Vec<Expected<'_>> {
        let mut acknowledged: HashMap<Uuid, Vec<&EventRecord>> = HashMap::new();
        for record in self.events.iter().filter(|record| record.acknowledged()) {
            acknowledged.entry(record.call_id).or_default().push(record);
        }
        self.calls
            .iter()
            .filter_map(|call| acknowledged.get(&call.call_id).map(|records| expectation(call, records)))
            .collect()
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Run { seed } => self.seed = seed,
            Line::Call(call) => {
                self.counters.calls += 1;
                self.calls.push(*call);
            }
            Line::Event(record) => {
                self.counters.count(&record);
                self.events.push(record);
            }
            Line::Violation(violation) => {
                self.counters.violations += 1;
                if self.violations.len() < Self::VIOLATIONS_KEPT {
                    self.violations.push(violation);
                }
            }
        }
    }
}

impl Counters {
    fn count(&mut self, record: &EventRecord) {
        if record.fault == Some(Fault::Lost) {
            self.lost += 1;
            return;
        }
        self.sent += 1;
        if record.fault == Some(Fault::Tampered) {
            self.forged += 1;
        } else if record.acknowledged() {
            self.acknowledged += 1;
        } else if record.status.is_some() {
            self.refused += 1;
        }
        if record.status.is_none() {
            self.unanswered += 1;
        }
    }
}

fn expectation<'a>(call: &'a CallTruth, records: &[&EventRecord]) -> Expected<'a> {
    let complete = records.iter().any(|record| record.event == EventKind::Report);
    let statuses: Vec<String> = ["queued", "ringing", "in-progress", "forwarding", "ended"]
        .into_iter()
        .filter(|name| {
            records.iter().any(|record| matches!(&record.event, EventKind::Status { status } if status == name))
        })
        .map(str::to_owned)
        .collect();
    let mut turns: Vec<usize> = records
        .iter()
        .filter_map(|record| match record.event {
            EventKind::Turn { index } => Some(index),
            _ => None,
        })
        .collect();
    turns.sort_unstable();
    turns.dedup();
    let ended = complete || statuses.iter().any(|status| status == "ended");
    Expected { call, complete, ended, statuses, turns }
}

/// One line of the ledger file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "line")]
pub(crate) enum Line {
    Run { seed: u64 },
    Call(Box<CallTruth>),
    Event(EventRecord),
    Violation(Violation),
}

/// Collects the truth and hands each line to the writer.
pub(crate) struct Ledger {
    truth: Mutex<Truth>,
    keep: bool,
    lines: Option<mpsc::Sender<Line>>,
}

impl Ledger {
    /// A ledger and the queue of lines for [`write`], if lines are wanted.
    pub(crate) fn new(seed: u64, keep: bool, to_file: bool) -> (Self, Option<mpsc::Receiver<Line>>) {
        let (sender, receiver) = if to_file {
            let (sender, receiver) = mpsc::channel(1_024);
            (Some(sender), Some(receiver))
        } else {
            (None, None)
        };
        let truth = Mutex::new(Truth { seed, ..Truth::default() });
        (Self { truth, keep, lines: sender }, receiver)
    }

    /// Records a line. Waits when the disk is slower than the run.
    pub(crate) async fn record(&self, line: Line) {
        if let Some(lines) = &self.lines {
            // The writer is gone only after an error, which ends the run and is its result.
            let _ = lines.send(line.clone()).await;
        }
        let mut truth = self.truth.lock().unwrap_or_else(PoisonError::into_inner);
        if self.keep {
            truth.take(line);
            return;
        }
        match line {
            Line::Run { .. } => {}
            Line::Call(_) => truth.counters.calls += 1,
            Line::Event(record) => truth.counters.count(&record),
            violation @ Line::Violation(_) => truth.take(violation),
        }
    }

    /// The truth, and the end of the ledger: the writer finishes what is queued.
    pub(crate) fn into_truth(self) -> Truth {
        self.truth.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes lines until the ledger is dropped, each batch flushed to the disk before the next is taken.
pub(crate) async fn write(path: &Path, mut lines: mpsc::Receiver<Line>) -> anyhow::Result<()> {
    let mut file = tokio::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .await
        .with_context(|| format!("cannot open the ledger {}", path.display()))?;
    let mut batch = Vec::new();
    while lines.recv_many(&mut batch, 256).await > 0 {
        let mut text = Vec::new();
        for line in batch.drain(..) {
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        let written = async {
            file.write_all(&text).await?;
            // The file buffers: without this an error of the write would pass for one of the next batch.
            file.flush().await?;
            file.sync_data().await
        };
        written.await.with_context(|| format!("cannot write the ledger {}", path.display()))?;
    }
    Ok(())
}

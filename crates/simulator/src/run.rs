//! Running calls against receivers: when each begins, how many at once, and what is written down.
//!
//! What happens is fixed by the seed: a lane is a telephone line that has one call after the other, and every lane
//! draws from a stream of its own. How fast the receiver answers changes nothing of what is said.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::deliver::{self, Answer, Backoff, Parcel, Patience, WhoAnswers};
use crate::faults::{self, BIG_REPORT_BYTES, Delivery, Fault, Faults, NEW_ENDED_REASON};
use crate::ledger::{self, CallTruth, EventRecord, Ledger, Line, Truth, Violation};
use crate::provider::{CallPace, Provider};
use crate::rng;
use crate::scenario::Scenario;
use crate::script::{Medium, Script, library};
use crate::target::Target;
use crate::wire::{self, Event, EventKind, WireOptions};

/// When calls come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pacing {
    /// `concurrency` lines, one call after the other on each.
    #[default]
    Lanes,
    /// At any moment one to three calls at every target: for a demonstration. `concurrency` and `gap` are ignored.
    Demo,
}

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// Fixes everything that is said and everything that goes wrong.
    pub seed: u64,
    /// Times faster than life. Infinity: as fast as the receiver answers.
    pub speed: f64,
    /// When calls come in.
    pub pacing: Pacing,
    /// Calls at the same time, over all targets.
    pub concurrency: u32,
    /// Mean pause between two calls on one line, in the time of the simulation.
    pub gap: Duration,
    /// Stop after this many calls.
    pub calls: Option<u64>,
    /// Begin no more calls after this long, in the time of the simulation.
    pub duration: Option<Duration>,
    /// Date of the first call: with it, the same seed sends the same bytes. None: now, no message is dated in the
    /// future whatever the speed, and the ids of the calls are new in every run, so that a receiver that was played
    /// to before does not take them for repetitions.
    pub start: Option<Timestamp>,
    /// Only scripts with these names. Empty: all that fit the practice.
    pub only: Vec<String>,
    /// What goes wrong on the way.
    pub faults: Faults,
    /// How long the provider waits for an answer.
    pub patience: Patience,
    /// Whether the provider tries again. None: it does not, like the real one.
    pub backoff: Option<Backoff>,
    /// What the assistant is set to send.
    pub wire: WireOptions,
    /// Whose API knows the calls. Reports then name recordings there.
    pub provider: Option<Provider>,
    /// Append everything that happens to this file, one JSON object per line.
    pub ledger: Option<PathBuf>,
    /// Keep calls and events in memory for the truth at the end. Not for runs without an end.
    pub keep: bool,
}

impl Default for SimulateOptions {
    /// Ten calls, two at a time, in real time, without faults.
    fn default() -> Self {
        Self {
            seed: 1,
            speed: 1.0,
            pacing: Pacing::Lanes,
            concurrency: 2,
            gap: Duration::from_secs(5),
            calls: Some(10),
            duration: None,
            start: None,
            only: Vec::new(),
            faults: Faults::default(),
            patience: Patience::default(),
            backoff: None,
            wire: WireOptions::default(),
            provider: None,
            ledger: None,
            keep: true,
        }
    }
}

impl SimulateOptions {
    /// A demonstration without an end: one to three live calls at every practice, nothing kept in memory.
    pub fn demo(seed: u64) -> Self {
        Self { seed, pacing: Pacing::Demo, calls: None, keep: false, ..Self::default() }
    }

    /// As many calls as fast as the receiver answers, with fixed dates: for tests and measurements.
    pub fn flat_out(seed: u64, calls: u64, start: Timestamp) -> Self {
        Self { seed, speed: f64::INFINITY, concurrency: 8, calls: Some(calls), start: Some(start), ..Self::default() }
    }

    fn check(&self, targets: &[Target]) -> anyhow::Result<()> {
        ensure!(!targets.is_empty(), "there is nobody to call: no target was given");
        ensure!(self.speed > 0.0, "the speed must be more than 0");
        ensure!(self.concurrency > 0, "the concurrency must be at least 1");
        for (name, rate) in self.faults.rates() {
            ensure!((0.0..=1.0).contains(&rate), "the rate of {name} must lie between 0 and 1");
        }
        ensure!(
            self.pacing == Pacing::Lanes || self.speed.is_finite(),
            "a demonstration needs a finite speed: it would begin calls without pause"
        );
        for name in &self.only {
            ensure!(library().iter().any(|script| script.id == *name), "there is no script {name}");
        }
        for target in targets {
            ensure!(!target.numbers.is_empty(), "{} has no number to call", target.org_label);
            ensure!(!self.scripts(target).is_empty(), "no script fits {}", target.org_label);
        }
        Ok(())
    }

    fn scripts(&self, target: &Target) -> Vec<&'static Script> {
        library()
            .iter()
            .filter(|script| {
                if self.only.is_empty() {
                    script.fits(target.practice_kind, &target.language)
                } else {
                    self.only.contains(&script.id)
                }
            })
            .collect()
    }
}

/// What happens while it happens, for a progress line or a page.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A call begins.
    CallStarted {
        /// The provider's id of the call.
        call_id: Uuid,
        /// Whose call.
        org_label: String,
        /// Name of the script.
        script: String,
    },
    /// A message was sent.
    Sent {
        /// The provider's id of the call.
        call_id: Uuid,
        /// HTTP status of the answer; none if there was no answer.
        status: Option<u16>,
    },
    /// The last message of a call was sent.
    CallFinished {
        /// The provider's id of the call.
        call_id: Uuid,
        /// Whose call.
        org_label: String,
        /// Why it ended.
        ended_reason: String,
    },
    /// The receiver did something wrong.
    Violated(Violation),
}

/// Plays calls against the targets until the options or the token say stop.
///
/// When the token is cancelled, calls in progress are abandoned: the truth expects only what was acknowledged.
/// The process must have installed its TLS provider.
pub async fn run(
    options: SimulateOptions,
    targets: Vec<Target>,
    shutdown: CancellationToken,
    progress: impl Fn(Progress) + Send + Sync + 'static,
) -> anyhow::Result<Truth> {
    options.check(&targets)?;
    // A run whose ledger cannot be written stops: its truth would have holes. The caller's token stays as it is.
    let shutdown = shutdown.child_token();
    let stop = shutdown.clone();
    let (ledger, lines) = Ledger::new(options.seed, options.keep, options.ledger.is_some());
    let stage = Arc::new(Stage {
        client: deliver::client()?,
        begun: Instant::now(),
        salt: u64::try_from(deliver::wall_clock().as_microsecond()).unwrap_or_default(),
        targets,
        ledger,
        shutdown,
        progress: Box::new(progress),
        options,
    });
    let ledger_path = stage.options.ledger.clone();
    let writing = async {
        match (ledger_path, lines) {
            (Some(path), Some(lines)) => ledger::write(&path, lines).await.inspect_err(|_| stop.cancel()),
            _ => Ok(()),
        }
    };
    let (truth, written) = tokio::join!(play(stage), writing);
    written?;
    truth
}

async fn play(stage: Arc<Stage>) -> anyhow::Result<Truth> {
    stage.ledger.record(Line::Run { seed: stage.options.seed }).await;
    let mut lanes = JoinSet::new();
    for lane in Lane::all(&stage.options, &stage.targets) {
        lanes.spawn(lane.play(Arc::clone(&stage)));
    }
    while let Some(ended) = lanes.join_next().await {
        ended.context("a line broke off")??;
    }
    let stage = Arc::into_inner(stage).context("a call is still in progress")?;
    Ok(stage.ledger.into_truth())
}

/// What all lanes share.
struct Stage {
    client: reqwest::Client,
    begun: Instant,
    /// Different in every run.
    salt: u64,
    targets: Vec<Target>,
    ledger: Ledger,
    shutdown: CancellationToken,
    progress: Box<dyn Fn(Progress) + Send + Sync>,
    options: SimulateOptions,
}

/// A telephone line: one call after the other. What it plays depends on the seed alone.
struct Lane {
    number: u64,
    /// Demonstrations tie a lane to one target; otherwise calls go round.
    target: Option<usize>,
    /// Calls overlap a little: the next rings as the last ends.
    overlapping: bool,
    gap_ms: (u64, u64),
    calls: Option<u64>,
    lanes: u64,
    end_ms: Option<u64>,
    rng: ChaCha8Rng,
    decks: Vec<Deck>,
    launch_ms: u64,
    count: u64,
}

/// A call that a lane is about to play.
struct Planned {
    target: usize,
    launch_ms: u64,
    /// Not dated yet.
    scenario: Scenario,
    wire: WireOptions,
    faults: ChaCha8Rng,
}

impl Lane {
    fn all(options: &SimulateOptions, targets: &[Target]) -> Vec<Self> {
        match options.pacing {
            Pacing::Lanes => {
                let lanes = u64::from(options.concurrency);
                let mean = millis(options.gap);
                (0..lanes)
                    .map(|number| Self {
                        gap_ms: (mean / 2, mean + mean / 2),
                        calls: options.calls.map(|calls| calls / lanes + u64::from(number < calls % lanes)),
                        lanes,
                        ..Self::new(options, targets, number, number * mean / lanes)
                    })
                    .collect()
            }
            Pacing::Demo => (0..targets.len()).flat_map(|target| Self::demo(options, targets, target)).collect(),
        }
    }

    fn new(options: &SimulateOptions, targets: &[Target], number: u64, launch_ms: u64) -> Self {
        Self {
            number,
            target: None,
            overlapping: false,
            gap_ms: (0, 0),
            calls: options.calls,
            lanes: 1,
            end_ms: options.duration.map(millis),
            rng: rng::stream(options.seed, &format!("lane {number}")),
            decks: targets.iter().map(|target| Deck::new(options.scripts(target))).collect(),
            launch_ms,
            count: 0,
        }
    }

    /// Three lines: one always busy, one often, one now and then.
    fn demo(options: &SimulateOptions, targets: &[Target], target: usize) -> [Self; 3] {
        let place = u64::try_from(target).unwrap_or(0);
        [
            (0, 150 * (place % 8), (0, 0)),
            (1, 9_000 + 4_000 * place, (10_000, 60_000)),
            (2, 45_000 + 7_000 * place, (60_000, 240_000)),
        ]
        .map(|(line, first_ms, gap_ms)| Self {
            target: Some(target),
            overlapping: line == 0,
            gap_ms,
            ..Self::new(options, targets, place * 3 + line, first_ms)
        })
    }

    /// The next call of this line. None: the line is done.
    fn next(&mut self, options: &SimulateOptions, targets: &[Target]) -> Option<Planned> {
        if self.calls.is_some_and(|calls| self.count >= calls) || self.end_ms.is_some_and(|end| self.launch_ms >= end) {
            return None;
        }
        let target = self.target.unwrap_or_else(|| self.turn_of(targets.len()));
        let script = self.decks[target].draw(&mut self.rng);
        let mut scenario = Scenario::draw(&mut self.rng, &targets[target], script, Timestamp::UNIX_EPOCH);
        if self.rng.random::<f64>() < options.faults.new_ended_reason {
            NEW_ENDED_REASON.clone_into(&mut scenario.ended_reason);
        }
        let mut wire = options.wire.clone();
        if self.rng.random::<f64>() < options.faults.big_report {
            wire.report_bytes = Some(BIG_REPORT_BYTES);
        }
        let busy_ms = if self.overlapping { scenario.ended_at.saturating_sub(OVERLAP_MS) } else { scenario.report_at };
        let gap = self.rng.random_range(self.gap_ms.0..=self.gap_ms.1);
        let faults = rng::stream(self.rng.random(), "faults");
        let launch_ms = self.launch_ms;
        self.launch_ms += u64::from(busy_ms) + gap;
        self.count += 1;
        Some(Planned { target, launch_ms, scenario, wire, faults })
    }

    async fn play(mut self, stage: Arc<Stage>) -> anyhow::Result<()> {
        let mut running = JoinSet::new();
        while let Some(planned) = self.next(&stage.options, &stage.targets) {
            if !stage.wait_until(planned.launch_ms).await {
                break;
            }
            let Planned { target, launch_ms, mut scenario, wire, faults } = planned;
            scenario.created_at = stage.date(launch_ms, &scenario)?;
            if stage.options.start.is_none() {
                scenario.call_id = rng::uuid(&mut rng::stream(stage.salt, &scenario.call_id.to_string()));
            }
            let call = Call { stage: Arc::clone(&stage), target, launch_ms, wire, faults };
            running.spawn(call.play(scenario));
            if !self.overlapping {
                reap(&mut running).await?;
            }
            while let Some(ended) = running.try_join_next() {
                ended.context("a call broke off")??;
            }
        }
        reap(&mut running).await
    }

    /// Which target is next when the lines go round.
    fn turn_of(&self, targets: usize) -> usize {
        let turn = (self.count * self.lanes + self.number) % u64::try_from(targets).unwrap_or(1);
        usize::try_from(turn).unwrap_or(0)
    }
}

/// How long before the end of a call the next one rings in a demonstration.
const OVERLAP_MS: u32 = 400;

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 4)
}

async fn reap(running: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(ended) = running.join_next().await {
        ended.context("a call broke off")??;
    }
    Ok(())
}

/// Scripts in a shuffled order, each as often as its weight, again and again: varied, and none is forgotten.
pub(crate) struct Deck {
    scripts: Vec<&'static Script>,
    left: Vec<&'static Script>,
}

impl Deck {
    pub(crate) fn new(scripts: Vec<&'static Script>) -> Self {
        Self { scripts, left: Vec::new() }
    }

    pub(crate) fn draw(&mut self, rng: &mut ChaCha8Rng) -> &'static Script {
        loop {
            if let Some(script) = self.left.pop() {
                return script;
            }
            for script in &self.scripts {
                for _ in 0..script.weight.max(1) {
                    self.left.push(script);
                }
            }
            self.left.shuffle(rng);
        }
    }
}

impl Stage {
    /// The real instant of a moment of the simulation.
    fn instant(&self, ms: u64) -> Instant {
        self.begun + Duration::from_millis(ms).div_f64(self.options.speed)
    }

    /// False when the run is to stop.
    async fn wait_until(&self, ms: u64) -> bool {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => false,
            () = tokio::time::sleep_until(self.instant(ms)) => true,
        }
    }

    /// The date of a call. With a given start, the simulation has a calendar of its own; without, a call that is
    /// played faster than life is dated back so far that its report is not dated in the future.
    ///
    /// The provider counts in milliseconds.
    fn date(&self, launch_ms: u64, scenario: &Scenario) -> anyhow::Result<Timestamp> {
        let at = self.exact_date(launch_ms, scenario)?;
        Ok(Timestamp::from_millisecond(at.as_millisecond())?)
    }

    fn exact_date(&self, launch_ms: u64, scenario: &Scenario) -> anyhow::Result<Timestamp> {
        if let Some(start) = self.options.start {
            let offset = SignedDuration::from_millis(i64::try_from(launch_ms)?);
            return start.checked_add(offset).context("the simulation has run out of calendar");
        }
        let length = Duration::from_millis(u64::from(scenario.report_at));
        let back = length.saturating_sub(length.div_f64(self.options.speed));
        let back = SignedDuration::try_from(back)?;
        deliver::wall_clock().checked_sub(back).context("the simulation has run out of calendar")
    }
}

/// One call on its way.
struct Call {
    stage: Arc<Stage>,
    target: usize,
    launch_ms: u64,
    wire: WireOptions,
    faults: ChaCha8Rng,
}

impl Call {
    async fn play(mut self, mut scenario: Scenario) -> anyhow::Result<()> {
        let stage = Arc::clone(&self.stage);
        let call_id = scenario.call_id;
        (stage.progress)(Progress::CallStarted {
            call_id,
            org_label: scenario.org_label.clone(),
            script: scenario.script_id.clone(),
        });
        if let Some(base) = stage.options.provider.as_ref().and_then(Provider::recordings_base) {
            self.wire.recordings_base = base;
        }
        let pace = CallPace::Since { begun: stage.instant(self.launch_ms), speed: stage.options.speed };
        self.remember(&scenario, pace);
        if scenario.number.assistant_id.is_none() && scenario.medium == Medium::Inbound {
            scenario = self.ask_who_answers(scenario).await?;
            self.remember(&scenario, pace);
        }
        let timeline = wire::timeline(&scenario, &self.wire);
        let target = &stage.targets[self.target];
        let truth = CallTruth::of(&scenario, &timeline, target.practice_kind, target.connection_id);
        stage.ledger.record(Line::Call(Box::new(truth))).await;

        let deliveries = faults::plan(timeline.events, &stage.options.faults, &mut self.faults);
        let mut retries = JoinSet::new();
        let mut deliveries = deliveries.into_iter().peekable();
        while let Some(delivery) = deliveries.next() {
            if !stage.wait_until(self.launch_ms + u64::from(delivery.at)).await {
                retries.shutdown().await;
                return Ok(());
            }
            // The second of two doubled deliveries goes out at the same moment, on a connection of its own.
            let twin = deliveries.next_if(|next| next.fault == Some(Fault::Doubled));
            let (first, second) = tokio::join!(self.deliver(&delivery, 1), async {
                match &twin {
                    Some(twin) => self.deliver(twin, 2).await,
                    None => Ok(true),
                }
            });
            let settled = first? | (second? && twin.is_some());
            if let Some(backoff) = stage.options.backoff.filter(|_| !settled) {
                let call =
                    Call { stage: Arc::clone(&stage), wire: self.wire.clone(), faults: self.faults.clone(), ..self };
                retries.spawn(call.retry(delivery, backoff));
            }
        }
        loop {
            tokio::select! {
                biased;
                () = stage.shutdown.cancelled() => {
                    retries.shutdown().await;
                    return Ok(());
                }
                ended = retries.join_next() => match ended {
                    Some(ended) => ended.context("a retry broke off")??,
                    None => break,
                },
            }
        }
        (stage.progress)(Progress::CallFinished {
            call_id,
            org_label: scenario.org_label,
            ended_reason: scenario.ended_reason,
        });
        Ok(())
    }

    /// Tells the provider's API how the call goes.
    fn remember(&self, scenario: &Scenario, pace: CallPace) {
        if let Some(provider) = &self.stage.options.provider {
            provider.remember(scenario, &self.wire, pace);
        }
    }

    /// Sends `assistant-request` and goes on as the receiver says.
    async fn ask_who_answers(&self, mut scenario: Scenario) -> anyhow::Result<Scenario> {
        let event = wire::assistant_request(&scenario, &self.wire);
        let delivery = Delivery { at: 0, event, fault: None };
        let (answer, record) = self.post(&delivery, 1).await?;
        self.note(record).await;
        if answer.timed_out {
            let problem = "assistant-request: no answer in time".to_owned();
            self.violated(&delivery.event, scenario.call_id, problem).await;
        }
        match deliver::who_answers(&answer) {
            Ok(WhoAnswers::Assistant(id)) => {
                scenario.number.assistant_id = Some(id);
                Ok(scenario)
            }
            Ok(WhoAnswers::Described) => Ok(scenario),
            Ok(WhoAnswers::Nobody(reason)) => Ok(scenario.refused(reason)),
            Err(problem) => {
                // No answer at all is the network's fault as likely as the receiver's, and is counted as such.
                if answer.status.is_some() {
                    self.violated(&delivery.event, scenario.call_id, problem).await;
                }
                Ok(scenario.refused("assistant-request-failed"))
            }
        }
    }

    /// Sends one delivery and judges the answer. True: nothing is left to do for this message.
    async fn deliver(&self, delivery: &Delivery, number: u32) -> anyhow::Result<bool> {
        if delivery.fault == Some(Fault::Lost) {
            let record = record(delivery, number, None);
            self.stage.ledger.record(Line::Event(record)).await;
            return Ok(true);
        }
        let (answer, record) = self.post(delivery, number).await?;
        let acknowledged = record.acknowledged();
        let call_id = record.call_id;
        self.note(record).await;
        for problem in judge(delivery, &answer) {
            self.violated(&delivery.event, call_id, problem).await;
        }
        Ok(acknowledged || delivery.fault == Some(Fault::Tampered))
    }

    /// Tries again as the backoff plan says, until it is acknowledged or the plan is used up.
    async fn retry(self, delivery: Delivery, backoff: Backoff) -> anyhow::Result<()> {
        for retry in 1..=backoff.max_retries {
            tokio::time::sleep(backoff.delay(retry)).await;
            if self.deliver(&delivery, retry + 2).await? {
                break;
            }
        }
        Ok(())
    }

    async fn post(&self, delivery: &Delivery, number: u32) -> anyhow::Result<(Answer, EventRecord)> {
        let stage = &self.stage;
        let body = deliver::body(&delivery.event, number);
        let forged = delivery.fault == Some(Fault::Tampered);
        let parcel = Parcel { target: &stage.targets[self.target], event: &delivery.event, body: body.clone(), forged };
        let answer = deliver::post(&stage.client, &parcel, &stage.options.patience, &stage.shutdown).await?;
        let record = record(delivery, number, Some((&body, &answer)));
        Ok((answer, record))
    }

    async fn note(&self, record: EventRecord) {
        (self.stage.progress)(Progress::Sent { call_id: record.call_id, status: record.status });
        self.stage.ledger.record(Line::Event(record)).await;
    }

    async fn violated(&self, event: &Event, call_id: Uuid, problem: String) {
        let violation = Violation { call_id, identity: event.identity.clone(), problem };
        (self.stage.progress)(Progress::Violated(violation.clone()));
        self.stage.ledger.record(Line::Violation(violation)).await;
    }
}

/// What is wrong with an answer. A receiver that is down or overloaded (no answer, 5xx) is not wrong, only away.
fn judge(delivery: &Delivery, answer: &Answer) -> Vec<String> {
    if answer.timed_out {
        return vec!["no answer in time".into()];
    }
    let Some(status) = answer.status else {
        return Vec::new();
    };
    if delivery.fault == Some(Fault::Tampered) {
        // A receiver may also stop listening to somebody who forges too much.
        let is_refused = status == 401 || status == 429;
        return if is_refused { Vec::new() } else { vec![format!("a forgery was answered {status}, expected 401")] };
    }
    if (400..500).contains(&status) {
        return vec![format!("a genuine message was refused with {status}")];
    }
    match &delivery.event.kind {
        EventKind::ToolCalls { ids, names } if status < 300 => deliver::check_tool_answer(answer, ids, names),
        _ => Vec::new(),
    }
}

fn call_id(event: &Event) -> Uuid {
    event.message["call"]["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// What the ledger keeps of one attempt; without a body and its answer it was never sent.
pub(crate) fn record(delivery: &Delivery, number: u32, sent: Option<(&Bytes, &Answer)>) -> EventRecord {
    let answer = sent.map(|(_, answer)| answer);
    EventRecord {
        call_id: call_id(&delivery.event),
        identity: delivery.event.identity.clone(),
        event: delivery.event.kind.clone(),
        fault: delivery.fault,
        delivery: number,
        digest: sent.map(|(body, _)| hex::encode(Sha256::digest(body))).unwrap_or_default(),
        bytes: sent.map_or(0, |(body, _)| body.len()),
        status: answer.and_then(|answer| answer.status),
        error: answer.and_then(|answer| answer.error.clone()),
        latency_ms: answer.map_or(0, |answer| u32::try_from(answer.latency.as_millis()).unwrap_or(u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::practice::practices;

    fn targets() -> Vec<Target> {
        practices().iter().map(|practice| Target::of_practice(practice, "http://127.0.0.1:9", None, "x")).collect()
    }

    /// Begin and end of every call of a demonstration, by target, in milliseconds.
    fn demo_calls(options: &SimulateOptions, until_ms: u64) -> Vec<Vec<(u64, u64)>> {
        let targets = targets();
        let mut calls = vec![Vec::new(); targets.len()];
        for mut lane in Lane::all(options, &targets) {
            while let Some(planned) = lane.next(options, &targets).filter(|planned| planned.launch_ms < until_ms) {
                let end = planned.launch_ms + u64::from(planned.scenario.ended_at);
                calls[planned.target].push((planned.launch_ms, end));
            }
        }
        calls
    }

    #[test]
    fn a_demonstration_has_one_to_three_live_calls_at_every_practice_at_any_moment() {
        let half_an_hour = 30 * 60 * 1_000;
        for calls in demo_calls(&SimulateOptions::demo(11), half_an_hour) {
            assert!(calls.iter().any(|(begin, _)| *begin <= 2_000), "nothing within two seconds");
            let mut seen = HashSet::new();
            for moment in (2_000..half_an_hour).step_by(500) {
                let live = calls.iter().filter(|(begin, end)| *begin <= moment && moment < *end).count();
                // Two calls of the busiest line overlap for less than a second.
                let ringing =
                    calls.iter().any(|(begin, _)| *begin <= moment && moment < *begin + u64::from(OVERLAP_MS));
                assert!((1..=3).contains(&live) || (live == 4 && ringing), "{live} live at {moment}");
                seen.insert(live);
            }
            assert!(seen.len() >= 3, "the number of live calls does not vary: {seen:?}");
        }
    }

    #[test]
    fn lines_share_the_calls_and_go_round_the_targets() {
        let options = SimulateOptions::flat_out(1, 23, Timestamp::UNIX_EPOCH);
        let targets = targets();
        let mut by_target = vec![0; targets.len()];
        for mut lane in Lane::all(&options, &targets) {
            while let Some(planned) = lane.next(&options, &targets) {
                by_target[planned.target] += 1;
            }
        }
        assert_eq!(by_target.iter().sum::<i32>(), 23);
        assert!(by_target.iter().all(|calls| (4..=6).contains(calls)), "{by_target:?}");
    }

    #[test]
    fn nothing_begins_after_the_duration() {
        let options =
            SimulateOptions { calls: None, duration: Some(Duration::from_mins(10)), ..SimulateOptions::default() };
        let targets = targets();
        let mut launches = Vec::new();
        for mut lane in Lane::all(&options, &targets) {
            while let Some(planned) = lane.next(&options, &targets) {
                launches.push(planned.launch_ms);
            }
        }
        assert!(launches.len() > 5);
        assert!(launches.iter().all(|launch| *launch < 600_000), "{launches:?}");
    }

    #[test]
    fn options_that_cannot_work_are_refused() {
        let options = SimulateOptions::default;
        let faulty = SimulateOptions { faults: Faults { lost: 1.5, ..Faults::default() }, ..options() };
        let nobody = SimulateOptions { only: vec!["no-such-script".into()], ..options() };
        for (options, targets, sentence) in [
            (options(), vec![], "there is nobody to call: no target was given"),
            (SimulateOptions { speed: 0.0, ..options() }, targets(), "the speed must be more than 0"),
            (SimulateOptions { concurrency: 0, ..options() }, targets(), "the concurrency must be at least 1"),
            (faulty, targets(), "the rate of lost must lie between 0 and 1"),
            (nobody, targets(), "there is no script no-such-script"),
        ] {
            assert_eq!(options.check(&targets).unwrap_err().to_string(), sentence);
        }
    }
}

//! The worker: claims a mail, hands it over, records what came of it. Never a transaction across the network.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use platform::crypto::random_bytes;
use platform::http::problem::Chain;
use platform::jobs::{Jobs, Report, Schedule};
use platform::tasks::Tasks;
use platform::tenancy::SystemTx;
use providers::mail_events::tracking_headers;
use uuid::Uuid;

use super::actions::Outbox;
use super::budget::{self, Verdict};
use super::model::{MOST_ATTEMPTS, MailError, State, Suppression, WORDS_KEPT_FOR, pause_after, retry_after};
use super::store::{self, After, Head, Held};
use crate::draft::{Mailbox, Priority};
use crate::relay::message::{self, Parts};
use crate::relay::{Envelope, Fault, FaultKind, Outcome, Patience, Relay, Reply, SetupError};
use crate::tracking::actions::catch_up;
use crate::tracking::store::{NewSuppression, suppress};

/// Mails that one process hands over at the same time: one slow answer does not hold up a sign-in mail.
const SENDERS: usize = 3;
/// How often the queue is looked at without being told.
const LOOKS_EVERY: Duration = Duration::from_secs(5);
/// How long a worker holds a mail. Longer than everything in [`Patience`] together, so that a live worker never loses one.
const LEASE: SignedDuration = SignedDuration::from_mins(15);
/// How long other workers leave a relay alone while one tries whether it is back.
const PROBE: SignedDuration = SignedDuration::from_mins(1);
/// How long spending is remembered. A day would do; the rest is for clocks that were wrong.
const SPENDING_KEPT_FOR: SignedDuration = SignedDuration::from_hours(45 * 24);

/// One hand of the outbox. Any number may work at once, here and on other nodes.
#[derive(Clone)]
pub struct Worker {
    outbox: Outbox,
    relay: Arc<Relay>,
}

/// What one turn of a worker did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It tried a mail, and this came of it.
    Tried(Outcome),
    /// Nothing is due before then.
    Idle(Option<Timestamp>),
    /// The relay is left alone until then.
    Paused(Timestamp),
    /// The budget is used up for the mail whose turn it is, until then.
    Spent(Option<Timestamp>),
}

/// A claimed mail, ready to go.
struct Claimed {
    held: Held,
    head: Head,
    priority: Priority,
    /// Copies that are written to.
    cc: Vec<Mailbox>,
    recipients: u32,
}

impl Worker {
    /// A worker for the configured relay; `None` without one.
    pub fn new(outbox: &Outbox, patience: Patience) -> Result<Option<Self>, SetupError> {
        let config = outbox.config();
        let (Some(relay), Some(from)) = (&config.relay, &config.from) else {
            return Ok(None);
        };
        let relay = Relay::new(relay.clone(), from.domain(), patience)?;
        Ok(Some(Self { outbox: outbox.clone(), relay: Arc::new(relay) }))
    }

    /// Starts the senders, and forgetting. They end when the process stops, each after the mail it holds.
    pub fn start(&self, tasks: &Tasks) {
        for _ in 0..SENDERS {
            let worker = self.clone();
            let stopping = tasks.stopping();
            tasks.spawn(async move {
                while !stopping.is_cancelled() {
                    let wait = match worker.turn().await {
                        Ok(Turn::Tried(_)) => {
                            worker.outbox.wake();
                            continue;
                        }
                        Ok(turn) => turn,
                        Err(error) => {
                            tracing::warn!(error = %Chain(&error), "the outbox could not be worked on; it is tried again");
                            Turn::Idle(None)
                        }
                    };
                    tokio::select! {
                        () = stopping.cancelled() => {}
                        () = worker.outbox.woken() => {}
                        () = tokio::time::sleep(worker.pause(&wait)) => {}
                    }
                }
            });
        }
        let outbox = self.outbox.clone();
        tasks.every(Duration::from_secs(15), "the outbox could not be measured", move || measure(outbox.clone()));
    }

    /// Claims and tries one mail.
    pub async fn turn(&self) -> Result<Turn, MailError> {
        self.recover().await?;
        let claimed = match self.claim().await? {
            Ok(claimed) => claimed,
            Err(nothing) => return Ok(nothing),
        };
        let outcome = self.hand_over(&claimed).await;
        metrics::counter!("voxanne_mail_attempts_total", "outcome" => word(&outcome), "priority" => claimed.priority.as_str())
            .increment(1);
        let (held, template) = (claimed.held, &claimed.head.template);
        tracing::info!(mail = %held.mail, template, outcome = word(&outcome), "handed a mail to the relay");
        self.record(&claimed, &outcome).await?;
        Ok(Turn::Tried(outcome))
    }

    /// Sleeping until a moment by the clock of the domain, but never longer than between two looks.
    fn pause(&self, turn: &Turn) -> Duration {
        let (Turn::Idle(Some(at)) | Turn::Paused(at) | Turn::Spent(Some(at))) = turn else {
            return LOOKS_EVERY;
        };
        let wait = at.duration_since(self.outbox.clock().now());
        Duration::try_from(wait).unwrap_or_default().clamp(Duration::from_millis(50), LOOKS_EVERY)
    }

    /// Under the lock of the relay's row: whose turn is it, may it go, is there room?
    async fn claim(&self) -> Result<Result<Claimed, Turn>, MailError> {
        let now = self.outbox.clock().now();
        let limit = self.outbox.config().daily_limit;
        let relay = self.relay.name();
        let mut tx = self.outbox.tenancy().system("mails of all organizations go through one relay").await?;
        let state = store::lock_relay(&mut tx, relay).await?;
        if let Some(until) = state.paused_until.filter(|until| *until > now) {
            tx.rollback().await?;
            return Ok(Err(Turn::Paused(until)));
        }
        let turn = loop {
            let Some(head) = store::lock_head(&mut tx, now).await? else {
                break Err(Turn::Idle(store::next_due(&mut tx).await?.filter(|due| *due > now)));
            };
            let priority = Priority::from_number(head.priority).unwrap_or(Priority::Bulk);
            let Some(cc) = self.writable(&mut tx, &head, priority, now).await? else {
                continue;
            };
            let recipients = u32::try_from(1 + cc.len()).unwrap_or(u32::MAX);
            let used = store::spent(&mut tx, relay, now).await?;
            match budget::verdict(priority, recipients, used, limit) {
                Verdict::NeverFits => {
                    let words = "it has more recipients than VOXANNE_MAIL_DAILY_LIMIT leaves for mails of its kind";
                    store::give_up(&mut tx, head.org_id, head.mail_id, State::Failed, words, now).await?;
                }
                Verdict::Waits => {
                    let spent = store::spending(&mut tx, relay, now).await?;
                    let room = budget::forecast(&spent, &[(priority, recipients)], limit, now);
                    break Err(Turn::Spent(room.first().copied().flatten()));
                }
                Verdict::Fits => {
                    let attempt = Uuid::now_v7();
                    store::spend(&mut tx, attempt, relay, recipients, now).await?;
                    store::take(&mut tx, &head, attempt, relay, now, now + LEASE).await?;
                    if state.failures > 0 {
                        store::pause_relay(&mut tx, relay, None, now + PROBE, now).await?;
                    }
                    break Ok(Claimed {
                        held: Held { org: head.org_id, mail: head.mail_id, attempt },
                        head,
                        priority,
                        cc,
                        recipients,
                    });
                }
            }
        };
        tx.commit().await?;
        Ok(turn)
    }

    /// The copies that may be written to; `None` when the recipient may not, and the mail has left the queue.
    async fn writable(
        &self,
        tx: &mut SystemTx,
        head: &Head,
        priority: Priority,
        now: Timestamp,
    ) -> Result<Option<Vec<Mailbox>>, MailError> {
        let lower = |address: &str| address.to_ascii_lowercase();
        let addresses: Vec<String> = std::iter::once(&head.to_address)
            .chain(head.cc.iter().map(|copy| &copy.address))
            .map(|a| lower(a))
            .collect();
        let suppressed = store::suppressed(tx, &addresses).await?;
        let stop = |address: &str| {
            let address = lower(address);
            suppressed
                .iter()
                .filter(|(known, _)| *known == address)
                .filter_map(|(_, reason)| Suppression::parse(reason))
                .find(|reason| reason.stops(priority))
        };
        if let Some(reason) = stop(&head.to_address) {
            let words = format!("the address is not written to: {}", reason.as_str());
            store::give_up(tx, head.org_id, head.mail_id, State::Suppressed, &words, now).await?;
            return Ok(None);
        }
        Ok(Some(head.cc.iter().filter(|copy| stop(&copy.address).is_none()).cloned().collect()))
    }

    async fn hand_over(&self, claimed: &Claimed) -> Outcome {
        let message = match self.message(claimed) {
            Ok(message) => message,
            // Its own fault, and it will not get better.
            Err(words) => return Outcome::Refused(Reply { code: 0, words }),
        };
        let Some(from) = &self.outbox.config().from else {
            return Outcome::RelayDown(Fault {
                kind: FaultKind::Sender,
                words: "VOXANNE_MAIL_FROM is not set".to_owned(),
            });
        };
        let envelope = Envelope {
            from: from.address.clone(),
            to: claimed.head.to_address.clone(),
            cc: claimed.cc.iter().map(|copy| copy.address.clone()).collect(),
        };
        let mut connection = match self.relay.connect().await {
            Ok(connection) => connection,
            Err(fault) => return Outcome::RelayDown(fault),
        };
        let outcome = connection.send(&envelope, &message, Box::pin(self.enter_data(claimed.held))).await;
        self.relay.keep(connection);
        outcome
    }

    fn message(&self, claimed: &Claimed) -> Result<Vec<u8>, String> {
        let head = &claimed.head;
        let sealed = head.sealed.as_deref().ok_or("its words are no longer kept")?;
        let words = self
            .outbox
            .open(head.org_id, head.mail_id, sealed)
            .map_err(|_| "its words cannot be opened: they were sealed with another master key")?;
        let from = self.outbox.config().from.as_ref().ok_or("VOXANNE_MAIL_FROM is not set")?;
        let to = Mailbox { name: head.to_name.clone(), address: head.to_address.clone() };
        let parts = Parts {
            from,
            to: &to,
            cc: &head.cc,
            reply_to: head.reply_to.as_ref().map(|reply_to| &reply_to.0),
            subject: &head.subject,
            message_id: &head.message_id,
            date: head.created_at.to_jiff(),
            priority: claimed.priority,
            words: &words,
            tracking: tracking_headers(self.relay.name(), head.mail_id.uuid()),
        };
        message::write(&parts).map_err(|error| error.to_string())
    }

    /// Writes down, durably, that the relay may have the mail from now on. When that fails, the mail is not sent.
    async fn enter_data(&self, held: Held) -> bool {
        let entered = async {
            let mut tx = self.outbox.tenancy().system("mails of all organizations go through one relay").await?;
            let entered = store::enter_data(&mut tx, &held).await?;
            tx.commit().await?;
            Ok::<_, MailError>(entered)
        };
        entered.await.unwrap_or_else(|error| {
            tracing::warn!(mail = %held.mail, error = %Chain(&error), "a mail was not sent, as that could not be written down");
            false
        })
    }

    async fn record(&self, claimed: &Claimed, outcome: &Outcome) -> Result<(), MailError> {
        let now = self.outbox.clock().now();
        let relay = self.relay.name();
        let mut tx = self.outbox.tenancy().system("mails of all organizations go through one relay").await?;
        // In the order of claiming: relay first, then mail.
        let failures = store::lock_relay(&mut tx, relay).await?.failures;
        settle(&mut tx, &claimed.held, claimed.recipients, outcome, now).await?;
        match outcome {
            Outcome::RelayDown(fault) => {
                let until = now + pause_after(failures + 1, first_pause(fault.kind), jitter());
                store::pause_relay(&mut tx, relay, Some(&fault.words), until, now).await?;
                let kind = fault.kind.as_str();
                metrics::counter!("voxanne_mail_relay_faults_total", "kind" => kind).increment(1);
                tracing::warn!(relay, kind, fault = %fault, %until, "the mail relay fails; mails wait");
            }
            // A relay that breaks off there would turn the whole queue into mails that nobody knows of.
            Outcome::Unknown(words) => {
                let until = now + pause_after(failures + 1, first_pause(FaultKind::Broken), jitter());
                store::pause_relay(&mut tx, relay, Some(words), until, now).await?;
            }
            // Nothing was asked of the relay.
            Outcome::Refused(Reply { code: 0, .. }) | Outcome::Lost => {}
            Outcome::Accepted { .. } | Outcome::Deferred(_) | Outcome::Refused(_) => {
                store::relay_answers(&mut tx, relay, now).await?;
            }
        }
        if let Outcome::Refused(reply) = outcome
            && is_no_mailbox(reply)
        {
            let (words, mail) = (Some(reply.words.as_str()), Some(claimed.held.mail));
            let new = NewSuppression { reason: Suppression::Bounced, source: "relay", words, mail };
            suppress(&mut tx, &claimed.head.to_address.to_ascii_lowercase(), &new, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Looks after the mails of workers that died.
    async fn recover(&self) -> Result<(), MailError> {
        let now = self.outbox.clock().now();
        let mut tx = self.outbox.tenancy().system("a dead worker's mails may be of any organization").await?;
        for (held, in_data) in store::lock_left_behind(&mut tx, now).await? {
            let outcome = if in_data {
                Outcome::Unknown("the worker died while it handed the mail over".to_owned())
            } else {
                Outcome::Lost
            };
            tracing::warn!(mail = %held.mail, outcome = word(&outcome), "a worker died over a mail");
            settle(&mut tx, &held, 0, &outcome, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Writes what came of an attempt into attempt, mail and budget.
async fn settle(
    tx: &mut SystemTx,
    held: &Held,
    recipients: u32,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), MailError> {
    let mail = store::lock_mail(tx, held).await?;
    let (code, words, refused): (Option<u16>, &str, &[_]) = match outcome {
        Outcome::Accepted { reply, refused } => (Some(reply.code), &reply.words, refused),
        Outcome::Deferred(reply) | Outcome::Refused(reply) => {
            ((reply.code > 0).then_some(reply.code), &reply.words, &[])
        }
        Outcome::RelayDown(fault) => (None, &fault.words, &[]),
        Outcome::Unknown(words) => (None, words, &[]),
        Outcome::Lost => (None, "the worker died or lost the mail before the relay could have it", &[]),
    };
    store::end_attempt(tx, held, word(outcome), code, words, refused, now).await?;
    match outcome {
        // What the relay refused, it did not count.
        Outcome::Accepted { refused, .. } => {
            let taken = recipients.saturating_sub(u32::try_from(refused.len()).unwrap_or(0));
            store::correct_spending(tx, held.attempt, taken).await?;
        }
        // It may have counted.
        Outcome::Unknown(_) => {}
        Outcome::Deferred(_) | Outcome::Refused(_) | Outcome::RelayDown(_) | Outcome::Lost => {
            store::correct_spending(tx, held.attempt, 0).await?;
        }
    }
    let queue_id = match outcome {
        Outcome::Accepted { reply, .. } => reply.queue_id(),
        _ => None,
    };
    let accepted = matches!(outcome, Outcome::Accepted { .. });
    let mut after = After { state: mail.state, attempts: mail.attempts, code, words, queue_id, due_at: None, accepted };
    if !mail.holds {
        // Another worker took this one for dead. It learns from us only what was not known: that the relay has the mail.
        if accepted && mail.state == State::Unknown {
            after.state = State::Accepted;
            store::release(tx, held, &after, now).await?;
            catch_up(tx, held.org, held.mail).await?;
        }
        return Ok(());
    }
    match outcome {
        Outcome::Accepted { .. } => after.state = State::Accepted,
        Outcome::Unknown(_) => after.state = State::Unknown,
        Outcome::Refused(_) => after.state = State::Failed,
        Outcome::Deferred(_) if mail.attempts >= MOST_ATTEMPTS => after.state = State::Failed,
        Outcome::Deferred(_) => {
            after.state = State::Deferred;
            after.due_at = Some(now + retry_after(mail.attempts, jitter()));
        }
        // Not the mail's fault: it keeps its place and its attempts.
        Outcome::RelayDown(_) | Outcome::Lost => {
            after.state = State::Queued;
            after.attempts = mail.attempts - 1;
        }
    }
    store::release(tx, held, &after, now).await?;
    if !after.state.is_waiting() {
        catch_up(tx, held.org, held.mail).await?;
    }
    Ok(())
}

/// Forgets old mails every hour, until the process stops.
pub fn start_forgetting(outbox: &Outbox, jobs: &Jobs) {
    let outbox = outbox.clone();
    let schedule = Schedule { name: "mail.forget", every: Duration::from_hours(1), patience: Duration::from_mins(10) };
    jobs.schedule(schedule, move || {
        let outbox = outbox.clone();
        async move { Ok::<_, MailError>(Report::new().count("forgotten", forget(&outbox).await?)) }
    });
}

/// Forgets the words of mails that ended long ago, and the mails themselves when the operator keeps them for a time only.
/// Runs without a relay too.
pub async fn forget(outbox: &Outbox) -> Result<u64, MailError> {
    let now = outbox.clock().now();
    let mut tx = outbox.tenancy().system("old mails are forgotten whosever they are").await?;
    let rows = store::forget(&mut tx, now - WORDS_KEPT_FOR, now - SPENDING_KEPT_FOR).await?;
    tx.commit().await?;
    Ok(rows + remove_old(outbox, now).await?)
}

async fn remove_old(outbox: &Outbox, now: Timestamp) -> Result<u64, MailError> {
    let Some(keep_for) = outbox.config().keep_for else { return Ok(0) };
    let mut removed = 0;
    loop {
        // A portion at a time: nobody waits long for a lock, and what is done stays done.
        let mut tx = outbox.tenancy().system("old mails are removed whosever they are").await?;
        let portion = store::remove(&mut tx, now - keep_for).await?;
        tx.commit().await?;
        removed += portion;
        if portion == 0 {
            return Ok(removed);
        }
    }
}

async fn measure(outbox: Outbox) -> Result<(), MailError> {
    let health = outbox.health().await?;
    let now = outbox.clock().now();
    let waited = health.oldest_due.map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0));
    metrics::gauge!("voxanne_mail_waiting").set(f64::from(i32::try_from(health.waiting).unwrap_or(i32::MAX)));
    metrics::gauge!("voxanne_mail_oldest_waiting_seconds").set(waited);
    metrics::gauge!("voxanne_mail_budget_used").set(f64::from(health.used));
    metrics::gauge!("voxanne_mail_budget_limit").set(f64::from(health.limit));
    metrics::gauge!("voxanne_mail_relay_failures").set(f64::from(health.relay.map_or(0, |relay| relay.failures)));
    Ok(())
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Deferred(_) => "deferred",
        Outcome::Refused(_) => "refused",
        Outcome::RelayDown(_) => "relay_down",
        Outcome::Unknown(_) => "unknown",
        Outcome::Lost => "lost",
    }
}

/// A wrong password is tried rarely, as relays lock accounts; a quota comes back by the hour.
fn first_pause(kind: FaultKind) -> SignedDuration {
    match kind {
        FaultKind::SignIn | FaultKind::Sender => SignedDuration::from_mins(1),
        FaultKind::Quota => SignedDuration::from_mins(15),
        _ => SignedDuration::from_secs(15),
    }
}

/// "No such mailbox" in the words of RFC 3463: writing there again harms our name and helps nobody.
fn is_no_mailbox(reply: &Reply) -> bool {
    reply.code >= 500 && ["5.1.1 ", "5.1.10 "].iter().any(|status| reply.words.starts_with(status))
}

fn jitter() -> f64 {
    f64::from(u16::from_le_bytes(random_bytes::<2>())) / f64::from(u16::MAX)
}

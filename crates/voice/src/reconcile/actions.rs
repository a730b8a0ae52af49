//! Going through an account: ask, compare, heal, note, page by page.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use identity::organizations::actions::operator_organization;
use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use platform::http::problem::Chain;
use platform::ids::OrgId;
use platform::tenancy::{DbError, Tenancy};
use providers::vapi::Status;
use providers::vapi::rest::{CallObject, ListCalls, Verdict, Windows};

use super::model::{AccountReport, AskedBy, Kind, Owner, compare, owner, stretch};
use super::store::{self, Counts, DifferenceRow, Running, Signs, SilentRow, WindowId, WindowRow};
use crate::connections::model::Verifier;
use crate::ingress::actions::{IngestError, Ingress};
use crate::ingress::model::Event;
use crate::provider::model::AccountError;
use crate::provider::{Account, ProviderClient, ProviderError};

/// Calls in one answer of the provider, as it is by itself.
const PAGE: u32 = 100;
/// Pause between two requests with one key.
const PAUSE: Duration = Duration::from_millis(100);
/// Requests tried again before a window is left for the next run.
const TRIES: u32 = 4;
/// The longest that a request to wait is obeyed on the spot; a longer one is left for a later run.
const WAITS: Duration = Duration::from_secs(30);
/// Calls healed at the same time.
const AT_ONCE: usize = 4;
/// Accounts gone through at the same time.
const ACCOUNTS_AT_ONCE: usize = 4;
/// Rows of each list on the operator's page.
const SHOWN: i64 = 100;

/// Why a comparison could not even be begun or noted.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The accounts could not be read.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// An event could not be stored.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Compares what the provider says of its calls with what we know, and heals the difference. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler {
    pub(super) tenancy: Tenancy,
    pub(super) clock: Clock,
    pub(super) client: ProviderClient,
    pub(super) ingress: Ingress,
}

/// An account on its way, with the row that keeps its place.
struct Run<'a> {
    account: &'a Account,
    /// Others have the same key.
    shared: bool,
    /// Under which the window stands.
    org: OrgId,
    window: WindowId,
}

/// Where the way of an account ends.
enum End {
    Complete,
    /// For this reason; not to be gone on with before then.
    Stopped(String, Option<Timestamp>),
    /// Another process goes on.
    Overtaken,
}

/// What is seen of the comparison.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The newest windows.
    pub windows: Vec<WindowRow>,
    /// The newest differences, those that stand first.
    pub differences: Vec<DifferenceRow>,
    /// Calls that were silent for too long.
    pub silent: Vec<SilentRow>,
}

impl Reconciler {
    /// Puts the parts together.
    pub fn new(tenancy: Tenancy, clock: Clock, client: ProviderClient, ingress: Ingress) -> Self {
        Self { tenancy, clock, client, ingress }
    }

    /// Goes through every account that we have a key of. `back_to` is how far back somebody wants to look.
    pub async fn run(
        &self,
        asked_by: AskedBy,
        back_to: Option<Timestamp>,
    ) -> Result<Vec<AccountReport>, ReconcileError> {
        let accounts = self.client.accounts().await?;
        let operator = operator_organization(&self.tenancy).await?;
        // Collected first: a closure that is called within the stream could not borrow the accounts.
        let going: Vec<_> =
            accounts.iter().map(|account| self.visit(account, &accounts, operator, asked_by, back_to)).collect();
        let reports: Vec<Option<AccountReport>> = stream::iter(going).buffered(ACCOUNTS_AT_ONCE).try_collect().await?;
        Ok(reports.into_iter().flatten().collect())
    }

    /// Goes through one of the accounts. None: it cannot be asked, or there is nothing to look at yet.
    async fn visit(
        &self,
        account: &Account,
        all: &[Account],
        operator: Option<OrgId>,
        asked_by: AskedBy,
        back_to: Option<Timestamp>,
    ) -> Result<Option<AccountReport>, ReconcileError> {
        let Some(org) = account.org.or(operator).filter(|_| self.client.can_ask(account)) else { return Ok(None) };
        let shared = all.iter().any(|other| other.org != account.org && other.has_the_key_of(account));
        self.go_through(account, shared, org, asked_by, back_to).await
    }

    /// Everything an operator sees of it.
    pub async fn overview(&self) -> Result<Overview, DbError> {
        let mut tx = self.tenancy.system("comparisons with all provider accounts are looked at as a whole").await?;
        let overview = Overview {
            windows: store::newest_windows(&mut tx, SHOWN).await?,
            differences: store::newest_differences(&mut tx, SHOWN).await?,
            silent: store::newest_silent(&mut tx, SHOWN).await?,
        };
        tx.commit().await?;
        Ok(overview)
    }

    /// Forgets windows that began before `before`; answers how many.
    pub async fn forget(&self, before: Timestamp) -> Result<u64, DbError> {
        let mut tx = self.tenancy.system("forget old comparisons with all provider accounts").await?;
        let forgotten = store::forget(&mut tx, before).await?;
        tx.commit().await?;
        Ok(forgotten)
    }

    /// Goes through one account to its end, or as far as it comes. None: there is nothing to look at yet.
    async fn go_through(
        &self,
        account: &Account,
        shared: bool,
        org: OrgId,
        asked_by: AskedBy,
        back_to: Option<Timestamp>,
    ) -> Result<Option<AccountReport>, ReconcileError> {
        let Some((window, from, until)) = self.begin(account, org, asked_by, back_to).await? else {
            return Ok(None);
        };
        let run = Run { account, shared, org, window };
        let mut windows = Windows::new(from, until, PAGE);
        let end = loop {
            let Some(wanted) = windows.next() else { break End::Complete };
            let calls = match self.ask(account, &wanted).await {
                Ok(calls) => calls,
                Err(error) => {
                    let wait = match &error {
                        ProviderError::Throttled { after } => *after,
                        _ => None,
                    };
                    break End::Stopped(Chain(&error).to_string(), wait.and_then(|wait| self.later(wait)));
                }
            };
            let verdict = windows.answered(calls.len());
            if verdict == Verdict::TooMany {
                continue;
            }
            if !self.page(&run, &wanted, calls, verdict == Verdict::Cut).await? {
                break End::Overtaken;
            }
        };
        self.finish(&run, end).await.map(Some)
    }

    /// Goes on with the unfinished window of the account, or opens one.
    async fn begin(
        &self,
        account: &Account,
        org: OrgId,
        asked_by: AskedBy,
        back_to: Option<Timestamp>,
    ) -> Result<Option<(WindowId, Timestamp, Timestamp)>, ReconcileError> {
        let now = self.clock.now();
        let mut tx = self.tenancy.tenant(org).await?;
        let complete = store::complete_until(&mut tx, account.connection).await?;
        let Some((from, until)) = stretch(asked_by, complete, account.since, back_to, now).map(whole) else {
            return Ok(None);
        };
        let unfinished = store::running(&mut tx, account.connection, asked_by).await?;
        let begun = match unfinished {
            Some(Running { not_before: Some(time), .. }) if time.to_jiff() > now && asked_by == AskedBy::Schedule => {
                None
            }
            // Somebody who looks further back than an unfinished run did wants all of it.
            Some(running) if running.from_at.to_jiff() <= from || asked_by == AskedBy::Schedule => {
                store::extend(&mut tx, running.window_id, until, now).await?;
                Some((running.window_id, running.position_at.to_jiff(), until))
            }
            Some(running) => {
                store::restart(&mut tx, running.window_id, from, until, now).await?;
                Some((running.window_id, from, until))
            }
            None => store::open(&mut tx, account.connection, asked_by, (from, until), now)
                .await?
                .map(|window| (window, from, until)),
        };
        tx.commit().await?;
        Ok(begun)
    }

    /// Asks for a window, and again when that may help.
    async fn ask(&self, account: &Account, wanted: &ListCalls) -> Result<Vec<CallObject>, ProviderError> {
        let mut tries = 0;
        loop {
            tokio::time::sleep(PAUSE).await;
            let error = match self.client.list(account, wanted).await {
                Ok(calls) => return Ok(calls),
                Err(error) => error,
            };
            tries += 1;
            let wait = match &error {
                ProviderError::Throttled { after } => after.unwrap_or(Duration::from_secs(1 << tries)),
                _ => Duration::from_millis(500 << tries),
            };
            if tries == TRIES || !error.may_pass() || wait > WAITS {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Compares a page, heals what lacks something, and notes both. False: another process has done so already.
    async fn page(
        &self,
        run: &Run<'_>,
        wanted: &ListCalls,
        calls: Vec<CallObject>,
        is_cut: bool,
    ) -> Result<bool, ReconcileError> {
        let first = calls.first().map(|call| call.id.clone()).filter(|_| is_cut);
        let owned = self.owned(run, calls).await?;
        let compared = self.compared(owned).await?;
        self.foresee(run, &compared).await?;
        let mut counts = Counts { calls: i64::try_from(compared.len()).unwrap_or(i64::MAX), ..Counts::default() };
        let (mut found, mut agreeing) = (Vec::new(), Vec::new());
        let healing: Vec<_> = compared.into_iter().map(|compared| self.heal(run, compared)).collect();
        let outcomes: Vec<Outcome> = stream::iter(healing).buffer_unordered(AT_ONCE).try_collect().await?;
        for outcome in outcomes {
            let healed = outcome.found.iter().all(|(_, _, healed)| *healed);
            counts.healed += i64::from(!outcome.found.is_empty() && healed);
            if outcome.found.is_empty() {
                agreeing.push(outcome.call);
            }
            found.extend(outcome.found);
        }
        found.extend(first.map(|call| (call, Kind::WindowOverfull, false)));
        for (_, kind, healed) in &found {
            metrics::counter!(
                "voxanne_reconcile_differences_total", "kind" => kind.as_str(), "healed" => if *healed { "yes" } else { "no" }
            )
            .increment(1);
        }
        metrics::counter!("voxanne_reconcile_calls_total").increment(counts.calls.unsigned_abs());
        let now = self.clock.now();
        let mut tx = self.tenancy.tenant(run.org).await?;
        // What a run healed that was cut off before it could say so looks as if nothing had been wrong with it.
        let mended = store::settle_foreseen(&mut tx, run.window, &agreeing).await?;
        counts.healed += mended;
        counts.agreed = i64::try_from(agreeing.len()).unwrap_or(i64::MAX) - mended;
        let is_ours = store::advance(&mut tx, run.window, (wanted.after, wanted.until), counts, now).await?;
        if is_ours {
            store::note(&mut tx, run.window, &found, false, now).await?;
            tx.commit().await?;
        }
        Ok(is_ours)
    }

    /// Notes what is about to be healed. Whoever goes on after this process has died in the middle of it then tells of each
    /// difference all the same.
    async fn foresee(&self, run: &Run<'_>, compared: &[Compared]) -> Result<(), DbError> {
        let found: Vec<_> = compared
            .iter()
            .flat_map(|compared| compared.kinds.iter().map(|kind| (compared.call.id.clone(), *kind, false)))
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        let mut tx = self.tenancy.tenant(run.org).await?;
        store::note(&mut tx, run.window, &found, true, self.clock.now()).await?;
        tx.commit().await
    }

    /// Finds whose the calls are, and leaves out those that are accounted for elsewhere.
    async fn owned(&self, run: &Run<'_>, calls: Vec<CallObject>) -> Result<Vec<(CallObject, Owner)>, DbError> {
        let signs: Vec<Signs<'_>> = calls
            .iter()
            .map(|call| {
                let said = &call.message.message.call;
                Signs {
                    provider_call_id: &call.id,
                    number_ref: said.phone_number_id.as_deref(),
                    our_number: said.our_number.as_deref(),
                    assistant_ref: said.assistant_id.as_deref(),
                }
            })
            .collect();
        let mut tx = self.tenancy.system("find whose the calls of a provider account are").await?;
        let claims = store::claims(&mut tx, &signs).await?;
        tx.commit().await?;
        let owners = claims.iter().map(|claims| owner(run.account.org, run.shared, claims)).collect::<Vec<_>>();
        Ok(calls.into_iter().zip(owners).filter(|(_, owner)| *owner != Owner::Elsewhere).collect())
    }

    /// Compares each call with what its organization holds of it.
    async fn compared(&self, calls: Vec<(CallObject, Owner)>) -> Result<Vec<Compared>, DbError> {
        let mut by_org: HashMap<OrgId, Vec<&str>> = HashMap::new();
        for (call, owner) in &calls {
            if let Owner::Known(org) | Owner::Presumed(org) = owner {
                by_org.entry(*org).or_default().push(&call.id);
            }
        }
        let mut held = HashMap::new();
        for (org, ids) in by_org {
            let mut tx = self.tenancy.tenant(org).await?;
            held.extend(store::ours(&mut tx, &ids).await?.into_iter().map(|(id, ours)| ((org, id), ours)));
            tx.commit().await?;
        }
        let compared = calls.into_iter().map(|(call, owner)| {
            let org = match owner {
                Owner::Known(org) | Owner::Presumed(org) => Some(org),
                Owner::Nobody | Owner::Elsewhere => None,
            };
            let ours = org.and_then(|org| held.get(&(org, call.id.clone())));
            let mut kinds = compare(ours, &call);
            if ours.is_none() && matches!(owner, Owner::Presumed(_) | Owner::Nobody) {
                kinds.push(Kind::UnknownNumber);
            }
            Compared { call, owner, kinds }
        });
        Ok(compared.collect())
    }

    /// Lets the ingest take in what the provider says of a call that lacks something.
    async fn heal(&self, run: &Run<'_>, compared: Compared) -> Result<Outcome, IngestError> {
        let Compared { call, owner, mut kinds } = compared;
        let id = call.id.clone();
        let may_heal = kinds.iter().any(|kind| kind.can_be_healed())
            // A call of nobody is only taken in through the platform-wide account, where the ingest puts it in quarantine.
            && (owner != Owner::Nobody || run.account.org.is_none());
        let healed = may_heal && {
            let org = match owner {
                Owner::Known(org) | Owner::Presumed(org) => Some(org),
                Owner::Nobody | Owner::Elsewhere => None,
            };
            let outcome = self.take(run.account, org, call).await?;
            if outcome == "quarantined" {
                kinds.push(Kind::Quarantined);
            }
            outcome == "applied"
        };
        let found = kinds.into_iter().map(|kind| (id.clone(), kind, healed && kind.can_be_healed())).collect();
        Ok(Outcome { call: id, found })
    }

    /// Takes in what the provider says of a call, for its organization; none lets the ingest find it.
    pub(super) async fn take(
        &self,
        account: &Account,
        org: Option<OrgId>,
        call: CallObject,
    ) -> Result<String, IngestError> {
        let verifier = Verifier { org, id: account.connection, ..Verifier::default() };
        let event = Event::from_received(call.message);
        Ok(self.ingress.take(Arc::new(verifier), Arc::new(event)).await?.outcome)
    }

    /// Notes how far it came, and reads the numbers back.
    async fn finish(&self, run: &Run<'_>, end: End) -> Result<AccountReport, ReconcileError> {
        let mut tx = self.tenancy.tenant(run.org).await?;
        if let End::Stopped(problem, not_before) = &end {
            tracing::warn!(connection = %run.account.label, problem, "the provider could not be asked about all of its calls");
            store::stop(&mut tx, run.window, problem, *not_before, self.clock.now()).await?;
        }
        let totals = store::totals(&mut tx, run.window).await?;
        tx.commit().await?;
        let kinds = totals.kinds.as_object().into_iter().flatten();
        Ok(AccountReport {
            org_id: run.account.org,
            connection_id: run.account.connection,
            label: run.account.label.clone(),
            from: totals.from_at.to_jiff(),
            until: totals.until_at.to_jiff(),
            complete: totals.state == "complete",
            calls: totals.calls,
            agreed: totals.agreed,
            healed: totals.healed,
            differences: kinds.filter_map(|(kind, count)| Some((Kind::from_stored(kind)?, count.as_i64()?))).collect(),
            problem: match end {
                End::Complete => None,
                End::Stopped(problem, _) => Some(problem),
                End::Overtaken => totals.problem.or_else(|| Some("another process goes on with it".to_owned())),
            },
        })
    }

    fn later(&self, wait: Duration) -> Option<Timestamp> {
        self.clock.now().checked_add(SignedDuration::try_from(wait).ok()?).ok()
    }
}

/// A call with what it lacks here.
struct Compared {
    call: CallObject,
    owner: Owner,
    kinds: Vec<Kind>,
}

/// What was noted of a call. Nothing: it was as it should be.
struct Outcome {
    call: String,
    found: Vec<(String, Kind, bool)>,
}

/// In whole milliseconds, as the provider counts and as the windows move.
fn whole((from, until): (Timestamp, Timestamp)) -> (Timestamp, Timestamp) {
    let whole = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    (whole(from), whole(until))
}

/// Whether the provider says that a call goes on.
pub(super) fn goes_on(call: &CallObject) -> bool {
    call.status.is_some_and(|status| status != Status::Ended)
}

//! Calls that fell silent: asked for at the provider, and closed when nobody knows their end.
//!
//! The end that is recorded then is an event of ours, `voxanne.no-end-received`: it says that the call is over and why we
//! think so, and no time, since nobody knows it. Whatever the provider says later stands above it.

use std::sync::Arc;

use platform::http::problem::Chain;
use platform::ids::{CallId, OrgId};
use providers::vapi::rest::no_end_received;

use super::actions::{ReconcileError, Reconciler, goes_on};
use super::model::{Heard, SilenceLimits, Silent, Verdict, verdict};
use super::store;
use crate::connections::model::Verifier;
use crate::ingress::model::Event;
use crate::provider::{Account, ProviderError};

/// Calls looked at in one run. The rest waits a minute.
const MOST: i64 = 500;

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// Calls that were silent for too long.
    pub asked: u64,
    /// Of these, calls that the provider says go on.
    pub going_on: u64,
    /// Calls whose end the provider knew.
    pub learnt: u64,
    /// Calls whose end nobody knows.
    pub closed: u64,
    /// Calls that could not be asked for.
    pub unanswered: u64,
}

impl Reconciler {
    /// Looks for silent calls of all organizations and settles them.
    pub async fn reap(&self, limits: SilenceLimits) -> Result<Reaped, ReconcileError> {
        let now = self.clock.now();
        let mut tx = self.tenancy.system("find calls of all organizations that fell silent").await?;
        let candidates = store::maybe_silent(&mut tx, limits.shortest(), now, MOST).await?;
        tx.commit().await?;
        let mut reaped = Reaped::default();
        for (org, call) in candidates {
            if let Some(answer) = self.settle(org, call, limits).await? {
                reaped.asked += 1;
                *match answer {
                    "goes_on" => &mut reaped.going_on,
                    "ended_there" => &mut reaped.learnt,
                    "closed" => &mut reaped.closed,
                    _ => &mut reaped.unanswered,
                } += 1;
                metrics::counter!("voxanne_silent_calls_total", "answer" => answer).increment(1);
            }
        }
        Ok(reaped)
    }

    /// Settles one call. None: it is over, or not silent for long enough.
    async fn settle(
        &self,
        org: OrgId,
        call: CallId,
        limits: SilenceLimits,
    ) -> Result<Option<&'static str>, ReconcileError> {
        let Some(silent) = self.silent(org, call, limits).await? else { return Ok(None) };
        let account = self.client.account_of(org, silent.connection).await?;
        let (heard, told) = match &account {
            None => (Heard::Unknown, None),
            Some(account) => match self.client.call(account, &silent.provider_call_id).await {
                Ok(told) if goes_on(&told) => (Heard::GoesOn, None),
                Ok(told) => (Heard::Over, Some(told)),
                Err(ProviderError::NotFound) => (Heard::Unknown, None),
                Err(error) => {
                    tracing::warn!(call.id = %call, error = %Chain(&error), "a silent call could not be asked for");
                    (Heard::NoAnswer, None)
                }
            },
        };
        let silent_for = self.clock.now().duration_since(silent.heard_at);
        let answer = match (verdict(heard, silent_for), account, told) {
            (Verdict::Learn, Some(account), Some(told)) => {
                self.take(&account, Some(org), told).await?;
                "ended_there"
            }
            // It may have been heard of while the provider was asked.
            (Verdict::Close, account, _) => match self.silent(org, call, limits).await? {
                Some(silent) => {
                    self.close(org, account.as_ref(), &silent).await?;
                    "closed"
                }
                None => return Ok(None),
            },
            _ if heard == Heard::GoesOn => "goes_on",
            _ => "not_answered",
        };
        let mut tx = self.tenancy.tenant(org).await?;
        store::note_silent(&mut tx, call, answer, self.clock.now()).await?;
        tx.commit().await?;
        Ok(Some(answer))
    }

    /// The call, when it has been silent for too long by our own clock.
    async fn silent(&self, org: OrgId, call: CallId, limits: SilenceLimits) -> Result<Option<Silent>, ReconcileError> {
        let mut tx = self.tenancy.tenant(org).await?;
        let silent = store::silent(&mut tx, call).await?;
        tx.commit().await?;
        Ok(silent.filter(|silent| limits.is_due(silent, self.clock.now())))
    }

    async fn close(&self, org: OrgId, account: Option<&Account>, silent: &Silent) -> Result<(), ReconcileError> {
        // The id was stored, so it can be read.
        let Ok(received) = no_end_received(&silent.provider_call_id) else { return Ok(()) };
        let id = account.map_or(silent.connection, |account| account.connection);
        let verifier = Verifier { org: Some(org), id, ..Verifier::default() };
        self.ingress.take(Arc::new(verifier), Arc::new(Event::from_received(received))).await?;
        Ok(())
    }
}

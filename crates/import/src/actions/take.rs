//! Rows of one organization are taken, with the memory of them, in one transaction.

use identity::organizations::actions::keep_organization;
use platform::ids::{AgentId, OrgId};
use platform::tenancy::TenantTx;
use uuid::Uuid;
use voice::calls::actions::{KnownLead, keep_lead};
use voice::ingress::imports::{Imported, Taken, take_imported};
use voice::numbers::actions::{KnownAgent, keep_agent};

use super::{ImportError, Importer};
use crate::model::{Issue, Outcome, Reason, Taking};
use crate::rows::{Content, Prepared, Source};
use crate::store::{self, NewWaiting, TakenRow};

/// A row that is taken.
pub(super) struct Planned {
    pub(super) row: Prepared,
    pub(super) taking: Taking,
    pub(super) event: Option<Imported>,
}

impl Importer {
    /// Takes rows of one organization. Answers which of them the database would not have, and why.
    pub(super) async fn take(
        &self,
        run: Uuid,
        org: OrgId,
        planned: &mut [Planned],
    ) -> Result<Vec<(usize, Issue)>, ImportError> {
        match self.take_together(run, org, planned).await {
            Err(error) if error.is_refusal() => {}
            taken => return taken,
        }
        // One of them is at fault. Each by itself shows which.
        let mut refused = Vec::new();
        for (place, one) in planned.iter_mut().enumerate() {
            match self.take_together(run, org, std::slice::from_mut(one)).await {
                Ok(issues) => refused.extend(issues.into_iter().map(|(_, issue)| (place, issue))),
                Err(error) if error.is_refusal() => {
                    tracing::warn!(table = %one.row.source.table, place = %one.row.source.place, "the database refused a row");
                    refused.push((place, Issue::of_row(Reason::DatabaseRefused)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }

    async fn take_together(
        &self,
        run: Uuid,
        org: OrgId,
        planned: &mut [Planned],
    ) -> Result<Vec<(usize, Issue)>, ImportError> {
        self.take_organizations(run, planned).await?;
        let mut tx = self.tenancy.tenant(org).await?;
        match self.take_in(&mut tx, run, planned).await {
            Ok(refused) => {
                tx.commit().await?;
                Ok(refused)
            }
            Err(error) => {
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    /// An organization is made across organizations, with the memory of its row.
    async fn take_organizations(&self, run: Uuid, planned: &[Planned]) -> Result<(), ImportError> {
        for one in planned {
            let Content::Organization { name, zone } = &one.row.content else { continue };
            let org = one.taking.org;
            let mut tx = self.tenancy.system("an imported organization is not there yet").await?;
            let made = async {
                keep_organization(&mut tx, org, name, zone, one.row.created).await?;
                store::insert_organization_row(&mut tx, org, taken_row(run, one)).await
            };
            match made.await {
                Ok(()) => tx.commit().await?,
                Err(error) => {
                    tx.rollback().await?;
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    async fn take_in(
        &self,
        tx: &mut TenantTx,
        run: Uuid,
        planned: &mut [Planned],
    ) -> Result<Vec<(usize, Issue)>, ImportError> {
        for one in planned.iter() {
            let (id, created_at) = (one.row.source.id, one.row.created);
            match &one.row.content {
                Content::Agent { name, assistant, .. } => {
                    let id = AgentId::from_uuid(id);
                    keep_agent(tx, &KnownAgent { id, name, assistant_id: assistant.as_deref(), created_at }).await?;
                }
                Content::Lead { name, phone } => {
                    keep_lead(tx, &KnownLead { id, name: name.as_deref(), phone: phone.as_deref(), created_at })
                        .await?;
                }
                Content::Booking(words) => {
                    let booking = demos::bookings::actions::KnownBooking {
                        id: platform::ids::Id::from_uuid(id),
                        details: words.details.clone(),
                        state: words.state,
                        zone: words.zone.clone(),
                        created_at,
                    };
                    demos::bookings::actions::keep_booking(tx, &self.key, &booking).await?;
                }
                Content::Organization { .. } | Content::Call(_) | Content::Turn(_) => {}
            }
        }
        let refused = take_events(tx, planned).await?;
        let rows: Vec<TakenRow<'_>> = planned
            .iter()
            .enumerate()
            .filter(|(place, one)| {
                !matches!(one.row.content, Content::Organization { .. }) && !refused.iter().any(|(row, _)| row == place)
            })
            .map(|(_, one)| taken_row(run, one))
            .collect();
        if !rows.is_empty() {
            store::insert_rows(tx, &rows).await?;
        }
        Ok(refused)
    }

    /// A row that is to wait, sealed.
    pub(super) fn waiting<'a>(&self, source: &'a Source, issue: &'a Issue) -> Result<NewWaiting<'a>, ImportError> {
        let plain = serde_json::Value::Object(source.row.clone()).to_string();
        Ok(NewWaiting {
            table: source.table,
            id: source.id,
            digest: &source.digest,
            place: &source.place,
            issue,
            sealed: self.key.seal(&source.seal_place(), plain.as_bytes())?,
        })
    }
}

/// Takes the events among the rows in, and corrects what was foreseen of them by what the database found.
async fn take_events(tx: &mut TenantTx, planned: &mut [Planned]) -> Result<Vec<(usize, Issue)>, ImportError> {
    let events: Vec<&Imported> = planned.iter().filter_map(|one| one.event.as_ref()).collect();
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let taken = take_imported(tx, &events).await?;
    let mut refused = Vec::new();
    let with_event = planned.iter_mut().enumerate().filter(|(_, one)| one.event.is_some());
    for ((place, one), taken) in with_event.zip(taken) {
        match taken {
            Taken::Created(call) => (one.taking.subject, one.taking.outcome) = (call.uuid(), Outcome::Imported),
            Taken::Merged(call) | Taken::Known(call) => {
                (one.taking.subject, one.taking.outcome) = (call.uuid(), Outcome::Merged);
            }
            Taken::Collision => refused.push((place, Issue::of("vapi_call_id", Reason::Collision))),
        }
    }
    Ok(refused)
}

fn taken_row(run: Uuid, one: &Planned) -> TakenRow<'_> {
    TakenRow {
        table: one.row.source.table,
        id: one.row.source.id,
        digest: &one.row.source.digest,
        subject: one.taking.subject,
        outcome: one.taking.outcome,
        rule: one.taking.rule,
        run,
        place: one.row.source.place.to_string(),
        kept: one.row.kept.as_ref(),
    }
}

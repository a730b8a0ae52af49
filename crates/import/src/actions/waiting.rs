//! What is done with rows that wait: an operator gives them to an organization or drops them, or the rules decide again with
//! what is known by now.

use std::collections::BTreeMap;

use identity::organizations::actions::operator_organization;
use platform::audit::{self, Actor};
use platform::ids::OrgId;
use platform::tenancy::{DbError, SystemTx, Tenancy};
use serde_json::json;
use uuid::Uuid;

use super::chunk::{add_keys, look_up};
use super::take::Planned;
use super::{CHUNK_ROWS, ImportError, Importer, REASON};
use crate::events::event_of;
use crate::mapping::Mapping;
use crate::model::{Issue, Known, Pass, Table, Verdict, View, decide, facts_of};
use crate::reading::Row;
use crate::rows::{Prepared, Source, prepare, seal_place};
use crate::store::{self, Alike, Keys, Waiting, WaitingId};

/// What came of a row that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// It was taken for this organization.
    Taken(OrgId),
    /// It waits still.
    StillWaits(Issue),
}

/// What came of many rows that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reconsidered {
    /// Were taken.
    pub taken: u64,
    /// Wait still.
    pub waiting: u64,
}

impl Reconsidered {
    fn count(&mut self, assigned: &Assigned) {
        match assigned {
            Assigned::Taken(_) => self.taken += 1,
            Assigned::StillWaits(_) => self.waiting += 1,
        }
    }
}

/// Which of the waiting rows somebody means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// These.
    These(Vec<WaitingId>),
    /// All that wait in the same way.
    Alike(Alike),
}

/// Rows that wait, oldest first, after one of them; all, or those that are alike.
pub async fn list_waiting(
    tenancy: &Tenancy,
    alike: Option<&Alike>,
    after: Option<WaitingId>,
    limit: i64,
) -> Result<Vec<Waiting>, ImportError> {
    let mut tx = tenancy.system("an operator looks at rows that no organization was found for").await?;
    let rows = store::waiting(&mut tx, alike, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// How many rows wait in which way, the most first.
pub async fn waiting_by_reason(tenancy: &Tenancy) -> Result<Vec<(Alike, i64)>, ImportError> {
    let mut tx = tenancy.system("count rows that no organization was found for").await?;
    let groups = store::waiting_by_reason(&mut tx).await?;
    tx.commit().await?;
    Ok(groups)
}

/// Decides again about a row that waits: by the rules, or for the organization that an operator names. What contradicts the
/// operator's word keeps it waiting, so that no slip of the hand gives a patient's call to another practice.
pub async fn assign_waiting(
    importer: &Importer,
    mapping: &Mapping,
    actor: Actor,
    id: WaitingId,
    org: Option<OrgId>,
) -> Result<Assigned, ImportError> {
    importer.settle(mapping, actor, &[id], org).await?.pop().ok_or(ImportError::NotFound)
}

/// Gives rows that wait to the organization that an operator names, `most` at a time. What waits no more is left out.
pub async fn assign_chosen(
    importer: &Importer,
    mapping: &Mapping,
    actor: Actor,
    chosen: &Chosen,
    org: OrgId,
    most: u64,
) -> Result<Reconsidered, ImportError> {
    let mut sum = Reconsidered::default();
    match chosen {
        Chosen::These(ids) => {
            for ids in ids.chunks(CHUNK_ROWS) {
                importer.settle(mapping, actor, ids, Some(org)).await?.iter().for_each(|row| sum.count(row));
            }
        }
        Chosen::Alike(alike) => {
            let mut after = None;
            while sum.taken + sum.waiting < most {
                let page = list_waiting(&importer.tenancy, Some(alike), after, page_size()).await?;
                let ids: Vec<WaitingId> = page.iter().map(|waiting| waiting.id).collect();
                let Some(last) = ids.last() else { break };
                after = Some(*last);
                importer.settle(mapping, actor, &ids, Some(org)).await?.iter().for_each(|row| sum.count(row));
            }
        }
    }
    Ok(sum)
}

/// Drops rows that wait, for good: what they say is deleted, and a later export with the same rows has them refused. Noted in
/// the audit list of the organization `noted_in`, as they are nobody's. Answers how many.
pub async fn drop_chosen(
    importer: &Importer,
    actor: Actor,
    noted_in: OrgId,
    chosen: &Chosen,
) -> Result<u64, ImportError> {
    let now = importer.clock.now();
    let mut tx = importer.tenancy.system("an operator drops rows that no organization was found for").await?;
    let (dropped, subject, detail) = match chosen {
        Chosen::These(ids) => {
            let dropped = store::drop_waiting(&mut tx, ids, now).await?;
            let subject = ids.first().filter(|_| ids.len() == 1).map(ToString::to_string);
            (dropped, subject, json!({ "rows": dropped }))
        }
        Chosen::Alike(alike) => {
            let dropped = store::drop_alike(&mut tx, alike, now).await?;
            let Alike { table, column, reason } = alike;
            (dropped, None, json!({ "rows": dropped, "table": table, "column": column, "reason": reason }))
        }
    };
    if dropped > 0 {
        audit::record_system(&mut tx, noted_in, actor, "import.dropped", subject.as_deref(), detail).await?;
    }
    tx.commit().await?;
    Ok(dropped)
}

/// Decides again about every row that waits, after numbers or agents were added, or with a mapping that says more. Calls come
/// before what was said in them, because ids follow time only within a run.
pub async fn reconsider(importer: &Importer, mapping: &Mapping, actor: Actor) -> Result<Reconsidered, ImportError> {
    let mut sum = Reconsidered::default();
    // One row may tell whose another is: until a round finds nothing more.
    loop {
        let mut round = Reconsidered::default();
        let mut after = None;
        loop {
            let page = list_waiting(&importer.tenancy, None, after, page_size()).await?;
            let ids: Vec<WaitingId> = page.iter().map(|waiting| waiting.id).collect();
            let Some(last) = ids.last() else { break };
            after = Some(*last);
            importer.settle(mapping, actor, &ids, None).await?.iter().for_each(|row| round.count(row));
        }
        sum.taken += round.taken;
        sum.waiting = round.waiting;
        if round.taken == 0 || round.waiting == 0 {
            return Ok(sum);
        }
    }
}

fn page_size() -> i64 {
    i64::try_from(CHUNK_ROWS).unwrap_or(i64::MAX)
}

/// A row that waits, opened and read anew.
struct Opened {
    waiting: Waiting,
    digest: String,
    read: Result<Prepared, Issue>,
}

/// What is decided about it now.
struct Again {
    waiting: Waiting,
    digest: String,
    outcome: Result<OrgId, Issue>,
}

impl Importer {
    /// Decides again about some hundred rows at most, writes what is taken, and notes what came of each.
    async fn settle(
        &self,
        mapping: &Mapping,
        actor: Actor,
        ids: &[WaitingId],
        named: Option<OrgId>,
    ) -> Result<Vec<Assigned>, ImportError> {
        let mut tx = self.tenancy.system("an operator says whose rows are").await?;
        let found = store::find_waiting(&mut tx, ids).await?;
        tx.commit().await?;
        let opened = found.into_iter().map(|(waiting, sealed)| self.open(mapping, waiting, &sealed));
        let opened = opened.collect::<Result<Vec<_>, _>>()?;
        // Boxed: what is in it would be carried through every caller's stack.
        let decided = Box::pin(self.decide_again(mapping, opened, named)).await?;
        self.note_decided(actor, &decided).await?;
        let assigned = decided.into_iter().map(|row| match row.outcome {
            Ok(org) => Assigned::Taken(org),
            Err(issue) => Assigned::StillWaits(issue),
        });
        Ok(assigned.collect())
    }

    fn open(&self, mapping: &Mapping, waiting: Waiting, sealed: &[u8]) -> Result<Opened, ImportError> {
        let plain = self.key.open(&seal_place(waiting.table, waiting.source_id), sealed)?;
        let row: Row = serde_json::from_slice(&plain).map_err(|_| ImportError::Unreadable)?;
        let source = Source::of(waiting.table, row, waiting.place.clone());
        let digest = source.digest.clone();
        let read = prepare(source, mapping, self.clock.now()).map_err(|(_, issue)| issue);
        Ok(Opened { waiting, digest, read })
    }

    /// Takes what can be taken now, and says of the rest why it waits still.
    async fn decide_again(
        &self,
        mapping: &Mapping,
        rows: Vec<Opened>,
        named: Option<OrgId>,
    ) -> Result<Vec<Again>, ImportError> {
        let operator = operator_organization(&self.tenancy).await?;
        let mut known = self.known_of(mapping, &rows, named, operator).await?;
        let mut decided: Vec<Again> = Vec::with_capacity(rows.len());
        // Each remembers the run that met it.
        let mut takes: BTreeMap<(Uuid, OrgId), (Vec<usize>, Vec<Planned>)> = BTreeMap::new();
        for Opened { waiting, digest, read } in rows {
            let outcome = match read {
                Err(issue) => Err(issue),
                Ok(row) => {
                    let named = named.map(OrgId::uuid);
                    let view = View { known: &known, mapping, operator, named, run: waiting.run, pass: Pass::Any };
                    match decide(&row, &view) {
                        Some(Verdict::Take(taking)) => {
                            let event = event_of(&row, &taking, &known, mapping)?.map(|(event, _)| event);
                            for fact in facts_of(&row, &taking, waiting.run) {
                                known.learn(fact);
                            }
                            let org = taking.org;
                            let (places, planned) = takes.entry((waiting.run, org)).or_default();
                            places.push(decided.len());
                            planned.push(Planned { row, taking, event });
                            Ok(org)
                        }
                        Some(Verdict::Done(taking)) => Ok(taking.org),
                        Some(Verdict::Wait(issue)) => Err(issue),
                        // Taken meanwhile, by an import that knew more.
                        Some(Verdict::AlreadyThere) => Ok(owner_of(&row, view.named, operator)?),
                        // Dropped meanwhile.
                        Some(Verdict::Dropped) | None => continue,
                    }
                }
            };
            decided.push(Again { waiting, digest, outcome });
        }
        for ((run, org), (places, mut planned)) in takes {
            for (row, issue) in self.take(run, org, &mut planned).await? {
                decided[places[row]].outcome = Err(issue);
            }
        }
        Ok(decided)
    }

    async fn known_of(
        &self,
        mapping: &Mapping,
        rows: &[Opened],
        named: Option<OrgId>,
        operator: Option<OrgId>,
    ) -> Result<Known, ImportError> {
        let mut keys = Keys::default();
        rows.iter().filter_map(|row| row.read.as_ref().ok()).for_each(|row| add_keys(&mut keys, row));
        keys.ids.extend(named.map(OrgId::uuid));
        let mut tx = self.tenancy.system(REASON).await?;
        let (facts, _) = look_up(&mut tx, &keys, Vec::new(), operator, mapping).await?;
        tx.commit().await?;
        let mut known = Known::default();
        for fact in facts {
            known.learn(fact);
        }
        Ok(known)
    }

    async fn note_decided(&self, actor: Actor, decided: &[Again]) -> Result<(), ImportError> {
        let (mut settled, mut waiting) = (Vec::new(), Vec::new());
        for row in decided {
            match &row.outcome {
                Ok(org) => settled.push((row.waiting.table, row.waiting.source_id, row.digest.as_str(), *org)),
                Err(issue) => waiting.push((row.waiting.id, issue)),
            }
        }
        let mut tx = self.tenancy.system("note what came of rows that waited").await?;
        store::settle_waiting(&mut tx, &settled, self.clock.now()).await?;
        store::note_still_waiting(&mut tx, &waiting).await?;
        audit_taken(&mut tx, actor, decided).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A row of the audit list for each organization and table; it names the row when it was one.
async fn audit_taken(tx: &mut SystemTx, actor: Actor, decided: &[Again]) -> Result<(), DbError> {
    let mut taken: BTreeMap<(OrgId, Table), Vec<&Waiting>> = BTreeMap::new();
    for row in decided {
        if let Ok(org) = row.outcome {
            taken.entry((org, row.waiting.table)).or_default().push(&row.waiting);
        }
    }
    for ((org, table), rows) in taken {
        let (subject, detail) = match rows.as_slice() {
            [one] => (Some(one.id.to_string()), json!({ "table": table, "row": one.source_id })),
            rows => (None, json!({ "table": table, "rows": rows.len() })),
        };
        audit::record_system(tx, org, actor, "import.assigned", subject.as_deref(), detail).await?;
    }
    Ok(())
}

/// Whose a row is that is there already.
fn owner_of(row: &Prepared, named: Option<Uuid>, operator: Option<OrgId>) -> Result<OrgId, ImportError> {
    let by_row = named.or(row.org).map(OrgId::from_uuid);
    let by_kind = operator.filter(|_| matches!(row.content, crate::rows::Content::Booking(_)));
    by_row.or(by_kind).ok_or(ImportError::NoSuchOrganization)
}

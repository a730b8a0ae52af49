//! Some hundred rows at a time: read, decided about in view of what is known, and written.

use std::collections::{BTreeMap, BTreeSet};

use platform::ids::OrgId;
use platform::tenancy::{DbError, SystemTx};
use uuid::Uuid;

use super::run::{Leg, Line, Run};
use super::take::Planned;
use super::{ImportError, REASON};
use crate::events::event_of;
use crate::mapping::Mapping;
use crate::model::{
    Fact, Issue, Known, Outcome, Pass, Place, Reason, Taking, Verdict, View, decide, facts_of, is_unstated,
};
use crate::report::LegTally;
use crate::rows::{Prepared, Source, prepare};
use crate::store::{self, Keys, NewIssue};

/// What a handful of rows comes to.
#[derive(Default)]
struct Batch {
    takes: BTreeMap<OrgId, Vec<Planned>>,
    waits: Vec<(Box<Source>, Issue)>,
    issues: Vec<NewIssue>,
    known: Known,
}

impl Batch {
    /// Leaves out what an operator has dropped.
    fn refuse(&mut self, source: &Source, tally: &mut LegTally) {
        tally.rows.refused += 1;
        let (table, place) = (source.table, source.place.clone());
        self.issues.push(NewIssue { table, place, issue: Issue::of_row(Reason::Dropped) });
    }
}

/// Why a line is not decided about.
enum Refusal {
    /// It is no row.
    NoRow(Place, Issue),
    /// A value cannot be right.
    CannotBe(Box<Source>, Issue),
}

impl Run<'_> {
    pub(super) async fn chunk(
        &mut self,
        leg: &Leg<'_>,
        lines: Vec<Line>,
        before: u64,
        seen: u64,
        tally: &mut LegTally,
    ) -> Result<(), ImportError> {
        let prepared = self.prepare(leg, lines, tally);
        let mut batch = Batch::default();
        for fact in self.look_up(&keys_of(&prepared)).await? {
            batch.known.learn(fact);
        }
        for row in prepared {
            self.plan(leg, row, &mut batch, tally)?;
        }
        if let Some(tx) = &mut self.rehearsal {
            let mut facts = Vec::new();
            for planned in batch.takes.values().flatten() {
                count(tally, planned.taking.outcome);
                facts.extend(facts_of(&planned.row, &planned.taking, self.id));
            }
            store::rehearse(tx, &facts).await?;
            tally.rows.quarantined += batch.waits.len() as u64;
            let issues = all_issues(batch.issues, &batch.waits);
            store::insert_issues(tx, true, self.id, &issues).await?;
            return Ok(());
        }
        self.write(leg, batch, before, seen, tally).await
    }

    /// Reads what the lines say. What is no row, or cannot be right, is met by the first reading only.
    fn prepare(&self, leg: &Leg<'_>, lines: Vec<Line>, tally: &mut LegTally) -> Vec<Result<Prepared, Refusal>> {
        let now = self.importer.clock.now();
        let is_first = leg.pass == Pass::First;
        let mut prepared = Vec::with_capacity(lines.len());
        for Line { place, row } in lines {
            if is_first {
                tally.rows.read += 1;
                row.iter().flat_map(|row| row.keys()).for_each(|name| tally.note_column(name));
            }
            let read = match row {
                Err(issue) => Err(Refusal::NoRow(place, issue)),
                Ok(row) => prepare(Source::of(leg.export.table, row, place), self.mapping, now)
                    .map_err(|(source, issue)| Refusal::CannotBe(source, issue)),
            };
            if is_first || read.is_ok() {
                prepared.push(read);
            }
        }
        prepared
    }

    async fn look_up(&mut self, keys: &Keys) -> Result<Vec<Fact>, ImportError> {
        if let Some(tx) = &mut self.rehearsal {
            let rehearsed = store::rehearsed(tx, keys).await?;
            let (mut facts, orgs) = look_up(tx, keys, rehearsed, self.operator, self.mapping).await?;
            facts.extend(store::rehearsed(tx, &Keys { ids: orgs, ..Keys::default() }).await?);
            return Ok(facts);
        }
        let mut tx = self.importer.tenancy.system(REASON).await?;
        let (facts, _) = look_up(&mut tx, keys, Vec::new(), self.operator, self.mapping).await?;
        tx.commit().await?;
        Ok(facts)
    }

    /// Decides about one row, in view of those before it.
    fn plan(
        &self,
        leg: &Leg<'_>,
        row: Result<Prepared, Refusal>,
        batch: &mut Batch,
        tally: &mut LegTally,
    ) -> Result<(), ImportError> {
        let row = match row {
            Err(Refusal::NoRow(place, issue)) => {
                tally.rows.refused += 1;
                batch.issues.push(NewIssue { table: leg.export.table, place, issue });
                return Ok(());
            }
            Err(Refusal::CannotBe(source, _)) if batch.known.is_dropped(&source) => {
                batch.refuse(&source, tally);
                return Ok(());
            }
            Err(Refusal::CannotBe(source, issue)) => {
                batch.waits.push((source, issue));
                return Ok(());
            }
            Ok(row) => row,
        };
        if leg.pass == Pass::First && is_unstated(&row) {
            tally.unstated += 1;
        }
        let view = View {
            known: &batch.known,
            mapping: self.mapping,
            operator: self.operator,
            named: None,
            run: self.id,
            pass: leg.pass,
        };
        match decide(&row, &view) {
            None => {}
            Some(Verdict::AlreadyThere) => tally.rows.already_there += 1,
            Some(Verdict::Dropped) => batch.refuse(&row.source, tally),
            Some(Verdict::Wait(issue)) => batch.waits.push((Box::new(row.source), issue)),
            Some(Verdict::Done(taking)) => {
                let told = event_of(&row, &taking, &batch.known, self.mapping)?;
                note(batch, &row, &taking, told.map(|(_, notes)| notes));
                count(tally, taking.outcome);
            }
            Some(Verdict::Take(taking)) => {
                let told = event_of(&row, &taking, &batch.known, self.mapping)?;
                let (event, notes) = told.unzip();
                note(batch, &row, &taking, notes);
                for fact in facts_of(&row, &taking, self.id) {
                    batch.known.learn(fact);
                }
                batch.takes.entry(taking.org).or_default().push(Planned { row, taking, event });
            }
        }
        Ok(())
    }

    /// Writes what was decided: each organization's rows with the memory of them in one transaction, then what waits with how
    /// far the run has come. Killed in between, the next run meets the memory and counts the same.
    async fn write(
        &self,
        leg: &Leg<'_>,
        batch: Batch,
        before: u64,
        seen: u64,
        tally: &mut LegTally,
    ) -> Result<(), ImportError> {
        let Batch { mut takes, mut waits, issues, .. } = batch;
        let mut taken = Vec::new();
        for (org, planned) in &mut takes {
            let refused = self.importer.take(self.id, *org, planned).await?;
            for (row, issue) in refused {
                waits.push((Box::new(planned[row].row.source.clone()), issue));
            }
            taken.extend(planned.iter().map(|planned| (&planned.row.source, planned.taking.outcome, *org)));
        }
        let refused: BTreeSet<u64> = waits.iter().map(|(source, _)| source.place.row).collect();
        taken.retain(|(source, ..)| !refused.contains(&source.place.row));
        for (_, outcome, _) in &taken {
            count(tally, *outcome);
        }
        tally.rows.quarantined += waits.len() as u64;

        let now = self.importer.clock.now();
        let mut tx = self.importer.tenancy.system(REASON).await?;
        if !waits.is_empty() {
            let rows = waits.iter().map(|(source, issue)| self.importer.waiting(source, issue));
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            store::insert_waiting(&mut tx, self.id, &rows, now).await?;
        }
        if self.had_waiting && !taken.is_empty() {
            let settled: Vec<_> =
                taken.iter().map(|(source, _, org)| (source.table, source.id, source.digest.as_str(), *org)).collect();
            store::settle_waiting(&mut tx, &settled, now).await?;
        }
        let issues = all_issues(issues, &waits);
        if !issues.is_empty() {
            store::insert_issues(&mut tx, false, self.id, &issues).await?;
        }
        if !store::save_progress(&mut tx, self.id, leg.number, before, seen, tally).await? {
            tx.rollback().await?;
            return Err(ImportError::Another);
        }
        tx.commit().await?;
        Ok(())
    }
}

/// What is known of these, and the organizations that it speaks of.
pub(super) async fn look_up(
    tx: &mut SystemTx,
    keys: &Keys,
    mut facts: Vec<Fact>,
    operator: Option<OrgId>,
    mapping: &Mapping,
) -> Result<(Vec<Fact>, BTreeSet<Uuid>), DbError> {
    facts.extend(store::look_up(tx, keys).await?);
    let mut orgs: BTreeSet<Uuid> = facts.iter().filter_map(Fact::org).chain(mapping.targets()).collect();
    orgs.extend(&keys.ids);
    orgs.extend(operator.map(OrgId::uuid));
    facts.extend(store::organizations(tx, &orgs).await?);
    Ok((facts, orgs))
}

fn keys_of(rows: &[Result<Prepared, Refusal>]) -> Keys {
    let mut keys = Keys::default();
    for row in rows {
        match row {
            Ok(row) => add_keys(&mut keys, row),
            // Only whether somebody has dropped it.
            Err(Refusal::CannotBe(source, _)) => drop(keys.ids.insert(source.id)),
            Err(Refusal::NoRow(..)) => {}
        }
    }
    keys
}

pub(super) fn add_keys(keys: &mut Keys, row: &Prepared) {
    let claims = &row.claims;
    keys.ids.insert(row.source.id);
    keys.ids.extend([row.org, claims.agent, claims.lead, claims.parent].into_iter().flatten());
    keys.assistants.extend(claims.assistant.clone());
    keys.numbers.extend(claims.numbers.iter().cloned());
    keys.calls.extend(claims.provider_call_id.clone());
    if claims.provider_call_id.is_none() && row.source.table.holds_calls() {
        keys.calls.insert(row.source.invented_call_id());
    }
}

fn note(batch: &mut Batch, row: &Prepared, taking: &Taking, notes: Option<Vec<Issue>>) {
    for issue in taking.notes.iter().cloned().chain(notes.into_iter().flatten()) {
        batch.issues.push(NewIssue { table: row.source.table, place: row.source.place.clone(), issue });
    }
}

fn count(tally: &mut LegTally, outcome: Outcome) {
    match outcome {
        Outcome::Imported => tally.rows.imported += 1,
        Outcome::Merged => tally.rows.merged += 1,
    }
}

fn all_issues(mut issues: Vec<NewIssue>, waits: &[(Box<Source>, Issue)]) -> Vec<NewIssue> {
    issues.extend(waits.iter().map(|(source, issue)| NewIssue {
        table: source.table,
        place: source.place.clone(),
        issue: issue.clone(),
    }));
    issues
}

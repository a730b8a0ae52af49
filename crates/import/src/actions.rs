//! The import of a folder, and what is done with rows that wait.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use demos::DemoError;
use identity::organizations::actions::{keep_organization, operator_organization};
use platform::audit::{self, Actor};
use platform::clock::Clock;
use platform::crypto::{CryptoError, MasterKey};
use platform::ids::{AgentId, OrgId};
use platform::tenancy::{DbError, SystemTx, Tenancy, TenantTx};
use providers::vapi::ParseError;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use voice::calls::actions::{KnownLead, keep_lead};
use voice::ingress::actions::IngestError;
use voice::ingress::imports::{Imported, Taken, take_imported};
use voice::numbers::actions::{KnownAgent, keep_agent};

use crate::events::event_of;
use crate::mapping::Mapping;
use crate::model::{
    Fact, Issue, Known, Outcome, Pass, Place, Reason, Table, Taking, Verdict, View, decide, facts_of, is_unstated,
};
use crate::reading::{Export, Folder, ReadError, Row, Rows};
use crate::report::{LegTally, Report};
use crate::rows::{Content, Prepared, Source, prepare, seal_place};
use crate::store::{self, IssueLine, Keys, NewIssue, NewWaiting, TakenRow, Waiting, WaitingId};

/// Rows that are decided and written together, usually: few enough that nobody waits for them, many enough that a commit costs
/// little of each.
pub const CHUNK_ROWS: usize = 500;
/// Bytes of rows that are held at once, about.
const CHUNK_BYTES: u64 = 4 << 20;
const REASON: &str = "an import brings rows of many organizations, and finds out whose each is";

/// Why an import stopped. What it had taken stays, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another process imports the same folder.
    #[error("another process imports the same folder at the moment; let it finish, or start again when it has stopped")]
    Another,
    /// The file that was read a moment ago is shorter now.
    #[error("{0} has changed while it was read; start again when nobody writes to it")]
    Changed(String),
    /// A row could not be put into the provider's words.
    #[error("a row could not be put into the provider's words")]
    Words(#[from] ParseError),
    /// A row could not be sealed or opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A waiting row cannot be read back.
    #[error("a waiting row cannot be read back")]
    Unreadable,
    /// No such row waits.
    #[error("no such row waits")]
    NotFound,
    /// There is no such organization.
    #[error("there is no such organization")]
    NoSuchOrganization,
    /// An event could not be taken in.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A booking could not be kept.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl ImportError {
    /// Whether the database refused the rows themselves, so that trying again will not help.
    fn is_refusal(&self) -> bool {
        let (Self::Database(database)
        | Self::Ingest(IngestError::Database(database))
        | Self::Demo(DemoError::Database(database))) = self
        else {
            return false;
        };
        matches!(database, DbError::Statement(_)) && !database.is_transient()
    }
}

/// What an import works with.
#[derive(Clone)]
pub struct Importer {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Seals rows that wait.
    pub key: MasterKey,
    /// Rows that are decided and written together, see [`CHUNK_ROWS`].
    pub chunk_rows: usize,
}

/// How far an import is.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// The file that is read.
    pub file: &'a str,
    /// Rows of it that were looked at.
    pub rows: u64,
    /// Bytes of it that were read.
    pub bytes: u64,
    /// Its size in bytes.
    pub of_bytes: u64,
}

/// Told now and then how far an import is.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);

/// Told every issue of an import, in the order of files and lines.
pub type Listener<'a> = &'a mut (dyn FnMut(&IssueLine) + Send);

/// Imports a folder. A dry run reads, decides and reports the same, in a transaction in which PostgreSQL refuses to write.
pub async fn import_folder(
    importer: &Importer,
    folder: &Folder,
    mapping: &Mapping,
    dry_run: bool,
    watch: Watch<'_>,
    listener: Option<Listener<'_>>,
) -> Result<Report, ImportError> {
    let operator = operator_organization(&importer.tenancy).await?;
    let mut tx = importer.tenancy.system(REASON).await?;
    let mut run = if dry_run {
        store::begin_rehearsal(&mut tx).await?;
        Run { importer, mapping, operator, id: Uuid::now_v7(), rehearsal: Some(tx), had_waiting: false }
    } else {
        let fingerprint = [folder.fingerprint()?, mapping.digest].concat();
        let digest = Sha256::digest(fingerprint);
        let (id, _) = store::open_run(&mut tx, &digest, importer.clock.now()).await?;
        let had_waiting = store::count_waiting(&mut tx).await? > 0;
        tx.commit().await?;
        Run { importer, mapping, operator, id, rehearsal: None, had_waiting }
    };
    let report = Box::pin(run.folder(folder, watch, listener)).await;
    match (report, run.rehearsal) {
        (report, Some(tx)) => {
            tx.rollback().await?;
            report
        }
        (report, None) => report,
    }
}

/// One reading of one file.
struct Leg<'a> {
    number: i32,
    export: &'a Export,
    pass: Pass,
}

/// Every reading, in order: calls that do not say whose they are come after all that do, because those tell it.
fn legs(folder: &Folder) -> Vec<Leg<'_>> {
    let of = |pass, wanted: fn(Table) -> bool| {
        folder.exports.iter().filter(move |export| wanted(export.table)).map(move |export| (export, pass))
    };
    of(Pass::First, |table| table != Table::CallTranscripts)
        .chain(of(Pass::Evidence, Table::holds_calls))
        .chain(of(Pass::ByCall, Table::holds_calls))
        .chain(of(Pass::First, |table| table == Table::CallTranscripts))
        .zip(0..)
        .map(|((export, pass), number)| Leg { number, export, pass })
        .collect()
}

struct Run<'a> {
    importer: &'a Importer,
    mapping: &'a Mapping,
    operator: Option<OrgId>,
    id: Uuid,
    /// The one transaction of a dry run.
    rehearsal: Option<SystemTx>,
    /// Rows waited when the run began, which may find their organization now.
    had_waiting: bool,
}

/// A row as it was read, or why it is none.
struct Line {
    place: Place,
    row: Result<Row, Issue>,
}

/// A row that is taken.
struct Planned {
    row: Prepared,
    taking: Taking,
    event: Option<Imported>,
}

/// What a handful of rows comes to.
#[derive(Default)]
struct Batch {
    takes: BTreeMap<OrgId, Vec<Planned>>,
    waits: Vec<(Box<Source>, Issue)>,
    issues: Vec<NewIssue>,
    known: Known,
}

impl Run<'_> {
    async fn folder(
        &mut self,
        folder: &Folder,
        watch: Watch<'_>,
        listener: Option<Listener<'_>>,
    ) -> Result<Report, ImportError> {
        let mut report = Report {
            run: self.rehearsal.is_none().then_some(self.id),
            dry_run: self.rehearsal.is_some(),
            other_files: folder.others.clone(),
            ..Report::default()
        };
        let before = if report.dry_run {
            HashMap::new()
        } else {
            let mut tx = self.importer.tenancy.system(REASON).await?;
            let before = store::progress(&mut tx, self.id).await?;
            tx.commit().await?;
            before
        };
        let mut unstated: BTreeMap<&str, u64> = BTreeMap::new();
        for leg in legs(folder) {
            let name = leg.export.name.as_str();
            let is_needed = leg.pass == Pass::First || unstated.get(name).is_some_and(|rows| *rows > 0);
            if !is_needed {
                continue;
            }
            let (seen, tally) = before.get(&leg.number).cloned().unwrap_or_default();
            let tally = if tally.is_over { tally } else { self.leg(&leg, seen, tally, watch).await? };
            *unstated.entry(name).or_default() += tally.unstated;
            report.add(leg.export.table, name, &tally);
        }
        report.settle();
        self.finish(&mut report, listener).await?;
        Ok(report)
    }

    /// Adds the reasons, and closes the run.
    async fn finish(&mut self, report: &mut Report, listener: Option<Listener<'_>>) -> Result<(), ImportError> {
        let (is_rehearsal, id, now) = (self.rehearsal.is_some(), self.id, self.importer.clock.now());
        if let Some(tx) = &mut self.rehearsal {
            report.reasons = store::reasons(tx, is_rehearsal, id).await?;
            return tell_all(tx, is_rehearsal, id, listener).await;
        }
        let mut tx = self.importer.tenancy.system(REASON).await?;
        report.reasons = store::reasons(&mut tx, is_rehearsal, id).await?;
        tell_all(&mut tx, is_rehearsal, id, listener).await?;
        store::finish_run(&mut tx, id, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Reads a file from where an interrupted run left it.
    async fn leg(
        &mut self,
        leg: &Leg<'_>,
        seen: u64,
        mut tally: LegTally,
        watch: &mut (dyn FnMut(Progress<'_>) + Send),
    ) -> Result<LegTally, ImportError> {
        let export = leg.export;
        let mut rows = Rows::open(export)?;
        for _ in 0..seen {
            rows.next_row()?.ok_or_else(|| ImportError::Changed(export.name.clone()))?;
        }
        let mut seen = seen;
        while !tally.is_over {
            let (lines, is_over) = next_lines(export, &mut rows, seen, self.importer.chunk_rows)?;
            tally.is_over = is_over;
            if leg.pass == Pass::First {
                tally.is_broken = !rows.is_whole();
            }
            let before = seen;
            seen += lines.len() as u64;
            self.chunk(leg, lines, before, seen, &mut tally).await?;
            watch(Progress { file: &export.name, rows: seen, bytes: rows.consumed(), of_bytes: export.bytes });
        }
        Ok(tally)
    }

    async fn chunk(
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

/// Why a line is not decided about.
enum Refusal {
    /// It is no row.
    NoRow(Place, Issue),
    /// A value cannot be right.
    CannotBe(Box<Source>, Issue),
}

/// As many rows as are decided together, and whether the file is over.
fn next_lines(export: &Export, rows: &mut Rows, seen: u64, most: usize) -> Result<(Vec<Line>, bool), ReadError> {
    let mut lines = Vec::new();
    let mut bytes = 0;
    while lines.len() < most && bytes < CHUNK_BYTES {
        let Some(record) = rows.next_row()? else { return Ok((lines, true)) };
        bytes += record.bytes;
        let row = seen + lines.len() as u64 + 1;
        lines.push(Line { place: Place { file: export.name.clone(), line: record.line, row }, row: record.row });
    }
    Ok((lines, false))
}

/// What is known of these, and the organizations that it speaks of.
async fn look_up(
    tx: &mut SystemTx,
    keys: &Keys,
    mut facts: Vec<Fact>,
    operator: Option<OrgId>,
    mapping: &Mapping,
) -> Result<(Vec<Fact>, BTreeSet<Uuid>), DbError> {
    facts.extend(store::look_up(tx, keys).await?);
    let mut orgs: BTreeSet<Uuid> = facts.iter().map(Fact::org).chain(mapping.targets()).collect();
    orgs.extend(&keys.ids);
    orgs.extend(operator.map(OrgId::uuid));
    facts.extend(store::organizations(tx, &orgs).await?);
    Ok((facts, orgs))
}

fn keys_of(rows: &[Result<Prepared, Refusal>]) -> Keys {
    let mut keys = Keys::default();
    for row in rows.iter().flatten() {
        add_keys(&mut keys, row);
    }
    keys
}

fn add_keys(keys: &mut Keys, row: &Prepared) {
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

/// Tells every issue, without holding all of them.
async fn tell_all(
    tx: &mut SystemTx,
    rehearsal: bool,
    run: Uuid,
    listener: Option<Listener<'_>>,
) -> Result<(), ImportError> {
    const PAGE: i64 = 1000;
    let Some(listener) = listener else { return Ok(()) };
    let mut last: Option<IssueLine> = None;
    loop {
        let page = store::issues_after(tx, rehearsal, run, last.as_ref(), PAGE).await?;
        page.iter().for_each(&mut *listener);
        match page.into_iter().last() {
            Some(issue) => last = Some(issue),
            None => return Ok(()),
        }
    }
}

impl Importer {
    /// Takes rows of one organization. Answers which of them the database would not have, and why.
    async fn take(&self, run: Uuid, org: OrgId, planned: &mut [Planned]) -> Result<Vec<(usize, Issue)>, ImportError> {
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
    fn waiting<'a>(&self, source: &'a Source, issue: &'a Issue) -> Result<NewWaiting<'a>, ImportError> {
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

// --- what waits ----------------------------------------------------------------------------------------------------------

/// What came of a row that waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// It was taken for this organization.
    Taken(OrgId),
    /// It waits still.
    StillWaits(Issue),
}

/// Rows that wait, oldest first, after one of them.
pub async fn list_waiting(
    tenancy: &Tenancy,
    after: Option<WaitingId>,
    limit: i64,
) -> Result<Vec<Waiting>, ImportError> {
    let mut tx = tenancy.system("an operator looks at rows that no organization was found for").await?;
    let rows = store::waiting(&mut tx, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}

/// How many rows wait.
pub async fn count_waiting(tenancy: &Tenancy) -> Result<i64, ImportError> {
    let mut tx = tenancy.system("count rows that no organization was found for").await?;
    let count = store::count_waiting(&mut tx).await?;
    tx.commit().await?;
    Ok(count)
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
    let mut tx = importer.tenancy.system("an operator says whose a row is").await?;
    let found = store::find_waiting(&mut tx, id).await?;
    tx.commit().await?;
    let (waiting, sealed) = found.ok_or(ImportError::NotFound)?;
    let plain = importer.key.open(&seal_place(waiting.table, waiting.source_id), &sealed)?;
    let row: Row = serde_json::from_slice(&plain).map_err(|_| ImportError::Unreadable)?;
    let source = Source::of(waiting.table, row, waiting.place.clone());
    let digest = source.digest.clone();
    let verdict = match prepare(source, mapping, importer.clock.now()) {
        Err((_, issue)) => Err(issue),
        // Boxed, as below: what is in it would be carried through every caller's stack.
        Ok(row) => Box::pin(importer.decide_again(mapping, row, &waiting, org)).await?,
    };
    let now = importer.clock.now();
    let mut tx = importer.tenancy.system("note what came of a row that waited").await?;
    let assigned = match verdict {
        Ok(org) => {
            store::settle_waiting(&mut tx, &[(waiting.table, waiting.source_id, &digest, org)], now).await?;
            let detail = json!({ "table": waiting.table, "row": waiting.source_id });
            audit::record_system(&mut tx, org, actor, "import.assigned", Some(&id.to_string()), detail).await?;
            Assigned::Taken(org)
        }
        Err(issue) => {
            store::note_still_waiting(&mut tx, id, &issue).await?;
            Assigned::StillWaits(issue)
        }
    };
    tx.commit().await?;
    Ok(assigned)
}

impl Importer {
    /// Takes a row that waited, or says why it waits still.
    async fn decide_again(
        &self,
        mapping: &Mapping,
        row: Prepared,
        waiting: &Waiting,
        named: Option<OrgId>,
    ) -> Result<Result<OrgId, Issue>, ImportError> {
        let mut keys = Keys::default();
        add_keys(&mut keys, &row);
        keys.ids.extend(named.map(OrgId::uuid));
        let mut tx = self.tenancy.system(REASON).await?;
        let mut known = Known::default();
        let operator = operator_organization(&self.tenancy).await?;
        let (facts, _) = look_up(&mut tx, &keys, Vec::new(), operator, mapping).await?;
        tx.commit().await?;
        for fact in facts {
            known.learn(fact);
        }
        let named_id = named.map(OrgId::uuid);
        let view = View { known: &known, mapping, operator, named: named_id, run: waiting.run, pass: Pass::Any };
        let taking = match decide(&row, &view) {
            Some(Verdict::Take(taking)) => taking,
            Some(Verdict::Done(taking)) => return Ok(Ok(taking.org)),
            Some(Verdict::Wait(issue)) => return Ok(Err(issue)),
            // Taken meanwhile, by an import that knew more.
            Some(Verdict::AlreadyThere) => return owner_of(&row, named, operator).map(Ok),
            None => return Err(ImportError::NotFound),
        };
        let event = event_of(&row, &taking, &known, mapping)?.map(|(event, _)| event);
        let org = taking.org;
        let mut planned = [Planned { row, taking, event }];
        let refused = self.take(waiting.run, org, &mut planned).await?;
        Ok(refused.into_iter().next().map_or(Ok(org), |(_, issue)| Err(issue)))
    }
}

/// Whose a row is that is there already.
fn owner_of(row: &Prepared, named: Option<OrgId>, operator: Option<OrgId>) -> Result<OrgId, ImportError> {
    let by_row = row.org.map(OrgId::from_uuid);
    let by_kind = operator.filter(|_| matches!(row.content, Content::Booking(_)));
    named.or(by_row).or(by_kind).ok_or(ImportError::NoSuchOrganization)
}

/// What came of all rows that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reconsidered {
    /// Were taken.
    pub taken: u64,
    /// Wait still.
    pub waiting: u64,
}

/// Decides again about every row that waits, after numbers or agents were added, or with a mapping that says more. Calls come
/// before what was said in them, because ids follow time only within a run.
pub async fn reconsider(importer: &Importer, mapping: &Mapping, actor: Actor) -> Result<Reconsidered, ImportError> {
    const PAGE: i64 = 200;
    let mut sum = Reconsidered::default();
    // One row may tell whose another is: until a round finds nothing more.
    loop {
        let mut round = Reconsidered::default();
        let mut after = None;
        loop {
            let page = list_waiting(&importer.tenancy, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for waiting in page {
                match assign_waiting(importer, mapping, actor, waiting.id, None).await {
                    Ok(Assigned::Taken(_)) => round.taken += 1,
                    Ok(Assigned::StillWaits(_)) => round.waiting += 1,
                    // Somebody else settled it meanwhile.
                    Err(ImportError::NotFound) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        sum.taken += round.taken;
        sum.waiting = round.waiting;
        if round.taken == 0 || round.waiting == 0 {
            return Ok(sum);
        }
    }
}

//! One import of one folder: its files in their order, each from where an interrupted run left it.

use std::collections::{BTreeMap, HashMap};

use platform::ids::OrgId;
use platform::tenancy::SystemTx;
use uuid::Uuid;

use super::{ImportError, Importer, Listener, Progress, REASON, Watch};
use crate::mapping::Mapping;
use crate::model::{Issue, Pass, Place, Table};
use crate::reading::{Export, Folder, ReadError, Row, Rows};
use crate::report::{LegTally, Report};
use crate::store::{self, IssueLine};

/// Bytes of rows that are held at once, about.
const CHUNK_BYTES: u64 = 4 << 20;

/// One reading of one file.
pub(super) struct Leg<'a> {
    pub(super) number: i32,
    pub(super) export: &'a Export,
    pub(super) pass: Pass,
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

pub(super) struct Run<'a> {
    pub(super) importer: &'a Importer,
    pub(super) mapping: &'a Mapping,
    pub(super) operator: Option<OrgId>,
    pub(super) id: Uuid,
    /// The one transaction of a dry run.
    pub(super) rehearsal: Option<SystemTx>,
    /// Rows waited when the run began, which may find their organization now.
    pub(super) had_waiting: bool,
}

/// A row as it was read, or why it is none.
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) row: Result<Row, Issue>,
}

impl Run<'_> {
    pub(super) async fn folder(
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

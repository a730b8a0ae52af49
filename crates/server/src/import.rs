//! `voxanne import …`: moving in from the original system.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::import::actions::{self, Assigned, CHUNK_ROWS, Chosen, Importer, Progress};
use ::import::mapping::Mapping;
use ::import::model::{Reason, Table};
use ::import::reading::Folder;
use ::import::report::Report;
use ::import::{Alike, IssueLine, Waiting, WaitingId};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use identity::organizations::actions::operator_organization;
use platform::audit::Actor;
use platform::clock::Clock;
use platform::config::Config;
use platform::ids::OrgId;
use serde_json::json;

use crate::cli::say;
use crate::database::{self, Database};

/// Rows of a page of those that wait.
const PAGE: i64 = 500;
/// Without a terminal, a line is written whenever this many rows more have been read.
const ROWS_A_LINE: u64 = 50_000;

/// Import commands.
#[derive(Subcommand, Debug)]
pub enum ImportCommand {
    /// Takes exports of the original system's tables, CSV or JSON. The same again does nothing twice; interrupted, it goes on
    /// where it was.
    Original(OriginalArguments),
    /// Lists rows that wait for somebody to decide.
    Waiting {
        /// Counts them by table, column and reason instead.
        #[arg(long)]
        by_reason: bool,
        /// Prints one JSON object a row.
        #[arg(long)]
        json: bool,
    },
    /// Gives waiting rows to an organization, or decides again about all of them by the rules.
    Assign(AssignArguments),
    /// Drops waiting rows: what they say is deleted for good, and a later export with the same rows has them refused.
    Drop(ChosenArguments),
}

/// Options of `import original`.
#[derive(Args, Debug)]
pub struct OriginalArguments {
    /// The folder with the exports, each file named after its table.
    #[arg(long)]
    from: PathBuf,
    /// Reads, decides and reports the same, and writes nothing.
    #[arg(long)]
    dry_run: bool,
    /// What you know of rows that do not say it: zone of times, organizations, numbers, agents, single calls and rows.
    #[arg(long)]
    map: Option<PathBuf>,
    /// Writes the report as JSON lines: every row that waits, was refused or deserves a look, with file, line, column and
    /// reason; the sums last.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Options of `import assign`.
#[derive(Args, Debug)]
pub struct AssignArguments {
    #[command(flatten)]
    chosen: ChosenArguments,
    /// The organization to give them to.
    #[arg(long, required_unless_present = "again")]
    org: Option<OrgId>,
    /// Decides again about every waiting row, with what is known by now.
    #[arg(long, conflicts_with_all = ["rows", "reason", "org"])]
    again: bool,
    /// What you know of rows that do not say it.
    #[arg(long)]
    map: Option<PathBuf>,
}

/// Which waiting rows are meant.
#[derive(Args, Debug)]
pub struct ChosenArguments {
    /// Waiting rows, as `import waiting` names them.
    rows: Vec<WaitingId>,
    /// All rows that wait for this reason, as `import waiting --by-reason` names it.
    #[arg(long, conflicts_with = "rows", requires = "table", value_parser = reason_of)]
    reason: Option<Reason>,
    /// Of this table.
    #[arg(long, requires = "reason", value_parser = table_of)]
    table: Option<Table>,
    /// In this column; without it, those whose reason is about the whole row.
    #[arg(long, requires = "reason", default_value = "", hide_default_value = true)]
    column: String,
}

impl ChosenArguments {
    fn chosen(&self) -> anyhow::Result<Chosen> {
        if let (Some(reason), Some(table)) = (self.reason, self.table) {
            return Ok(Chosen::Alike(Alike { table, column: self.column.clone(), reason }));
        }
        anyhow::ensure!(!self.rows.is_empty(), "name waiting rows, or a reason and a table");
        Ok(Chosen::These(self.rows.clone()))
    }
}

fn reason_of(code: &str) -> Result<Reason, &'static str> {
    Reason::of_code(code).ok_or("there is no such reason")
}

fn table_of(name: &str) -> Result<Table, &'static str> {
    Table::named(name).ok_or("there is no such table")
}

/// Runs an import command. An import fails when not every row is accounted for, an assignment when the row waits still.
pub async fn run(config: &Config, command: ImportCommand) -> anyhow::Result<ExitCode> {
    let database = Database::for_command(config).await?;
    let done = async {
        database.prepare().await?;
        let tenancy = database.tenancy(4).await?;
        let key = database::master_key(config)?;
        let importer = Importer { tenancy, clock: Clock::system(), key, chunk_rows: CHUNK_ROWS };
        match command {
            ImportCommand::Original(arguments) => original(&importer, &arguments).await,
            ImportCommand::Waiting { by_reason: true, json } => by_reason(&importer, json).await,
            ImportCommand::Waiting { by_reason: false, json } => waiting(&importer, json).await,
            ImportCommand::Assign(arguments) => assign(&importer, &arguments).await,
            ImportCommand::Drop(chosen) => drop_rows(&importer, &chosen.chosen()?).await,
        }
    }
    .await;
    database.close().await?;
    done
}

async fn original(importer: &Importer, arguments: &OriginalArguments) -> anyhow::Result<ExitCode> {
    let mapping = mapping(arguments.map.as_deref())?;
    let folder = Folder::open(&arguments.from)?;
    let mut file = arguments.report.as_deref().map(ReportFile::create).transpose()?;
    let mut terminal = Terminal::new();
    let mut failed = None;
    let report = {
        let mut write = |issue: &IssueLine| {
            if let Some(file) = &mut file
                && failed.is_none()
            {
                failed = file.write(issue).err();
            }
        };
        let watch = &mut |progress: Progress<'_>| terminal.show(&progress);
        actions::import_folder(importer, &folder, &mapping, arguments.dry_run, watch, Some(&mut write)).await
    };
    terminal.clear();
    let report = report?;
    if let Some(error) = failed {
        return Err(error.context("the report could not be written; the import itself is done"));
    }
    if let Some(file) = file {
        file.finish(&report)?;
    }
    if arguments.json {
        say(&format!("{}\n", serde_json::to_string(&report)?));
    } else {
        say(&report.text());
    }
    Ok(if report.complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn waiting(importer: &Importer, json: bool) -> anyhow::Result<ExitCode> {
    let mut after = None;
    loop {
        let page = actions::list_waiting(&importer.tenancy, None, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(ExitCode::SUCCESS) };
        after = Some(last.id);
        for row in &page {
            say(&if json { format!("{}\n", serde_json::to_string(row)?) } else { line(row) });
        }
    }
}

fn line(row: &Waiting) -> String {
    let column = if row.column.is_empty() { String::new() } else { format!("{} ", row.column) };
    format!("{}  {}  {}: {column}{}\n", row.id, row.place, row.table, row.reason.sentence())
}

async fn by_reason(importer: &Importer, json: bool) -> anyhow::Result<ExitCode> {
    for (Alike { table, column, reason }, rows) in actions::waiting_by_reason(&importer.tenancy).await? {
        let code = reason.code();
        say(&if json {
            format!("{}\n", json!({ "table": table, "column": column, "reason": reason, "rows": rows }))
        } else if column.is_empty() {
            format!("{rows} rows  --table {table} --reason {code}: {}\n", reason.sentence())
        } else {
            format!("{rows} rows  --table {table} --column {column} --reason {code}: {column} {}\n", reason.sentence())
        });
    }
    Ok(ExitCode::SUCCESS)
}

async fn drop_rows(importer: &Importer, chosen: &Chosen) -> anyhow::Result<ExitCode> {
    let noted_in = operator_organization(&importer.tenancy).await?;
    let noted_in = noted_in.context("there is no operator's organization yet, in whose audit list this is noted")?;
    let dropped = actions::drop_chosen(importer, Actor::System, noted_in, chosen).await?;
    say(&format!("{dropped} rows were dropped.\n"));
    Ok(ExitCode::SUCCESS)
}

async fn assign(importer: &Importer, arguments: &AssignArguments) -> anyhow::Result<ExitCode> {
    let mapping = mapping(arguments.map.as_deref())?;
    let Some(org) = arguments.org else {
        let sum = actions::reconsider(importer, &mapping, Actor::System).await?;
        say(&format!("{} rows were taken, {} wait still.\n", sum.taken, sum.waiting));
        return Ok(ExitCode::SUCCESS);
    };
    let chosen = arguments.chosen.chosen()?;
    // Of one row the reason is told.
    let row = match &chosen {
        Chosen::These(rows) if rows.len() == 1 => rows[0],
        _ => return assign_all(importer, &mapping, &chosen, org).await,
    };
    match actions::assign_waiting(importer, &mapping, Actor::System, row, Some(org)).await? {
        Assigned::Taken(org) => {
            say(&format!("The row belongs to organization {org}.\n"));
            Ok(ExitCode::SUCCESS)
        }
        Assigned::StillWaits(issue) => {
            say(&format!("The row waits still: {} {}.\n", issue.column, issue.reason.sentence()));
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn assign_all(importer: &Importer, mapping: &Mapping, chosen: &Chosen, org: OrgId) -> anyhow::Result<ExitCode> {
    let sum = actions::assign_chosen(importer, mapping, Actor::System, chosen, org, u64::MAX).await?;
    say(&format!("{} rows belong to organization {org}, {} wait still.\n", sum.taken, sum.waiting));
    Ok(if sum.waiting == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn mapping(path: Option<&Path>) -> anyhow::Result<Mapping> {
    Ok(path.map(Mapping::read).transpose()?.unwrap_or_default())
}

/// The report as a file of JSON lines.
struct ReportFile(BufWriter<File>);

impl ReportFile {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self(BufWriter::new(file)))
    }

    fn write(&mut self, line: &impl serde::Serialize) -> anyhow::Result<()> {
        serde_json::to_writer(&mut self.0, line)?;
        Ok(self.0.write_all(b"\n")?)
    }

    fn finish(mut self, report: &Report) -> anyhow::Result<()> {
        self.write(&json!({ "report": report }))?;
        Ok(self.0.flush()?)
    }
}

/// Shows how far the import is: one line that changes on a terminal, and a plain line now and then elsewhere.
struct Terminal {
    changes_in_place: bool,
    file: String,
    rows_shown: u64,
    is_dirty: bool,
}

impl Terminal {
    fn new() -> Self {
        Self { changes_in_place: std::io::stderr().is_terminal(), file: String::new(), rows_shown: 0, is_dirty: false }
    }

    fn show(&mut self, progress: &Progress<'_>) {
        if progress.file != self.file {
            progress.file.clone_into(&mut self.file);
            self.rows_shown = 0;
        }
        let percent = (progress.bytes * 100).checked_div(progress.of_bytes).map_or(100, |percent| percent.min(100));
        let text = format!("{}: {} rows, {percent} %", progress.file, progress.rows);
        if self.changes_in_place {
            tell(&format!("\r\x1b[2K{text}"));
            self.is_dirty = true;
        } else if progress.rows >= self.rows_shown + ROWS_A_LINE {
            self.rows_shown = progress.rows;
            tell(&format!("{text}\n"));
        }
    }

    fn clear(&self) {
        if self.is_dirty {
            tell("\r\x1b[2K");
        }
    }
}

/// Beside the report, which scripts read from standard output.
#[expect(clippy::print_stderr, reason = "progress is for who looks on")]
fn tell(text: &str) {
    eprint!("{text}");
}

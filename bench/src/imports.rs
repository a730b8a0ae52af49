//! Moving in from the original system: a folder of exports is made, imported, and imported once more.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;

use crate::sections::mega;
use crate::stage::{Stage, org_id};
use crate::{Options, machine, say};

/// How often the importing process is looked at.
const LOOKS: Duration = Duration::from_millis(200);

/// Measures the import of calls, their live state and what was said in them.
pub fn run(stage: &Stage, options: &Options) -> anyhow::Result<()> {
    let folder = options.dir.join("export");
    std::fs::create_dir(&folder)?;
    let bytes = write_export(&folder, u64::from(options.import_rows))?;
    say(&format!("\nimport: {} rows, {:.0} MB of CSV", options.import_rows, mega(bytes)));
    say(
        "\n| import | seconds | rows/s | imported | merged | there already | waiting | peak memory MB | PostgreSQL CPU s | others |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|");
    for name in ["the first time", "the same again"] {
        import(stage, &folder, name, u64::from(options.import_rows))?;
    }
    Ok(())
}

fn import(stage: &Stage, folder: &Path, name: &str, rows: u64) -> anyhow::Result<()> {
    let folder = folder.to_str().context("a directory with an odd name")?;
    let mut command = stage.command(&["import", "original", "--from", folder, "--json"]);
    let (before, began) = (stage.meter()?, Instant::now());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut peak = 0;
    let status = loop {
        // Gone between the two looks, it says nothing more.
        peak = machine::peak(child.id()).unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(LOOKS);
    };
    let (took, spent) = (began.elapsed().as_secs_f64(), before.until(&stage.meter()?));
    let mut printed = String::new();
    child.stdout.take().context("no output")?.read_to_string(&mut printed)?;
    anyhow::ensure!(status.success(), "the import failed: {status}");
    let report: Value = serde_json::from_str(&printed)?;
    let tables = report["tables"].as_object().context("no tables")?;
    let sum = |count: &str| tables.values().filter_map(|table| table[count].as_u64()).sum::<u64>();
    anyhow::ensure!(sum("read") == rows, "{} rows of {rows} were read", sum("read"));
    say(&format!(
        "| {name} | {took:.1} | {:.0} | {} | {} | {} | {} | {:.0} | {:.1} | {:.0} % |",
        rows as f64 / took,
        sum("imported"),
        sum("merged"),
        sum("already_there"),
        sum("quarantined"),
        mega(peak),
        spent.postgres.as_secs_f64(),
        spent.others * 100.0
    ));
    Ok(())
}

/// Of ten rows six are calls, two the live state of calls, two what was said in them. Of ten calls eight state their
/// organization, the others have an agent that does, and one in a hundred has nothing and waits. Answers the bytes.
fn write_export(folder: &Path, rows: u64) -> anyhow::Result<u64> {
    let (tracked, said) = (rows / 5, rows / 5);
    let calls = rows - tracked - said;
    let head =
        "id,org_id,agent_id,vapi_call_id,status,created_at,duration_seconds,call_type,from_number,to_number,summary";
    let mut bytes = write_file(&folder.join("call_logs.csv"), head, calls, |number| {
        let (org, agent) = match number % 100 {
            99 => (String::new(), String::new()),
            _ if number % 10 < 8 => (org_id(number), org_id(number)),
            _ => (String::new(), org_id(number)),
        };
        format!(
            "{},{org},{agent},original-{number},completed,{},176,inbound,+12025550118,+447700900143,\
             \"The caller moved an appointment to Thursday, and asked whether to bring papers. Nothing is open.\"",
            row_id(1, number),
            time(number)
        )
    })?;
    let head = "id,org_id,vapi_call_id,status,created_at,phone";
    bytes += write_file(&folder.join("call_tracking.csv"), head, tracked, |number| {
        let (id, org, at) = (row_id(2, number), org_id(number), time(number));
        format!("{id},{org},original-{number},completed,{at},+12025550118")
    })?;
    let head = "id,call_id,speaker,text,timestamp";
    bytes += write_file(&folder.join("call_transcripts.csv"), head, said, |number| {
        let (id, call, speaker) =
            (row_id(3, number), row_id(1, number / 8), if number % 2 == 0 { "agent" } else { "customer" });
        let text = "I would like to move my appointment from Tuesday to Thursday, in the afternoon if there is room.";
        format!("{id},{call},{speaker},\"{text}\",{}", time(number / 8))
    })?;
    Ok(bytes)
}

fn write_file(path: &Path, head: &str, rows: u64, row: impl Fn(u64) -> String) -> anyhow::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "{head}")?;
    for number in 0..rows {
        writeln!(file, "{}", row(number))?;
    }
    file.flush()?;
    Ok(std::fs::metadata(path)?.len())
}

fn row_id(table: u64, number: u64) -> String {
    format!("{table}0000000-0000-4000-8000-{number:012}")
}

/// Somewhere in 2025, a few seconds after the one before.
fn time(number: u64) -> String {
    let second = number * 7 % (360 * 86_400);
    let (day, rest) = (second / 86_400, second % 86_400);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("2025-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day / 30 + 1, (day % 30).min(27) + 1)
}

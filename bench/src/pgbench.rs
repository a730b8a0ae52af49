//! pgbench on the same cluster, as the same login, over the unix socket. The measure of what the database alone can do.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Context as _;

use crate::bodies::{CALL_PREFIX, FIRST_STAMP, Kind, Template, sql_text, sql_variable};
use crate::stage::{Stage, feed, org_expression};

/// A transaction and the variables that it is given.
pub struct Script {
    text: String,
    variables: Vec<(&'static str, String)>,
}

/// What pgbench reported.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Transactions.
    pub done: u64,
    /// Transactions per second, without the time to connect.
    pub rate: f64,
    /// Mean milliseconds of one.
    pub mean: f64,
}

/// Runs a script.
pub fn run(stage: &Stage, script: &Script, clients: u32, seconds: u32) -> anyhow::Result<Outcome> {
    // pgbench reads no script from standard input.
    let file = stage.socket_dir().with_file_name("script.sql");
    std::fs::write(&file, &script.text)?;
    let mut command = Command::new(stage.pg_bin.join("pgbench"));
    command
        .args(["-n", "-M", "prepared", "-j", "1", "-U", "voxanne_app", "-d", "voxanne", "-f"])
        .arg(&file)
        .args(["-c", &clients.to_string(), "-T", &seconds.to_string(), "-h"])
        .arg(stage.socket_dir());
    for (name, value) in &script.variables {
        command.arg("-D").arg(format!("{name}={value}"));
    }
    let output = feed(&mut command, "")?;
    let text = String::from_utf8(output.stdout)?;
    let complaints = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(!complaints.contains("aborted"), "pgbench: {complaints}");
    let number = |before: &str| -> anyhow::Result<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(before)).context("pgbench said something new")?;
        Ok(line.split_whitespace().next().context("pgbench said nothing")?.parse()?)
    };
    Ok(Outcome {
        done: number("number of transactions actually processed: ")? as u64,
        rate: number("tps = ")?,
        mean: number("latency average = ")?,
    })
}

/// `\set call`: which call the next event is about.
fn next_call(kind: Kind, first: u64, calls: u64, clients: u32) -> String {
    if kind.repeats() {
        format!("\\set call random({first}, {})\n", first + calls - 1)
    } else {
        // `n` is one of the client's own variables and keeps its value between transactions.
        format!("\\set n :n + 1\n\\set call {first} + :client_id + {clients} * (:n - 1)\n")
    }
}

/// The ingest function, called as the server calls it, with what the server would send.
pub fn ingest(kind: Kind, template: &Template, first: u64, calls: u64, clients: u32) -> anyhow::Result<Script> {
    let event = template.event()?;
    let facts = serde_json::to_string(&event.facts)?;
    let stored = zstd::bulk::compress(&event.body, 1)?;
    let transcript = event.transcript.as_ref().map(serde_json::to_string).transpose()?;
    let spoken = if transcript.is_some() { ":transcript" } else { "null" };
    let mut text = next_call(kind, first, calls, clients);
    writeln!(text, "\\set stamp random({FIRST_STAMP}, {})", FIRST_STAMP + 9_999_999_999)?;
    let digest = event.facts_digest.as_deref().map_or_else(|| "null".to_owned(), |digest| format!("'{digest}'"));
    writeln!(
        text,
        "select outcome, org_id, call_id, live_seq, stored from ingest_event('vapi', {org}, {org}, '{kind}', {key}, {digest}, \
         '{CALL_PREFIX}' || (:call)::text, gen_random_uuid(), to_timestamp(:stamp / 1000.0), :body::bytea, {bytes}, ({facts})::jsonb, {spoken});",
        org = org_expression(":call"),
        kind = event.type_text,
        key = sql_text(&event.dedup_key),
        bytes = event.body.len(),
        facts = sql_variable("facts", &facts),
    )?;
    let hex = stored.iter().fold(String::from("\\x"), |mut hex, byte| {
        // Writing into a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let mut variables = vec![("n", "0".into()), ("facts", facts), ("body", hex)];
    variables.extend(transcript.map(|transcript| ("transcript", transcript)));
    Ok(Script { text, variables })
}

/// The naive function of `naive.sql` with the raw body as jsonb.
pub fn naive(template: &Template, first: u64, calls: u64, clients: u32) -> anyhow::Result<Script> {
    let mut text = next_call(Kind::Report, first, calls, clients);
    writeln!(
        text,
        "select naive.ingest({org}, '{CALL_PREFIX}' || (:call)::text, 'report-' || (:call)::text, :body::jsonb);",
        org = org_expression(":call")
    )?;
    let body = String::from_utf8(template.body.clone())?;
    Ok(Script { text, variables: vec![("n", "0".into()), ("body", body)] })
}

/// The first page of the list of calls, as the server asks for it.
pub fn list(org: &str) -> Script {
    let text = format!(
        "select id, provider_call_id, direction, status, from_number, to_number, caller_name, at, started_at, ended_at,
                duration_seconds, ended_reason, ended_class, outcome, cost_micros, currency, summary, recording_state,
                agent_name
           from list_calls('{org}', 21, null, null, null, null, null, null, null);\n"
    );
    Script { text, variables: Vec::new() }
}

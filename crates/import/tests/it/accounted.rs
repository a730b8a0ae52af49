//! Every row is accounted for, whatever has happened to the files.

use std::fmt::Write as _;

use import::actions::{Progress, import_folder};
use import::mapping::Mapping;
use import::model::Table;
use import::reading::Folder;
use proptest::prelude::*;
use proptest::test_runner::Config;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::support::{Move, call_log, counts, id, org, tally, with, without_run};

/// Exports in each format that is read, of rows that are mostly right.
fn files() -> Vec<(&'static str, String)> {
    let stated = |number: u128| {
        with(call_log(number), json!({ "org_id": org(1 + number % 2), "transcript": "AI: Hello\nUser: \"Hi\"" }))
    };
    let logs: Vec<String> = (0..8).map(|number| stated(number).to_string()).collect();
    let calls: Vec<Value> = (4..10)
        .map(|number| {
            json!({ "id": id("call", number), "org_id": org(1 + number % 2), "vapi_call_id": format!("call-{number}"),
                              "call_date": "2025-12-01T10:00:00Z", "status": "completed", "cost": 0.12 })
        })
        .collect();
    let mut tracking = "id,org_id,vapi_call_id,status,called_at,duration_seconds,metadata\r\n".to_owned();
    let mut leads = "id,org_id,contact_name,phone\n".to_owned();
    for number in 2..10_u128 {
        let (id, org) = (id("tracking", number), org(1 + number % 2));
        write!(
            tracking,
            "{id},{org},call-{number},completed,2025-12-01 10:00:00+00,{number},\"{{\"\"a\"\": \"\"b,\nc\"\"}}\"\r\n"
        )
        .unwrap();
        writeln!(leads, "{id},{org},\"Obi, \"\"Amara\"\"\",+4477009001{number:02}").unwrap();
    }
    vec![
        ("call_logs.jsonl", logs.join("\n")),
        ("calls.json", Value::Array(calls).to_string()),
        ("call_tracking.csv", tracking),
        ("leads.csv", leads),
    ]
}

/// Damages a file as disks, editors and people do.
fn damage(content: &str, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = content.as_bytes().to_vec();
    for _ in 0..rng.random_range(0..6) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..7) {
            0 => bytes[at] = rng.random(),
            1 => {
                bytes.insert(at, *[b'"', b'\n', b',', 0, b'{', b'\\', 0xff, b'-'].get(rng.random_range(0..8)).unwrap());
            }
            2 => {
                bytes.remove(at);
            }
            3 => bytes.truncate(at),
            4 => {
                let piece = bytes[at..(at + 40).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => {
                bytes.drain(at..(at + 30).min(bytes.len()));
            }
            _ => {
                let line: Vec<u8> = bytes.split(|byte| *byte == b'\n').next().unwrap().to_vec();
                bytes.extend(b"\n");
                bytes.extend(line);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(Config { cases: 16, max_shrink_iters: 0, ..Config::default() })]

    #[test]
    fn every_row_of_damaged_files_is_accounted_for_and_a_dry_run_foresees_it(seed in any::<u64>(), chunk_rows in 1_usize..12) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut moving = Move::new().await;
            moving.importer.chunk_rows = chunk_rows;
            moving.practices();
            for (name, content) in files() {
                moving.file(name, damage(&content, &mut rng));
            }
            let report = moving.rehearsed(&Mapping::default()).await;
            assert!(report.tables.values().all(import::report::Tally::is_accounted), "{}", report.text());
            assert_eq!(report.complete, report.broken_files.is_empty());
            let there = moving.everything().await;
            let again = moving.rehearsed(&Mapping::default()).await;
            assert_eq!(moving.everything().await, there);
            let (first, second) = (report.total(), again.total());
            assert_eq!((second.imported, second.merged), (0, 0), "{}", again.text());
            assert_eq!((second.read, second.quarantined, second.refused), (first.read, first.quarantined, first.refused));
            // What entered belongs to who is named by its row, and the rest waits or was refused.
            let kept: i64 = moving.one("select count(*) from import_rows").await;
            assert_eq!(u64::try_from(kept).unwrap(), first.imported + first.merged);
        });
    }
}

/// Memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Nothing grows with the number of rows: neither what is read, nor what a dry run remembers.
#[tokio::test]
async fn a_hundred_thousand_rows_take_the_memory_of_a_handful() {
    use std::io::Write as _;

    const LEADS: u128 = 92_000;
    const CALLS: u128 = 8_000;
    let moving = Move::new().await;
    moving.practices();
    let write = |name: &str| std::io::BufWriter::new(std::fs::File::create(moving.folder.join(name)).unwrap());
    let mut leads = write("leads.csv");
    writeln!(leads, "id,org_id,contact_name,phone,created_at").unwrap();
    for number in 0..LEADS {
        let (id, org) = (id("lead", number), org(1 + number % 2));
        writeln!(leads, "{id},{org},Amara Obi,+12025550123,2025-12-01 10:00:00+00").unwrap();
    }
    let mut calls = write("call_logs.csv");
    writeln!(
        calls,
        "id,org_id,agent_id,vapi_call_id,status,started_at,duration_seconds,call_type,from_number,transcript"
    )
    .unwrap();
    for number in 0..CALLS {
        // One in ten does not say whose it is: this file is read three times.
        let stated = if number % 10 == 0 { String::new() } else { org(1 + number % 2).to_string() };
        let agent = if number % 20 == 0 { id("agent", 1).to_string() } else { String::new() };
        writeln!(
            calls,
            "{},{stated},{agent},call-{number},completed,2025-12-01 10:00:00+00,150,inbound,+12025550123,\"AI: Good morning\n\
             User: I would like to come in on Tuesday at {number}, if that is possible.\"",
            id("log", number)
        )
        .unwrap();
    }
    drop((leads, calls));
    let folder = Folder::open(&moving.folder).unwrap();
    let (mut settled, mut most) = (0, 0);
    let mut watch = |progress: Progress<'_>| {
        if progress.rows == 5_000 && settled == 0 {
            settled = resident();
        }
        most = most.max(resident());
    };
    let report = import_folder(&moving.importer, &folder, &Mapping::default(), true, &mut watch, None).await.unwrap();
    assert!(report.complete, "{}", report.text());
    assert_eq!(counts(tally(&report, Table::Leads)), [92_000, 92_000, 0, 0, 0, 0]);
    assert_eq!(counts(tally(&report, Table::CallLogs)), [8_000, 7_600, 0, 0, 400, 0]);
    let grown = most.saturating_sub(settled);
    assert!(settled > 0 && grown < 24 << 20, "{} MiB more than after 5,000 rows", grown >> 20);
}

/// The same in earnest, with fewer rows: it is the database that works.
#[tokio::test]
async fn thousands_of_rows_go_in_and_are_there_the_next_time() {
    let moving = Move::new().await;
    moving.practices();
    let rows: Vec<Value> =
        (0..1_200_u128).map(|number| with(call_log(number), json!({ "org_id": org(1 + number % 2) }))).collect();
    moving.lines(Table::CallLogs, &rows);
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [1_200, 1_200, 0, 0, 0, 0]);
    let again = moving.run().await;
    assert_eq!(counts(tally(&again, Table::CallLogs)), [1_200, 0, 1_200, 0, 0, 0]);
    assert_eq!(without_run(&again).broken_files, Vec::<String>::new());
    assert_eq!(moving.one::<i64>("select count(*) from call_logs where status = 'ended'").await, 1_200);
}

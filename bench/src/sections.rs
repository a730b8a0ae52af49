//! The measurements, in order, and their tables.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use crate::bodies::{CALL_PREFIX, FIRST_CALL, FIRST_STAMP, Kind, Template};
use crate::http::{self, Connection};
use crate::stage::{ORGS, SECRET, Spent, Stage, org_expression};
use crate::{Options, Section, machine, pgbench, recordings, say};

/// Calls that are running while events about them come in.
const RUNNING_CALLS: u64 = 2_000;
/// Events per second that no measurement will exceed: each report needs a call of its own.
const MOST_PER_SECOND: u64 = 6_000;
/// Calls for the events before a measurement, and how long these last.
const WARM_CALLS: u64 = 6_000;
const WARM_UP: Duration = Duration::from_millis(800);
/// The schema of the naive yardstick.
const NAIVE: &str = include_str!("naive.sql");

/// Runs what was asked for.
pub async fn run(options: &Options) -> anyhow::Result<()> {
    say(&format!("machine: {}; load {}", machine::processors()?, machine::load()?));
    let size = std::fs::metadata(&options.voxanne)?.len();
    say(&format!("binary: {:.1} MB", mega(size)));
    let mut stage = Stage::set(options).await?;
    say(&format!("database: {}", stage.settings()?));
    for section in &options.only {
        match section {
            Section::Ingest => ingest(&stage, options).await?,
            Section::List => list(&stage, options).await?,
            Section::Live => live(&stage, options).await?,
            Section::Start => start(&mut stage).await?,
            Section::Backup => backup(&stage, options)?,
            Section::Recordings => recordings::run(&mut stage, options).await?,
        }
    }
    stage.stop()
}

/// One measurement of one side.
struct Sample {
    rate: f64,
    done: u64,
    spent: Spent,
    /// p50 and p99 in milliseconds; pgbench: the mean, and nothing.
    latency: (f64, f64),
}

impl Sample {
    fn server_ms(&self) -> f64 {
        self.spent.server.as_secs_f64() * 1000.0 / self.done as f64
    }

    fn postgres_ms(&self) -> f64 {
        self.spent.postgres.as_secs_f64() * 1000.0 / self.done as f64
    }
}

async fn ingest(stage: &Stage, options: &Options) -> anyhow::Result<()> {
    stage.sql(NAIVE)?;
    let rows = [
        ("2 KB transcript", Kind::Transcript, 2_000),
        ("8 KB conversation-update", Kind::Conversation, 8_000),
        ("8 KB end-of-call-report", Kind::Report, 8_000),
        ("60 KB end-of-call-report", Kind::Report, 60_000),
        ("60 KB report, words timed", Kind::TimedReport, 60_000),
    ];
    say(
        "\n| event | side | events/s median (min..max) | server / peer | server CPU ms | PostgreSQL CPU ms | sum | p50 ms | p99 ms | others |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|");
    for (name, kind, bytes) in rows {
        let template = Template::new(kind, bytes)?;
        let name = format!("{name} ({} B)", template.body.len());
        let (mut server, mut same_sql, mut naive) = (Vec::new(), Vec::new(), Vec::new());
        // Plans, caches and connections warm up outside the record.
        server_ingest(stage, options, kind, &template, 1).await?;
        for round in 0..options.rounds {
            let first = if round % 2 == 0 { 0 } else { 2 };
            for turn in 0..3 {
                match (first + if round % 2 == 0 { turn } else { 3 - turn }) % 3 {
                    0 => server.push(server_ingest(stage, options, kind, &template, options.seconds).await?),
                    1 => same_sql.push(pgbench_ingest(stage, options, kind, &template)?),
                    _ if !kind.repeats() => naive.push(naive_ingest(stage, options, &template)?),
                    _ => {}
                }
            }
        }
        print_row(&name, "server", &server, None);
        print_row(&name, "pgbench, same function", &same_sql, Some(&server));
        if !naive.is_empty() {
            print_row(&name, "pgbench, naive jsonb", &naive, Some(&server));
        }
    }
    Ok(())
}

/// Empties what events fill and makes running calls, so that every measurement begins alike.
fn prepare_calls(stage: &Stage, count: u64) -> anyhow::Result<()> {
    stage.sql(&format!(
        "truncate call_routes, call_logs, call_tracking, call_turns, call_tool_calls, provider_events, live_events,
                  call_search, call_search_queue, naive.events, naive.calls, naive.outbox cascade;
         create temp table new_calls as
           select {org} as org_id, gen_random_uuid() as id, '{CALL_PREFIX}' || n as name
             from generate_series({FIRST_CALL}, {last}) n;
         insert into call_routes (provider, provider_call_id, org_id, call_id) select 'vapi', name, org_id, id from new_calls;
         insert into call_logs (org_id, id, provider, provider_call_id, agent_id, number_id, assistant_ref, number_ref, leg_id,
                                direction, status, from_number, to_number, at, started_at)
           select org_id, id, 'vapi', name, org_id, org_id, 'bench-assistant', 'bench-number',
                  'CA0123456789abcdef0123456789abcdef', 'inbound', 'in-progress', '+12025550118', '+12025550143',
                  '2026-03-02T09:15:02.120Z', '2026-03-02T09:15:04.480Z' from new_calls;
         insert into call_tracking (org_id, id, provider, provider_call_id, agent_id, phone, status, status_rank, at, started_at,
                                    last_event_at, known)
           select org_id, id, 'vapi', name, org_id, '+12025550118', 'in-progress', 3, '2026-03-02T09:15:02.120Z',
                  '2026-03-02T09:15:04.480Z', '2026-03-02T09:15:04.480Z', 119 from new_calls;
         insert into call_search_queue (org_id, call_id) select org_id, id from new_calls;
         insert into naive.calls (org_id, call_id, status) select org_id, name, 'in-progress' from new_calls;",
        org = org_expression("n"),
        last = FIRST_CALL + count - 1
    ))?;
    // Outside the transaction above; a measurement shall not pay for what was prepared.
    stage.sql("vacuum analyze call_routes, call_logs, call_tracking, call_search_queue, live_heads")?;
    stage.sql("checkpoint")?;
    Ok(())
}

fn calls_for(kind: Kind, seconds: u32) -> u64 {
    if kind.repeats() { RUNNING_CALLS } else { u64::from(seconds) * MOST_PER_SECOND }
}

async fn server_ingest(
    stage: &Stage,
    options: &Options,
    kind: Kind,
    template: &Template,
    seconds: u32,
) -> anyhow::Result<Sample> {
    let calls = calls_for(kind, seconds);
    prepare_calls(stage, calls + WARM_CALLS)?;
    // The server's connections live for days and have their plans; emptying the tables has just cost them these.
    let warm =
        post(stage, options, kind, template, FIRST_CALL + calls..FIRST_CALL + calls + WARM_CALLS, WARM_UP).await?;
    let before = stage.meter()?;
    let events = FIRST_CALL..FIRST_CALL + calls;
    let outcome = post(stage, options, kind, template, events, Duration::from_secs(seconds.into())).await?;
    let spent = before.until(&stage.meter()?);
    expect_stored(stage, "provider_events", warm.done + outcome.done)?;
    Ok(Sample {
        rate: outcome.rate(),
        done: outcome.done,
        spent,
        latency: (outcome.percentile(0.50), outcome.percentile(0.99)),
    })
}

/// Posts events about these calls in a closed loop.
async fn post(
    stage: &Stage,
    options: &Options,
    kind: Kind,
    template: &Template,
    calls: Range<u64>,
    length: Duration,
) -> anyhow::Result<http::Outcome> {
    let clients = u64::from(options.clients);
    let heads: Vec<Vec<u8>> = stage
        .webhooks
        .iter()
        .map(|path| {
            let length = template.body.len();
            format!(
                "POST {path} HTTP/1.1\r\nhost: bench\r\nx-vapi-secret: {SECRET}\r\ncontent-type: application/json\r\n\
                 content-length: {length}\r\n\r\n"
            )
            .into_bytes()
        })
        .collect();
    let template = template.clone();
    // The warm-up must not use up the identities of the events that count.
    let stamp = AtomicU64::new(FIRST_STAMP + calls.start);
    let outcome = http::closed_loop(stage.address, options.clients, length, move |client, sent, request| {
        // 7919 is prime: the calls come in no order that repeats soon.
        let step = u64::from(client) + clients * sent * if kind.repeats() { 7919 } else { 1 };
        let call = calls.start + step % (calls.end - calls.start);
        let org = usize::try_from(call % ORGS).unwrap_or_default();
        request.extend_from_slice(&heads[org]);
        template.fill(call, stamp.fetch_add(1, Ordering::Relaxed), request);
    })
    .await?;
    anyhow::ensure!(outcome.refused == 0, "{} events were refused", outcome.refused);
    Ok(outcome)
}

fn pgbench_ingest(stage: &Stage, options: &Options, kind: Kind, template: &Template) -> anyhow::Result<Sample> {
    let calls = calls_for(kind, options.seconds);
    prepare_calls(stage, calls)?;
    let script = pgbench::ingest(kind, template, FIRST_CALL, calls, options.clients)?;
    let sample = pgbench_sample(stage, options, &script)?;
    expect_stored(stage, "provider_events", sample.done)?;
    Ok(sample)
}

fn naive_ingest(stage: &Stage, options: &Options, template: &Template) -> anyhow::Result<Sample> {
    let calls = calls_for(Kind::Report, options.seconds);
    prepare_calls(stage, calls)?;
    let script = pgbench::naive(template, FIRST_CALL, calls, options.clients)?;
    let sample = pgbench_sample(stage, options, &script)?;
    expect_stored(stage, "naive.events", sample.done)?;
    Ok(sample)
}

fn pgbench_sample(stage: &Stage, options: &Options, script: &pgbench::Script) -> anyhow::Result<Sample> {
    let before = stage.meter()?;
    let outcome = pgbench::run(stage, script, options.clients, options.seconds)?;
    // Until the postmaster has noticed them, backends that have ended are counted nowhere.
    std::thread::sleep(Duration::from_millis(300));
    let spent = before.until(&stage.meter()?);
    Ok(Sample { rate: outcome.rate, done: outcome.done, spent, latency: (outcome.mean, f64::NAN) })
}

/// A number that was bought by losing events is no result.
fn expect_stored(stage: &Stage, table: &str, done: u64) -> anyhow::Result<()> {
    let stored: u64 = stage.sql(&format!("select count(*) from {table}"))?.parse()?;
    anyhow::ensure!(stored == done, "{done} events were acknowledged and {stored} are stored");
    Ok(())
}

async fn list(stage: &Stage, options: &Options) -> anyhow::Result<()> {
    let began = std::time::Instant::now();
    stage.sql(&format!(
        "insert into call_logs (org_id, id, provider, provider_call_id, direction, status, from_number, to_number, at, started_at,
                                ended_at, duration_seconds, ended_reason, ended_class, outcome, cost_micros, currency, summary)
         select case when n % 5 = 0 then '{list_org}' else {org} end, gen_random_uuid(), 'vapi', 'list-' || n, 'inbound', 'ended',
                '+1202555' || lpad((n % 100 + 100)::text, 4, '0'), '+12025550143', at, at + interval '4 s', at + interval '3 min', 176,
                'customer-ended-call', 'customer_hung_up', 'handled', 312700, 'USD',
                'The caller moved an appointment to Thursday and asked whether to bring papers. Nothing is open.'
           from (select n, timestamptz '2026-03-01' - n * interval '37 s' as at from generate_series(1, {rows}) n) calls",
        list_org = stage.list_org,
        org = org_expression("n"),
        rows = options.rows
    ))?;
    stage.sql("vacuum analyze call_logs")?;
    stage.sql("checkpoint")?;
    let rows = stage.sql("select count(*) from call_logs")?;
    let own = stage.sql(&format!("select count(*) from call_logs where org_id = '{}'", stage.list_org))?;
    say(&format!(
        "\nlist: {rows} calls, {own} of them of the organization that asks (filled in {:.0} s)",
        began.elapsed().as_secs_f64()
    ));
    let token = stage.token().await?;
    let script = pgbench::list(&stage.list_org);
    server_list(stage, options, &token, 1).await?;
    let (mut server, mut same_sql) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                server.push(server_list(stage, options, &token, options.seconds).await?);
            } else {
                same_sql.push(pgbench_sample(stage, options, &script)?);
            }
        }
    }
    say(
        "\n| list | side | answers/s median (min..max) | server / peer | server CPU ms | PostgreSQL CPU ms | sum | p50 ms | p99 ms | others |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|");
    print_row("newest 20", "server", &server, None);
    print_row("newest 20", "pgbench, same function", &same_sql, Some(&server));
    Ok(())
}

async fn server_list(stage: &Stage, options: &Options, token: &str, seconds: u32) -> anyhow::Result<Sample> {
    let request =
        format!("GET /api/v1/calls?limit=20 HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n");
    let before = stage.meter()?;
    let outcome =
        http::closed_loop(stage.address, options.clients, Duration::from_secs(seconds.into()), move |_, _, buffer| {
            buffer.extend_from_slice(request.as_bytes());
        })
        .await?;
    let spent = before.until(&stage.meter()?);
    anyhow::ensure!(outcome.refused == 0, "{} lists were refused", outcome.refused);
    Ok(Sample {
        rate: outcome.rate(),
        done: outcome.done,
        spent,
        latency: (outcome.percentile(0.50), outcome.percentile(0.99)),
    })
}

async fn live(stage: &Stage, options: &Options) -> anyhow::Result<()> {
    let token = stage.token().await?;
    let request = format!(
        "GET /api/v1/live HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    // What the first ones allocate for good is not the price of one more.
    let mut open = open_sockets(stage, &request, 200).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = machine::resident(stage.server_pid())?;
    open.extend(open_sockets(stage, &request, options.sockets).await?);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = machine::resident(stage.server_pid())?;
    say(&format!(
        "\nlive: {} idle connections, {:.2} KB resident memory each (server {:.1} MB, before {:.1} MB)",
        open.len(),
        (after as f64 - before as f64) / 1024.0 / f64::from(options.sockets),
        mega(after),
        mega(before)
    ));
    Ok(())
}

async fn open_sockets(stage: &Stage, request: &str, count: u32) -> anyhow::Result<Vec<Connection>> {
    let mut open = Vec::new();
    for _ in 0..count {
        let mut connection = Connection::open(stage.address).await.context("raise `ulimit -n`")?;
        let status = connection.upgrade(request.as_bytes()).await?;
        anyhow::ensure!(status == 101, "a live connection was answered {status}");
        open.push(connection);
    }
    Ok(open)
}

async fn start(stage: &mut Stage) -> anyhow::Result<()> {
    let mut times = Vec::new();
    for _ in 0..5 {
        times.push(stage.restart(&[]).await?.as_secs_f64() * 1000.0);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    say(&format!(
        "\nstart: ready after {} ms (median of 5 warm starts, database included); idle server {:.1} MB resident (without PostgreSQL)",
        spread(&times, 0),
        mega(machine::resident(stage.server_pid())?)
    ));
    Ok(())
}

/// Calls as they are when they have ended: the record, eight turns, and a stored report that does not compress further.
fn backup(stage: &Stage, options: &Options) -> anyhow::Result<()> {
    stage.sql(&format!(
        "truncate call_routes, call_logs, call_tracking, call_turns, call_tool_calls, provider_events, live_events,
                  call_search, call_search_queue cascade;
         insert into call_logs (org_id, id, provider, provider_call_id, direction, status, from_number, to_number, at, started_at,
                                ended_at, duration_seconds, ended_reason, ended_class, outcome, cost_micros, currency, summary)
         select {org}, gen_random_uuid(), 'vapi', 'backup-' || n, 'inbound', 'ended', '+12025550118', '+12025550143', at,
                at + interval '4 s', at + interval '3 min', 176, 'customer-ended-call', 'customer_hung_up', 'handled', 312700, 'USD',
                'The caller moved an appointment to Thursday and asked whether to bring papers. Nothing is open.'
           from (select n, timestamptz '2026-03-01' - n * interval '37 s' as at from generate_series(1, {calls}) n) calls;
         insert into call_turns (org_id, call_id, turn_key, role, text, at)
         select org_id, id, n::text, case when n % 2 = 0 then 'caller' else 'agent' end,
                'I would like to move my appointment from Tuesday to Thursday, in the afternoon if there is room. ' || n, at
           from call_logs, generate_series(1, 8) n;
         insert into provider_events (org_id, dedup_key, call_id, type, at, body, body_bytes)
         select org_id, 'report/' || id, id, 'end-of-call-report', at,
                (select decode(string_agg(md5(random()::text || id || n), ''), 'hex') from generate_series(1, 160) n), 8000
           from call_logs;",
        org = org_expression("n"),
        calls = options.backup_calls
    ))?;
    stage.sql("vacuum analyze")?;
    stage.sql("checkpoint")?;
    let size: u64 = stage.sql("select pg_database_size('voxanne')")?.parse()?;
    let (to, other) = (options.dir.join("backups"), options.dir.join("restored"));
    let to = to.to_str().context("a directory with an odd name")?;
    let taken = stage.time(stage.data(), &["backup", "--to", to])?;
    let proven = stage.time(stage.data(), &["backup", "verify", "--from", to])?;
    let restored = stage.time(&other, &["restore", "--from", to])?;
    let mut bytes = 0;
    for entry in std::fs::read_dir(to)? {
        for file in std::fs::read_dir(entry?.path())? {
            bytes += file?.metadata()?.len();
        }
    }
    say(&format!(
        "\nbackup: {} calls, database {:.0} MB, backup {:.0} MB; taken and read back in {:.1} s, restored on trial in {:.1} s, restored \
         into an empty directory in {:.1} s",
        options.backup_calls,
        mega(size),
        mega(bytes),
        taken.as_secs_f64(),
        proven.as_secs_f64(),
        restored.as_secs_f64()
    ));
    Ok(())
}

fn print_row(name: &str, side: &str, samples: &[Sample], server: Option<&[Sample]>) {
    let of = |value: fn(&Sample) -> f64| samples.iter().map(value).collect::<Vec<_>>();
    let ratio = server.map_or_else(String::new, |server| {
        // Pairs of one round: what disturbed the one disturbed the other.
        let ratios: Vec<f64> = server.iter().zip(samples).map(|(server, peer)| server.rate / peer.rate).collect();
        spread(&ratios, 2)
    });
    let p99 = median(&of(|sample| sample.latency.1));
    say(&format!(
        "| {name} | {side} | {} | {ratio} | {:.3} | {:.3} | {:.3} | {:.1} | {} | {:.0} % |",
        spread(&of(|sample| sample.rate), 0),
        median(&of(Sample::server_ms)),
        median(&of(Sample::postgres_ms)),
        median(&of(|sample| sample.server_ms() + sample.postgres_ms())),
        median(&of(|sample| sample.latency.0)),
        if p99.is_nan() { "mean".to_owned() } else { format!("{p99:.1}") },
        median(&of(|sample| sample.spent.others * 100.0)),
    ));
}

fn spread(values: &[f64], digits: usize) -> String {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    format!("{:.digits$} ({low:.digits$}..{high:.digits$})", median(values))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}

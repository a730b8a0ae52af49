//! Recordings from a provider of our own, whose sound is made as it is sent: how many are copied in a minute, what that costs in
//! memory, and what becomes of one that is too large.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::stage::{SECRET, Stage, org_id};
use crate::{Options, machine, say};

const KEY: &str = "bench-private-key-0123456789";
const MEGABYTE: u64 = 1_000_000;
/// The longest that is promised to be copied in 64 MB of memory.
const LONG: u64 = 500 * MEGABYTE;
/// An hour and a half of telephone sound in two channels.
const USUAL: u64 = 50 * MEGABYTE;
/// More than is accepted.
const TOO_LARGE: u64 = 3_000 * MEGABYTE;
/// How long one measurement may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// Bytes that are sent at once.
const PIECE: usize = 1 << 20;

/// What the provider has under a call's id, which says it all.
#[derive(Clone, Copy)]
struct Sound {
    size: u64,
    is_announced: bool,
}

impl Sound {
    fn of(size: u64) -> Self {
        Self { size, is_announced: true }
    }

    fn call_id(self, number: u64) -> String {
        format!("bench-sound-{}-{}-{number}", self.size, if self.is_announced { "announced" } else { "silent" })
    }

    fn of_path(path: &str) -> Option<Self> {
        let mut parts = path.split_once("bench-sound-")?.1.split('-');
        let (size, announced) = (parts.next()?.parse().ok()?, parts.next()? == "announced");
        Some(Self { size, is_announced: announced })
    }

    /// The head of a WAV of two channels at 48 kHz.
    fn wav_head(self) -> anyhow::Result<Vec<u8>> {
        let data = u32::try_from(self.size - 44)?;
        let mut head = b"RIFF".to_vec();
        head.extend_from_slice(&(data + 36).to_le_bytes());
        head.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
        head.extend_from_slice(&48_000_u32.to_le_bytes());
        head.extend_from_slice(&192_000_u32.to_le_bytes());
        head.extend_from_slice(b"\x04\0\x10\0data");
        head.extend_from_slice(&data.to_le_bytes());
        Ok(head)
    }
}

/// Measures. Leaves the stage as it was, without workers.
pub async fn run(stage: &mut Stage, options: &Options) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let authority = listener.local_addr()?.to_string();
    let mut provider = JoinSet::new();
    provider.spawn(answer_all(listener));
    give_key(stage, options)?;
    stage.sql(
        "truncate call_routes, call_logs, call_tracking, call_search, call_search_queue, live_events, jobs cascade",
    )?;
    let api = format!("http://{authority}");
    stage.restart_with(&[], &[("VOXANNE_VAPI_API_URL", &api), ("VOXANNE_OUTBOUND_ALLOW", &authority)]).await?;
    // What the first one needs once is not what a long one costs.
    copy(stage, Sound::of(MEGABYTE), 1, "ready").await?;

    say("\n| recordings | took s | a minute | server CPU s | memory before MB | at most more MB |");
    say("|---|---|---|---|---|---|");
    measure(stage, "1 of 500 MB", Sound::of(LONG), 1, "ready").await?;
    let many = options.recordings;
    measure(stage, &format!("{many} of 50 MB"), Sound::of(USUAL), many, "ready").await?;
    measure(stage, "1 of 3 GB, announced: refused", Sound::of(TOO_LARGE), 1, "failed too_large").await?;
    let silent = Sound { size: TOO_LARGE, is_announced: false };
    measure(stage, "1 of 3 GB, not announced: refused", silent, 1, "failed too_large").await?;

    stage.restart(&["--no-worker"]).await?;
    Ok(())
}

fn give_key(stage: &Stage, options: &Options) -> anyhow::Result<()> {
    let file = options.dir.join("provider.key");
    std::fs::write(&file, KEY)?;
    let connection = stage.webhooks[0].rsplit('/').next().context("no connection")?;
    let file = file.to_str().context("a directory with an odd name")?;
    let set = ["admin", "set-provider-key", "--org", &org_id(0), "--connection", connection, "--api-key-file", file];
    stage.time(stage.data(), &set).map(drop)
}

async fn measure(stage: &Stage, name: &str, sound: Sound, count: u64, outcome: &str) -> anyhow::Result<()> {
    let pid = stage.server_pid();
    machine::forget_peak(pid)?;
    let (before, cpu) = (machine::resident(pid)?, machine::cpu(pid)?);
    let took = copy(stage, sound, count, outcome).await?.as_secs_f64();
    let more = machine::peak(pid)?.saturating_sub(before);
    let cpu = machine::cpu(pid)?.saturating_sub(cpu).as_secs_f64();
    let megabytes = |bytes: u64| bytes as f64 / MEGABYTE as f64;
    say(&format!(
        "| {name} | {took:.1} | {:.0} | {cpu:.1} | {:.1} | {:.1} |",
        count as f64 * 60.0 / took,
        megabytes(before),
        megabytes(more)
    ));
    Ok(())
}

/// Reports calls, and waits until all of their recordings are as they should be.
async fn copy(stage: &Stage, sound: Sound, count: u64, outcome: &str) -> anyhow::Result<Duration> {
    stage.sql("truncate call_routes, call_logs, call_tracking, call_search, call_search_queue cascade")?;
    let began = Instant::now();
    let mut connection = Connection::open(stage.address).await?;
    for number in 0..count {
        let body = report(&sound.call_id(number)).to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: bench\r\nx-vapi-secret: {SECRET}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            stage.webhooks[0],
            body.len()
        );
        let status = connection.exchange(request.as_bytes()).await?;
        anyhow::ensure!(status == 200, "a report was answered {status}");
    }
    let sql = "select string_agg(distinct state || coalesce(' ' || reason, ''), ', '), count(*) from call_recordings";
    let wanted = format!("{outcome}|{count}");
    loop {
        let found = stage.sql(sql)?;
        if found == wanted {
            return Ok(began.elapsed());
        }
        anyhow::ensure!(began.elapsed() < PATIENCE, "recordings are {found}, not {wanted}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn report(call: &str) -> serde_json::Value {
    json!({ "message": {
        "type": "end-of-call-report",
        "timestamp": crate::bodies::FIRST_STAMP,
        "call": { "id": call, "type": "inboundPhoneCall" },
        "startedAt": "2026-05-28T20:26:40.000Z",
        "endedAt": "2026-05-28T20:36:40.000Z",
        "endedReason": "customer-ended-call",
        "artifact": { "recording": { "stereoUrl": "https://storage.bench.example.test/stereo.wav" } },
    }})
}

async fn answer_all(listener: TcpListener) -> anyhow::Result<()> {
    let mut answers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => { answers.spawn(answer(accepted?.0)); }
            // A server that refuses what is too large closes in the middle: no fault of the provider.
            Some(_) = answers.join_next() => {}
        }
    }
}

/// One request: the provider's route leads to the sound.
async fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        anyhow::ensure!(stream.read_buf(&mut head).await? > 0, "the request ended early");
    }
    let path = std::str::from_utf8(&head)?.split(' ').nth(1).context("no path")?;
    let sound = Sound::of_path(path).context("no such sound")?;
    if let Some(call) = path.strip_suffix("/stereo-recording") {
        let to = call.replacen("/call/", "/sound/", 1);
        let found = format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return Ok(stream.write_all(found.as_bytes()).await?);
    }
    let length = if sound.is_announced { format!("content-length: {}\r\n", sound.size) } else { String::new() };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\n{length}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let wav = sound.wav_head()?;
    stream.write_all(&wav).await?;
    let tone = [0x10, 0x20].repeat(PIECE / 2);
    let mut left = sound.size - wav.len() as u64;
    while left > 0 {
        let now = usize::try_from(left)?.min(PIECE);
        stream.write_all(&tone[..now]).await?;
        left -= now as u64;
    }
    Ok(stream.shutdown().await?)
}

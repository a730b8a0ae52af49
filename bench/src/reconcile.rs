//! Comparing with the provider: the simulator's API lists some thousand calls, of which some hundred are unknown to us.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use serde_json::{Value, json};
use simulator::{Provider, ProviderOptions};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::stage::{Spent, Stage, feed};
use crate::{Options, say};

/// Our private key at the provider.
const KEY: &str = "bench-private-key-0123456789";
/// What the calls came over.
const NUMBER: &str = "reconcile-number";
/// The calls are spread over so many hours: the provider keeps them for 14 days.
const HOURS: i64 = 7 * 24;

/// Measures three comparisons: one that knows next to nothing, one that lacks some calls, one that lacks none.
pub async fn run(stage: &Stage, options: &Options) -> anyhow::Result<()> {
    let (calls, unknown) = (i64::from(options.reconcile_calls), i64::from(options.reconcile_unknown));
    anyhow::ensure!((1..calls).contains(&unknown), "some of the calls are to be unknown, and not all");
    let desk = Desk::set(stage, options).await?;
    let now = Clock::system().now();
    // Spread evenly among the others.
    let is_unknown = |number: i64| number * unknown / calls != (number + 1) * unknown / calls;
    let put = |number| desk.provider.put("bench", call(number, calls, now));

    (0..calls).filter(|number| !is_unknown(*number)).try_for_each(put)?;
    let first = desk.compare(stage, calls - unknown, calls - unknown).await?;
    (0..calls).filter(|number| is_unknown(*number)).try_for_each(put)?;
    let heals = desk.compare(stage, calls, unknown).await?;
    let agrees = desk.compare(stage, calls, 0).await?;
    desk.clear(stage)?;

    say("\n| reconcile | calls listed | healed | seconds | requests | PostgreSQL CPU s | others |");
    say("|---|---|---|---|---|---|---|");
    first.print("nothing is known");
    heals.print("some are unknown");
    agrees.print("all are known");
    Ok(())
}

/// A provider with an account of which the installation has the key.
struct Desk {
    provider: Provider,
    /// The connection of the organization whose account it is.
    connection: String,
    _answering: JoinSet<anyhow::Result<()>>,
}

/// One comparison.
struct Compared {
    calls: i64,
    healed: i64,
    took: Duration,
    requests: usize,
    spent: Spent,
}

impl Desk {
    async fn set(stage: &Stage, options: &Options) -> anyhow::Result<Self> {
        let remembered = usize::try_from(options.reconcile_calls)?;
        let keys = vec![(KEY.to_owned(), None)];
        let provider = Provider::new(ProviderOptions { keys, remembered, ..ProviderOptions::default() });
        let mut answering = JoinSet::new();
        answering.spawn(provider.listen("127.0.0.1:0".parse()?, CancellationToken::new()).await?);
        let file = options.dir.join("provider-key");
        std::fs::write(&file, KEY)?;
        let (org, file) = (stage.list_org.as_str(), file.to_str().context("a directory with an odd name")?);
        let connect = ["admin", "connect-provider", "--org", org, "--provider", "vapi", "--secret-stdin", "--json"];
        let made = stage.voxanne(&[&connect[..], &["--api-key-file", file]].concat(), crate::stage::SECRET)?;
        let connection = made["connection_id"].as_str().context("no connection_id")?.to_owned();
        let number = ["--number", "+12025550199", "--provider-number-id", NUMBER, "--agent", "Ivy"];
        let map = ["admin", "map-number", "--org", org, "--assistant-id", "reconcile-assistant", "--json"];
        stage.voxanne(&[&map[..], &number].concat(), "")?;
        Ok(Self { provider, connection, _answering: answering })
    }

    /// Runs `voxanne reconcile` over everything. Fails unless it finds and heals what it should.
    async fn compare(&self, stage: &Stage, calls: i64, heals: i64) -> anyhow::Result<Compared> {
        let (url, allowed) = self.provider.base_url().zip(self.provider.authority()).context("no provider")?;
        let mut command = Command::from(stage.command(&["reconcile", "--json"]));
        command.env("VOXANNE_VAPI_API_URL", url).env("VOXANNE_OUTBOUND_ALLOW", allowed).kill_on_drop(true);
        let (asked, before, began) = (self.provider.requests().len(), stage.meter()?, Instant::now());
        let output = command.output().await?;
        let took = began.elapsed();
        let spent = before.until(&stage.meter()?);
        let complaint = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "the comparison failed: {complaint}");
        let reports: Value = serde_json::from_slice(&output.stdout)?;
        // Another measurement may have left a connection with a key.
        let ours = reports.as_array().and_then(|all| all.iter().find(|one| one["connection_id"] == self.connection));
        let ours = ours.context("the comparison did not report on our connection")?;
        let count = |name: &str| ours[name].as_i64().unwrap_or(-1);
        let found = (count("calls"), count("healed"), count("agreed"));
        anyhow::ensure!(found == (calls, heals, calls - heals), "calls, healed, agreed: {found:?}");
        Ok(Compared { calls, healed: heals, took, requests: self.provider.requests().len() - asked, spent })
    }

    /// Takes the key away: no other measurement shall ask.
    fn clear(&self, stage: &Stage) -> anyhow::Result<()> {
        let remove =
            ["admin", "set-provider-key", "--org", &stage.list_org, "--connection", &self.connection, "--remove"];
        feed(&mut stage.command(&remove), "")?;
        Ok(())
    }
}

impl Compared {
    fn print(&self, name: &str) {
        say(&format!(
            "| {name} | {} | {} | {:.1} | {} | {:.1} | {:.0} % |",
            self.calls,
            self.healed,
            self.took.as_secs_f64(),
            self.requests,
            self.spent.postgres.as_secs_f64(),
            self.spent.others * 100.0
        ));
    }
}

/// A call as the provider's API shows it when it is over: about 4 KB with what was said.
fn call(number: i64, calls: i64, now: Timestamp) -> Value {
    let changed = now - SignedDuration::from_millis(60_000 + number * HOURS * 3_600_000 / calls);
    let at = |seconds: i64| changed - SignedDuration::from_secs(seconds);
    let message = |place: i64| {
        let (role, text) = if place % 2 == 0 {
            (
                "bot",
                "Thank you. We have Thursday at a quarter past nine or Friday at two in the afternoon; which of them suits you better?",
            )
        } else {
            (
                "user",
                "I would like to move my appointment from Tuesday to Thursday, in the morning if there is room. Shall I bring papers?",
            )
        };
        let time = at(180 - 10 * place).as_millisecond();
        json!({"role": role, "message": text, "time": time, "secondsFromStart": 10 * place, "duration": 6_000})
    };
    json!({
        "id": format!("00000000-0000-4000-8000-{number:012}"), "type": "inboundPhoneCall", "status": "ended",
        "createdAt": at(200), "startedAt": at(190), "endedAt": at(10), "updatedAt": changed,
        "endedReason": "customer-ended-call", "customer": {"number": "+12025550143"}, "phoneNumberId": NUMBER,
        "assistantId": "reconcile-assistant", "cost": 0.3127,
        "analysis": {"summary": "The caller moved an appointment to Thursday and asked whether to bring papers. Nothing is open."},
        "artifact": {"messages": (0..16).map(message).collect::<Vec<_>>()},
    })
}

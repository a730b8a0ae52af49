//! `voxanne simulate`: the voice provider on your desk.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use simulator::{
    ApiAccess, Backoff, Credential, Faults, Kind, Pacing, Provider, ProviderOptions, SimulateOptions, Target, Truth,
    run as play, verify,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cli::{say, secret_from_file, secret_from_stdin};

/// Options of `simulate`.
#[derive(Args, Debug)]
pub struct SimulateArguments {
    /// Address of the server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The connection whose events are sent; the platform-wide one when left out.
    #[arg(long)]
    connection: Option<Uuid>,
    /// Reads the connection's webhook secret from standard input.
    #[arg(long, required_unless_present_any = ["secret_file", "only_verify"])]
    secret_stdin: bool,
    /// Reads the connection's webhook secret from a file.
    #[arg(long, conflicts_with = "secret_stdin")]
    secret_file: Option<PathBuf>,
    /// What kind of practice is played: dental, surgery, aesthetic, physio or vet.
    #[arg(long, default_value = "dental", value_parser = practice_kind)]
    practice: Kind,
    /// How many calls.
    #[arg(long, default_value_t = 10)]
    calls: u64,
    /// How many at the same time.
    #[arg(long, default_value_t = 2)]
    concurrency: u32,
    /// Times faster than life; 0 is as fast as the server answers.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// The same seed plays the same calls.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A fault and how often: late, lost, doubled, reordered, tampered, unknown-type, big-report, new-ended-reason; or
    /// `everything`. For example `--fault lost=0.1`.
    #[arg(long = "fault", value_name = "NAME=RATE")]
    faults: Vec<String>,
    /// Tries refused and unanswered events again, up to so many times. The real provider does not unless it is told to.
    #[arg(long, default_value_t = 0)]
    retries: u32,
    /// Also answers the provider's API on this address, which knows the calls and their recordings, and goes on answering
    /// after the calls until Ctrl-C. The server needs it as `VOXANNE_VAPI_API_URL` (`http://ADDRESS`) and in
    /// `VOXANNE_OUTBOUND_ALLOW`.
    #[arg(long, value_name = "ADDRESS")]
    provider_listen: Option<SocketAddr>,
    /// Reads the private key that the API accepts from a file.
    #[arg(long, requires = "provider_listen")]
    provider_key_file: Option<PathBuf>,
    /// A fault of the API and how often: recording-missing, recording-html, recording-empty, recording-cut,
    /// recording-expired, api-error, api-throttled.
    #[arg(long = "provider-fault", value_name = "NAME=RATE", requires = "provider_listen")]
    provider_faults: Vec<String>,
    /// Appends everything that happens to this file, a JSON object per line.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// Writes what must be true afterwards to this file.
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Compares the server's calls with the truth afterwards; fails when they differ.
    #[arg(long)]
    verify: bool,
    /// Plays nothing; compares with the truth of an earlier run.
    #[arg(long, requires = "truth")]
    only_verify: bool,
    /// Who reads for the comparison.
    #[arg(long)]
    email: Option<String>,
    /// Reads that person's password from a file.
    #[arg(long, requires = "email")]
    password_file: Option<PathBuf>,
    /// Reads an access token or API key for the comparison from a file, instead.
    #[arg(long, conflicts_with = "email")]
    token_file: Option<PathBuf>,
}

fn practice_kind(text: &str) -> Result<Kind, String> {
    Kind::parse(text).ok_or_else(|| {
        let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("is one of {}", known.join(", "))
    })
}

/// Plays, and compares when asked to.
pub async fn run(arguments: SimulateArguments) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    let (provider, answering) = match arguments.provider_listen {
        Some(address) if !arguments.only_verify => {
            let (provider, answering) = start_provider(&arguments, address, &stop).await?;
            (Some(provider), Some(answering))
        }
        _ => (None, None),
    };
    let playing = play_and_compare(&arguments, provider.clone(), stop.clone());
    let Some(answering) = answering else { return playing.await };
    let until_told = async {
        let outcome = playing.await?;
        if !stop.is_cancelled() {
            let address = provider.as_ref().and_then(Provider::base_url).unwrap_or_default();
            say(&format!("The provider's API goes on answering on {address}. Stop with Ctrl-C.\n"));
            tokio::signal::ctrl_c().await.context("Ctrl-C cannot be listened to")?;
            stop.cancel();
        }
        Ok(outcome)
    };
    let (outcome, answered) = tokio::join!(until_told, answering);
    answered?;
    outcome
}

/// The provider's API and its work.
async fn start_provider(
    arguments: &SimulateArguments,
    address: SocketAddr,
    stop: &CancellationToken,
) -> anyhow::Result<(Provider, impl Future<Output = anyhow::Result<()>>)> {
    let path = arguments.provider_key_file.as_ref().context("--provider-listen needs --provider-key-file")?;
    let key = secret_from_file(path, "private key")?;
    let mut options = ProviderOptions {
        seed: arguments.seed,
        keys: vec![(key.expose().to_owned(), None)],
        ..ProviderOptions::default()
    };
    for text in &arguments.provider_faults {
        let (name, rate) = named_rate("--provider-fault", text)?;
        let mut rates = options.faults.rates_mut();
        let fault = rates.iter_mut().find(|(known, _)| *known == name);
        *fault.with_context(|| format!("--provider-fault {text}: there is no fault of this name"))?.1 = rate;
    }
    let provider = Provider::new(options);
    let answering = provider.listen(address, stop.clone()).await?;
    Ok((provider, answering))
}

async fn play_and_compare(
    arguments: &SimulateArguments,
    provider: Option<Provider>,
    stop: CancellationToken,
) -> anyhow::Result<ExitCode> {
    let truth = if arguments.only_verify {
        Truth::load(arguments.truth.as_ref().context("--truth names the earlier run")?)?
    } else {
        play_calls(arguments, provider, stop).await?
    };
    if !(arguments.verify || arguments.only_verify) {
        return Ok(ExitCode::SUCCESS);
    }
    let access = ApiAccess { base_url: arguments.url.clone(), credential: credential(arguments)?, org_label: None };
    let report = verify(&truth, &access).await?;
    say(&report.to_string());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play_calls(
    arguments: &SimulateArguments,
    provider: Option<Provider>,
    stop: CancellationToken,
) -> anyhow::Result<Truth> {
    let secret = match &arguments.secret_file {
        Some(path) => secret_from_file(path, "webhook secret")?,
        None => secret_from_stdin("webhook secret").await?,
    };
    let target = Target::of_kind(arguments.practice, &arguments.url, arguments.connection, secret.expose())
        .context("no practice of this kind is invented")?;
    let options = SimulateOptions {
        seed: arguments.seed,
        speed: if arguments.speed > 0.0 { arguments.speed } else { f64::INFINITY },
        pacing: Pacing::Lanes,
        concurrency: arguments.concurrency,
        calls: Some(arguments.calls),
        faults: faults(&arguments.faults)?,
        backoff: (arguments.retries > 0).then_some(Backoff {
            exponential: true,
            max_retries: arguments.retries,
            base_delay: Duration::from_millis(500),
        }),
        provider,
        ledger: arguments.ledger.clone(),
        keep: true,
        ..SimulateOptions::default()
    };
    let playing = play(options, vec![target], stop.clone(), |_| {});
    let interrupted = async {
        // The calls in progress are played to their end and the truth is written, also when somebody has seen enough.
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
        std::future::pending::<()>().await;
    };
    let truth = tokio::select! {
        truth = playing => truth?,
        () = interrupted => unreachable!("waits for ever"),
    };
    let count = truth.counters;
    say(&format!(
        "{} calls, {} requests: {} stored, {} refused, {} unanswered, {} held back, {} forgeries, {} violations\n",
        count.calls,
        count.sent,
        count.acknowledged,
        count.refused,
        count.unanswered,
        count.lost,
        count.forged,
        count.violations
    ));
    for violation in &truth.violations {
        say(&format!("violation: {} {}: {}\n", violation.call_id, violation.identity, violation.problem));
    }
    if let Some(path) = &arguments.truth {
        truth.save(path)?;
    }
    Ok(truth)
}

fn faults(wanted: &[String]) -> anyhow::Result<Faults> {
    let mut faults = Faults::default();
    for text in wanted {
        if text == "everything" {
            faults = Faults::some_of_everything();
            continue;
        }
        let (name, rate) = named_rate("--fault", text)?;
        *match name {
            "late" => &mut faults.late,
            "lost" => &mut faults.lost,
            "doubled" => &mut faults.doubled,
            "reordered" => &mut faults.reordered,
            "tampered" => &mut faults.tampered,
            "unknown-type" => &mut faults.unknown_type,
            "big-report" => &mut faults.big_report,
            "new-ended-reason" => &mut faults.new_ended_reason,
            _ => anyhow::bail!("--fault {text}: there is no fault of this name"),
        } = rate;
    }
    Ok(faults)
}

fn named_rate<'a>(option: &str, text: &'a str) -> anyhow::Result<(&'a str, f64)> {
    let (name, rate) = text.split_once('=').with_context(|| format!("{option} {text}: write NAME=RATE"))?;
    let rate: f64 = rate.parse().with_context(|| format!("{option} {text}: the rate is a number"))?;
    anyhow::ensure!((0.0..=1.0).contains(&rate), "{option} {text}: the rate is between 0 and 1");
    Ok((name, rate))
}

fn credential(arguments: &SimulateArguments) -> anyhow::Result<Credential> {
    if let Some(path) = &arguments.token_file {
        return Ok(Credential::Token(secret_from_file(path, "token")?.expose().to_owned()));
    }
    let email = arguments.email.clone().context("--verify needs --email with --password-file, or --token-file")?;
    let path = arguments.password_file.as_ref().context("--email needs --password-file")?;
    Ok(Credential::Password { email, password: secret_from_file(path, "password")?.expose().to_owned() })
}

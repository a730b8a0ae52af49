//! `serve --demo`: invented practices and simulated calls, plainly labelled on every page.
//!
//! The calls come through the real ingress over real HTTP, sent by the simulator, which speaks the provider's wire
//! format and knows nothing of our database.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use identity::organizations::actions::{create_organization, find_demonstration};
use identity::organizations::model::NewOrganization;
use platform::audit::Actor;
use platform::clock::Clock;
use platform::config::Config;
use platform::crypto::{MasterKey, new_token};
use platform::ids::{ConnectionId, OrgId};
use platform::secret::Secret;
use platform::tasks::Tasks;
use platform::tenancy::Tenancy;
use providers::vapi::signature::WebhookAuth;
use simulator::{
    Practice, Provider, ProviderOptions, SimulateOptions, SoundFormat, Target, practices, replay_history, run,
};
use voice::connections::actions::{NewConnection, create_connection};
use voice::numbers::actions::{Mapping, map_number};

use crate::cli::say;

/// Everything that is said and that goes wrong follows from this.
const SEED: u64 = 7;
/// Where the address of the simulated provider stands, for commands beside the server.
const PROVIDER_FILE: &str = "demo-provider";
/// Days of past calls that a new demonstration begins with.
const DAYS: u32 = 7;
/// Calls that the simulated provider remembers: a day of demonstration.
const REMEMBERED: usize = 5_000;

/// What a demonstration needs of the server.
pub struct Stage<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The simulated provider.
    pub provider: Provider,
    /// The way to the database.
    pub tenancy: &'a Tenancy,
    /// Calls, to tell it of the mapped numbers.
    pub voice: &'a voice::VoiceState,
    /// Seals the connections' secrets.
    pub master_key: &'a MasterKey,
    /// Where the server listens.
    pub address: SocketAddr,
    /// Owner of background tasks.
    pub tasks: &'a Tasks,
}

/// Starts the API of the simulated provider on a free port of this machine, and lets our own guard reach it.
pub async fn start_provider(config: &mut Config, tasks: &Tasks) -> anyhow::Result<Provider> {
    let provider = Provider::new(ProviderOptions {
        seed: SEED,
        remembered: REMEMBERED,
        // Tones need no more, and a demonstration may run for days.
        sound: SoundFormat { rate: 8_000, bits: 8 },
        ..ProviderOptions::default()
    });
    let answering = provider.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), tasks.stopping()).await?;
    tasks.spawn(async move {
        if let Err(error) = answering.await {
            tracing::error!(error = format!("{error:#}"), "the simulated provider ended");
        }
    });
    let authority = provider.authority().context("the simulated provider has no address")?;
    let path = platform::embedded::prepare_data_dir(&config.server.data_dir)?.join(PROVIDER_FILE);
    std::fs::write(&path, &authority).with_context(|| format!("{} cannot be written", path.display()))?;
    config.outbound.allow.push(authority.parse().map_err(|_| anyhow::anyhow!("{authority} is no host and port"))?);
    Ok(provider)
}

/// Tells commands that no simulated provider runs here.
pub fn no_provider(config: &Config) -> anyhow::Result<()> {
    let path = config.server.data_dir.join(PROVIDER_FILE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// The API of the simulated provider that a server on the same data directory runs, for a command beside it; lets our own
/// guard reach it. None: there is no demonstration here.
pub fn running_provider(config: &mut Config) -> anyhow::Result<Option<String>> {
    let path = config.server.data_dir.join(PROVIDER_FILE);
    match std::fs::read_to_string(&path) {
        Ok(authority) => {
            let host = authority.parse().map_err(|_| anyhow::anyhow!("{} names no host and port", path.display()))?;
            config.outbound.allow.push(host);
            Ok(Some(format!("http://{authority}")))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Adds the invented practices that are missing, prints the sign-in, and lets calls come in.
pub async fn open(stage: Stage<'_>) -> anyhow::Result<()> {
    let password = password(&platform::embedded::prepare_data_dir(&stage.config.server.data_dir)?)?;
    let first = practices().first().and_then(|practice| practice.staff.first()).context("no practice is invented")?;
    let base_url = format!("http://{}", reachable(stage.address));
    let mut targets = Vec::new();
    for practice in practices() {
        let (org, is_new) = organization(&stage, practice, first.name, first.email, &password).await?;
        let (secret, key) = (new_token(), new_token());
        stage.provider.add_key(key.expose(), Some(practice.name));
        let connection = simulated_connection(&stage, org, &secret, key).await?;
        map_numbers(stage.tenancy, org, practice).await?;
        targets.push((
            Target::of_practice(practice, &base_url, Some(connection.uuid()), secret.expose()),
            practice,
            is_new,
        ));
    }
    stage.voice.refresh_routing().await?;
    let origin = stage.config.server.public_origin(stage.address);
    say(&format!(
        "\n  Voxanne is running with simulated calls of invented practices.\n\n    \
         Open      {}\n    Sign in   {}\n    Password  {}\n\n  Stop with Ctrl-C.\n\n",
        origin.as_str(),
        first.email,
        password.expose()
    ));
    play(targets, stage.provider, stage.tasks);
    Ok(())
}

/// The password of the demonstration: drawn once, kept beside the data, so that no installation shares one.
fn password(data_dir: &Path) -> anyhow::Result<Secret> {
    let path = data_dir.join("demo-password");
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let drawn: String = new_token().expose().chars().filter(char::is_ascii_alphanumeric).take(16).collect();
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            std::io::Write::write_all(&mut file, drawn.as_bytes())?;
            Ok(Secret::new(drawn))
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// An address that this machine can be reached at: a server that listens on all addresses is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()) } else { address }
}

async fn organization(
    stage: &Stage<'_>,
    practice: &Practice,
    owner_name: &str,
    owner_email: &str,
    password: &Secret,
) -> anyhow::Result<(OrgId, bool)> {
    if let Some(org) = find_demonstration(stage.tenancy, practice.name).await? {
        return Ok((org, false));
    }
    let new = NewOrganization {
        name: practice.name.to_owned(),
        zone: practice.zone.to_owned(),
        owner_email: owner_email.to_owned(),
        owner_name: owner_name.to_owned(),
        owner_password: password.clone(),
        first_user_is_operator: true,
        is_demo: true,
    };
    let created = create_organization(stage.tenancy, &Clock::system(), new).await?;
    Ok((created.org_id, true))
}

/// A connection for this run. Its secret lives as long as the process; those of earlier runs are switched off.
async fn simulated_connection(
    stage: &Stage<'_>,
    org: OrgId,
    secret: &Secret,
    key: Secret,
) -> anyhow::Result<ConnectionId> {
    let new = NewConnection {
        label: "Simulator".to_owned(),
        auth: WebhookAuth::default(),
        webhook_secret: secret.clone(),
        api_key: Some(key),
        simulated: true,
    };
    let mut tx = stage.tenancy.tenant(org).await?;
    voice::connections::actions::disable_simulated(&mut tx).await?;
    let id = create_connection(&mut tx, stage.master_key, Actor::System, &new).await?;
    tx.commit().await?;
    Ok(id)
}

async fn map_numbers(tenancy: &Tenancy, org: OrgId, practice: &Practice) -> anyhow::Result<()> {
    let fallback = practice.numbers.iter().find_map(|number| number.assistant_id);
    let mut tx = tenancy.tenant(org).await?;
    for number in practice.numbers {
        let Some(assistant_id) = number.assistant_id.or(fallback) else { continue };
        let mapping = Mapping {
            number: number.e164,
            provider_number_id: Some(number.phone_number_id),
            agent_name: practice.agent_name,
            assistant_id,
        };
        map_number(&mut tx, Actor::System, &mapping).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Calls come in from the first second; the past of new practices is posted beside them.
fn play(targets: Vec<(Target, &'static Practice, bool)>, provider: Provider, tasks: &Tasks) {
    let live: Vec<Target> = targets.iter().map(|(target, ..)| target.clone()).collect();
    let stopping = tasks.stopping();
    let options = SimulateOptions { provider: Some(provider.clone()), ..SimulateOptions::demo(SEED) };
    tasks.spawn(async move {
        if let Err(error) = run(options, live, stopping, |_| {}).await {
            tracing::error!(error = format!("{error:#}"), "the simulator ended");
        }
    });
    let stopping = tasks.stopping();
    tasks.spawn(async move {
        let now = Clock::system().now();
        for (target, practice, is_new) in targets {
            if !is_new {
                continue;
            }
            let past = replay_history(SEED, &target, practice.zone, now, DAYS, Some(&provider), &stopping);
            if let Err(error) = past.await {
                tracing::error!(error = format!("{error:#}"), "the past of an invented practice could not be posted");
            }
        }
    });
}

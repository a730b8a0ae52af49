//! `voxanne backup …` and `voxanne restore`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ::backup::jobs::Plan;
use ::backup::keep::Policy;
use ::backup::place::Place;
use ::backup::restore::{self, Opened};
use ::backup::take::{self, Installation, Order, Taken};
use ::backup::trial::{Workshop, on_trial};
use ::backup::{BackupError, records};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use platform::clock::Clock;
use platform::config::{Config, DatabaseSource};
use platform::crypto::MasterKey;
use platform::crypto::stream::StreamKey;
use platform::embedded::prepare_data_dir;
use platform::jobs::Jobs;
use platform::secret::Secret;
use platform::storage::Storage;
use platform::tenancy::Tenancy;
use uuid::Uuid;

use crate::cli::say;
use crate::database::{self, Database};

/// Connections that a command of this kind needs.
const CONNECTIONS: u32 = 2;

/// Options of `backup`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BackupArguments {
    #[command(subcommand)]
    part: Option<BackupCommand>,
    /// The folder, or `s3://bucket/prefix`, that the backup goes to; `VOXANNE_BACKUP_TO` if none is named.
    #[arg(long)]
    to: Option<String>,
    /// Leaves the master key out. A restore then needs it from elsewhere.
    #[arg(long)]
    without_master_key: bool,
}

#[derive(Subcommand, Debug)]
enum BackupCommand {
    /// Restores a backup on trial, into a database that is thrown away, and compares.
    Verify(Wanted),
    /// Lists the backups of a place.
    List {
        /// The folder; `VOXANNE_BACKUP_TO` if none is named.
        #[arg(long)]
        from: Option<String>,
    },
}

/// Which backup.
#[derive(Args, Debug)]
struct Wanted {
    /// The folder of backups, or of one; `VOXANNE_BACKUP_TO` if none is named.
    #[arg(long)]
    from: Option<String>,
    /// Name of the backup; the newest if none is named.
    #[arg(long)]
    backup: Option<String>,
}

/// Options of `restore`.
#[derive(Args, Debug)]
pub struct RestoreArguments {
    #[command(flatten)]
    wanted: Wanted,
    /// Restores without the key that opens the sealed secrets. Provider secrets must be entered again, programs sign in
    /// again, and mails that wait cannot be sent.
    #[arg(long)]
    without_master_key: bool,
}

/// Runs `backup` and its parts.
pub async fn run(
    config: &Config,
    environment: &BTreeMap<String, String>,
    arguments: BackupArguments,
) -> anyhow::Result<()> {
    match arguments.part {
        None => take_one(config, environment, arguments.to, !arguments.without_master_key).await,
        Some(BackupCommand::Verify(wanted)) => verify(config, &wanted).await,
        Some(BackupCommand::List { from }) => list(config, from).await,
    }
}

async fn take_one(
    config: &Config,
    environment: &BTreeMap<String, String>,
    to: Option<String>,
    with_master_key: bool,
) -> anyhow::Result<()> {
    let (place, key) = (place(config, to, "--to")?, key(config));
    anyhow::ensure!(
        key.is_some() || !place.is_elsewhere(),
        "set VOXANNE_BACKUP_KEY: a backup that leaves the machine holds everything"
    );
    anyhow::ensure!(
        is_there(config),
        "there is no installation in {}; nothing was backed up",
        config.server.data_dir.display()
    );
    let database = Database::for_command(config).await?;
    let taken = async {
        let tenancy = database.tenancy(CONNECTIONS).await?;
        let settings = platform::config::without_secrets(environment);
        let from = installation(config, settings, &database, tenancy, Clock::system())?;
        let order = Order { to: &place, key: key.as_ref(), with_master_key };
        Ok::<_, anyhow::Error>(take::take(&from, &order).await?)
    }
    .await;
    database.close().await?;
    report(&place, &taken?, key.is_some(), with_master_key);
    Ok(())
}

fn report(place: &Place, taken: &Taken, sealed: bool, with_master_key: bool) {
    let mut text = format!(
        "{}/{} holds {} rows of {} tables in {} bytes, and was read back.\n",
        place.describe(),
        taken.name,
        taken.rows(),
        taken.tables.len(),
        taken.bytes
    );
    if taken.recordings > 0 {
        let kept = taken.recordings - taken.missing;
        let line = format!("Recordings that are kept beside it: {kept} of {}.\n", taken.recordings);
        text.push_str(&line);
    }
    if !sealed && with_master_key {
        text.push_str(
            "It is not encrypted: whoever can read it has everything, the master key included. VOXANNE_BACKUP_KEY changes \
             that.\n",
        );
    }
    if !with_master_key {
        text.push_str("It has no master key: keep that one apart, a restore needs it.\n");
    }
    say(&text);
}

/// What a backup is taken of.
pub(crate) fn installation(
    config: &Config,
    settings: BTreeMap<String, Option<String>>,
    database: &Database,
    tenancy: Tenancy,
    clock: Clock,
) -> anyhow::Result<Installation> {
    let access = database.access(config)?.context("set DATABASE_ADMIN_URL: a backup reads the whole database")?;
    let site = match settings.get("VOXANNE_SITE_FILE") {
        Some(Some(path)) => {
            Some(std::fs::read_to_string(path).with_context(|| format!("{path} of VOXANNE_SITE_FILE cannot be read"))?)
        }
        _ => None,
    };
    Ok(Installation {
        access,
        tenancy,
        directories: database.program_directories(config),
        settings,
        site,
        master_key: database::master_key(config)?,
        master_key_text: database::master_key_text(config)?,
        storage: Storage::open(&config.storage, &config.server.data_dir)?,
        clock,
    })
}

/// Lets backups be taken by plan, if a place for them is configured.
pub(crate) fn start(
    config: &Config,
    database: &Database,
    tenancy: Tenancy,
    clock: Clock,
    jobs: &Jobs,
) -> anyhow::Result<()> {
    let Some(to) = &config.backup.to else { return Ok(()) };
    let settings = platform::config::without_secrets(&platform::config::process_environment()?);
    let from = installation(config, settings, database, tenancy, clock)?;
    let plan = Plan {
        to: Place::parse(to, config.backup.s3.as_ref())?,
        key: key(config),
        at: config.backup.at.clone(),
        keep: Policy { daily: config.backup.daily, weekly: config.backup.weekly },
        trial_days: config.backup.trial_days,
        workshop: workshop(config),
    };
    ::backup::jobs::start(jobs, Arc::new(from), plan);
    Ok(())
}

async fn list(config: &Config, from: Option<String>) -> anyhow::Result<()> {
    let place = place(config, from, "--from")?;
    for name in place.names().await? {
        say(&format!("{name}\n"));
    }
    Ok(())
}

async fn verify(config: &Config, wanted: &Wanted) -> anyhow::Result<()> {
    let place = place(config, wanted.from.clone(), "--from")?;
    let backup = Opened::open(&place, wanted.backup.as_deref(), key(config).as_ref()).await?;
    let outcome = on_trial(&backup, &workshop(config)).await;
    let noted = note(config, backup.cover.backup_id, &outcome).await;
    outcome.with_context(|| format!("{} did not pass", backup.name))?;
    let rows: i64 = backup.contents.tables.iter().map(|table| table.rows).sum();
    say(&format!(
        "{} was restored on trial: {rows} rows of {} tables agree, and the schema keeps organizations apart.\n",
        backup.name,
        backup.contents.tables.len()
    ));
    if !noted.context("the outcome could not be noted")? {
        say("This installation has no note of that backup, so the outcome was not noted.\n");
    }
    Ok(())
}

/// Notes what a trial found, where the installation is here.
async fn note(config: &Config, id: Uuid, outcome: &Result<(), BackupError>) -> anyhow::Result<bool> {
    if !is_there(config) {
        return Ok(false);
    }
    let database = Database::for_command(config).await?;
    let noted = async {
        let tenancy = database.tenancy(CONNECTIONS).await?;
        Ok::<_, anyhow::Error>(records::tried(&tenancy, id, Clock::system().now(), outcome).await?)
    }
    .await;
    database.close().await?;
    noted
}

fn workshop(config: &Config) -> Workshop {
    Workshop { data_dir: config.server.data_dir.clone(), pg_bin: config.database.pg_bin.clone() }
}

/// Restores into an empty installation.
pub async fn restore(config: &Config, arguments: &RestoreArguments) -> anyhow::Result<()> {
    let wanted = &arguments.wanted;
    let place = place(config, wanted.from.clone(), "--from")?;
    let backup = Opened::open(&place, wanted.backup.as_deref(), key(config).as_ref()).await?;
    backup.prove().await?;
    let data_dir = prepare_data_dir(&config.server.data_dir)?;
    // Decided before anything is made: without the key much would be lost that nobody asked to lose.
    let new_key = master_key(config, &backup, &data_dir, arguments.without_master_key).await?;
    let database = Database::for_server(config).await?;
    let restored = async {
        database.make_roles().await?;
        let access = database.access(config)?.context("set DATABASE_ADMIN_URL: a restore makes the schema")?;
        restore::load(&backup, &access, &database.program_directories(config)).await?;
        if let Some(text) = &new_key {
            MasterKey::store(&data_dir, text)?;
        }
        keep_settings(&backup, &data_dir)?;
        let missing = backup.bring_recordings_back(&Storage::open(&config.storage, &data_dir)?).await?;
        restore::finish(&backup, &access, &database.tenancy(CONNECTIONS).await?).await?;
        Ok::<_, anyhow::Error>(missing)
    }
    .await;
    database.close().await?;
    let missing = restored?;
    let rows: i64 = backup.contents.tables.iter().map(|table| table.rows).sum();
    say(&format!(
        "{} of {} is restored: {rows} rows of {} tables, all as they were backed up.\n",
        backup.name,
        backup.cover.taken_at,
        backup.contents.tables.len()
    ));
    if backup.contents.recordings > 0 {
        say(&format!(
            "{} of {} recordings are back.\n",
            backup.contents.recordings - missing,
            backup.contents.recordings
        ));
    }
    say(&format!("The settings of then, without secrets, are in {}.\n", data_dir.join(SETTINGS_FILE).display()));
    Ok(())
}

/// The master key to write into the data directory; none where the right one is there already, or is given up.
async fn master_key(
    config: &Config,
    backup: &Opened,
    data_dir: &Path,
    without: bool,
) -> anyhow::Result<Option<Secret>> {
    let (what, present) = match (&config.security.master_key, MasterKey::stored(data_dir)?) {
        (Some(key), _) => ("VOXANNE_MASTER_KEY".to_owned(), Some(MasterKey::from_bytes(*key.expose()))),
        (None, Some(text)) => (data_dir.join("master.key").display().to_string(), Some(MasterKey::from_base64(&text)?)),
        (None, None) => (String::new(), None),
    };
    if let Some(present) = present {
        anyhow::ensure!(
            without || backup.is_its_master_key(&present),
            "{what} is not the master key of this backup, so the stored secrets could not be opened with it. Take it away, or \
             put the right one there, or restore with --without-master-key"
        );
        return Ok(None);
    }
    match backup.master_key().await? {
        _ if without => Ok(None),
        Some(text) => {
            anyhow::ensure!(
                backup.is_its_master_key(&MasterKey::from_base64(&text)?),
                "the master key in the backup does not open what it should"
            );
            Ok(Some(text))
        }
        None => anyhow::bail!(
            "this backup has no master key. Put the key of the installation into {} or into VOXANNE_MASTER_KEY. If it is lost, \
             restore with --without-master-key: calls, people and practices are there, but provider secrets must be entered \
             again, programs must sign in again, and mails that wait cannot be sent",
            data_dir.join("master.key").display()
        ),
    }
}

const SETTINGS_FILE: &str = "restored.env";
const SITE_FILE: &str = "restored-site.toml";

/// Leaves the settings of then where the operator finds them. They are not used by themselves: this is another machine.
fn keep_settings(backup: &Opened, data_dir: &Path) -> anyhow::Result<()> {
    let lines = backup.contents.settings.iter().map(|(name, value)| match value {
        Some(value) => format!("# {name}={value}\n"),
        None => format!("# {name}= (a secret)\n"),
    });
    let head =
        "# The settings of the installation that was restored. Secrets are named without their value.\n".to_owned();
    let text: String = std::iter::once(head).chain(lines).collect();
    let write = |name: &str, text: &str| {
        let path = data_dir.join(name);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    write(SETTINGS_FILE, &text)?;
    match &backup.contents.site {
        Some(site) => write(SITE_FILE, site),
        None => Ok(()),
    }
}

fn place(config: &Config, named: Option<String>, option: &str) -> anyhow::Result<Place> {
    let text = named
        .or_else(|| config.backup.to.clone())
        .with_context(|| format!("name a folder with {option}, or set VOXANNE_BACKUP_TO"))?;
    Ok(Place::parse(&text, config.backup.s3.as_ref())?)
}

/// The key of backups, if one is configured.
pub(crate) fn key(config: &Config) -> Option<StreamKey> {
    config.backup.key.as_ref().map(|key| StreamKey::from_bytes(key.expose()))
}

/// Whether there is an installation that a command could reach. Looking must not make one.
fn is_there(config: &Config) -> bool {
    match config.database.source {
        DatabaseSource::Embedded => config.server.data_dir.join("pgdata").is_dir(),
        DatabaseSource::External { .. } => true,
    }
}

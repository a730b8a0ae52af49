//! Restoring on trial: into a cluster of its own that is thrown away, so that it cannot touch the installation.

use std::path::{Path, PathBuf};
use std::time::Duration;

use platform::crypto::stream::StreamKey;
use platform::embedded::{EmbeddedOptions, EmbeddedPostgres, prepare_data_dir};
use platform::tenancy::{APP_ROLE, Roles, SYSTEM_ROLE, ensure_roles};
use sqlx::postgres::PgConnectOptions;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::BackupError;
use crate::place::Place;
use crate::restore::{self, Opened};
use crate::tools::Access;

/// How the directories of trials begin.
const PREFIX: &str = "trial-";
/// A directory that is older than this was left by a process that was killed: no trial takes longer.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);
/// The database that every cluster begins with. It is empty.
const DATABASE: &str = "postgres";

/// Where trials may take place.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// The data directory of the installation. Where it is not there, the system's place for passing files serves.
    pub data_dir: PathBuf,
    /// Where PostgreSQL's programs are, if the operator has said so.
    pub pg_bin: Option<PathBuf>,
}

/// Restores the backup, compares it to the row, looks whether it keeps organizations apart, and reads every recording beside it.
pub async fn on_trial(backup: &Opened, workshop: &Workshop) -> Result<(), BackupError> {
    let root = if workshop.data_dir.is_dir() { prepare_data_dir(&workshop.data_dir)? } else { std::env::temp_dir() };
    remove_abandoned(&root);
    let scratch = Scratch { path: root.join(format!("{PREFIX}{}", Uuid::now_v7().simple())) };
    let cluster = EmbeddedPostgres::start(EmbeddedOptions {
        data_dir: scratch.path.clone(),
        pg_bin: workshop.pg_bin.clone(),
        roles: vec![APP_ROLE.to_owned(), SYSTEM_ROLE.to_owned()],
    })
    .await?;
    let outcome = restore_and_compare(backup, &cluster).await;
    let stopped = cluster.stop().await;
    outcome?;
    Ok(stopped?)
}

/// The same on a thread of its own: the migrator borrows in a way that keeps the future from wandering between threads. It ends
/// when the answer is not waited for any more.
pub(crate) async fn on_trial_apart(
    place: Place,
    name: String,
    key: Option<StreamKey>,
    workshop: Workshop,
) -> Result<(), BackupError> {
    let runtime = Handle::current();
    let (waiting, gone) = oneshot::channel::<()>();
    let trial = tokio::task::spawn_blocking(move || {
        runtime.block_on(async {
            let tried = async {
                let backup = Opened::open(&place, Some(&name), key.as_ref()).await?;
                on_trial(&backup, &workshop).await
            };
            tokio::select! {
                tried = tried => tried,
                _ = gone => Err(BackupError::Interrupted),
            }
        })
    });
    let tried = trial.await.map_err(|_| BackupError::Interrupted)?;
    drop(waiting);
    tried
}

async fn restore_and_compare(backup: &Opened, cluster: &EmbeddedPostgres) -> Result<(), BackupError> {
    let admin = PgConnectOptions::new_without_pgpass()
        .socket(cluster.socket_dir())
        .port(cluster.port())
        .username(cluster.superuser())
        .database(DATABASE);
    ensure_roles(&admin, &Roles::default()).await?;
    let environment = vec![
        ("PGHOST", cluster.socket_dir().display().to_string()),
        ("PGPORT", cluster.port().to_string()),
        ("PGUSER", cluster.superuser().to_owned()),
    ];
    restore::load(backup, &Access { admin, environment }, &[cluster.bin_dir().to_owned()]).await?;
    backup.prove_recordings().await?;
    Ok(())
}

/// The directory of a trial. Goes away with it.
struct Scratch {
    path: PathBuf,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "the files of a trial restore stay");
    }
}

/// Removes what killed trials left. A server that still runs there ends by itself when its directory is gone.
fn remove_abandoned(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let is_trial = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let age = entry.metadata().and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
        if is_trial && age.is_some_and(|age| age > ABANDONED_AFTER) {
            remove(&entry.path());
        }
    }
}

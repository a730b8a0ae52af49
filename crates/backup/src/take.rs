//! Taking a backup of a running installation.
//!
//! Dump, counts and digests see one snapshot while everybody goes on writing. Nobody waits for a backup, except a migration
//! that would change a table under it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use platform::clock::Clock;
use platform::crypto::MasterKey;
use platform::crypto::stream::StreamKey;
use platform::secret::Secret;
use platform::tenancy::{Tenancy, schema_is_current};
use uuid::Uuid;

use crate::contents::{Contents, Cover, FORMAT, FileEntry, RecordingEntry, TableState, key_place};
use crate::place::{COVER, Draft, Place, name_of};
use crate::stored::{Sink, Source};
use crate::tools::{Access, Tools};
use crate::{BackupError, records, store};

/// What the proof of the master key says when it is opened.
pub(crate) const PROOF: &[u8] = b"voxanne";
/// The files of a backup beside its cover.
pub(crate) const CONTENTS: &str = "contents.json";
pub(crate) const DUMP: &str = "database.dump";
pub(crate) const MANIFEST: &str = "recordings.jsonl";
pub(crate) const MASTER_KEY: &str = "master.key";

/// The installation that is backed up.
pub struct Installation {
    /// Its database, as the administrator.
    pub access: Access,
    /// Its database, to note what became of the backup.
    pub tenancy: Tenancy,
    /// Where `pg_dump` and `pg_restore` may be.
    pub directories: Vec<PathBuf>,
    /// The settings that are set; the value of a secret is none.
    pub settings: BTreeMap<String, Option<String>>,
    /// The text of the site file.
    pub site: Option<String>,
    /// The key that opens the sealed secrets in the database.
    pub master_key: MasterKey,
    /// The same in base64, to be kept.
    pub master_key_text: Secret,
    /// What time it is.
    pub clock: Clock,
}

/// How a backup is wanted.
pub struct Order<'a> {
    /// Where it goes.
    pub to: &'a Place,
    /// The key it is sealed with; none: everybody who reads the place reads it.
    pub key: Option<&'a StreamKey>,
    /// Whether the master key goes along.
    pub with_master_key: bool,
}

/// A backup that was taken and read back.
#[derive(Debug)]
pub struct Taken {
    /// Which one.
    pub id: Uuid,
    /// Its folder at the place.
    pub name: String,
    /// Bytes of its files, without the recordings.
    pub bytes: u64,
    /// The state of every table.
    pub tables: Vec<TableState>,
}

impl Taken {
    /// Rows of all tables.
    pub fn rows(&self) -> i64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// Takes a backup, reads it back, and notes what came of it.
pub async fn take(from: &Installation, order: &Order<'_>) -> Result<Taken, BackupError> {
    // Before anything is noted: the table of notes may not be there.
    schema_is_current(&from.access.admin).await?;
    let (id, began) = (Uuid::now_v7(), from.clock.now());
    records::began(&from.tenancy, id, &order.to.describe(), began).await?;
    let outcome = write(from, order, id, began).await;
    let noted = outcome.as_ref().map(|taken| taken.bytes);
    records::ended(&from.tenancy, id, from.clock.now(), noted).await?;
    outcome
}

async fn write(from: &Installation, order: &Order<'_>, id: Uuid, now: Timestamp) -> Result<Taken, BackupError> {
    let mut conn = store::connect(&from.access.admin).await?;
    if !store::sees_every_row(&mut conn).await? {
        return Err(BackupError::BoundLogin);
    }
    let (postgres, postgres_major) = store::server_version(&mut conn).await?;
    let tools = Tools::choose(&from.directories, postgres_major).await?;
    let name = name_of(now, id);
    order.to.tidy(&from.clock).await?;
    let mut files = Files { draft: order.to.begin(&name).await?, id, key: order.key, done: Vec::new() };

    let schema_version = store::schema_version(&mut conn).await?;
    let snapshot = store::begin_snapshot(&mut conn).await?;
    let mut dump = files.sink(DUMP).await?;
    let ((), tables) =
        tokio::try_join!(tools.dump(&from.access, &snapshot, &mut dump), store::table_states(&mut conn))?;
    files.done.push(dump.finish().await?);
    let shape = store::shape(&mut conn).await?;
    let recordings = store::recordings(&mut conn).await?;
    store::end_reading(&mut conn).await?;
    if store::schema_version(&mut conn).await? != schema_version {
        return Err(BackupError::SchemaChanged);
    }
    drop(conn);

    files.write(MANIFEST, &lines(&recordings)?).await?;
    if order.with_master_key {
        files.write(MASTER_KEY, from.master_key_text.expose().as_bytes()).await?;
    }
    let contents = Contents {
        schema_version,
        postgres,
        postgres_major,
        shape,
        recordings: recordings.len() as u64,
        recording_bytes: recordings.iter().map(|recording| recording.bytes).sum(),
        recordings_copied: false,
        settings: from.settings.clone(),
        site: from.site.clone(),
        key_proof: proof(&from.master_key, id)?,
        tables: tables.clone(),
    };
    files.write(CONTENTS, &json(CONTENTS, &contents)?).await?;
    files.prove(&tools).await?;
    let bytes = files.finish(now).await?;
    Ok(Taken { id, name, bytes, tables })
}

fn proof(key: &MasterKey, id: Uuid) -> Result<String, BackupError> {
    let sealed = key.seal(&key_place(id), PROOF).map_err(|error| BackupError::damaged(CONTENTS, error.to_string()))?;
    Ok(hex::encode(sealed))
}

fn lines(recordings: &[RecordingEntry]) -> Result<Vec<u8>, BackupError> {
    let mut text = Vec::new();
    for recording in recordings {
        text.extend_from_slice(&json(MANIFEST, recording)?);
    }
    Ok(text)
}

/// One line of JSON.
fn json<T: serde::Serialize>(file: &str, value: &T) -> Result<Vec<u8>, BackupError> {
    let mut text = serde_json::to_vec(value).map_err(|error| BackupError::damaged(file, error.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

/// The files of a backup that is being written.
struct Files<'a> {
    draft: Draft,
    id: Uuid,
    key: Option<&'a StreamKey>,
    done: Vec<FileEntry>,
}

impl Files<'_> {
    async fn sink(&self, name: &str) -> Result<Sink, BackupError> {
        Ok(Sink::new(self.draft.write(name).await?, name, &sealed_for(self.id, name), self.key))
    }

    async fn write(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let mut sink = self.sink(name).await?;
        sink.push(content).await?;
        self.done.push(sink.finish().await?);
        Ok(())
    }

    /// Reads everything back as a restore would.
    async fn prove(&self, tools: &Tools) -> Result<(), BackupError> {
        for entry in &self.done {
            self.source(entry).await?.prove().await?;
            if entry.name == DUMP {
                tools.list(&mut self.source(entry).await?).await?;
            }
        }
        Ok(())
    }

    async fn source(&self, entry: &FileEntry) -> Result<Source, BackupError> {
        let reader = self.draft.read(&entry.name).await?;
        Ok(Source::new(reader, &entry.name, &sealed_for(self.id, &entry.name), self.key).expecting(entry))
    }

    /// Writes the cover and makes it a backup. Answers the bytes of its files.
    async fn finish(self, taken_at: Timestamp) -> Result<u64, BackupError> {
        let cover = Cover {
            format: FORMAT,
            backup_id: self.id,
            product: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at,
            sealed: self.key.is_some(),
            files: self.done,
        };
        let mut writer = self.draft.write(COVER).await?;
        writer.push(&json(COVER, &cover)?).await?;
        writer.finish().await?;
        self.draft.finish().await?;
        Ok(cover.bytes())
    }
}

/// What a file of a backup is sealed for.
pub(crate) fn sealed_for(backup: Uuid, file: &str) -> String {
    format!("backup/{backup}/{file}")
}

//! Bringing a backup back, into an empty database.
//!
//! The database is marked from the first statement until everything was found as it was backed up; nobody serves from a
//! marked one ([`platform::tenancy::refuse_unfinished_restore`]). An interrupted restore is simply begun again.

use std::path::PathBuf;

use platform::crypto::MasterKey;
use platform::crypto::stream::StreamKey;
use platform::secret::Secret;
use platform::storage::Storage;
use platform::tenancy::{MigrateError, Tenancy, catalogue, migrate, newest_schema};

use crate::contents::{Contents, Cover, FileEntry, RecordingEntry, differences, key_place};
use crate::place::{COVER, Place};
use crate::stored::Source;
use crate::take::{CONTENTS, DUMP, MANIFEST, MASTER_KEY, PROOF, sealed_for};
use crate::tools::{Access, Tools};
use crate::{BackupError, recordings, store};

/// A backup that was found and can be read.
#[derive(Debug)]
pub struct Opened {
    place: Place,
    /// Its folder at the place.
    pub name: String,
    /// Its cover.
    pub cover: Cover,
    /// What is in it.
    pub contents: Contents,
    key: Option<StreamKey>,
}

impl Opened {
    /// Finds a backup, the newest where none is named, and reads what it says of itself.
    pub async fn open(place: &Place, wanted: Option<&str>, key: Option<&StreamKey>) -> Result<Self, BackupError> {
        let (place, name) = place.find(wanted).await?;
        let cover = Source::new(place.read(&name, COVER).await?, COVER, "", None).read_all().await?;
        let cover = Cover::read(&cover)?;
        let key = match (cover.sealed, key) {
            (true, None) => return Err(BackupError::KeyMissing),
            (true, Some(key)) => Some(key.clone()),
            (false, _) => None,
        };
        let entry = cover.file(CONTENTS)?.clone();
        let contents = read(&place, &name, &cover, &entry, key.as_ref()).await?.read_all().await?;
        let contents: Contents =
            serde_json::from_slice(&contents).map_err(|error| BackupError::damaged(CONTENTS, error.to_string()))?;
        if contents.schema_version > newest_schema() {
            let (found, known) = (contents.schema_version, newest_schema());
            return Err(MigrateError::SchemaIsNewer { found, known }.into());
        }
        Ok(Self { place, name, cover, contents, key })
    }

    /// Reads every file to its end: nothing is missing, changed, or sealed with another key.
    pub async fn prove(&self) -> Result<(), BackupError> {
        for entry in &self.cover.files {
            self.source(entry).await?.prove().await?;
        }
        Ok(())
    }

    /// The master key of the installation, in base64, if the backup has it.
    pub async fn master_key(&self) -> Result<Option<Secret>, BackupError> {
        let Some(entry) = self.cover.files.iter().find(|file| file.name == MASTER_KEY) else { return Ok(None) };
        let text = self.source(entry).await?.read_all().await?;
        let text = String::from_utf8(text).map_err(|_| BackupError::damaged(MASTER_KEY, "it is not text"))?;
        Ok(Some(Secret::new(text)))
    }

    /// Whether this is the key that opens the sealed secrets in the database.
    pub fn is_its_master_key(&self, key: &MasterKey) -> bool {
        let sealed = hex::decode(&self.contents.key_proof).unwrap_or_default();
        key.open(&key_place(self.cover.backup_id), &sealed).is_ok_and(|said| said == PROOF)
    }

    /// Every recording that the database speaks of.
    pub async fn recordings(&self) -> Result<Vec<RecordingEntry>, BackupError> {
        let text = self.source(self.cover.file(MANIFEST)?).await?.read_all().await?;
        let bad = |error: serde_json::Error| BackupError::damaged(MANIFEST, error.to_string());
        text.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).map_err(bad))
            .collect()
    }

    /// Reads every recording that lies beside the backups.
    pub async fn prove_recordings(&self) -> Result<u64, BackupError> {
        let mut proven = 0;
        for entry in self.recordings().await?.iter().filter(|entry| entry.kept) {
            recordings::prove(entry, &self.place, self.key.as_ref()).await?;
            proven += 1;
        }
        Ok(proven)
    }

    /// Brings the recordings into a storage, those that are not there. Answers how many were not beside the backups.
    pub async fn bring_recordings_back(&self, storage: &Storage) -> Result<u64, BackupError> {
        let mut missing = 0;
        for entry in self.recordings().await? {
            if entry.kept {
                recordings::bring_back(&entry, storage, &self.place, self.key.as_ref()).await?;
            } else {
                missing += 1;
            }
        }
        Ok(missing)
    }

    async fn source(&self, entry: &FileEntry) -> Result<Source, BackupError> {
        read(&self.place, &self.name, &self.cover, entry, self.key.as_ref()).await
    }
}

async fn read(
    place: &Place,
    name: &str,
    cover: &Cover,
    entry: &FileEntry,
    key: Option<&StreamKey>,
) -> Result<Source, BackupError> {
    let reader = place.read(name, &entry.name).await?;
    Ok(Source::new(reader, &entry.name, &sealed_for(cover.backup_id, &entry.name), key).expecting(entry))
}

/// Restores the database and proves that it is what was backed up and keeps organizations apart. The roles are there
/// already. The database stays marked until [`finish`].
pub async fn load(backup: &Opened, into: &Access, directories: &[PathBuf]) -> Result<(), BackupError> {
    let mut conn = store::connect(&into.admin).await?;
    if store::is_marked(&mut conn).await? {
        store::empty(&mut conn).await?;
    } else if !store::is_empty(&mut conn).await? {
        return Err(BackupError::NotEmpty(
            "the database holds tables already, and a restore never overwrites: choose an empty VOXANNE_DATA_DIR, or an empty \
             database"
                .to_owned(),
        ));
    }
    let (version, major) = store::server_version(&mut conn).await?;
    if major < backup.contents.postgres_major {
        return Err(BackupError::Tools(format!(
            "the backup is of PostgreSQL {}, and the server here is {version}: restore into version {} or newer",
            backup.contents.postgres, backup.contents.postgres_major
        )));
    }
    let tools = Tools::choose(directories, major).await?;
    // The whole file first: a dump with a damaged end would be restored up to it.
    backup.prove().await?;
    store::mark(&mut conn).await?;
    tools.restore(into, &mut backup.source(backup.cover.file(DUMP)?).await?).await?;
    store::settle_owners(&mut conn).await?;
    store::begin_reading(&mut conn).await?;
    let (rows, shape) = (store::table_states(&mut conn).await?, store::shape(&mut conn).await?);
    store::end_reading(&mut conn).await?;
    let mut different = differences(&backup.contents.tables, &rows, true);
    different.extend(differences(&backup.contents.shape, &shape, major == backup.contents.postgres_major));
    if !different.is_empty() {
        return Err(BackupError::Different(different));
    }
    migrate(&into.admin).await?;
    let faults = catalogue::faults(&mut conn).await?;
    if faults.is_empty() { Ok(()) } else { Err(BackupError::Unsafe(faults)) }
}

/// Opens a restored installation for use.
pub async fn finish(backup: &Opened, into: &Access, tenancy: &Tenancy) -> Result<(), BackupError> {
    // In the dump this backup was still running.
    let mut tx = tenancy.system("backups are of the installation").await?;
    let (id, taken_at) = (backup.cover.backup_id, backup.cover.taken_at);
    store::ended(&mut tx, id, store::Outcome::Done, taken_at, Some(backup.cover.bytes()), None).await?;
    tx.commit().await?;
    let mut conn = store::connect(&into.admin).await?;
    store::unmark(&mut conn).await
}

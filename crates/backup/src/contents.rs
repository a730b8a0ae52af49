//! What is written down about a backup, and how two states of a database are compared. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::BackupError;

/// The form of the files. A program that finds a higher number does not guess.
pub const FORMAT: u32 = 1;

/// The cover, `backup.json`: enough to find and prove the files. Names no table and no organization, as it is never sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// The form of the files.
    pub format: u32,
    /// Which backup this is.
    pub backup_id: Uuid,
    /// The version of Voxanne that made it.
    pub product: String,
    /// The snapshot's time.
    pub taken_at: Timestamp,
    /// Whether the files beside it are sealed.
    pub sealed: bool,
    /// The other files, in the order in which they were written.
    pub files: Vec<FileEntry>,
}

impl Cover {
    /// Reads `backup.json` and refuses what a later version wrote.
    pub fn read(text: &[u8]) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Edition {
            format: u32,
            product: String,
        }
        let bad = |error: serde_json::Error| BackupError::damaged("backup.json", error.to_string());
        let edition: Edition = serde_json::from_slice(text).map_err(bad)?;
        if edition.format > FORMAT {
            return Err(BackupError::TooNew { product: edition.product, own: env!("CARGO_PKG_VERSION") });
        }
        serde_json::from_slice(text).map_err(bad)
    }

    /// The entry of a file.
    pub fn file(&self, name: &str) -> Result<&FileEntry, BackupError> {
        self.files.iter().find(|file| file.name == name).ok_or_else(|| BackupError::damaged(name, "it is missing"))
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// A file as it lies there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the backup.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// `contents.json`: what is in the dump, and what an operator needs to know to go on from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Version of the schema, as the migrations count.
    pub schema_version: i64,
    /// Version of the server that was dumped, such as `15.18`.
    pub postgres: String,
    /// Its major version. An older server may not take the dump.
    pub postgres_major: u32,
    /// Every table's rows, in the snapshot of the dump.
    pub tables: Vec<TableState>,
    /// Counts and digests of what is not rows: columns, policies, rights, functions and so on.
    pub shape: Vec<TableState>,
    /// How many recordings the manifest names.
    pub recordings: u64,
    /// Their bytes.
    pub recording_bytes: u64,
    /// Whether the recordings lie beside the backup. If not they are where they were, in the storage.
    pub recordings_copied: bool,
    /// The settings that were set, without secrets: their value is null.
    pub settings: BTreeMap<String, Option<String>>,
    /// The text of the site file, if there was one.
    pub site: Option<String>,
    /// A text that only the installation's master key opens, for the place [`key_place`].
    pub key_proof: String,
}

/// Where a backup's proof of the master key is sealed for.
pub fn key_place(backup: Uuid) -> String {
    format!("backup/{backup}")
}

/// One table at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// Its name.
    pub table: String,
    /// Its rows.
    pub rows: i64,
    /// A digest of all rows that does not depend on their order. Columns that the database computes are left out.
    pub digest: String,
}

/// One recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingEntry {
    /// Its key in the storage.
    pub key: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Whether it lies beside the backups.
    pub kept: bool,
}

/// What differs between what was backed up and what is there, one line each. Counts and names, no values.
///
/// `digests`: whether they are compared too. How a server of another major version writes a rule down may differ.
pub fn differences(expected: &[TableState], found: &[TableState], digests: bool) -> Vec<String> {
    let by_name = |states: &[TableState]| -> BTreeMap<String, TableState> {
        states.iter().map(|state| (state.table.clone(), state.clone())).collect()
    };
    let (expected, found) = (by_name(expected), by_name(found));
    let missing =
        expected.keys().filter(|table| !found.contains_key(*table)).map(|table| format!("{table} is missing"));
    let added = found.keys().filter(|table| !expected.contains_key(*table)).map(|table| format!("{table} is new"));
    let changed = expected.iter().filter_map(|(table, then)| {
        let now = found.get(table).filter(|now| now.rows != then.rows || (digests && now.digest != then.digest))?;
        Some(if now.rows == then.rows {
            format!("{table} has {} rows as it should, but other values", now.rows)
        } else {
            format!("{table} has {} rows, not {}", now.rows, then.rows)
        })
    });
    missing.chain(added).chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(table: &str, rows: i64, digest: &str) -> TableState {
        TableState { table: table.to_owned(), rows, digest: digest.to_owned() }
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let then = [state("a", 1, "x"), state("b", 2, "y"), state("c", 3, "z"), state("d", 4, "w")];
        let now = [state("a", 1, "x"), state("b", 1, "y"), state("c", 3, "other"), state("e", 0, "")];
        assert_eq!(
            differences(&then, &now, true),
            ["d is missing", "e is new", "b has 1 rows, not 2", "c has 3 rows as it should, but other values"]
        );
        assert_eq!(differences(&then, &then, true), Vec::<String>::new());
        assert_eq!(differences(&then[2..3], &now[2..3], false), Vec::<String>::new());
    }

    #[test]
    fn a_cover_of_a_later_form_is_refused_by_its_number_and_not_by_its_fields() {
        let error = Cover::read(br#"{"format": 2, "product": "9.0.0", "shape": "new"}"#).unwrap_err();
        assert!(error.to_string().contains("Voxanne 9.0.0"), "{error}");
        assert!(matches!(Cover::read(b"{"), Err(BackupError::Damaged { .. })));
    }
}

//! What can go wrong, each as one sentence that says what to do. Holds no value of a row.

use std::io;

use platform::crypto::stream::StreamError;
use platform::embedded::EmbeddedError;
use platform::tenancy::{DbError, MigrateError};

/// Why a backup was not taken, not proven, or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The place is not one.
    #[error("{0}")]
    BadPlace(String),
    /// The place could not be read or written.
    #[error("cannot {action} {what}: {why}")]
    Place {
        /// What was tried.
        action: &'static str,
        /// On what.
        what: String,
        /// The system's answer.
        why: io::Error,
    },
    /// There is no backup where one was looked for.
    #[error("there is no complete backup in {0}")]
    NoBackup(String),
    /// A file of the backup says something that cannot be.
    #[error("{file} of the backup is damaged: {why}")]
    Damaged {
        /// Which file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The backup is sealed and no key was given.
    #[error("the backup is encrypted: set VOXANNE_BACKUP_KEY to the key it was made with")]
    KeyMissing,
    /// The backup is sealed with another key.
    #[error("the backup was encrypted with another key than VOXANNE_BACKUP_KEY")]
    OtherKey,
    /// A later version made it.
    #[error("the backup was made by Voxanne {product}, which this version ({own}) cannot read: use the newer program")]
    TooNew {
        /// The version that made it.
        product: String,
        /// This version.
        own: &'static str,
    },
    /// The administrator is kept from rows.
    #[error(
        "the login of DATABASE_ADMIN_URL is bound by row security, so a dump would be refused; make it one with BYPASSRLS: \
         alter role NAME bypassrls"
    )]
    BoundLogin,
    /// A program is missing or too old.
    #[error("{0}")]
    Tools(String),
    /// A program failed.
    #[error("{program} failed: {why}")]
    Program {
        /// Which one.
        program: &'static str,
        /// The first line of what it complained about.
        why: String,
    },
    /// The schema changed between the beginning and the end.
    #[error("the database schema was changed while the backup was taken; take it again")]
    SchemaChanged,
    /// A recording could not be kept.
    #[error("recording {key} could not be kept: {why}")]
    Recording {
        /// Its key in the storage, which names nobody.
        key: String,
        /// What happened.
        why: String,
    },
    /// There is something where an empty installation is needed.
    #[error("{0}")]
    NotEmpty(String),
    /// What was restored is not what was backed up.
    #[error("what was restored is not what was backed up: {}", .0.join("; "))]
    Different(Vec<String>),
    /// What was restored would not keep organizations apart.
    #[error("the restored schema does not keep organizations apart: {}", .0.join("; "))]
    Unsafe(Vec<String>),
    /// A statement failed.
    #[error("the database could not be asked: {}", without_values(.0))]
    Sql(sqlx::Error),
    /// The schema does not fit this program.
    #[error(transparent)]
    Schema(#[from] MigrateError),
    /// The process stops, or the trial's thread died.
    #[error("the trial was interrupted")]
    Interrupted,
    /// The cluster of a trial did not start or stop.
    #[error("the cluster for the trial: {0}")]
    Cluster(#[from] EmbeddedError),
    /// The record of backups.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<sqlx::Error> for BackupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl BackupError {
    /// Makes the closure for `map_err` that says what was tried on what.
    pub(crate) fn place(action: &'static str, what: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |why| Self::Place { action, what: what.to_string(), why }
    }

    pub(crate) fn damaged(file: &str, why: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), why: why.into() }
    }

    /// A sealed file that did not open.
    pub(crate) fn unopened(file: &str, error: &StreamError) -> Self {
        match error {
            StreamError::OtherKey => Self::OtherKey,
            error => Self::damaged(file, error.to_string()),
        }
    }

    /// Whether it says that the backup itself is bad, and not that it could not be looked at.
    pub fn condemns_the_backup(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Different(_) | Self::Unsafe(_) | Self::Recording { .. } => true,
            // Where it was to be restored there was no room: that says nothing of the backup.
            Self::Program { why, .. } => !why.contains("No space left"),
            _ => false,
        }
    }
}

/// PostgreSQL's own sentence without its details, which may quote a row.
fn without_values(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

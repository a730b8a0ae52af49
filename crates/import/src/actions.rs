//! The import of a folder, and what is done with rows that wait.
//!
//! [`run`]: a folder's files in their order. [`chunk`]: some hundred rows of a file. [`take`]: what is written of them. [`waiting`]: rows that wait
//! for somebody to decide.

mod chunk;
mod run;
mod take;
mod waiting;

use demos::DemoError;
use identity::organizations::actions::operator_organization;
use platform::clock::Clock;
use platform::crypto::{CryptoError, MasterKey};
use platform::tenancy::{DbError, Tenancy};
use providers::vapi::ParseError;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use voice::ingress::actions::IngestError;

use crate::mapping::Mapping;
use crate::reading::{Folder, ReadError};
use crate::report::Report;
use crate::store::{self, IssueLine};
use run::Run;

pub use waiting::{
    Assigned, Chosen, Reconsidered, assign_chosen, assign_waiting, drop_chosen, list_waiting, reconsider,
    waiting_by_reason,
};

/// Rows that are decided and written together, usually: few enough that nobody waits for them, many enough that a commit costs
/// little of each.
pub const CHUNK_ROWS: usize = 500;

const REASON: &str = "an import brings rows of many organizations, and finds out whose each is";

/// Why an import stopped. What it had taken stays, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Another process imports the same folder.
    #[error("another process imports the same folder at the moment; let it finish, or start again when it has stopped")]
    Another,
    /// The file that was read a moment ago is shorter now.
    #[error("{0} has changed while it was read; start again when nobody writes to it")]
    Changed(String),
    /// A row could not be put into the provider's words.
    #[error("a row could not be put into the provider's words")]
    Words(#[from] ParseError),
    /// A row could not be sealed or opened.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A waiting row cannot be read back.
    #[error("a waiting row cannot be read back")]
    Unreadable,
    /// No such row waits.
    #[error("no such row waits")]
    NotFound,
    /// There is no such organization.
    #[error("there is no such organization")]
    NoSuchOrganization,
    /// An event could not be taken in.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A booking could not be kept.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl ImportError {
    /// Whether the database refused the rows themselves, so that trying again will not help.
    fn is_refusal(&self) -> bool {
        let (Self::Database(database)
        | Self::Ingest(IngestError::Database(database))
        | Self::Demo(DemoError::Database(database))) = self
        else {
            return false;
        };
        matches!(database, DbError::Statement(_)) && !database.is_transient()
    }
}

/// What an import works with.
#[derive(Clone)]
pub struct Importer {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Seals rows that wait.
    pub key: MasterKey,
    /// Rows that are decided and written together, see [`CHUNK_ROWS`].
    pub chunk_rows: usize,
}

/// How far an import is.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// The file that is read.
    pub file: &'a str,
    /// Rows of it that were looked at.
    pub rows: u64,
    /// Bytes of it that were read.
    pub bytes: u64,
    /// Its size in bytes.
    pub of_bytes: u64,
}

/// Told now and then how far an import is.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);

/// Told every issue of an import, in the order of files and lines.
pub type Listener<'a> = &'a mut (dyn FnMut(&IssueLine) + Send);

/// Imports a folder. A dry run reads, decides and reports the same, in a transaction in which PostgreSQL refuses to write.
pub async fn import_folder(
    importer: &Importer,
    folder: &Folder,
    mapping: &Mapping,
    dry_run: bool,
    watch: Watch<'_>,
    listener: Option<Listener<'_>>,
) -> Result<Report, ImportError> {
    let operator = operator_organization(&importer.tenancy).await?;
    let mut tx = importer.tenancy.system(REASON).await?;
    let mut run = if dry_run {
        store::begin_rehearsal(&mut tx).await?;
        Run { importer, mapping, operator, id: Uuid::now_v7(), rehearsal: Some(tx), had_waiting: false }
    } else {
        let fingerprint = [folder.fingerprint()?, mapping.digest].concat();
        let digest = Sha256::digest(fingerprint);
        let (id, _) = store::open_run(&mut tx, &digest, importer.clock.now()).await?;
        let had_waiting = store::count_waiting(&mut tx).await? > 0;
        tx.commit().await?;
        Run { importer, mapping, operator, id, rehearsal: None, had_waiting }
    };
    let report = Box::pin(run.folder(folder, watch, listener)).await;
    match (report, run.rehearsal) {
        (report, Some(tx)) => {
            tx.rollback().await?;
            report
        }
        (report, None) => report,
    }
}

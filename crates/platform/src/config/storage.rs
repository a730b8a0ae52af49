//! Where recordings are kept.

use std::path::PathBuf;

use url::Url;

use super::reader::{Reader, Recorded};
use super::values::{self, MasterKey, Origin};
use super::variables;
use crate::secret::Secret;

/// Where recordings are kept; see [`crate::storage`].
#[derive(Debug, Clone)]
pub struct StorageConfig {
    /// The place.
    pub place: Place,
    /// Keys of what is encrypted, the one that encrypts first. Empty: nothing is encrypted.
    pub keys: Vec<MasterKey>,
    /// Largest recording that is copied, in bytes.
    pub max_recording_bytes: u64,
    /// Recordings that one server copies at a time.
    pub copies_at_once: usize,
    /// Whether files without a row, and rows without a file, are settled, not only reported.
    pub settle_orphans: bool,
}

/// Where files are.
#[derive(Debug, Clone)]
pub enum Place {
    /// In the folder `recordings` of the data directory.
    DataDirectory,
    /// In a folder on this machine.
    Folder(PathBuf),
    /// In a bucket.
    S3(S3Config),
}

/// A bucket and how to reach it.
#[derive(Debug, Clone)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// What every key begins with; may be empty.
    pub prefix: String,
    /// Its region.
    pub region: String,
    /// The service; `None`: Amazon's.
    pub endpoint: Option<Origin>,
    /// Access key id.
    pub access_key: Secret,
    /// Secret access key.
    pub secret_key: Secret,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<StorageConfig, Recorded> {
    let place = place(reader);
    let keys = keys(reader);
    let max_recording_bytes = reader.value(&variables::RECORDING_MAX_BYTES, values::amount);
    let copies_at_once = reader.value(&variables::RECORDINGS_AT_ONCE, |text| values::number_in(text, 1..=64));
    let settle_orphans = reader.value(&variables::ORPHANS, |text| match text {
        "report" => Ok(false),
        "settle" => Ok(true),
        _ => Err("must be report or settle".to_owned()),
    });
    Ok(StorageConfig {
        settle_orphans: settle_orphans?,
        place: place?,
        keys: keys?,
        max_recording_bytes: max_recording_bytes?,
        copies_at_once: usize::try_from(copies_at_once?).unwrap_or(1),
    })
}

/// What an address says.
enum Address {
    Folder(PathBuf),
    Bucket { bucket: String, prefix: String },
}

fn place(reader: &mut Reader<'_>) -> Result<Place, Recorded> {
    let address = reader.optional(&variables::STORAGE_URL, address);
    let endpoint = reader.optional(&variables::S3_ENDPOINT, str::parse);
    let region = reader.value(&variables::S3_REGION, |text| Ok(text.to_owned()));
    let access_key = reader.secret(&variables::S3_ACCESS_KEY);
    let secret_key = reader.secret(&variables::S3_SECRET_KEY);
    let (endpoint, region, access_key, secret_key) = (endpoint?, region?, access_key?, secret_key?);
    match address? {
        None => Ok(Place::DataDirectory),
        Some(Address::Folder(folder)) => Ok(Place::Folder(folder)),
        Some(Address::Bucket { bucket, prefix }) => {
            let needed = |reader: &mut Reader<'_>, variable, secret: Option<Secret>| {
                secret.ok_or_else(|| reader.problem(variable, "must be set, as recordings are to be kept in S3"))
            };
            let access_key = needed(reader, &variables::S3_ACCESS_KEY, access_key);
            let secret_key = needed(reader, &variables::S3_SECRET_KEY, secret_key);
            Ok(Place::S3(S3Config {
                bucket,
                prefix,
                region,
                endpoint,
                access_key: access_key?,
                secret_key: secret_key?,
            }))
        }
    }
}

fn address(text: &str) -> Result<Address, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("must be only a place, without a user, a query or a fragment".to_owned());
    }
    match url.scheme() {
        "file" => url.to_file_path().map(Address::Folder).map_err(|()| "must be a folder of this machine".to_owned()),
        "s3" => {
            let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or("must name a bucket")?.to_owned();
            let prefix = url.path().trim_matches('/').to_owned();
            Ok(Address::Bucket { bucket, prefix })
        }
        _ => Err("must begin with file:/// or s3://".to_owned()),
    }
}

fn keys(reader: &mut Reader<'_>) -> Result<Vec<MasterKey>, Recorded> {
    super::secrets(reader, &variables::STORAGE_KEY)?
        .iter()
        .map(|secret| secret.expose().parse().map_err(|what: String| reader.problem(&variables::STORAGE_KEY, what)))
        .collect()
}

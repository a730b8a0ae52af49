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

/// How S3 is reached, whatever the bucket.
#[derive(Debug, Clone)]
pub struct S3Access {
    /// The buckets' region.
    pub region: String,
    /// The service; `None`: Amazon's.
    pub endpoint: Option<Origin>,
    /// Access key id.
    pub access_key: Secret,
    /// Secret access key.
    pub secret_key: Secret,
}

impl S3Access {
    /// A bucket, below a prefix that may be empty.
    pub fn bucket(&self, bucket: &str, prefix: &str) -> S3Config {
        S3Config {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            region: self.region.clone(),
            endpoint: self.endpoint.clone(),
            access_key: self.access_key.clone(),
            secret_key: self.secret_key.clone(),
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, s3: &S3Settings) -> Result<StorageConfig, Recorded> {
    let place = place(reader, s3);
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

fn place(reader: &mut Reader<'_>, s3: &S3Settings) -> Result<Place, Recorded> {
    match reader.optional(&variables::STORAGE_URL, address)? {
        None => Ok(Place::DataDirectory),
        Some(Address::Folder(folder)) => Ok(Place::Folder(folder)),
        Some(Address::Bucket { bucket, prefix }) => {
            Ok(Place::S3(s3.needed(reader, "as recordings are to be kept in S3")?.bucket(&bucket, &prefix)))
        }
    }
}

/// What is set of how S3 is reached.
pub(super) struct S3Settings {
    region: String,
    endpoint: Option<Origin>,
    access_key: Option<Secret>,
    secret_key: Option<Secret>,
}

impl S3Settings {
    /// All of it, if it is set.
    pub(super) fn whole(&self) -> Option<S3Access> {
        let (access_key, secret_key) = self.access_key.clone().zip(self.secret_key.clone())?;
        Some(S3Access { region: self.region.clone(), endpoint: self.endpoint.clone(), access_key, secret_key })
    }

    /// All of it; each key that is missing is a problem.
    pub(super) fn needed(&self, reader: &mut Reader<'_>, why: &str) -> Result<S3Access, Recorded> {
        let keys = [(&variables::S3_ACCESS_KEY, &self.access_key), (&variables::S3_SECRET_KEY, &self.secret_key)];
        let mut missing = None;
        for (variable, _) in keys.into_iter().filter(|(_, key)| key.is_none()) {
            missing = Some(reader.problem(variable, format!("must be set, {why}")));
        }
        match (missing, self.whole()) {
            (None, Some(access)) => Ok(access),
            (Some(recorded), _) => Err(recorded),
            (None, None) => Err(reader.problem(&variables::S3_ACCESS_KEY, "must be set")),
        }
    }
}

/// Reads how S3 is reached.
pub(super) fn s3(reader: &mut Reader<'_>) -> Result<S3Settings, Recorded> {
    let endpoint = reader.optional(&variables::S3_ENDPOINT, str::parse);
    let region = reader.value(&variables::S3_REGION, |text| Ok(text.to_owned()));
    let access_key = reader.secret(&variables::S3_ACCESS_KEY);
    let secret_key = reader.secret(&variables::S3_SECRET_KEY);
    Ok(S3Settings { endpoint: endpoint?, region: region?, access_key: access_key?, secret_key: secret_key? })
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

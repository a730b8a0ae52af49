//! The same promises of a folder, plain and encrypted, and of S3 (`test_support::s3`).

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use test_support::s3::{ACCESS_KEY, REGION, S3, SECRET_KEY};

use super::*;
use crate::secret::Secret;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("voxanne-storage-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn storage(&self, keys: &[u8]) -> Storage {
        Storage::open(&config(Place::DataDirectory, keys), &self.0).unwrap()
    }

    /// What is stored, by its name in the folder.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.0.join("recordings")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push((entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()));
                }
            }
        }
        found
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn config(place: Place, keys: &[u8]) -> StorageConfig {
    let keys = keys.iter().map(|byte| STANDARD.encode([*byte; 32]).parse().unwrap()).collect();
    StorageConfig { place, keys, max_recording_bytes: 1 << 31, copies_at_once: 4, settle_orphans: false }
}

fn now() -> Timestamp {
    crate::clock::Clock::system().now()
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn noise(length: usize) -> Bytes {
    (0..251_u8).cycle().step_by(31).take(length).collect::<Vec<u8>>().into()
}

async fn put(storage: &Storage, name: &str, bytes: &Bytes) {
    let parts = (0..bytes.len()).step_by(100_000).map(|at| Ok(bytes.slice(at..(at + 100_000).min(bytes.len()))));
    let size = storage.put::<_, StorageError>(&key(name), futures::stream::iter(parts)).await.unwrap();
    assert_eq!(size, bytes.len() as u64);
}

async fn read(storage: &Storage, name: &str, range: Option<Range<u64>>) -> Bytes {
    storage.get(&key(name), range).await.unwrap().bytes().await.unwrap()
}

/// What every place promises.
async fn keeps_its_promises(storage: &Storage, large: usize) {
    storage.probe(now()).await.unwrap();
    assert!(storage.listed(None).try_collect::<Vec<_>>().await.unwrap().is_empty(), "a probe leaves nothing");
    assert!(matches!(storage.get(&key("a/b/none"), None).await, Err(StorageError::NotFound)));
    assert!(matches!(storage.head(&key("a/b/none")).await, Err(StorageError::NotFound)));
    storage.delete(&key("a/b/none")).await.unwrap();

    let large = noise(large);
    put(storage, "org/call/large", &large).await;
    put(storage, "org/call/small", &noise(10)).await;
    put(storage, "org/other/empty", &Bytes::new()).await;
    assert_eq!(storage.head(&key("org/call/large")).await.unwrap().size, large.len() as u64);
    assert_eq!(read(storage, "org/call/large", None).await, large);
    for (from, to) in
        [(0, 1), (65_535, 65_537), (large.len() - 10, large.len() + 500), (large.len() / 2 - 3, large.len() / 2 + 3)]
    {
        let body = storage.get(&key("org/call/large"), Some(from as u64..to as u64)).await.unwrap();
        let to = to.min(large.len());
        assert_eq!((body.size, body.range.clone()), (large.len() as u64, from as u64..to as u64));
        assert_eq!(body.bytes().await.unwrap(), large[from..to], "{from}..{to}");
    }
    let beyond = storage.get(&key("org/call/small"), Some(10..20)).await.err().unwrap();
    assert!(matches!(beyond, StorageError::Range { size: 10 }), "{beyond:?}");
    assert!(read(storage, "org/other/empty", None).await.is_empty());

    put(storage, "org/call/small", &noise(20)).await;
    assert_eq!(read(storage, "org/call/small", None).await, noise(20), "the newer one");

    let mut listed: Vec<String> =
        storage.list(Some(&key("org/call"))).map_ok(|entry| entry.key).try_collect().await.unwrap();
    listed.sort();
    assert_eq!(listed, ["org/call/large", "org/call/small"]);
    assert_eq!(storage.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 3);

    // A stream that breaks leaves nothing, and an upload that is forgotten neither.
    let broken = futures::stream::iter([Ok(noise(200_000)), Err(StorageError::NoKey)]);
    assert!(matches!(storage.put(&key("org/call/broken"), broken).await, Err(StorageError::NoKey)));
    let mut forgotten = storage.create(&key("org/call/forgotten")).await.unwrap();
    forgotten.write(noise(200_000)).await.unwrap();
    drop(forgotten);
    assert_eq!(storage.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 3);

    for name in ["org/call/large", "org/call/small", "org/other/empty"] {
        storage.delete(&key(name)).await.unwrap();
    }
    assert!(storage.list(None).try_collect::<Vec<_>>().await.unwrap().is_empty());
}

#[test]
fn a_key_stays_within_its_place() {
    for good in ["a", "0192/0193/0194.1", "a-b_c/d.wav"] {
        assert!(Key::new(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        "./a",
        ".a",
        "a..b",
        "A",
        "a b",
        "a\\b",
        "a%2fb",
        "ä",
        "a\0",
        &"x".repeat(513),
    ] {
        assert!(matches!(Key::new(bad), Err(StorageError::BadKey)), "{bad}");
    }
}

#[tokio::test]
async fn a_folder_keeps_files() {
    let folder = Folder::new();
    keeps_its_promises(&folder.storage(&[]), FOLDER_PART * 3 + 12_345).await;
    let mode = std::fs::metadata(folder.0.join("recordings")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn an_encrypted_folder_keeps_files_that_nobody_else_reads() {
    let folder = Folder::new();
    keeps_its_promises(&folder.storage(&[1]), 300_000).await;

    put(&folder.storage(&[]), "org/call/before", &noise(5000)).await;
    put(&folder.storage(&[1]), "org/call/after", &noise(5000)).await;
    let stored: BTreeMap<_, _> = folder.files().into_iter().collect();
    assert_eq!(stored["before"], noise(5000));
    assert!(!stored["after"].windows(16).any(|window| window == &noise(16)[..]), "it is encrypted");

    let both = folder.storage(&[2, 1]);
    for name in ["org/call/before", "org/call/after"] {
        assert_eq!(read(&both, name, Some(100..4000)).await, noise(5000).slice(100..4000), "{name}");
    }
    let without = folder.storage(&[]);
    assert!(matches!(without.get(&key("org/call/after"), None).await, Err(StorageError::NoKey)));
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_and_nothing_else() {
    let folder = Folder::new();
    let storage = folder.storage(&[]);
    put(&storage, "org/call/whole", &noise(10)).await;
    let mut upload = storage.create(&key("org/call/half")).await.unwrap();
    upload.write(noise(FOLDER_PART + 1)).await.unwrap();
    std::mem::forget(upload);
    assert_eq!(folder.files().len(), 2, "the half is there under a name of its own");
    assert_eq!(storage.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 1, "and is no file");
    std::fs::write(folder.0.join("recordings/notes#1"), "somebody's").unwrap();
    let is_ours = |key: &str| key.starts_with("org/");
    assert_eq!(storage.remove_unfinished(Timestamp::UNIX_EPOCH, is_ours).await.unwrap(), 0, "it may be at work");
    assert_eq!(storage.remove_unfinished(Timestamp::MAX, is_ours).await.unwrap(), 1);
    let mut left: Vec<String> = folder.files().into_iter().map(|(name, _)| name).collect();
    left.sort();
    assert_eq!(left, ["notes#1", "whole"]);
}

#[tokio::test]
async fn what_a_killed_probe_left_is_no_file_and_goes_after_an_hour() {
    let folder = Folder::new();
    let storage = folder.storage(&[]);
    put(&storage, "probe/0011", &noise(10)).await;
    put(&storage, "probes/0011", &noise(10)).await;
    storage.probe(now()).await.unwrap();
    assert_eq!(folder.files().len(), 2, "it may be at work");
    let listed: Vec<Entry> = storage.list(None).try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["probes/0011"]);
    storage.probe(now() + SignedDuration::from_hours(2)).await.unwrap();
    assert_eq!(folder.files().len(), 1);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_says_so() {
    if nix::unistd::geteuid().is_root() {
        // Permissions do not bind root; what is no folder does.
        let folder = Folder::new();
        std::fs::write(folder.0.join("recordings"), "").unwrap();
        let failed = folder.storage(&[]).prepare().unwrap_err();
        assert!(matches!(failed, StorageError::Folder { .. }), "{failed:?}");
        return;
    }
    let folder = Folder::new();
    let storage = folder.storage(&[]);
    storage.probe(now()).await.unwrap();
    std::fs::set_permissions(folder.0.join("recordings"), std::fs::Permissions::from_mode(0o500)).unwrap();
    assert_eq!(storage.create(&key("a/b/c")).await.err().unwrap().class(), "denied");
    assert_eq!(storage.probe(now()).await.unwrap_err().class(), "denied");
    std::fs::set_permissions(folder.0.join("recordings"), std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_full_disk_has_its_own_class() {
    let of = |kind: std::io::ErrorKind| {
        let source = Box::new(std::io::Error::from(kind));
        StorageError::from(object_store::Error::Generic { store: "LocalFileSystem", source }).class()
    };
    assert_eq!(of(std::io::ErrorKind::StorageFull), "full");
    assert_eq!(of(std::io::ErrorKind::QuotaExceeded), "full");
    assert_eq!(of(std::io::ErrorKind::PermissionDenied), "denied");
    assert_eq!(of(std::io::ErrorKind::TimedOut), "failed");
}

#[tokio::test]
async fn s3_keeps_files_under_its_prefix_and_refuses_a_wrong_key() {
    let server = S3::start("sounds").await;
    let place = |access_key: &str| {
        Place::S3(S3Config {
            bucket: "sounds".to_owned(),
            prefix: "voxanne/eu".to_owned(),
            region: REGION.to_owned(),
            endpoint: Some(server.endpoint().parse().unwrap()),
            access_key: Secret::new(access_key),
            secret_key: Secret::new(SECRET_KEY),
        })
    };
    let nowhere = FilePath::new("/nowhere");
    // More than one part of an upload.
    for (keys, large) in [(&[][..], S3_PART * 2 + 12_345), (&[9], 300_000)] {
        keeps_its_promises(&Storage::open(&config(place(ACCESS_KEY), keys), nowhere).unwrap(), large).await;
    }
    let storage = Storage::open(&config(place(ACCESS_KEY), &[]), nowhere).unwrap();
    put(&storage, "org/call/1", &noise(3)).await;
    assert_eq!(server.names(), ["voxanne/eu/org/call/1"]);

    let stranger = Storage::open(&config(place("AKIAOTHER"), &[]), nowhere).unwrap();
    let refused = stranger.probe(now()).await.unwrap_err();
    assert_eq!(refused.class(), "denied", "{refused:?}");
    assert!(!format!("{stranger:?} {refused:?}").contains(SECRET_KEY));
}

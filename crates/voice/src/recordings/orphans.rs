//! What storage and rows do not agree about: files that no row names, and rows whose file is gone.
//!
//! A run of copying writes a file of its own (`<organization>/<call>/<recording>.<run>`) and names it in the row at its end. So a
//! file that no row names was left by a run that died, or belongs to one that goes on. Before such a file is removed the row
//! is locked, and unless a later run has begun, the run is counted as superseded: from then on no run can ever name the file.
//! So a file that a row names, or may yet name, is never removed, whatever happens at the same time.
//!
//! Nothing younger than a day is touched. Files whose names are none of ours are counted and left alone.

use std::collections::HashSet;

use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use platform::ids::{CallId, OrgId, RecordingId};
use platform::jobs::{JobError, Jobs};
use platform::storage::{Entry, Key, Storage, StorageError};
use platform::tenancy::{DbError, Tenancy};

use super::jobs::{QUEUE, job};
use super::model::{Reason, State};
use super::store;

/// How old a file or a row is before it is looked at.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// How long the provider keeps a recording at the least: what is lost here may still be there.
const PROVIDER_KEEPS: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Files or rows looked at together.
const BATCH: usize = 500;
/// From so many rows on a storage that lacks half of them is taken for the wrong one.
const ENOUGH: u64 = 10;

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is counted.
    Report,
    /// Files that no row names are removed; rows whose file is gone say so, and are copied again where the provider may still
    /// have the sound.
    Settle,
}

/// Why the look was not finished.
#[derive(Debug, thiserror::Error)]
pub enum OrphanError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A job could not be made.
    #[error(transparent)]
    Job(#[from] JobError),
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Files in the storage.
    pub files: u64,
    /// Of these, files that no row names, older than a day.
    pub orphans: u64,
    /// Of these, removed now.
    pub removed: u64,
    /// Files whose names are none of ours.
    pub foreign: u64,
    /// Rows that name a file, older than a day.
    pub rows: u64,
    /// Of these, rows whose file is gone.
    pub lost: u64,
    /// Of these, copied again.
    pub wanted_again: u64,
    /// So many files are missing that the storage must be another one: no row was touched.
    pub wrong_storage: bool,
}

/// A file of ours, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    org: OrgId,
    recording: RecordingId,
    run: i32,
}

impl Name {
    /// None: it is not named as we name files.
    pub(super) fn read(key: &str) -> Option<Self> {
        let mut parts = key.split('/');
        let (org, call, file) = (parts.next()?, parts.next()?, parts.next()?);
        let _: CallId = call.parse().ok()?;
        let (recording, run) = file.split_once('.')?;
        let name = Self { org: org.parse().ok()?, recording: recording.parse().ok()?, run: run.parse().ok()? };
        parts.next().is_none().then_some(name)
    }
}

/// Looks for what storage and rows do not agree about.
#[derive(Clone)]
pub struct Sweeper {
    /// The way to the database.
    pub tenancy: Tenancy,
    /// The time.
    pub clock: Clock,
    /// Where files are.
    pub storage: Storage,
    /// Has lost ones copied again.
    pub jobs: Jobs,
}

impl Sweeper {
    /// Looks through all files and all rows.
    pub async fn sweep(&self, mode: Mode) -> Result<Found, OrphanError> {
        let mut found = Found::default();
        self.files(mode, &mut found).await?;
        self.rows(mode, &mut found).await?;
        Ok(found)
    }

    async fn files(&self, mode: Mode, found: &mut Found) -> Result<(), OrphanError> {
        let old = self.old();
        let mut listing = self.storage.list(None).try_chunks(BATCH);
        while let Some(entries) = listing.try_next().await.map_err(|stopped| stopped.1)? {
            found.files += entries.len() as u64;
            let named = self.named(&entries).await?;
            for entry in entries.into_iter().filter(|entry| !named.contains(&entry.key)) {
                let Some(name) = Name::read(&entry.key) else {
                    found.foreign += 1;
                    continue;
                };
                if entry.modified >= old {
                    continue;
                }
                found.orphans += 1;
                if mode == Mode::Settle && self.remove(name, &entry.key).await? {
                    found.removed += 1;
                }
            }
        }
        Ok(())
    }

    async fn named(&self, entries: &[Entry]) -> Result<HashSet<String>, DbError> {
        let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let mut tx = self.tenancy.system("find which files of recordings are named by a row").await?;
        let named = store::named_files(&mut tx, &keys).await?;
        tx.commit().await?;
        Ok(named)
    }

    /// Removes a file after no run can name it any more. False: a row names it after all.
    async fn remove(&self, name: Name, key: &str) -> Result<bool, OrphanError> {
        if !self.disown(name, key).await? {
            return Ok(false);
        }
        self.storage.delete(&Key::new(key)?).await?;
        metrics::counter!("recording_orphans_removed_total").increment(1);
        Ok(true)
    }

    /// Sees to it that no run can ever name the file. False: a row names it.
    pub(super) async fn disown(&self, name: Name, key: &str) -> Result<bool, DbError> {
        let mut tx = self.tenancy.tenant(name.org).await?;
        let disowned = store::disown(&mut tx, name.recording, name.run, key).await?;
        tx.commit().await?;
        Ok(disowned)
    }

    async fn rows(&self, mode: Mode, found: &mut Found) -> Result<(), OrphanError> {
        let mut lost = Vec::new();
        let mut after = None;
        loop {
            let mut tx = self.tenancy.system("find recordings of all organizations whose file is gone").await?;
            let rows = store::ready_files(&mut tx, after, self.old(), BATCH).await?;
            tx.commit().await?;
            let Some((org, id, _)) = rows.last() else { break };
            after = Some((*org, *id));
            found.rows += rows.len() as u64;
            for (org, id, key) in rows {
                if self.is_gone(&key).await? {
                    lost.push((org, id, key));
                }
            }
        }
        found.lost = lost.len() as u64;
        // An empty mount, or another bucket: to believe it would mark every recording as lost.
        found.wrong_storage = found.rows >= ENOUGH && found.lost * 2 > found.rows;
        if mode == Mode::Settle && !found.wrong_storage {
            for (org, id, key) in lost {
                found.wanted_again += u64::from(self.admit(org, id, &key).await?);
            }
        }
        Ok(())
    }

    async fn is_gone(&self, key: &str) -> Result<bool, StorageError> {
        match self.storage.head(&Key::new(key)?).await {
            Ok(_) => Ok(false),
            Err(StorageError::NotFound) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Lets a row say that its file is gone, and has it copied again where that may work. True: it is copied again.
    async fn admit(&self, org: OrgId, id: RecordingId, key: &str) -> Result<bool, OrphanError> {
        let now = self.clock.now();
        let mut tx = self.tenancy.tenant(org).await?;
        let Some((call, at)) = store::lose_file(&mut tx, id, key).await? else { return Ok(false) };
        let detail = "the file is not in the storage any more";
        store::set_state(&mut tx, id, State::Failed, Some((Reason::Storage, detail))).await?;
        let may_be_there = now.duration_since(at) < PROVIDER_KEEPS;
        if may_be_there && store::want_again(&mut tx, id, now).await?.is_some() {
            self.jobs.enqueue(&mut tx, job(id)).await?;
        }
        store::follow(&mut tx, call).await?;
        store::tell(&mut tx, "recording.failed", call).await?;
        tx.commit().await?;
        if may_be_there {
            self.jobs.wake(QUEUE);
        }
        Ok(may_be_there)
    }

    fn old(&self) -> Timestamp {
        self.clock.now().checked_sub(GRACE).unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use platform::config::{Place, StorageConfig};
    use platform::tasks::Tasks;
    use test_support::TestDb;

    use super::super::model::{File, Media};
    use super::*;

    struct Stage {
        db: TestDb,
        sweeper: Sweeper,
        org: OrgId,
    }

    impl Stage {
        async fn new() -> Self {
            let db = TestDb::new().await;
            let config = StorageConfig {
                place: Place::Folder(db.scratch_dir().join("recordings")),
                keys: Vec::new(),
                max_recording_bytes: 0,
                copies_at_once: 0,
                settle_orphans: false,
            };
            std::fs::create_dir_all(db.scratch_dir().join("recordings")).unwrap();
            let sweeper = Sweeper {
                tenancy: db.tenancy(),
                clock: db.clock(),
                storage: Storage::open(&config, &db.scratch_dir()).unwrap(),
                jobs: Jobs::new(db.tenancy(), db.clock(), Tasks::new()),
            };
            let org = db.organization("Practice").await;
            // Files carry the machine's time: from here on whatever is written now is older than a day.
            db.clock().advance(SignedDuration::from_hours(24 * 365 * 20));
            Self { db, sweeper, org }
        }

        /// A recording that waits to be copied, of a call of so many days ago.
        async fn recording(&self, days: i64) -> (CallId, RecordingId) {
            let (call, id) = (CallId::new(), RecordingId::new());
            let at = self.sweeper.clock.now() - SignedDuration::from_hours(24 * days);
            let at = jiff_sqlx::ToSqlx::to_sqlx(at);
            let mut tx = self.sweeper.tenancy.tenant(self.org).await.unwrap();
            for sql in [
                "insert into call_logs (org_id, id, provider, provider_call_id, status, at)
                 values ($1, $2, 'vapi', $2::text, 'ended', $4)",
                "insert into call_tracking (org_id, id, provider, provider_call_id, status, status_rank, at)
                 values ($1, $2, 'vapi', $2::text, 'ended', 5, $4)",
                "insert into call_recordings (org_id, call_id, recording_id, channel, created_at)
                 values ($1, $2, $3, 'stereo', $4)",
            ] {
                // Every statement is given all four, and names what it needs.
                let sql = format!("with given as (select $1::uuid, $2::uuid, $3::uuid, $4::timestamptz) {sql}");
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(self.org)
                    .bind(call)
                    .bind(id)
                    .bind(at)
                    .execute(tx.conn())
                    .await
                    .unwrap();
            }
            tx.commit().await.unwrap();
            (call, id)
        }

        fn key(&self, (call, id): (CallId, RecordingId), run: i32) -> String {
            format!("{}/{call}/{id}.{run}", self.org)
        }

        async fn begin(&self, id: RecordingId) -> i32 {
            let mut tx = self.sweeper.tenancy.tenant(self.org).await.unwrap();
            let begun = store::begin(&mut tx, id, self.sweeper.clock.now()).await.unwrap();
            tx.commit().await.unwrap();
            begun.map_or(0, |begun| begun.run)
        }

        async fn write(&self, key: &str) {
            let bytes = futures::stream::iter([Ok::<_, StorageError>(Bytes::from_static(b"RIFF"))]);
            self.sweeper.storage.put(&Key::new(key).unwrap(), bytes).await.unwrap();
        }

        /// What a run does at its end. False: another has taken over.
        async fn name(&self, id: RecordingId, run: i32, key: &str) -> bool {
            let mut tx = self.sweeper.tenancy.tenant(self.org).await.unwrap();
            let owned = store::lock_run(&mut tx, id, run).await.unwrap();
            if owned {
                let file = File {
                    key: key.to_owned(),
                    size: 4,
                    sha256: vec![0; 32],
                    media: Media::Wav,
                    duration: None,
                    channels: None,
                    peaks: None,
                    copied_at: self.sweeper.clock.now() - SignedDuration::from_hours(48),
                };
                store::set_ready(&mut tx, id, &file).await.unwrap();
            }
            tx.commit().await.unwrap();
            owned
        }

        async fn is_there(&self, key: &str) -> bool {
            !self.sweeper.is_gone(key).await.unwrap()
        }

        /// The file that the row names.
        async fn named(&self, id: RecordingId) -> Option<String> {
            let mut tx = self.sweeper.tenancy.tenant(self.org).await.unwrap();
            let recording = store::find(&mut tx, id).await.unwrap().unwrap();
            tx.commit().await.unwrap();
            recording.file.map(|file| file.key)
        }

        async fn state(&self, id: RecordingId) -> String {
            sqlx::query_scalar("select state::text from call_recordings where recording_id = $1")
                .bind(id)
                .fetch_one(&mut self.db.admin().await)
                .await
                .unwrap()
        }
    }

    /// All ways to shuffle sequences of these lengths into one another, as the numbers of the sequences.
    fn interleavings(lengths: [usize; 3]) -> Vec<Vec<usize>> {
        if lengths.iter().all(|length| *length == 0) {
            return vec![Vec::new()];
        }
        (0..3)
            .filter(|track| lengths[*track] > 0)
            .flat_map(|track| {
                let mut fewer = lengths;
                fewer[track] -= 1;
                interleavings(fewer).into_iter().map(move |rest| [vec![track], rest].concat())
            })
            .collect()
    }

    /// A run that writes and names its file, a second run that takes over from a worker that seems dead, and a sweep: in every
    /// order of their steps.
    #[tokio::test]
    async fn whatever_interleaves_a_file_that_a_row_names_is_never_removed() {
        let stage = Stage::new().await;
        let orders = interleavings([2, 3, 3]);
        assert_eq!(orders.len(), 560);
        let (mut removed, mut named) = (0, 0);
        for order in orders {
            let of = stage.recording(1).await;
            let first = stage.begin(of.1).await;
            let first_key = stage.key(of, first);
            let (mut second, mut listed, mut disowned) = (0, None, false);
            let mut steps = [0; 3];
            for track in order.iter().copied() {
                steps[track] += 1;
                match (track, steps[track]) {
                    (0, 1) => stage.write(&first_key).await,
                    (0, _) => named += u32::from(stage.name(of.1, first, &first_key).await),
                    (1, 1) => second = stage.begin(of.1).await,
                    (1, 2) if second > 0 => stage.write(&stage.key(of, second)).await,
                    (1, 3) if second > 0 => {
                        named += u32::from(stage.name(of.1, second, &stage.key(of, second)).await);
                    }
                    // The sweep goes for whichever of the files it sees first.
                    (2, 1) => {
                        for run in [first, second] {
                            let key = stage.key(of, run);
                            if run > 0 && listed.is_none() && stage.is_there(&key).await {
                                listed = Some((run, key));
                            }
                        }
                    }
                    (2, 2) => {
                        if let Some((run, key)) = &listed {
                            let name = Name { org: stage.org, recording: of.1, run: *run };
                            disowned = stage.sweeper.disown(name, key).await.unwrap();
                        }
                    }
                    (2, 3) if disowned => {
                        if let Some((_, key)) = &listed {
                            stage.sweeper.storage.delete(&Key::new(key.clone()).unwrap()).await.unwrap();
                            removed += 1;
                        }
                    }
                    _ => {}
                }
                if let Some(key) = stage.named(of.1).await {
                    assert!(stage.is_there(&key).await, "{order:?}: the row names a file that is gone");
                }
            }
        }
        assert!(removed > 50 && named > 50, "both happen: {removed} removed, {named} named");
    }

    #[tokio::test]
    async fn a_sweep_only_counts_until_it_is_told_to_settle() {
        let stage = Stage::new().await;
        let (whole, orphan, lost, old) =
            (stage.recording(1).await, stage.recording(1).await, stage.recording(1).await, stage.recording(30).await);
        for of in [whole, lost, old] {
            let run = stage.begin(of.1).await;
            stage.write(&stage.key(of, run)).await;
            assert!(stage.name(of.1, run, &stage.key(of, run)).await);
        }
        for of in [lost, old] {
            stage.sweeper.storage.delete(&Key::new(stage.key(of, 1)).unwrap()).await.unwrap();
        }
        stage.begin(orphan.1).await;
        stage.write(&stage.key(orphan, 1)).await;
        stage.write("somebody-elses-notes").await;

        let found = Found { files: 3, orphans: 1, foreign: 1, rows: 3, lost: 2, ..Found::default() };
        for _ in 0..2 {
            assert_eq!(stage.sweeper.sweep(Mode::Report).await.unwrap(), found);
        }
        let settled = stage.sweeper.sweep(Mode::Settle).await.unwrap();
        assert_eq!(settled, Found { removed: 1, wanted_again: 1, ..found });
        assert!(stage.is_there(&stage.key(whole, 1)).await && stage.is_there("somebody-elses-notes").await);
        assert!(!stage.is_there(&stage.key(orphan, 1)).await);
        let states = (stage.state(whole.1).await, stage.state(lost.1).await, stage.state(old.1).await);
        assert_eq!(states, ("ready".to_owned(), "pending".to_owned(), "failed".to_owned()));
        assert_eq!(stage.begin(orphan.1).await, 3, "the run that wrote it cannot name it any more");

        let nothing = Found { files: 2, foreign: 1, rows: 1, ..Found::default() };
        assert_eq!(stage.sweeper.sweep(Mode::Settle).await.unwrap(), nothing);
    }

    #[tokio::test]
    async fn what_is_fresh_is_left_alone_and_an_empty_storage_is_not_believed() {
        let stage = Stage::new().await;
        for _ in 0..12 {
            let of = stage.recording(1).await;
            let run = stage.begin(of.1).await;
            assert!(stage.name(of.1, run, &stage.key(of, run)).await, "named, and no file was ever written");
        }
        let found = stage.sweeper.sweep(Mode::Settle).await.unwrap();
        assert!(found.wrong_storage && found.lost == 12 && found.wanted_again == 0, "{found:?}");

        let stage = Stage::new().await;
        let of = stage.recording(1).await;
        stage.begin(of.1).await;
        stage.write(&stage.key(of, 1)).await;
        let fresh = Sweeper { clock: Clock::system(), ..stage.sweeper.clone() };
        assert_eq!(fresh.sweep(Mode::Settle).await.unwrap(), Found { files: 1, ..Found::default() });
        assert!(stage.is_there(&stage.key(of, 1)).await);
    }

    #[test]
    fn only_names_of_ours_are_read() {
        let (org, call, id) = (OrgId::new(), CallId::new(), RecordingId::new());
        let name = Name::read(&format!("{org}/{call}/{id}.3"));
        assert_eq!(name, Some(Name { org, recording: id, run: 3 }));
        for foreign in [
            "probe".to_owned(),
            format!("{org}/{id}.3"),
            format!("{org}/{call}/{id}"),
            format!("{org}/{call}/{id}.x"),
            format!("{org}/{call}/{id}.3/more"),
            format!("{org}/notes/{id}.3"),
        ] {
            assert_eq!(Name::read(&foreign), None, "{foreign}");
        }
    }
}

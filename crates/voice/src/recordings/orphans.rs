//! What storage and rows do not agree about: files that no row names, and rows whose file is gone.
//!
//! A run of copying writes a file of its own (`<organization>/<call>/<recording>.<run>`) and names it in the row at its end. So a
//! file that no row names was left by a run that died, or belongs to one that goes on. Before such a file is removed the row
//! is locked, and unless a later run has begun, the run is counted as superseded: from then on no run can ever name the file.
//! So a file that a row names, or may yet name, is never removed, whatever happens at the same time.
//!
//! A row whose file is gone says so and goes on naming it. So a place that was only away loses nothing when it is back: its files
//! are still named, and the rows are ready again.
//!
//! Nothing younger than a day is touched. Files whose names are none of ours, or name an organization of another
//! installation, are counted and left alone. Where most of one side lacks the other, nothing is done about it: then it is
//! the wrong storage, or the wrong database.

use std::collections::HashSet;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use platform::clock::Clock;
use platform::ids::{CallId, OrgId, RecordingId};
use platform::jobs::{JobError, Jobs, Report};
use platform::storage::{Entry, Key, Storage, StorageError};
use platform::tenancy::{DbError, Tenancy};
use uuid::Uuid;

use super::jobs::{QUEUE, job};
use super::model::PROVIDER_KEEPS;
use super::store::{self, Naming};

/// How old a file or a row is before it is looked at.
const GRACE: SignedDuration = SignedDuration::from_hours(24);
/// Files or rows looked at together.
const BATCH: usize = 500;
/// Questions to the storage at a time: a bucket answers each in tens of milliseconds.
const AT_ONCE: usize = 8;
/// From so many on, a side of which most lacks the other is taken for the wrong one.
const ENOUGH: u64 = 10;
/// Files or rows that one look settles; the next day goes on.
const MOST: usize = 10_000;

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is counted.
    Report,
    /// Files that no row names are removed. Rows whose file is gone say so, and are copied again where the provider may still
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
    /// Of these, files that are none of this installation's.
    pub foreign: u64,
    /// Of these, files that no row names, older than a day.
    pub orphans: u64,
    /// Of these, removed now.
    pub removed: u64,
    /// Half-written files that a killed process left, older than a day, removed now: they never were files.
    pub unfinished: u64,
    /// Rows that name a file, older than a day.
    pub rows: u64,
    /// Of these, rows that were ready and whose file is gone.
    pub lost: u64,
    /// Of these, copied again.
    pub wanted_again: u64,
    /// Of the rows, those whose file was gone and is there again.
    pub returned: u64,
    /// Of the rows, those whose file is there and cannot be opened: its key is not configured, or it is damaged.
    pub unreadable: u64,
}

impl Found {
    /// Whether so many files belong to no row that the rows must be those of another time or place.
    fn is_other_database(&self) -> bool {
        self.orphans >= ENOUGH && self.orphans * 2 > self.files - self.foreign
    }

    /// Whether so many files are missing that the storage must be another one: an empty mount, another bucket.
    fn is_other_storage(&self) -> bool {
        self.lost >= ENOUGH && self.lost * 2 > self.rows
    }

    /// For the operator, on the page Jobs.
    pub fn report(&self) -> Report {
        let report = Report::new()
            .count("files", self.files)
            .count("files_without_recording", self.orphans)
            .count("files_removed", self.removed)
            .count("files_of_others", self.foreign)
            .count("half_files_removed", self.unfinished)
            .count("recordings", self.rows)
            .count("recordings_without_file", self.lost)
            .count("recordings_copied_again", self.wanted_again)
            .count("recordings_with_file_again", self.returned)
            .count("recordings_unreadable", self.unreadable);
        if self.is_other_storage() {
            return report
                .note("problem", "most files are missing: is this the right storage? No recording was touched");
        }
        if self.is_other_database() {
            return report
                .note("problem", "most files belong to no recording: is this the right storage? None was removed");
        }
        report
    }
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
        let mut parts = key.splitn(3, '/');
        let (org, call, file) = (parts.next()?, parts.next()?, parts.next()?);
        let (org, call): (OrgId, CallId) = (org.parse().ok()?, call.parse().ok()?);
        let (recording, run) = file.split_once('.')?;
        let name = Self { org, recording: recording.parse().ok()?, run: run.parse().ok()? };
        // There is more than one way to write an id or a number, and one that is ours.
        (format!("{org}/{call}/{}.{}", name.recording, name.run) == key).then_some(name)
    }
}

/// Removes what a killed process has left half-written before `before`. Answers how many files that were.
pub async fn clear_unfinished(storage: &Storage, before: Timestamp) -> Result<u64, StorageError> {
    storage.remove_unfinished(before, |key| Name::read(key).is_some()).await
}

/// Whether the file of a row is there.
enum Presence {
    There { size: u64 },
    Gone,
    Unreadable,
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
        let unfinished = clear_unfinished(&self.storage, self.old()).await?;
        let mut found = Found { unfinished, ..Found::default() };
        self.files(mode, &mut found).await?;
        self.rows(mode, &mut found).await?;
        Ok(found)
    }

    async fn files(&self, mode: Mode, found: &mut Found) -> Result<(), OrphanError> {
        let mut orphans = Vec::new();
        let mut listing = self.storage.list(None).try_chunks(BATCH);
        while let Some(entries) = listing.try_next().await.map_err(|stopped| stopped.1)? {
            self.compare(entries, found, &mut orphans).await?;
        }
        if mode == Mode::Settle && !found.is_other_database() {
            for (name, key) in orphans {
                found.removed += u64::from(self.remove(name, &key).await?);
            }
        }
        Ok(())
    }

    /// Counts files, and adds those that no row names to `orphans`.
    async fn compare(
        &self,
        entries: Vec<Entry>,
        found: &mut Found,
        orphans: &mut Vec<(Name, String)>,
    ) -> Result<(), DbError> {
        let old = self.old();
        let read: Vec<Option<Name>> = entries.iter().map(|entry| Name::read(&entry.key)).collect();
        let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let orgs: HashSet<Uuid> = read.iter().flatten().map(|name| name.org.uuid()).collect();
        let mut tx = self.tenancy.system("find which files of recordings are named by a row").await?;
        let named = store::named_files(&mut tx, &keys).await?;
        let known = store::known_orgs(&mut tx, &orgs.into_iter().collect::<Vec<_>>()).await?;
        tx.commit().await?;
        found.files += entries.len() as u64;
        for (entry, name) in entries.into_iter().zip(read) {
            if named.contains(&entry.key) {
                continue;
            }
            let Some(name) = name.filter(|name| known.contains(&name.org)) else {
                found.foreign += 1;
                continue;
            };
            if entry.modified >= old {
                continue;
            }
            found.orphans += 1;
            if orphans.len() < MOST {
                orphans.push((name, entry.key));
            }
        }
        Ok(())
    }

    /// Removes a file after no run can name it any more. False: a row names it after all.
    async fn remove(&self, name: Name, key: &str) -> Result<bool, OrphanError> {
        if !self.disown(name, key).await? {
            return Ok(false);
        }
        self.storage.delete(&Key::new(key)?).await?;
        metrics::counter!("voxanne_recording_orphans_removed_total").increment(1);
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
        let (mut lost, mut returned) = (Vec::new(), Vec::new());
        let mut after = None;
        loop {
            let mut tx = self.tenancy.system("find recordings of all organizations whose file is gone").await?;
            let rows = store::naming_files(&mut tx, after, self.old(), BATCH).await?;
            tx.commit().await?;
            let Some(end) = rows.last() else { break };
            after = Some((end.org_id, end.recording_id));
            found.rows += rows.len() as u64;
            let mut looked = futures::stream::iter(rows)
                .map(|row| async move { Ok::<_, OrphanError>((self.presence(&row.storage_key).await?, row)) })
                .buffer_unordered(AT_ONCE);
            while let Some((presence, row)) = looked.try_next().await? {
                match presence {
                    Presence::Gone if row.is_ready => {
                        found.lost += 1;
                        lost.push(row);
                    }
                    Presence::There { size } if !row.is_ready && u64::try_from(row.size_bytes) == Ok(size) => {
                        found.returned += 1;
                        returned.push(row);
                    }
                    Presence::Unreadable => found.unreadable += 1,
                    Presence::Gone | Presence::There { .. } => {}
                }
            }
        }
        if mode == Mode::Settle {
            for row in returned.iter().take(MOST) {
                self.welcome(row).await?;
            }
        }
        if mode == Mode::Settle && !found.is_other_storage() {
            for row in lost.iter().take(MOST) {
                found.wanted_again += u64::from(self.admit(row).await?);
            }
        }
        Ok(())
    }

    async fn presence(&self, key: &str) -> Result<Presence, StorageError> {
        match self.storage.head(&Key::new(key)?).await {
            Ok(meta) => Ok(Presence::There { size: meta.size }),
            Err(StorageError::NotFound) => Ok(Presence::Gone),
            // It is there. One bad file must not hide what is wrong with the others.
            Err(StorageError::NoKey | StorageError::Tampered) => Ok(Presence::Unreadable),
            Err(error) => Err(error),
        }
    }

    /// Lets a row say that its file is gone, and has it copied again where that may work. True: it is copied again.
    async fn admit(&self, row: &Naming) -> Result<bool, OrphanError> {
        let (id, now) = (row.recording_id, self.clock.now());
        let mut tx = self.tenancy.tenant(row.org_id).await?;
        let detail = "the file is not in the storage any more";
        let Some((call, at)) = store::lose_file(&mut tx, id, &row.storage_key, detail).await? else { return Ok(false) };
        let may_be_there = now.duration_since(at) < PROVIDER_KEEPS;
        let is_wanted = may_be_there && store::want_again(&mut tx, id, now).await?.is_some();
        // The job of an earlier time may have been given up, and stays so until it is told otherwise.
        if is_wanted && !self.jobs.retry(&mut tx, QUEUE, &id.to_string()).await? {
            self.jobs.enqueue(&mut tx, job(id)).await?;
        }
        store::follow(&mut tx, call).await?;
        store::tell(&mut tx, "recording.failed", call).await?;
        tx.commit().await?;
        if is_wanted {
            self.jobs.wake(QUEUE);
        }
        Ok(is_wanted)
    }

    /// Lets a row whose file is there again be ready.
    async fn welcome(&self, row: &Naming) -> Result<(), DbError> {
        let mut tx = self.tenancy.tenant(row.org_id).await?;
        if let Some(call) = store::find_file_again(&mut tx, row.recording_id, &row.storage_key).await? {
            store::follow(&mut tx, call).await?;
            store::tell(&mut tx, "recording.ready", call).await?;
        }
        tx.commit().await
    }

    fn old(&self) -> Timestamp {
        self.clock.now().checked_sub(GRACE).unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
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
            self.recordings(1, days).await.remove(0)
        }

        async fn recordings(&self, count: usize, days: i64) -> Vec<(CallId, RecordingId)> {
            let ids: Vec<_> = (0..count).map(|_| (CallId::new(), RecordingId::new())).collect();
            let (calls, recordings): (Vec<Uuid>, Vec<Uuid>) =
                ids.iter().map(|(call, id)| (call.uuid(), id.uuid())).unzip();
            let at = self.sweeper.clock.now() - SignedDuration::from_hours(24 * days);
            let at = jiff_sqlx::ToSqlx::to_sqlx(at);
            let mut tx = self.sweeper.tenancy.tenant(self.org).await.unwrap();
            for sql in [
                "insert into call_logs (org_id, id, provider, provider_call_id, status, at)
                 select org, call, 'vapi', call::text, 'ended', at from given",
                "insert into call_tracking (org_id, id, provider, provider_call_id, status, status_rank, at)
                 select org, call, 'vapi', call::text, 'ended', 5, at from given",
                "insert into call_recordings (org_id, call_id, recording_id, channel, created_at)
                 select org, call, recording, 'stereo', at from given",
            ] {
                let sql = format!(
                    "with given as (select $1::uuid as org, call, recording, $4::timestamptz as at
                                      from unnest($2::uuid[], $3::uuid[]) as ids (call, recording))
                     {sql}"
                );
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .bind(self.org)
                    .bind(&calls)
                    .bind(&recordings)
                    .bind(at)
                    .execute(tx.conn())
                    .await
                    .unwrap();
            }
            tx.commit().await.unwrap();
            ids
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

        /// As the storage does, without the wait for the disk.
        fn write(&self, key: &str) {
            let path = self.sweeper.storage.folder().unwrap().join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"RIFF").unwrap();
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
            matches!(self.sweeper.presence(key).await.unwrap(), Presence::There { .. })
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

    /// One order of the steps of two runs and a sweep over one recording.
    struct Scene<'a> {
        stage: &'a Stage,
        of: (CallId, RecordingId),
        /// The number of each run; 0 before it has begun, and when there is nothing left to do for it.
        runs: [i32; 2],
        listed: Vec<(Name, String)>,
        /// Files removed, and files named.
        done: (u32, u32),
    }

    impl Scene<'_> {
        async fn play(mut self, order: &[usize]) -> (u32, u32) {
            let mut steps = [0; 3];
            for track in order.iter().copied() {
                steps[track] += 1;
                match (track, steps[track]) {
                    (2, 1) => self.list().await,
                    (2, 2) => self.disown().await,
                    (2, _) => self.remove().await,
                    (run, 1) => self.runs[run] = self.stage.begin(self.of.1).await,
                    (run, _) if self.runs[run] == 0 => {}
                    (run, 2) => self.stage.write(&self.stage.key(self.of, self.runs[run])),
                    (run, _) => {
                        let key = self.stage.key(self.of, self.runs[run]);
                        if self.stage.name(self.of.1, self.runs[run], &key).await {
                            self.done.1 += 1;
                            assert!(self.stage.is_there(&key).await, "{order:?}: a file is named that was removed");
                        }
                    }
                }
            }
            self.done
        }

        /// Whatever is there now. That nothing names it is looked at later, and may be true no more then.
        async fn list(&mut self) {
            for run in 1..=4 {
                let key = self.stage.key(self.of, run);
                if self.stage.is_there(&key).await {
                    self.listed.push((Name { org: self.stage.org, recording: self.of.1, run }, key));
                }
            }
        }

        async fn disown(&mut self) {
            for (name, key) in std::mem::take(&mut self.listed) {
                if self.stage.sweeper.disown(name, &key).await.unwrap() {
                    self.listed.push((name, key));
                }
            }
        }

        async fn remove(&mut self) {
            for (_, key) in std::mem::take(&mut self.listed) {
                self.stage.sweeper.storage.delete(&Key::new(key.clone()).unwrap()).await.unwrap();
                self.done.0 += 1;
                assert_ne!(self.stage.named(self.of.1).await, Some(key), "a file is removed that is named");
            }
        }
    }

    /// A run that writes and names its file, a second run that takes over from a worker that seems dead, and a sweep: in every
    /// order of their steps, also where the database is older than the storage (a restored one), so that the file of the
    /// first run is there already.
    #[tokio::test]
    async fn whatever_interleaves_a_file_that_a_row_names_is_never_removed() {
        let stage = Stage::new().await;
        let orders = interleavings([3, 3, 3]);
        assert_eq!(orders.len(), 1680);
        // Runs are numbered as they begin, so what begins second is the second run: half of the orders say nothing new.
        let first_is_first = |order: &&Vec<usize>| order.iter().find(|track| **track != 2) == Some(&0);
        let orders: Vec<&Vec<usize>> = orders.iter().filter(first_is_first).collect();
        let recordings = stage.recordings(orders.len(), 1).await;
        let played = orders.into_iter().zip(recordings).enumerate().map(|(number, (order, of))| {
            let scene = Scene { stage: &stage, of, runs: [0; 2], listed: Vec::new(), done: (0, 0) };
            async move {
                if number % 2 == 0 {
                    scene.stage.write(&scene.stage.key(of, 1));
                }
                scene.play(order).await
            }
        });
        let done: Vec<(u32, u32)> = futures::stream::iter(played).buffer_unordered(3).collect().await;
        let (removed, named) = done.iter().fold((0, 0), |sum, done| (sum.0 + done.0, sum.1 + done.1));
        assert!(removed > 100 && named > 100, "both happen: {removed} removed, {named} named");
    }

    #[tokio::test]
    async fn a_sweep_only_counts_until_it_is_told_to_settle() {
        let stage = Stage::new().await;
        let (whole, orphan, lost, old) =
            (stage.recording(1).await, stage.recording(1).await, stage.recording(1).await, stage.recording(30).await);
        for of in [whole, lost, old] {
            let run = stage.begin(of.1).await;
            stage.write(&stage.key(of, run));
            assert!(stage.name(of.1, run, &stage.key(of, run)).await);
        }
        for of in [lost, old] {
            stage.sweeper.storage.delete(&Key::new(stage.key(of, 1)).unwrap()).await.unwrap();
        }
        stage.begin(orphan.1).await;
        stage.write(&stage.key(orphan, 1));
        stage.write("somebody-elses-notes");
        let half = format!("{}#1", stage.key(orphan, 2));
        stage.write(&half);

        let elsewhere = OrgId::new();
        stage.write(&format!("{elsewhere}/{}/{}.1", CallId::new(), RecordingId::new()));

        let found = Found { files: 4, orphans: 1, foreign: 2, rows: 3, lost: 2, ..Found::default() };
        let first = stage.sweeper.sweep(Mode::Report).await.unwrap();
        assert_eq!(first, Found { unfinished: 1, ..found }, "what never was a file goes at once");
        assert_eq!(stage.sweeper.sweep(Mode::Report).await.unwrap(), found);
        let settled = stage.sweeper.sweep(Mode::Settle).await.unwrap();
        assert_eq!(settled, Found { removed: 1, wanted_again: 1, ..found });
        assert!(stage.is_there(&stage.key(whole, 1)).await && stage.is_there("somebody-elses-notes").await);
        assert!(!stage.is_there(&stage.key(orphan, 1)).await);
        let states = (stage.state(whole.1).await, stage.state(lost.1).await, stage.state(old.1).await);
        assert_eq!(states, ("ready".to_owned(), "pending".to_owned(), "failed".to_owned()));
        assert_eq!(stage.begin(orphan.1).await, 3, "the run that wrote it cannot name it any more");

        let nothing = Found { files: 3, foreign: 2, rows: 3, ..Found::default() };
        assert_eq!(stage.sweeper.sweep(Mode::Settle).await.unwrap(), nothing);

        // A place that was away comes back: what it has was never given up.
        for of in [lost, old] {
            stage.write(&stage.key(of, 1));
        }
        let back = Found { files: 5, returned: 2, ..nothing };
        assert_eq!(stage.sweeper.sweep(Mode::Settle).await.unwrap(), back);
        assert_eq!((stage.state(lost.1).await, stage.state(old.1).await), ("ready".to_owned(), "ready".to_owned()));
        assert_eq!(stage.sweeper.sweep(Mode::Settle).await.unwrap(), Found { returned: 0, ..back });
    }

    #[tokio::test]
    async fn what_is_fresh_is_left_alone() {
        let stage = Stage::new().await;
        let of = stage.recording(1).await;
        stage.begin(of.1).await;
        stage.write(&stage.key(of, 1));
        let fresh = Sweeper { clock: Clock::system(), ..stage.sweeper.clone() };
        assert_eq!(fresh.sweep(Mode::Settle).await.unwrap(), Found { files: 1, ..Found::default() });
        assert!(stage.is_there(&stage.key(of, 1)).await);
    }

    #[tokio::test]
    async fn the_wrong_storage_is_not_believed_and_the_wrong_database_neither() {
        let stage = Stage::new().await;
        let recordings = stage.recordings(12, 1).await;
        for of in &recordings {
            let run = stage.begin(of.1).await;
            assert!(stage.name(of.1, run, &stage.key(*of, run)).await, "named, and no file was ever written");
        }
        let found = stage.sweeper.sweep(Mode::Settle).await.unwrap();
        assert_eq!(found, Found { rows: 12, lost: 12, ..Found::default() });
        assert!(problem(&found).contains("most files are missing"));
        assert_eq!(stage.state(recordings[0].1).await, "ready");

        let stage = Stage::new().await;
        for of in stage.recordings(12, 1).await {
            stage.write(&stage.key(of, 1));
        }
        let found = stage.sweeper.sweep(Mode::Settle).await.unwrap();
        assert_eq!(found, Found { files: 12, orphans: 12, ..Found::default() });
        assert!(problem(&found).contains("belong to no recording"));
    }

    fn problem(found: &Found) -> String {
        format!("{:?}", found.report())
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
            format!("{org}/{call}/{id}.03"),
            format!("{}/{call}/{id}.3", org.uuid().simple()),
        ] {
            assert_eq!(Name::read(&foreign), None, "{foreign}");
        }
    }
}

//! The live hub under many readers: everybody reads every event after its own place, once and in order, whoever joins,
//! lags or leaves, and however few events the database gives at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use platform::ids::OrgId;
use platform::realtime::{Hub, Sequenced, Subscription};
use platform::tasks::Tasks;
use proptest::prelude::*;

struct Numbered(i64);

impl Sequenced for Numbered {
    fn seq(&self) -> i64 {
        self.0
    }
}

/// What a database with the events 1 to `stored` gives a reader at `cursor`.
async fn read(subscription: &Subscription<Numbered>, cursor: i64, stored: i64, page: i64) -> Vec<i64> {
    let fetch =
        |after| async move { Ok::<_, Infallible>((after + 1..=stored.min(after + page)).map(Numbered).collect()) };
    let events = subscription.after(cursor, fetch).await.unwrap();
    events.iter().map(|event| event.seq()).collect()
}

#[derive(Clone, Debug)]
enum Step {
    /// So many events commit; whether this process hears of it.
    Commit(i64, bool),
    /// A reader joins this far behind the head.
    Join(i64),
    Read(prop::sample::Index),
    Leave(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..700_i64, any::<bool>()).prop_map(|(count, heard)| Step::Commit(count, heard)),
        2 => (0..900_i64).prop_map(Step::Join),
        6 => any::<prop::sample::Index>().prop_map(Step::Read),
        1 => any::<prop::sample::Index>().prop_map(Step::Leave),
    ]
}

struct Reader {
    subscription: Subscription<Numbered>,
    cursor: i64,
}

impl Reader {
    /// Reads once and checks that what comes is exactly what follows.
    async fn read(&mut self, stored: i64, page: i64) -> Result<usize, TestCaseError> {
        let events = read(&self.subscription, self.cursor, stored, page).await;
        let expected: Vec<i64> = (self.cursor + 1..).take(events.len()).collect();
        prop_assert_eq!(&events, &expected);
        self.cursor = events.last().copied().unwrap_or(self.cursor);
        prop_assert!(self.cursor <= stored);
        Ok(events.len())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_reader_reads_every_event_once_and_in_order(steps in prop::collection::vec(step(), 1..60), page in 1..600_i64) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (hub, org) = (Hub::default(), OrgId::new());
            let mut stored = 0;
            let mut readers: Vec<Reader> = Vec::new();
            for step in steps {
                match step {
                    Step::Commit(count, heard) => {
                        stored += count;
                        if heard {
                            hub.wake(org, stored);
                        }
                    }
                    Step::Join(behind) => {
                        readers.push(Reader { subscription: hub.subscribe(org), cursor: (stored - behind).max(0) });
                        // A reader that joins has just read the head from the database.
                        hub.wake(org, stored);
                    }
                    Step::Read(index) if !readers.is_empty() => {
                        let place = index.index(readers.len());
                        readers[place].read(stored, page).await?;
                    }
                    Step::Leave(index) if !readers.is_empty() => {
                        readers.swap_remove(index.index(readers.len()));
                    }
                    Step::Read(_) | Step::Leave(_) => {}
                }
            }
            hub.wake(org, stored);
            for reader in &mut readers {
                while reader.cursor < stored {
                    let read = reader.read(stored, page).await?;
                    prop_assert!(read > 0, "nothing at {} of {stored}", reader.cursor);
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_readers_are_woken_for_every_event_while_they_are_written() {
    const EVENTS: i64 = 2_000;
    let (hub, org, tasks) = (Hub::default(), OrgId::new(), Tasks::new());
    let stored = Arc::new(AtomicI64::new(0));
    let readers: Vec<_> = (0..24)
        .map(|_| {
            let (mut subscription, stored) = (hub.subscribe(org), Arc::clone(&stored));
            tasks.spawn(async move {
                let mut seen = Vec::new();
                while seen.len() < usize::try_from(EVENTS).unwrap() {
                    let cursor = seen.last().copied().unwrap_or(0);
                    subscription.past(cursor).await;
                    seen.extend(read(&subscription, cursor, stored.load(Ordering::SeqCst), 100).await);
                }
                seen
            })
        })
        .collect();
    for _ in 0..EVENTS {
        let seq = stored.fetch_add(1, Ordering::SeqCst) + 1;
        hub.wake(org, seq);
        tokio::task::yield_now().await;
    }
    for reader in readers {
        let seen = tokio::time::timeout(Duration::from_secs(30), reader).await.unwrap().unwrap();
        assert_eq!(seen, (1..=EVENTS).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn another_organizations_events_wake_nobody() {
    let hub = Hub::<Numbered>::default();
    let (ours, theirs) = (OrgId::new(), OrgId::new());
    let mut reader = hub.subscribe(ours);
    hub.wake(theirs, 7);
    let woken = tokio::time::timeout(Duration::from_millis(50), reader.past(0)).await;
    assert!(woken.is_err());
    hub.wake(ours, 1);
    tokio::time::timeout(Duration::from_secs(5), reader.past(0)).await.unwrap();
}

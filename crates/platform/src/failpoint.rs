//! Places between two effects, where a process may die. A test that is built with the feature `failpoints` can stop there;
//! in every other build there is nothing of this.

/// A place. Goes on at once, unless a test waits for somebody to come here.
#[cfg(not(feature = "failpoints"))]
#[expect(clippy::unused_async, reason = "it waits when it is compiled for tests")]
#[inline]
pub async fn here(_name: &'static str) {}

#[cfg(feature = "failpoints")]
pub use armed::{Stop, here, stop_at};

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::{Arc, Mutex, PoisonError};

    use tokio::sync::Notify;

    static ARMED: Mutex<Option<(&str, Stop)>> = Mutex::new(None);

    /// A place that somebody will stop at.
    #[derive(Clone)]
    pub struct Stop {
        came: Arc<Notify>,
        go: Arc<Notify>,
    }

    impl Stop {
        /// Ends when somebody has come there.
        pub async fn reached(&self) {
            self.came.notified().await;
        }

        /// Lets whoever stands there go on.
        pub fn release(&self) {
            self.go.notify_one();
        }
    }

    /// Lets the next one that comes to `name` stay there, as if its process had died or were held up. One place at a time.
    pub fn stop_at(name: &'static str) -> Stop {
        let stop = Stop { came: Arc::default(), go: Arc::default() };
        *ARMED.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, stop.clone()));
        stop
    }

    /// A place: goes on at once, unless a test waits for somebody to come here.
    pub async fn here(name: &'static str) {
        let stop = ARMED.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(armed, _)| *armed == name);
        if let Some((_, stop)) = stop {
            stop.came.notify_one();
            stop.go.notified().await;
        }
    }
}

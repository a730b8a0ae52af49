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

    static ARMED: Mutex<Option<(&str, Arc<Notify>)>> = Mutex::new(None);

    /// A place that somebody will stop at.
    pub struct Stop(Arc<Notify>);

    impl Stop {
        /// Ends when somebody has come there.
        pub async fn reached(&self) {
            self.0.notified().await;
        }
    }

    /// Lets the next one that comes to `name` stay there for ever, as if its process had died. One place at a time.
    pub fn stop_at(name: &'static str) -> Stop {
        let reached = Arc::new(Notify::new());
        *ARMED.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, Arc::clone(&reached)));
        Stop(reached)
    }

    /// A place: goes on at once, unless a test waits for somebody to come here.
    pub async fn here(name: &'static str) {
        let reached = ARMED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_if(|(armed, _)| *armed == name)
            .map(|(_, reached)| reached);
        if let Some(reached) = reached {
            reached.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

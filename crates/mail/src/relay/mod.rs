//! The SMTP relay: connecting, the dialogue, what its answers mean, and the message as it goes over the wire.
//!
//! `lettre` writes the messages. The dialogue is our own (docs/adr/0009): what matters here is to know at which line a connection
//! broke, to go on when one copy is refused, and to be able to show every line; `lettre`'s transport hides all three.

pub mod dialogue;
pub mod message;
pub mod model;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use platform::config::RelayConfig;
use tokio::time::Instant;

pub use dialogue::{Connection, Connector, Patience, Transcript};
pub use model::{Envelope, Fault, FaultKind, Outcome, Refusal, Reply};

/// An idle connection older than this is not used again: relays close them after some minutes, and we want to be first.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// Mails over one connection; relays often allow a hundred.
const MAILS_EACH: u32 = 50;

/// The relay could not be set up from its settings.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of certificate authorities.
    #[error("VOXANNE_SMTP_CA_FILE names {path}, which {what}")]
    Authorities {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// The TLS library refused our settings.
    #[error("TLS could not be set up")]
    Tls(#[from] tokio_rustls::rustls::Error),
}

/// A relay and the connections to it that are open.
pub struct Relay {
    connector: Connector,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Relay {
    /// Reads the certificate authorities. Connects to nothing. `hello` is the domain that writes.
    pub fn new(config: RelayConfig, hello: &str, patience: Patience) -> Result<Self, SetupError> {
        Ok(Self { connector: Connector::new(config, hello, patience)?, idle: Mutex::default() })
    }

    /// What its budget and its pauses are kept under.
    pub fn name(&self) -> &str {
        &self.connector.config().host
    }

    /// An open and signed-in connection: a kept one that still answers, else a new one.
    pub async fn connect(&self) -> Result<Connection, Fault> {
        while let Some(mut idle) = self.take_idle() {
            if idle.since.elapsed() < IDLE_FOR && idle.connection.reset().await.is_ok() {
                return Ok(idle.connection);
            }
        }
        self.connector.open(None).await
    }

    /// Keeps a connection for the next mail, unless it has done enough.
    pub fn keep(&self, connection: Connection) {
        if connection.mails() < MAILS_EACH && !connection.is_broken() {
            self.lock().push(Idle { connection, since: Instant::now() });
        }
    }

    /// How to open one that writes down what is said.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    fn take_idle(&self) -> Option<Idle> {
        self.lock().pop()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The conversation with the relay (RFC 5321; STARTTLS is RFC 3207, AUTH is RFC 4954).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::config::{RelayConfig, RelayTls};
use platform::secret::Secret;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::SetupError;
use super::model::{Envelope, Fault, FaultKind, Outcome, Refusal, Reply, judge, shortened};

/// Longest line of an answer, in bytes; RFC 5321 allows 512, some say more.
const LONGEST_LINE: usize = 4_096;
/// Most lines of one answer.
const MOST_LINES: usize = 128;

/// Gets every line of a dialogue, `>` ours and `<` the relay's, secrets masked.
pub type Transcript = Arc<dyn Fn(&str) + Send + Sync>;

/// How long we wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection, and for a TLS handshake.
    pub connect: Duration,
    /// For the answer to a command.
    pub command: Duration,
    /// For everything before the mail's words go out. Shorter than a worker's lease.
    pub before_words: Duration,
    /// For the words to go out, and for the answer to them: relays scan mails before they answer.
    pub words: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            command: Duration::from_mins(1),
            before_words: Duration::from_mins(3),
            words: Duration::from_mins(3),
        }
    }
}

/// How to reach a relay.
pub struct Connector {
    config: RelayConfig,
    hello: String,
    tls: TlsConnector,
    patience: Patience,
}

/// A connection that has said hello and is signed in.
pub struct Connection {
    wire: Wire,
    patience: Patience,
    mails: u32,
    broken: bool,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Lines in, lines out.
struct Wire {
    stream: Box<dyn Stream>,
    /// Read and not yet used.
    ahead: Vec<u8>,
    transcript: Option<Transcript>,
    patience: Duration,
}

/// What the relay can do, as far as we ask.
#[derive(Default)]
struct Offers {
    starttls: bool,
    plain: bool,
    login: bool,
}

impl Connector {
    pub(super) fn new(config: RelayConfig, hello: &str, patience: Patience) -> Result<Self, SetupError> {
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities(&config)?)
            .with_no_client_auth();
        // A name without a dot says nothing; an address literal is what RFC 5321 (4.1.4) has for machines without a name.
        let hello = if hello.contains('.') { hello.to_owned() } else { "[127.0.0.1]".to_owned() };
        Ok(Self { config, hello, tls: TlsConnector::from(Arc::new(tls)), patience })
    }

    /// The settings.
    pub fn config(&self) -> &RelayConfig {
        &self.config
    }

    /// Connects, says hello, encrypts, signs in.
    pub async fn open(&self, transcript: Option<Transcript>) -> Result<Connection, Fault> {
        let note = |line: String| transcript.as_ref().map(|tell| tell(&line));
        let stream = self.reach(&note).await?;
        let implicit = self.config.tls == RelayTls::Implicit;
        let stream: Box<dyn Stream> =
            if implicit { self.encrypt(Box::new(stream), &note).await? } else { Box::new(stream) };
        let mut wire =
            Wire { stream, ahead: Vec::new(), transcript: transcript.clone(), patience: self.patience.command };
        let greeting = wire.reply().await.map_err(Broke::before_words)?;
        if !greeting.is_yes() {
            return Err(Fault::said(FaultKind::Closed, "the relay turned us away", &greeting));
        }
        let mut offers = self.hello(&mut wire).await?;
        let mut encrypted = implicit;
        if matches!(self.config.tls, RelayTls::Required | RelayTls::Opportunistic) {
            if offers.starttls {
                wire = self.starttls(wire, &note).await?;
                offers = self.hello(&mut wire).await?;
                encrypted = true;
            } else if self.config.tls == RelayTls::Required {
                return Err(Fault::new(
                    FaultKind::NoTls,
                    "the relay offers no STARTTLS, and without it nothing is sent",
                ));
            }
        }
        if let Some((user, password)) = &self.config.credentials {
            if !encrypted && !self.config.is_loopback() {
                let words = "the relay offers no STARTTLS, and the password is not sent in clear";
                return Err(Fault::new(FaultKind::NoTls, words));
            }
            sign_in(&mut wire, &offers, user, password).await?;
        }
        Ok(Connection { wire, patience: self.patience, mails: 0, broken: false })
    }

    async fn reach(&self, note: &impl Fn(String) -> Option<()>) -> Result<TcpStream, Fault> {
        let (host, port) = (self.config.host.as_str(), self.config.port);
        let lookup = timeout(self.patience.connect, tokio::net::lookup_host((host, port)));
        let addresses: Vec<SocketAddr> = match lookup.await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(error)) => return Err(Fault::new(FaultKind::Name, format!("{host} cannot be found: {error}"))),
            Err(_) => return Err(Fault::new(FaultKind::Name, format!("looking up {host} takes too long"))),
        };
        let mut last = Fault::new(FaultKind::Name, format!("{host} has no address"));
        for address in addresses {
            note(format!("* connecting to {address}"));
            match timeout(self.patience.connect, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = Fault::new(FaultKind::Unreachable, format!("{host}, port {port}: {error}")),
                Err(_) => {
                    let words = format!("{host}, port {port}, does not answer: the connection timed out");
                    last = Fault::new(FaultKind::Unreachable, words);
                }
            }
        }
        Err(last)
    }

    async fn encrypt(
        &self,
        stream: Box<dyn Stream>,
        note: &impl Fn(String) -> Option<()>,
    ) -> Result<Box<dyn Stream>, Fault> {
        let fault = |words: String| Fault::new(FaultKind::Tls, words);
        let name = ServerName::try_from(self.config.host.clone())
            .map_err(|_| fault("the relay's host is no name that a certificate could have".to_owned()))?;
        match timeout(self.patience.connect, self.tls.connect(name, stream)).await {
            Ok(Ok(stream)) => {
                let version = stream.get_ref().1.protocol_version();
                note(format!("* encrypted: {}", version.and_then(|v| v.as_str()).unwrap_or("TLS")));
                Ok(Box::new(stream))
            }
            Ok(Err(error)) => Err(fault(format!("the TLS handshake failed: {error}"))),
            Err(_) => Err(fault("the TLS handshake takes too long; does this port begin without TLS?".to_owned())),
        }
    }

    async fn starttls(&self, mut wire: Wire, note: &impl Fn(String) -> Option<()>) -> Result<Wire, Fault> {
        let reply = wire.command("STARTTLS").await.map_err(Broke::before_words)?;
        if !reply.is_yes() {
            return Err(Fault::said(FaultKind::Tls, "the relay does not begin TLS", &reply));
        }
        // What came in clear behind the answer would be taken for an answer under TLS: somebody in between put it there.
        if !wire.ahead.is_empty() {
            return Err(Fault::new(FaultKind::Tls, "the relay sent something in clear behind its answer to STARTTLS"));
        }
        let stream = self.encrypt(wire.stream, note).await?;
        Ok(Wire { stream, ahead: Vec::new(), transcript: wire.transcript, patience: wire.patience })
    }

    async fn hello(&self, wire: &mut Wire) -> Result<Offers, Fault> {
        wire.send(&format!("EHLO {}", self.hello), None).await.map_err(Broke::before_words)?;
        let (reply, lines) = wire.reply_lines().await.map_err(Broke::before_words)?;
        if !reply.is_yes() {
            return Err(Fault::said(FaultKind::Closed, "the relay does not answer EHLO", &reply));
        }
        Ok(offers(&lines))
    }
}

impl Connection {
    /// How many mails went over it.
    pub fn mails(&self) -> u32 {
        self.mails
    }

    /// Whether it cannot be used any more.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Forgets a mail that was begun, which also shows whether the relay is still there.
    pub async fn reset(&mut self) -> Result<(), Fault> {
        match self.wire.command("RSET").await {
            Ok(reply) if reply.is_yes() => Ok(()),
            Ok(reply) => Err(Fault::said(FaultKind::Closed, "the relay does not go on", &reply)),
            Err(broke) => Err(broke.before_words()),
        }
    }

    /// Says goodbye. Whether it is answered does not matter.
    pub async fn quit(mut self) {
        let _ = self.wire.command("QUIT").await;
    }

    /// Hands a mail over. `may_go` is asked right before the relay could take it; answering false means that somebody else
    /// holds the mail by now.
    ///
    /// A copy that is refused does not stop the others; a refused recipient stops the mail.
    pub async fn send<F>(&mut self, envelope: &Envelope, message: &[u8], may_go: F) -> Outcome
    where
        F: Future<Output = bool> + Send,
    {
        self.mails += 1;
        let outcome = match timeout(self.patience.before_words, self.offer(envelope, may_go)).await {
            Ok(Ok(refused)) => self.words(message, refused).await,
            Ok(Err(outcome)) => outcome,
            Err(_) => Outcome::RelayDown(Fault::new(FaultKind::Silent, "the relay takes too long over each answer")),
        };
        self.broken = match &outcome {
            Outcome::RelayDown(_) | Outcome::Unknown(_) => true,
            Outcome::Accepted { .. } => false,
            // What was begun is forgotten, so that the next mail starts clean.
            Outcome::Deferred(_) | Outcome::Refused(_) | Outcome::Lost => self.reset().await.is_err(),
        };
        outcome
    }

    /// Everything before the words: answers the copies that were refused once the relay waits for the words.
    async fn offer<F>(&mut self, envelope: &Envelope, may_go: F) -> Result<Vec<Refusal>, Outcome>
    where
        F: Future<Output = bool> + Send,
    {
        let reply = self.ask(&format!("MAIL FROM:<{}>", envelope.from)).await?;
        if !reply.is_yes() {
            // Nothing of this mail was said yet but who sends it, and that is the same in every mail.
            let fault = Fault::said(FaultKind::Sender, "the relay does not take mail from this sender", &reply);
            let judged = judge(reply);
            return Err(if matches!(judged, Outcome::RelayDown(_)) { judged } else { Outcome::RelayDown(fault) });
        }
        let reply = self.ask(&format!("RCPT TO:<{}>", envelope.to)).await?;
        if !reply.is_yes() {
            return Err(judge(reply));
        }
        let mut refused = Vec::new();
        for address in &envelope.cc {
            let Reply { code, words } = self.ask(&format!("RCPT TO:<{address}>")).await?;
            if !(200..300).contains(&code) {
                refused.push(Refusal { address: address.clone(), code, words });
            }
        }
        if !may_go.await {
            return Err(Outcome::Lost);
        }
        let reply = self.ask("DATA").await?;
        if reply.code == 354 { Ok(refused) } else { Err(judge(reply)) }
    }

    /// The words. A relay takes a mail when it has seen the dot at the end, so whatever breaks before the dot goes out
    /// leaves nothing behind, and whatever breaks after it leaves us not knowing.
    async fn words(&mut self, message: &[u8], refused: Vec<Refusal>) -> Outcome {
        self.wire.note(&format!("> (the message, {} bytes)", message.len()));
        let dotted = dot_stuffed(message);
        match timeout(self.patience.words, self.wire.write(&dotted)).await {
            Ok(Ok(())) => {}
            Ok(Err(broke)) => return Outcome::RelayDown(broke.before_words()),
            Err(_) => return Outcome::RelayDown(Broke::Silent.before_words()),
        }
        self.wire.note("> .");
        let end = async {
            self.wire.write(b".\r\n").await?;
            self.wire.patience = self.patience.words;
            self.wire.reply().await
        };
        let answered = timeout(self.patience.words, end).await;
        self.wire.patience = self.patience.command;
        match answered {
            Ok(Ok(reply)) if reply.is_yes() => Outcome::Accepted { reply, refused },
            Ok(Ok(reply)) if reply.code >= 400 => judge(reply),
            Ok(Ok(reply)) => Outcome::Unknown(shortened(&format!("the relay answered {} {}", reply.code, reply.words))),
            Ok(Err(broke)) => Outcome::Unknown(format!("{broke} after the mail was sent and before it was answered")),
            Err(_) => Outcome::Unknown("the relay did not answer in time after the mail was sent".to_owned()),
        }
    }

    async fn ask(&mut self, command: &str) -> Result<Reply, Outcome> {
        self.wire.command(command).await.map_err(|broke| Outcome::RelayDown(broke.before_words()))
    }
}

/// How a conversation ended without an answer.
#[derive(Debug, thiserror::Error)]
enum Broke {
    #[error("the connection broke ({0})")]
    Io(std::io::Error),
    #[error("the relay closed the connection")]
    Closed,
    #[error("the relay did not answer in time")]
    Silent,
    #[error("the relay said something that is not SMTP")]
    NotSmtp,
}

impl Broke {
    fn before_words(self) -> Fault {
        let kind = if matches!(self, Self::Silent) { FaultKind::Silent } else { FaultKind::Broken };
        Fault::new(kind, self.to_string())
    }
}

impl Wire {
    async fn command(&mut self, command: &str) -> Result<Reply, Broke> {
        self.send(command, None).await?;
        self.reply().await
    }

    /// Sends a line; `shown` stands for it in the transcript when it holds a secret.
    async fn send(&mut self, line: &str, shown: Option<&str>) -> Result<(), Broke> {
        self.note(&format!("> {}", shown.unwrap_or(line)));
        let patience = self.patience;
        let bytes = format!("{line}\r\n");
        timeout(patience, self.write(bytes.as_bytes())).await.map_err(|_| Broke::Silent)?
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Broke> {
        self.stream.write_all(bytes).await.map_err(Broke::Io)?;
        self.stream.flush().await.map_err(Broke::Io)
    }

    async fn reply(&mut self) -> Result<Reply, Broke> {
        Ok(self.reply_lines().await?.0)
    }

    async fn reply_lines(&mut self) -> Result<(Reply, Vec<String>), Broke> {
        let mut lines = Vec::new();
        loop {
            let patience = self.patience;
            let line = timeout(patience, self.line()).await.map_err(|_| Broke::Silent)??;
            self.note(&format!("< {}", shortened(&line)));
            let code: u16 = line.get(..3).and_then(|code| code.parse().ok()).ok_or(Broke::NotSmtp)?;
            let (goes_on, words) = match line.as_bytes().get(3) {
                None => (false, ""),
                Some(b' ') => (false, line.get(4..).unwrap_or("")),
                Some(b'-') => (true, line.get(4..).unwrap_or("")),
                Some(_) => return Err(Broke::NotSmtp),
            };
            if !(200..600).contains(&code) || lines.len() >= MOST_LINES {
                return Err(Broke::NotSmtp);
            }
            lines.push(words.trim().to_owned());
            if !goes_on {
                return Ok((Reply { code, words: shortened(&lines.join(" ")) }, lines));
            }
        }
    }

    async fn line(&mut self) -> Result<String, Broke> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            if self.ahead.len() > LONGEST_LINE {
                return Err(Broke::NotSmtp);
            }
            self.ahead.reserve(1_024);
            if self.stream.read_buf(&mut self.ahead).await.map_err(Broke::Io)? == 0 {
                return Err(Broke::Closed);
            }
        }
    }

    fn note(&self, line: &str) {
        if let Some(tell) = &self.transcript {
            tell(line);
        }
    }
}

async fn sign_in(wire: &mut Wire, offers: &Offers, user: &str, password: &Secret) -> Result<(), Fault> {
    let secret = |text: &str| STANDARD.encode(text);
    let reply = if offers.plain {
        let blob = secret(&format!("\0{user}\0{}", password.expose()));
        said(wire, &format!("AUTH PLAIN {blob}"), "AUTH PLAIN (user and password)").await?
    } else if offers.login {
        let mut reply = said(wire, "AUTH LOGIN", "AUTH LOGIN").await?;
        for (blob, shown) in [(secret(user), "(user)"), (secret(password.expose()), "(password)")] {
            if reply.code != 334 {
                break;
            }
            reply = said(wire, &blob, shown).await?;
        }
        reply
    } else {
        return Err(Fault::new(FaultKind::SignIn, "the relay offers no way to sign in that we know (PLAIN or LOGIN)"));
    };
    if reply.is_yes() {
        return Ok(());
    }
    match judge(reply.clone()) {
        Outcome::RelayDown(fault) => Err(fault),
        _ => Err(Fault::said(FaultKind::SignIn, "the relay does not let us sign in", &reply)),
    }
}

async fn said(wire: &mut Wire, line: &str, shown: &str) -> Result<Reply, Fault> {
    wire.send(line, Some(shown)).await.map_err(Broke::before_words)?;
    wire.reply().await.map_err(Broke::before_words)
}

/// Keywords are compared without regard to case (RFC 5321, section 4.1.1.1).
fn offers(lines: &[String]) -> Offers {
    let mut offers = Offers::default();
    for line in lines.iter().skip(1) {
        let line = line.to_ascii_uppercase();
        // `AUTH=PLAIN` is how some old servers write it.
        let mut words = line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
        match words.next() {
            Some("STARTTLS") => offers.starttls = true,
            Some("AUTH") => words.for_each(|mechanism| match mechanism {
                "PLAIN" => offers.plain = true,
                "LOGIN" => offers.login = true,
                _ => {}
            }),
            _ => {}
        }
    }
    offers
}

/// The message with a second dot before each line that begins with one (RFC 5321, section 4.5.2), ending in a line break.
fn dot_stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let mut at_line_start = true;
    for &byte in message {
        if at_line_start && byte == b'.' {
            out.push(b'.');
        }
        at_line_start = byte == b'\n';
        out.push(byte);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Those of the system and those of the file. A system without any is a fault only when TLS is used, and then says so itself.
fn authorities(config: &RelayConfig) -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &config.ca_file {
        let failed = |what: String| SetupError::Authorities { path: path.display().to_string(), what };
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| failed(format!("cannot be read as PEM: {error}")))?;
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(failed("holds no certificate".to_owned()));
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_begins_with_a_dot_does_not_end_the_mail() {
        assert_eq!(dot_stuffed(b"a\r\n.\r\n..b\r\nc.d"), b"a\r\n..\r\n...b\r\nc.d\r\n");
        assert_eq!(dot_stuffed(b"."), b"..\r\n");
    }

    #[test]
    fn offers_are_read_in_any_case_and_from_odd_lines() {
        let lines = ["mail.example.com", "size 100", "starttls", " ", "Auth=login  Plain XOAUTH2"].map(str::to_owned);
        let offers = offers(&lines);
        assert!(offers.starttls && offers.plain && offers.login);
        let lines = ["STARTTLS".to_owned(), "AUTH".to_owned()];
        let nothing = super::offers(&lines);
        assert!(!nothing.starttls && !nothing.plain, "the first line is the host's name");
    }
}

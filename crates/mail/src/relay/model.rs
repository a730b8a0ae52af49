//! What a relay's answers mean. Pure.

use std::fmt;

/// One answer of the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Three digits: 2xx yes, 3xx go on, 4xx not now, 5xx no.
    pub code: u16,
    /// What was said, without codes, one line.
    pub words: String,
}

impl Reply {
    /// 2xx.
    pub fn is_yes(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// 4xx: the same may work later.
    pub fn is_later(&self) -> bool {
        (400..500).contains(&self.code)
    }

    /// The name that the relay gave a mail it took, where it says one as Postfix, Exim and others do.
    pub fn queue_id(&self) -> Option<String> {
        let lower = self.words.to_ascii_lowercase();
        let at = ["queued as ", "id="].iter().find_map(|mark| lower.find(mark).map(|at| at + mark.len()))?;
        let id: String = self.words.get(at..)?.chars().take_while(char::is_ascii_graphic).take(200).collect();
        let id = id.trim_end_matches([')', '>', '.', ',', ';']).to_owned();
        (!id.is_empty()).then_some(id)
    }
}

/// Who sends and who receives, as the relay is told.
#[derive(Clone)]
pub struct Envelope {
    /// The sender's address.
    pub from: String,
    /// The recipient's.
    pub to: String,
    /// Of the copies.
    pub cc: Vec<String>,
}

/// A copy that the relay refused while it took the mail.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Refusal {
    /// Whose.
    pub address: String,
    /// Its code.
    pub code: u16,
    /// Its words.
    pub words: String,
}

/// What came of handing a mail over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The relay took it.
    Accepted {
        /// Its answer.
        reply: Reply,
        /// Copies it did not take.
        refused: Vec<Refusal>,
    },
    /// Not now.
    Deferred(Reply),
    /// No.
    Refused(Reply),
    /// The relay failed, not the mail. It has nothing of the mail.
    RelayDown(Fault),
    /// The connection broke after the mail's last byte had gone out: the relay may have it.
    Unknown(String),
    /// Somebody else holds the mail by now, so nothing was sent.
    Lost,
}

/// What is wrong with the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// For the operator: what happened, with the relay's own words where it said any. Holds no credential.
    pub words: String,
}

/// What kind of fault a relay has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Its name has no address.
    Name,
    /// Nothing can be reached at its address and port.
    Unreachable,
    /// It does not answer in time.
    Silent,
    /// The certificate or the handshake is wrong.
    Tls,
    /// It offers no STARTTLS, and we must not go on without.
    NoTls,
    /// It turned us away at the door.
    Closed,
    /// User or password is wrong, or signing in is not possible.
    SignIn,
    /// It does not take mail from our sender.
    Sender,
    /// Its own quota is used up.
    Quota,
    /// The connection broke, or what it says is not SMTP.
    Broken,
}

impl FaultKind {
    /// The word for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::Tls => "tls",
            Self::NoTls => "no_tls",
            Self::Closed => "closed",
            Self::SignIn => "sign_in",
            Self::Sender => "sender",
            Self::Quota => "quota",
            Self::Broken => "broken",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Name => "Check the host in VOXANNE_SMTP_URL, and that this machine can look names up.",
            Self::Unreachable => {
                "Check that the relay runs, that the port in VOXANNE_SMTP_URL is right, and that no firewall is in \
                 between: many networks let nothing out to port 25."
            }
            Self::Silent => {
                "The relay is overloaded, or the port expects TLS from the start: try smtps:// on port 465."
            }
            Self::Tls => {
                "Check that the host in VOXANNE_SMTP_URL is the name in the certificate. For a private certificate \
                 authority set VOXANNE_SMTP_CA_FILE. If the port begins without TLS, use smtp:// with ?tls=required."
            }
            Self::NoTls => "Use the relay's port with STARTTLS (mostly 587), or smtps:// on port 465.",
            Self::Closed => "The relay turns this machine away: ask its provider whether this address is blocked.",
            Self::SignIn => {
                "Check user and password in VOXANNE_SMTP_URL; special letters are percent-encoded (@ is %40)."
            }
            Self::Sender => "Verify the address or domain of VOXANNE_MAIL_FROM at the relay's provider.",
            Self::Quota => {
                "The relay's own limit is used up: wait, or choose a larger plan, and set VOXANNE_MAIL_DAILY_LIMIT to it."
            }
            Self::Broken => "Check that this is an SMTP port, and look into the relay's log.",
        }
    }
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, words: impl Into<String>) -> Self {
        Self { kind, words: shortened(&words.into()) }
    }

    pub(crate) fn said(kind: FaultKind, what: &str, reply: &Reply) -> Self {
        Self::new(kind, format!("{what}: {} {}", reply.code, reply.words))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// What an answer that is not "yes" means after MAIL, when it is about this mail: final, later, or the relay's own trouble.
pub(crate) fn judge(reply: Reply) -> Outcome {
    if let Some(fault) = relays_own(&reply) {
        return Outcome::RelayDown(fault);
    }
    if reply.is_later() { Outcome::Deferred(reply) } else { Outcome::Refused(reply) }
}

/// Some answers to a mail are not about that mail: to hold them against it would burn the whole queue in a minute.
fn relays_own(reply: &Reply) -> Option<Fault> {
    // 421 is "closing the channel" at whatever moment (RFC 5321, section 3.8).
    if reply.code == 421 {
        return Some(Fault::said(FaultKind::Closed, "the relay closes the connection", reply));
    }
    let words = reply.words.to_ascii_lowercase();
    let says = |marks: &[&str]| marks.iter().any(|mark| words.contains(mark));
    // 5.4.5 is Google's "daily sending quota exceeded"; "maximum credits" is SendGrid's. A recipient's full mailbox
    // (5.2.2, "over quota") is not meant.
    if says(&[
        "5.4.5",
        "4.4.5",
        "maximum credits",
        "credits exceeded",
        "daily sending quota",
        "daily message quota",
        "sending limit",
    ]) {
        return Some(Fault::said(FaultKind::Quota, "the relay's quota is used up", reply));
    }
    // SendGrid and Amazon answer so after the words were sent.
    if says(&["verified sender identity", "email address is not verified"]) {
        return Some(Fault::said(FaultKind::Sender, "the relay does not take mail from this sender", reply));
    }
    None
}

/// Words of others, fit to be stored and shown: one line, without control characters, not endless.
pub(crate) fn shortened(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, words: &str) -> Reply {
        Reply { code, words: words.to_owned() }
    }

    #[test]
    fn the_class_of_an_answer_decides() {
        assert!(matches!(judge(reply(450, "4.2.0 greylisted")), Outcome::Deferred(_)));
        assert!(matches!(judge(reply(550, "5.1.1 no such user")), Outcome::Refused(_)));
        assert!(matches!(judge(reply(552, "5.2.2 mailbox over quota")), Outcome::Refused(_)));
    }

    #[test]
    fn what_is_not_about_the_mail_is_the_relays_fault() {
        let kind = |code, words| match judge(reply(code, words)) {
            Outcome::RelayDown(fault) => fault.kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(421, "4.7.0 try again later"), FaultKind::Closed);
        assert_eq!(kind(550, "5.4.5 Daily sending quota exceeded"), FaultKind::Quota);
        assert_eq!(kind(451, "Authentication failed: Maximum credits exceeded"), FaultKind::Quota);
        assert_eq!(kind(550, "The from address does not match a verified Sender Identity."), FaultKind::Sender);
    }

    #[test]
    fn the_relays_name_for_a_mail_is_found() {
        let id = |words| reply(250, words).queue_id();
        assert_eq!(id("2.0.0 Ok: queued as 4F2aB1c"), Some("4F2aB1c".to_owned()));
        assert_eq!(id("OK id=1abcDE-000123-4f"), Some("1abcDE-000123-4f".to_owned()));
        assert_eq!(id("OK"), None);
    }

    #[test]
    fn words_of_others_are_one_short_line() {
        assert_eq!(shortened("a\r\nb\u{1b}[2J"), "a  b [2J");
        assert_eq!(shortened(&"x".repeat(9_000)).len(), 500);
    }
}

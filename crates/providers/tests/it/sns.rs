//! Messages of Amazon SNS: signed with a key and a certificate of our own making, as SNS signs, and everything that must
//! be refused.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use providers::ses::sns::{Envelope, Topic, Verified};
use providers::webhook::Refused;
use serde_json::{Value, json};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:voxanne-mail";
const CERTIFICATE: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem";

/// A key with its certificate; goes away with the test.
struct Signer {
    folder: PathBuf,
}

impl Signer {
    fn new(kind: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("voxanne-sns-{}", uuid::Uuid::from_u128(rand())));
        std::fs::create_dir(&folder).unwrap();
        let this = Self { folder };
        let made = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=sns.amazonaws.com", "-newkey"])
            .args(kind)
            .arg("-keyout")
            .arg(this.folder.join("key.pem"))
            .arg("-out")
            .arg(this.folder.join("certificate.pem"))
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        this
    }

    fn rsa() -> Self {
        Self::new(&["rsa:2048"])
    }

    fn certificate(&self) -> Vec<u8> {
        std::fs::read(self.folder.join("certificate.pem")).unwrap()
    }

    /// The message with its signature.
    fn sign(&self, mut message: Value, version: &str) -> Vec<u8> {
        let names: &[&str] = if message["Type"] == "Notification" {
            &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        } else {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        };
        let line = |name: &&str| Some(format!("{name}\n{}\n", message.get(*name)?.as_str()?));
        let text: String = names.iter().filter_map(line).collect();
        std::fs::write(self.folder.join("signed"), text).unwrap();
        let digest = if version == "1" { "-sha1" } else { "-sha256" };
        let made = Command::new("openssl")
            .args(["dgst", digest, "-sign"])
            .args([self.folder.join("key.pem"), self.folder.join("signed")])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        message["SignatureVersion"] = json!(version);
        message["Signature"] = json!(STANDARD.encode(made.stdout));
        message.to_string().into_bytes()
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Enough for the names of folders.
fn rand() -> u128 {
    use std::hash::{BuildHasher as _, RandomState};
    u128::from(RandomState::new().hash_one(1)) << 64 | u128::from(RandomState::new().hash_one(2))
}

fn notification(message: &str) -> Value {
    json!({
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC,
        "Message": message, "Timestamp": "2026-11-25T10:00:00.000Z", "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    })
}

fn confirmation(token: &str) -> Value {
    json!({
        "Type": "SubscriptionConfirmation", "MessageId": "165545c9", "Token": token, "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe to the topic.", "Timestamp": "2026-11-25T10:00:00.000Z",
        "SubscribeURL": "https://evil.example/?Action=ConfirmSubscription", "SigningCertURL": CERTIFICATE,
    })
}

fn topics() -> Vec<Topic> {
    vec![TOPIC.parse().unwrap()]
}

fn verify(body: &[u8], certificate: &[u8]) -> Result<Verified, Refused> {
    Envelope::read(&topics(), body)?.verify(certificate)
}

#[test]
fn both_versions_of_the_signature_verify_with_and_without_a_subject() {
    let signer = Signer::rsa();
    let words = "{\"eventType\":\"Send\"}\nwith a line break and é";
    for version in ["1", "2"] {
        let mut with_subject = notification(words);
        with_subject["Subject"] = json!("Amazon SES Email Event Notification");
        for message in [notification(words), with_subject] {
            let verified = verify(&signer.sign(message, version), &signer.certificate()).unwrap();
            let Verified::Notification { message, id } = verified else { panic!("{verified:?}") };
            assert_eq!((message.as_str(), id.as_str()), (words, "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"));
        }
    }
}

#[test]
fn a_confirmation_leads_to_sns_whatever_address_it_names() {
    let signer = Signer::rsa();
    let verified = verify(&signer.sign(confirmation("2336412f37fb"), "2"), &signer.certificate()).unwrap();
    let Verified::Confirm { url } = verified else { panic!("{verified:?}") };
    assert_eq!(
        url,
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription\
         &TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Avoxanne-mail&Token=2336412f37fb"
    );
    for token in ["", "a&Action=Other", "../x"] {
        assert!(verify(&signer.sign(confirmation(token), "2"), &signer.certificate()).is_err(), "{token}");
    }
}

#[test]
fn what_was_changed_signed_by_another_or_with_another_kind_of_key_is_refused() {
    let (signer, other) = (Signer::rsa(), Signer::rsa());
    let elliptic = Signer::new(&["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let good = signer.sign(notification("a"), "2");
    assert!(verify(&good, &signer.certificate()).is_ok());
    assert_eq!(verify(&good, &other.certificate()).unwrap_err(), Refused::Mismatch);
    assert_eq!(verify(&good, &elliptic.certificate()).unwrap_err(), Refused::Misconfigured);
    assert_eq!(verify(&good, b"no certificate").unwrap_err(), Refused::Misconfigured);
    let value: Value = serde_json::from_slice(&good).unwrap();
    for (name, changed) in [
        ("Message", json!("b")),
        ("MessageId", json!("other")),
        ("Timestamp", json!("2026-11-25T10:00:01.000Z")),
        ("Subject", json!("added")),
        ("SignatureVersion", json!("1")),
        ("SignatureVersion", json!("3")),
        ("Signature", json!("AAAA")),
        ("Signature", json!("no base64!")),
        ("Type", json!("UnsubscribeConfirmation")),
        ("Type", json!("Other")),
        ("TopicArn", json!("arn:aws:sns:eu-west-1:999999999999:voxanne-mail")),
        ("SigningCertURL", json!("https://sns.eu-west-1.amazonaws.com.evil.example/a.pem")),
        ("SigningCertURL", json!("https://sns.us-east-1.amazonaws.com/a.pem")),
        ("SigningCertURL", json!(null)),
    ] {
        let mut tampered = value.clone();
        tampered[name] = changed.clone();
        let refused = verify(tampered.to_string().as_bytes(), &signer.certificate());
        assert!(refused.is_err(), "{name}: {changed}");
    }
    for body in [&b""[..], b"{}", b"[]", b"nonsense"] {
        assert_eq!(verify(body, &signer.certificate()).unwrap_err(), Refused::NoCredential);
    }
    assert_eq!(Envelope::read(&[], &good).unwrap_err(), Refused::NoSecret);
}

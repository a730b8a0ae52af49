//! The certificate of the public address, looked at in a real handshake.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use alarms::signs::certificate::look;
use alarms::signs::model::Certificate;
use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An authority and a certificate of it for `localhost`, made by openssl, that is good for so many days.
struct Papers(PathBuf);

impl Papers {
    fn for_days(days: u32) -> Self {
        let dir = std::env::temp_dir().join(format!("voxanne-papers-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&dir).unwrap();
        let openssl = |arguments: &str| {
            let arguments: Vec<&str> = arguments.split(' ').collect();
            let run = Command::new("openssl").args(&arguments).current_dir(&dir).output().unwrap();
            assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        };
        openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 3650 -subj /CN=Test",
        );
        openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost",
        );
        std::fs::write(dir.join("ext"), "subjectAltName=DNS:localhost").unwrap();
        openssl(&format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days {days} -extfile ext"
        ));
        Self(dir)
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.0.join(name)).unwrap()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate("ca.pem")).unwrap();
        roots
    }

    /// Shakes hands with everybody and sends nothing.
    async fn serve(&self) -> u16 {
        let key = PrivateKeyDer::from_pem_file(self.0.join("leaf.key")).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate("leaf.pem")], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        #[expect(clippy::disallowed_methods, reason = "ends with the test")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _shaken = acceptor.accept(stream).await;
            }
        });
        port
    }
}

impl Drop for Papers {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "openssl made the certificate by the machine's clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

async fn shown(port: u16, host: &str, roots: RootCertStore, days_later: i64) -> Certificate {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let at = now() + jiff::SignedDuration::from_hours(days_later * 24);
    look(stream, host, roots, at, Duration::from_secs(20)).await.unwrap()
}

#[tokio::test]
async fn the_days_that_are_left_are_counted_by_asking_as_a_client_would() {
    let papers = Papers::for_days(30);
    let port = papers.serve().await;
    let left = shown(port, "localhost", papers.roots(), 0).await;
    assert!(matches!(left, Certificate::Trusted(29..=30)), "{left:?}");
    let later = shown(port, "localhost", papers.roots(), 25).await;
    assert!(matches!(later, Certificate::Trusted(4..=5)), "{later:?}");
    assert_eq!(shown(port, "localhost", papers.roots(), 31).await, Certificate::Refused("it has expired"));
    assert_eq!(
        shown(port, "voice.example.com", papers.roots(), 0).await,
        Certificate::Refused("it is for another name")
    );
    let strangers = Papers::for_days(1);
    let refused = shown(port, "localhost", strangers.roots(), 0).await;
    assert!(
        matches!(refused, Certificate::Refused(why) if why.contains("nobody knows") || why.contains("not sound")),
        "{refused:?}"
    );
}

//! How long clients will trust the certificate of the public address.
//!
//! The chain is taken from a handshake, and then judged as a client would judge it: now, and at later times, until it no longer
//! holds. So an intermediate that ends before the certificate, a name that does not fit and a chain that is not sent whole are
//! all found, and nothing of a certificate has to be read by us.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::model::Certificate;

/// Farthest day looked at. Browsers accept no certificate that is good for longer.
const MOST_DAYS: i64 = 400;

/// Why the certificate could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// TLS could not be set up here.
    #[error("TLS could not be set up")]
    Setup,
    /// The host is no name that a certificate could hold.
    #[error("the public address has no name that a certificate could hold")]
    Name,
    /// The handshake failed before a certificate came.
    #[error("the handshake failed")]
    Handshake(#[source] std::io::Error),
    /// It took too long.
    #[error("the handshake took too long")]
    TooLong,
}

/// Shakes hands on `stream` as a client of `host` and judges what is shown. `roots` are the authorities that clients trust.
pub async fn look(
    stream: TcpStream,
    host: &str,
    roots: RootCertStore,
    now: Timestamp,
    patience: Duration,
) -> Result<Certificate, LookError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|_| LookError::Setup)?;
    let shown = Arc::new(Onlooker { inner, provider: Arc::clone(&provider), seen: Mutex::default() });
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| LookError::Setup)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&shown) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| LookError::Name)?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name.clone(), stream);
    let shaken = tokio::time::timeout(patience, handshake).await.map_err(|_| LookError::TooLong)?;
    let seen = shown.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (seen, shaken) {
        (Some(chain), _) => Ok(shown.judge(&chain, &name, now)),
        (None, Err(error)) => Err(LookError::Handshake(error)),
        (None, Ok(_)) => Err(LookError::Setup),
    }
}

/// The authorities that this machine trusts.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Lets every certificate through, so that one that is refused can be looked at. Nothing is sent over such a connection.
#[derive(Debug)]
struct Onlooker {
    inner: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<Vec<CertificateDer<'static>>>>,
}

impl Onlooker {
    fn holds(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, at: Timestamp) -> Result<(), rustls::Error> {
        let Some((leaf, between)) = chain.split_first() else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.inner.verify_server_cert(leaf, between, name, &[], at).map(drop)
    }

    fn judge(&self, chain: &[CertificateDer<'_>], name: &ServerName<'_>, now: Timestamp) -> Certificate {
        if let Err(error) = self.holds(chain, name, now) {
            return Certificate::Refused(why(&error));
        }
        let in_days = |days: i64| now.saturating_add(SignedDuration::from_hours(days * 24)).unwrap_or(Timestamp::MAX);
        // Between a day on which it holds and one on which it does not, the border is found by halving.
        let (mut holds, mut fails) = (0, MOST_DAYS);
        while fails - holds > 1 {
            let middle = i64::midpoint(holds, fails);
            if self.holds(chain, name, in_days(middle)).is_ok() {
                holds = middle;
            } else {
                fails = middle;
            }
        }
        Certificate::Trusted(holds)
    }
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).map(|one| one.clone().into_owned()).collect();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// In words; the library's own may quote names.
fn why(error: &rustls::Error) -> &'static str {
    let rustls::Error::InvalidCertificate(error) = error else { return "it cannot be read" };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "it is for another name",
        CertificateError::UnknownIssuer => "nobody knows who issued it; is an intermediate certificate missing?",
        CertificateError::Revoked => "it was revoked",
        _ => "it is not sound",
    }
}

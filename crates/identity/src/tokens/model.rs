//! Access tokens: a JWT (RFC 7519) with the profile of RFC 9068, signed with `EdDSA` (RFC 8037). Pure: keys and time are
//! parameters.
//!
//! One algorithm, one key type, one form. Nothing in a token chooses how it is verified: `alg` and `typ` must be the only
//! values we write, `kid` is compared with the ids of our own keys, and every other header is ignored (`jku`, `x5u`) or,
//! when it demands to be understood (`crit`), refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::{SignedDuration, Timestamp};
use platform::ids::{OrgId, UserId};
use platform::secret::Secret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::access::FamilyId;

/// How long an access token lives.
pub const ACCESS_TOKEN_LIVES: SignedDuration = SignedDuration::from_mins(15);
/// How long a refresh token waits to be used.
pub const REFRESH_TOKEN_LIVES: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long a key signs.
pub const KEY_SIGNS_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long a key verifies after another took over: its tokens' life, and room for nodes whose clocks differ.
pub const KEY_VERIFIES_FOR: SignedDuration = SignedDuration::from_hours(1);
/// How far clocks may differ.
const LEEWAY: SignedDuration = SignedDuration::from_secs(30);
/// Largest token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 8 * 1024;

const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "at+jwt";
const AUDIENCE: &str = "voxanne-api";

/// Why a token is not believed. The caller is told none of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not three parts of base64url with JSON in them, or too large.
    #[error("malformed")]
    Malformed,
    /// Another algorithm, type, or a demand that we do not know.
    #[error("not a token of this kind")]
    OtherKind,
    /// Signed with a key that is not ours, or no longer.
    #[error("unknown key")]
    UnknownKey,
    /// The signature does not fit.
    #[error("bad signature")]
    BadSignature,
    /// Of another installation or for another service.
    #[error("for somebody else")]
    OtherParty,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not valid yet")]
    NotYet,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer: this installation's public address.
    pub iss: String,
    /// Audience: always `voxanne-api`.
    pub aud: String,
    /// The person.
    pub sub: UserId,
    /// The selected organization. A selection only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrgId>,
    /// The sign-in it belongs to.
    pub sid: FamilyId,
    /// Seconds since 1970 when it was made.
    pub iat: i64,
    /// Seconds since 1970 when it ends.
    pub exp: i64,
    /// Seconds since 1970 when it begins; not written by us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Its own id.
    pub jti: Uuid,
}

#[derive(Serialize)]
struct HeaderOut<'a> {
    alg: &'a str,
    typ: &'a str,
    kid: &'a str,
}

#[derive(Deserialize)]
struct HeaderIn {
    alg: String,
    typ: String,
    kid: String,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl Claims {
    /// A new token's claims.
    pub fn new(issuer: &str, user: UserId, org: Option<OrgId>, family: FamilyId, now: Timestamp) -> Self {
        Self {
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            org,
            sid: family,
            iat: now.as_second(),
            exp: (now + ACCESS_TOKEN_LIVES).as_second(),
            nbf: None,
            jti: Uuid::now_v7(),
        }
    }

    /// When they are no longer believed. `None` for a time beyond the calendar.
    pub fn ends_at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.exp.saturating_add(LEEWAY.as_secs())).ok()
    }

    /// Signs them.
    pub fn sign(&self, kid: &str, key: &SigningKey) -> Result<Secret, serde_json::Error> {
        let header = serde_json::to_vec(&HeaderOut { alg: ALGORITHM, typ: TYPE, kid })?;
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(serde_json::to_vec(self)?));
        let signature = key.sign(signed.as_bytes());
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))))
    }
}

/// A token that has the right form and names its key. Nothing in it is to be believed yet.
pub struct Unverified<'a> {
    /// The id of the key it says it was signed with.
    pub kid: String,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub fn parse(token: &'a str) -> Result<Self, TokenFault> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenFault::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenFault::Malformed)?;
        // A fourth part would land in the payload, whose alphabet has no dot.
        let header: HeaderIn = read(header)?;
        if header.alg != ALGORITHM || header.typ != TYPE || header.crit.is_some() {
            return Err(TokenFault::OtherKind);
        }
        Ok(Self { kid: header.kid, signed, payload, signature })
    }

    /// Believes the claims if `key` signed them, this installation issued them and now is their time.
    pub fn verify(&self, key: &VerifyingKey, issuer: &str, now: Timestamp) -> Result<Claims, TokenFault> {
        let signature = URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| TokenFault::Malformed)?;
        let signature = Signature::from_slice(&signature).map_err(|_| TokenFault::Malformed)?;
        key.verify_strict(self.signed.as_bytes(), &signature).map_err(|_| TokenFault::BadSignature)?;
        let claims: Claims = read(self.payload)?;
        if claims.iss != issuer || claims.aud != AUDIENCE {
            return Err(TokenFault::OtherParty);
        }
        let now = now.as_second();
        if claims.exp.saturating_add(LEEWAY.as_secs()) <= now {
            return Err(TokenFault::Expired);
        }
        let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        if begins.saturating_sub(LEEWAY.as_secs()) > now {
            return Err(TokenFault::NotYet);
        }
        Ok(claims)
    }
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenFault> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenFault::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenFault::Malformed)
}

/// What becomes of a refresh token that is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshVerdict {
    /// Exchange it.
    Exchange,
    /// Refuse it: its time is over or its family was revoked.
    Refuse,
    /// Refuse it and revoke the family: it was used before.
    Revoke,
}

/// Decides about a refresh token.
pub(crate) fn judge_refresh(used: bool, family_revoked: bool, expires_at: Timestamp, now: Timestamp) -> RefreshVerdict {
    if family_revoked {
        RefreshVerdict::Refuse
    } else if used {
        RefreshVerdict::Revoke
    } else if expires_at <= now {
        RefreshVerdict::Refuse
    } else {
        RefreshVerdict::Exchange
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{KeyInit as _, Mac as _};
    use serde_json::{Value, json};

    const ISSUER: &str = "https://desk.example";
    const KID: &str = "0193a0c0-0000-7000-8000-000000000001";

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn now() -> Timestamp {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }

    fn claims() -> Claims {
        Claims::new(ISSUER, UserId::new(), Some(OrgId::new()), FamilyId::new(), now())
    }

    fn judge(token: &str, at: Timestamp) -> Result<Claims, TokenFault> {
        let unverified = Unverified::parse(token)?;
        if unverified.kid != KID {
            return Err(TokenFault::UnknownKey);
        }
        unverified.verify(&key().verifying_key(), ISSUER, at)
    }

    /// A token with any header and payload, signed with our key.
    fn forge(header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = key().sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    fn header() -> Value {
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": KID })
    }

    fn with_header(change: impl FnOnce(&mut Value)) -> String {
        let mut header = header();
        change(&mut header);
        forge(&header.to_string(), &serde_json::to_string(&claims()).unwrap())
    }

    fn with_claims(change: impl FnOnce(&mut Value)) -> String {
        let mut payload = serde_json::to_value(claims()).unwrap();
        change(&mut payload);
        forge(&header().to_string(), &payload.to_string())
    }

    #[test]
    fn a_token_of_ours_is_believed_for_a_quarter_of_an_hour() {
        let claims = claims();
        let token = claims.sign(KID, &key()).unwrap();
        assert_eq!(judge(token.expose(), now()).unwrap(), claims);
        let end = now() + ACCESS_TOKEN_LIVES;
        assert!(judge(token.expose(), end + SignedDuration::from_secs(29)).is_ok());
        assert_eq!(judge(token.expose(), end + SignedDuration::from_secs(30)), Err(TokenFault::Expired));
        assert_eq!(judge(token.expose(), now() - SignedDuration::from_secs(31)), Err(TokenFault::NotYet));
    }

    #[test]
    fn nothing_in_the_header_chooses_how_a_token_is_verified() {
        for alg in ["none", "None", "", "HS256", "RS256", "ES256", "eddsa", "Ed25519"] {
            assert_eq!(judge(&with_header(|h| h["alg"] = json!(alg)), now()), Err(TokenFault::OtherKind), "{alg}");
        }
        for typ in ["JWT", "jwt", "", "dpop+jwt"] {
            assert_eq!(judge(&with_header(|h| h["typ"] = json!(typ)), now()), Err(TokenFault::OtherKind), "{typ}");
        }
        for kid in ["../../etc/passwd", "' or 1=1 --", "", "0193a0c0-0000-7000-8000-000000000002"] {
            assert_eq!(judge(&with_header(|h| h["kid"] = json!(kid)), now()), Err(TokenFault::UnknownKey), "{kid}");
        }
        assert_eq!(judge(&with_header(|h| h["crit"] = json!(["b64"])), now()), Err(TokenFault::OtherKind));
        assert_eq!(judge(&with_header(|h| h["kid"] = json!(7)), now()), Err(TokenFault::Malformed));
        assert!(judge(&with_header(|h| h["jku"] = json!("https://evil.example/keys")), now()).is_ok(), "ignored");
        assert!(judge(&with_header(|h| h["x5u"] = json!("https://evil.example/cert")), now()).is_ok(), "ignored");
        assert!(judge(&with_header(|h| h["jwk"] = json!({ "kty": "OKP" })), now()).is_ok(), "ignored");
    }

    #[test]
    fn an_unsigned_token_and_one_signed_with_the_public_key_are_refused() {
        let signed = claims().sign(KID, &key()).unwrap();
        let (signed_part, _) = signed.expose().rsplit_once('.').unwrap();
        assert_eq!(judge(&format!("{signed_part}."), now()), Err(TokenFault::Malformed));
        assert_eq!(judge(signed_part, now()), Err(TokenFault::Malformed));
        let payload = signed_part.split_once('.').unwrap().1;
        let none = format!(
            "{}.{payload}.",
            URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "at+jwt", "kid": KID }).to_string())
        );
        assert_eq!(judge(&none, now()), Err(TokenFault::OtherKind));
        // The classic confusion: HMAC with the published key as its secret.
        let head = URL_SAFE_NO_PAD.encode(json!({ "alg": "HS256", "typ": "at+jwt", "kid": KID }).to_string());
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key().verifying_key().as_bytes()).unwrap();
        mac.update(format!("{head}.{payload}").as_bytes());
        let hs256 = format!("{head}.{payload}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        assert_eq!(judge(&hs256, now()), Err(TokenFault::OtherKind));
        let stranger = claims().sign(KID, &SigningKey::from_bytes(&[8; 32])).unwrap();
        assert_eq!(judge(stranger.expose(), now()), Err(TokenFault::BadSignature));
    }

    #[test]
    fn a_changed_organization_breaks_the_signature() {
        let token = claims().sign(KID, &key()).unwrap();
        let parts: Vec<&str> = token.expose().split('.').collect();
        let mut payload: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        payload["org"] = json!(OrgId::new());
        let changed = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(payload.to_string()), parts[2]);
        assert_eq!(judge(&changed, now()), Err(TokenFault::BadSignature));
    }

    #[test]
    fn claims_are_checked_even_under_a_good_signature() {
        let at = now().as_second();
        let cases: [(&str, Value, TokenFault); 11] = [
            ("iss", json!("https://evil.example"), TokenFault::OtherParty),
            ("iss", json!("https://desk.example/"), TokenFault::OtherParty),
            ("aud", json!("voxanne"), TokenFault::OtherParty),
            ("aud", json!(["voxanne-api", "other"]), TokenFault::Malformed),
            ("exp", json!(at - 31), TokenFault::Expired),
            ("exp", json!("tomorrow"), TokenFault::Malformed),
            ("exp", json!(1e20), TokenFault::Malformed),
            ("nbf", json!(at + 31), TokenFault::NotYet),
            ("iat", json!(at + 31), TokenFault::NotYet),
            ("sub", json!("' or 1=1 --"), TokenFault::Malformed),
            ("sid", Value::Null, TokenFault::Malformed),
        ];
        for (claim, value, fault) in cases {
            let token = with_claims(|claims| claims[claim] = value.clone());
            assert_eq!(judge(&token, now()), Err(fault), "{claim} = {value}");
        }
        for missing in ["iss", "aud", "sub", "sid", "iat", "exp", "jti"] {
            let token = with_claims(|claims| drop(claims.as_object_mut().unwrap().remove(missing)));
            assert_eq!(judge(&token, now()), Err(TokenFault::Malformed), "{missing}");
        }
    }

    #[test]
    fn a_claim_said_twice_is_refused() {
        let payload = serde_json::to_string(&claims()).unwrap();
        let twice = payload.replacen('{', &format!("{{\"org\":\"{}\",", OrgId::new()), 1);
        assert_eq!(judge(&forge(&header().to_string(), &twice), now()), Err(TokenFault::Malformed));
        let head = format!("{{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"{KID}\"}}");
        assert_eq!(judge(&forge(&head, &payload), now()), Err(TokenFault::Malformed));
    }

    #[test]
    fn other_text_is_malformed() {
        let huge = format!("{}.{}.{}", "a".repeat(32_768), "b".repeat(16_384), "c".repeat(16_384));
        let good = claims().sign(KID, &key()).unwrap();
        let padded = format!("{}=", good.expose());
        let four = format!("{}.x", good.expose());
        for text in ["", ".", "..", "a.b", "a.b.c", "é.é.é", "....", &huge, &padded, &four] {
            assert!(judge(text, now()).is_err(), "{}", &text[..text.len().min(40)]);
        }
    }

    #[test]
    fn a_refresh_token_is_good_once() {
        let (later, earlier) = (now() + SignedDuration::from_secs(1), now() - SignedDuration::from_secs(1));
        assert_eq!(judge_refresh(false, false, later, now()), RefreshVerdict::Exchange);
        assert_eq!(judge_refresh(false, false, earlier, now()), RefreshVerdict::Refuse);
        assert_eq!(judge_refresh(true, false, later, now()), RefreshVerdict::Revoke);
        assert_eq!(judge_refresh(true, false, earlier, now()), RefreshVerdict::Revoke, "theft is theft, however late");
        assert_eq!(judge_refresh(true, true, later, now()), RefreshVerdict::Refuse);
    }
}

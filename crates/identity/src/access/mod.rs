//! Who is asking, and may they.
//!
//! A request brings one credential: a browser session's cookie, an access token, or an API key. [`Authority`] turns it
//! into a [`Principal`] with one database round trip, remembered for [`CACHE_FOR`], so that a revocation holds
//! everywhere within that time and on this node at once. The extractors ([`Viewer`] … [`Operator`]) are the access
//! levels of routes.
//!
//! Rules:
//! - A request with an `Authorization` header is judged by it alone; the cookie is not looked at.
//! - A cookie counts on an unsafe request only when the request comes from our own pages ([`origin`]).
//! - An organization in a session or token is a selection; the membership row decides, at each look-up.

mod cache;
pub(crate) mod cookie;
mod extract;
mod forms;
mod model;
pub mod origin;
pub(crate) mod store;

pub use cookie::{SetCookie, rotation_layer};
pub use extract::{
    Admin, AtLeast, Can, Denied, Level, Member, Operator, OperatorsOnly, Owner, Permission, SignedIn, Viewer, level,
    local_path, permission,
};
pub(crate) use forms::note_principal;
pub use forms::{CSRF_FIELD, Form, FormValues, KEY_FIELD, PublicForm};
pub use model::{
    Caller, CredentialId, CredentialRef, CsrfToken, FamilyId, Person, Principal, Program, Role, Scope, Scopes,
    TokenFamily, UnknownName,
};

use std::pin::Pin;
use std::sync::Arc;

use axum::http::header;
use axum::http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use mail::Outbox;
use platform::clock::Clock;
use platform::config::Origin;
use platform::crypto::{MasterKey, token_digest};
use platform::http::ApiError;
use platform::ids::{OrgId, UserId};
use platform::secret::Secret;
use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};

use crate::Services;
use crate::accounts::model::{IDLE_FOR, PREVIOUS_SERVES_FOR, is_rotation_due};
use crate::accounts::passwords::Passwords;
use crate::api_keys::model::has_key_shape;
use crate::tokens::keys::Keys;
use cache::{Cache, Known};

/// How long a look-up is remembered, and so the longest a revoked credential works on another node.
pub const CACHE_FOR: SignedDuration = SignedDuration::from_secs(2);

/// Longest credential that is looked at, in bytes.
const LONGEST_CREDENTIAL: usize = 8 * 1024;

/// Bytes of a token from [`platform::crypto::new_token`] in base64url.
pub(crate) const TOKEN_CHARS: usize = 43;

static CSRF_HEADER: http::HeaderName = http::HeaderName::from_static("x-csrf-token");

/// Decides who a request comes from. Cheap to clone; one per process.
#[derive(Clone)]
pub struct Authority {
    inner: Arc<Inner>,
}

struct Inner {
    tenancy: Tenancy,
    clock: Clock,
    master_key: MasterKey,
    origin: Origin,
    tasks: Tasks,
    outbox: Outbox,
    keys: Keys,
    passwords: Passwords,
    cache: Cache,
}

/// Put on the request by an extractor, so that a second one of the same request need not look again.
#[derive(Clone)]
pub(crate) struct Identified(pub(crate) Arc<Principal>);

type LookUp<'a> = Pin<Box<dyn Future<Output = Result<Arc<Principal>, ApiError>> + Send + 'a>>;

#[derive(Clone, Copy)]
enum Presented<'a> {
    Bearer(&'a str),
    Cookie(&'a str),
}

impl Authority {
    pub(crate) fn new(services: Services) -> Self {
        let keys = Keys::new(services.tenancy.clone(), services.clock.clone(), services.master_key.clone());
        Self {
            inner: Arc::new(Inner {
                tenancy: services.tenancy,
                clock: services.clock,
                master_key: services.master_key,
                origin: services.public_origin,
                tasks: services.tasks,
                outbox: services.outbox,
                keys,
                passwords: Passwords::new(),
                cache: Cache::new(),
            }),
        }
    }

    /// The way to the database.
    pub fn tenancy(&self) -> &Tenancy {
        &self.inner.tenancy
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Where browsers find this installation.
    pub fn origin(&self) -> &Origin {
        &self.inner.origin
    }

    /// Where mails are kept to be sent.
    pub fn outbox(&self) -> &Outbox {
        &self.inner.outbox
    }

    /// The one place that computes password hashes.
    pub fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn master_key(&self) -> &MasterKey {
        &self.inner.master_key
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// The caller in the organization they selected.
    ///
    /// 401 without a valid credential, 403 for a person without an organization, 403 for a cookie request from another
    /// site.
    pub async fn authenticate(&self, parts: &Parts) -> Result<Caller, ApiError> {
        let principal = self.identify(parts).await?;
        Caller::of(&principal).ok_or_else(no_organization)
    }

    /// Whoever the request's credential belongs to, with or without an organization.
    pub async fn identify(&self, parts: &Parts) -> Result<Arc<Principal>, ApiError> {
        if let Some(Identified(principal)) = parts.extensions.get() {
            return Ok(Arc::clone(principal));
        }
        self.look_up(&self.presented(parts)?, parts).await
    }

    /// Not inlined and behind a pointer: every extractor would otherwise hold a copy of all three ways.
    #[inline(never)]
    fn look_up<'a>(&'a self, presented: &Presented<'a>, parts: &'a Parts) -> LookUp<'a> {
        match *presented {
            Presented::Bearer(key) if key.starts_with("vx_") => Box::pin(self.by_api_key(key)),
            Presented::Bearer(token) => Box::pin(self.by_access_token(token)),
            Presented::Cookie(token) => Box::pin(self.by_session(token, parts)),
        }
    }

    /// Which of these credentials still hold, in the same order, read from the database in one query.
    ///
    /// For connections that stay open: not revoked, not expired, and the person still a member.
    pub async fn still_valid(&self, credentials: &[CredentialRef]) -> Result<Vec<bool>, DbError> {
        if credentials.is_empty() {
            return Ok(Vec::new());
        }
        store::credentials_that_hold(self.tenancy(), credentials, self.now()).await
    }

    /// Drops what this node remembers of a credential.
    pub(crate) fn forget_credential(&self, credential: CredentialId) {
        self.inner.cache.forget(|principal| match principal {
            Principal::Person(person) => person.credential == credential,
            Principal::Program(program) => CredentialId::ApiKey(program.key) == credential,
        });
    }

    /// Drops what this node remembers of a person.
    pub(crate) fn forget_user(&self, user: UserId) {
        self.inner.cache.forget(|principal| matches!(principal, Principal::Person(person) if person.user == user));
    }

    fn presented<'a>(&self, parts: &'a Parts) -> Result<Presented<'a>, ApiError> {
        let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
        if let Some(line) = lines.next() {
            // Two headers could be judged differently by us and by a proxy in front of us.
            let only = lines.next().is_none();
            let token = line.to_str().ok().filter(|_| only).and_then(bearer);
            return token
                .filter(|token| token.len() <= LONGEST_CREDENTIAL)
                .map(Presented::Bearer)
                .ok_or_else(ApiError::unauthenticated);
        }
        cookie::session_token(&parts.headers, self.origin())
            .map(Presented::Cookie)
            .ok_or_else(ApiError::unauthenticated)
    }

    async fn by_api_key(&self, key: &str) -> Result<Arc<Principal>, ApiError> {
        if !has_key_shape(key) {
            return Err(ApiError::unauthenticated());
        }
        let digest = token_digest(key);
        let now = self.now();
        if let Some(known) = self.inner.cache.get(&digest, now) {
            return Ok(known.principal);
        }
        let found = store::find_api_key(self.tenancy(), &digest, now).await?;
        let program = found.ok_or_else(ApiError::unauthenticated)?;
        let known = Known::steady(Principal::Program(program));
        self.inner.cache.put(digest, known.clone(), now, None);
        Ok(known.principal)
    }

    async fn by_access_token(&self, token: &str) -> Result<Arc<Principal>, ApiError> {
        // The same text was verified a moment ago: a program's next request need not pay for the signature again.
        let digest = token_digest(token);
        let now = self.now();
        if let Some(known) = self.inner.cache.get(&digest, now) {
            return Ok(known.principal);
        }
        let claims = self.keys().verify(token, self.origin()).await.map_err(crate::tokens::api::refuse_token)?;
        let found = store::find_token_family(self.tenancy(), claims.sid, claims.sub, claims.org, now).await?;
        let person = found.ok_or_else(ApiError::unauthenticated)?;
        let known = Known::steady(Principal::Person(person));
        self.inner.cache.put(digest, known.clone(), now, claims.ends_at());
        Ok(known.principal)
    }

    async fn by_session(&self, token: &str, parts: &Parts) -> Result<Arc<Principal>, ApiError> {
        let unsafe_request = origin::is_unsafe(parts);
        let provenance = origin::provenance(parts, self.origin());
        if (unsafe_request || origin::is_upgrade(parts)) && provenance == origin::Provenance::Foreign {
            return Err(cross_site());
        }
        if token.len() != TOKEN_CHARS {
            return Err(ApiError::unauthenticated());
        }
        let digest = token_digest(token);
        let known = self.session(&digest).await?;
        let Principal::Person(person) = &*known.principal else {
            return Err(ApiError::unauthenticated());
        };
        if unsafe_request && provenance == origin::Provenance::Unknown && !carries_csrf_header(parts, person) {
            return Err(cross_site());
        }
        if known.rotation_due
            && let Some(slot) = parts.extensions.get::<cookie::RotationSlot>()
        {
            self.rotate(person, digest, &known, slot).await?;
        }
        Ok(known.principal)
    }

    async fn session(&self, digest: &[u8]) -> Result<Known, ApiError> {
        let now = self.now();
        if let Some(known) = self.inner.cache.get(digest, now) {
            return Ok(known);
        }
        let found =
            store::find_browser_session(self.tenancy(), digest, now, now + IDLE_FOR, now + PREVIOUS_SERVES_FOR).await?;
        let (person, ages) = found.ok_or_else(ApiError::unauthenticated)?;
        let known = Known { principal: Arc::new(Principal::Person(person)), rotation_due: is_rotation_due(&ages, now) };
        self.inner.cache.put(digest.to_vec(), known.clone(), now, None);
        Ok(known)
    }

    /// Gives the session a new token. Of several requests that find it due, one wins.
    async fn rotate(
        &self,
        person: &Person,
        digest: Vec<u8>,
        known: &Known,
        slot: &cookie::RotationSlot,
    ) -> Result<(), ApiError> {
        let CredentialId::Session(session) = person.credential else {
            return Ok(());
        };
        let now = self.now();
        let fresh: Secret = platform::crypto::new_token();
        let fresh_digest = token_digest(fresh.expose());
        let mut tx = self.tenancy().system("browser session: sessions belong to no organization").await?;
        let won = crate::accounts::store::rotate_session(&mut tx, session, &digest, &fresh_digest, now).await?;
        tx.commit().await?;
        if won {
            slot.fill(fresh);
        }
        self.inner.cache.put(digest, Known { rotation_due: false, ..known.clone() }, now, None);
        Ok(())
    }
}

fn bearer(line: &str) -> Option<&str> {
    let (scheme, token) = line.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn carries_csrf_header(parts: &Parts, person: &Person) -> bool {
    let given = parts.headers.get(&CSRF_HEADER).and_then(|value| value.to_str().ok());
    matches!((given, &person.csrf), (Some(given), Some(csrf)) if csrf.matches(given))
}

pub(crate) fn cross_site() -> ApiError {
    ApiError::new(
        http::StatusCode::FORBIDDEN,
        "cross_site",
        "This request did not come from one of our own pages. Programs use an access token or an API key.",
    )
}

pub(crate) fn no_organization() -> ApiError {
    ApiError::new(
        http::StatusCode::FORBIDDEN,
        "no_organization",
        "You do not belong to the selected organization. Select one of yours.",
    )
}

/// The organization and role of a look-up's left join.
pub(crate) fn place_of(org: Option<OrgId>, role: Option<String>) -> Result<Option<(OrgId, Role)>, UnknownName> {
    match (org, role) {
        (Some(org), Some(role)) => Ok(Some((org, role.parse()?))),
        _ => Ok(None),
    }
}

//! Roles, scopes, and the two views of whoever is asking: [`Caller`] (somebody in an organization) and [`Person`]
//! (somebody who signed in).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use platform::audit::Actor;
use platform::ids::{ApiKeyId, Id, OrgId, SessionId, UserId};
use platform::tenancy::{DbError, Tenancy, TenantTx};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a member may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees calls.
    Viewer,
    /// Works with calls.
    Member,
    /// Manages people, keys and connections.
    Admin,
    /// Manages owners too.
    Owner,
}

impl Role {
    /// Every role, lowest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is not on the list.
#[derive(Debug, thiserror::Error)]
#[error("unknown {what}")]
pub struct UnknownName {
    what: &'static str,
}

impl FromStr for Role {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownName { what: "role" })
    }
}

impl TryFrom<String> for Role {
    type Error = UnknownName;

    fn try_from(text: String) -> Result<Self, UnknownName> {
        text.parse()
    }
}

/// What an API key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// List and read calls.
    #[serde(rename = "calls:read")]
    CallsRead,
    /// Change calls.
    #[serde(rename = "calls:write")]
    CallsWrite,
    /// List and read provider connections, without their secrets.
    #[serde(rename = "connections:read")]
    ConnectionsRead,
    /// Create, change and remove provider connections.
    #[serde(rename = "connections:write")]
    ConnectionsWrite,
    /// List members.
    #[serde(rename = "members:read")]
    MembersRead,
    /// Follow calls as they happen.
    #[serde(rename = "live:read")]
    LiveRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::CallsRead,
        Self::CallsWrite,
        Self::ConnectionsRead,
        Self::ConnectionsWrite,
        Self::MembersRead,
        Self::LiveRead,
    ];

    /// The name in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CallsRead => "calls:read",
            Self::CallsWrite => "calls:write",
            Self::ConnectionsRead => "connections:read",
            Self::ConnectionsWrite => "connections:write",
            Self::MembersRead => "members:read",
            Self::LiveRead => "live:read",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownName { what: "scope" })
    }
}

/// The scopes of an API key. Empty for people, whose role decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These scopes, each once.
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// Whether `scope` is among them.
    pub fn contain(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// In their fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

/// Marker for refresh token family ids.
pub enum TokenFamily {}
/// A program's sign-in: one login's chain of refresh tokens. The `sid` of its access tokens.
pub type FamilyId = Id<TokenFamily>;

/// The credential a request came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CredentialId {
    /// A browser session.
    Session(SessionId),
    /// An access token of this family.
    Tokens(FamilyId),
    /// An API key.
    ApiKey(ApiKeyId),
}

impl CredentialId {
    pub(super) fn columns(self) -> (&'static str, Uuid) {
        match self {
            Self::Session(id) => ("session", id.uuid()),
            Self::Tokens(id) => ("tokens", id.uuid()),
            Self::ApiKey(id) => ("api_key", id.uuid()),
        }
    }
}

/// What [`super::Authority::still_valid`] needs to know of an open connection, or of a link that was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRef {
    /// The credential it was opened with.
    pub credential: CredentialId,
    /// Whose it is; `None` for an API key.
    pub user: Option<UserId>,
    /// The organization it looks at.
    pub org: OrgId,
}

/// The token that a form of this session carries in its field `_csrf`.
///
/// Bound to the selected organization too: a form that was opened for one organization does not post into another that
/// was selected meanwhile in a second tab.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfToken(Arc<str>);

impl CsrfToken {
    pub(super) fn derive(session_key: &[u8], org: Option<OrgId>) -> Self {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(session_key) else {
            unreachable!("HMAC takes keys of any length")
        };
        mac.update(b"voxanne form v1/");
        if let Some(org) = org {
            mac.update(org.uuid().as_bytes());
        }
        Self(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()).into())
    }

    /// The text for the form field or the `X-CSRF-Token` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    pub(super) fn matches(&self, given: &str) -> bool {
        self.0.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(..)")
    }
}

/// Somebody who signed in, with or without an organization.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who.
    pub user: UserId,
    /// Address they sign in with.
    pub email: Arc<str>,
    /// Name to show.
    pub name: Arc<str>,
    /// Whether they run the installation.
    pub is_operator: bool,
    /// What they came with.
    pub credential: CredentialId,
    /// The selected organization and their role in it. `None` when nothing is selected or the membership has ended.
    pub place: Option<(OrgId, Role)>,
    /// For forms; `None` unless the credential is a browser session.
    pub csrf: Option<CsrfToken>,
}

impl Person {
    /// As the actor of an audit row of their organization.
    pub fn actor(&self) -> Actor {
        Actor::Member(self.user)
    }
}

/// A program with an API key.
#[derive(Clone, Debug)]
pub struct Program {
    /// The key.
    pub key: ApiKeyId,
    /// The organization it belongs to.
    pub org: OrgId,
    /// The key's name.
    pub name: Arc<str>,
    /// What it may do.
    pub scopes: Scopes,
}

/// Whoever a valid credential belongs to.
#[derive(Clone, Debug)]
pub enum Principal {
    /// A person.
    Person(Person),
    /// A program.
    Program(Program),
}

/// Somebody, or some program, acting in one organization.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The organization.
    pub org: OrgId,
    /// For audit rows.
    pub actor: Actor,
    /// The member's role. [`Role::Viewer`], the lowest, for an API key: its scopes decide.
    pub role: Role,
    /// An API key's scopes; empty for a person.
    pub scopes: Scopes,
    /// Whether this person runs the installation.
    pub is_operator: bool,
    /// The person; `None` for an API key.
    pub user: Option<UserId>,
    /// The person's address; `None` for an API key.
    pub email: Option<Arc<str>>,
    /// The person's or the key's name.
    pub name: Arc<str>,
    /// What they came with.
    pub session: CredentialId,
    /// For forms; `None` unless the credential is a browser session.
    pub csrf: Option<CsrfToken>,
}

impl Caller {
    /// Begins a transaction in the caller's organization.
    pub async fn begin(&self, tenancy: &Tenancy) -> Result<TenantTx, DbError> {
        tenancy.tenant(self.org).await
    }

    /// For the periodic check of a connection that stays open.
    pub fn credential_ref(&self) -> CredentialRef {
        CredentialRef { credential: self.session, user: self.user, org: self.org }
    }

    /// The caller behind a principal; `None` for a person without an organization.
    pub(crate) fn of(principal: &Principal) -> Option<Self> {
        match principal {
            Principal::Person(person) => person.place.map(|(org, role)| Self {
                org,
                actor: person.actor(),
                role,
                scopes: Scopes::default(),
                is_operator: person.is_operator,
                user: Some(person.user),
                email: Some(Arc::clone(&person.email)),
                name: Arc::clone(&person.name),
                session: person.credential,
                csrf: person.csrf.clone(),
            }),
            Principal::Program(program) => Some(Self {
                org: program.org,
                actor: Actor::ApiKey(program.key),
                role: Role::Viewer,
                scopes: program.scopes.clone(),
                is_operator: false,
                user: None,
                email: None,
                name: Arc::clone(&program.name),
                session: CredentialId::ApiKey(program.key),
                csrf: None,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_ordered_and_keep_their_names() {
        assert!(Role::Viewer < Role::Member && Role::Member < Role::Admin && Role::Admin < Role::Owner);
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!("Owner".parse::<Role>().is_err());
    }

    #[test]
    fn scopes_keep_their_names() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().unwrap(), scope);
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }

    #[test]
    fn a_form_token_belongs_to_one_session_and_one_organization() {
        let (a, b) = (OrgId::new(), OrgId::new());
        let token = CsrfToken::derive(&[1; 32], Some(a));
        assert!(token.matches(token.as_str()));
        assert!(!token.matches(CsrfToken::derive(&[1; 32], Some(b)).as_str()));
        assert!(!token.matches(CsrfToken::derive(&[1; 32], None).as_str()));
        assert!(!token.matches(CsrfToken::derive(&[2; 32], Some(a)).as_str()));
        assert!(!token.matches(""));
    }
}

//! Access levels as argument types. A handler that begins with one of these compiles into a tenant router.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use platform::audit::Actor;
use platform::http::router::Access;
use platform::http::{ApiError, Problem, request_id};
use utoipa::IntoResponses;

use super::model::{Caller, Person, Principal, Role, Scope};
use super::{Authority, Identified, no_organization};

/// A role as a type.
pub trait Level: Send + Sync + 'static {
    /// The lowest role that passes.
    const ROLE: Role;
}

/// The roles as types, for [`AtLeast`].
pub mod level {
    use super::{Level, Role};

    /// [`Role::Viewer`].
    pub enum Viewer {}
    /// [`Role::Member`].
    pub enum Member {}
    /// [`Role::Admin`].
    pub enum Admin {}
    /// [`Role::Owner`].
    pub enum Owner {}

    impl Level for Viewer {
        const ROLE: Role = Role::Viewer;
    }
    impl Level for Member {
        const ROLE: Role = Role::Member;
    }
    impl Level for Admin {
        const ROLE: Role = Role::Admin;
    }
    impl Level for Owner {
        const ROLE: Role = Role::Owner;
    }
}

/// A person with at least the role `L` in the selected organization. API keys do not pass: see [`Can`].
pub struct AtLeast<L> {
    caller: Caller,
    level: PhantomData<fn() -> L>,
}

/// Any member.
pub type Viewer = AtLeast<level::Viewer>;
/// A member who works with calls.
pub type Member = AtLeast<level::Member>;
/// A member who manages the organization.
pub type Admin = AtLeast<level::Admin>;
/// An owner.
pub type Owner = AtLeast<level::Owner>;

impl<L> AtLeast<L> {
    /// The caller, by value.
    pub fn into_caller(self) -> Caller {
        self.caller
    }
}

impl<L> Deref for AtLeast<L> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<L> Access for AtLeast<L> {}

impl<L, S> FromRequestParts<S> for AtLeast<L>
where
    L: Level,
    S: Send + Sync,
    Authority: FromRef<S>,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let principal = identify(parts, state).await?;
        let caller = member_at_least(&principal, L::ROLE).map_err(|error| Denied::new(error, parts))?;
        Ok(Self { caller, level: PhantomData })
    }
}

/// What may be done by a member of some role, and by an API key with some scope.
pub trait Permission: Send + Sync + 'static {
    /// The scope that an API key needs.
    const SCOPE: Scope;
    /// The lowest role that passes.
    const ROLE: Role;
}

/// The permissions as types, for [`Can`].
pub mod permission {
    use super::{Permission, Role, Scope};

    /// `calls:read`, or any member.
    pub enum CallsRead {}
    /// `calls:write`, or [`Role::Member`].
    pub enum CallsWrite {}
    /// `connections:read`, or [`Role::Admin`].
    pub enum ConnectionsRead {}
    /// `connections:write`, or [`Role::Admin`].
    pub enum ConnectionsWrite {}
    /// `members:read`, or any member.
    pub enum MembersRead {}
    /// `live:read`, or any member.
    pub enum LiveRead {}

    impl Permission for CallsRead {
        const SCOPE: Scope = Scope::CallsRead;
        const ROLE: Role = Role::Viewer;
    }
    impl Permission for CallsWrite {
        const SCOPE: Scope = Scope::CallsWrite;
        const ROLE: Role = Role::Member;
    }
    impl Permission for ConnectionsRead {
        const SCOPE: Scope = Scope::ConnectionsRead;
        const ROLE: Role = Role::Admin;
    }
    impl Permission for ConnectionsWrite {
        const SCOPE: Scope = Scope::ConnectionsWrite;
        const ROLE: Role = Role::Admin;
    }
    impl Permission for MembersRead {
        const SCOPE: Scope = Scope::MembersRead;
        const ROLE: Role = Role::Viewer;
    }
    impl Permission for LiveRead {
        const SCOPE: Scope = Scope::LiveRead;
        const ROLE: Role = Role::Viewer;
    }
}

/// A member whose role allows `P`, or an API key whose scopes do.
pub struct Can<P> {
    caller: Caller,
    permission: PhantomData<fn() -> P>,
}

impl<P> Can<P> {
    /// The caller, by value.
    pub fn into_caller(self) -> Caller {
        self.caller
    }
}

impl<P> Deref for Can<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P> Access for Can<P> {}

impl<P, S> FromRequestParts<S> for Can<P>
where
    P: Permission,
    S: Send + Sync,
    Authority: FromRef<S>,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let principal = identify(parts, state).await?;
        let caller = may(&principal, P::ROLE, P::SCOPE).map_err(|error| Denied::new(error, parts))?;
        Ok(Self { caller, permission: PhantomData })
    }
}

/// Anybody who signed in, with or without an organization. API keys do not pass.
pub struct SignedIn(Person);

impl SignedIn {
    /// The person, by value.
    pub fn into_person(self) -> Person {
        self.0
    }
}

impl Deref for SignedIn {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.0
    }
}

impl Access for SignedIn {}

impl<S> FromRequestParts<S> for SignedIn
where
    S: Send + Sync,
    Authority: FromRef<S>,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let principal = identify(parts, state).await?;
        person(&principal).map(Self).map_err(|error| Denied::new(error, parts))
    }
}

/// A person who runs the installation. Opens no organization by itself.
pub struct Operator(Person);

/// What a route with [`Operator`] answers to everybody else, for its description: `responses(…, OperatorsOnly)`.
#[derive(IntoResponses)]
pub enum OperatorsOnly {
    /// Not signed in.
    #[response(status = 401, content_type = "application/problem+json")]
    NotSignedIn(Problem),
    /// Not an operator.
    #[response(status = 403, content_type = "application/problem+json")]
    NotAnOperator(Problem),
}

impl Operator {
    /// The person, by value.
    pub fn into_person(self) -> Person {
        self.0
    }

    /// As the actor of an audit row.
    pub fn actor(&self) -> Actor {
        Actor::Operator(self.0.user)
    }
}

impl Deref for Operator {
    type Target = Person;

    fn deref(&self) -> &Person {
        &self.0
    }
}

impl Access for Operator {}

impl<S> FromRequestParts<S> for Operator
where
    S: Send + Sync,
    Authority: FromRef<S>,
{
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let principal = identify(parts, state).await?;
        let operator = person(&principal).and_then(|person| {
            if person.is_operator { Ok(person) } else { Err(ApiError::forbidden("Only operators may do this.")) }
        });
        operator.map(Self).map_err(|error| Denied::new(error, parts))
    }
}

async fn identify<S>(parts: &mut Parts, state: &S) -> Result<Arc<Principal>, Denied>
where
    Authority: FromRef<S>,
{
    let authority = Authority::from_ref(state);
    let principal = authority.identify(parts).await.map_err(|error| Denied::new(error, parts))?;
    parts.extensions.insert(Identified(Arc::clone(&principal)));
    Ok(principal)
}

fn person(principal: &Principal) -> Result<Person, ApiError> {
    match principal {
        Principal::Person(person) => Ok(person.clone()),
        Principal::Program(_) => Err(for_people_only()),
    }
}

fn member_at_least(principal: &Principal, role: Role) -> Result<Caller, ApiError> {
    if matches!(principal, Principal::Program(_)) {
        return Err(for_people_only());
    }
    let caller = Caller::of(principal).ok_or_else(no_organization)?;
    request_id::note_org(caller.org);
    if caller.role < role {
        return Err(ApiError::forbidden(format!("This needs the role {role}; yours is {}.", caller.role)));
    }
    Ok(caller)
}

fn may(principal: &Principal, role: Role, scope: Scope) -> Result<Caller, ApiError> {
    match principal {
        Principal::Person(_) => member_at_least(principal, role),
        Principal::Program(program) if program.scopes.contain(scope) => {
            let caller = Caller::of(principal).ok_or_else(no_organization)?;
            request_id::note_org(caller.org);
            Ok(caller)
        }
        Principal::Program(_) => {
            Err(ApiError::forbidden(format!("This API key does not have the scope {}.", scope.as_str())))
        }
    }
}

fn for_people_only() -> ApiError {
    ApiError::forbidden("API keys cannot be used here; sign in as a person.")
}

static HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");
static HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");
static HX_CURRENT_URL: HeaderName = HeaderName::from_static("hx-current-url");

/// Why a request does not reach its handler.
///
/// A program gets a problem body. Somebody who opened a page without being signed in is sent to the sign-in page, and
/// from there back.
#[derive(Debug)]
pub enum Denied {
    /// Answered as it is.
    Problem(ApiError),
    /// Sent to sign in.
    SignIn {
        /// The page to come back to.
        next: String,
        /// The request came from a script on the page, which must move the whole page and not the fragment.
        fragment: bool,
    },
}

impl Denied {
    /// Decides how an error is told to whoever sent the request.
    pub fn new(error: ApiError, parts: &Parts) -> Self {
        let path = parts.uri.path();
        let for_page = !path.starts_with("/api/") && path != "/api";
        if error.status() != StatusCode::UNAUTHORIZED || !for_page {
            return Self::Problem(error);
        }
        if parts.headers.contains_key(&HX_REQUEST) {
            let page = parts.headers.get(&HX_CURRENT_URL).and_then(|url| url.to_str().ok());
            let page = page.and_then(|url| url.parse::<http::Uri>().ok());
            let next = page.and_then(|url| url.path_and_query().map(ToString::to_string));
            return Self::SignIn { next: next.unwrap_or_default(), fragment: true };
        }
        let accepted = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !accepted.contains("text/html") {
            return Self::Problem(error);
        }
        // A form that was posted cannot be posted again by going there.
        let next = if parts.method == Method::GET { parts.uri.path_and_query() } else { None };
        Self::SignIn { next: next.map(ToString::to_string).unwrap_or_default(), fragment: false }
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(error) => error.into_response(),
            Self::SignIn { next, fragment } => {
                let to = sign_in_path(&next);
                if !fragment {
                    return Redirect::to(&to).into_response();
                }
                match HeaderValue::from_str(&to) {
                    Ok(to) => (StatusCode::UNAUTHORIZED, [(HX_REDIRECT.clone(), to)]).into_response(),
                    Err(_) => ApiError::unauthenticated().into_response(),
                }
            }
        }
    }
}

fn sign_in_path(next: &str) -> String {
    let next = local_path(next);
    if next == "/" {
        return "/signin".to_owned();
    }
    format!("/signin?next={}", form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>())
}

/// `next` when it is a path of this installation, else `/`. Browsers read `//host` and `/\host` as another site.
pub fn local_path(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && next.len() <= 2_000;
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{CredentialId, Program, Scopes};
    use axum::http::Request;
    use platform::ids::{ApiKeyId, OrgId, SessionId, UserId};

    fn person_with(role: Option<Role>) -> Principal {
        Principal::Person(Person {
            user: UserId::new(),
            email: "ana@example.com".into(),
            name: "Ana".into(),
            is_operator: false,
            credential: CredentialId::Session(SessionId::new()),
            place: role.map(|role| (OrgId::new(), role)),
            csrf: None,
        })
    }

    fn program_with(scopes: &[Scope]) -> Principal {
        Principal::Program(Program {
            key: ApiKeyId::new(),
            org: OrgId::new(),
            name: "Desk".into(),
            scopes: Scopes::new(scopes.to_vec()),
        })
    }

    #[test]
    fn each_role_passes_its_own_level_and_those_below() {
        for held in Role::ALL {
            for wanted in Role::ALL {
                let passes = member_at_least(&person_with(Some(held)), wanted);
                assert_eq!(passes.is_ok(), held >= wanted, "{held} as {wanted}");
            }
        }
        assert_eq!(member_at_least(&person_with(None), Role::Viewer).unwrap_err().code(), "no_organization");
    }

    #[test]
    fn an_api_key_passes_with_exactly_its_scope() {
        for held in Scope::ALL {
            for wanted in Scope::ALL {
                let result = may(&program_with(&[held]), Role::Viewer, wanted);
                assert_eq!(result.is_ok(), held == wanted, "{held:?} as {wanted:?}");
            }
        }
        let everything = program_with(&Scope::ALL);
        assert!(member_at_least(&everything, Role::Viewer).is_err());
        assert!(person(&everything).is_err());
    }

    #[test]
    fn only_paths_of_our_own_are_returned_to() {
        for good in ["/", "/calls", "/calls?q=a%20b", "/calls/1#x"] {
            assert_eq!(local_path(good), good);
        }
        for bad in ["", "calls", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "/a b", "/é"] {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }

    fn denied(request: http::request::Builder) -> Response {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Denied::new(ApiError::unauthenticated(), &parts).into_response()
    }

    #[test]
    fn a_page_leads_to_sign_in_and_an_api_call_to_a_problem() {
        let page = denied(Request::get("/calls?q=x").header("accept", "text/html,*/*;q=0.8"));
        assert_eq!(page.status(), StatusCode::SEE_OTHER);
        assert_eq!(page.headers()["location"], "/signin?next=%2Fcalls%3Fq%3Dx");
        let posted = denied(Request::post("/settings/team").header("accept", "text/html"));
        assert_eq!(posted.headers()["location"], "/signin");
        let fragment = denied(
            Request::get("/calls/rows")
                .header("hx-request", "true")
                .header("hx-current-url", "https://d.example/calls"),
        );
        assert_eq!(fragment.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(fragment.headers()["hx-redirect"], "/signin?next=%2Fcalls");
        let api = denied(Request::get("/api/v1/calls").header("accept", "text/html"));
        assert_eq!(api.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(api.headers()["content-type"], "application/problem+json");
    }
}

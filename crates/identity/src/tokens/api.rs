//! `/api/v1/auth/…` and the published keys.

use axum::extract::State as Extract;
use axum::http::header;
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use platform::http::{ApiError, Json, Problem, PublicRouter, Report, TenantRouter, Validate};
use platform::ids::OrgId;
use platform::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::{self, Issued, TokenError};
use super::keys::KeyError;
use super::model::ACCESS_TOKEN_LIVES;
use crate::access::SignedIn;
use crate::accounts;
use crate::accounts::api::secret;
use crate::accounts::model::Membership;
use crate::{Limited, State};

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused => Self::unauthenticated(),
            TokenError::Signing(cause) => Self::internal(cause),
            TokenError::Database(error) => error.into(),
        }
    }
}

/// A token that is not believed gets the one 401, whatever was wrong with it.
pub(crate) fn refuse_token(error: KeyError) -> ApiError {
    match error {
        KeyError::Refused(fault) => {
            tracing::debug!(%fault, "access token refused");
            ApiError::unauthenticated()
        }
        KeyError::Database(error) => error.into(),
        other => ApiError::internal(other),
    }
}

pub(crate) fn public_router() -> PublicRouter<State> {
    PublicRouter::new()
        .route(__path_sign_in, sign_in)
        .route(__path_refresh_token, refresh_token)
        .route(__path_list_signing_keys, list_signing_keys)
}

pub(crate) fn tenant_router() -> TenantRouter<State> {
    TenantRouter::new().route(__path_sign_out, sign_out)
}

/// An address and a password.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Credentials {
    /// The address.
    #[schema(example = "ana@example.com")]
    pub email: String,
    /// The password.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    pub password: Secret,
}

impl Validate for Credentials {
    // Whatever is no address or no password is simply wrong, with the same words as any other.
    fn validate(&self, _: &mut Report) {}
}

/// Tokens of a program's sign-in.
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// For `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// Good for one exchange within thirty days.
    pub refresh_token: String,
    /// The organization that the access token selects; null when the person belongs to none.
    pub org_id: Option<OrgId>,
    /// Everywhere the person belongs.
    pub memberships: Vec<Membership>,
}

impl From<Issued> for TokenAnswer {
    fn from(issued: Issued) -> Self {
        Self {
            access_token: issued.access_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: ACCESS_TOKEN_LIVES.as_secs(),
            refresh_token: issued.refresh_token.expose().to_owned(),
            org_id: issued.org,
            memberships: issued.memberships,
        }
    }
}

/// An access token for another organization.
#[derive(Serialize, ToSchema)]
pub struct AccessTokenAnswer {
    /// For `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// The organization that the access token selects.
    pub org_id: Option<OrgId>,
}

impl AccessTokenAnswer {
    pub(crate) fn new(token: &Secret, org_id: Option<OrgId>) -> Self {
        Self {
            access_token: token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: ACCESS_TOKEN_LIVES.as_secs(),
            org_id,
        }
    }
}

/// Tokens are not for caches (RFC 6749, section 5.1).
fn uncached<T: IntoResponse>(answer: T) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], answer)
}

/// Signs a program in with a person's address and password.
#[utoipa::path(post, path = "/api/v1/auth/login", operation_id = "sign_in", tag = "auth", security(()),
    request_body = Credentials, responses(
    (status = 200, body = TokenAnswer),
    (status = 401, description = "Unknown address or wrong password; never which", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "Too many failed sign-ins, or too many requests", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn sign_in(
    Limited(client): Limited,
    Extract(state): Extract<State>,
    Json(body): Json<Credentials>,
) -> Result<impl IntoResponse, ApiError> {
    let user = accounts::actions::sign_in(&state.authority, &body.email, body.password, client).await?;
    let issued = actions::issue_tokens(&state.authority, &user).await?;
    Ok(uncached(Json(TokenAnswer::from(issued))))
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RefreshRequest {
    /// From the last sign-in or exchange.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String)]
    pub refresh_token: Secret,
}

impl Validate for RefreshRequest {
    fn validate(&self, _: &mut Report) {}
}

/// Exchanges a refresh token for a new pair. A token that is used twice ends the whole sign-in.
#[utoipa::path(post, path = "/api/v1/auth/refresh", operation_id = "refresh_token", tag = "auth", security(()),
    request_body = RefreshRequest, responses(
    (status = 200, body = TokenAnswer),
    (status = 401, description = "Unknown, expired, used before, or revoked; never which", body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn refresh_token(
    _: Limited,
    Extract(state): Extract<State>,
    Json(body): Json<RefreshRequest>,
) -> Result<impl IntoResponse, ApiError> {
    let issued = actions::refresh(&state.authority, &body.refresh_token).await?;
    Ok(uncached(Json(TokenAnswer::from(issued))))
}

/// Ends the sign-in that the request's access token belongs to (its refresh token too), or the browser's session.
#[utoipa::path(post, path = "/api/v1/auth/logout", operation_id = "sign_out", tag = "auth", security(("bearer" = [])), responses(
    (status = 204, description = "Signed out"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn sign_out(person: SignedIn, Extract(state): Extract<State>) -> Result<impl IntoResponse, ApiError> {
    let removal = accounts::actions::sign_out(&state.authority, &person).await?;
    Ok((removal, StatusCode::NO_CONTENT))
}

/// The keys that access tokens are verified with (RFC 7517).
#[derive(Serialize, ToSchema)]
pub struct KeySet {
    /// Keys that sign or have signed tokens which may still be valid.
    pub keys: Vec<PublishedKey>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Serialize, ToSchema)]
pub struct PublishedKey {
    /// Always `OKP`.
    pub kty: &'static str,
    /// Always `Ed25519`.
    pub crv: &'static str,
    /// Always `EdDSA`.
    pub alg: &'static str,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: &'static str,
    /// Names the key in a token's header.
    pub kid: String,
    /// The key in base64url.
    pub x: String,
}

/// Publishes the keys of the access tokens.
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "list_signing_keys", tag = "auth", security(()),
    responses((status = 200, body = KeySet)))]
pub(crate) async fn list_signing_keys(Extract(state): Extract<State>) -> Result<impl IntoResponse, ApiError> {
    let keys = state.authority.keys().public().await.map_err(refuse_token)?;
    let keys = keys
        .into_iter()
        .map(|key| PublishedKey {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            usage: "sig",
            x: URL_SAFE_NO_PAD.encode(key.key.as_bytes()),
            kid: key.kid,
        })
        .collect();
    Ok(([(header::CACHE_CONTROL, "public, max-age=300")], Json(KeySet { keys })))
}

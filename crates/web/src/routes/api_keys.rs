//! `/app/settings/api-keys`.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::access::Scope;
use identity::api_keys::actions::{self, ApiKeyError};
use identity::api_keys::model::ApiKeyView;
use identity::{Admin, Caller, Form};
use platform::http::{ApiError, Query, Report, Validate};
use platform::ids::ApiKeyId;
use serde::Deserialize;

use super::Asked;
use crate::format::sentence;
use crate::page::Page;
use crate::pages::api_keys::{self, ApiKeys, Key};
use crate::{State, context};

pub(super) async fn show(
    caller: Admin,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let view = ApiKeys { creating: asked.create.is_some(), ..ApiKeys::default() };
    answer(&state, &headers, &caller, asked.done.as_deref(), view).await
}

async fn answer(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    done: Option<&str>,
    view: ApiKeys,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    tx.commit().await?;
    let keys = actions::list_keys(&state.authority, caller).await?;
    let view = ApiKeys {
        keys: keys.into_iter().map(shown).collect(),
        scopes: Scope::ALL.map(|scope| (scope.as_str(), meaning(scope))).to_vec(),
        api_base: state.authority.origin().as_str().to_owned(),
        ..view
    };
    let chrome = context::whole(state, caller, chrome, done).await?;
    Ok(Page::app(&chrome, api_keys::page(&chrome, &view)))
}

fn shown(key: ApiKeyView) -> Key {
    Key {
        id: key.id.uuid(),
        name: key.name,
        prefix: format!("vx_{}", key.prefix),
        scopes: key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        created_at: key.created_at,
        last_used_at: key.last_used_at,
    }
}

const fn meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::CallsRead => "Read calls, transcripts and summaries.",
        Scope::CallsWrite => "Change calls.",
        Scope::ConnectionsRead => "Read connections, without their secrets.",
        Scope::ConnectionsWrite => "Make, change and switch off connections.",
        Scope::MembersRead => "Read who is in the team.",
        Scope::LiveRead => "Follow calls as they happen.",
    }
}

/// Names as texts, so that an unknown scope is answered on the page.
#[derive(Debug, Deserialize)]
pub(super) struct Create {
    name: String,
    #[serde(default)]
    scope: Vec<String>,
}

impl Validate for Create {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn create(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<Create>,
) -> Result<Response, ApiError> {
    let Create { name, scope } = form.input.map_err(ApiError::invalid)?;
    let scopes = scope.iter().filter_map(|name| name.parse().ok()).collect();
    let error = match actions::create_key(&state.authority, &caller, &name, scopes).await {
        Ok(new) => {
            // The key is in this answer and nowhere else, so it is not a redirect.
            let view = ApiKeys { fresh: Some(new.key.expose().to_owned()), ..ApiKeys::default() };
            return Ok(answer(&state, &headers, &caller, None, view).await?.into_response());
        }
        Err(error) => error,
    };
    let words = sentence(&error.to_string());
    let view = match error {
        ApiKeyError::BadName => ApiKeys { name, name_error: Some(words), ..ApiKeys::default() },
        ApiKeyError::NoScopes | ApiKeyError::TooMany => {
            ApiKeys { name, creating: true, problem: Some(words), ..ApiKeys::default() }
        }
        other => return Err(other.into()),
    };
    let page = answer(&state, &headers, &caller, None, view).await?;
    Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct OneKey {
    key_id: ApiKeyId,
}

impl Validate for OneKey {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn revoke(
    caller: Admin,
    Extract(state): Extract<State>,
    form: Form<OneKey>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.key_id;
    actions::revoke_key(&state.authority, &caller, id).await?;
    Ok(Redirect::to("/app/settings/api-keys?done=revoked").into_response())
}

//! `/app/settings/connections`.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use identity::{Admin, Caller, Form};
use platform::crypto::new_token;
use platform::http::{ApiError, Query, Report, Validate};
use platform::ids::ConnectionId;
use platform::secret::Secret;
use providers::vapi::signature::WebhookAuth;
use serde::Deserialize;
use voice::connections::ConnectionError;
use voice::connections::actions::{self, NewConnection};
use voice::ingress::actions::TestEventError;

use super::Asked;
use crate::format::sentence;
use crate::page::Page;
use crate::pages::connections::{self, Connections};
use crate::{State, context, views};

pub(super) async fn show(
    caller: Admin,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let view = Connections { creating: asked.connect.is_some(), ..Connections::default() };
    answer(&state, &headers, &caller, asked.done.as_deref(), view).await
}

async fn answer(
    state: &State,
    headers: &HeaderMap,
    caller: &Caller,
    done: Option<&str>,
    view: Connections,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(state, headers, caller, &mut tx).await?;
    let list = actions::list_connections(&mut tx).await?;
    tx.commit().await?;
    let shown = |connection: voice::connections::model::Connection| {
        let url = state.voice.webhook_url(connection.id);
        views::connection(connection, url)
    };
    let view = Connections { connections: list.into_iter().map(shown).collect(), ..view };
    let chrome = context::whole(state, caller, chrome, done).await?;
    Ok(Page::app(&chrome, connections::page(&chrome, &view)))
}

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    label: String,
}

impl Validate for Create {
    fn validate(&self, report: &mut Report) {
        report.text("label", &self.label, 100);
    }
}

/// Makes a connection with a secret of ours. The secret is in this answer and nowhere else.
pub(super) async fn create(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<Create>,
) -> Result<Response, ApiError> {
    let label = match form.input {
        Ok(create) => create.label.trim().to_owned(),
        Err(faults) => {
            let label_error = faults.first().map(|fault| sentence(&fault.message));
            let view =
                Connections { label: form.values.get("label").to_owned(), label_error, ..Connections::default() };
            let page = answer(&state, &headers, &caller, None, view).await?;
            return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
        }
    };
    let secret = new_token();
    let shown = secret.expose().to_owned();
    let new =
        NewConnection { label, auth: WebhookAuth::default(), webhook_secret: secret, api_key: None, simulated: false };
    let mut tx = caller.begin(state.tenancy()).await?;
    let id = actions::create_connection(&mut tx, &state.voice.master_key, caller.actor, &new).await?;
    tx.commit().await?;
    let view = Connections { fresh_secret: Some((id.uuid(), shown)), ..Connections::default() };
    Ok(answer(&state, &headers, &caller, None, view).await?.into_response())
}

#[derive(Debug, Deserialize)]
pub(super) struct OneConnection {
    connection_id: ConnectionId,
}

impl Validate for OneConnection {
    fn validate(&self, _: &mut Report) {}
}

pub(super) async fn test(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneConnection>,
) -> Result<Page, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.connection_id;
    let url = state.voice.webhook_url(id);
    let (worked, words) = match state.voice.ingress.send_test_event(caller.org, id, &url).await {
        Ok(milliseconds) => (true, format!("A test event was verified and stored, after {milliseconds} ms.")),
        Err(error @ TestEventError::Refused) => (false, sentence(&error.to_string())),
        Err(TestEventError::NotFound) => return Err(ApiError::not_found()),
        Err(TestEventError::Connection(error)) => return Err(error.into()),
        Err(TestEventError::Ingest(error)) => return Err(error.into()),
    };
    let view = Connections { test: Some((id.uuid(), worked, words)), ..Connections::default() };
    answer(&state, &headers, &caller, None, view).await
}

/// Adds a secret of ours beside the ones in use. It is in this answer and nowhere else.
pub(super) async fn rotate(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<OneConnection>,
) -> Result<Page, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.connection_id;
    let secret = new_token();
    let mut tx = caller.begin(state.tenancy()).await?;
    actions::add_webhook_secret(&mut tx, &state.voice.master_key, caller.actor, id, &secret).await?;
    tx.commit().await?;
    state.voice.ingress.registry().forget(id);
    let view = Connections { fresh_secret: Some((id.uuid(), secret.expose().to_owned())), ..Connections::default() };
    answer(&state, &headers, &caller, None, view).await
}

#[derive(Deserialize)]
pub(super) struct Key {
    connection_id: ConnectionId,
    api_key: String,
}

impl Validate for Key {
    fn validate(&self, _: &mut Report) {}
}

/// Keeps the private key at the provider. It is never shown again.
pub(super) async fn set_key(
    caller: Admin,
    Extract(state): Extract<State>,
    headers: HeaderMap,
    form: Form<Key>,
) -> Result<Response, ApiError> {
    let Key { connection_id: id, api_key } = form.input.map_err(ApiError::invalid)?;
    let api_key = Secret::new(api_key.trim());
    let mut tx = caller.begin(state.tenancy()).await?;
    match actions::set_api_key(&mut tx, &state.voice.master_key, caller.actor, id, &api_key).await {
        Ok(()) => {}
        Err(error @ ConnectionError::BadKey) => {
            let view = Connections { problem: Some(sentence(&error.to_string())), ..Connections::default() };
            let page = answer(&state, &headers, &caller, None, view).await?;
            return Ok(page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response());
        }
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    Ok(Redirect::to("/app/settings/connections?done=key").into_response())
}

/// Forgets the private key at the provider.
pub(super) async fn remove_key(
    caller: Admin,
    Extract(state): Extract<State>,
    form: Form<OneConnection>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.connection_id;
    let mut tx = caller.begin(state.tenancy()).await?;
    actions::remove_api_key(&mut tx, caller.actor, id).await?;
    tx.commit().await?;
    Ok(Redirect::to("/app/settings/connections?done=nokey").into_response())
}

pub(super) async fn retire(
    caller: Admin,
    Extract(state): Extract<State>,
    form: Form<OneConnection>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.connection_id;
    let mut tx = caller.begin(state.tenancy()).await?;
    actions::retire_older_secrets(&mut tx, caller.actor, id).await?;
    tx.commit().await?;
    state.voice.ingress.registry().forget(id);
    Ok(Redirect::to("/app/settings/connections?done=retired").into_response())
}

pub(super) async fn disable(
    caller: Admin,
    Extract(state): Extract<State>,
    form: Form<OneConnection>,
) -> Result<Response, ApiError> {
    let id = form.input.map_err(ApiError::invalid)?.connection_id;
    let mut tx = caller.begin(state.tenancy()).await?;
    actions::disable_connection(&mut tx, caller.actor, id).await?;
    tx.commit().await?;
    state.voice.ingress.registry().forget(id);
    Ok(Redirect::to("/app/settings/connections?done=off").into_response())
}

//! Use cases of numbers and agents.

use jiff::Timestamp;
use platform::audit::{self, Actor};
use platform::ids::{AgentId, NumberId};
use platform::tenancy::{DbError, TenantTx};
use providers::vapi::normalise_number;
use serde_json::json;

use super::store;

/// Why a number was not mapped.
#[derive(Debug, thiserror::Error)]
pub enum NumberError {
    /// Not a phone number.
    #[error("the number must be in E.164 form, for example +442079460123")]
    NotE164,
    /// Empty or too long.
    #[error("the agent needs a name of at most 100 characters and the provider's assistant id of at most 200")]
    BadAgent,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// A number, who answers it, and what the provider calls the two.
#[derive(Debug)]
pub struct Mapping<'a> {
    /// E.164.
    pub number: &'a str,
    /// The provider's id of the number, where known.
    pub provider_number_id: Option<&'a str>,
    /// The agent's name, as people see it.
    pub agent_name: &'a str,
    /// The provider's id of the assistant that speaks for the agent.
    pub assistant_id: &'a str,
}

/// Lets an agent answer a number; maps it anew when it was mapped before.
pub async fn map_number(tx: &mut TenantTx, actor: Actor, mapping: &Mapping<'_>) -> Result<NumberId, NumberError> {
    let number = normalise_number(mapping.number).ok_or(NumberError::NotE164)?;
    let fits = |text: &str, max: usize| (1..=max).contains(&text.trim().chars().count());
    if !fits(mapping.agent_name, 100) || !fits(mapping.assistant_id, 200) {
        return Err(NumberError::BadAgent);
    }
    let agent = store::upsert_agent(tx, mapping.agent_name.trim(), mapping.assistant_id.trim()).await?;
    let id = store::upsert_number(tx, &number, mapping.provider_number_id, agent).await?;
    audit::record(tx, actor, "number.mapped", Some(&id.to_string()), json!({ "agent": agent })).await?;
    Ok(id)
}

/// An agent that another system knew under this id.
#[derive(Debug)]
pub struct KnownAgent<'a> {
    /// Its id there, and here.
    pub id: AgentId,
    /// 1 to 100 characters.
    pub name: &'a str,
    /// The provider's id of the assistant, at most 200 characters.
    pub assistant_id: Option<&'a str>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Keeps an agent under the id that it has elsewhere. One that is there stays as it is.
pub async fn keep_agent(tx: &mut TenantTx, agent: &KnownAgent<'_>) -> Result<(), DbError> {
    store::insert_agent(tx, agent).await
}

//! Typed identifiers: `UUIDv7`, so that they sort by creation, and one type per thing, so that a call id cannot be
//! passed where an organization id is wanted.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};
use uuid::Uuid;

/// An identifier of a `K`.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

/// Marker for organization ids.
pub enum Organization {}
/// Marker for user ids.
pub enum User {}
/// Marker for call ids.
pub enum Call {}
/// Marker for provider connection ids.
pub enum Connection {}
/// Marker for agent ids.
pub enum Agent {}
/// Marker for phone number ids.
pub enum Number {}
/// Marker for browser session ids.
pub enum Session {}
/// Marker for API key ids.
pub enum ApiKey {}
/// Marker for invitation ids.
pub enum Invitation {}
/// Marker for quarantined event ids.
pub enum Quarantined {}
/// Marker for recording ids.
pub enum Recording {}
/// Marker for mail ids.
pub enum Mail {}
/// Marker for job ids.
pub enum Job {}

/// An organization: the tenant.
pub type OrgId = Id<Organization>;
/// A person who signs in.
pub type UserId = Id<User>;
/// A phone call.
pub type CallId = Id<Call>;
/// Credentials for a provider.
pub type ConnectionId = Id<Connection>;
/// An AI receptionist.
pub type AgentId = Id<Agent>;
/// A phone number that an agent answers.
pub type NumberId = Id<Number>;
/// A signed-in browser.
pub type SessionId = Id<Session>;
/// A key for programs.
pub type ApiKeyId = Id<ApiKey>;
/// An invitation to an organization.
pub type InvitationId = Id<Invitation>;
/// An event that no organization could be found for.
pub type QuarantinedId = Id<Quarantined>;
/// One sound of a call.
pub type RecordingId = Id<Recording>;
/// A mail in the outbox.
pub type MailId = Id<Mail>;
/// A job in a queue.
pub type JobId = Id<Job>;

impl<K> Id<K> {
    /// A new id, ordered after all ids made earlier on this machine.
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// Wraps an id that comes from storage.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id, PhantomData)
    }

    /// The bare UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K> Default for Id<K> {
    fn default() -> Self {
        Self::new()
    }
}
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> FromStr for Id<K> {
    type Err = uuid::Error;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Uuid::from_str(s).map(Self::from_uuid)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}
impl<K> Type<Postgres> for Id<K> {
    fn type_info() -> PgTypeInfo {
        <Uuid as Type<Postgres>>::type_info()
    }
}
impl<K> sqlx::postgres::PgHasArrayType for Id<K> {
    fn array_type_info() -> PgTypeInfo {
        <Uuid as sqlx::postgres::PgHasArrayType>::array_type_info()
    }
}
impl<K> Encode<'_, Postgres> for Id<K> {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <Uuid as Encode<'_, Postgres>>::encode_by_ref(&self.0, buf)
    }
}
impl<'r, K> Decode<'r, Postgres> for Id<K> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <Uuid as Decode<'r, Postgres>>::decode(value).map(Self::from_uuid)
    }
}
impl<K> utoipa::PartialSchema for Id<K> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
            .into()
    }
}
impl<K> utoipa::ToSchema for Id<K> {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("Id")
    }
}

//! Who answers a number, from memory.
//!
//! An `assistant-request` must be answered within 7.5 seconds end to end (wire-format reference 2.5), also while the
//! database stalls. So the whole map is held in memory, read anew every few seconds, and the last known answer stands
//! when it cannot be read.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use platform::ids::OrgId;
use platform::tasks::Tasks;
use platform::tenancy::{DbError, Tenancy};
use providers::vapi::Facts;
use providers::vapi::reply::AssistantReply;

use super::store;

/// How often the map is read anew.
const REFRESH: Duration = Duration::from_secs(5);
/// Spoken when a number is known but nobody answers it, or unknown.
const NOT_SET_UP: &str = "This line is not set up yet. Please call back later.";

/// The map of numbers to assistants. Cheap to clone.
#[derive(Clone, Default)]
pub struct Routing {
    map: Arc<RwLock<Map>>,
}

/// Keys name the organization, or none for the platform-wide connection, where a number that two organizations claim is
/// nobody's.
#[derive(Default)]
struct Map {
    by_number_ref: HashMap<(Option<OrgId>, String), Route>,
    by_e164: HashMap<(Option<OrgId>, String), Route>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Route {
    Assistant(String),
    NobodyAnswers,
    SeveralOrganizations,
}

impl Routing {
    /// Reads the map.
    pub async fn refresh(&self, tenancy: &Tenancy) -> Result<(), DbError> {
        let mut tx = tenancy.system("read who answers which number").await?;
        let rows = store::all_routes(&mut tx).await?;
        tx.commit().await?;
        let mut map = Map::default();
        for row in rows {
            let route = row.provider_assistant_id.map_or(Route::NobodyAnswers, Route::Assistant);
            if let Some(number_ref) = row.provider_number_id {
                insert(&mut map.by_number_ref, row.org_id, number_ref, &route);
            }
            insert(&mut map.by_e164, row.org_id, row.e164, &route);
        }
        *self.map.write().unwrap_or_else(PoisonError::into_inner) = map;
        Ok(())
    }

    /// Keeps the map fresh until the process stops.
    pub fn keep_fresh(&self, tenancy: Tenancy, tasks: &Tasks) {
        let routing = self.clone();
        tasks.every(REFRESH, "numbers could not be read anew, the last known ones stand", move || {
            let (routing, tenancy) = (routing.clone(), tenancy.clone());
            async move { routing.refresh(&tenancy).await }
        });
    }

    /// The answer to an `assistant-request` that came through a connection of `org`, or through the platform-wide one.
    pub fn answer(&self, org: Option<OrgId>, facts: &Facts) -> AssistantReply {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        let by_ref = facts.phone_number_id.as_ref().and_then(|id| map.by_number_ref.get(&(org, id.clone())));
        let route =
            by_ref.or_else(|| facts.to_number.as_ref().and_then(|number| map.by_e164.get(&(org, number.clone()))));
        match route {
            Some(Route::Assistant(id)) => AssistantReply::AssistantId(id.clone()),
            Some(Route::NobodyAnswers | Route::SeveralOrganizations) | None => {
                AssistantReply::Error(NOT_SET_UP.to_owned())
            }
        }
    }
}

fn insert(routes: &mut HashMap<(Option<OrgId>, String), Route>, org: OrgId, key: String, route: &Route) {
    routes.insert((Some(org), key.clone()), route.clone());
    routes
        .entry((None, key))
        .and_modify(|existing| *existing = Route::SeveralOrganizations)
        .or_insert_with(|| route.clone());
}

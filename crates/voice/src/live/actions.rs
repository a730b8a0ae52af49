//! Following an organization's events.

use std::sync::Arc;

use platform::crypto::{new_token, token_digest};
use platform::ids::OrgId;
use platform::realtime::{Hub, Subscription};
use platform::secret::Secret;
use platform::tenancy::{DbError, Tenancy};

use identity::access::{CredentialId, CredentialRef};
use jiff::{SignedDuration, Timestamp};
use platform::ids::{Id, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{Greeting, LiveEvent, SnapshotCall};
use super::store;
use crate::calls::store::live_calls;

/// How long a ticket may wait to be used.
pub const TICKET_LIFE: SignedDuration = SignedDuration::from_secs(30);

/// Which events are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Everything of an organization.
    All(OrgId),
    /// The demo bookings among what happens in the operator's organization, for operators who look at another one.
    Bookings(OrgId),
}

impl Feed {
    fn org(self) -> OrgId {
        let (Self::All(org) | Self::Bookings(org)) = self;
        org
    }

    fn has(self, event: &LiveEvent) -> bool {
        matches!(self, Self::All(_)) || event.is_of_booking()
    }
}

/// A reader's place in its organization's events.
pub struct Follower {
    tenancy: Tenancy,
    feed: Feed,
    subscription: Subscription<LiveEvent>,
    cursor: i64,
}

impl Follower {
    /// Starts following, after `since` when that place is still kept. Answers what to say first.
    ///
    /// The subscription begins before the database is read, so an event that commits in between is not missed.
    pub async fn start(
        tenancy: Tenancy,
        hub: &Hub<LiveEvent>,
        feed: Feed,
        since: Option<i64>,
    ) -> Result<(Self, Vec<axum::extract::ws::Utf8Bytes>), DbError> {
        let org = feed.org();
        let subscription = hub.subscribe(org);
        let mut tx = tenancy.tenant(org).await?;
        let (oldest, head) = store::bounds(&mut tx).await?;
        let kept = |since: i64| since <= head && (since == head || since + 1 >= oldest) && since >= 0;
        let greeting;
        let cursor;
        if let Some(since) = since.filter(|since| kept(*since)) {
            cursor = since;
            greeting = vec![Greeting::Hello { seq: since, resumed: true }.text()];
        } else if let Feed::Bookings(_) = feed {
            cursor = head;
            greeting = [Greeting::Hello { seq: head, resumed: false }]
                .into_iter()
                .chain(since.map(|_| Greeting::Reset { seq: head }))
                .map(|message| message.text())
                .collect();
        } else {
            let (seq, calls) = live_calls(&mut tx).await?;
            let calls = calls
                .into_iter()
                .map(|call| SnapshotCall {
                    id: call.id,
                    status: call.status,
                    direction: call.direction,
                    from_number: call.from_number,
                    to_number: call.to_number,
                    caller_name: call.caller_name,
                    started_at: call.started_at.map(jiff_sqlx::Timestamp::to_jiff),
                    at: call.at.to_jiff(),
                })
                .collect();
            cursor = seq;
            greeting = [Greeting::Hello { seq, resumed: false }]
                .into_iter()
                .chain(since.map(|_| Greeting::Reset { seq }))
                .chain([Greeting::Snapshot { seq, calls }])
                .map(|message| message.text())
                .collect();
        }
        tx.commit().await?;
        hub.wake(org, head);
        Ok((Self { tenancy, feed, subscription, cursor }, greeting))
    }

    /// The number of the last event that was handed out.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// Waits until there is something new. Safe to cancel.
    pub async fn news(&mut self) {
        let cursor = self.cursor;
        self.subscription.past(cursor).await;
    }

    /// Hands out what is new, in order.
    pub async fn take(&mut self) -> Result<Vec<Arc<LiveEvent>>, DbError> {
        use platform::realtime::Sequenced as _;
        let (tenancy, org) = (&self.tenancy, self.feed.org());
        let mut events = self
            .subscription
            .after(self.cursor, |after| async move {
                let mut tx = tenancy.tenant(org).await?;
                let events = store::events_after(&mut tx, after).await?;
                tx.commit().await?;
                Ok::<_, DbError>(events)
            })
            .await?;
        if let Some(last) = events.last() {
            self.cursor = last.seq();
        }
        events.retain(|event| self.feed.has(event));
        Ok(events)
    }
}

/// Who a ticket was given to.
#[derive(Serialize, Deserialize)]
struct Holder {
    kind: String,
    id: Uuid,
    user: Option<UserId>,
}

/// Gives out a ticket that opens one live connection for the same credential.
pub async fn issue_ticket(tenancy: &Tenancy, holder: CredentialRef, now: Timestamp) -> Result<Secret, DbError> {
    let ticket = new_token();
    let (kind, id) = match holder.credential {
        CredentialId::Session(id) => ("session", id.uuid()),
        CredentialId::Tokens(id) => ("tokens", id.uuid()),
        CredentialId::ApiKey(id) => ("api_key", id.uuid()),
    };
    let holder_json = serde_json::json!(Holder { kind: kind.to_owned(), id, user: holder.user });
    let expires_at = now.saturating_add(TICKET_LIFE).unwrap_or(Timestamp::MAX);
    let mut tx = tenancy.tenant(holder.org).await?;
    store::insert_ticket(&mut tx, &token_digest(ticket.expose()), &holder_json, expires_at).await?;
    tx.commit().await?;
    Ok(ticket)
}

/// Uses a ticket up; nothing when it is unknown, used or too old.
pub async fn redeem_ticket(tenancy: &Tenancy, ticket: &str, now: Timestamp) -> Result<Option<CredentialRef>, DbError> {
    let mut tx = tenancy.system("redeem a live ticket, which says itself which organization it opens").await?;
    let found = store::take_ticket(&mut tx, &token_digest(ticket), now).await?;
    tx.commit().await?;
    Ok(found.and_then(|(org, holder)| {
        let holder: Holder = serde_json::from_value(holder).ok()?;
        let credential = match holder.kind.as_str() {
            "session" => CredentialId::Session(Id::from_uuid(holder.id)),
            "tokens" => CredentialId::Tokens(Id::from_uuid(holder.id)),
            "api_key" => CredentialId::ApiKey(Id::from_uuid(holder.id)),
            _ => return None,
        };
        Some(CredentialRef { credential, user: holder.user, org })
    }))
}

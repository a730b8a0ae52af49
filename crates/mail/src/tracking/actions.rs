//! Taking events in.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use platform::email::is_address;
use platform::ids::{MailId, OrgId};
use platform::tenancy::{DbError, SystemTx, Tenancy};
use providers::mail_events::{Batch, MailEvent};
use uuid::Uuid;

use super::model::{concerns, news, suppression};
use super::store::{self, Known, NewSuppression};

/// What became of the events of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// New events of our mails.
    pub stored: usize,
    /// Events that were known already.
    pub repeated: usize,
    /// New events that name no mail of ours.
    pub strays: u64,
    /// New events that could not be read.
    pub faulty: u64,
    /// Addresses that are written to no more, or less than before.
    pub suppressed: usize,
}

/// Takes a verified request's events in, all or none. `source` names the provider.
pub async fn take_in(tenancy: &Tenancy, source: &'static str, batch: &Batch, now: Timestamp) -> Result<Taken, DbError> {
    let mut tx = tenancy.system("a relay's provider tells what became of mails, by their ids").await?;
    let mut mails = lock_mails(&mut tx, &batch.events).await?;
    let (ours, strays) = sort(&mails, &batch.events);
    let pairs: Vec<(&Known, &MailEvent)> = ours.iter().map(|(place, event)| (&mails[*place], *event)).collect();
    let new = store::insert(&mut tx, source, &pairs, now).await?;
    let new: Vec<(usize, &MailEvent)> = new.into_iter().map(|place| ours[place]).collect();

    let mut taken = Taken { stored: new.len(), repeated: ours.len() - new.len(), ..Taken::default() };
    taken.suppressed = suppress(&mut tx, source, &mails, &new, now).await?;
    let changed = learn(&mut mails, &new, now);
    let changed: Vec<&Known> = changed.into_iter().map(|place| &mails[place]).collect();
    store::update(&mut tx, &changed).await?;
    taken.strays = store::keep_strays(&mut tx, source, &strays, now).await?;
    taken.faulty = store::keep_faulty(&mut tx, source, &batch.faulty, now).await?;
    tx.commit().await?;
    count(source, &new, taken);
    Ok(taken)
}

/// Looks at what was told about a mail while it had not left the queue: call it in the transaction in which it leaves.
pub async fn catch_up(tx: &mut SystemTx, org: OrgId, mail: MailId) -> Result<(), DbError> {
    let events = store::events_of(tx, org, mail).await?;
    if events.is_empty() {
        return Ok(());
    }
    for mut known in store::lock(tx, &[mail.uuid()], &[]).await? {
        let told = events.iter().filter(|(_, recipient)| concerns(recipient.as_deref(), &known.to_address));
        let state = told.filter_map(|(kind, _)| news(kind)).fold(known.state, crate::State::learn);
        if state != known.state {
            known.state = state;
            store::update(tx, &[&known]).await?;
        }
    }
    Ok(())
}

/// How many events name no mail of ours or could not be read.
pub async fn count_strays(tenancy: &Tenancy) -> Result<u64, DbError> {
    let mut tx = tenancy.system("count the events that name no mail").await?;
    let count = store::count_strays(&mut tx).await?;
    tx.commit().await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

async fn lock_mails(tx: &mut SystemTx, events: &[MailEvent]) -> Result<Vec<Known>, DbError> {
    let ids: BTreeSet<Uuid> = events.iter().filter_map(|event| event.mail).collect();
    let message_ids: BTreeSet<&str> = events.iter().filter_map(|event| event.message_id.as_deref()).collect();
    let (ids, message_ids): (Vec<_>, Vec<_>) = (ids.into_iter().collect(), message_ids.into_iter().collect());
    store::lock(tx, &ids, &message_ids).await
}

type Ours<'a> = Vec<(usize, &'a MailEvent)>;

/// Which event is of which mail; the rest are of none. Our id counts before the `Message-ID`, which some relays change.
fn sort<'a>(mails: &[Known], events: &'a [MailEvent]) -> (Ours<'a>, Vec<&'a MailEvent>) {
    let by_id: HashMap<Uuid, usize> = mails.iter().enumerate().map(|(place, mail)| (mail.id.uuid(), place)).collect();
    let by_message: HashMap<&str, usize> =
        mails.iter().enumerate().map(|(place, mail)| (mail.message_id.as_str(), place)).collect();
    let (mut ours, mut strays) = (Vec::new(), Vec::new());
    for event in events {
        let by_message = || event.message_id.as_deref().and_then(|id| by_message.get(id));
        match event.mail.and_then(|id| by_id.get(&id)).or_else(by_message) {
            Some(place) => ours.push((*place, event)),
            None => strays.push(event),
        }
    }
    (ours, strays)
}

/// Applies events to their mails; answers the places of those that are different now.
fn learn(mails: &mut [Known], events: &[(usize, &MailEvent)], now: Timestamp) -> BTreeSet<usize> {
    let mut changed = BTreeSet::new();
    for (place, event) in events {
        let mail = &mut mails[*place];
        if !concerns(event.recipient.as_deref(), &mail.to_address) {
            continue;
        }
        mail.told.note(&event.kind, event.at.unwrap_or(now));
        mail.state = news(&event.kind).map_or(mail.state, |news| mail.state.learn(news));
        changed.insert(*place);
    }
    changed
}

/// Without a recipient the event is about the mail's own. An address that we would not write to in the first place
/// needs no entry.
async fn suppress(
    tx: &mut SystemTx,
    source: &str,
    mails: &[Known],
    events: &[(usize, &MailEvent)],
    now: Timestamp,
) -> Result<usize, DbError> {
    let mut wanted: Vec<(String, NewSuppression<'_>)> = Vec::new();
    for (place, event) in events {
        let Some(reason) = suppression(event) else { continue };
        let address = event.recipient.as_deref().unwrap_or(&mails[*place].to_address).to_ascii_lowercase();
        if is_address(&address) {
            let mail = Some(mails[*place].id);
            wanted.push((address, NewSuppression { reason, source, words: event.words.as_deref(), mail }));
        }
    }
    // In one order, so that two requests about the same addresses wait for each other and never both.
    wanted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut changed = 0;
    for (address, new) in &wanted {
        changed += usize::from(store::suppress(tx, address, new, now).await?);
    }
    Ok(changed)
}

fn count(source: &'static str, new: &[(usize, &MailEvent)], taken: Taken) {
    for (_, event) in new {
        metrics::counter!("voxanne_mail_events_total", "source" => source, "kind" => event.kind.word()).increment(1);
    }
    for (what, number) in [("no_mail", taken.strays), ("faulty", taken.faulty)] {
        if number > 0 {
            metrics::counter!("voxanne_mail_events_unmatched_total", "source" => source, "why" => what)
                .increment(number);
            tracing::warn!(source, number, why = what, "events of a mail provider were kept aside");
        }
    }
}

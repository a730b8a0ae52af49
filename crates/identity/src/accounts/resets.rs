//! A new password for who forgot the old one: a link by mail, good once and for an hour.
//!
//! Table: `password_resets`. Rules: what is answered, and how long that takes, does not depend on whether the address has an
//! account; a person gets at most [`MOST_LINKS`] links an hour, whoever asks; a used link ends every session and program
//! sign-in of the person, and all their other links.

use jiff::SignedDuration;
use platform::crypto::{new_token, token_digest};
use platform::http::ClientAddr;
use platform::http::problem::Chain;
use platform::i18n::Locale;
use platform::secret::Secret;
use platform::tenancy::DbError;
use serde_json::json;

use super::actions::{AccountError, prove_account, record_everywhere};
use super::mails::{self, Addressee};
use super::model::{EmailAddress, LONGEST_PASSWORD, PRESSED_AGAIN, SHORTEST_PASSWORD};
use super::store;
use super::throttle::{self, Kind};
use crate::access::{Authority, TOKEN_CHARS};
use crate::tokens;

/// How long a link works.
pub const LINK_LIVES: SignedDuration = SignedDuration::from_hours(1);
/// Most links of one person that work at once.
pub const MOST_LINKS: i64 = 3;

const PEOPLE: &str = "people belong to no organization";

/// Takes a request for a link. Answers before the address is looked up, so that nobody learns whether it has an account;
/// what fails then is logged, and the person asks again.
pub async fn request_reset(
    authority: &Authority,
    email: &str,
    locale: Locale,
    client: ClientAddr,
) -> Result<(), AccountError> {
    let now = authority.now();
    let digest = throttle::address_digest(client.limit_key());
    let mut tx = authority.tenancy().system("requests are counted before anybody is known").await?;
    let asked = store::count_failure(&mut tx, Kind::Reset, &digest, now).await?;
    tx.commit().await?;
    if let Some(wait) = asked.wait(Kind::Reset, now) {
        return Err(AccountError::Throttled { retry_after_seconds: u64::try_from(wait.as_secs()).unwrap_or(0) + 1 });
    }
    let Ok(address) = EmailAddress::parse(email) else {
        return Ok(());
    };
    let worker = authority.clone();
    authority.tasks().spawn(async move {
        if let Err(error) = send_link(&worker, &address, locale).await {
            tracing::warn!(error = %Chain(&error), "a link for a new password could not be sent");
        }
    });
    Ok(())
}

async fn send_link(authority: &Authority, address: &EmailAddress, locale: Locale) -> Result<(), AccountError> {
    let now = authority.now();
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    let Some(person) = store::lock_person(&mut tx, address.as_str()).await? else {
        tx.rollback().await?;
        return Ok(());
    };
    // Kept and sent in the name of the organization that they used last; without one there is nothing to sign in to.
    let memberships = store::list_memberships(&mut tx, person.id).await?;
    let open = store::count_open_resets(&mut tx, person.id, now).await?;
    let Some(membership) = memberships.first().filter(|_| open < MOST_LINKS) else {
        tx.rollback().await?;
        return Ok(());
    };
    let token = new_token();
    store::insert_reset(&mut tx, person.id, &token_digest(token.expose()), now, now + LINK_LIVES).await?;
    let link = Secret::new(format!("{}/reset/{}", authority.origin(), token.expose()));
    let outbox = authority.outbox();
    let to = Addressee { email: &person.email, name: &person.name, locale, sender: outbox.sender_name() };
    outbox.enqueue_for(&mut tx, membership.org_id, mails::password_reset(&to, &link)).await?;
    record_everywhere(&mut tx, person.id, "user.password_reset_requested", json!({})).await?;
    tx.commit().await?;
    outbox.wake();
    Ok(())
}

/// Whether a link still works.
pub async fn is_open(authority: &Authority, token: &str) -> Result<bool, AccountError> {
    if token.len() != TOKEN_CHARS {
        return Ok(false);
    }
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    let user = store::lock_reset(&mut tx, &token_digest(token), authority.now()).await?;
    tx.rollback().await?;
    Ok(user.is_some())
}

/// Sets a new password by a link.
pub async fn reset_password(
    authority: &Authority,
    token: &str,
    new: Secret,
    locale: Locale,
) -> Result<(), AccountError> {
    if !is_open(authority, token).await? {
        return Err(AccountError::LinkDead);
    }
    if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&new.expose().len()) {
        return Err(AccountError::BadPassword);
    }
    let hash = authority.passwords().turn().await?.hash(new).await?;
    let now = authority.now();
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    // Looked at again, under a lock: two at once with one link are one.
    let Some(user) = store::lock_reset(&mut tx, &token_digest(token), now).await? else {
        tx.rollback().await?;
        return Err(AccountError::LinkDead);
    };
    store::use_resets(&mut tx, user, now).await?;
    store::update_password(&mut tx, user, &hash, now).await?;
    store::delete_other_sessions(&mut tx, user, None).await?;
    tokens::store::revoke_other_families(&mut tx, user, None, now).await?;
    let person = store::get_person(&mut tx, user).await?;
    store::clear_account_failures(&mut tx, &throttle::account_digest(&person.email)).await?;
    record_everywhere(&mut tx, user, "user.password_reset", json!({})).await?;
    tell_of_change(authority, &mut tx, &person, locale).await?;
    tx.commit().await?;
    authority.outbox().wake();
    authority.forget_user(user);
    Ok(())
}

/// The form of a link, pressed again: whether the link set just this password a moment ago. A wrong guess counts like a
/// failed sign-in.
pub async fn was_just_set(
    authority: &Authority,
    token: &str,
    password: Secret,
    client: ClientAddr,
) -> Result<bool, AccountError> {
    if token.len() != TOKEN_CHARS {
        return Ok(false);
    }
    let since = authority.now() - PRESSED_AGAIN;
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    let email = store::find_used_reset(&mut tx, &token_digest(token), since).await?;
    tx.commit().await?;
    let Some(email) = email else {
        return Ok(false);
    };
    match prove_account(authority, &email, password, client).await {
        Ok(_) => Ok(true),
        Err(AccountError::WrongCredentials | AccountError::Throttled { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Tells a person that their password was changed. In the transaction of the change.
pub(super) async fn tell_of_change(
    authority: &Authority,
    tx: &mut platform::tenancy::SystemTx,
    person: &store::PersonRow,
    locale: Locale,
) -> Result<(), AccountError> {
    let memberships = store::list_memberships(tx, person.id).await?;
    let Some(membership) = memberships.first() else {
        return Ok(());
    };
    let outbox = authority.outbox();
    let to = Addressee { email: &person.email, name: &person.name, locale, sender: outbox.sender_name() };
    let draft = mails::password_changed(&to, authority.origin().as_str());
    outbox.enqueue_for(tx, membership.org_id, draft).await?;
    Ok(())
}

/// Forgets links that ended.
pub(crate) async fn sweep(tx: &mut platform::tenancy::SystemTx, now: jiff::Timestamp) -> Result<u64, DbError> {
    store::delete_resets(tx, now - LINK_LIVES).await
}

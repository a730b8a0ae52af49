//! Signing in and out, changing the password, selecting an organization.

use axum::http::HeaderMap;
use mail::MailError;
use platform::audit::{self, Actor};
use platform::crypto::{new_token, random_bytes, token_digest};
use platform::http::ClientAddr;
use platform::i18n::Locale;
use platform::ids::{OrgId, SessionId, UserId};
use platform::secret::Secret;
use platform::tenancy::{DbError, SystemTx, Tenancy};
use serde_json::json;

use super::model::{EmailAddress, LONGEST_PASSWORD, Membership, SHORTEST_PASSWORD, SignedInUser};
use super::passwords::{PasswordError, Turn};
use super::throttle::{self, FREE_PER_ACCOUNT, Kind};
use super::{resets, store};
use crate::access::cookie::session_token;
use crate::access::{Authority, CredentialId, Person, SetCookie};
use crate::tokens;

const PEOPLE: &str = "people belong to no organization";

/// Why somebody is not signed in, or their account not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Unknown address or wrong password; never which.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The current password, asked for again, is wrong.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Too many failures.
    #[error("too many failed sign-ins; wait {retry_after_seconds} s")]
    Throttled {
        /// When to come back.
        retry_after_seconds: u64,
    },
    /// The new password is too short or too long.
    #[error("a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")]
    BadPassword,
    /// Not an organization of this person.
    #[error("not a member of that organization")]
    NotAMember,
    /// The link is unknown, used or expired; never which.
    #[error("this link does not work (any more); ask for a new one")]
    LinkDead,
    /// A mail could not be kept.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// No hash could be computed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Checks an address and a password under the throttle. Follow it with [`open_session`] for a browser or
/// [`tokens::actions::issue_tokens`] for a program.
pub async fn sign_in(
    authority: &Authority,
    email: &str,
    password: Secret,
    client: ClientAddr,
) -> Result<SignedInUser, AccountError> {
    let attempt = Attempt::begin(authority, email, client).await?;
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    let login = match EmailAddress::parse(email) {
        Ok(address) => store::find_login(&mut tx, address.as_str()).await?,
        Err(_) => None,
    };
    tx.commit().await?;
    let stored = login.as_ref().map(|login| login.password_hash.as_str());
    let user = login.as_ref().map(|login| login.id);
    if !attempt.verify(stored, password).await? {
        attempt.failed(user).await?;
        return Err(AccountError::WrongCredentials);
    }
    let user = user.ok_or(AccountError::WrongCredentials)?;
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    attempt.succeeded(&mut tx).await?;
    let memberships = store::list_memberships(&mut tx, user).await?;
    let org = memberships.first().map(|membership| membership.org_id);
    if let Some(org) = org {
        audit::record_system(&mut tx, org, Actor::Member(user), "session.signed_in", None, json!({})).await?;
    }
    tx.commit().await?;
    Ok(SignedInUser { user, org, memberships })
}

/// Opens a browser session. `headers` are the request's: a session that the browser still has is ended.
pub async fn open_session(
    authority: &Authority,
    user: &SignedInUser,
    headers: &HeaderMap,
) -> Result<SetCookie, AccountError> {
    let token = new_token();
    let new = store::NewSession {
        id: SessionId::new(),
        user: user.user,
        digest: &token_digest(token.expose()),
        csrf_key: &random_bytes::<32>(),
        org: user.org,
    };
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    if let Some(old) = session_token(headers, authority.origin()) {
        store::delete_session_by_digest(&mut tx, &token_digest(old)).await?;
    }
    store::insert_session(&mut tx, &new, authority.now()).await?;
    tx.commit().await?;
    Ok(SetCookie::session(&token, authority.origin()))
}

/// Ends the credential that a person came with: the browser session, or the family of the access token. The answer
/// takes the browser's cookie away.
pub async fn sign_out(authority: &Authority, person: &Person) -> Result<SetCookie, AccountError> {
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    match person.credential {
        CredentialId::Session(session) => store::delete_session(&mut tx, session).await?,
        CredentialId::Tokens(family) => tokens::store::revoke_family(&mut tx, family, authority.now()).await?,
        // A key belongs to its organization; nobody signs in with it.
        CredentialId::ApiKey(_) => {}
    }
    if let Some((org, _)) = person.place {
        audit::record_system(&mut tx, org, person.actor(), "session.signed_out", None, json!({})).await?;
    }
    tx.commit().await?;
    authority.forget_credential(person.credential);
    Ok(SetCookie::removal(authority.origin()))
}

/// Sets a new password after asking for the current one, and ends every other session, program sign-in and link by mail. The
/// person is told by mail, in the language of the browser that did it.
pub async fn change_password(
    authority: &Authority,
    person: &Person,
    current: Secret,
    new: Secret,
    locale: Locale,
    client: ClientAddr,
) -> Result<(), AccountError> {
    if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&new.expose().len()) {
        return Err(AccountError::BadPassword);
    }
    // The same throttle as for sign-in: a stolen session must not become a way to guess the password.
    let attempt = Attempt::begin(authority, &person.email, client).await?;
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    let stored = store::get_password_hash(&mut tx, person.user).await?;
    tx.commit().await?;
    if !attempt.verify(Some(&stored), current).await? {
        attempt.failed(Some(person.user)).await?;
        return Err(AccountError::WrongPassword);
    }
    let hash = attempt.turn.hash(new).await?;
    let now = authority.now();
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    attempt.succeeded(&mut tx).await?;
    store::update_password(&mut tx, person.user, &hash, now).await?;
    let (session, family) = match person.credential {
        CredentialId::Session(id) => (Some(id), None),
        CredentialId::Tokens(id) => (None, Some(id)),
        CredentialId::ApiKey(_) => (None, None),
    };
    store::delete_other_sessions(&mut tx, person.user, session).await?;
    tokens::store::revoke_other_families(&mut tx, person.user, family, now).await?;
    store::use_resets(&mut tx, person.user, now).await?;
    record_everywhere(&mut tx, person.user, "user.password_changed", json!({})).await?;
    let told = store::get_person(&mut tx, person.user).await?;
    resets::tell_of_change(authority, &mut tx, &told, locale).await?;
    tx.commit().await?;
    authority.outbox().wake();
    authority.forget_user(person.user);
    Ok(())
}

/// Makes `org` the organization that this browser session or program sign-in looks at.
pub async fn select_organization(authority: &Authority, person: &Person, org: OrgId) -> Result<(), AccountError> {
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    let memberships = store::list_memberships(&mut tx, person.user).await?;
    if !memberships.iter().any(|membership| membership.org_id == org) {
        tx.rollback().await?;
        return Err(AccountError::NotAMember);
    }
    match person.credential {
        CredentialId::Session(session) => store::select_org(&mut tx, session, org).await?,
        CredentialId::Tokens(family) => tokens::store::select_org(&mut tx, family, org).await?,
        CredentialId::ApiKey(_) => return Err(AccountError::NotAMember),
    }
    audit::record_system(&mut tx, org, person.actor(), "session.organization_selected", None, json!({})).await?;
    tx.commit().await?;
    authority.forget_credential(person.credential);
    Ok(())
}

/// Where a person belongs, the last used first: for the organization switch.
pub async fn list_memberships(authority: &Authority, user: UserId) -> Result<Vec<Membership>, AccountError> {
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    let memberships = store::list_memberships(&mut tx, user).await?;
    tx.commit().await?;
    Ok(memberships)
}

/// Everybody who runs the installation: id and name, by name.
pub async fn list_operators(tenancy: &Tenancy) -> Result<Vec<(UserId, String)>, DbError> {
    let mut tx = tenancy.system("who runs the installation may belong to any organization").await?;
    let people = store::list_operators(&mut tx).await?;
    tx.commit().await?;
    Ok(people)
}

/// Lets a person run the installation, from the command line. False when nobody has the address.
pub async fn grant_operator(tenancy: &Tenancy, email: &str) -> Result<bool, AccountError> {
    let Ok(address) = EmailAddress::parse(email) else {
        return Ok(false);
    };
    let mut tx = tenancy.system(PEOPLE).await?;
    let Some(user) = store::grant_operator(&mut tx, address.as_str()).await? else {
        tx.rollback().await?;
        return Ok(false);
    };
    for membership in store::list_memberships(&mut tx, user).await? {
        let (org, subject) = (membership.org_id, user.to_string());
        audit::record_system(&mut tx, org, Actor::System, "operator.granted", Some(&subject), json!({})).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Writes a deed that concerns a person into each of their organizations.
pub(crate) async fn record_everywhere(
    tx: &mut SystemTx,
    user: UserId,
    action: &'static str,
    detail: serde_json::Value,
) -> Result<(), DbError> {
    for membership in store::list_memberships(tx, user).await? {
        audit::record_system(tx, membership.org_id, Actor::Member(user), action, None, detail.clone()).await?;
    }
    Ok(())
}

/// Whose an address is, by the password, under the same throttle as a sign-in.
pub(crate) async fn prove_account(
    authority: &Authority,
    email: &str,
    password: Secret,
    client: ClientAddr,
) -> Result<UserId, AccountError> {
    let attempt = Attempt::begin(authority, email, client).await?;
    let mut tx = authority.tenancy().system(PEOPLE).await?;
    let login = store::find_login(&mut tx, email).await?;
    tx.commit().await?;
    let stored = login.as_ref().map(|login| login.password_hash.as_str());
    let is_right = attempt.verify(stored, password).await?;
    match login {
        Some(login) if is_right => {
            let mut tx = authority.tenancy().system(PEOPLE).await?;
            attempt.succeeded(&mut tx).await?;
            tx.commit().await?;
            Ok(login.id)
        }
        other => {
            attempt.failed(other.map(|login| login.id)).await?;
            Err(AccountError::WrongCredentials)
        }
    }
}

/// One try of a password: asks the throttle, holds the turn at the hash, counts the outcome.
pub(crate) struct Attempt<'a> {
    authority: &'a Authority,
    turn: Turn,
    account: Vec<u8>,
    address: Vec<u8>,
}

impl<'a> Attempt<'a> {
    /// Refuses at once when the account or the address has to wait.
    pub(crate) async fn begin(authority: &'a Authority, email: &str, client: ClientAddr) -> Result<Self, AccountError> {
        let turn = authority.passwords().turn().await?;
        let account = throttle::account_digest(email);
        let address = throttle::address_digest(client.limit_key());
        let now = authority.now();
        let mut tx = authority.tenancy().system("failed sign-ins are counted across organizations").await?;
        let mut longest = None;
        for (kind, digest) in [(Kind::Account, &account), (Kind::Address, &address)] {
            let failures = store::find_failures(&mut tx, kind, digest, false).await?;
            longest = longest.max(failures.and_then(|failures| failures.wait(kind, now)));
        }
        tx.commit().await?;
        match longest {
            Some(wait) => {
                let retry_after_seconds = u64::try_from(wait.as_secs()).unwrap_or(0) + 1;
                Err(AccountError::Throttled { retry_after_seconds })
            }
            None => Ok(Self { authority, turn, account, address }),
        }
    }

    /// Checks the password; without a stored hash does the same work and answers no.
    pub(crate) async fn verify(&self, stored: Option<&str>, password: Secret) -> Result<bool, AccountError> {
        // Longer than any password that was ever set, so the answer is known; the work is done all the same.
        let (stored, password) =
            if password.expose().len() > LONGEST_PASSWORD { (None, Secret::new("")) } else { (stored, password) };
        Ok(self.turn.verify(stored, password).await?)
    }

    /// Counts a failure; from the one on which an account has to wait, its organizations are told.
    pub(crate) async fn failed(&self, user: Option<UserId>) -> Result<(), AccountError> {
        let now = self.authority.now();
        let mut tx = self.authority.tenancy().system("failed sign-ins are counted across organizations").await?;
        let account = store::count_failure(&mut tx, Kind::Account, &self.account, now).await?;
        store::count_failure(&mut tx, Kind::Address, &self.address, now).await?;
        if let Some(user) = user
            && account.count >= FREE_PER_ACCOUNT
        {
            let detail = json!({ "failures": account.count });
            record_everywhere(&mut tx, user, "session.sign_in_failed", detail).await?;
        }
        tx.commit().await?;
        metrics::counter!("voxanne_sign_in_failures_total").increment(1);
        Ok(())
    }

    /// Forgets the account's failures. The address's stay: its owner may know one password and guess others.
    pub(crate) async fn succeeded(&self, tx: &mut SystemTx) -> Result<(), DbError> {
        store::clear_account_failures(tx, &self.account).await
    }
}

//! Making organizations, changing members, inviting and joining.

use jiff::Timestamp;
use mail::MailError;
use platform::audit::{self, Actor};
use platform::clock::Clock;
use platform::crypto::{new_token, token_digest};
use platform::http::{ClientAddr, Cursor, Limit, Page};
use platform::i18n::Locale;
use platform::ids::{InvitationId, OrgId, UserId};
use platform::secret::Secret;
use platform::tenancy::{DbError, SystemTx, Tenancy};
use serde_json::json;

use super::mails;
use super::model::{
    AuditEntry, CreatedOrganization, INVITATION_LIVES, InvitationOffer, InvitationView, MemberView, NewInvitation,
    NewOrganization, RoleRefusal, is_known_zone, may_change,
};
use super::store::{self, InvitationToInsert};
use crate::access::{Authority, Caller, Person, Role, TOKEN_CHARS};
use crate::accounts::actions::{AccountError, prove_account, sign_in};
use crate::accounts::mails::Addressee;
use crate::accounts::model::{
    EmailAddress, LONGEST_PASSWORD, PRESSED_AGAIN, SHORTEST_PASSWORD, SignedInUser, same_address, tidy_name,
};
use crate::accounts::passwords::{PasswordError, Passwords};
use crate::accounts::store::{self as accounts, NewUser};

/// What the operator's organization is called until somebody owns it.
const PLACEHOLDER: &str = "Operator";
const JOINING: &str = "an invitation's link is looked up before its organization is known";

/// Why an organization, member or invitation was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum OrganizationError {
    /// Unknown, or another organization's.
    #[error("there is no such member or invitation")]
    NotFound,
    /// The change is not for this member to make.
    #[error(transparent)]
    Refused(#[from] RoleRefusal),
    /// API keys manage nobody.
    #[error("only a person may do this")]
    PeopleOnly,
    /// The invited person belongs to the organization already.
    #[error("this person is a member already")]
    AlreadyMember,
    /// The link is unknown, used, revoked or expired; never which.
    #[error("this invitation link does not work (any more); ask for a new one")]
    LinkDead,
    /// The signed-in person is not the invited one.
    #[error("this invitation is for another e-mail address; sign out first")]
    OtherAccount,
    /// A field is wrong.
    #[error("{field} {what}")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What would be right.
        what: String,
    },
    /// The owner has an account and the password is not its password.
    #[error("a user with this e-mail address exists and has another password; give that user's password")]
    OwnerPasswordDiffers,
    /// Signing in to the existing account failed.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The mail could not be kept.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// No hash could be computed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Makes an organization with its owner, for the command line and the demonstration.
///
/// Somebody who has an account becomes owner of this organization too, if the password is theirs.
pub async fn create_organization(
    tenancy: &Tenancy,
    clock: &Clock,
    new: NewOrganization,
) -> Result<CreatedOrganization, OrganizationError> {
    let email = EmailAddress::parse(&new.owner_email).map_err(|error| invalid("owner_email", error.to_string()))?;
    check_name("name", &new.name)?;
    check_name("owner_name", &new.owner_name)?;
    check_password(&new.owner_password)?;
    if !is_known_zone(&new.zone) {
        return Err(invalid("zone", "must be a time zone like Europe/London".to_owned()));
    }
    let proof = prove(tenancy, &email, &new.owner_password).await?;
    let now = clock.now();
    let mut tx = tenancy.system("a new organization is not there yet").await?;
    store::lock_first_user(&mut tx).await?;
    let name = tidy_name(&new.owner_name);
    let Some(user) = settle_person(&mut tx, &email, &name, proof, new.first_user_is_operator, now).await? else {
        tx.rollback().await?;
        return Err(OrganizationError::OwnerPasswordDiffers);
    };
    let org = settle_organization(&mut tx, &new, now).await?;
    store::insert_membership(&mut tx, org, user, Role::Owner, now).await?;
    let subject = org.to_string();
    audit::record_system(&mut tx, org, Actor::System, "organization.created", Some(&subject), json!({})).await?;
    tx.commit().await?;
    Ok(CreatedOrganization { org_id: org, user_id: user })
}

/// Whoever has an account proves to be its holder; whoever has none gets a hash for a new one.
enum Proof {
    Holder(UserId),
    Newcomer(String),
}

async fn prove(tenancy: &Tenancy, email: &EmailAddress, password: &Secret) -> Result<Proof, OrganizationError> {
    let mut tx = tenancy.system("whether a person has an account is asked before their organization is known").await?;
    let existing = accounts::find_login(&mut tx, email.as_str()).await?;
    tx.commit().await?;
    let turn = Passwords::new().turn().await?;
    match existing {
        Some(login) if turn.verify(Some(&login.password_hash), password.clone()).await? => Ok(Proof::Holder(login.id)),
        Some(_) => Err(OrganizationError::OwnerPasswordDiffers),
        None => Ok(Proof::Newcomer(turn.hash(password.clone()).await?)),
    }
}

/// The person, made if they are new. None when somebody took the address between our look and now, or it belongs to a
/// disabled person.
async fn settle_person(
    tx: &mut SystemTx,
    email: &EmailAddress,
    name: &str,
    proof: Proof,
    first_is_operator: bool,
    now: Timestamp,
) -> Result<Option<UserId>, DbError> {
    let password_hash = match proof {
        Proof::Holder(id) => return Ok(Some(id)),
        Proof::Newcomer(hash) => hash,
    };
    let is_operator = first_is_operator && !accounts::any_user_exists(tx).await?;
    let user = NewUser { id: UserId::new(), email: email.as_str(), name, password_hash: &password_hash, is_operator };
    Ok(accounts::insert_user(tx, &user, now).await?.then_some(user.id))
}

/// Makes somebody an owner of an organization that is there: one that was imported has no members. The command line's.
pub async fn add_owner(
    tenancy: &Tenancy,
    clock: &Clock,
    org: OrgId,
    email: &str,
    name: &str,
    password: &Secret,
) -> Result<UserId, OrganizationError> {
    let email = EmailAddress::parse(email).map_err(|error| invalid("owner_email", error.to_string()))?;
    check_name("owner_name", name)?;
    check_password(password)?;
    if !organization_exists(tenancy, org).await? {
        return Err(OrganizationError::NotFound);
    }
    let proof = prove(tenancy, &email, password).await?;
    let now = clock.now();
    let mut tx = tenancy.system("an organization without members gets its first").await?;
    store::lock_first_user(&mut tx).await?;
    let Some(user) = settle_person(&mut tx, &email, &tidy_name(name), proof, true, now).await? else {
        tx.rollback().await?;
        return Err(OrganizationError::OwnerPasswordDiffers);
    };
    if !store::insert_membership(&mut tx, org, user, Role::Owner, now).await? {
        tx.rollback().await?;
        return Err(OrganizationError::AlreadyMember);
    }
    let subject = user.to_string();
    audit::record_system(&mut tx, org, Actor::System, "member.added", Some(&subject), json!({ "role": Role::Owner }))
        .await?;
    tx.commit().await?;
    Ok(user)
}

/// Keeps an organization under the id that it has in another system. Nobody is a member of it yet
/// ([`add_owner`]). One that is there stays as it is.
pub async fn keep_organization(
    tx: &mut SystemTx,
    org: OrgId,
    name: &str,
    zone: &str,
    created_at: Timestamp,
) -> Result<(), DbError> {
    if store::keep_organization(tx, org, name, zone, created_at).await? {
        let subject = org.to_string();
        audit::record_system(tx, org, Actor::System, "organization.imported", Some(&subject), json!({})).await?;
    }
    Ok(())
}

/// Whether a time zone is one that organizations may have.
pub fn is_zone(zone: &str) -> bool {
    is_known_zone(zone)
}

/// A new organization; or the operator's own, while nobody has it. Invented practices never become the operator's.
async fn settle_organization(tx: &mut SystemTx, new: &NewOrganization, now: Timestamp) -> Result<OrgId, DbError> {
    let installation = store::find_installation(tx).await?;
    if let Some((org, false)) = installation
        && !new.is_demo
    {
        store::take_over(tx, org, new).await?;
        store::set_installation(tx, org, true).await?;
        return Ok(org);
    }
    let org = OrgId::new();
    store::insert_organization(tx, org, new, now).await?;
    if installation.is_none() && !new.is_demo {
        store::set_installation(tx, org, true).await?;
    }
    Ok(org)
}

/// Sees to it that the operator has an organization, so that a demo can be booked from the first minute: the `named` one
/// (`VOXANNE_OPERATOR_ORG`), else the one that is set, else the first that was made, else a new one that nobody owns yet
/// and that the first `admin create-org` takes over. [`OrganizationError::NotFound`] when the named one is not there.
pub async fn ensure_operator_organization(
    tenancy: &Tenancy,
    clock: &Clock,
    named: Option<OrgId>,
    is_demo: bool,
) -> Result<OrgId, OrganizationError> {
    let mut tx = tenancy.system("the operator's own organization is looked for").await?;
    store::lock_first_user(&mut tx).await?;
    let settled = settle_operator(&mut tx, named, is_demo, clock.now()).await;
    match settled {
        Ok(org) => tx.commit().await.map(|()| org).map_err(Into::into),
        Err(error) => {
            tx.rollback().await?;
            Err(error)
        }
    }
}

async fn settle_operator(
    tx: &mut SystemTx,
    named: Option<OrgId>,
    is_demo: bool,
    now: Timestamp,
) -> Result<OrgId, OrganizationError> {
    let installation = store::find_installation(tx).await?;
    if let Some(org) = named {
        if !store::organization_exists(tx, org).await? {
            return Err(OrganizationError::NotFound);
        }
        let is_claimed = installation.is_none_or(|(current, is_claimed)| current != org || is_claimed);
        store::set_installation(tx, org, is_claimed).await?;
        return Ok(org);
    }
    if let Some((org, _)) = installation {
        return Ok(org);
    }
    if let Some(org) = store::find_first_organization(tx).await? {
        store::set_installation(tx, org, true).await?;
        return Ok(org);
    }
    let org = OrgId::new();
    store::insert_placeholder(tx, org, PLACEHOLDER, is_demo, now).await?;
    store::set_installation(tx, org, false).await?;
    Ok(org)
}

/// The operator's own organization, to which demo bookings and the installation's mails belong. `None` before the first
/// `serve` and the first `admin create-org`.
pub async fn operator_organization(tenancy: &Tenancy) -> Result<Option<OrgId>, DbError> {
    let mut tx = tenancy.system("what belongs to the operator is kept for the operator's organization").await?;
    let installation = store::find_installation(&mut tx).await?;
    tx.commit().await?;
    Ok(installation.map(|(org, _)| org))
}

/// The members of the caller's organization, the longest first.
pub async fn list_members(authority: &Authority, caller: &Caller) -> Result<Vec<MemberView>, OrganizationError> {
    let mut tx = caller.begin(authority.tenancy()).await?;
    let members = store::list_members(&mut tx).await?;
    tx.commit().await?;
    Ok(members)
}

/// Gives a member another role.
pub async fn change_role(
    authority: &Authority,
    caller: &Caller,
    user: UserId,
    role: Role,
) -> Result<(), OrganizationError> {
    change_member(authority, caller, user, Some(role)).await
}

/// Ends a membership. The person's other organizations and their sessions stay; this one closes to them.
pub async fn remove_member(authority: &Authority, caller: &Caller, user: UserId) -> Result<(), OrganizationError> {
    change_member(authority, caller, user, None).await
}

async fn change_member(
    authority: &Authority,
    caller: &Caller,
    user: UserId,
    to: Option<Role>,
) -> Result<(), OrganizationError> {
    let mut tx = caller.begin(authority.tenancy()).await?;
    let roles = store::lock_roles(&mut tx, user).await?;
    let owners = roles.iter().filter(|(_, role)| *role == Role::Owner).count();
    let from = roles.iter().find(|(member, _)| *member == user).map(|(_, role)| *role);
    let verdict = from.ok_or(OrganizationError::NotFound).and_then(|from| {
        may_change(caller.role, from, to, owners)?;
        Ok(from)
    });
    let from = match verdict {
        Ok(from) => from,
        Err(error) => {
            tx.rollback().await?;
            return Err(error);
        }
    };
    let subject = user.to_string();
    if let Some(role) = to {
        store::update_role(&mut tx, user, role, authority.now()).await?;
        let detail = json!({ "from": from, "to": role });
        audit::record(&mut tx, caller.actor, "member.role_changed", Some(&subject), detail).await?;
    } else {
        store::delete_membership(&mut tx, user).await?;
        audit::record(&mut tx, caller.actor, "member.removed", Some(&subject), json!({ "role": from })).await?;
    }
    tx.commit().await?;
    authority.forget_user(user);
    Ok(())
}

/// Makes an invitation and its link, which goes out by mail in `locale` as well. For an address that has an open one: a new
/// link, and the old one stops working.
pub async fn invite(
    authority: &Authority,
    caller: &Caller,
    email: &str,
    role: Role,
    locale: Locale,
) -> Result<NewInvitation, OrganizationError> {
    let address = EmailAddress::parse(email).map_err(|error| invalid("email", error.to_string()))?;
    let invited_by = caller.user.ok_or(OrganizationError::PeopleOnly)?;
    may_change(caller.role, Role::Viewer, Some(role), 1)?;
    let mut tx = caller.begin(authority.tenancy()).await?;
    if store::is_member_address(&mut tx, address.as_str()).await? {
        tx.rollback().await?;
        return Err(OrganizationError::AlreadyMember);
    }
    let token = new_token();
    let now = authority.now();
    let new = InvitationToInsert {
        email: address.as_str(),
        role,
        digest: &token_digest(token.expose()),
        invited_by,
        expires_at: now + INVITATION_LIVES,
    };
    let invitation = store::upsert_invitation(&mut tx, &new, now).await?;
    let subject = invitation.id.to_string();
    audit::record(&mut tx, caller.actor, "member.invited", Some(&subject), json!({ "role": role })).await?;
    let link = Secret::new(format!("{}/invite/{}", authority.origin(), token.expose()));
    let organization = store::get_name(&mut tx).await?;
    let outbox = authority.outbox();
    let to = Addressee { email: address.as_str(), name: "", locale, sender: outbox.sender_name() };
    let mut draft = mails::invitation(&to, &organization, &link);
    draft.about = Some(("invitation", invitation.id.uuid()));
    outbox.enqueue(&mut tx, draft).await?;
    tx.commit().await?;
    outbox.wake();
    Ok(NewInvitation { invitation, link })
}

/// Gives an open invitation a new link and a new week; the old link stops working.
pub async fn renew_invitation(
    authority: &Authority,
    caller: &Caller,
    id: InvitationId,
    locale: Locale,
) -> Result<NewInvitation, OrganizationError> {
    let mut tx = caller.begin(authority.tenancy()).await?;
    let open = store::lock_open_invitation(&mut tx, id).await?;
    tx.commit().await?;
    let (email, role) = open.ok_or(OrganizationError::NotFound)?;
    invite(authority, caller, &email, role, locale).await
}

/// Open invitations, newest first.
pub async fn list_invitations(
    authority: &Authority,
    caller: &Caller,
) -> Result<Vec<InvitationView>, OrganizationError> {
    let mut tx = caller.begin(authority.tenancy()).await?;
    let invitations = store::list_invitations(&mut tx, authority.now()).await?;
    tx.commit().await?;
    Ok(invitations)
}

/// Makes an open invitation's link worthless.
pub async fn revoke_invitation(
    authority: &Authority,
    caller: &Caller,
    id: InvitationId,
) -> Result<(), OrganizationError> {
    let mut tx = caller.begin(authority.tenancy()).await?;
    let open = store::lock_open_invitation(&mut tx, id).await?;
    let verdict = open.ok_or(OrganizationError::NotFound).and_then(|(_, role)| {
        may_change(caller.role, Role::Viewer, Some(role), 1)?;
        Ok(())
    });
    if let Err(error) = verdict {
        tx.rollback().await?;
        return Err(error);
    }
    store::revoke_invitation(&mut tx, id, authority.now()).await?;
    let subject = id.to_string();
    audit::record(&mut tx, caller.actor, "member.invitation_revoked", Some(&subject), json!({})).await?;
    tx.commit().await?;
    Ok(())
}

/// What a link is for. [`OrganizationError::LinkDead`] when it is for nothing.
pub async fn find_invitation(authority: &Authority, token: &str) -> Result<InvitationOffer, OrganizationError> {
    let digest = link_digest(token)?;
    let mut tx = authority.tenancy().system(JOINING).await?;
    let found = store::find_invitation(&mut tx, &digest, authority.now()).await?;
    tx.commit().await?;
    let found = found.ok_or(OrganizationError::LinkDead)?;
    Ok(InvitationOffer {
        org_name: found.org_name,
        email: found.email,
        role: found.role,
        has_account: found.has_account,
    })
}

/// Joins by a link without being signed in: a new person chooses a name and a password, somebody with an account gives
/// its password. Answers like a sign-in, with the new organization selected.
pub async fn accept_invitation(
    authority: &Authority,
    token: &str,
    name: &str,
    password: Secret,
    client: ClientAddr,
) -> Result<SignedInUser, OrganizationError> {
    let digest = link_digest(token)?;
    let mut tx = authority.tenancy().system(JOINING).await?;
    let offer = store::find_invitation(&mut tx, &digest, authority.now()).await?;
    tx.commit().await?;
    let offer = offer.ok_or(OrganizationError::LinkDead)?;
    // The slow hash is computed without a transaction; the link is looked up again, and held, when it is there.
    let user = if offer.has_account {
        prove_account(authority, &offer.email, password, client).await?
    } else {
        check_name("name", name)?;
        check_password(&password)?;
        let turn = authority.passwords().turn().await?;
        let hash = turn.hash(password).await?;
        let user = UserId::new();
        let new =
            NewUser { id: user, email: &offer.email, name: &tidy_name(name), password_hash: &hash, is_operator: false };
        return join(authority, &digest, user, Some(new)).await;
    };
    join(authority, &digest, user, None).await
}

/// The form of a link, pressed again: whoever joined by it a moment ago and gives the same password is let in like the
/// first time. To anybody else the link is dead.
pub async fn accept_again(
    authority: &Authority,
    token: &str,
    password: Secret,
    client: ClientAddr,
) -> Result<SignedInUser, OrganizationError> {
    let digest = link_digest(token)?;
    let since = authority.now() - PRESSED_AGAIN;
    let mut tx = authority.tenancy().system(JOINING).await?;
    let accepted = store::find_accepted_invitation(&mut tx, &digest, since).await?;
    tx.commit().await?;
    let (org, email) = accepted.ok_or(OrganizationError::LinkDead)?;
    let user = sign_in(authority, &email, password, client).await?;
    Ok(user.looking_at(org))
}

/// Joins by a link as the signed-in person, who must be the invited one, and selects nothing: see
/// [`crate::accounts::actions::select_organization`].
pub async fn accept_invitation_as(
    authority: &Authority,
    person: &Person,
    token: &str,
) -> Result<SignedInUser, OrganizationError> {
    let digest = link_digest(token)?;
    let mut tx = authority.tenancy().system(JOINING).await?;
    let offer = store::find_invitation(&mut tx, &digest, authority.now()).await?;
    tx.commit().await?;
    let offer = offer.ok_or(OrganizationError::LinkDead)?;
    if !same_address(&offer.email, &person.email) {
        return Err(OrganizationError::OtherAccount);
    }
    join(authority, &digest, person.user, None).await
}

async fn join(
    authority: &Authority,
    digest: &[u8],
    user: UserId,
    new: Option<NewUser<'_>>,
) -> Result<SignedInUser, OrganizationError> {
    let now = authority.now();
    let mut tx = authority.tenancy().system(JOINING).await?;
    let Some(found) = store::find_invitation(&mut tx, digest, now).await? else {
        tx.rollback().await?;
        return Err(OrganizationError::LinkDead);
    };
    if let Some(new) = new
        && !accounts::insert_user(&mut tx, &new, now).await?
    {
        // The address got an account while the form was open: the next try asks for its password.
        tx.rollback().await?;
        return Err(OrganizationError::LinkDead);
    }
    store::accept_invitation(&mut tx, found.org_id, found.id, now).await?;
    if store::insert_membership(&mut tx, found.org_id, user, found.role, now).await? {
        let subject = user.to_string();
        let detail = json!({ "role": found.role });
        let actor = Actor::Member(user);
        audit::record_system(&mut tx, found.org_id, actor, "member.joined", Some(&subject), detail).await?;
    }
    let memberships = accounts::list_memberships(&mut tx, user).await?;
    tx.commit().await?;
    authority.forget_user(user);
    Ok(SignedInUser { user, org: None, memberships }.looking_at(found.org_id))
}

/// Deeds in the caller's organization, newest first.
pub async fn list_audit(
    authority: &Authority,
    caller: &Caller,
    limit: Limit,
    after: Option<Cursor>,
) -> Result<Page<AuditEntry>, OrganizationError> {
    let mut tx = caller.begin(authority.tenancy()).await?;
    let entries = store::list_audit(&mut tx, limit, after).await?;
    tx.commit().await?;
    Ok(Page::of(entries, limit, |entry| Cursor { at: entry.at, id: entry.id }))
}

fn link_digest(token: &str) -> Result<Vec<u8>, OrganizationError> {
    if token.len() == TOKEN_CHARS { Ok(token_digest(token)) } else { Err(OrganizationError::LinkDead) }
}

fn check_name(field: &'static str, name: &str) -> Result<(), OrganizationError> {
    let length = name.trim().chars().count();
    if (1..=200).contains(&length) && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(invalid(field, "must have 1 to 200 characters and no control characters".to_owned()))
    }
}

fn check_password(password: &Secret) -> Result<(), OrganizationError> {
    if (SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&password.expose().len()) {
        Ok(())
    } else {
        Err(invalid("password", format!("must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")))
    }
}

fn invalid(field: &'static str, what: String) -> OrganizationError {
    OrganizationError::Invalid { field, what }
}

/// Whether the organization exists and is not deleted, for an operator who names one.
pub async fn organization_exists(tenancy: &Tenancy, org: OrgId) -> Result<bool, DbError> {
    let mut tx = tenancy.system("an operator names an organization").await?;
    let exists = store::organization_exists(&mut tx, org).await?;
    tx.commit().await?;
    Ok(exists)
}

/// How many organizations the transactions of one see: its own at most, and none when it does not exist.
pub async fn count_seen_by(tenancy: &Tenancy, org: OrgId) -> Result<i64, DbError> {
    let mut tx = tenancy.tenant(org).await?;
    let seen = store::count_seen(&mut tx).await?;
    tx.commit().await?;
    Ok(seen)
}

/// Open organizations by name, at most five hundred: what an operator chooses from.
pub async fn list_organizations(tenancy: &Tenancy) -> Result<Vec<(OrgId, String)>, DbError> {
    let mut tx = tenancy.system("an operator chooses an organization").await?;
    let organizations = store::list_organizations(&mut tx).await?;
    tx.commit().await?;
    Ok(organizations)
}

/// The invented practice of this name, if an earlier demonstration made it.
pub async fn find_demonstration(tenancy: &Tenancy, name: &str) -> Result<Option<OrgId>, DbError> {
    let mut tx = tenancy.system("a demonstration looks for its practices").await?;
    let found = store::find_demonstration(&mut tx, name).await?;
    tx.commit().await?;
    Ok(found)
}

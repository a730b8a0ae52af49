//! Members, invitations, and who may change whom.

use jiff::{SignedDuration, Timestamp};
use platform::ids::{InvitationId, OrgId, UserId};
use platform::secret::Secret;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Role;

/// How long an invitation's link works.
pub const INVITATION_LIVES: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A member, as the team sees them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemberView {
    /// Who.
    pub user_id: UserId,
    /// Address they sign in with.
    #[schema(example = "ana@example.com")]
    pub email: String,
    /// Name to show.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
    /// Last request in this organization, to a few minutes; null before the first.
    pub last_seen_at: Option<Timestamp>,
}

/// An open invitation. Its link is shown only when it is made.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct InvitationView {
    /// Which.
    pub id: InvitationId,
    /// Who is invited.
    #[schema(example = "ben@example.com")]
    pub email: String,
    /// As what.
    pub role: Role,
    /// Who invited.
    pub invited_by: UserId,
    /// When the link was made.
    pub created_at: Timestamp,
    /// When the link stops working.
    pub expires_at: Timestamp,
    /// Whether it has.
    pub is_expired: bool,
}

/// A new invitation with its link.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// The invitation.
    pub invitation: InvitationView,
    /// The whole link, to be handed to the invited person. Whoever holds it can join.
    pub link: Secret,
}

/// What a link is for, as told to its holder.
#[derive(Clone, Debug)]
pub struct InvitationOffer {
    /// The organization.
    pub org_name: String,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Whether the address has an account already: then its password is asked for instead of a new one.
    pub has_account: bool,
}

/// One deed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Which.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// `member`, `api_key`, `operator` or `system`.
    pub actor_kind: String,
    /// The user or API key; null for the system.
    pub actor_id: Option<Uuid>,
    /// The member's or key's name; null for the system and for people who left.
    pub actor_name: Option<String>,
    /// Dotted verb.
    #[schema(example = "member.role_changed")]
    pub action: String,
    /// What it was done to.
    pub subject: Option<String>,
    /// Small facts.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// A new organization with its owner.
#[derive(Debug)]
pub struct NewOrganization {
    /// Its name.
    pub name: String,
    /// IANA zone of its clock, for example `Europe/London`.
    pub zone: String,
    /// The owner's address. Somebody who has an account already becomes owner here too.
    pub owner_email: String,
    /// The owner's name. Not used for somebody who has an account already.
    pub owner_name: String,
    /// The owner's password: a new one, or that of the existing account.
    pub owner_password: Secret,
    /// Whether the very first person of an installation becomes its operator.
    pub first_user_is_operator: bool,
    /// Made by `serve --demo`.
    pub is_demo: bool,
}

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CreatedOrganization {
    /// The organization.
    pub org_id: OrgId,
    /// Its owner.
    pub user_id: UserId,
}

/// Why a change to a member is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleRefusal {
    /// The acting member ranks below the role that is given, changed or taken.
    #[error("only an owner may do this to an owner")]
    OutranksYou,
    /// The organization would be left without an owner.
    #[error("the last owner of an organization stays its owner")]
    LastOwner,
}

/// Whether a member with the role `actor` may turn the role `from` into `to`; `None` takes the membership away.
pub(crate) fn may_change(actor: Role, from: Role, to: Option<Role>, owners: usize) -> Result<(), RoleRefusal> {
    if from > actor || to.is_some_and(|to| to > actor) {
        return Err(RoleRefusal::OutranksYou);
    }
    if from == Role::Owner && to != Some(Role::Owner) && owners <= 1 {
        return Err(RoleRefusal::LastOwner);
    }
    Ok(())
}

/// Whether a time zone is one that we know. jiff also takes `Etc/Unknown`, which has no clock.
pub(crate) fn is_known_zone(zone: &str) -> bool {
    jiff::tz::TimeZone::get(zone).is_ok_and(|zone| !zone.is_unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_or_takes_more_than_they_have() {
        for actor in Role::ALL {
            for from in Role::ALL {
                for to in Role::ALL {
                    let allowed = may_change(actor, from, Some(to), 2).is_ok();
                    assert_eq!(allowed, from <= actor && to <= actor, "{actor}: {from} to {to}");
                }
                assert_eq!(may_change(actor, from, None, 2).is_ok(), from <= actor, "{actor} removes {from}");
            }
        }
    }

    #[test]
    fn the_last_owner_stays() {
        assert_eq!(may_change(Role::Owner, Role::Owner, Some(Role::Admin), 1), Err(RoleRefusal::LastOwner));
        assert_eq!(may_change(Role::Owner, Role::Owner, None, 1), Err(RoleRefusal::LastOwner));
        assert_eq!(may_change(Role::Owner, Role::Owner, Some(Role::Owner), 1), Ok(()));
        assert_eq!(may_change(Role::Owner, Role::Owner, None, 2), Ok(()));
    }

    #[test]
    fn zones_are_names_from_the_zone_database() {
        assert!(is_known_zone("Europe/London") && is_known_zone("UTC"));
        assert!(!is_known_zone("Etc/Unknown") && !is_known_zone("") && !is_known_zone("Mars/Olympus"));
    }
}

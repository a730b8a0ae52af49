//! The invitation as a mail.

use mail::Draft;
use mail::layout::Letter;
use platform::secret::Secret;

use super::model::INVITATION_LIVES;
use crate::accounts::mails::Addressee;

/// An invitation with its link.
pub(crate) fn invitation(to: &Addressee<'_>, organization: &str, link: &Secret) -> Draft {
    let named = |key| to.locale.text_with(key, &[("organization", organization.into())]);
    let days = INVITATION_LIVES.as_hours() / 24;
    let letter = Letter::new(to.locale, to.sender, named("mail-invitation-heading"))
        .paragraph(named("mail-invitation-body"))
        .button(to.locale.text("mail-invitation-button"), link.expose())
        .note(to.locale.text_with("mail-invitation-note", &[("days", days.into())]));
    to.draft("member.invited", named("mail-invitation-subject"), &letter)
}

//! What people are told about their accounts by mail.

use mail::layout::Letter;
use mail::{Draft, Mailbox, Priority};
use platform::i18n::Locale;
use platform::secret::Secret;

/// Whom a mail about an account goes to.
pub(crate) struct Addressee<'a> {
    /// The person's address.
    pub(crate) email: &'a str,
    /// The person's name; empty when it is not known.
    pub(crate) name: &'a str,
    /// The language it is written in.
    pub(crate) locale: Locale,
    /// Who writes.
    pub(crate) sender: &'a str,
}

impl Addressee<'_> {
    pub(crate) fn draft(&self, template: &'static str, subject: String, letter: &Letter) -> Draft {
        let written = letter.write();
        Draft {
            template,
            priority: Priority::Security,
            to: Mailbox { name: self.name.to_owned(), address: self.email.to_owned() },
            cc: Vec::new(),
            reply_to: None,
            locale: self.locale,
            subject,
            text: written.text,
            html: written.html,
            calendar: None,
            once: None,
            about: None,
        }
    }

    fn greeting(&self) -> String {
        self.locale.text_with("mail-greeting", &[("name", self.name.into())])
    }
}

/// That the password was changed: who did not do it must hear of it.
pub(crate) fn password_changed(to: &Addressee<'_>, origin: &str) -> Draft {
    let say = |key| to.locale.text(key);
    let letter = Letter::new(to.locale, to.sender, say("mail-password-changed-heading"))
        .paragraph(to.greeting())
        .paragraph(say("mail-password-changed-body"))
        .button(say("mail-password-changed-button"), format!("{origin}/forgot"))
        .note(say("mail-password-changed-note"));
    to.draft("account.password_changed", say("mail-password-changed-subject"), &letter)
}

/// The link to set a new password.
pub(crate) fn password_reset(to: &Addressee<'_>, link: &Secret) -> Draft {
    let say = |key| to.locale.text(key);
    let letter = Letter::new(to.locale, to.sender, say("mail-reset-heading"))
        .paragraph(to.greeting())
        .paragraph(say("mail-reset-body"))
        .button(say("mail-reset-button"), link.expose())
        .note(say("mail-reset-note"));
    to.draft("account.password_reset", say("mail-reset-subject"), &letter)
}

//! The mails of this crate with invented people, for the operator's previews.

use mail::Sample;
use platform::i18n::Locale;
use platform::secret::Secret;

use crate::accounts::mails::{self, Addressee};
use crate::organizations::mails::invitation;

/// Every mail about accounts. `origin` is where this installation is found, `sender` who writes.
pub fn samples(origin: &str, sender: &str) -> Vec<Sample> {
    let parts = || (origin.to_owned(), sender.to_owned());
    let link = |origin: &str, page: &str| Secret::new(format!("{origin}/{page}/example-of-a-link"));
    let invited = {
        let (origin, sender) = parts();
        Sample::new("member.invited", "To somebody who is invited to an organization.", move |locale| {
            invitation(&addressee(locale, &sender), "Harbour Dental", &link(&origin, "invite"))
        })
    };
    let reset = {
        let (origin, sender) = parts();
        Sample::new("account.password_reset", "To somebody who forgot the password.", move |locale| {
            mails::password_reset(&addressee(locale, &sender), &link(&origin, "reset"))
        })
    };
    let changed = {
        let (origin, sender) = parts();
        Sample::new("account.password_changed", "To somebody whose password was changed.", move |locale| {
            mails::password_changed(&addressee(locale, &sender), &origin)
        })
    };
    vec![invited, reset, changed]
}

fn addressee(locale: Locale, sender: &str) -> Addressee<'_> {
    Addressee { email: "nadia@example.com", name: "Nadia Example", locale, sender }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_written_in_each_language_under_its_own_name() {
        for sample in samples("https://voice.example.com", "Harbour Dental") {
            for locale in Locale::ALL {
                let draft = sample.draft(locale);
                assert_eq!(draft.template, sample.template);
                assert!(draft.html.contains("Nadia Example") || sample.template == "member.invited");
            }
        }
    }
}

//! What the operator is told by mail.

use jiff::{SignedDuration, Timestamp};
use mail::layout::Letter;
use mail::{Draft, Mailbox, Priority, Sample};
use platform::config::Origin;
use platform::i18n::Locale;
use uuid::Uuid;

use super::model::{AlertId, Level, News, NoticeId};
use super::webhook::Told;
use crate::signs::model::Sign;

/// The mail of a notice. Operators read English: their pages do.
pub(super) fn letter(told: &Told<'_>, notice: NoticeId, to: Mailbox, sender: &str) -> Draft {
    let title = told.sign.title();
    let heading = match (told.news, told.level) {
        (News::Resolved, _) => format!("{title}: over"),
        (News::Again, _) => format!("{title}: still a problem"),
        (_, Level::Critical) => format!("{title}: critical"),
        (_, Level::Warning) => format!("{title}: needs a look"),
        (_, Level::Unknown) => format!("{title}: cannot be read"),
    };
    let letter = Letter::new(Locale::En, sender, &heading).paragraph(told.words);
    let letter = if told.news == News::Resolved {
        letter.paragraph("Nothing needs to be done. The page keeps what happened.")
    } else {
        letter.paragraph(told.sign.advice())
    };
    let written = letter
        .button("See alerts", told.page())
        .facts([("Installation", told.origin.as_str()), ("Since", &told.opened_at.to_string())])
        .note(
            "You get this because VOXANNE_ALERT_TO names you. An alert is told once, again after one hour, six hours and then \
             every day, and when it is over. Acknowledging it on the page stops the repeats.",
        )
        .write();
    let once = format!("alert:{}:{:x}", notice.uuid().simple(), digest(&to.address));
    Draft {
        template: template(told.news),
        // It has to arrive when the rest of the day's budget is spent: that may be what it tells of.
        priority: Priority::Security,
        to,
        cc: Vec::new(),
        reply_to: None,
        locale: Locale::En,
        subject: format!("[Voxanne] {heading}"),
        text: written.text,
        html: written.html,
        calendar: None,
        once: Some(once),
        about: Some(("alert", told.alert.uuid())),
    }
}

const fn template(news: News) -> &'static str {
    match news {
        News::Opened => "alert.opened",
        News::Worse => "alert.worse",
        News::Again => "alert.again",
        News::Resolved => "alert.resolved",
    }
}

/// Every mail about alerts with invented findings, for the operator's previews.
pub fn samples(origin: &Origin, sender: &str, now: Timestamp) -> Vec<Sample> {
    let sample = |news: News, what: &'static str| {
        let (origin, sender) = (origin.clone(), sender.to_owned());
        Sample::new(template(news), what, move |_| {
            let told = Told {
                news,
                at: now,
                alert: AlertId::new(),
                sign: Sign::Quarantine,
                level: if news == News::Worse { Level::Critical } else { Level::Warning },
                words: if news == News::Resolved {
                    "Every event found its organization."
                } else {
                    "3 events belong to no organization."
                },
                opened_at: now.saturating_sub(SignedDuration::from_hours(2)).unwrap_or(now),
                origin: &origin,
            };
            let to = Mailbox { name: "Nadia Example".to_owned(), address: "nadia@example.com".to_owned() };
            letter(&told, NoticeId::new(), to, &sender)
        })
    };
    vec![
        sample(News::Opened, "To the operator, when a vital sign is bad."),
        sample(News::Worse, "To the operator, when an alert gets worse."),
        sample(News::Again, "To the operator, while an alert stays open."),
        sample(News::Resolved, "To the operator, when an alert is over."),
    ]
}

/// Tells recipients of one notice apart without naming them.
fn digest(address: &str) -> u128 {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(address);
    Uuid::from_slice(&digest[..16]).unwrap_or_default().as_u128()
}

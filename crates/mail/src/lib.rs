//! Every mail the installation sends: outbox, relay, budget, tracking.
//!
//! A mail is a row that is written in the transaction of what it tells about, so neither exists without the other. A
//! worker hands it to the SMTP relay, within the day's budget, by priority. What became of it is told in honest states:
//! a relay that took a mail has accepted it, and only the relay's own events say that it was delivered.
//!
//! - [`draft`]: a mail as its author hands it over; [`layout`]: the frame and the plain-text twin that all mails share.
//! - [`outbox`]: the mails, their attempts, the budget, the worker.
//! - [`doctor`]: one mail under the eyes of the operator.
//! - [`relay`]: the SMTP dialogue, and the message as it goes over the wire.
//! - [`tracking`]: what the relay's provider tells afterwards.
//! - [`preview`]: every text with invented people. - [`overview`]: what the operator sees of it all.

pub mod doctor;
pub mod draft;
pub mod layout;
pub mod outbox;
pub mod overview;
pub mod preview;
pub mod relay;
pub mod tracking;

use platform::config::MailConfig;

pub use draft::{Calendar, CalendarMethod, Draft, Mailbox, Priority};
pub use outbox::actions::{Outbox, Services};
pub use outbox::jobs::{Turn, Worker};
pub use outbox::model::{Health, MailError, RelayHealth, State};
pub use preview::Sample;

/// What is no mistake in the settings of mail and yet not what somebody may expect, one sentence each. To be shown at
/// start and by `check-config`. Quotes no values but numbers.
pub fn warnings(config: &MailConfig) -> Vec<String> {
    let recipients = u32::try_from(config.sales_to.len() + config.sales_cc.len()).unwrap_or(u32::MAX);
    let allowed = outbox::budget::allowance(Priority::Sales, config.daily_limit);
    if recipients <= allowed {
        return Vec::new();
    }
    vec![format!(
        "nobody will be told of bookings by mail: VOXANNE_MAIL_SALES_TO and VOXANNE_MAIL_SALES_CC name {recipients} \
         recipients, and sales mails may use {allowed} a day of VOXANNE_MAIL_DAILY_LIMIT={}",
        config.daily_limit
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_sales_recipients_than_their_share_of_the_day_are_warned_of() {
        let config = |limit: &str, to: &str, cc: &str| {
            let given =
                [("VOXANNE_MAIL_DAILY_LIMIT", limit), ("VOXANNE_MAIL_SALES_TO", to), ("VOXANNE_MAIL_SALES_CC", cc)];
            let env = given.into_iter().filter(|(_, value)| !value.is_empty());
            let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            platform::config::Config::from_env(&env).unwrap().mail
        };
        let (two, two_more) = ("a@example.com,b@example.com", "c@example.com,d@example.com");
        assert!(warnings(&config("100", two, two_more)).is_empty());
        // Three quarters of five are three.
        assert!(warnings(&config("5", two, "c@example.com")).is_empty());
        let told = warnings(&config("5", two, two_more));
        assert!(told.len() == 1 && told[0].contains("name 4 recipients") && told[0].contains("may use 3"), "{told:?}");
        assert!(!told[0].contains('@'));
        assert!(warnings(&config("1", "", "")).is_empty());
    }
}

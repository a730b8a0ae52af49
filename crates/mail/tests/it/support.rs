//! What the tests share.

use std::collections::BTreeMap;

use mail::{Draft, Mailbox, Outbox, Priority, Services};
use platform::config::{Config, MailConfig};
use platform::i18n::Locale;
use test_support::TestDb;

/// Mail settings as from these variables.
pub fn settings(variables: &[(&str, &str)]) -> MailConfig {
    let env: BTreeMap<String, String> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Config::from_env(&env).unwrap().mail
}

/// An outbox on a test's database.
pub fn outbox(db: &TestDb, config: MailConfig) -> Outbox {
    Outbox::new(Services { tenancy: db.tenancy(), clock: db.clock(), master_key: db.master_key(), config })
}

/// A mail to somebody at example.com.
pub fn draft(priority: Priority, to: &str) -> Draft {
    Draft {
        template: "test.mail",
        priority,
        to: Mailbox { name: "Ana Lima".to_owned(), address: format!("{to}@example.com") },
        cc: vec![],
        reply_to: None,
        locale: Locale::En,
        subject: "An appointment".to_owned(),
        text: "Tuesday at nine.".to_owned(),
        html: "<!doctype html><p>Tuesday at nine.</p>".to_owned(),
        calendar: None,
        once: None,
        about: None,
    }
}

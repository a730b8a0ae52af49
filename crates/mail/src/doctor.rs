//! A mail handed to the relay under the eyes of the operator: every line of the dialogue, and in words what is wrong.

use std::fmt::Write as _;

use platform::email::is_address;
use platform::i18n::Locale;
use uuid::Uuid;

use crate::draft::{Mailbox, Priority};
use crate::layout::Letter;
use crate::outbox::actions::Outbox;
use crate::outbox::budget::{self, Verdict};
use crate::outbox::model::{MailError, Words};
use crate::outbox::store;
use crate::relay::message::{self, Parts};
use crate::relay::{Envelope, Fault, Outcome, Patience, Relay, Transcript};

/// Sends one mail to `to` and tells `line` everything, with secrets masked. True when the relay took it.
///
/// It counts against the daily budget like any other mail, and is not sent when nothing is left of it.
pub async fn diagnose(outbox: &Outbox, to: &str, patience: Patience, line: Transcript) -> Result<bool, MailError> {
    let config = outbox.config();
    let (Some(settings), Some(from)) = (&config.relay, &config.from) else {
        line("No relay is configured: mails are kept and none is sent. Set VOXANNE_SMTP_URL and VOXANNE_MAIL_FROM.");
        return Ok(false);
    };
    if !is_address(to) {
        line("--to must be one e-mail address like name@example.com.");
        return Ok(false);
    }
    let relay = match Relay::new(settings.clone(), from.domain(), patience) {
        Ok(relay) => relay,
        Err(error) => {
            line(&error.to_string());
            return Ok(false);
        }
    };
    let mut connection = match relay.connector().open(Some(line.clone())).await {
        Ok(connection) => connection,
        Err(fault) => {
            tell(&line, &fault);
            return Ok(false);
        }
    };
    let spending = Uuid::now_v7();
    if !reserve(outbox, relay.name(), spending).await? {
        line("");
        line("The relay answers. No mail was sent, as nothing is left of VOXANNE_MAIL_DAILY_LIMIT; try again later.");
        connection.quit().await;
        return Ok(false);
    }
    let envelope = Envelope { from: from.address.clone(), to: to.to_owned(), cc: Vec::new() };
    let outcome = match test_message(outbox, to) {
        Ok(message) => connection.send(&envelope, &message, std::future::ready(true)).await,
        Err(error) => {
            line(&error.to_string());
            Outcome::Lost
        }
    };
    let counts = matches!(outcome, Outcome::Accepted { .. } | Outcome::Unknown(_));
    if !counts {
        let mut tx = outbox.tenancy().system("a diagnosis gives back what it did not spend").await?;
        store::correct_spending(&mut tx, spending, 0).await?;
        tx.commit().await?;
    }
    if !connection.is_broken() {
        connection.quit().await;
    }
    line("");
    match &outcome {
        Outcome::Accepted { reply, .. } => {
            let mut words = "The relay accepted the mail, which says nothing yet of the mailbox.".to_owned();
            if let Some(id) = reply.queue_id() {
                let _ = write!(words, " It is called {id} there.");
            }
            line(&words);
        }
        Outcome::Deferred(reply) => {
            line(&format!(
                "The relay does not take it now ({} {}). The worker would try again later.",
                reply.code, reply.words
            ));
        }
        Outcome::Refused(reply) => {
            line(&format!("The relay refuses this mail for good: {} {}", reply.code, reply.words));
        }
        Outcome::RelayDown(fault) => tell(&line, fault),
        Outcome::Unknown(words) => line(&format!("Whether the relay has the mail is not known: {words}.")),
        Outcome::Lost => {}
    }
    if counts {
        line(&format!("It counts against VOXANNE_MAIL_DAILY_LIMIT ({} recipients in 24 hours).", config.daily_limit));
    }
    Ok(matches!(outcome, Outcome::Accepted { .. }))
}

/// Takes one recipient out of the budget, under the lock that workers take.
async fn reserve(outbox: &Outbox, relay: &str, spending: Uuid) -> Result<bool, MailError> {
    let now = outbox.clock().now();
    let mut tx = outbox.tenancy().system("a diagnosis spends of the budget that all organizations share").await?;
    store::lock_relay(&mut tx, relay).await?;
    let used = store::spent(&mut tx, relay, now).await?;
    let fits = budget::verdict(Priority::Security, 1, used, outbox.config().daily_limit) == Verdict::Fits;
    if fits {
        store::spend(&mut tx, spending, relay, 1, now).await?;
    }
    tx.commit().await?;
    Ok(fits)
}

fn test_message(outbox: &Outbox, to: &str) -> Result<Vec<u8>, message::MessageError> {
    let letter = Letter::new(Locale::En, outbox.sender_name(), "Mail works")
        .paragraph("This mail was sent by hand, with: voxanne doctor mail. There is nothing to do.")
        .write();
    let nobody = platform::email::NamedAddress { name: String::new(), address: "nobody@voxanne.invalid".to_owned() };
    let from = outbox.config().from.as_ref().unwrap_or(&nobody);
    message::write(&Parts {
        from,
        to: &Mailbox { name: String::new(), address: to.to_owned() },
        cc: &[],
        reply_to: None,
        subject: "Mail works",
        message_id: &format!("{}@{}", Uuid::now_v7().simple(), from.domain()),
        date: outbox.clock().now(),
        priority: Priority::Security,
        words: &Words { text: letter.text, html: letter.html, calendar: None },
        // The relay's provider has nothing to tell about a mail that no outbox holds.
        tracking: Vec::new(),
    })
}

fn tell(line: &Transcript, fault: &Fault) {
    line("");
    line(&format!("{fault}."));
    line(fault.kind.advice());
}

//! The operator's pages of e-mail and limits, on a database with mails in it.

use http::StatusCode;
use http::header::CONTENT_SECURITY_POLICY;
use jiff::SignedDuration;
use mail::Priority;
use platform::i18n::Locale;
use platform::ids::{MailId, OrgId};
use serde_json::json;

use crate::desk::{Desk, Practice, call_message, draft};

const MAIL: &str = "/app/operator/mail";
const SUPPRESSIONS: &str = "/app/operator/mail/suppressions";
const RELAY: [(&str, &str); 2] =
    [("VOXANNE_SMTP_URL", "smtp://127.0.0.1:1"), ("VOXANNE_MAIL_FROM", "Harbour Dental <desk@example.com>")];

async fn enqueue(desk: &Desk, org: OrgId, priority: Priority) -> MailId {
    let mut tx = desk.db.tenancy().tenant(org).await.unwrap();
    let id = desk.outbox.enqueue(&mut tx, draft(priority, Locale::En)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn set_state(desk: &Desk, id: MailId, state: &str) {
    let sql = "update mails set state = $2, ended_at = $3 where mail_id = $1";
    let ended = (!matches!(state, "queued" | "deferred")).then(|| desk.clock.now().to_string());
    let sql = sql.replace("$3", "$3::timestamptz");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(id)
        .bind(state)
        .bind(ended)
        .execute(&mut desk.db.admin().await)
        .await
        .unwrap();
}

async fn audited(desk: &Desk, org: OrgId) -> Vec<String> {
    sqlx::query_scalar("select action from audit_log where org_id = $1 and action like 'mail.%' order by id")
        .bind(org)
        .fetch_all(&mut desk.db.admin().await)
        .await
        .unwrap()
}

async fn operator(desk: &Desk) -> Practice {
    desk.practice("Bright Dental", "amara@bright-dental.example").await
}

#[tokio::test]
async fn without_a_relay_every_mail_can_be_read_and_none_is_called_sent() {
    let desk = Desk::new().await;
    let practice = operator(&desk).await;
    let id = enqueue(&desk, practice.org, Priority::Security).await;
    let mut browser = desk.signed_in(&practice.owner).await;
    let list = browser.get(MAIL).await.body;
    assert!(list.contains("No relay is configured") && list.contains("Waiting"), "{list}");
    assert!(list.contains("Hello &lt;b&gt;en&lt;/b&gt;") && !list.contains("<b>en</b>"), "words are text");

    let one = browser.get(&format!("{MAIL}/{id}")).await;
    assert!(one.body.contains("Plain &lt;words&gt;.") && one.body.contains("sandbox=\"\""), "{}", one.body);
    assert!(one.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-src 'self'"));
    let html = browser.get(&format!("{MAIL}/{id}/html")).await;
    assert!(html.body.contains("<p>Rich words.</p>"));
    let policy = html.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("sandbox;") && !policy.contains("script"),
        "{policy}"
    );
    assert_eq!(html.headers["x-frame-options"], "SAMEORIGIN");
}

#[tokio::test]
async fn with_a_relay_a_sign_in_mail_is_for_its_recipient_only() {
    let desk = Desk::with_mail(&RELAY).await;
    let practice = operator(&desk).await;
    let secret = enqueue(&desk, practice.org, Priority::Security).await;
    let open = enqueue(&desk, practice.org, Priority::Prospect).await;
    let mut browser = desk.signed_in(&practice.owner).await;
    let hidden = browser.get(&format!("{MAIL}/{secret}")).await.body;
    assert!(hidden.contains("Its words are for the recipient only") && !hidden.contains("Plain &lt;words&gt;."));
    assert_eq!(browser.get(&format!("{MAIL}/{secret}/html")).await.status, StatusCode::NOT_FOUND);
    assert!(browser.get(&format!("{MAIL}/{open}")).await.body.contains("Plain &lt;words&gt;."));
    assert!(browser.get(MAIL).await.body.contains("does not tell what becomes of mails"));
}

#[tokio::test]
async fn mails_are_found_by_address_state_and_text_and_read_page_by_page() {
    let desk = Desk::new().await;
    let practice = operator(&desk).await;
    for n in 0..30 {
        let id = enqueue(&desk, practice.org, Priority::Prospect).await;
        if n == 7 {
            set_state(&desk, id, "bounced").await;
        }
        desk.clock.advance(SignedDuration::from_secs(1));
    }
    let mut browser = desk.signed_in(&practice.owner).await;
    let rows = |body: &str| body.matches("id=\"mail-").count();
    let first = browser.get(&format!("{MAIL}?to=NADIA&template=test.hello")).await;
    assert_eq!(rows(&first.body), 25);
    let href = first.body.split("<a class=\"btn\" href=\"").find(|part| part.contains("Older")).unwrap();
    let href = href.split('"').next().unwrap().replace("&amp;", "&");
    assert!(href.contains("to=NADIA") && href.contains("template=test.hello"), "{href}");
    assert_eq!(rows(&browser.get(&href).await.body), 5);
    let bounced = browser.get(&format!("{MAIL}?state=bounced")).await.body;
    assert!(rows(&bounced) == 1 && bounced.contains("Bounced"));
    assert!(browser.get(&format!("{MAIL}?to=tom")).await.body.contains("No mail matches"));
    for nonsense in [
        "?state=lost",
        "?to=%00",
        "?template=%00",
        "?cursor=x",
        "/x",
        "/%00",
        "/suppressions?after=%00",
        "/previews?language=xx",
    ] {
        let answer = browser.get(&format!("{MAIL}{nonsense}")).await;
        assert!(!answer.status.is_server_error(), "{nonsense}: {}", answer.status);
        assert!(answer.body.starts_with("<!DOCTYPE html>"), "{nonsense}");
    }
}

#[tokio::test]
async fn a_mail_is_sent_again_once_it_has_left_the_queue_and_held_back_before() {
    let desk = Desk::new().await;
    let practice = operator(&desk).await;
    let id = enqueue(&desk, practice.org, Priority::Prospect).await;
    let mut browser = desk.signed_in(&practice.owner).await;
    let page = format!("{MAIL}/{id}");
    let shown = browser.get(&page).await.body;
    assert!(shown.contains("Do not send") && !shown.contains("Send again"));
    let field = [("mail_id", id.to_string())];
    let field = [(field[0].0, field[0].1.as_str())];
    // The page offers no such form; a form made by hand is refused too.
    let token = browser.get(&page).await.between("name=\"_csrf\" value=\"", "\"").to_owned();
    let by_hand = [("_csrf", token.as_str()), field[0]];
    let early = browser.post("/app/operator/mail/resend", &by_hand).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.body.contains("This mail is still waiting to be sent."), "{}", early.body);

    let cancelled = browser.submit(&page, "/app/operator/mail/cancel", &field).await;
    assert_eq!(cancelled.location(), format!("{page}?done=cancelled"));
    let after = browser.get(cancelled.location()).await.body;
    assert!(
        after.contains("It will not be sent")
            && after.contains("Taken out of the queue")
            && after.contains("Send again")
    );
    let again = browser.post("/app/operator/mail/cancel", &by_hand).await;
    assert_eq!(again.status, StatusCode::CONFLICT);

    let resent = browser.submit(&page, "/app/operator/mail/resend", &field).await;
    assert_eq!(resent.status, StatusCode::SEE_OTHER, "{}", resent.body);
    let copy = browser.get(resent.location()).await.body;
    assert!(copy.contains("A new mail with the same words") && copy.contains("The mail that this one repeats"));
    assert_eq!(audited(&desk, practice.org).await, ["mail.cancelled", "mail.resent"]);
    let unknown = [("_csrf", token.as_str()), ("mail_id", "0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009")];
    for action in ["resend", "cancel"] {
        let answer = browser.post(&format!("/app/operator/mail/{action}"), &unknown).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{action}");
    }
}

#[tokio::test]
async fn what_the_provider_told_stands_in_the_timeline_with_its_words() {
    let desk = Desk::with_mail(&RELAY).await;
    let practice = operator(&desk).await;
    let id = enqueue(&desk, practice.org, Priority::Prospect).await;
    set_state(&desk, id, "accepted").await;
    let events = json!([
        {"email": "nadia@example.com", "timestamp": 1_795_530_000, "event": "deferred", "response": "451 later", "sg_event_id": "1", "voxanne_mail": id.to_string()},
        {"email": "nadia@example.com", "timestamp": 1_795_530_060, "event": "bounce", "type": "bounce", "reason": "550 5.1.1 <No> such account", "sg_event_id": "2", "voxanne_mail": id.to_string()},
    ]);
    let batch = providers::sendgrid::receive(events.to_string().as_bytes()).unwrap();
    mail::tracking::actions::take_in(&desk.db.tenancy(), "sendgrid", &batch, desk.clock.now()).await.unwrap();
    let mut browser = desk.signed_in(&practice.owner).await;
    let page = browser.get(&format!("{MAIL}/{id}")).await.body;
    for part in ["Bounced", "451 later", "550 5.1.1 &lt;No&gt; such account", "The mailbox does not take mail."] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let list = browser.get(SUPPRESSIONS).await.body;
    assert!(list.contains("The mailbox does not exist") && list.contains(&id.to_string()), "{list}");
}

#[tokio::test]
async fn an_address_is_suppressed_and_freed_by_hand_with_an_audit_row() {
    let desk = Desk::new().await;
    let practice = operator(&desk).await;
    let mut browser = desk.signed_in(&practice.owner).await;
    assert!(browser.get(SUPPRESSIONS).await.body.contains("Everybody is written to"));
    let wrong =
        browser.submit(SUPPRESSIONS, "/app/operator/mail/suppress", &[("address", "nobody, all@example.org")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.body.contains("Must be one e-mail address") && wrong.body.contains("value=\"nobody, all@example.org\"")
    );
    let done = browser.submit(SUPPRESSIONS, "/app/operator/mail/suppress", &[("address", " Tom@Example.org ")]).await;
    assert_eq!(done.location(), format!("{SUPPRESSIONS}?done=suppressed"), "{}", done.body);
    let list = browser.get(&format!("{SUPPRESSIONS}?q=TOM")).await.body;
    assert!(list.contains("value=\"tom@example.org\"") && list.contains("Added by hand"), "{list}");
    assert!(browser.get(&format!("{SUPPRESSIONS}?q=ana")).await.body.contains("No such address"));
    let freed = browser.submit(SUPPRESSIONS, "/app/operator/mail/unsuppress", &[("address", "tom@example.org")]).await;
    assert_eq!(freed.location(), format!("{SUPPRESSIONS}?done=unsuppressed"));
    assert!(browser.get(SUPPRESSIONS).await.body.contains("Everybody is written to"));
    assert_eq!(audited(&desk, practice.org).await, ["mail.suppressed", "mail.unsuppressed"]);
    let details = "select string_agg(coalesce(subject, '') || detail::text, '') from audit_log";
    let details: String = sqlx::query_scalar(details).fetch_one(&mut desk.db.admin().await).await.unwrap();
    assert!(!details.contains("tom@"), "the audit list names nobody outside: {details}");
}

#[tokio::test]
async fn each_text_is_shown_in_each_language_without_being_sent() {
    let desk = Desk::new().await;
    let practice = operator(&desk).await;
    let mut browser = desk.signed_in(&practice.owner).await;
    let page = browser.get("/app/operator/mail/previews?template=test.hello&language=ar").await.body;
    assert!(page.contains("Hello &lt;b&gt;ar&lt;/b&gt;") && page.contains("العربية"));
    let html = browser.get("/app/operator/mail/previews/html?template=test.hello&language=ar").await;
    assert!(
        html.body.contains("Rich words.")
            && html.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox")
    );
    assert_eq!(
        browser.get("/app/operator/mail/previews/html?template=none&language=en").await.status,
        StatusCode::NOT_FOUND
    );
    let kept: i64 =
        sqlx::query_scalar("select count(*) from mails").fetch_one(&mut desk.db.admin().await).await.unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn limits_add_up_all_organizations_of_this_month() {
    let desk = Desk::new().await;
    let first = operator(&desk).await;
    let second = desk.practice("Harbour Physio", "jonas@harbour.example").await;
    for (practice, call) in [(&first, "call-1"), (&second, "call-2")] {
        let report = json!({
            "type": "end-of-call-report", "endedReason": "customer-ended-call", "cost": 1.5,
            "startedAt": desk.clock.now().to_string(),
            "endedAt": (desk.clock.now() + SignedDuration::from_mins(40)).to_string(),
        });
        let message = call_message(call, desk.clock.now(), report);
        desk.hear(Some(practice.connection), crate::desk::WEBHOOK_SECRET, &message).await;
    }
    let old = "update call_logs set at = '2026-10-31T23:59:00Z' where org_id = $1";
    let mut browser = desk.signed_in(&first.owner).await;
    let page = browser.get("/app/operator/limits").await.body;
    for part in [
        "0 recipients",
        "of 100",
        "<strong class=\"num\">80</strong>",
        "80 %, near the limit",
        "$3.00",
        "No limit set",
        "VOXANNE_LIMIT_DATABASE_BYTES",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    sqlx::query(old).bind(second.org).execute(&mut desk.db.admin().await).await.unwrap();
    let page = browser.get("/app/operator/limits").await.body;
    assert!(page.contains("<strong class=\"num\">40</strong>") && page.contains("$1.50"), "{page}");
}

//! What providers tell, over the route as they would, on the real database.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use mail::tracking::api::WebhookState;
use mail::tracking::ses::{Fetch, Unfetched};
use mail::tracking::{actions, api, jobs};
use mail::{Outbox, Priority};
use platform::clock::Clock;
use platform::config::MailEventsConfig;
use platform::http::{ClientAddr, Limiter};
use platform::ids::{MailId, OrgId};
use platform::secret::Secret;
use platform::tenancy::{Logins, Tenancy};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnectOptions;
use test_support::TestDb;
use tower::ServiceExt as _;

use crate::support::{draft, outbox, settings};

const SENDGRID: &str = "/api/webhooks/mail/sendgrid";
/// What stands before the point in every public key on P-256.
const SPKI_HEAD: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA";
const POSTMARK_SECRET: &str = "fixture-secret";

/// An installation that hears of its mails.
struct Post {
    db: TestDb,
    org: OrgId,
    outbox: Outbox,
    pair: EcdsaKeyPair,
    router: Router,
}

fn key_pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap()
}

fn public_key(pair: &EcdsaKeyPair) -> String {
    let mut der = STANDARD.decode(format!("{SPKI_HEAD}=")).unwrap();
    der.truncate(26);
    der.extend_from_slice(pair.public_key().as_ref());
    STANDARD.encode(der)
}

fn router_of(tenancy: Tenancy, clock: Clock, config: &MailEventsConfig) -> Router {
    let unverified = Limiter::new("unverified_webhooks", 3, Duration::from_mins(1));
    let state = WebhookState::new(tenancy, clock, unverified, config, unreachable_amazon()).unwrap();
    api::router(state).split().0
}

/// Amazon as it is for who does not ask it.
fn unreachable_amazon() -> Fetch {
    Arc::new(|_| Box::pin(async { Err(Unfetched("no network in this test".into())) }))
}

impl Post {
    async fn new() -> Self {
        let db = TestDb::new().await;
        let org = db.organization("Harbour Dental").await;
        let pair = key_pair();
        let config = MailEventsConfig {
            sendgrid_keys: vec![public_key(&pair)],
            postmark_secrets: vec![Secret::new(POSTMARK_SECRET)],
            ..MailEventsConfig::default()
        };
        let router = router_of(db.tenancy(), db.clock(), &config);
        Self { outbox: outbox(&db, settings(&[])), db, org, pair, router }
    }

    /// A mail that the relay took, or whatever else its state says.
    async fn mail(&self, to: &str, state: &str) -> MailId {
        let mut tx = self.db.tenancy().tenant(self.org).await.unwrap();
        let id = self.outbox.enqueue(&mut tx, draft(Priority::Prospect, to)).await.unwrap();
        tx.commit().await.unwrap();
        self.set_state(id, state).await;
        id
    }

    async fn set_state(&self, id: MailId, state: &str) {
        sqlx::query(
            "update mails set state = $2, lease_until = case when $2 = 'sending' then now() end,
                    attempt_id = case when $2 = 'sending' then mail_id end where mail_id = $1",
        )
        .bind(id)
        .bind(state)
        .execute(&mut self.db.admin().await)
        .await
        .unwrap();
    }

    async fn state(&self, id: MailId) -> String {
        self.one(&format!("select state from mails where mail_id = '{id}'")).await
    }

    async fn one(&self, sql: &str) -> String {
        let sql = format!("select coalesce(({sql})::text, 'nothing')");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.db.admin().await).await.unwrap()
    }

    async fn suppressed(&self) -> Vec<(String, String)> {
        sqlx::query_as("select address, reason from mail_suppressions order by address")
            .fetch_all(&mut self.db.admin().await)
            .await
            .unwrap()
    }

    /// Sends events as SendGrid does.
    async fn tell(&self, events: &Value) -> (StatusCode, Value) {
        self.tell_bytes(format!("{events}\r\n").into_bytes()).await
    }

    async fn tell_bytes(&self, body: Vec<u8>) -> (StatusCode, Value) {
        let sent = self.db.clock().now().as_second().to_string();
        let signature = self.pair.sign(&SystemRandom::new(), &[sent.as_bytes(), &body].concat()).unwrap();
        let request = Request::post(SENDGRID)
            .header("x-twilio-email-event-webhook-signature", STANDARD.encode(signature.as_ref()))
            .header("x-twilio-email-event-webhook-timestamp", sent);
        ask(&self.router, request, body).await
    }
}

async fn ask(router: &Router, request: axum::http::request::Builder, body: Vec<u8>) -> (StatusCode, Value) {
    let client = ClientAddr(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    let answer = router.clone().oneshot(request.extension(client).body(Body::from(body)).unwrap()).await.unwrap();
    let status = answer.status();
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// An event of a mail, as SendGrid tells it.
fn event(n: i64, kind: &str, mail: MailId, to: &str, rest: Value) -> Value {
    let mut event = json!({
        "email": format!("{to}@example.com"), "timestamp": 1_795_600_000 + n, "event": kind, "sg_event_id": format!("id-{n}-{kind}"),
        "sg_message_id": "14c5d75ce93.filter0001.0", "voxanne_mail": mail.to_string(),
    });
    let Value::Object(rest) = rest else { panic!("fields of an event") };
    event.as_object_mut().unwrap().extend(rest);
    event
}

fn bounce(n: i64, mail: MailId, to: &str) -> Value {
    let why = json!({"type": "bounce", "reason": "550 5.1.1 No such account", "status": "5.1.1"});
    event(n, "bounce", mail, to, why)
}

#[tokio::test]
async fn a_mail_is_told_delivered_and_opened_and_the_timeline_says_when() {
    let post = Post::new().await;
    let mail = post.mail("ana", "accepted").await;
    let (status, answer) = post
        .tell(&json!([
            event(3, "open", mail, "ana", json!({"sg_machine_open": true})),
            event(1, "delivered", mail, "ana", json!({"response": "250 2.0.0 OK"})),
            event(9, "open", mail, "ana", json!({"sg_machine_open": false})),
        ]))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer, json!({"stored": 3, "repeated": 0, "unmatched": 0, "faulty": 0}));
    assert_eq!(post.state(mail).await, "delivered");
    let told =
        "select extract(epoch from delivered_at)::bigint || ' ' || extract(epoch from opened_at)::bigint from mails";
    assert_eq!(post.one(told).await, "1795600001 1795600009");
    let timeline = "select string_agg(kind || coalesce(':' || words, ''), ', ' order by at) from mail_events";
    assert_eq!(post.one(timeline).await, "delivered:250 2.0.0 OK, opened_by_machine, opened");
}

#[tokio::test]
async fn the_same_events_in_any_order_and_twice_end_in_the_same_row() {
    let post = Post::new().await;
    let mut ends = Vec::new();
    for (round, order) in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]].into_iter().enumerate() {
        let mail = post.mail(&format!("ana{round}"), "unknown").await;
        let to = format!("ana{round}");
        let all = [
            event(1, "processed", mail, &to, json!({})),
            event(2, "deferred", mail, &to, json!({"response": "451 later"})),
            event(3, "delivered", mail, &to, json!({})),
            event(4, "click", mail, &to, json!({})),
        ];
        for place in order {
            let mut one = all[place].clone();
            one["sg_event_id"] = json!(format!("{round}-{place}"));
            assert_eq!(post.tell(&json!([one])).await.1["stored"], 1);
            assert_eq!(
                post.tell(&json!([one, one])).await.1,
                json!({"stored": 0, "repeated": 2, "unmatched": 0, "faulty": 0})
            );
        }
        let row = format!(
            "select (state, deferred_at, delivered_at, clicked_at, opened_at) from mails where mail_id = '{mail}'"
        );
        ends.push(post.one(&row).await);
    }
    assert!(ends[0].starts_with("(delivered,") && ends.iter().all(|end| *end == ends[0]), "{ends:?}");
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_is_written_to_no_more_and_a_block_is_no_such_thing() {
    let post = Post::new().await;
    let (ana, tom, mei) =
        (post.mail("ana", "accepted").await, post.mail("tom", "accepted").await, post.mail("mei", "accepted").await);
    let blocked = json!({"type": "blocked", "reason": "554 5.7.1 Refused", "status": "5.7.1"});
    let (_, answer) = post
        .tell(&json!([
            bounce(1, ana, "Ana"),
            event(2, "bounce", tom, "tom", blocked),
            event(3, "spamreport", mei, "mei", json!({}))
        ]))
        .await;
    assert_eq!(answer["stored"], 3);
    assert_eq!(
        [post.state(ana).await, post.state(tom).await, post.state(mei).await],
        ["bounced", "rejected", "complained"]
    );
    let expected = [("ana@example.com", "bounced"), ("mei@example.com", "complained")];
    assert_eq!(post.suppressed().await, expected.map(|(address, reason)| (address.to_owned(), reason.to_owned())));
    assert_eq!(
        post.one("select words from mail_suppressions where reason = 'bounced'").await,
        "550 5.1.1 No such account"
    );
}

#[tokio::test]
async fn a_reason_that_stops_more_replaces_one_that_stops_less_and_not_the_other_way() {
    let post = Post::new().await;
    let mail = post.mail("ana", "accepted").await;
    for (n, told, reason) in [
        (1, event(1, "unsubscribe", mail, "ana", json!({})), "unsubscribed"),
        (2, bounce(2, mail, "ana"), "bounced"),
        (3, event(3, "spamreport", mail, "ana", json!({})), "bounced"),
    ] {
        post.tell(&json!([told])).await;
        assert_eq!(post.suppressed().await, [("ana@example.com".to_owned(), reason.to_owned())], "{n}");
    }
}

#[tokio::test]
async fn an_event_sent_again_does_not_undo_what_the_operator_decided() {
    let post = Post::new().await;
    let mail = post.mail("ana", "accepted").await;
    post.tell(&json!([bounce(1, mail, "ana")])).await;
    sqlx::query("delete from mail_suppressions").execute(&mut post.db.admin().await).await.unwrap();
    assert_eq!(post.tell(&json!([bounce(1, mail, "ana")])).await.1["repeated"], 1);
    assert!(post.suppressed().await.is_empty());
    post.tell(&json!([bounce(2, mail, "ana")])).await;
    assert_eq!(post.suppressed().await.len(), 1, "another bounce is another fact");
}

#[tokio::test]
async fn a_copys_bounce_is_the_copys_and_the_mail_stays_delivered() {
    let post = Post::new().await;
    let mail = post.mail("ana", "accepted").await;
    post.tell(&json!([event(1, "delivered", mail, "ana", json!({})), bounce(2, mail, "sales")])).await;
    assert_eq!(post.state(mail).await, "delivered");
    assert_eq!(post.suppressed().await, [("sales@example.com".to_owned(), "bounced".to_owned())]);
    assert_eq!(post.one("select string_agg(kind, ' ' order by at) from mail_events").await, "delivered bounced");
}

#[tokio::test]
async fn a_relay_that_does_not_send_our_id_back_is_understood_by_the_message_id() {
    let post = Post::new().await;
    let mail = post.mail("ana", "accepted").await;
    let message_id = post.one("select message_id from mails").await;
    let mut told = event(1, "delivered", mail, "ana", json!({"smtp-id": format!("<{message_id}>")}));
    told.as_object_mut().unwrap().remove("voxanne_mail");
    assert_eq!(post.tell(&json!([told])).await.1["stored"], 1);
    assert_eq!(post.state(mail).await, "delivered");
}

#[tokio::test]
async fn events_of_no_mail_and_events_that_make_no_sense_are_kept_and_the_others_count() {
    let post = Post::new().await;
    let mail = post.mail("ana", "accepted").await;
    let stray = bounce(7, MailId::new(), "tom");
    let batch = json!([stray, 7, {"email": "x@example.com"}, event(1, "delivered", mail, "ana", json!({}))]);
    let (status, answer) = post.tell(&batch).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"stored": 1, "repeated": 0, "unmatched": 1, "faulty": 2})));
    let (status, answer) = post.tell(&batch).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"stored": 0, "repeated": 1, "unmatched": 0, "faulty": 0})));
    assert_eq!(actions::count_strays(&post.db.tenancy()).await.unwrap(), 3);
    let kept =
        "select string_agg(fault || ' ' || coalesce(kind, raw), ', ' order by fault, raw) from mail_events_unmatched";
    assert_eq!(post.one(kept).await, "event_missing {\"email\":\"x@example.com\"}, no_mail bounced, not_an_object 7");
    assert!(post.suppressed().await.is_empty(), "the address was not written to by us");
    assert_eq!(post.state(mail).await, "delivered");

    let later = Clock::frozen_at(post.db.clock().now() + SignedDuration::from_hours(91 * 24));
    jobs::forget_strays(&post.db.tenancy(), &later).await.unwrap();
    assert_eq!(actions::count_strays(&post.db.tenancy()).await.unwrap(), 0);
}

#[tokio::test]
async fn thousands_of_events_in_a_megabyte_are_one_transaction() {
    let post = Post::new().await;
    let mut mails = Vec::new();
    for n in 0..20 {
        mails.push(post.mail(&format!("ana{n}"), "accepted").await);
    }
    let events: Vec<Value> = (0..4_000_i64)
        .map(|n| {
            let which = usize::try_from(n).unwrap() % 20;
            event(n, "delivered", mails[which], &format!("ana{which}"), json!({}))
        })
        .collect();
    let body = json!(events).to_string().into_bytes();
    assert!((700_000..1 << 20).contains(&body.len()), "{}", body.len());
    assert_eq!(post.tell_bytes(body).await.1["stored"], 4_000);
    assert_eq!(post.one("select count(*) from mails where state = 'delivered'").await, "20");
}

#[tokio::test]
async fn a_megabyte_is_read_and_a_byte_more_is_refused() {
    let post = Post::new().await;
    let mut body = b"[]".to_vec();
    body.resize(1 << 20, b' ');
    assert_eq!(post.tell_bytes(body.clone()).await.0, StatusCode::OK);
    body.push(b' ');
    let (status, answer) = post.tell_bytes(body).await;
    assert_eq!((status, &answer["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")));
}

#[tokio::test]
async fn two_requests_about_the_same_mails_at_once_both_count() {
    let post = Post::new().await;
    let mut mails = Vec::new();
    for n in 0..10 {
        mails.push(post.mail(&format!("ana{n}"), "accepted").await);
    }
    let told = |offset: i64, kind: &str, reverse: bool| {
        let mut all: Vec<Value> = mails
            .iter()
            .enumerate()
            .map(|(n, mail)| {
                let at = offset + i64::try_from(n).unwrap();
                if kind == "bounce" {
                    bounce(at, *mail, &format!("ana{n}"))
                } else {
                    event(at, kind, *mail, &format!("ana{n}"), json!({}))
                }
            })
            .collect();
        if reverse {
            all.reverse();
        }
        json!(all)
    };
    for round in 0..5 {
        let (one, other) = (told(round * 100, "bounce", false), told(round * 100 + 50, "bounce", true));
        let (first, second) = tokio::join!(post.tell(&one), post.tell(&other));
        assert_eq!((first.0, second.0), (StatusCode::OK, StatusCode::OK), "{first:?} {second:?}");
    }
    assert_eq!(post.one("select count(*) from mail_events").await, "100");
    assert_eq!(post.suppressed().await.len(), 10);
}

#[tokio::test]
async fn what_is_told_while_the_mail_is_being_sent_counts_when_it_has_left() {
    let post = Post::new().await;
    let mail = post.mail("ana", "sending").await;
    post.tell(&json!([event(1, "delivered", mail, "ana", json!({})), bounce(2, mail, "copy")])).await;
    assert_eq!(post.state(mail).await, "sending");
    post.set_state(mail, "accepted").await;
    let mut tx = post.db.tenancy().system("a test").await.unwrap();
    actions::catch_up(&mut tx, post.org, mail).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(post.state(mail).await, "delivered");
}

#[tokio::test]
async fn who_cannot_prove_it_is_told_nothing_and_soon_to_wait() {
    let post = Post::new().await;
    let mail = post.mail("ana", "accepted").await;
    let body = json!([bounce(1, mail, "ana")]).to_string().into_bytes();
    for path in [SENDGRID, "/api/webhooks/mail/mailgun", "/api/webhooks/mail/nobody"] {
        let (status, answer) = ask(&post.router, Request::post(path), body.clone()).await;
        assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")), "{path}");
    }
    let (status, _) = ask(&post.router, Request::post(SENDGRID), body.clone()).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    for _ in 0..5 {
        assert_eq!(post.tell(&json!([])).await.0, StatusCode::OK, "who proves it is never counted");
    }
    assert_eq!(post.one("select count(*) from mail_events").await, "0");
    assert_eq!(post.state(mail).await, "accepted");
}

#[tokio::test]
async fn an_old_signature_and_a_changed_byte_are_refused() {
    let post = Post::new().await;
    let sent = post.db.clock().now().as_second().to_string();
    let signature = post.pair.sign(&SystemRandom::new(), &[sent.as_bytes(), b"[ ]"].concat()).unwrap();
    let request = |body: &'static [u8]| {
        let request = Request::post(SENDGRID)
            .header("x-twilio-email-event-webhook-signature", STANDARD.encode(signature.as_ref()))
            .header("x-twilio-email-event-webhook-timestamp", sent.clone());
        ask(&post.router, request, body.to_vec())
    };
    assert_eq!(request(b"[ ]").await.0, StatusCode::OK);
    assert_eq!(request(b"[]").await.0, StatusCode::UNAUTHORIZED, "the same JSON is not the same bytes");
    post.db.clock().advance(SignedDuration::from_secs(301));
    assert_eq!(request(b"[ ]").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_provider_without_a_key_in_the_configuration_is_refused() {
    let db = TestDb::new().await;
    let router = router_of(db.tenancy(), db.clock(), &MailEventsConfig::default());
    for provider in ["sendgrid", "postmark", "ses"] {
        let path = format!("/api/webhooks/mail/{provider}");
        let request = Request::post(path).header("authorization", format!("Basic {}", STANDARD.encode("voxanne:")));
        assert_eq!(ask(&router, request, b"[]".to_vec()).await.0, StatusCode::UNAUTHORIZED, "{provider}");
    }
}

#[tokio::test]
async fn postmark_tells_in_its_own_way() {
    let post = Post::new().await;
    let mail = post.mail("ana", "accepted").await;
    let event = json!({
        "RecordType": "Delivery", "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Recipient": "ana@example.com",
        "DeliveredAt": "2026-11-24T14:00:05Z", "Details": "250 OK", "Metadata": {"voxanne_mail": mail.to_string()},
    });
    let basic = format!("Basic {}", STANDARD.encode(format!("voxanne:{POSTMARK_SECRET}")));
    let request = || Request::post("/api/webhooks/mail/postmark").header("authorization", basic.clone());
    let (status, answer) = ask(&post.router, request(), event.to_string().into_bytes()).await;
    assert_eq!((status, &answer["stored"]), (StatusCode::OK, &json!(1)));
    assert_eq!(post.state(mail).await, "delivered");
    assert_eq!(post.one("select source from mail_events").await, "postmark");
    let (status, answer) = ask(&post.router, request(), b"[".to_vec()).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("body_not_json")));
    let encoded = request().header("content-encoding", "gzip");
    assert_eq!(ask(&post.router, encoded, b"{}".to_vec()).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn what_could_not_be_stored_is_asked_for_again() {
    let pair = key_pair();
    let nowhere = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(1);
    let tenancy = Tenancy::unconnected(Logins { app: nowhere.clone(), system: nowhere }, 1);
    let clock = Clock::frozen_at("2026-11-24T14:00:00Z".parse().unwrap());
    let config = MailEventsConfig { sendgrid_keys: vec![public_key(&pair)], ..MailEventsConfig::default() };
    let router = router_of(tenancy, clock.clone(), &config);
    let sent = clock.now().as_second().to_string();
    let signature = pair.sign(&SystemRandom::new(), &[sent.as_bytes(), b"[]"].concat()).unwrap();
    let request = Request::post(SENDGRID)
        .header("x-twilio-email-event-webhook-signature", STANDARD.encode(signature.as_ref()))
        .header("x-twilio-email-event-webhook-timestamp", sent);
    let (status, answer) = ask(&router, request, b"[]".to_vec()).await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
}

#[tokio::test]
async fn a_wrong_key_is_told_at_the_start() {
    let db = TestDb::new().await;
    let config = MailEventsConfig { sendgrid_keys: vec![STANDARD.encode([4; 91])], ..MailEventsConfig::default() };
    assert!(WebhookState::new(db.tenancy(), db.clock(), None, &config, unreachable_amazon()).is_err());
}

const SES: &str = "/api/webhooks/mail/ses";
const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:voxanne-mail";
const CERTIFICATE: &str = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem";

/// Amazon: signs with a key of its own making, and answers at its addresses.
struct Amazon {
    folder: std::path::PathBuf,
    /// Every address that was fetched.
    asked: Arc<Mutex<Vec<String>>>,
    /// Whether it is there.
    answers: Arc<AtomicBool>,
}

impl Amazon {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("voxanne-amazon-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let made = std::process::Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=sns.amazonaws.com", "-newkey", "rsa:2048"])
            .arg("-keyout")
            .arg(folder.join("key.pem"))
            .arg("-out")
            .arg(folder.join("certificate.pem"))
            .output()
            .unwrap();
        assert!(made.status.success());
        Self { folder, asked: Arc::default(), answers: Arc::new(AtomicBool::new(true)) }
    }

    fn fetch(&self) -> Fetch {
        let (asked, answers) = (Arc::clone(&self.asked), Arc::clone(&self.answers));
        let certificate = std::fs::read(self.folder.join("certificate.pem")).unwrap();
        Arc::new(move |url| {
            let answer = answers.load(Ordering::SeqCst).then(|| certificate.clone());
            asked.lock().unwrap().push(url);
            Box::pin(async { answer.ok_or_else(|| Unfetched("Amazon is away".into())) })
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn sign(&self, mut message: Value) -> Vec<u8> {
        let names: &[&str] = if message["Type"] == "Notification" {
            &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        } else {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        };
        let text: String =
            names.iter().filter_map(|name| Some(format!("{name}\n{}\n", message.get(*name)?.as_str()?))).collect();
        std::fs::write(self.folder.join("signed"), text).unwrap();
        let made = std::process::Command::new("openssl")
            .args(["dgst", "-sha256", "-sign"])
            .args([self.folder.join("key.pem"), self.folder.join("signed")])
            .output()
            .unwrap();
        assert!(made.status.success());
        message["SignatureVersion"] = json!("2");
        message["Signature"] = json!(STANDARD.encode(made.stdout));
        message.to_string().into_bytes()
    }

    fn event(&self, id: &str, event: &Value) -> Vec<u8> {
        self.sign(json!({
            "Type": "Notification", "MessageId": id, "TopicArn": TOPIC, "Message": event.to_string(),
            "Timestamp": "2026-11-25T10:00:00.000Z", "SigningCertURL": CERTIFICATE,
        }))
    }
}

impl Drop for Amazon {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// An installation that one topic may tell of mails.
async fn subscribed(amazon: &Amazon) -> Post {
    let post = Post::new().await;
    let config = MailEventsConfig { ses_topics: vec![TOPIC.to_owned()], ..MailEventsConfig::default() };
    let state = WebhookState::new(
        post.db.tenancy(),
        post.db.clock(),
        Limiter::new("unverified_webhooks", 3, Duration::from_mins(1)),
        &config,
        amazon.fetch(),
    );
    Post { router: api::router(state.unwrap()).split().0, ..post }
}

fn bounced_at_amazon(mail: MailId) -> Value {
    json!({
        "eventType": "Bounce",
        "mail": { "messageId": "0102-ses", "destination": ["ana@example.com"], "tags": { "voxanne_mail": [mail.to_string()] } },
        "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General", "timestamp": "2026-11-25T10:00:00Z", "feedbackId": "f-1",
            "bouncedRecipients": [{ "emailAddress": "ana@example.com", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 No such user" }],
        },
    })
}

#[tokio::test]
async fn amazon_tells_through_a_topic_once_and_its_certificate_is_fetched_once() {
    let amazon = Amazon::new();
    let post = subscribed(&amazon).await;
    let mail = post.mail("ana", "accepted").await;
    let event = bounced_at_amazon(mail);
    let told = amazon.event("m-1", &event);
    let (status, answer) = ask(&post.router, Request::post(SES), told.clone()).await;
    assert_eq!((status, &answer["stored"]), (StatusCode::OK, &json!(1)), "{answer}");
    assert_eq!(post.state(mail).await, "bounced");
    assert_eq!(post.suppressed().await, [("ana@example.com".to_owned(), "bounced".to_owned())]);
    // Delivered again, and told through another message.
    for body in [told, amazon.event("m-2", &event)] {
        assert_eq!(ask(&post.router, Request::post(SES), body).await.1["repeated"], 1);
    }
    assert_eq!(amazon.asked(), [CERTIFICATE]);
    post.db.clock().advance(SignedDuration::from_hours(25));
    ask(&post.router, Request::post(SES), amazon.event("m-3", &event)).await;
    assert_eq!(amazon.asked().len(), 2, "after a day it is looked at again");
}

#[tokio::test]
async fn a_topic_that_asks_is_told_yes_and_only_one_of_ours() {
    let amazon = Amazon::new();
    let post = subscribed(&amazon).await;
    let asks = |topic: &str| {
        amazon.sign(json!({
            "Type": "SubscriptionConfirmation", "MessageId": "c-1", "Token": "2336412f37fb", "TopicArn": topic,
            "Message": "You have chosen to subscribe.", "Timestamp": "2026-11-25T10:00:00.000Z",
            "SubscribeURL": "https://evil.example/", "SigningCertURL": CERTIFICATE,
        }))
    };
    assert_eq!(ask(&post.router, Request::post(SES), asks(TOPIC)).await.0, StatusCode::OK);
    let asked = amazon.asked();
    assert!(
        asked.len() == 2 && asked[1].starts_with("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&")
    );
    let foreign = asks("arn:aws:sns:eu-west-1:999999999999:voxanne-mail");
    assert_eq!(ask(&post.router, Request::post(SES), foreign).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(amazon.asked().len(), 2, "nothing is fetched for a stranger");
    let sentence = amazon.sign(json!({
        "Type": "Notification", "MessageId": "m", "TopicArn": TOPIC, "Message": "Successfully validated SNS topic.",
        "Timestamp": "2026-11-25T10:00:00.000Z", "SigningCertURL": CERTIFICATE,
    }));
    assert_eq!(
        ask(&post.router, Request::post(SES), sentence).await.0,
        StatusCode::OK,
        "SES's first message is no event"
    );
}

#[tokio::test]
async fn what_amazon_did_not_sign_is_refused_and_counted_and_its_absence_is_only_a_delay() {
    let amazon = Amazon::new();
    let post = subscribed(&amazon).await;
    let mail = post.mail("ana", "accepted").await;
    let good = amazon.event("m-1", &bounced_at_amazon(mail));
    amazon.answers.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(ask(&post.router, Request::post(SES), good.clone()).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(amazon.asked().len(), 1, "an absence is remembered for a while");
    amazon.answers.store(true, Ordering::SeqCst);
    post.db.clock().advance(SignedDuration::from_secs(61));
    let mut tampered: Value = serde_json::from_slice(&good).unwrap();
    tampered["MessageId"] = json!("m-9");
    for expected in [401, 401, 401, 429] {
        let (status, _) = ask(&post.router, Request::post(SES), tampered.to_string().into_bytes()).await;
        assert_eq!(status.as_u16(), expected);
    }
    assert_eq!(post.state(mail).await, "accepted");
    assert_eq!(
        ask(&post.router, Request::post(SES), good).await.0,
        StatusCode::OK,
        "what is verified passes every limit"
    );
    assert_eq!(post.state(mail).await, "bounced");
}

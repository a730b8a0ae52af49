//! Every operation of our own description, called by everybody who must not get through.
//!
//! An operation without a rule here is written down in `uncovered.txt`, which is empty and stays empty.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::openapi::operations;
use crate::support::{Answer, Client, Practice, TestApp, answer, fixture, new_call, unrecorded};

/// Who may.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    /// Anybody; a senseless request of nobody's is answered like this.
    Public(u16),
    /// Whoever proves it with the request itself.
    Provider,
    /// Any person who signed in.
    Person,
    /// Any member.
    Member,
    /// Members who manage.
    Admin,
    /// Whoever runs the installation.
    Operator,
}

struct Rule {
    who: Who,
    /// What an API key needs; none: keys do not pass.
    scope: Option<&'static str>,
    body: Option<Value>,
}

fn rules() -> BTreeMap<&'static str, Rule> {
    let bare = |who| Rule { who, scope: None, body: None };
    let with = |who, body: Value| Rule { who, scope: None, body: Some(body) };
    let key = |who, scope| Rule { who, scope: Some(scope), body: None };
    let write = |body: Value| Rule { who: Who::Admin, scope: Some("connections:write"), body: Some(body) };
    let wrong = json!({"email": "nobody@example.com", "password": "not the password"});
    BTreeMap::from([
        ("get_health", bare(Who::Public(200))),
        ("get_ready", bare(Who::Public(200))),
        ("get_openapi", bare(Who::Public(200))),
        ("list_signing_keys", bare(Who::Public(200))),
        ("sign_in", with(Who::Public(401), wrong)),
        ("refresh_token", with(Who::Public(401), json!({"refresh_token": "made-up"}))),
        ("forgot_password", with(Who::Public(202), json!({"email": "nobody@example.com"}))),
        ("reset_password", with(Who::Public(404), json!({"token": "made-up", "password": "a long password"}))),
        ("accept_invitation", with(Who::Public(404), json!({"token": "made-up", "password": "a long password"}))),
        ("receive_platform_event", with(Who::Provider, json!({}))),
        ("receive_event", with(Who::Provider, json!({}))),
        ("receive_mail_events", with(Who::Provider, json!([]))),
        ("get_me", bare(Who::Person)),
        ("sign_out", bare(Who::Person)),
        ("select_organization", with(Who::Person, json!({"org_id": "{org}"}))),
        ("change_password", with(Who::Person, json!({"current_password": "x", "new_password": "a long password"}))),
        ("list_calls", key(Who::Member, "calls:read")),
        ("get_call", key(Who::Member, "calls:read")),
        ("get_recording", key(Who::Member, "calls:read")),
        (
            "create_recording_link",
            Rule { who: Who::Member, scope: Some("calls:read"), body: Some(json!({"download": false})) },
        ),
        ("open_recording_link", bare(Who::Public(404))),
        ("retry_recording", key(Who::Member, "calls:write")),
        ("get_retention", bare(Who::Admin)),
        ("preview_retention", bare(Who::Admin)),
        ("set_retention", with(Who::Admin, json!({"recording_days": 36_500, "content_days": null}))),
        ("place_hold", with(Who::Admin, json!({"reason": "A complaint"}))),
        ("lift_hold", bare(Who::Admin)),
        ("delete_call_content", bare(Who::Admin)),
        ("list_members", key(Who::Member, "members:read")),
        ("follow_live", key(Who::Member, "live:read")),
        ("create_live_ticket", key(Who::Member, "live:read")),
        ("update_member", with(Who::Admin, json!({"role": "viewer"}))),
        ("remove_member", bare(Who::Admin)),
        ("list_invitations", bare(Who::Admin)),
        ("create_invitation", with(Who::Admin, json!({"email": "new@example.com", "role": "viewer"}))),
        ("revoke_invitation", bare(Who::Admin)),
        ("list_audit", bare(Who::Admin)),
        ("list_api_keys", bare(Who::Admin)),
        ("create_api_key", with(Who::Admin, json!({"name": "Desk", "scopes": ["calls:read"]}))),
        ("revoke_api_key", bare(Who::Admin)),
        ("list_connections", key(Who::Admin, "connections:read")),
        ("create_connection", write(json!({"label": "Line", "webhook_secret": "long enough"}))),
        ("add_connection_secret", write(json!({"webhook_secret": "long-enough"}))),
        ("retire_connection_secrets", key(Who::Admin, "connections:write")),
        ("disable_connection", key(Who::Admin, "connections:write")),
        ("send_test_event", key(Who::Admin, "connections:write")),
        ("list_demo_slots", bare(Who::Public(200))),
        ("book_demo", with(Who::Public(400), json!({}))),
        ("create_demo_hold", with(Who::Public(422), json!({}))),
        ("create_demo_booking", with(Who::Public(422), json!({}))),
        ("list_demo_bookings", bare(Who::Operator)),
        ("get_demo_booking", bare(Who::Operator)),
        ("update_demo_booking", with(Who::Operator, json!({"staff_notes": "x"}))),
        ("get_demo_rules", bare(Who::Operator)),
        (
            "update_demo_rules",
            with(
                Who::Operator,
                json!({
                    "zone": "UTC", "hours": {}, "length_minutes": 25, "buffer_minutes": 5, "notice_minutes": 60,
                    "horizon_days": 14, "days_off": [],
                }),
            ),
        ),
        ("get_jobs", bare(Who::Operator)),
        ("list_dead_jobs", bare(Who::Operator)),
        ("retry_job", with(Who::Operator, json!({"org_id": "{org}"}))),
        ("run_schedule", bare(Who::Operator)),
        ("list_alerts", bare(Who::Operator)),
        ("list_backups", bare(Who::Operator)),
        ("acknowledge_alert", bare(Who::Operator)),
        ("list_mails", bare(Who::Operator)),
        ("get_mail", bare(Who::Operator)),
        ("resend_mail", bare(Who::Operator)),
        ("cancel_mail", bare(Who::Operator)),
        ("get_mail_status", bare(Who::Operator)),
        ("list_unmatched_mail_events", bare(Who::Operator)),
        ("list_suppressions", bare(Who::Operator)),
        ("suppress_address", with(Who::Operator, json!({"address": "ana@example.com"}))),
        ("release_address", with(Who::Operator, json!({"address": "ana@example.com"}))),
        ("list_quarantine", bare(Who::Operator)),
        ("replay_quarantined_event", with(Who::Operator, json!({}))),
    ])
}

const SCOPES: [&str; 6] =
    ["calls:read", "calls:write", "connections:read", "connections:write", "members:read", "live:read"];

/// Things of ours that requests name.
struct Ours {
    practice: Practice,
    call: Uuid,
    member: Uuid,
    invitation: Uuid,
    key: Uuid,
    quarantined: Uuid,
    booking: Uuid,
    mail: Uuid,
}

impl Ours {
    async fn new(app: &TestApp) -> Self {
        let practice = app.practice("Elm Street Dental").await;
        let provider_call = new_call();
        practice.send(&unrecorded(&provider_call)).await.expect(200);
        let call = id(&practice.owner.call(&provider_call).await["id"]);
        app.plant_recording(&practice, call, b"RIFF, and sound").await;
        let member = app.member(&practice, "member").await;
        let member = id(&member.get("/api/v1/me").await.expect(200).json()["user_id"]);
        let open = json!({"email": "open@example.com", "role": "viewer"});
        let invitation = id(&practice.owner.post("/api/v1/invitations", &open).await.expect(201).json()["id"]);
        let key = json!({"name": "Practice software", "scopes": ["calls:read"]});
        let key = id(&practice.owner.post("/api/v1/api-keys", &key).await.expect(201).json()["id"]);
        let mut admin = app.db.admin().await;
        let quarantined = Uuid::now_v7();
        sqlx::query(
            "insert into quarantined_events (id, provider, dedup_key, type, reason, body, body_bytes) \
             values ($1, 'vapi', 'k', 'hang', 'unknown', '', 0)",
        )
        .bind(quarantined)
        .execute(&mut admin)
        .await
        .unwrap();
        let wish = json!({
            "name": "Amara Obi", "email": "amara@example.com", "phone": "+12025550123", "clinic_name": "Bright Dental",
        });
        let booking = id(&app.nobody().post("/api/book-demo", &wish).await.expect(200).json()["booking_id"]);
        let of_booking = "select mail_id from mails where about_id = $1 order by mail_id limit 1";
        let mail = sqlx::query_scalar(of_booking).bind(booking).fetch_one(&mut admin).await.unwrap();
        Self { practice, call, member, invitation, key, quarantined, booking, mail }
    }

    /// The id that a path's parameter stands for.
    fn id_for(&self, path: &str) -> Uuid {
        let part = |text: &str| path.contains(text);
        match () {
            () if part("/api-keys/") => self.key,
            () if part("/calls/") => self.call,
            () if part("/connections/") || part("/webhooks/") => self.practice.connection,
            () if part("/invitations/") => self.invitation,
            () if part("/members/") => self.member,
            () if part("/quarantine/") => self.quarantined,
            () if part("/demo-bookings/") => self.booking,
            () if part("/mails/") => self.mail,
            () if part("/media/") || part("/operator/") => Uuid::nil(),
            () => panic!("{path} names something that is not known here"),
        }
    }

    /// Everything that a stranger could have broken is as it was.
    async fn are_untouched(&self) {
        let owner = &self.practice.owner;
        let connections = owner.get("/api/v1/connections").await.expect(200).json();
        let connection = &connections.as_array().unwrap()[0];
        assert_eq!((id(&connection["id"]), connection["active_secrets"].as_i64()), (self.practice.connection, Some(1)));
        let keys = owner.get("/api/v1/api-keys").await.expect(200).json();
        assert!(keys["items"].as_array().unwrap().iter().any(|key| id(&key["id"]) == self.key));
        let invitations = owner.get("/api/v1/invitations").await.expect(200).json();
        assert_eq!(id(&invitations["items"][0]["id"]), self.invitation);
        let call = owner.get(&format!("/api/v1/calls/{}", self.call)).await.expect(200).json();
        assert_eq!((&call["legal_hold"], &call["content_deleted"]), (&Value::Null, &Value::Null));
        assert_eq!(owner.get("/api/v1/retention").await.expect(200).json()["recording_days"], Value::Null);
        let members = owner.get("/api/v1/members").await.expect(200).json();
        let member = members["items"].as_array().unwrap().iter().find(|member| id(&member["user_id"]) == self.member);
        assert_eq!(member.unwrap()["role"], "member");
        self.practice.send(&fixture("hang", &new_call())).await.expect(200);
    }
}

fn id(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}

/// An operation with its rule.
struct Operation {
    name: String,
    method: Method,
    path: String,
    rule: Rule,
}

impl Operation {
    fn names_something(&self) -> bool {
        self.path.contains('{')
    }

    async fn call(&self, client: &Client, named: Uuid, org: Uuid) -> Answer {
        let path: String = match self.path.split_once('{') {
            Some((before, rest)) => format!("{before}{named}{}", rest.split_once('}').unwrap().1),
            None => self.path.clone(),
        };
        let mut request = client.request(self.method.clone(), &path);
        if let Some(body) = &self.rule.body {
            let body: Value = serde_json::from_str(&body.to_string().replace("{org}", &org.to_string())).unwrap();
            request = request.json(&body);
        }
        answer(request).await
    }

    async fn call_with_ours(&self, client: &Client, ours: &Ours) -> Answer {
        let named = if self.names_something() { ours.id_for(&self.path) } else { Uuid::nil() };
        self.call(client, named, ours.practice.org).await
    }
}

fn covered() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&server::openapi::document().unwrap()).unwrap();
    let mut rules = rules();
    let all = operations(&document).into_iter().filter_map(|(path, method, operation)| {
        let name = operation["operationId"].as_str().unwrap().to_owned();
        let rule = rules.remove(name.as_str())?;
        Some(Operation { name, method: method.parse().unwrap(), path, rule })
    });
    let all = all.collect();
    assert!(rules.is_empty(), "rules of operations that are no more: {:?}", rules.keys());
    all
}

#[test]
fn every_operation_has_a_rule() {
    let document: Value = serde_json::from_str(&server::openapi::document().unwrap()).unwrap();
    let covered: BTreeSet<String> = covered().into_iter().map(|operation| operation.name).collect();
    let uncovered: Vec<String> = operations(&document)
        .into_iter()
        .map(|(.., operation)| operation["operationId"].as_str().unwrap().to_owned())
        .filter(|name| !covered.contains(name))
        .collect();
    let admitted: Vec<&str> = include_str!("../uncovered.txt").lines().collect();
    assert_eq!(uncovered, admitted, "give these a rule in access.rs; uncovered.txt may only get shorter");
}

#[tokio::test]
async fn nobody_gets_through_without_a_credential() {
    let app = TestApp::start().await;
    let ours = Ours::new(&app).await;
    for operation in covered() {
        let expected = match operation.rule.who {
            Who::Public(status) => status,
            _ => 401,
        };
        let answer = operation.call_with_ours(&app.nobody(), &ours).await;
        assert_eq!(answer.status, expected, "{}", operation.name);
        if expected == 401 {
            assert_eq!(answer.headers["www-authenticate"], "Bearer", "{}", operation.name);
        }
    }
    ours.are_untouched().await;
}

#[tokio::test]
async fn somebody_elses_id_is_answered_like_an_unknown_one() {
    let app = TestApp::start().await;
    let ours = Ours::new(&app).await;
    let theirs = app.practice("Birch Lane Dental").await;
    let everything = app.api_key(&theirs, &SCOPES).await;
    let mut compared = 0;
    for operation in covered() {
        let named_in_body = operation.name == "select_organization";
        let tenant = matches!(operation.rule.who, Who::Member | Who::Admin) && operation.names_something();
        if !(tenant || named_in_body) {
            continue;
        }
        let mut strangers = vec![&theirs.owner];
        strangers.extend(operation.rule.scope.map(|_| &everything));
        for stranger in strangers {
            let foreign = operation.call_with_ours(stranger, &ours).await.expect(404);
            let unknown = operation.call(stranger, Uuid::now_v7(), Uuid::now_v7()).await.expect(404);
            assert_eq!(foreign.without_request_id(), unknown.without_request_id(), "{}", operation.name);
            let names = |answer: &Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(names(&foreign), names(&unknown), "{}", operation.name);
            compared += 1;
        }
    }
    assert!(compared >= 12, "{compared}");
    ours.are_untouched().await;
}

#[tokio::test]
async fn the_highest_role_that_may_not_is_refused() {
    let app = TestApp::start().await;
    let ours = Ours::new(&app).await;
    let member = app.member(&ours.practice, "member").await;
    let stray = app.member(&ours.practice, "viewer").await;
    let stray_id = stray.get("/api/v1/me").await.expect(200).json()["user_id"].as_str().unwrap().to_owned();
    ours.practice.owner.delete(&format!("/api/v1/members/{stray_id}")).await.expect(204);
    for operation in covered() {
        let (client, code) = match operation.rule.who {
            Who::Public(_) | Who::Provider | Who::Person => continue,
            Who::Member => (&stray, "no_organization"),
            Who::Admin => (&member, "forbidden"),
            Who::Operator => (&ours.practice.owner, "forbidden"),
        };
        let answer = operation.call_with_ours(client, &ours).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some(code)), "{}", operation.name);
    }
    ours.are_untouched().await;
}

#[tokio::test]
async fn an_api_key_passes_with_its_scope_and_not_without() {
    let app = TestApp::start().await;
    let ours = Ours::new(&app).await;
    for operation in covered() {
        if matches!(operation.rule.who, Who::Public(_) | Who::Provider) {
            continue;
        }
        let others: Vec<&str> = SCOPES.into_iter().filter(|scope| Some(*scope) != operation.rule.scope).collect();
        let key = app.api_key(&ours.practice, &others).await;
        operation.call_with_ours(&key, &ours).await.refuses(403, "forbidden");
        if let Some(scope) = operation.rule.scope.filter(|_| operation.method == Method::GET) {
            let key = app.api_key(&ours.practice, &[scope]).await;
            operation.call_with_ours(&key, &ours).await.expect(200);
        }
    }
    ours.are_untouched().await;
}

#[tokio::test]
async fn the_lowest_role_that_may_gets_through() {
    let app = TestApp::start().await;
    let ours = Ours::new(&app).await;
    let viewer = app.member(&ours.practice, "viewer").await;
    let admin = app.member(&ours.practice, "admin").await;
    let operator = app.operator(&ours.practice).await;
    for operation in covered().into_iter().filter(|operation| operation.method == Method::GET) {
        let client = match operation.rule.who {
            Who::Public(_) | Who::Provider => continue,
            Who::Person | Who::Member => &viewer,
            Who::Admin => &admin,
            Who::Operator => &operator,
        };
        assert_eq!(operation.call_with_ours(client, &ours).await.status, 200, "{}", operation.name);
    }
}

#[tokio::test]
async fn unknown_addresses_and_wrong_methods_are_problems() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    for path in ["/api/v1/nothing", "/api/v2/calls", "/api", "/nothing", "/api/v1/calls/"] {
        nobody.get(path).await.refuses(404, "not_found");
    }
    let wrong = nobody.delete("/api/v1/calls").await.refuses(405, "method_not_allowed");
    assert!(wrong.headers["allow"].to_str().unwrap().contains("GET"));
    answer(nobody.request(Method::PUT, "/api/webhooks/vapi")).await.refuses(405, "method_not_allowed");
    answer(nobody.request(Method::HEAD, "/health")).await.expect(200);
}

/// What every answer must have is checked wherever a test asks; here, that pages and files are no exception.
#[tokio::test]
async fn pages_and_files_carry_the_same_protection() {
    let app = TestApp::start().await;
    let nobody = app.nobody();
    let page = |path: &str| answer(nobody.request(Method::GET, path).header("accept", "text/html"));
    let signin = page("/signin").await.expect(200);
    let policy = signin.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("require-trusted-types-for 'script'") && !policy.contains("unsafe"), "{policy}");
    let text = String::from_utf8(signin.body.to_vec()).unwrap();
    let file = text.split('"').find(|part| part.starts_with("/assets/")).unwrap();
    assert!(page(file).await.expect(200).headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(page("/app").await.expect(303).headers["location"], "/signin?next=%2Fapp");
    for (path, status) in [("/nothing", 404), ("/assets/nothing.css", 404), ("/invite/made-up", 404), ("/", 200)] {
        assert_eq!(page(path).await.status, status, "{path}");
    }
}

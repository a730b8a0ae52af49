//! Team, keys, connections, password, quarantine: each through its page.

use std::fmt::Write as _;

use http::StatusCode;
use serde_json::json;

use crate::desk::{Desk, PASSWORD, WEBHOOK_SECRET, call_message};

const TEAM: &str = "/app/settings/team";
const KEYS: &str = "/app/settings/api-keys";
const CONNECTIONS: &str = "/app/settings/connections";

#[tokio::test]
async fn somebody_is_invited_joins_is_promoted_and_removed() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let fields = [("email", "mei@bright-dental.example"), ("role", "viewer")];
    let made = owner.submit(TEAM, "/app/settings/team/invite", &fields).await;
    let link = made.between("http://desk.example", "<").to_owned();
    assert!(link.starts_with("/invite/"), "{link}");
    let list = owner.get(TEAM).await.body;
    assert!(list.contains("mei@bright-dental.example") && !list.contains(&link), "the link is shown once");

    let mut mei = desk.browser();
    let page = mei.get(&link).await;
    assert!(page.body.contains("Join Bright Dental") && page.body.contains("Viewer"));
    let short = mei.post(&link, &[("name", "Mei Tanaka"), ("password", "short")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        short.body.contains("aria-invalid")
            && short.body.contains("value=\"Mei Tanaka\"")
            && !short.body.contains("\"short\"")
    );
    let unnamed = mei.post(&link, &[("name", " "), ("password", PASSWORD)]).await;
    assert_eq!(unnamed.status, StatusCode::UNPROCESSABLE_ENTITY);
    let joined = mei.post(&link, &[("name", "Mei Tanaka"), ("password", PASSWORD)]).await;
    assert_eq!(joined.location(), "/app", "{}", joined.body);
    assert_eq!(mei.get("/app").await.status, StatusCode::OK);
    assert_eq!(desk.browser().get(&link).await.status, StatusCode::NOT_FOUND, "the link works once");

    let list = owner.get(TEAM).await;
    let id = list.body.split("Mei Tanaka").nth(1).unwrap().split("name=\"user_id\" value=\"").nth(1).unwrap();
    let id = id.split('"').next().unwrap().to_owned();
    let promoted = owner.submit(TEAM, "/app/settings/team/role", &[("user_id", &id), ("role", "admin")]).await;
    assert_eq!(promoted.location(), "/app/settings/team?done=role");
    desk.clock.advance(jiff::SignedDuration::from_secs(3));
    assert_eq!(mei.get(TEAM).await.status, StatusCode::OK);
    let removed = owner.submit(TEAM, "/app/settings/team/remove", &[("user_id", &id)]).await;
    assert_eq!(removed.location(), "/app/settings/team?done=removed");
    desk.clock.advance(jiff::SignedDuration::from_secs(3));
    assert_eq!(mei.get("/app").await.location(), "/app/organization");
    assert!(mei.get("/app/organization").await.body.contains("You belong to no organization"));
}

#[tokio::test]
async fn an_invitation_is_renewed_taken_back_and_refused_for_members() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let twice = [("email", practice.owner.as_str()), ("role", "member")];
    let member = owner.submit(TEAM, "/app/settings/team/invite", &twice).await;
    assert_eq!(member.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        member.body.contains("This person is a member already.")
            && member.body.contains("<dialog class=\"dialog\" id=\"invite\" aria-labelledby=\"invite-title\" open")
    );
    let nonsense =
        owner.submit(TEAM, "/app/settings/team/invite", &[("email", "no address"), ("role", "member")]).await;
    assert!(nonsense.body.contains("aria-invalid") && nonsense.body.contains("value=\"no address\""));

    let made = owner.submit(TEAM, "/app/settings/team/invite", &[("email", "li@x.example"), ("role", "member")]).await;
    let first = made.between("http://desk.example", "<").to_owned();
    let id = made.between("name=\"invitation_id\" value=\"", "\"").to_owned();
    let renewed = owner.submit(TEAM, "/app/settings/team/renew", &[("invitation_id", &id)]).await;
    let second = renewed.between("http://desk.example", "<").to_owned();
    assert_ne!(first, second);
    assert_eq!(desk.browser().get(&first).await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.browser().get(&second).await.status, StatusCode::OK);
    let revoked = owner.submit(TEAM, "/app/settings/team/revoke", &[("invitation_id", &id)]).await;
    assert_eq!(revoked.location(), "/app/settings/team?done=revoked");
    assert!(desk.browser().get(&second).await.body.contains("This invitation no longer works"));
}

#[tokio::test]
async fn an_admin_does_not_reach_an_owner_and_the_last_owner_stays() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let mut admin = desk.db.admin().await;
    let id: (uuid::Uuid,) = sqlx::query_as("select user_id from memberships").fetch_one(&mut admin).await.unwrap();
    // The page offers no such form; a form made by hand is refused too.
    let token = owner.get(TEAM).await.between("name=\"_csrf\" value=\"", "\"").to_owned();
    let id = id.0.to_string();
    let fields = [("_csrf", token.as_str()), ("user_id", &id), ("role", "viewer")];
    let refused = owner.post("/app/settings/team/role", &fields).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("The last owner of an organization stays its owner."));
}

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_revoked() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let fields = [("name", "Practice software"), ("scope", "calls:read"), ("scope", "live:read")];
    let made = owner.submit(KEYS, "/app/settings/api-keys/create", &fields).await;
    let key = made.between("id=\"fresh-key\">", "<").to_owned();
    assert!(key.starts_with("vx_") && key.len() > 50);
    let list = owner.get(KEYS).await;
    assert!(!list.body.contains(&key) && list.body.contains(&key[..11]) && list.body.contains("calls:read, live:read"));

    let known = async || {
        let request =
            http::Request::get("/api/v1/x").header("authorization", format!("Bearer {key}")).body(()).unwrap();
        desk.authority().authenticate(&request.into_parts().0).await
    };
    assert_eq!(known().await.unwrap().org, practice.org);
    let id = list.between("name=\"key_id\" value=\"", "\"").to_owned();
    let revoked = owner.submit(KEYS, "/app/settings/api-keys/revoke", &[("key_id", &id)]).await;
    assert_eq!(revoked.location(), "/app/settings/api-keys?done=revoked");
    assert!(known().await.is_err());

    for wrong in
        [&[("name", " "), ("scope", "calls:read")][..], &[("name", "x")][..], &[("name", "x"), ("scope", "all")][..]]
    {
        let answer = owner.submit(KEYS, "/app/settings/api-keys/create", wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!answer.body.contains("fresh-key\">"));
    }
}

#[tokio::test]
async fn a_connection_is_made_tested_rotated_and_switched_off() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let made = owner.submit(CONNECTIONS, "/app/settings/connections/create", &[("label", "Night line")]).await;
    let secret = made.between("Enter this secret", "</code>").rsplit('>').next().unwrap().to_owned();
    let card = made.body.split("Night line").nth(1).unwrap();
    let url = card.split("/api/webhooks/vapi/").nth(1).unwrap();
    let id: platform::ids::ConnectionId = url.split('<').next().unwrap().parse().unwrap();
    assert!(!owner.get(CONNECTIONS).await.body.contains(&secret), "the secret is shown once");

    let heard = async |secret: &str, call: &str| {
        let message = call_message(call, desk.clock.now(), json!({ "type": "status-update", "status": "ringing" }));
        desk.hear(Some(id), secret, &message).await
    };
    assert_eq!(heard(&secret, "call-1").await, StatusCode::OK);
    assert_eq!(heard("guess-guess", "call-2").await, StatusCode::UNAUTHORIZED);
    let field = [("connection_id", id.to_string())];
    let field = [(field[0].0, field[0].1.as_str())];
    let tested = owner.submit(CONNECTIONS, "/app/settings/connections/test", &field).await;
    assert!(tested.body.contains("A test event was verified and stored"), "{}", tested.body);

    let rotated = owner.submit(CONNECTIONS, "/app/settings/connections/rotate", &field).await;
    let newer = rotated.between("Enter this secret", "</code>").rsplit('>').next().unwrap().to_owned();
    assert_ne!(newer, secret);
    assert_eq!((heard(&secret, "call-3").await, heard(&newer, "call-4").await), (StatusCode::OK, StatusCode::OK));
    let retired = owner.submit(CONNECTIONS, "/app/settings/connections/retire", &field).await;
    assert_eq!(retired.location(), "/app/settings/connections?done=retired");
    assert_eq!(
        (heard(&secret, "call-5").await, heard(&newer, "call-6").await),
        (StatusCode::UNAUTHORIZED, StatusCode::OK)
    );
    let keyed = [field[0], ("api_key", " private-key-0123 ")];
    assert!(owner.get(CONNECTIONS).await.body.contains("None: recordings are not copied"));
    let kept = owner.submit(CONNECTIONS, "/app/settings/connections/key", &keyed).await;
    assert_eq!(kept.location(), "/app/settings/connections?done=key");
    let page = owner.get(CONNECTIONS).await.body;
    assert!(page.contains("Replace private key") && !page.contains("private-key-0123"), "it is never shown");
    let short = owner.submit(CONNECTIONS, "/app/settings/connections/key", &[field[0], ("api_key", "short")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("A private key needs between"), "{}", short.body);
    let forgotten = owner.submit(CONNECTIONS, "/app/settings/connections/remove-key", &field).await;
    assert_eq!(forgotten.location(), "/app/settings/connections?done=nokey");
    assert!(owner.get(CONNECTIONS).await.body.contains("Add private key"));
    let off = owner.submit(CONNECTIONS, "/app/settings/connections/disable", &field).await;
    assert_eq!(off.location(), "/app/settings/connections?done=off");
    assert_eq!(heard(&newer, "call-7").await, StatusCode::UNAUTHORIZED);
    let empty = owner.submit(CONNECTIONS, "/app/settings/connections/create", &[("label", " ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn another_practices_things_answer_like_unknown_ones() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let other = desk.practice("Harbour Physio", "jonas@harbour.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let token = owner.get(CONNECTIONS).await.between("name=\"_csrf\" value=\"", "\"").to_owned();
    for action in ["test", "rotate", "retire", "remove-key", "disable"] {
        let path = format!("/app/settings/connections/{action}");
        let foreign = [("_csrf", token.as_str()), ("connection_id", &other.connection.to_string())];
        let unknown = [("_csrf", token.as_str()), ("connection_id", "0199f0aa-1c11-7d52-9a3e-5d1f0c0a0009")];
        let foreign = owner.post(&path, &foreign).await;
        let unknown = owner.post(&path, &unknown).await;
        assert_eq!((foreign.status, foreign.body), (StatusCode::NOT_FOUND, unknown.body), "{action}");
    }
    let message = call_message("call-9", desk.clock.now(), json!({ "type": "status-update", "status": "ringing" }));
    assert_eq!(
        desk.hear(Some(other.connection), WEBHOOK_SECRET, &message).await,
        StatusCode::OK,
        "and nothing happened"
    );
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_other_devices_go() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let mut phone = desk.signed_in(&practice.owner).await;
    let (page, action) = ("/app/settings/profile", "/app/settings/profile/password");
    let wrong = owner.submit(page, action, &[("current", "not the words"), ("new", "five other words in a row")]).await;
    assert!(wrong.body.contains("This is not your present password.") && !wrong.body.contains("not the words"));
    let short = owner.submit(page, action, &[("current", PASSWORD), ("new", "short")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = owner.submit(page, action, &[("current", PASSWORD), ("new", "five other words in a row")]).await;
    assert_eq!(done.location(), "/app/settings/profile?done=password");
    assert!(owner.get(done.location()).await.body.contains("Password changed"));
    assert_eq!(phone.get("/app").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn shortcuts_and_look_are_kept_in_the_browser() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let action = "/app/settings/profile/preferences";
    owner.submit("/app/settings/profile", action, &[("theme", "dark")]).await;
    let page = owner.get("/app").await.body;
    assert!(page.contains("data-theme=\"dark\"") && page.contains("data-keys=\"off\""));
    owner.submit("/app/settings/profile", action, &[("theme", "system"), ("keys", "on")]).await;
    let page = owner.get("/app").await.body;
    assert!(!page.contains("data-theme=") && page.contains("data-keys=\"on\""));
}

#[tokio::test]
async fn a_held_event_is_seen_by_the_operator_and_played_again_once_it_is_known() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let message = json!({
        "type": "status-update", "status": "ringing", "timestamp": desk.clock.now().as_millisecond(),
        "call": { "id": "call-held", "type": "inboundPhoneCall", "phoneNumberId": "pn-1", "customer": { "number": "+447700900118" } },
    });
    assert_eq!(desk.hear(None, "platform-secret", &message).await, StatusCode::OK);
    let (page, action) = ("/app/operator/quarantine", "/app/operator/quarantine/replay");
    let mut operator = desk.signed_in(&practice.owner).await;
    let held = operator.get(page).await;
    assert!(held.body.contains("1 event") && held.body.contains("call-held") && held.body.contains("status-update"));
    let id = held.between("name=\"event_id\" value=\"", "\"").to_owned();
    let still = operator.submit(page, action, &[("event_id", &id)]).await;
    assert_eq!(still.status, StatusCode::CONFLICT);
    assert!(still.body.contains("still belongs to no organization"));

    let mut admin = desk.db.admin().await;
    let map = "insert into phone_numbers (org_id, number_id, e164, provider_number_id) values ($1, $2, '+441134960100', 'pn-1')";
    let number = platform::ids::NumberId::new().uuid();
    sqlx::query(map).bind(practice.org.uuid()).bind(number).execute(&mut admin).await.unwrap();
    let known = operator.submit(page, action, &[("event_id", &id)]).await;
    assert_eq!(known.location(), "/app/operator/quarantine?done=replayed", "{}", known.body);
    assert!(operator.get(page).await.body.contains("Nothing is held"));
    assert!(operator.get("/app/calls").await.body.contains("+44 7700 900118"));
}

#[tokio::test]
async fn an_imported_row_that_waits_is_given_to_a_practice_by_the_operator() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let rows = "id,vapi_call_id,status,created_at,duration_seconds,call_type,from_number\n\
                11111111-1111-4111-8111-111111111111,call-1,completed,2025-12-01T10:00:00Z,60,inbound,+447700900118\n\
                22222222-2222-4222-8222-222222222222,call-2,completed,2025-12-01T10:00:00Z,-60,inbound,+447700900119\n";
    import_calls(&desk, rows).await;

    let (page, action) = ("/app/operator/import", "/app/operator/import/assign");
    let mut operator = desk.signed_in(&practice.owner).await;
    let shown = operator.get(page).await;
    assert!(shown.body.contains("2 rows") && shown.body.contains("call_logs.csv:2"), "{}", shown.body);
    assert!(shown.body.contains("nothing says whose it is") && shown.body.contains("Bright Dental"));
    assert!(!shown.body.contains("7700"), "what a row says is sealed");
    let row_of = |place: &str| {
        let mut rows = shown.body.split("name=\"row\" value=\"").skip(1);
        rows.find(|row| row.contains(place)).unwrap().split('"').next().unwrap().to_owned()
    };
    let (id, other) = (row_of("call_logs.csv:2"), row_of("call_logs.csv:3"));
    let org = practice.org.to_string();
    let nothing = operator.submit(page, action, &[("org_id", &org)]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(nothing.body.contains("choose at least one row"));
    let nobody = operator.submit(page, action, &[("row", &id), ("org_id", "")]).await;
    assert!(nobody.body.contains("choose an organization"));
    let given = operator.submit(page, action, &[("row", &id), ("org_id", &org)]).await;
    assert_eq!(given.location(), "/app/operator/import?done=assigned", "{}", given.body);
    let wrong = operator.submit(page, action, &[("row", &other), ("org_id", &org)]).await;
    assert_eq!(wrong.status, StatusCode::CONFLICT, "a fault stays one, whoever's row it is");
    assert!(operator.get(page).await.body.contains("1 row"));
    assert!(operator.get("/app/calls").await.body.contains("+44 7700 900118"));
}

#[tokio::test]
async fn imported_rows_of_one_reason_are_given_away_together_and_others_are_dropped() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut rows = "id,vapi_call_id,status,created_at,duration_seconds,call_type\n".to_owned();
    for number in 10..75 {
        let seconds = if number < 72 { 60 } else { -60 };
        let id = format!("11111111-1111-4111-8111-1111111111{number}");
        writeln!(rows, "{id},call-{number},completed,2025-12-01T10:00:00Z,{seconds},inbound").unwrap();
    }
    import_calls(&desk, &rows).await;
    let mut operator = desk.signed_in(&practice.owner).await;
    let page = "/app/operator/import";
    let shown = operator.get(page).await;
    assert!(shown.body.contains("65 rows") && shown.body.contains("Why rows wait"), "{}", shown.body);
    let group = "/app/operator/import?alike=call_logs.no_organization.org_id";
    assert!(shown.body.contains(&format!("href=\"{group}\"")), "{}", shown.body);
    let listed = operator.get(group).await;
    assert!(listed.body.contains("62 rows") && listed.body.contains("All 62 rows that wait for this"));
    assert!(!listed.body.contains("is less than nothing"), "only those");
    assert!(listed.body.contains(&format!("{group}&amp;cursor=")), "with a next page");

    let all = [("all", "call_logs.no_organization.org_id"), ("org_id", &practice.org.to_string())];
    let given = operator.submit(group, "/app/operator/import/assign", &all).await;
    assert_eq!(given.location(), format!("{group}&done=assigned"), "{}", given.body);
    let empty = operator.get(given.location()).await.body;
    assert!(empty.contains("None waits for this reason any more") && empty.contains("The rows belong to it now"));
    let mut admin = desk.db.admin().await;
    let calls = "select count(*) from call_logs where org_id = $1";
    let calls: i64 = sqlx::query_scalar(calls).bind(practice.org.uuid()).fetch_one(&mut admin).await.unwrap();
    assert_eq!(calls, 62);

    let drop = "/app/operator/import/drop";
    let nothing = operator.submit(page, drop, &[]).await;
    assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let odd = operator.submit(page, drop, &[("all", "call_logs.x.y")]).await;
    assert_eq!(odd.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", odd.body);
    let left = operator.get(page).await;
    let id = left.between("name=\"row\" value=\"", "\"").to_owned();
    assert_eq!(operator.submit(page, drop, &[("row", &id)]).await.location(), "/app/operator/import?done=dropped");
    let all = [("all", "call_logs.negative.duration_seconds")];
    operator.submit(page, drop, &all).await;
    assert!(operator.get(page).await.body.contains("No row waits"));
    let noted = "select array_agg(action || ' ' || (detail ->> 'rows') order by id) from audit_log where action like 'import.%'";
    let noted: Vec<String> = sqlx::query_scalar(noted).fetch_one(&mut admin).await.unwrap();
    assert_eq!(noted, ["import.assigned 62", "import.dropped 1", "import.dropped 2"]);
}

/// Imports these rows of `call_logs`.
async fn import_calls(desk: &Desk, rows: &str) {
    let export = desk.db.scratch_dir().join("export");
    std::fs::create_dir_all(&export).unwrap();
    std::fs::write(export.join("call_logs.csv"), rows).unwrap();
    let importer = import::actions::Importer {
        tenancy: desk.db.tenancy(),
        clock: desk.clock.clone(),
        key: desk.db.master_key(),
        chunk_rows: 10,
    };
    let folder = import::reading::Folder::open(&export).unwrap();
    let mapping = import::mapping::Mapping::default();
    import::actions::import_folder(&importer, &folder, &mapping, false, &mut |_| {}, None).await.unwrap();
}

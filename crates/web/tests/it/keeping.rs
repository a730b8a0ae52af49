//! A call's recording on its page, legal holds, deleting content, and the setting of retention.

use http::StatusCode;
use platform::storage::{Key, StorageError};
use uuid::Uuid;

use crate::desk::{Answer, Browser, Desk, PASSWORD, Practice};

const SETTING: &str = "/app/settings/retention";

/// A call that is over, and its page.
async fn ended_call(desk: &Desk, practice: &Practice, browser: &mut Browser<'_>) -> (Uuid, String) {
    desk.begin_call(practice, "call-1", "I would like a check-up.").await;
    desk.end_call(practice, "call-1", "Check-up booked.").await;
    let list = browser.get("/app/calls").await;
    let path = format!("/app/calls/{}", list.between("href=\"/app/calls/", "\""));
    (path.rsplit('/').next().unwrap().parse().unwrap(), path)
}

/// How far the copy of its recording has come.
async fn recording_is(desk: &Desk, practice: &Practice, call: Uuid, state: &str, reason: Option<&str>) {
    let mut admin = desk.db.admin().await;
    let key = format!("{}/{call}/sound.1", practice.org);
    if state == "ready" {
        let sound = futures::stream::iter([Ok::<_, StorageError>("sound".into())]);
        desk.storage.put(&Key::new(key.as_str()).unwrap(), sound).await.unwrap();
    }
    let ready = state == "ready";
    sqlx::query(
        "insert into call_recordings (org_id, recording_id, call_id, channel, state, attempts, reason, storage_key, size_bytes,
           sha256, content_type, duration_ms, channels, peaks, copied_at, queued_at)
         values ($1, gen_random_uuid(), $2, 'stereo', $3, 3, $4, $5, $6, $7, $8, 66000, 2, $9, case when $3 = 'ready' then now() end, now())
         on conflict (org_id, call_id, channel) do update set state = excluded.state, reason = excluded.reason,
           storage_key = excluded.storage_key, size_bytes = excluded.size_bytes, sha256 = excluded.sha256,
           content_type = excluded.content_type, peaks = excluded.peaks, copied_at = excluded.copied_at",
    )
    .bind(practice.org)
    .bind(call)
    .bind(state)
    .bind(reason)
    .bind(ready.then_some(key))
    .bind(ready.then_some(5_i64))
    .bind(ready.then(|| vec![7_u8; 32]))
    .bind(ready.then_some("audio/wav"))
    .bind(ready.then(|| [vec![0_u8, 200, 0, 0], vec![90, 0, 0, 0]].concat()))
    .execute(&mut admin)
    .await
    .unwrap();
    sqlx::query("update call_logs set recording_state = $2 where id = $1")
        .bind(call)
        .bind(state)
        .execute(&mut admin)
        .await
        .unwrap();
}

#[tokio::test]
async fn each_state_of_a_recording_is_told_and_a_ready_one_has_its_player() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let (call, path) = ended_call(&desk, &practice, &mut owner).await;
    assert!(owner.get(&path).await.body.contains("This call was not recorded."));
    for (state, reason, words) in [
        ("pending", None, "It waits to be copied"),
        (
            "pending",
            Some("network"),
            "The provider could not be reached. It will be tried again by itself, after 3 tries.",
        ),
        ("copying", None, "is being copied"),
        ("failed", Some("not_audio"), "in 3 tries. What came is not a recording that can be played."),
        ("expired", None, "as your retention setting says"),
        ("expired", Some("gone"), "The provider has deleted the recording."),
    ] {
        recording_is(&desk, &practice, call, state, reason).await;
        let page = owner.get(&path).await;
        assert!(page.body.contains(words), "{state}: {words}");
        assert!(!page.body.contains("<vx-player"), "{state}");
        assert_eq!(page.body.contains("/recording/retry"), state == "failed", "{state}");
    }
    recording_is(&desk, &practice, call, "ready", None).await;
    let page = owner.get(&format!("{path}?t=21")).await;
    let player = page.between("<vx-player", "</vx-player>");
    assert!(player.contains(&format!("src=\"/api/v1/calls/{call}/recording#t=21\"")), "{player}");
    assert!(player.contains("seconds=\"66.000\"") && player.contains("id=\"lane-1\""), "{player}");
    assert!(page.body.contains("/recording?download=true"));
    assert!(page.body.contains("data-seek=\"6000\"") && page.body.contains("href=\"?t=6\""), "words lead into it");
}

#[tokio::test]
async fn a_copied_link_opens_at_its_second_for_members_who_sign_in_and_for_nobody_else() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let (call, path) = ended_call(&desk, &practice, &mut owner).await;
    recording_is(&desk, &practice, call, "ready", None).await;
    let link = format!("{path}?t=21");
    let mut colleague = desk.browser();
    let asked = colleague.get(&link).await.location().to_owned();
    assert_eq!(asked, format!("/signin?next=%2Fapp%2Fcalls%2F{call}%3Ft%3D21"));
    let page = colleague.get(&asked).await;
    let fields = [("email", practice.owner.as_str()), ("password", PASSWORD), ("next", link.as_str())];
    assert!(page.body.contains(&format!("name=\"next\" value=\"{link}\"")));
    assert_eq!(colleague.post("/signin", &fields).await.location(), link);
    assert!(colleague.get(&link).await.body.contains("#t=21"));

    let other = desk.practice("Elm Street Dental", "olive@elm-street.example").await;
    let mut stranger = desk.signed_in(&other.owner).await;
    assert_eq!(stranger.get(&link).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_failed_copy_is_tried_again_from_the_page() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let (call, path) = ended_call(&desk, &practice, &mut owner).await;
    recording_is(&desk, &practice, call, "failed", Some("not_audio")).await;
    let action = format!("{path}/recording/retry");
    let done = owner.submit(&path, &action, &[]).await;
    assert_eq!(done.location(), format!("{path}?done=fetched"));
    assert!(owner.get(&path).await.body.contains(">Waiting<"));
    let token = owner.get(&path).await.between("name=\"_csrf\" value=\"", "\"").to_owned();
    let again = owner.post(&action, &[("_csrf", &token)]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body.contains("No recording of this call has failed."));
}

#[tokio::test]
async fn a_call_is_held_lifted_and_deleted_from_its_page() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let (_, path) = ended_call(&desk, &practice, &mut owner).await;
    let (hold, lift, erase) = (format!("{path}/hold"), format!("{path}/hold/lift"), format!("{path}/erase"));

    let empty = owner.submit(&path, &hold, &[("reason", " ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.body.contains("why this call must be kept"));
    let kept = owner.submit(&path, &hold, &[("reason", "Complaint of 12 November")]).await;
    assert_eq!(kept.location(), format!("{path}?done=held"));
    let page = owner.get(&path).await;
    assert!(page.body.contains("Complaint of 12 November") && page.body.contains("Legal hold"));
    assert!(!page.body.contains(&erase), "what is on hold cannot be deleted from here");
    let token = page.between("name=\"_csrf\" value=\"", "\"").to_owned();
    let refused = owner.post(&erase, &[("_csrf", &token)]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("The call is on legal hold."));

    assert_eq!(owner.submit(&path, &lift, &[]).await.location(), format!("{path}?done=lifted"));
    assert_eq!(owner.submit(&path, &erase, &[]).await.location(), format!("{path}?done=erased"));
    let remaining = owner.get(&path).await;
    assert!(
        remaining.body.contains("The content of this call was deleted") && remaining.body.contains("by Amara Osei")
    );
    for word in ["check-up", "Check-up", "Priya Nair", "7700 900118"] {
        assert!(!remaining.body.contains(word), "{word}");
    }
    assert!(remaining.body.contains("Unknown caller") && !remaining.body.contains(&hold));
    assert!(owner.get("/app/calls?q=check").await.body.contains("No call matches"));
}

/// How many of the setting's rows there are.
async fn settings(desk: &Desk) -> i64 {
    sqlx::query_scalar("select count(*) from retention_settings").fetch_one(&mut desk.db.admin().await).await.unwrap()
}

#[tokio::test]
async fn a_setting_shows_what_it_would_delete_before_it_can_be_put_in_force() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let (call, _) = ended_call(&desk, &practice, &mut owner).await;
    recording_is(&desk, &practice, call, "ready", None).await;
    desk.clock.advance(jiff::SignedDuration::from_hours(24 * 40));
    let mut owner = desk.signed_in(&practice.owner).await;

    let page = owner.get(SETTING).await;
    assert!(
        page.body.contains("For ever") && !page.body.contains("method=\"post\" action=\"/app/settings/retention\"")
    );
    let seen = |days: &str, content: &str| format!("{SETTING}?show=1&recording_days={days}&content_days={content}");
    let wrong = owner.get(&seen("thirty", "")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("value=\"thirty\"") && wrong.body.contains("Must be a whole number of days"));
    assert!(owner.get(&seen("30", "7")).await.body.contains("Must not be less than the days of recordings."));
    let nothing: Answer = owner.get(&seen("50", "")).await;
    assert!(nothing.body.contains("No call is that old."));
    let some = owner.get(&seen("30", "35")).await;
    assert!(some.body.contains("<dd><span class=\"num\">1</span>, 5 B</dd>"), "{}", some.body);
    assert!(some.body.contains("cannot be brought back"));
    assert_eq!(settings(&desk).await, 0, "looking changes nothing");
    let fields = [("recording_days", "30"), ("content_days", "35")];
    let unseen = owner.submit(&seen("30", "35"), SETTING, &fields).await;
    assert_eq!(unseen.status, StatusCode::CONFLICT);
    assert!(unseen.body.contains("Look at what it would delete now") && unseen.body.contains("cannot be brought back"));
    assert_eq!(settings(&desk).await, 0, "a form that was made up puts nothing in force");
    let confirmation = some.between("name=\"confirmation\" value=\"", "\"");
    let confirmed = [fields[0], fields[1], ("confirmation", confirmation)];
    let saved = owner.submit(&seen("30", "35"), SETTING, &confirmed).await;
    assert_eq!(saved.location(), "/app/settings/retention?done=saved");
    assert!(owner.get(SETTING).await.body.contains("For 35 days"));
    let forever = owner.submit(&seen("", ""), SETTING, &[("recording_days", ""), ("content_days", "")]).await;
    assert_eq!(forever.location(), "/app/settings/retention?done=saved");
    assert!(!owner.get(SETTING).await.body.contains("For 35 days"));
}

//! Each sign is read from the database, the disk and the clock as they are.

use std::collections::BTreeMap;

use alarms::signs::actions::Measured;
use alarms::signs::model::{Measurement, Sign, State};
use alarms::status::Part;
use jiff::SignedDuration;

use crate::support::Place;

async fn measured(place: &Place) -> BTreeMap<Sign, Measured> {
    place.alarms.measure().await.into_iter().collect()
}

#[tokio::test]
async fn every_sign_of_an_empty_installation_can_be_read() {
    let place = Place::with(&[("VOXANNE_LIMIT_DATABASE_BYTES", "100000000000")]).await;
    let found = measured(&place).await;
    assert_eq!(found.len(), Sign::ALL.len());
    for (sign, measured) in &found {
        assert!(!matches!(measured, Measured::Unknown(_)), "{sign:?}: {measured:?}");
    }
    let off = [Sign::MailBudget, Sign::MailRelay, Sign::Certificate, Sign::Import, Sign::Trials];
    let off = off.map(|sign| &found[&sign]);
    assert!(off.iter().all(|measured| matches!(measured, Measured::Off(_))), "{off:?}");
    assert!(matches!(found[&Sign::Quarantine], Measured::Is(Measurement::Quarantine(0))));
    assert!(matches!(found[&Sign::Database], Measured::Is(Measurement::Database { bytes: 1.., .. })));
    assert!(matches!(found[&Sign::Storage], Measured::Is(Measurement::Storage(None))));
    assert!(
        std::fs::read_dir(place.db.scratch_dir().join("recordings")).unwrap().next().is_none(),
        "a probe leaves nothing"
    );
}

#[tokio::test]
async fn what_waits_and_what_was_given_up_is_counted() {
    let place = Place::new().await;
    place
        .execute(
            "insert into quarantined_events (id, provider, dedup_key, type, reason, body, body_bytes)
             values (gen_random_uuid(), 'vapi', 'a', 'hang', 'unknown', '', 0),
                    (gen_random_uuid(), 'vapi', 'b', 'hang', 'unknown', '', 0)",
        )
        .await;
    place
        .execute(
            "insert into mails (org_id, mail_id, template, priority, state, to_address, recipients, locale, subject, sealed,
                                message_id, created_at, due_at, ended_at)
             select org_id, gen_random_uuid(), 'test', 2, s.state, 'a@example.com', 1, 'en', 'x', '\\x00', 'x', s.at, s.at, s.at
               from organizations, (values ('failed', '2026-11-24T13:00:00Z'::timestamptz), ('unknown', '2026-11-24T12:00:00Z'),
                                           ('accepted', '2026-11-24T12:00:00Z'), ('failed', '2026-11-22T12:00:00Z')) s (state, at)",
        )
        .await;
    place
        .execute(
            "insert into call_logs (org_id, id, provider, provider_call_id, status, direction, at, ended_at, ended_class)
             select o.org_id, gen_random_uuid(), 'vapi', 'call-' || n, 'ended', 'inbound', '2026-11-24T13:20:00Z',
                    '2026-11-24T13:30:00Z', case when n <= 3 then 'failed_platform' else 'completed' end
               from organizations o, generate_series(1, 10) n",
        )
        .await;
    place
        .execute(
            "insert into call_recordings (org_id, recording_id, call_id, channel, state, attempts, last_attempt_at, reason,
                                          storage_key, size_bytes, sha256, content_type, copied_at)
             select org_id, gen_random_uuid(), id, 'mono', s.state, s.attempts, '2026-11-24T13:40:00Z', s.reason,
                    case when s.state = 'ready' then 'key-' || id end, 1, sha256('x'), 'audio/wav', now()
               from (select l.org_id, l.id, row_number() over (order by l.provider_call_id) as n from call_logs l) l
               cross join lateral (
                 select case when n = 1 then 'failed' when n <= 3 then 'pending' else 'ready' end as state,
                        case when n = 2 then 1 else 3 end as attempts, case when n <= 3 then 'http' end as reason) s",
        )
        .await;
    std::fs::create_dir(place.db.scratch_dir().join("spool")).unwrap();
    std::fs::write(place.db.scratch_dir().join("spool/x.-.-.event"), b"x").unwrap();
    let found = measured(&place).await;
    let is = |sign: Sign| match &found[&sign] {
        Measured::Is(measured) => measured.clone(),
        other => panic!("{sign:?}: {other:?}"),
    };
    assert_eq!(is(Sign::Quarantine), Measurement::Quarantine(2));
    assert_eq!(is(Sign::DeadMails), Measurement::DeadMails(2));
    assert_eq!(is(Sign::Provider), Measurement::Provider { ended: 10, failed: 3 });
    assert_eq!(
        is(Sign::Recordings),
        Measurement::Recordings { ready: 7, failed: 2 },
        "one that failed once may yet work"
    );
    let Measured::Each(nodes) = &found[&Sign::Events] else { panic!("{:?}", found[&Sign::Events]) };
    let [(_, Measured::Is(Measurement::Events { waiting: 1, oldest: Some(_), unreadable: 0 }))] = &nodes[..] else {
        panic!("{nodes:?}")
    };
}

fn reading(place: &Place, found: &BTreeMap<Sign, Measured>, sign: Sign) -> (State, String) {
    let reading = found[&sign].judge(State::Fine, &place.alarms, place.db.clock().now());
    (reading.state, reading.words)
}

#[tokio::test]
async fn the_disk_and_the_spool_of_every_live_node_count() {
    let place = Place::new().await;
    let node = "insert into nodes (node, version, works, started_at, seen_at, duties, readings)
                values ($1, '1', true, '2026-11-24T13:00:00Z', $2::timestamptz, '{}', $3)";
    let full = r#"{"disk": {"free": 2, "total": 100},
                   "spool": {"waiting": 1, "oldest": "2026-11-24T13:50:00Z", "unreadable": 0},
                   "provider": {"tried": 10, "failed": 8}}"#;
    for (name, seen_at) in [("kitchen/aa", "2026-11-24T13:59:30Z"), ("killed/bb", "2026-11-24T13:00:00Z")] {
        sqlx::query(node)
            .bind(name)
            .bind(seen_at)
            .bind(serde_json::from_str::<serde_json::Value>(full).unwrap())
            .execute(&mut place.db.admin().await)
            .await
            .unwrap();
    }
    for failed in [false, true] {
        place.requests.note(place.db.clock().now(), failed);
    }
    let found = measured(&place).await;
    assert_eq!(
        reading(&place, &found, Sign::Disk),
        (State::Critical, "On kitchen/aa: 2 % of the data directory's disk is free.".to_owned())
    );
    let (state, words) = reading(&place, &found, Sign::Events);
    assert_eq!(
        (state, words.as_str()),
        (State::Warning, "On kitchen/aa: The oldest event that is not stored is 10 minutes old.")
    );
    assert_eq!(
        reading(&place, &found, Sign::ProviderApi),
        (State::Critical, "9 of 12 requests to the provider's API within the last hour failed.".to_owned())
    );
    // This node's page shows what its own look cannot see, once the worker has looked.
    place.alarms.evaluate().await.unwrap();
    assert_eq!(place.alarms.status().await.part(Part::Disk), State::Critical);
    // The other node is killed, and its disk is nobody's concern any more.
    place.db.clock().advance(SignedDuration::from_mins(3));
    let found = measured(&place).await;
    assert_eq!(reading(&place, &found, Sign::ProviderApi).0, State::Fine, "one of two is a bad line");
    assert!(!reading(&place, &found, Sign::Disk).1.starts_with("On "));
}

#[tokio::test]
async fn a_storage_that_takes_no_file_is_critical_at_once_and_fine_when_it_does() {
    let place = Place::new().await;
    // What is no folder cannot be one, whoever we are.
    let folder = place.db.scratch_dir().join("recordings");
    std::fs::write(&folder, b"").unwrap();
    let (state, words) = reading(&place, &measured(&place).await, Sign::Storage);
    assert_eq!(state, State::Critical);
    assert!(words.contains("No recording can be kept: the folder") && words.contains("cannot be used"), "{words}");
    place.alarms.evaluate().await.unwrap();
    assert_eq!(place.alarms.status().await.part(Part::Storage), State::Critical);
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(
        reading(&place, &measured(&place).await, Sign::Storage).0,
        State::Fine,
        "trouble is looked at again at once"
    );
}

#[tokio::test]
async fn imported_rows_that_wait_are_told_until_somebody_decides() {
    let place = Place::new().await;
    let run =
        "insert into import_runs (run_id, fingerprint, started_at) values (gen_random_uuid(), sha256('x'), now())";
    place.execute(run).await;
    assert_eq!(reading(&place, &measured(&place).await, Sign::Import).0, State::Fine);
    place
        .execute(
            "insert into import_quarantine (id, run_id, source_table, source_id, digest, file, line, row_number, column_name, reason,
                                            sealed, waiting_since)
             select gen_random_uuid(), run_id, 'call_logs', gen_random_uuid(), substr(sha256(n::text::bytea), 1, 16), 'x', n, n,
                    'org_id', 'nobody knows', '', now() from import_runs, generate_series(1, 3) n",
        )
        .await;
    let waiting = reading(&place, &measured(&place).await, Sign::Import);
    assert_eq!(waiting, (State::Warning, "3 imported rows wait for somebody to decide.".to_owned()));
    place.execute("update import_quarantine set resolved_at = now()").await;
    assert_eq!(reading(&place, &measured(&place).await, Sign::Import).0, State::Fine);
}

#[tokio::test]
async fn a_schedule_that_is_retired_is_no_late_work() {
    let place = Place::new().await;
    place
        .execute(
            "insert into schedules (name, every_seconds, declared_at, next_at, failures)
             values ('test.old_name', 60, '2026-11-01T00:00:00Z', '2026-11-01T00:00:00Z', 7)",
        )
        .await;
    assert_eq!(reading(&place, &measured(&place).await, Sign::Jobs).0, State::Critical, "nobody works");
    place
        .execute(
            "insert into nodes (node, version, works, started_at, seen_at, duties, readings)
             values ('kitchen/aa', '2', true, '2026-11-24T13:00:00Z', '2026-11-24T14:00:00Z', '{test.new_name}', '{}')",
        )
        .await;
    assert_eq!(reading(&place, &measured(&place).await, Sign::Jobs).0, State::Fine);
}

#[tokio::test]
async fn a_trial_restore_that_is_missing_or_found_damage_is_told() {
    let place = Place::with(&[("VOXANNE_BACKUP_TO", "/nowhere")]).await;
    let trials = async || reading(&place, &measured(&place).await, Sign::Trials);
    assert_eq!(trials().await.0, State::Off, "there is nothing to try");
    place
        .execute(
            "insert into backups (backup_id, started_at, ended_at, outcome, place, bytes)
             values (gen_random_uuid(), '2026-11-10T02:30:00Z', '2026-11-10T02:31:00Z', 'done', '/nowhere', 1),
                    (gen_random_uuid(), '2026-11-24T02:30:00Z', '2026-11-24T02:31:00Z', 'done', '/nowhere', 1)",
        )
        .await;
    assert_eq!(
        trials().await,
        (State::Warning, "No backup was restored on trial yet; the first is 14 days old.".to_owned())
    );
    place.execute("update backups set verified_at = '2026-11-23T03:00:00Z'").await;
    assert_eq!(
        trials().await,
        (State::Fine, "A backup was last restored on trial 35 hours ago, and agreed.".to_owned())
    );
    place
        .execute("update backups set outcome = 'damaged', error = 'x' where started_at > '2026-11-20T00:00:00Z'")
        .await;
    assert_eq!(trials().await.0, State::Critical);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_seen() {
    let place = Place::new().await;
    // The clock of a test stands still, the database's does not.
    let found = measured(&place).await;
    let Measured::Is(Measurement::Clock { skew, .. }) = found[&Sign::Clock] else {
        panic!("{:?}", found[&Sign::Clock])
    };
    assert!(skew.abs() > SignedDuration::from_mins(1), "{skew}");
}

/// Three weeks of four calls an hour from nine to five on weekdays, and then none.
#[tokio::test]
async fn a_number_that_rings_no_more_is_missed_by_day_and_not_by_night() {
    let place = Place::new().await;
    place
        .execute(
            "insert into phone_numbers (org_id, number_id, e164)
             select org_id, '0199f0aa-1c11-7d52-9a3e-5d1f0c0a00aa', '+442079460101' from organizations",
        )
        .await;
    place
        .execute(
            "insert into call_logs (org_id, id, provider, provider_call_id, status, direction, at, number_id)
             select o.org_id, gen_random_uuid(), 'vapi', 'call-' || row_number() over (), 'ended', 'inbound', h.at + n * interval '14 minutes',
                    '0199f0aa-1c11-7d52-9a3e-5d1f0c0a00aa'
               from organizations o, generate_series(0, 3) n,
                    generate_series('2026-10-26T09:00:00Z'::timestamptz, '2026-11-23T16:00:00Z', interval '1 hour') h (at)
              where extract(hour from h.at at time zone 'Europe/London') between 9 and 16
                and extract(isodow from h.at at time zone 'Europe/London') < 6",
        )
        .await;
    let silent = async |hours: i64| {
        let at = "2026-11-24T00:00:00Z".parse::<jiff::Timestamp>().unwrap() + SignedDuration::from_hours(hours);
        let clock = place.db.clock();
        clock.advance(at.duration_since(clock.now()));
        match measured(&place).await.remove(&Sign::SilentNumbers).unwrap() {
            Measured::Is(Measurement::SilentNumbers { silent, watched }) => (silent, watched),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(silent(8).await, (0, 1), "the practice has been closed all night");
    assert_eq!(silent(10).await, (0, 1), "an hour without a call is chance");
    assert_eq!(silent(12).await, (1, 1), "twelve calls are missing by noon");
}

#[tokio::test]
async fn the_status_is_the_workers_word_while_it_is_fresh() {
    let place = Place::new().await;
    let status = place.alarms.status().await;
    assert!(status.database);
    assert_eq!(status.part(Part::Jobs), State::Unknown, "nobody has looked yet");
    assert_ne!(status.part(Part::Disk), State::Unknown, "what is here is looked at now");
    place.find(0, Sign::Jobs, Measurement::Jobs(None)).await;
    place.find(0, Sign::DeadJobs, Measurement::DeadJobs(1)).await;
    assert_eq!(place.alarms.status().await.part(Part::Jobs), State::Warning);
    place.db.clock().advance(SignedDuration::from_mins(6));
    assert_eq!(place.alarms.status().await.part(Part::Jobs), State::Unknown, "an old look says nothing of now");
}

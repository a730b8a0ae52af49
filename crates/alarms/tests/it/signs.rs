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
    let off = [Sign::MailBudget, Sign::MailRelay, Sign::Certificate].map(|sign| &found[&sign]);
    assert!(off.iter().all(|measured| matches!(measured, Measured::Off(_))), "{off:?}");
    assert!(matches!(found[&Sign::Quarantine], Measured::Is(Measurement::Quarantine(0))));
    assert!(matches!(found[&Sign::Database], Measured::Is(Measurement::Database { bytes: 1.., .. })));
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
    assert!(matches!(is(Sign::Events), Measurement::Events { waiting: 1, oldest: Some(_), unreadable: 0 }));
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

//! Rows that wait are given to an organization by a person, or find it when more is known.

use import::actions::{
    Assigned, Chosen, ImportError, assign_chosen, assign_waiting, drop_chosen, list_waiting, reconsider,
    waiting_by_reason,
};
use import::mapping::Mapping;
use import::model::{Issue, Reason, Table};
use platform::audit::Actor;
use platform::ids::{OrgId, UserId};
use serde_json::{Value, json};

use crate::support::{Move, call_log, counts, id, met, org, tally, with};

#[tokio::test]
async fn an_operator_gives_a_waiting_call_to_its_practice_and_what_was_said_follows() {
    let moving = Move::new().await;
    moving.practices();
    moving.lines(Table::CallLogs, &[call_log(1)]);
    moving.lines(
        Table::CallTranscripts,
        &[json!({ "id": id("line", 1), "call_id": id("log", 1), "speaker": "agent", "text": "Good morning" })],
    );
    let report = moving.run().await;
    assert_eq!(report.total().quarantined, 2, "{}", report.text());
    let waiting = list_waiting(&moving.importer.tenancy, None, None, 10).await.unwrap();
    assert_eq!((waiting[0].table, waiting[0].reason), (Table::CallLogs, Reason::NoOrganization));

    let operator = Actor::Operator(UserId::new());
    let (mapping, chosen) = (Mapping::default(), OrgId::from_uuid(org(2)));
    let stranger =
        assign_waiting(&moving.importer, &mapping, operator, waiting[0].id, Some(OrgId::new())).await.unwrap();
    assert_eq!(stranger, Assigned::StillWaits(Issue::of("org_id", Reason::UnknownOrganization)));
    let assigned = assign_waiting(&moving.importer, &mapping, operator, waiting[0].id, Some(chosen)).await.unwrap();
    assert_eq!(assigned, Assigned::Taken(chosen));
    let again = assign_waiting(&moving.importer, &mapping, operator, waiting[0].id, Some(chosen)).await;
    assert!(matches!(again, Err(ImportError::NotFound)));
    assert_eq!(moving.one::<uuid::Uuid>("select org_id from call_logs").await, org(2));
    let audited = "select count(*) from audit_log where action = 'import.assigned' and actor_kind = 'operator'";
    assert_eq!(moving.one::<i64>(audited).await, 1);

    let sum = reconsider(&moving.importer, &mapping, operator).await.unwrap();
    assert_eq!((sum.taken, sum.waiting), (1, 0));
    assert_eq!(moving.one::<String>("select text from call_turns").await, "Good morning");

    let later = moving.rehearsed(&mapping).await;
    assert_eq!(
        counts(tally(&later, Table::CallLogs)),
        [1, 0, 1, 0, 0, 0],
        "what was assigned is there: {}",
        later.text()
    );
}

#[tokio::test]
async fn a_waiting_row_is_not_given_to_a_practice_that_it_contradicts() {
    let moving = Move::new().await;
    moving.practices();
    moving.lines(Table::Leads, &[json!({ "id": id("lead", 1), "org_id": org(1), "contact_name": "Amara Obi" })]);
    let torn = with(call_log(1), json!({ "agent_id": id("agent", 2), "lead_id": id("lead", 1) }));
    moving.lines(Table::CallLogs, &[torn, with(call_log(2), json!({ "duration_seconds": -5 }))]);
    moving.run().await;
    let waiting = list_waiting(&moving.importer.tenancy, None, None, 10).await.unwrap();
    let given = |place: usize, number: u128| {
        let (importer, id) = (moving.importer.clone(), waiting[place].id);
        async move {
            assign_waiting(&importer, &Mapping::default(), Actor::System, id, Some(OrgId::from_uuid(org(number))))
                .await
                .unwrap()
        }
    };
    let place = |reason| waiting.iter().position(|row| row.reason == reason).unwrap();
    let (torn, negative) = (place(Reason::Ambiguous), place(Reason::Negative));
    assert_eq!(given(torn, 1).await, Assigned::StillWaits(Issue::of("agent_id", Reason::ForeignAgent)));
    assert_eq!(given(torn, 2).await, Assigned::StillWaits(Issue::of("lead_id", Reason::ForeignLead)));
    assert_eq!(given(negative, 1).await, Assigned::StillWaits(Issue::of("duration_seconds", Reason::Negative)));
    assert_eq!(moving.one::<i64>("select count(*) from call_logs").await, 0);
}

#[tokio::test]
async fn waiting_rows_are_decided_again_with_a_mapping_that_says_more() {
    let moving = Move::new().await;
    moving.practices();
    let rows: Vec<Value> =
        (0..30).map(|number| with(call_log(number), json!({ "to_number": "+442079460018" }))).collect();
    moving.lines(Table::CallLogs, &rows);
    let report = moving.run().await;
    assert_eq!(report.total().quarantined, 30);
    let mapping = Mapping::parse(&format!("[numbers]\n'+442079460018' = '{}'\n", org(1))).unwrap();
    let sum = reconsider(&moving.importer, &mapping, Actor::System).await.unwrap();
    assert_eq!((sum.taken, sum.waiting), (30, 0));
    let later = moving.run().await;
    assert_eq!(
        counts(tally(&later, Table::CallLogs)),
        [30, 0, 30, 0, 0, 0],
        "they stay where they are, without the mapping too"
    );
}

#[tokio::test]
async fn all_rows_of_one_reason_are_given_away_and_what_contradicts_or_waits_for_another_stays() {
    let moving = Move::new().await;
    moving.practices();
    let mut rows: Vec<Value> = (0..700).map(call_log).collect();
    rows.extend((700..703).map(|number| with(call_log(number), json!({ "duration_seconds": -5 }))));
    moving.lines(Table::CallLogs, &rows);
    moving.run().await;
    let groups = waiting_by_reason(&moving.importer.tenancy).await.unwrap();
    let counted: Vec<_> = groups.iter().map(|(alike, rows)| (alike.reason, alike.column.as_str(), *rows)).collect();
    assert_eq!(counted, [(Reason::NoOrganization, "org_id", 700), (Reason::Negative, "duration_seconds", 3)]);

    let operator = Actor::Operator(UserId::new());
    let chosen = Chosen::Alike(groups[0].0.clone());
    let give = async |number: u128, most: u64| {
        let org = OrgId::from_uuid(org(number));
        assign_chosen(&moving.importer, &Mapping::default(), operator, &chosen, org, most).await.unwrap()
    };
    let nobody =
        assign_chosen(&moving.importer, &Mapping::default(), operator, &chosen, OrgId::new(), 1).await.unwrap();
    assert_eq!((nobody.taken, nobody.waiting), (0, 500), "some hundred at a time");
    // Those wait for another reason now: the organization is not here.
    let rest = give(2, u64::MAX).await;
    assert_eq!((rest.taken, rest.waiting), (200, 0));
    let again = reconsider(&moving.importer, &Mapping::default(), operator).await.unwrap();
    assert_eq!((again.taken, again.waiting), (0, 503), "by the rules nothing says whose they are");
    let first = give(1, 1).await;
    assert_eq!((first.taken, first.waiting), (500, 0));
    let left = waiting_by_reason(&moving.importer.tenancy).await.unwrap();
    assert_eq!((left.len(), left[0].0.reason, left[0].1), (1, Reason::Negative, 3));

    let of = |number: u128| format!("select count(*) from call_logs where org_id = '{}'", org(number));
    assert_eq!((moving.one::<i64>(&of(1)).await, moving.one::<i64>(&of(2)).await), (500, 200));
    let audited = "select sum((detail ->> 'rows')::bigint)::bigint from audit_log
                    where action = 'import.assigned' and actor_kind = 'operator'";
    assert_eq!(moving.one::<i64>(audited).await, 700);
    let later = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&later, Table::CallLogs)), [703, 0, 700, 0, 3, 0], "{}", later.text());
}

#[tokio::test]
async fn a_dropped_row_is_deleted_noted_and_refused_when_it_comes_again() {
    let moving = Move::new().await;
    moving.practices();
    let negative = with(call_log(3), json!({ "duration_seconds": -5 }));
    moving.lines(Table::CallLogs, &[call_log(1), call_log(2), negative, call_log(4)]);
    moving.run().await;
    let waiting = list_waiting(&moving.importer.tenancy, None, None, 10).await.unwrap();
    assert_eq!(waiting.len(), 4);
    let (operator, own) = (Actor::Operator(UserId::new()), OrgId::from_uuid(org(2)));
    let first = waiting.iter().find(|row| row.place.line == 1).unwrap().id;
    let one = Chosen::These(vec![first]);
    assert_eq!(drop_chosen(&moving.importer, operator, own, &one).await.unwrap(), 1);
    assert_eq!(drop_chosen(&moving.importer, operator, own, &one).await.unwrap(), 0, "once");
    let groups = waiting_by_reason(&moving.importer.tenancy).await.unwrap();
    let negative = groups.into_iter().find(|(alike, _)| alike.reason == Reason::Negative).unwrap().0;
    assert_eq!(drop_chosen(&moving.importer, operator, own, &Chosen::Alike(negative)).await.unwrap(), 1);

    let kept = "select count(*) from import_quarantine where resolved_at is not null and length(sealed) > 0";
    assert_eq!(moving.one::<i64>(kept).await, 0, "what they said is deleted");
    let audited = "select string_agg(coalesce(subject, 'all') || (detail ->> 'rows'), ' ' order by id) from audit_log
                    where action = 'import.dropped' and actor_kind = 'operator'";
    assert_eq!(moving.one::<String>(audited).await, format!("{first}1 all1"));
    let late = assign_waiting(&moving.importer, &Mapping::default(), operator, first, Some(own)).await;
    assert!(matches!(late, Err(ImportError::NotFound)));

    let later = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&later, Table::CallLogs)), [4, 0, 0, 0, 2, 2], "{}", later.text());
    assert_eq!(met(&later, Reason::Dropped), 2);
    let named = format!("[calls]\n'call-1' = '{}'\n", org(1));
    let later = moving.rehearsed(&Mapping::parse(&named).unwrap()).await;
    assert_eq!(counts(tally(&later, Table::CallLogs)), [4, 1, 0, 0, 2, 1], "the operator's word: {}", later.text());
    let later = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&later, Table::CallLogs)), [4, 0, 1, 0, 2, 1], "it stays where it is: {}", later.text());
}

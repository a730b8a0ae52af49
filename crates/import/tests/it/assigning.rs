//! Rows that wait are given to an organization by a person, or find it when more is known.

use import::actions::{Assigned, ImportError, assign_waiting, list_waiting, reconsider};
use import::mapping::Mapping;
use import::model::{Issue, Reason, Table};
use platform::audit::Actor;
use platform::ids::{OrgId, UserId};
use serde_json::{Value, json};

use crate::support::{Move, call_log, counts, id, org, tally, with};

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
    let waiting = list_waiting(&moving.importer.tenancy, None, 10).await.unwrap();
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
    let waiting = list_waiting(&moving.importer.tenancy, None, 10).await.unwrap();
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

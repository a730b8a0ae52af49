//! Whose a row is: each rule, each contradiction, and never a default.

use import::mapping::Mapping;
use import::model::{ORIGINAL_DEFAULT, Reason, Table};
use platform::audit::Actor;
use platform::ids::OrgId;
use serde_json::{Value, json};
use uuid::Uuid;
use voice::numbers::actions::map_number;

use crate::support::{Move, call_log, counts, id, met, org, tally, with};

/// The original had 165 call logs without an organization. Here they come with each kind of evidence, and without any.
#[tokio::test]
async fn the_165_call_logs_without_an_organization_find_theirs_or_wait() {
    let moving = Move::new().await;
    moving.practices();
    moving.lines(Table::Leads, &[json!({ "id": id("lead", 1), "org_id": org(2), "contact_name": "Amara Obi" })]);
    let mapping = Mapping::parse(&format!(
        "[numbers]\n'+442079460018' = '{}'\n[calls]\n'call-80' = '{}'\n[rows]\n'call_logs/{}' = '{}'\n",
        org(2),
        org(1),
        id("log", 81),
        org(2)
    ))
    .unwrap();
    let mut rows = Vec::new();
    for number in 0..165_u128 {
        let evidence = match number {
            0..20 => json!({ "agent_id": id("agent", 1) }),
            20..30 => json!({ "metadata": { "assistantId": "assistant-2" } }),
            30..40 => json!({ "lead_id": id("lead", 1) }),
            40..60 => json!({ "to_number": "+44 20 7946 0018" }),
            // 60 to 79: another table knows the call. 80, 81: the mapping file names them.
            _ => json!({}),
        };
        rows.push(with(call_log(number), evidence));
    }
    moving.lines(Table::CallLogs, &rows);
    let tracked: Vec<Value> = (60..80_u128)
        .map(|number| {
            json!({ "id": id("tracking", number), "org_id": org(1), "vapi_call_id": format!("call-{number}"),
                    "status": "completed", "called_at": "2025-12-01T09:59:54Z" })
        })
        .collect();
    moving.lines(Table::CallTracking, &tracked);

    let report = moving.rehearsed(&mapping).await;
    assert!(report.complete, "{}", report.text());
    assert_eq!(counts(tally(&report, Table::CallLogs)), [165, 62, 0, 20, 83, 0]);
    assert_eq!(counts(tally(&report, Table::CallTracking)), [20, 20, 0, 0, 0, 0]);
    assert_eq!(met(&report, Reason::NoOrganization), 83);
    let of =
        |rule: &str| format!("select count(*) from import_rows where source_table = 'call_logs' and rule = '{rule}'");
    for (rule, rows) in [("agent", 30), ("lead", 10), ("number", 20), ("call", 20), ("named", 2), ("stated", 0)] {
        assert_eq!(moving.one::<i64>(&of(rule)).await, rows, "by {rule}");
    }
    let calls_of = |org: Uuid| format!("select count(*) from call_logs where org_id = '{org}'");
    assert_eq!(moving.one::<i64>(&calls_of(org(1))).await, 20 + 20 + 1);
    assert_eq!(moving.one::<i64>(&calls_of(org(2))).await, 10 + 10 + 20 + 1);
    assert_eq!(moving.one::<i64>("select count(*) from import_quarantine where resolved_at is null").await, 83);
}

/// Mission row R6: what has no organization enters no table of an organization, and no such table would take it.
#[tokio::test]
async fn no_table_of_an_organization_takes_a_row_without_one() {
    let moving = Move::new().await;
    moving.practices();
    let rows: Vec<Value> = (0..40).map(call_log).collect();
    moving.lines(Table::CallLogs, &rows);
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [40, 0, 0, 0, 40, 0]);
    for table in ["call_logs", "call_tracking", "provider_events", "call_routes", "call_turns"] {
        assert_eq!(moving.one::<i64>(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    let open = "select count(*) from pg_attribute a join pg_class c on c.oid = a.attrelid
                 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'org_id'
                   and not a.attnotnull";
    assert_eq!(moving.one::<i64>(open).await, 0, "org_id is not null wherever it stands");
    let sealed: Vec<u8> = moving.one("select sealed from import_quarantine limit 1").await;
    assert!(!sealed.windows(10).any(|bytes| bytes == b"2025550123"), "a row that waits is sealed");
}

#[tokio::test]
async fn what_contradicts_waits() {
    let moving = Move::new().await;
    moving.practices();
    moving.lines(Table::Leads, &[json!({ "id": id("lead", 1), "org_id": org(2), "contact_name": "Amara Obi" })]);
    let nobody = Uuid::from_u128(99);
    let rows = [
        with(call_log(1), json!({ "org_id": org(1) })),
        with(call_log(2), json!({ "org_id": org(1), "agent_id": id("agent", 2) })),
        with(call_log(3), json!({ "org_id": org(1), "lead_id": id("lead", 1) })),
        with(call_log(4), json!({ "org_id": org(2), "vapi_call_id": "call-1" })),
        with(call_log(5), json!({ "org_id": nobody })),
        with(call_log(6), json!({ "agent_id": id("agent", 1), "lead_id": id("lead", 1) })),
        with(call_log(7), json!({ "org_id": "the first one" })),
        with(call_log(8), json!({ "org_id": org(1), "agent_id": nobody, "lead_id": nobody })),
        with(call_log(1), json!({ "org_id": org(2), "vapi_call_id": "call-9" })),
    ];
    moving.lines(Table::CallLogs, &rows);
    let report = moving.rehearsed(&Mapping::default()).await;
    assert!(report.complete, "{}", report.text());
    assert_eq!(counts(tally(&report, Table::CallLogs)), [9, 2, 0, 0, 7, 0]);
    for reason in [
        Reason::ForeignAgent,
        Reason::ForeignLead,
        Reason::Collision,
        Reason::UnknownOrganization,
        Reason::Ambiguous,
        Reason::NotAnId,
        Reason::RowOfAnother,
        Reason::UnknownAgent,
        Reason::UnknownLead,
    ] {
        assert_eq!(met(&report, reason), 1, "{reason:?} in {}", report.text());
    }
}

#[tokio::test]
async fn the_originals_default_organization_is_pointed_at_and_can_be_set_aside() {
    let moving = Move::new().await;
    moving.practices();
    let default = json!({ "id": ORIGINAL_DEFAULT, "name": "Default" });
    let practices = [default, json!({ "id": org(1), "name": "Elm Street Dental" })];
    moving.lines(Table::Organizations, &practices);
    moving
        .lines(Table::Agents, &[json!({ "id": id("agent", 1), "org_id": org(1), "vapi_assistant_id": "assistant-1" })]);
    let rows = [
        with(call_log(1), json!({ "org_id": ORIGINAL_DEFAULT, "agent_id": id("agent", 1) })),
        with(call_log(2), json!({ "org_id": ORIGINAL_DEFAULT })),
    ];
    moving.lines(Table::CallLogs, &rows);
    let believed = moving.import(&Mapping::default(), true).await;
    assert_eq!(met(&believed, Reason::DefaultOrganization), 1, "what contradicts says so itself: {}", believed.text());

    let aside = Mapping::parse(&format!("[organizations]\n'{ORIGINAL_DEFAULT}' = 'none'\n")).unwrap();
    let report = moving.rehearsed(&aside).await;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [2, 1, 0, 0, 1, 0]);
    assert_eq!(counts(tally(&report, Table::Organizations)), [2, 1, 0, 0, 1, 0]);
    assert_eq!(moving.one::<Uuid>("select org_id from call_logs").await, org(1));
}

#[tokio::test]
async fn an_organization_that_was_made_here_can_stand_for_one_of_the_original() {
    let moving = Move::new().await;
    let here = moving.db.organization("Elm Street Dental").await;
    moving.practices();
    moving.lines(Table::CallLogs, &[with(call_log(1), json!({ "org_id": org(1), "agent_id": id("agent", 1) }))]);
    let mapping = Mapping::parse(&format!("[organizations]\n'{}' = '{here}'\n", org(1))).unwrap();
    let report = moving.rehearsed(&mapping).await;
    assert_eq!(counts(tally(&report, Table::Organizations)), [2, 1, 1, 0, 0, 0]);
    assert_eq!(moving.one::<Uuid>("select org_id from call_logs").await, here.uuid());
    assert_eq!(moving.one::<Uuid>("select org_id from agents where name = 'Paige'").await, here.uuid());
    assert_eq!(moving.one::<i64>(&format!("select count(*) from organizations where org_id = '{}'", org(1))).await, 0);
}

#[tokio::test]
async fn a_number_that_was_mapped_here_tells_whose_a_call_is_and_who_rang() {
    let moving = Move::new().await;
    moving.practices();
    moving.run().await;
    let mut tx = moving.importer.tenancy.tenant(OrgId::from_uuid(org(2))).await.unwrap();
    let mapping = voice::numbers::actions::Mapping {
        number: "+442079460018",
        provider_number_id: None,
        agent_name: "Paige",
        assistant_id: "assistant-2",
    };
    map_number(&mut tx, Actor::System, &mapping).await.unwrap();
    tx.commit().await.unwrap();
    let row = with(call_log(1), json!({ "call_type": null, "to_number": "+44 (0)20 7946 0018" }));
    let right = with(call_log(2), json!({ "call_type": null, "to_number": "+44 20 7946 0018" }));
    moving.lines(Table::CallLogs, &[row, right]);
    let report = moving.rehearsed(&Mapping::default()).await;
    assert_eq!(counts(tally(&report, Table::CallLogs)), [2, 1, 0, 0, 1, 0]);
    let call: Value = moving.one("select to_jsonb(l) from call_logs l").await;
    assert_eq!(call["direction"], "inbound", "{call}");
    assert_eq!((&call["from_number"], &call["to_number"]), (&json!("+12025550123"), &json!("+442079460018")));
    assert_eq!(call["org_id"], json!(org(2)));
}

//! Moving in from the original system, from the command line, beside a running server.

use std::fmt::Write as _;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::binary::Installation;
use crate::support::{Client, PASSWORD, eventually};

const CALLS: usize = 3_000;

#[tokio::test]
async fn an_export_moves_in_though_the_command_is_killed_on_the_way() {
    let place = Installation::new();
    let server = place.serve(&[], &[]).await;
    let (first, second) = (Uuid::from_u128(0x1111), Uuid::from_u128(0x2222));
    write_export(&place, first, second);

    let dry = ["import", "original", "--from", "export", "--dry-run", "--json", "--report", "before.jsonl"];
    let foreseen: Value = serde_json::from_str(&place.succeed(&dry, "").await).unwrap();
    let count = |sql: &'static str| {
        let place = &place;
        async move { place.succeed(&["psql", "--", "-AtXc", sql], "").await.trim().parse::<usize>().unwrap() }
    };
    assert_eq!(count("select count(*) from call_logs").await, 0, "a dry run writes nothing");

    let import = ["import", "original", "--from", "export", "--json", "--report", "after.jsonl"];
    for rows in [500, 1500] {
        let mut child = place.command(&import, &[]).spawn().unwrap();
        eventually("some of it has come in", || async {
            (count("select count(*) from import_rows").await > rows).then_some(())
        })
        .await;
        child.start_kill().unwrap();
        child.wait().await.unwrap();
    }
    let done: Value = serde_json::from_str(&place.succeed(&import, "").await).unwrap();
    for part in ["tables", "reasons", "complete", "other_files"] {
        assert_eq!(done[part], foreseen[part], "{part}");
    }
    let expected = json!({ "read": CALLS, "imported": CALLS - 300, "already_there": 0, "merged": 0, "quarantined": 300, "refused": 0 });
    assert_eq!(done["tables"]["call_logs"], expected);
    assert_eq!(place.text("before.jsonl").lines().count(), place.text("after.jsonl").lines().count());
    assert!(!place.text("after.jsonl").contains("2025550123"), "a report names columns and quotes nothing");
    assert_eq!(count("select count(*) from call_logs").await, CALLS - 300);

    let again: Value = serde_json::from_str(&place.succeed(&import, "").await).unwrap();
    assert_eq!(again["tables"]["call_logs"]["already_there"], CALLS - 300);
    assert_eq!(count("select count(*) from call_logs").await, CALLS - 300);

    assign_what_waits(&place, first).await;
    the_owner_sees_their_calls(&place, first).await;
    assert!(server.stop().await.success());
}

fn write_export(place: &Installation, first: Uuid, second: Uuid) {
    let folder = place.file("export");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("organizations.csv"),
        format!("id,name,timezone\n{first},Elm Street Dental,Europe/London\n{second},Birch Lane Dental,\n"),
    )
    .unwrap();
    std::fs::write(folder.join("users.csv"), "id,email\n").unwrap();
    let mut calls = "id,org_id,vapi_call_id,status,created_at,duration_seconds,call_type,from_number\n".to_owned();
    for number in 0..CALLS {
        let org = match number % 10 {
            0 => String::new(),
            1..6 => first.to_string(),
            _ => second.to_string(),
        };
        let id = Uuid::from_u128(0x4000_0000_0000_0000_8000_0000_0000_0000 + number as u128);
        writeln!(calls, "{id},{org},call-{number},completed,2025-12-01 10:00:00+00,60,inbound,+12025550123").unwrap();
    }
    std::fs::write(folder.join("call_logs.csv"), calls).unwrap();
}

async fn assign_what_waits(place: &Installation, org: Uuid) {
    let listed = place.succeed(&["import", "waiting", "--json"], "").await;
    let waiting: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(waiting.len(), 300);
    assert_eq!((&waiting[0]["reason"], &waiting[0]["column"]), (&json!("no_organization"), &json!("org_id")));
    let (row, org) = (waiting[0]["id"].as_str().unwrap(), org.to_string());
    let told = place.succeed(&["import", "assign", row, "--org", &org], "").await;
    assert!(told.contains(&org), "{told}");
    assert!(place.fail(&["import", "assign", row, "--org", &org], "", &[]).await.contains("no such row waits"));
    std::fs::write(place.file("mapping.toml"), format!("[calls]\n'call-10' = '{org}'\n")).unwrap();
    let told = place.succeed(&["import", "assign", "--again", "--map", "mapping.toml"], "").await;
    assert_eq!(told, "1 rows were taken, 298 wait still.\n");
    let wrong = place.fail(&["import", "original", "--from", "nowhere"], "", &[]).await;
    assert!(wrong.contains("nowhere cannot be read"), "{wrong}");
}

async fn the_owner_sees_their_calls(place: &Installation, org: Uuid) {
    let org = org.to_string();
    let owner = ["admin", "add-owner", "--org", &org, "--email", "owner@elmstreet.example", "--password-stdin"];
    place.succeed(&owner, PASSWORD).await;
    assert!(place.fail(&owner, PASSWORD, &[]).await.contains("member already"));
    let body = json!({ "email": "owner@elmstreet.example", "password": PASSWORD });
    let issued = Client::new(&place.base(), None).post("/api/v1/auth/login", &body).await.expect(200).json();
    let client = Client::new(&place.base(), issued["access_token"].as_str().map(str::to_owned));
    // Half of them are the other practice's; two of those that waited were given to this one.
    assert_eq!(client.calls().await.len(), CALLS / 2 + 2);
}

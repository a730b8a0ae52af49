//! Organizations made from the command line.

use identity::organizations::actions::{
    OrganizationError, create_organization, ensure_operator_organization, operator_organization,
};
use identity::organizations::model::NewOrganization;
use platform::ids::OrgId;
use platform::secret::Secret;

use crate::app::{PASSWORD, TestApp, ask};

fn new(name: &str, email: &str, password: &str) -> NewOrganization {
    NewOrganization {
        name: name.to_owned(),
        zone: "Europe/London".to_owned(),
        owner_email: email.to_owned(),
        owner_name: "Olive Owner".to_owned(),
        owner_password: Secret::new(password),
        first_user_is_operator: true,
        is_demo: false,
    }
}

#[tokio::test]
async fn the_first_person_becomes_operator_and_nobody_after() {
    let app = TestApp::new().await;
    for email in ["olive@example.com", "sam@example.com"] {
        create_organization(&app.db.tenancy(), &app.db.clock(), new("Harbour", email, PASSWORD)).await.unwrap();
    }
    let operator = async |email: &str| {
        let token = app.login(email).await;
        app.send(ask("GET", "/api/v1/me").bearer(&token)).await.body["is_operator"].clone()
    };
    assert_eq!((operator("olive@example.com").await, operator("sam@example.com").await), (true.into(), false.into()));
}

#[tokio::test]
async fn of_two_first_persons_at_once_one_is_operator() {
    let app = TestApp::new().await;
    let (tenancy, clock) = (app.db.tenancy(), app.db.clock());
    let both = async {
        tokio::join!(
            create_organization(&tenancy, &clock, new("Harbour", "olive@example.com", PASSWORD)),
            create_organization(&tenancy, &clock, new("Station", "sam@example.com", PASSWORD)),
        )
    };
    let (a, b) = Box::pin(app.line_up("lock table users in share row exclusive mode", 2, both)).await;
    assert!(a.is_ok() && b.is_ok());
    let mut admin = app.db.admin().await;
    let operators: i64 =
        sqlx::query_scalar("select count(*) from users where is_operator").fetch_one(&mut admin).await.unwrap();
    assert_eq!(operators, 1);
}

#[tokio::test]
async fn an_existing_person_becomes_owner_here_too_with_their_own_password() {
    let app = TestApp::new().await;
    let (tenancy, clock) = (app.db.tenancy(), app.db.clock());
    let first = create_organization(&tenancy, &clock, new("Harbour", "olive@example.com", PASSWORD)).await.unwrap();
    let refused =
        create_organization(&tenancy, &clock, new("Station", "Olive@Example.com", "another long password")).await;
    assert!(matches!(refused, Err(OrganizationError::OwnerPasswordDiffers)));
    let second = create_organization(&tenancy, &clock, new("Station", "Olive@Example.com", PASSWORD)).await.unwrap();
    assert_eq!(first.user_id, second.user_id);
    assert_ne!(first.org_id, second.org_id);
    let mut admin = app.db.admin().await;
    let orgs: i64 = sqlx::query_scalar("select count(*) from organizations").fetch_one(&mut admin).await.unwrap();
    assert_eq!(orgs, 2, "a refusal leaves nothing behind");
}

#[tokio::test]
async fn faulty_input_names_its_field() {
    let app = TestApp::new().await;
    let good = || new("Harbour", "olive@example.com", PASSWORD);
    let cases = [
        ("name", NewOrganization { name: " ".to_owned(), ..good() }),
        ("name", NewOrganization { name: "a\0b".to_owned(), ..good() }),
        ("name", NewOrganization { name: "a".repeat(201), ..good() }),
        ("owner_name", NewOrganization { owner_name: String::new(), ..good() }),
        ("owner_email", NewOrganization { owner_email: "olive".to_owned(), ..good() }),
        ("zone", NewOrganization { zone: "Etc/Unknown".to_owned(), ..good() }),
        ("password", NewOrganization { owner_password: Secret::new("short"), ..good() }),
    ];
    for (expected, new) in cases {
        let result = create_organization(&app.db.tenancy(), &app.db.clock(), new).await;
        assert!(matches!(result, Err(OrganizationError::Invalid { field, .. }) if field == expected), "{expected}");
    }
}

#[tokio::test]
async fn the_operators_organization_is_there_from_the_first_start_and_the_first_owner_takes_it_over() {
    let app = TestApp::new().await;
    let (tenancy, clock) = (app.db.tenancy(), app.db.clock());
    assert_eq!(operator_organization(&tenancy).await.unwrap(), None);
    let ensure = async |named| ensure_operator_organization(&tenancy, &clock, named, true).await;
    let org = ensure(None).await.unwrap();
    assert_eq!(ensure(None).await.unwrap(), org, "a second start makes no second one");

    let invented = NewOrganization { is_demo: true, ..new("Invented", "olive@example.com", PASSWORD) };
    let invented = create_organization(&tenancy, &clock, invented).await.unwrap();
    assert_ne!(invented.org_id, org, "an invented practice does not become the operator's");

    let first = create_organization(&tenancy, &clock, new("Agency", "sam@example.com", PASSWORD)).await.unwrap();
    assert_eq!(first.org_id, org);
    let second = create_organization(&tenancy, &clock, new("Harbour", "tess@example.com", PASSWORD)).await.unwrap();
    assert_ne!(second.org_id, org, "it is taken over once");
    assert_eq!(operator_organization(&tenancy).await.unwrap(), Some(org));
    let row: (String, String, bool) = sqlx::query_as("select name, zone, is_demo from organizations where org_id = $1")
        .bind(org)
        .fetch_one(&mut app.db.admin().await)
        .await
        .unwrap();
    assert_eq!(row, ("Agency".to_owned(), "Europe/London".to_owned(), false));

    assert_eq!(ensure(Some(second.org_id)).await.unwrap(), second.org_id);
    assert_eq!(operator_organization(&tenancy).await.unwrap(), Some(second.org_id));
    assert!(matches!(ensure(Some(OrgId::new())).await, Err(OrganizationError::NotFound)));
    assert_eq!(operator_organization(&tenancy).await.unwrap(), Some(second.org_id), "a wrong name changes nothing");
}

#[tokio::test]
async fn the_first_organization_made_is_the_operators() {
    let app = TestApp::new().await;
    let (tenancy, clock) = (app.db.tenancy(), app.db.clock());
    let first = create_organization(&tenancy, &clock, new("Agency", "olive@example.com", PASSWORD)).await.unwrap();
    create_organization(&tenancy, &clock, new("Harbour", "sam@example.com", PASSWORD)).await.unwrap();
    assert_eq!(operator_organization(&tenancy).await.unwrap(), Some(first.org_id));
    assert_eq!(ensure_operator_organization(&tenancy, &clock, None, false).await.unwrap(), first.org_id);
}

//! A button that is pressed twice without script: the thing is done once, and the page shown is the first one.

use http::StatusCode;

use crate::desk::{Answer, Browser, Desk, PASSWORD};

const KEYS: &str = "/app/settings/api-keys";
const MAKE: &str = "/app/settings/api-keys/create";

/// What the page's form for a new key sends.
struct Opened {
    token: String,
    key: String,
}

impl Opened {
    async fn new(browser: &mut Browser<'_>) -> Self {
        let page = browser.get(KEYS).await;
        let form = page.between(&format!("action=\"{MAKE}\""), "</form>");
        let field = |name: &str| {
            form.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        Self { token: field("_csrf"), key: field("_key") }
    }

    async fn press(&self, browser: &mut Browser<'_>, name: &str) -> Answer {
        let fields = [("_csrf", self.token.as_str()), ("_key", &self.key), ("name", name), ("scope", "calls:read")];
        browser.post(MAKE, &fields).await
    }
}

async fn keys(desk: &Desk) -> i64 {
    desk.count("select count(*) from api_keys").await
}

#[tokio::test]
async fn a_key_is_made_once_and_shown_again() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let form = Opened::new(&mut owner).await;
    let first = form.press(&mut owner, "Practice software").await;
    let again = form.press(&mut owner, "Practice software").await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &first.body));
    assert!(first.between("id=\"fresh-key\">", "<").starts_with("vx_"));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    for name in ["content-type", "content-security-policy", "referrer-policy", "cache-control"] {
        assert_eq!(again.headers[name], first.headers[name], "{name}");
    }
    assert_eq!(keys(&desk).await, 1);
}

#[tokio::test]
async fn two_presses_at_once_get_one_answer() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let form = Opened::new(&mut owner).await;
    let mut same = owner.clone();
    let (one, other) = tokio::join!(form.press(&mut owner, "Desk"), form.press(&mut same, "Desk"));
    assert_eq!((one.status, &one.body), (other.status, &other.body));
    assert_eq!((one.status, keys(&desk).await), (StatusCode::OK, 1));
}

#[tokio::test]
async fn a_corrected_word_and_a_new_page_are_another_wish() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let form = Opened::new(&mut owner).await;
    let refused = form.press(&mut owner, " ").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(form.press(&mut owner, "Desk").await.status, StatusCode::OK, "after going back");
    let next = Opened::new(&mut owner).await;
    assert_eq!(next.press(&mut owner, "Desk").await.status, StatusCode::OK);
    assert_eq!(keys(&desk).await, 2);
}

#[tokio::test]
async fn who_signed_out_is_not_shown_the_answer_again() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let form = Opened::new(&mut owner).await;
    let shown = form.press(&mut owner, "Desk").await;
    owner.submit(KEYS, "/sign-out", &[]).await;
    let outside = form.press(&mut owner, "Desk").await;
    assert_eq!((outside.status, outside.location()), (StatusCode::SEE_OTHER, "/signin"));
    owner.post("/signin", &[("email", &practice.owner), ("password", PASSWORD)]).await;
    let later = form.press(&mut owner, "Desk").await;
    assert_eq!(later.status, StatusCode::FORBIDDEN, "another session");
    assert!(shown.body.contains("fresh-key") && !later.body.contains("fresh-key"));
}

#[tokio::test]
async fn a_changed_password_says_so_twice() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let page = owner.get("/app/settings/profile").await;
    let form = page.between("action=\"/app/settings/profile/password\"", "</form>").to_owned();
    let field = |name: &str| {
        form.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let (token, key) = (field("_csrf"), field("_key"));
    let fields =
        [("_csrf", token.as_str()), ("_key", &key), ("current", PASSWORD), ("new", "five other words in a row")];
    for _ in 0..2 {
        let answer = owner.post("/app/settings/profile/password", &fields).await;
        assert_eq!(answer.location(), "/app/settings/profile?done=password", "{}", answer.body);
    }
}

#[tokio::test]
async fn what_only_sets_something_carries_no_key() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let page = owner.get("/app/settings/profile").await;
    let preferences = page.between("action=\"/app/settings/profile/preferences\"", "</form>");
    assert!(preferences.contains("_csrf") && !preferences.contains("_key"));
}

#[tokio::test]
async fn who_joined_by_a_link_and_presses_again_is_let_in_again() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let mut owner = desk.signed_in(&practice.owner).await;
    let fields = [("email", "mei@bright-dental.example"), ("role", "viewer")];
    let made = owner.submit("/app/settings/team", "/app/settings/team/invite", &fields).await;
    let link = made.between("http://desk.example", "<").to_owned();
    let (mut mei, fields) = (desk.browser(), [("name", "Mei Tanaka"), ("password", PASSWORD)]);
    let mut same = mei.clone();
    let (one, other) = tokio::join!(mei.post(&link, &fields), same.post(&link, &fields));
    assert_eq!((one.location(), other.location()), ("/app", "/app"), "{} {}", one.body, other.body);
    for mut browser in [mei, same] {
        assert!(browser.get("/app").await.body.contains("Bright Dental"), "both presses let in");
    }
    let joined = "select count(*) from memberships where role = 'viewer'";
    assert_eq!(desk.count(joined).await, 1);

    let guess = desk.browser().post(&link, &[("name", "Mei Tanaka"), ("password", "five other words in a row")]).await;
    assert_eq!(guess.status, StatusCode::NOT_FOUND, "the link is nobody else's");
    desk.clock.advance(jiff::SignedDuration::from_mins(11));
    let late = desk.browser().post(&link, &fields).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND, "nor is it a second way to sign in");
}

#[tokio::test]
async fn who_set_a_password_by_a_link_and_presses_again_is_told_so_again() {
    let desk = Desk::new().await;
    let practice = desk.practice("Bright Dental", "amara@bright-dental.example").await;
    let link = desk.reset_link(&practice.owner).await;
    let new = "five other words in a row";
    let (mut amara, mut same) = (desk.browser(), desk.browser());
    let fields = [("password", new)];
    let (one, other) = tokio::join!(amara.post(&link, &fields), same.post(&link, &fields));
    for answer in [&one, &other] {
        assert_eq!(answer.location(), "/signin?done=reset", "{}", answer.body);
    }
    assert_eq!(desk.count("select count(*) from audit_log where action = 'user.password_reset'").await, 1);
    assert_eq!(desk.count("select count(*) from mails where template = 'account.password_changed'").await, 1);

    let guess = desk.browser().post(&link, &[("password", PASSWORD)]).await;
    assert_eq!(guess.status, StatusCode::NOT_FOUND, "a used link sets nothing and confirms nothing else");
    desk.clock.advance(jiff::SignedDuration::from_mins(11));
    assert_eq!(desk.browser().post(&link, &fields).await.status, StatusCode::NOT_FOUND);
}

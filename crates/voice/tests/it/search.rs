//! The list of calls and the search in it, against a reference that looks at every call.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use platform::http::{Cursor, Limit};
use platform::ids::OrgId;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use uuid::Uuid;
use voice::calls::actions::list_calls;
use voice::calls::jobs::index_all;
use voice::calls::model::{CallFilter, Direction, Status};

use crate::messages::{self, about};
use crate::support::Desk;

const STATUSES: [Status; 3] = [Status::Ringing, Status::InProgress, Status::Ended];
const DIRECTIONS: [Direction; 3] = [Direction::Inbound, Direction::Outbound, Direction::Web];

/// A call as the reference knows it.
struct Known {
    org: OrgId,
    id: Uuid,
    at: Timestamp,
    status: Status,
    direction: Option<Direction>,
    text: String,
    from: String,
}

impl Known {
    async fn plant(&self, admin: &mut PgConnection) {
        sqlx::query(
            "insert into call_logs (org_id, id, provider, provider_call_id, direction, status, from_number, at, summary)
             values ($1, $2, 'vapi', $2::text, $3, $4, $5, $6, $7)",
        )
        .bind(self.org)
        .bind(self.id)
        .bind(self.direction.map(Direction::as_str))
        .bind(self.status.as_str())
        .bind(&self.from)
        .bind(self.at.to_sqlx())
        .bind(&self.text)
        .execute(&mut *admin)
        .await
        .unwrap();
        sqlx::query("insert into call_search_queue (org_id, call_id) values ($1, $2)")
            .bind(self.org)
            .bind(self.id)
            .execute(admin)
            .await
            .unwrap();
    }

    /// Every word typed begins a word said, or a tail of the number of at least four digits.
    fn matches(&self, words: &str) -> bool {
        let digits = self.from.trim_start_matches('+');
        let tails = (4..=digits.len()).map(|length| &digits[digits.len() - length..]);
        let known: Vec<String> = self.text.split_whitespace().chain(tails).map(str::to_lowercase).collect();
        words.split_whitespace().all(|word| known.iter().any(|known| known.starts_with(&word.to_lowercase())))
    }

    fn passes(&self, org: OrgId, filter: &CallFilter) -> bool {
        self.org == org
            && filter.status.is_none_or(|status| self.status == status)
            && filter.direction.is_none_or(|direction| self.direction == Some(direction))
            && filter.from.is_none_or(|from| self.at >= from)
            && filter.to.is_none_or(|to| self.at < to)
            && filter.words.as_deref().is_none_or(|words| self.matches(words))
    }
}

fn word(rng: &mut ChaCha8Rng) -> String {
    let letters = ["a", "b", "c", "\u{e4}", "Z"];
    (0..rng.random_range(1..5)).map(|_| *letters.choose(rng).unwrap()).collect()
}

/// Calls of three organizations that use the same few words, numbers and moments.
async fn planted(desk: &Desk, rng: &mut ChaCha8Rng) -> (Vec<OrgId>, Vec<Known>) {
    let mut orgs = Vec::new();
    for name in ["Harbour", "Hill", "Valley"] {
        orgs.push(desk.db.organization(name).await);
    }
    let start: Timestamp = "2026-10-05T09:00:00Z".parse().unwrap();
    let mut admin = desk.db.admin().await;
    let mut calls = Vec::new();
    admin.execute("begin").await.unwrap();
    for _ in 0..360 {
        let call = Known {
            org: *orgs.choose(rng).unwrap(),
            id: Uuid::from_u128(rng.random()),
            // A dozen moments: most calls share theirs with others.
            at: start.checked_add(SignedDuration::from_secs(rng.random_range(0..12))).unwrap(),
            status: *STATUSES.choose(rng).unwrap(),
            direction: rng.random_bool(0.9).then(|| *DIRECTIONS.choose(rng).unwrap()),
            text: (0..rng.random_range(0..9)).map(|_| word(rng)).collect::<Vec<_>>().join(" "),
            from: format!("+120255501{:02}", rng.random_range(0..100)),
        };
        call.plant(&mut admin).await;
        calls.push(call);
    }
    admin.execute("commit").await.unwrap();
    (orgs, calls)
}

/// Every page of the list, one after the other.
async fn pages(desk: &Desk, org: OrgId, filter: &CallFilter, limit: i64) -> Vec<Uuid> {
    let limit = Limit::from_parameter(Some(limit)).unwrap();
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = list_calls(&desk.tenancy, org, filter, cursor, limit).await.unwrap();
        assert!(page.items.len() <= limit.rows());
        found.extend(page.items.iter().map(|call| call.id.uuid()));
        match page.next_cursor {
            Some(next) => cursor = Some(Cursor::from_parameter(&next).unwrap()),
            None => return found,
        }
    }
}

fn expected(calls: &[Known], org: OrgId, filter: &CallFilter) -> Vec<Uuid> {
    let mut found: Vec<_> =
        calls.iter().filter(|call| call.passes(org, filter)).map(|call| (call.at, call.id)).collect();
    found.sort_unstable_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, id)| id).collect()
}

#[tokio::test]
async fn the_list_is_what_looking_at_every_call_gives() {
    let desk = Desk::new().await;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (orgs, calls) = planted(&desk, &mut rng).await;
    index_all(&desk.tenancy).await.unwrap();
    let mut hits = 0;
    for round in 0..160 {
        let org = orgs[round % orgs.len()];
        let moment = |rng: &mut ChaCha8Rng| Some(calls[rng.random_range(0..calls.len())].at);
        let words = match rng.random_range(0..4) {
            0 => None,
            1 => Some(word(&mut rng)),
            2 => Some(format!("{} {}", word(&mut rng), word(&mut rng))),
            _ => {
                let from = &calls[rng.random_range(0..calls.len())].from;
                Some(from[from.len() - rng.random_range(3..9)..].to_owned())
            }
        };
        let filter = CallFilter {
            status: rng.random_bool(0.3).then(|| *STATUSES.choose(&mut rng).unwrap()),
            direction: rng.random_bool(0.3).then(|| *DIRECTIONS.choose(&mut rng).unwrap()),
            from: if rng.random_bool(0.3) { moment(&mut rng) } else { None },
            to: if rng.random_bool(0.3) { moment(&mut rng) } else { None },
            words,
        };
        let limit = [1, 2, 7, 100][rng.random_range(0..4)];
        let found = pages(&desk, org, &filter, limit.max(if filter.words.is_none() { 5 } else { 2 })).await;
        assert_eq!(found, expected(&calls, org, &filter), "{filter:?}, pages of {limit}");
        hits += usize::from(!found.is_empty());
    }
    assert!(hits > 40, "the questions find something: {hits}");
    desk.close().await;
}

#[tokio::test]
async fn equal_moments_are_paged_through_without_loss_or_repeat() {
    let desk = Desk::new().await;
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (orgs, calls) = planted(&desk, &mut rng).await;
    let all = CallFilter::default();
    for limit in [1, 3, 100] {
        assert_eq!(pages(&desk, orgs[0], &all, limit).await, expected(&calls, orgs[0], &all), "pages of {limit}");
    }
    desk.close().await;
}

#[tokio::test]
async fn whatever_is_typed_is_searched_for_and_never_a_fault() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    desk.take(Some(org), &about(&messages::report(), "call-1")).await;
    index_all(&desk.tenancy).await.unwrap();
    let long = "check ".repeat(66);
    for typed in [
        ":*",
        "'",
        "''",
        "\\",
        "%",
        "_",
        "!",
        "&",
        "|",
        "<->",
        "( )",
        "!check",
        "check & !up",
        "'check':*",
        "\\'",
        "a:b:c",
        "\u{202e}",
        "\u{1f600}",
        "\u{130}",
        "--",
        "$1",
        "; select 1",
        "<b>",
        "http://example.test/?q='x'",
        "x@example.test",
        "check-up's",
        "\u{fffd}",
        "0x00",
        "1e9",
        &long,
    ] {
        let filter = CallFilter { words: Some(typed.to_owned()), ..CallFilter::default() };
        let found = pages(&desk, org, &filter, 20).await;
        assert!(found.len() <= 1, "{typed}");
    }
    for (typed, finds) in [
        ("check", 1),
        ("CHECK up", 1),
        ("marsh", 1),
        ("ada harb", 1),
        ("0123", 1),
        ("2025550123", 1),
        ("0124", 0),
        ("heck", 0),
    ] {
        let filter = CallFilter { words: Some(typed.to_owned()), ..CallFilter::default() };
        assert_eq!(pages(&desk, org, &filter, 20).await.len(), finds, "{typed}");
    }
    desk.close().await;
}

#[tokio::test]
async fn what_is_learnt_after_the_end_is_found_too() {
    let desk = Desk::new().await;
    let org = desk.db.organization("Harbour").await;
    let bare = messages::message(
        "status-update",
        64.0,
        messages::Shows(0x100),
        "inboundPhoneCall",
        &serde_json::json!({ "status": "ended" }),
    );
    desk.take(Some(org), &about(&bare, "call-1")).await;
    index_all(&desk.tenancy).await.unwrap();
    desk.take(Some(org), &about(&messages::said("user", "Wurzelbehandlung", 7.0), "call-1")).await;
    index_all(&desk.tenancy).await.unwrap();
    for words in ["wurzel", "marsh", "0123"] {
        let filter = CallFilter { words: Some(words.to_owned()), ..CallFilter::default() };
        assert_eq!(pages(&desk, org, &filter, 20).await.len(), 1, "{words}");
    }
    desk.close().await;
}

#[tokio::test]
async fn the_word_index_serves_one_organizations_words() {
    let desk = Desk::new().await;
    let (org, other) = (desk.db.organization("Harbour").await, desk.db.organization("Hill").await);
    let mut admin = desk.db.admin().await;
    // Keys do not matter to a plan.
    admin.execute("set session_replication_role = replica").await.unwrap();
    for (owner, rows) in [(org, 5_000), (other, 15_000)] {
        let insert = format!(
            "insert into call_search (org_id, call_id, at, document)
             select '{owner}', gen_random_uuid(), now() - n * interval '1 minute',
                    to_tsvector('simple', 'dentist word' || n % 500 || ' term' || n
                                || (select string_agg(' filler' || (n * 31 + k) % 3000, '') from generate_series(1, 40) k)) || array_to_tsvector(array[search_org_lexeme('{owner}')])
               from generate_series(1, {rows}) n"
        );
        admin.execute(AssertSqlSafe(insert)).await.unwrap();
    }
    admin.execute("analyze call_search").await.unwrap();
    let mut system = PgConnection::connect_with(&desk.db.logins().system).await.unwrap();
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
        "explain select s.call_id from call_search s
          where s.document @@ (('''' || search_org_lexeme('{org}') || '''')::tsquery && search_query('word123'))
            and s.org_id = '{org}'"
    )))
    .fetch_all(&mut system)
    .await
    .unwrap();
    assert!(plan.iter().any(|line| line.contains("call_search_words")), "{plan:#?}");
    let body: String = sqlx::query_scalar("select prosrc from pg_proc where proname = 'search_calls'")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(
        body.contains("search_org_lexeme(v_org) || '''')::tsquery && v_query"),
        "the plan above is of another query: {body}"
    );

    let mut tx = desk.tenancy.tenant(org).await.unwrap();
    let found: i64 = sqlx::query_scalar("select count(*) from search_calls('word123', null, null)")
        .fetch_one(tx.conn())
        .await
        .unwrap();
    assert_eq!(found, 10, "of 5,000 of ours, none of 15,000 of theirs");
    tx.commit().await.unwrap();
    desk.close().await;
}

//! `/app/operator/limits`.

use axum::extract::State as Extract;
use http::HeaderMap;
use identity::{Operator, Viewer};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use platform::http::ApiError;

use crate::page::Page;
use crate::pages::limits::{self, Limits, Quota};
use crate::usage::{self, Usage};
use crate::{State, context, format, store};

pub(super) async fn show(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(&state, &headers, &caller, &mut tx).await?;
    tx.commit().await?;
    let since = month_of(chrome.frame.now)?;
    let mut tx = state.tenancy().system("an operator looks at what all organizations use").await?;
    let database = store::database_bytes(&mut tx).await?;
    let calls = store::provider_use(&mut tx, since).await?;
    tx.commit().await?;
    let health = state.outbox.health().await.map_err(ApiError::internal)?;
    let root = state.data_dir.clone();
    let files = tokio::task::spawn_blocking(move || usage::measure(&root)).await.map_err(ApiError::internal)?;
    let files = files.map_err(ApiError::internal)?;
    let view = Limits {
        quotas: vec![
            mail(health.used, health.limit),
            database_size(database, state.quotas.database_bytes),
            storage(files, state.quotas.storage_bytes),
            minutes(calls.seconds, state.quotas.provider_minutes, since),
            cost(&calls.costs, state.quotas.provider_cost_usd, since),
        ],
    };
    let chrome = context::whole(&state, &caller, chrome, None).await?;
    Ok(Page::app(&chrome, limits::page(&chrome, &view)))
}

/// The first moment of the month in UTC, as providers count.
fn month_of(now: Timestamp) -> Result<Timestamp, ApiError> {
    let first = now.to_zoned(TimeZone::UTC).first_of_month().and_then(|day| day.start_of_day());
    first.map(|day| day.timestamp()).map_err(ApiError::internal)
}

#[expect(clippy::cast_precision_loss, reason = "a bar on a page; limits end at 2^53")]
fn share(used: u64, limit: Option<u64>) -> Option<(f64, f64)> {
    limit.map(|limit| (used as f64, limit as f64))
}

fn mail(used: u32, limit: u32) -> Quota {
    Quota {
        id: "mail",
        title: "Mail, last 24 hours",
        used: format!("{used} {}", if used == 1 { "recipient" } else { "recipients" }),
        limit: Some(limit.to_string()),
        share: share(u64::from(used), Some(u64::from(limit))),
        variable: "VOXANNE_MAIL_DAILY_LIMIT",
        counts: "Recipients handed to the relay, copies included. It holds over any 24 hours, so also over a UTC day."
            .to_owned(),
        upgrade: "A larger plan of the relay; then raise this limit to what the plan allows. Until then mails wait, sign-in \
                  mails least.",
    }
}

fn database_size(used: u64, limit: Option<u64>) -> Quota {
    Quota {
        id: "database",
        title: "Database",
        used: format::bytes(used),
        limit: limit.map(format::bytes),
        share: share(used, limit),
        variable: "VOXANNE_LIMIT_DATABASE_BYTES",
        counts: "Everything in the database: calls with their events, mails, accounts, indexes.".to_owned(),
        upgrade: "A larger plan of the managed PostgreSQL, or a larger disk for the private one. A database that is full \
                  stops taking in calls.",
    }
}

fn storage(used: Usage, limit: Option<u64>) -> Quota {
    let shown = format::bytes(used.bytes);
    Quota {
        id: "storage",
        title: "Files",
        used: if used.cut { format!("more than {shown}") } else { shown },
        limit: limit.map(format::bytes),
        share: share(used.bytes, limit),
        variable: "VOXANNE_LIMIT_STORAGE_BYTES",
        counts: "Files in the data directory of this node, the private database not counted.".to_owned(),
        upgrade: "A larger disk for the data directory.",
    }
}

fn since_words(since: Timestamp) -> String {
    format!("All organizations together, since {}.", format::in_full(since, &TimeZone::UTC))
}

fn minutes(seconds: u64, limit: Option<u64>, since: Timestamp) -> Quota {
    let used = seconds.div_ceil(60);
    Quota {
        id: "minutes",
        title: "Call minutes, this month",
        used: format::count(used),
        limit: limit.map(format::count),
        share: share(used, limit),
        variable: "VOXANNE_LIMIT_PROVIDER_MINUTES",
        counts: since_words(since),
        upgrade: "A larger plan of the voice provider, or a second account for some organizations.",
    }
}

/// Cost per currency; the limit is in US dollars, which is what the provider bills in.
fn cost(costs: &[(String, u64)], limit: Option<u64>, since: Timestamp) -> Quota {
    let money = |micros: u64, currency: &str| format::money(i64::try_from(micros).unwrap_or(i64::MAX), currency);
    let all: Vec<String> = costs.iter().map(|(currency, micros)| money(*micros, currency)).collect();
    let dollars = costs.iter().find(|(currency, _)| currency == "USD").map_or(0, |(_, micros)| *micros);
    let limit = limit.map(|dollars| dollars.saturating_mul(1_000_000));
    Quota {
        id: "cost",
        title: "Provider cost, this month",
        used: if all.is_empty() { money(0, "USD") } else { all.join(", ") },
        limit: limit.map(|micros| money(micros, "USD")),
        share: share(dollars, limit),
        variable: "VOXANNE_LIMIT_PROVIDER_COST_USD",
        counts: format!("{} As the provider reported it call by call; its invoice may differ.", since_words(since)),
        upgrade: "Raise the spending limit at the voice provider, then here. Shorter calls and a cheaper model or voice cost \
                  less.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_midnight_utc() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(month_of(at("2026-11-24T14:00:00Z")).unwrap(), at("2026-11-01T00:00:00Z"));
        assert_eq!(month_of(at("2026-12-01T00:00:00Z")).unwrap(), at("2026-12-01T00:00:00Z"));
    }

    #[test]
    fn money_of_another_currency_is_shown_and_not_counted_as_dollars() {
        let costs = [("EUR".to_owned(), 5_000_000), ("USD".to_owned(), 2_000_000)];
        let quota = cost(&costs, Some(4), "2026-11-01T00:00:00Z".parse().unwrap());
        assert_eq!((quota.used.as_str(), quota.share), ("€5.00, $2.00", Some((2e6, 4e6))));
    }

    #[test]
    fn a_begun_minute_counts_as_one() {
        assert_eq!(minutes(61, None, Timestamp::UNIX_EPOCH).used, "2");
    }
}

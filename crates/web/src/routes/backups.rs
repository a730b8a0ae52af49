//! `/app/operator/backups`. The shell is that of the operator's own organization; a backup holds all of them.

use alarms::status::Part;
use axum::extract::State as Extract;
use backup::records::{self, Outcome, Record};
use http::HeaderMap;
use identity::{Operator, Viewer};
use platform::http::{ApiError, Cursor, Limit, Query};

use super::{Asked, status};
use crate::components::Tone;
use crate::page::Page;
use crate::pages::backups::{self, BackupRow, Backups};
use crate::pages::status::BACKUPS;
use crate::{State, context};

pub(super) async fn show(
    _: Operator,
    caller: Viewer,
    Extract(state): Extract<State>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Page, ApiError> {
    let mut tx = caller.begin(state.tenancy()).await?;
    let chrome = context::chrome(&state, &headers, &caller, &mut tx).await?;
    tx.commit().await?;
    let cursor = asked.cursor.as_deref().map(Cursor::from_parameter).transpose()?;
    let found = records::list(state.tenancy(), cursor, Limit::from_parameter(Some(50))?).await?;
    let view = Backups {
        part: status::part_card(&state.alarms.status().await, Part::Backups),
        rows: found.items.into_iter().map(row).collect(),
        older: found.next_cursor.map(|cursor| format!("{BACKUPS}?cursor={cursor}")),
        paged: cursor.is_some(),
    };
    let chrome = context::whole(&state, &caller, chrome, None).await?;
    Ok(Page::app(&chrome, backups::page(&chrome, &view)))
}

fn row(record: Record) -> BackupRow {
    BackupRow {
        started_at: record.started_at,
        word: match record.outcome {
            Outcome::Running => ("Being taken", Tone::Neutral),
            Outcome::Done => ("Complete", Tone::Ok),
            Outcome::Failed => ("Failed", Tone::Bad),
            Outcome::Damaged => ("Damaged", Tone::Bad),
        },
        error: record.error,
        bytes: record.bytes,
        place: record.place,
        verified_at: record.verified_at,
        removed_at: record.removed_at,
    }
}

//! Is the installation well, and who hears of it when it is not.
//!
//! - [`signs`]: what is watched, how it is measured, and when a measurement is worrying.
//! - [`alerts`]: alerts that open once, tell sparingly and end by themselves; mails and webhooks to the operator.
//! - [`status`]: the truth in parts, the same for `/ready` and for the operator's page.
//! - [`heartbeat`]: the dead man's switch.
//!
//! Tables: `vital_signs`, `alerts`, `alert_notices`. Rules: a sign that cannot be read is not fine; nothing is told of a
//! person; nothing is sent while a transaction is open.

pub mod alerts;
pub mod heartbeat;
pub mod signs;
pub mod status;

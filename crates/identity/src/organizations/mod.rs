//! Organizations, who belongs to them, who is invited, and what was done in them.
//!
//! Tables: `organizations`, `memberships`, `invitations`, and the reading of `audit_log`.
//!
//! Rules:
//! - Somebody may be given, change, or lose a role only by a member who holds at least that role; only owners make or
//!   change owners. The last owner stays one.
//! - An invitation is a link with a token that only the link has; seven days, one use. Inviting the same address again
//!   makes a new link and the old one stops working.
//! - The link is sent by mail and shown to whoever invites. It adds a new person, or somebody who has an account and proves it.

pub mod actions;
pub(crate) mod api;
pub(crate) mod mails;
pub mod model;
pub(crate) mod store;

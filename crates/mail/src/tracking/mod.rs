//! What the relay's provider tells about a mail after it took it.
//!
//! Tables: `mail_events` (the provider's side of a mail's timeline), `mail_events_unmatched` (events that name no mail of
//! ours or cannot be read), `mail_suppressions` (addresses that are not written to). Of `mails` it changes the state and
//! the times that events tell.
//!
//! Rules:
//! - A request is verified on its raw bytes before anything else, and answered 2xx only after the commit. Whatever else
//!   is wrong with an event, a verified one is kept: a provider that gets an error sends it again for a day.
//! - An event counts once, by the provider's id. Order does not matter: a time is the earliest that was told, a state is
//!   the highest that was reached ([`State::learn`](crate::State::learn)). What comes before the mail has left the queue
//!   is kept, and looked at when it does ([`actions::catch_up`]).
//! - A copy of a mail has events too. They stand in the timeline, and only those of the recipient move the state.
//! - What machines fetch is not read by anybody. A block is of the sender, so the address stays good.
//! - A mailbox that does not exist is not written to again by anybody, sign-in mails included: they would not arrive,
//!   and each try costs the reputation that all mails live on. Who called a mail spam still gets sign-in mails and
//!   invitations, which somebody asked for and cannot work without. Removing an address is a person's decision, with an
//!   audit row; a repeated event does not put it back.

pub mod actions;
pub mod api;
pub mod jobs;
pub mod model;
pub mod ses;
pub(crate) mod store;

//! Conventions of every HTTP answer: one error shape, validated input, seek pagination, request ids, client addresses,
//! limits, and routers that a route without an access level does not compile into.

pub mod client;
pub mod cors;
pub mod headers;
pub mod json;
pub mod language;
pub mod limits;
pub mod pages;
pub mod problem;
pub mod range;
pub mod request_id;
pub mod router;
pub mod signed;
pub mod validate;

pub use client::ClientAddr;
pub use json::{Json, Query};
pub use language::Speaks;
pub use limits::Limiter;
pub use pages::{Cursor, Limit, Page};
pub use problem::{ApiError, FieldError, Problem};
pub use request_id::RequestId;
pub use router::{Guarded, PublicRouter, TenantRouter};
pub use signed::SignedBody;
pub use validate::{Report, Validate};

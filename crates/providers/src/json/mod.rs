//! Reading other people's JSON leniently: clean text, a tree that borrows from it, single values.
//!
//! A message must never be lost because of one field, so every format of this crate is read this way (see
//! `docs/adr/0006-own-tree-for-wire-formats.md`).

pub(crate) mod clean;
pub(crate) mod node;
pub(crate) mod values;

pub(crate) use node::Node;

/// Why bytes are not JSON that can be read. Says where, never what: bodies hold personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8 text")]
    NotUtf8,
    /// The text is not one JSON value of at most 127 levels.
    #[error("the body is not JSON (line {line}, column {column})")]
    NotJson {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault in bytes, from 1.
        column: usize,
    },
}

impl JsonError {
    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        Self::NotJson { line: error.line(), column: error.column() }
    }

    /// A stable code for answers and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotUtf8 => "body_not_utf8",
            Self::NotJson { .. } => "body_not_json",
        }
    }
}

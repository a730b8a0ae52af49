//! The form of a key.

use jiff::Timestamp;
use platform::crypto::new_token;
use platform::ids::{ApiKeyId, UserId};
use platform::secret::Secret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Scope, TOKEN_CHARS};

/// What every key begins with, so that scanners for leaked secrets can find it.
const MARK: &str = "vx_";
/// Characters that stay readable.
const PREFIX_CHARS: usize = 8;

/// A key as its organization sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    /// Which.
    pub id: ApiKeyId,
    /// What it is for.
    #[schema(example = "Practice software")]
    pub name: String,
    /// The key's characters after `vx_`.
    #[schema(example = "Jk3_9sQa")]
    pub prefix: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Last use, to a minute; null before the first.
    pub last_used_at: Option<Timestamp>,
}

/// A new key.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The key's description.
    pub view: ApiKeyView,
    /// The key itself. Not shown again.
    pub key: Secret,
}

/// Draws a key: its readable prefix and the whole.
pub(crate) fn draw_key() -> (String, Secret) {
    let prefix: String = new_token().expose().chars().take(PREFIX_CHARS).collect();
    let key = Secret::new(format!("{MARK}{prefix}_{}", new_token().expose()));
    (prefix, key)
}

/// Whether a text could be a key, before the database is asked.
pub(crate) fn has_key_shape(text: &str) -> bool {
    let length = MARK.len() + PREFIX_CHARS + 1 + TOKEN_CHARS;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() == length
        && text.starts_with(MARK)
        && text.bytes().all(plain)
        && text.as_bytes().get(MARK.len() + PREFIX_CHARS) == Some(&b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_key_has_its_shape() {
        let (prefix, key) = draw_key();
        assert!(has_key_shape(key.expose()));
        assert!(key.expose().starts_with(&format!("vx_{prefix}_")));
        assert_ne!(draw_key().1, key);
    }

    #[test]
    fn other_text_has_not() {
        let (_, key) = draw_key();
        let (short, long) = (&key.expose()[1..], format!("{}a", key.expose()));
        for text in ["", "vx_", "vx_12345678_", short, &long, &key.expose().replacen("vx_", "vy_", 1)] {
            assert!(!has_key_shape(text), "{text}");
        }
        assert!(!has_key_shape(&format!("vx_12345678_{}", "\u{e9}".repeat(21) + "a")));
    }
}

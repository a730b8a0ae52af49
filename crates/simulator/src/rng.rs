//! Seeded numbers. Every stream is named, so that switching one thing on (a fault, say) does not shift the
//! numbers that another thing draws.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A stream of numbers that depends on the seed and on its name, and on nothing else.
pub(crate) fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(name.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A random UUID (version 4, like the provider's own ids).
pub(crate) fn uuid(rng: &mut impl Rng) -> Uuid {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid()
}

/// One of the items. The slice must not be empty: every caller passes a table of this crate.
pub(crate) fn pick<T: Clone>(rng: &mut impl Rng, items: &[T]) -> T {
    items[rng.random_range(0..items.len())].clone()
}

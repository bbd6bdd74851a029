//! A table that is full of removed entries, with panics while it is tidied.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use cache_core::{Backend, IntCache, Key, Options};

use super::Hazard;
use super::fuse::{burn, lit};
use crate::violation::ensure;
use crate::{Violation, ends_within, scale};

/// A key whose `Hash` burns the fuse, and that has nothing to drop: maps treat such entries differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bare(u64);

impl Hash for Bare {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn(Hazard::Hash);
        self.0.hash(state);
    }
}

impl Key for Bare {
    type Owned = Self;

    fn to_owned_key(&self) -> Self {
        *self
    }
}

/// Keys that stay, in a table with room for some four times as many.
const STAY: u64 = 100;

/// Enough to fill that room with removed entries, more than once.
const COME_AND_GO: u64 = 2_000;

/// How many of them come before all are removed at once: a removed entry leaves a mark only among many others.
const AT_ONCE: u64 = 300;

/// The calls of `Hash` in one `set`, at which it is made to panic: more than there are keys that stay.
const CALLS: usize = 120;

/// Checks one call of `Hash` after the other; each may take as long as `hang`.
pub(super) fn check<B: Backend>(hang: Duration) -> Result<(), Violation> {
    let stride = CALLS / scale(CALLS).min(CALLS);
    (1..CALLS).step_by(stride).try_for_each(|calls| {
        let result = ends_within(hang, "a table full of removed entries", move || step::<B>(calls));
        let at = format_args!("after {calls} hashes in `set`");
        result.and_then(|result| result).map_err(|found| found.at(at))
    })
}

/// Lets the hash that follows `calls` others panic, in every `set` of a key that comes and goes.
fn step<B: Backend>(calls: usize) -> Result<(), Violation> {
    let cache = B::int::<Bare, _>(Options::new().shards(1).capacity(4 * STAY as usize));
    for key in 0..STAY {
        cache.set(&Bare(key), 7);
    }
    for key in STAY..STAY + COME_AND_GO {
        lit(Hazard::Hash, calls, || cache.set(&Bare(key), 8))?;
        if key % AT_ONCE == 0 {
            cache.retain(&mut |key, _| key.0 < STAY);
            let lost = (0..STAY).find(|key| cache.get(&Bare(*key)) != Some(7));
            ensure!(lost.is_none(), "key {lost:?} is lost");
            ensure!(cache.len() as u64 == STAY, "{} keys are counted, of {STAY}", cache.len());
        }
    }
    Ok(())
}

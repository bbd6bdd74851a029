//! How long to wait before the next attempt.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The longest wait before the first repetition. It doubles with each.
const FIRST: Duration = Duration::from_millis(10);

/// Exponential back-off with full jitter: a wait is uniform between 0 and a limit that doubles up to a maximum.
///
/// Jitter keeps a fleet that lost its server together from coming back together.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    limit: Duration,
    most: Duration,
}

impl Backoff {
    /// A back-off whose waits are at most `most` long.
    pub(crate) fn new(most: Duration) -> Self {
        Self { limit: FIRST.min(most), most }
    }

    /// Returns the next wait.
    pub(crate) fn next(&mut self) -> Duration {
        // Each state of the standard library is seeded at random: enough for jitter.
        let random = RandomState::new().hash_one(()) >> 32;
        let wait = self.limit.mul_f64(random as f64 / f64::from(u32::MAX));
        self.limit = (self.limit * 2).min(self.most);
        wait
    }

    /// Starts again, after a success.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_maximum() {
        let most = Duration::from_millis(100);
        let mut backoff = Backoff::new(most);
        let waits: Vec<_> = (0..100).map(|_| backoff.next()).collect();
        assert!(waits[0] <= FIRST && waits.iter().all(|wait| *wait <= most));
        assert!(waits.iter().any(|wait| *wait > FIRST * 4));
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}

//! The server's clock, as far as it is known here.

use std::time::{Duration, Instant};

/// A reading of the server's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Just before the server was asked.
    asked: Instant,
    /// What it answered: the time since the Unix epoch.
    answered: Duration,
}

impl Clock {
    pub(super) fn new(asked: Instant, answered: Duration) -> Self {
        Self { asked, answered }
    }

    /// How long until the server's clock shows `deadline`; `None` if it has passed.
    ///
    /// The answer is too short by the time that the question travelled, and never too long: the server read its clock after it
    /// was asked.
    pub(super) fn until(&self, deadline: Duration, now: Instant) -> Option<Duration> {
        let server = self.answered + now.saturating_duration_since(self.asked);
        deadline.checked_sub(server).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_passed_here_passed_there() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let clock = Clock::new(start, second * 100);
        assert_eq!(clock.until(second * 105, start), Some(second * 5));
        assert_eq!(clock.until(second * 105, start + second * 3), Some(second * 2));
        assert_eq!(clock.until(second * 105, start + second * 5), None);
        assert_eq!(clock.until(second * 99, start), None);
    }
}

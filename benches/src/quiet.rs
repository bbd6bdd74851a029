//! Measuring while nothing else runs: what was disturbed is measured again once the machine is quiet.
//!
//! A neighbour that takes a processor halves the speed of two threads, and doubles that of a lock which they
//! contended for. No statistic takes that out again.

use std::thread;
use std::time::{Duration, Instant};

use crate::load::Load;

/// From this share of the processors on, something else has disturbed a cell. Counts of time are too coarse to tell
/// less in a tenth of a second.
const DISTURBED: f64 = 0.1;

/// How often a cell is measured at most in one pass.
const ATTEMPTS: usize = 3;

/// How long the machine must have been quiet.
const WINDOW: Duration = Duration::from_millis(200);

/// How long a run may still wait, and measure again.
#[derive(Debug)]
pub(crate) struct Patience {
    left: Duration,
}

/// What was measured, and the share of the processors that something else took meanwhile, where the system tells.
#[derive(Debug)]
pub(crate) struct Measured<T> {
    pub(crate) what: T,
    pub(crate) busy: Option<f64>,
}

impl Patience {
    pub(crate) fn new(left: Duration) -> Self {
        Self { left }
    }

    /// Measures; and if that was disturbed, again when the machine is quiet, while patience lasts. Of several, what
    /// was disturbed least.
    pub(crate) fn measure<T, E>(
        &mut self,
        mut measure: impl FnMut() -> Result<T, E>,
    ) -> Result<Measured<T>, E> {
        let mut best = once(&mut measure)?;
        for _ in 1..ATTEMPTS {
            if best.busy.is_none_or(|busy| busy < DISTURBED) || !self.until_quiet() {
                break;
            }
            let started = Instant::now();
            let again = once(&mut measure)?;
            self.left = self.left.saturating_sub(started.elapsed());
            if again.busy < best.busy {
                best = again;
            }
        }
        Ok(best)
    }

    /// Waits until nothing else runs; `false` if patience ends before that.
    fn until_quiet(&mut self) -> bool {
        while !self.left.is_zero() {
            self.left = self.left.saturating_sub(WINDOW);
            let window = once(&mut || {
                thread::sleep(WINDOW);
                Ok::<_, ()>(())
            });
            if window.is_ok_and(|window| window.busy.is_none_or(|busy| busy < DISTURBED)) {
                return true;
            }
        }
        false
    }
}

fn once<T, E>(measure: &mut impl FnMut() -> Result<T, E>) -> Result<Measured<T>, E> {
    let before = Load::now();
    let what = measure()?;
    let busy = Load::now().zip(before).map(|(now, before)| now.elsewhere_since(before));
    Ok(Measured { what, busy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_patience_there_is_one_attempt() {
        let mut attempts = 0;
        let measured = Patience::new(Duration::ZERO).measure(|| {
            attempts += 1;
            Ok::<_, ()>(7)
        });
        assert_eq!((measured.map(|measured| measured.what), attempts), (Ok(7), 1));
    }

    #[test]
    fn a_failure_is_not_tried_again() {
        let mut attempts = 0;
        let failed = Patience::new(Duration::from_secs(60)).measure(|| {
            attempts += 1;
            Err::<(), _>("no")
        });
        assert_eq!((failed.err(), attempts), (Some("no"), 1));
    }
}

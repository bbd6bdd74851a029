//! Measuring while nothing else runs: what was disturbed is measured again once the machine is quiet.
//!
//! A neighbour that takes a processor halves the speed of two threads, and doubles that of a lock which they
//! contended for. No statistic takes that out again.

use std::thread;
use std::time::{Duration, Instant};

use crate::load::Load;
use crate::progress::short;

/// From this share of the processors on, something else has disturbed a cell. Counts of time are too coarse to tell
/// less in a tenth of a second.
const DISTURBED: f64 = 0.1;

/// How often a cell is measured at most in one pass.
const ATTEMPTS: usize = 3;

/// How long the machine must have been quiet.
const WINDOW: Duration = Duration::from_millis(200);

/// Called repeatedly with the reason while a run waits.
pub(crate) type Waits<'a> = &'a dyn Fn(&str);

/// How long a run may still wait, and measure again.
pub(crate) struct Patience {
    left: Duration,
    /// Asks how busy the machine was until now.
    load: Box<dyn FnMut() -> Option<Load>>,
}

/// A measurement, and the share of the processors that other processes took during it, if the system reports that.
#[derive(Debug)]
pub(crate) struct Measured<T> {
    pub(crate) what: T,
    pub(crate) busy: Option<f64>,
    /// The time that went into waiting, and into attempts that were given up.
    pub(crate) wasted: Duration,
}

impl Patience {
    pub(crate) fn new(left: Duration) -> Self {
        Self { left, load: Box::new(Load::now) }
    }

    /// Measures; and if that was disturbed, again when the machine is quiet, while patience lasts. Of several, what
    /// was disturbed least.
    ///
    /// `measure` tells what it measured, and the time that it wasted itself.
    pub(crate) fn measure<T, E>(
        &mut self,
        waits: Waits<'_>,
        mut measure: impl FnMut() -> Result<(T, Duration), E>,
    ) -> Result<Measured<T>, E> {
        let started = Instant::now();
        let (mut best, mut took) = self.once(&mut measure)?;
        for _ in 1..ATTEMPTS {
            if best.busy.is_none_or(|busy| busy < DISTURBED) || !self.until_quiet(waits) {
                break;
            }
            let again = Instant::now();
            let (again_measured, again_took) = self.once(&mut measure)?;
            self.left = self.left.saturating_sub(again.elapsed());
            if again_measured.busy < best.busy {
                (best, took) = (again_measured, again_took);
            }
        }
        Ok(Measured { wasted: started.elapsed().saturating_sub(took), ..best })
    }

    /// Measures once, and tells besides how long that took without what it wasted.
    fn once<T, E>(
        &mut self,
        measure: &mut impl FnMut() -> Result<(T, Duration), E>,
    ) -> Result<(Measured<T>, Duration), E> {
        let (before, started) = ((self.load)(), Instant::now());
        let (what, wasted) = measure()?;
        let took = started.elapsed().saturating_sub(wasted);
        Ok((Measured { what, busy: self.busy_since(before), wasted }, took))
    }

    fn busy_since(&mut self, before: Option<Load>) -> Option<f64> {
        (self.load)().zip(before).map(|(now, before)| now.elsewhere_since(before))
    }

    /// Waits until nothing else runs; `false` if patience ends before that.
    fn until_quiet(&mut self, waits: Waits<'_>) -> bool {
        while !self.left.is_zero() {
            let before = (self.load)();
            thread::sleep(WINDOW);
            self.left = self.left.saturating_sub(WINDOW);
            match self.busy_since(before) {
                Some(busy) if busy >= DISTURBED => waits(&format!(
                    "waiting for a quiet machine: other processes take {:.0} % of it; for {} more at most",
                    busy * 100.0,
                    short(self.left)
                )),
                _ => return true,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::iter;

    use super::*;

    /// No callback.
    fn silent(_: &str) {}

    /// Patience on a machine that is as busy as this between two looks at it, then quiet.
    fn patience(left: Duration, busy: &'static [f64]) -> Patience {
        let shares = busy.iter().copied().chain(iter::repeat(0.0));
        // Two looks for each share.
        let mut ticks = 0;
        let loads = shares.flat_map(move |share| {
            let before = ticks;
            ticks += 1_000;
            [Load::of(before, before), Load::of(ticks, ticks - (share * 1_000.0) as u64)]
        });
        let mut loads = loads.take(64).collect::<Vec<_>>().into_iter();
        Patience { left, load: Box::new(move || loads.next()) }
    }

    #[test]
    fn without_patience_there_is_one_attempt() {
        let mut attempts = 0;
        let measured = patience(Duration::ZERO, &[0.5]).measure(&silent, || {
            attempts += 1;
            Ok::<_, ()>((7, Duration::ZERO))
        });
        assert_eq!((measured.map(|measured| measured.what), attempts), (Ok(7), 1));
    }

    #[test]
    fn what_was_disturbed_is_measured_again_and_waiting_is_told() {
        let (told, mut attempts) = (RefCell::new(Vec::new()), 0);
        let note = |why: &str| told.borrow_mut().push(why.to_owned());
        // The first attempt, and two windows of waiting.
        let measured = patience(Duration::from_secs(60), &[0.5, 0.6, 0.7]).measure(&note, || {
            attempts += 1;
            Ok::<_, ()>((attempts, Duration::ZERO))
        });
        let measured = measured.expect("it does not fail");
        assert_eq!((measured.what, measured.busy, attempts), (2, Some(0.0), 2));
        let told = told.into_inner();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("waiting for a quiet machine: other processes take 60 %"), "{told:?}");
        assert!(told[1].ends_with("for 59 s more at most"), "{told:?}");
        // Three windows, the last of them quiet.
        assert!(measured.wasted >= WINDOW * 3, "{:?}", measured.wasted);
    }

    #[test]
    fn what_an_attempt_wastes_itself_is_told() {
        let wasted = patience(Duration::ZERO, &[]).measure(&silent, || {
            let started = Instant::now();
            thread::sleep(Duration::from_millis(20));
            Ok::<_, ()>(((), started.elapsed()))
        });
        assert!(wasted.expect("it does not fail").wasted >= Duration::from_millis(20));
    }

    #[test]
    fn a_failure_is_not_tried_again() {
        let mut attempts = 0;
        let failed = patience(Duration::from_secs(60), &[0.5]).measure(&silent, || {
            attempts += 1;
            Err::<((), Duration), _>("no")
        });
        assert_eq!((failed.err(), attempts), (Some("no"), 1));
    }
}

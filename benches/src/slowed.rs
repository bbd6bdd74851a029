//! A backend made slower on purpose, to see whether comparisons find it: the feature `slowed`.

#[cfg(not(feature = "slowed"))]
use crate::subject::Subject;

/// This subject, slowed if it is one of the backend that the variable names.
#[cfg(not(feature = "slowed"))]
pub(crate) fn if_asked(_backend: &str, subject: Box<dyn Subject>) -> Box<dyn Subject> {
    subject
}

#[cfg(feature = "slowed")]
pub(crate) use by_feature::if_asked;

#[cfg(feature = "slowed")]
mod by_feature {
    use std::hint;
    use std::sync::OnceLock;
    use std::time::Instant;

    use hotcache_bench_plan::{Op, SLOWED_VARIABLE};

    use crate::keys::KeyIter;
    use crate::mix::{Mixed, Steps};
    use crate::subject::{Batch, Checks, Objects, Subject, Tally};
    use crate::timer::Timer;
    use crate::trace::{Replayed, Requests};

    /// How many times as long everything takes.
    const TIMES: f64 = 1.2;

    /// A subject whose every batch of operations takes longer, in each thread.
    ///
    /// The time is spent after the batch and not in each operation, as no clock is fine enough for that. Where threads
    /// wait for each other in the map, they do so less meanwhile: use a backend whose threads do not.
    struct Slowed(Box<dyn Subject>);

    pub(crate) fn if_asked(backend: &str, subject: Box<dyn Subject>) -> Box<dyn Subject> {
        static ASKED: OnceLock<Option<String>> = OnceLock::new();
        let asked = ASKED.get_or_init(|| std::env::var(SLOWED_VARIABLE).ok());
        if asked.as_deref() == Some(backend) { Box::new(Slowed(subject)) } else { subject }
    }

    fn slowly<T>(work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let result = work();
        let end = started.elapsed().mul_f64(TIMES);
        while started.elapsed() < end {
            hint::spin_loop();
        }
        result
    }

    impl Subject for Slowed {
        fn run(&self, op: Op, batch: Batch<'_>) -> Tally {
            slowly(|| self.0.run(op, batch))
        }

        // A time of its own for every operation is no time of a batch, and is left alone.
        fn timed(&self, op: Op, batch: Batch<'_>, timer: &mut Timer) -> Tally {
            self.0.timed(op, batch, timer)
        }

        fn mix(&self, steps: Steps<'_>, next: &mut i64, objects: &mut Objects) -> Mixed {
            slowly(|| self.0.mix(steps, next, objects))
        }

        fn mix_timed(
            &self,
            steps: Steps<'_>,
            next: &mut i64,
            objects: &mut Objects,
            timer: &mut Timer,
        ) -> Mixed {
            self.0.mix_timed(steps, next, objects, timer)
        }

        fn replay(&self, requests: Requests<'_>, objects: &mut Objects) -> Replayed {
            slowly(|| self.0.replay(requests, objects))
        }

        fn fill(&self, keys: KeyIter<'_>) {
            self.0.fill(keys);
        }

        fn count(&self) -> usize {
            self.0.count()
        }

        fn total(&self) -> i64 {
            self.0.total()
        }

        fn checks(&self) -> Checks {
            self.0.checks()
        }
    }
}

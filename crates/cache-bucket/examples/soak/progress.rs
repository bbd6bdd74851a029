use std::time::{Duration, Instant};

/// How often a line is printed.
const EVERY: Duration = Duration::from_secs(10);

/// Prints on standard error how far a part has come, and how much longer it takes.
pub(crate) struct Progress {
    name: &'static str,
    start: Instant,
    last: Instant,
}

impl Progress {
    pub(crate) fn new(name: &'static str) -> Self {
        let now = Instant::now();
        Self { name, start: now, last: now }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Reports that `share` of the part, from 0 to 1, is done.
    pub(crate) fn tell(&mut self, share: f64, what: &str) {
        if self.last.elapsed() < EVERY || share <= 0.0 {
            return;
        }
        self.last = Instant::now();
        let left = self.start.elapsed().mul_f64((1.0 - share).max(0.0) / share);
        eprintln!("{}: {:3.0} %, {what}, {} s left", self.name, share * 100.0, left.as_secs());
    }
}

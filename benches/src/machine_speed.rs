//! Detects whether the processors run at full speed, by timing a loop without a map.
//!
//! A hyper-thread shares its core with another, on a virtual machine often with that of another guest. While that one
//! is busy, everything takes nearly twice as long, for milliseconds or seconds, and no statistic of the system shows
//! it. So the loop is timed before and after each sample. If it was slow, the sample is taken again when it is fast.

use std::collections::HashMap;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use crate::progress::short;
use crate::quiet::Waits;
use crate::team::Team;

/// A sample is repeated if a processor lost this share of its speed.
const SPOILT: f64 = 0.2;

/// The maximum number of attempts for a sample.
const ATTEMPTS: usize = 5;

/// The pause between two checks whether the machine has recovered.
const PAUSE: Duration = Duration::from_millis(2);

/// The interval between messages that a run is waiting.
const TELL: Duration = Duration::from_millis(200);

/// The number of iterations of the loop, which take some microseconds.
const TURNS: u64 = if cfg!(debug_assertions) { 200 } else { 4_000 };

/// The number of times that the loop is timed in a row, because a processor that has just woken up, or is interrupted
/// once, is not slow.
const TIMES: usize = 3;

/// The speed of the machine, and the time for which a run may still wait for it.
#[derive(Debug)]
pub(crate) struct MachineSpeed {
    /// The least time of the loop, for each size of a team: two threads of one core are slower than one.
    least: HashMap<usize, Duration>,
    left: Duration,
    /// The time that was spent on waiting, and on samples that were discarded.
    wasted: Duration,
}

impl MachineSpeed {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { least: HashMap::new(), left: patience, wasted: Duration::ZERO }
    }

    /// Returns the time that was spent so far on waiting, and on samples that were discarded.
    pub(crate) fn wasted(&self) -> Duration {
        self.wasted
    }

    /// Takes a sample, and repeats it if processors lost speed during it, while patience lasts. Returns the sample
    /// with the smallest loss, and the share that was lost.
    pub(crate) fn take<T, E>(
        &mut self,
        team: &Team,
        waits: Waits<'_>,
        mut sample: impl FnMut() -> Result<T, E>,
    ) -> Result<(T, f64), E> {
        let mut best: Option<(T, f64)> = None;
        for _ in 0..ATTEMPTS {
            let started = Instant::now();
            let before = self.lost(team);
            let taken = sample()?;
            let lost = before.max(self.lost(team));
            let is_again = best.is_some();
            if best.as_ref().is_none_or(|(_, least)| lost < *least) {
                best = Some((taken, lost));
            }
            if is_again {
                self.left = self.left.saturating_sub(started.elapsed());
                self.wasted += started.elapsed();
            }
            if lost < SPOILT || !self.recovers(team, waits) {
                break;
            }
        }
        let (taken, lost) = best.expect("there is one attempt");
        Ok((taken, if lost < SPOILT { 0.0 } else { lost }))
    }

    /// Waits until the processors run at full speed; `false` if patience ends before that.
    fn recovers(&mut self, team: &Team, waits: Waits<'_>) -> bool {
        let started = Instant::now();
        let mut told = Duration::ZERO;
        let mut recovered = false;
        while !recovered && started.elapsed() < self.left {
            thread::sleep(PAUSE);
            let lost = self.lost(team);
            recovered = lost < SPOILT;
            let waited = started.elapsed();
            if !recovered && waited >= told + TELL {
                told = waited;
                waits(&format!(
                    "waiting for a quiet machine: its processors lack {:.0} % of their speed; for {} more at most",
                    lost * 100.0,
                    short(self.left.saturating_sub(waited))
                ));
            }
        }
        let waited = started.elapsed();
        self.wasted += waited;
        self.left = if recovered { self.left.saturating_sub(waited) } else { Duration::ZERO };
        recovered
    }

    /// Returns the share of its speed that the slowest of a team's processors lacks now.
    fn lost(&mut self, team: &Team) -> f64 {
        let (_, times) = team.run(|_| (), |()| beat());
        let least = self.least.entry(team.threads()).or_insert(Duration::MAX);
        *least = times.iter().copied().fold(*least, Duration::min);
        let slowest = times.into_iter().max().unwrap_or(*least);
        1.0 - least.as_secs_f64() / slowest.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

/// The least of some times of the loop.
fn beat() -> Duration {
    let times = (0..TIMES).map(|_| {
        let started = Instant::now();
        black_box(turned(black_box(TURNS)));
        started.elapsed()
    });
    times.min().unwrap_or_default()
}

/// As many instructions at a time as a core can: only then does it show that another takes half of them.
#[inline(never)]
fn turned(turns: u64) -> u64 {
    let mut lanes = [1_u64, 2, 3, 4, 5, 6, 7, 8];
    for turn in 0..turns {
        for (shift, lane) in (5..).zip(&mut lanes) {
            *lane = lane.rotate_left(shift).wrapping_add(turn);
        }
    }
    lanes.into_iter().fold(0, |all, lane| all ^ lane)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn without_patience_a_sample_is_taken_once() {
        let team = Team::new(1).expect("a thread");
        let mut taken = 0;
        let sample = MachineSpeed::new(Duration::ZERO).take(&team, &|_| (), || {
            taken += 1;
            Ok::<_, ()>(taken)
        });
        let (sample, lost) = sample.expect("it does not fail");
        assert!(sample == 1 && taken == 1 && (0.0..1.0).contains(&lost));
    }

    #[test]
    fn what_was_spoilt_is_taken_again_when_the_machine_has_recovered() {
        let team = Team::new(1).expect("a thread");
        let mut speed = MachineSpeed::new(Duration::from_secs(3_600));
        // Faster than it can be: every look finds it slow, until that is forgotten.
        speed.least.insert(1, Duration::from_nanos(1));
        assert!(speed.lost(&team) > SPOILT);
        let left = speed.left;
        let mut waits = MachineSpeed { left: Duration::from_millis(300), ..speed };
        let told = RefCell::new(String::new());
        assert!(!waits.recovers(&team, &|why| told.replace(why.to_owned()).clear()));
        assert!(waits.left.is_zero() && left > waits.left);
        assert!(waits.wasted() >= Duration::from_millis(300), "{:?}", waits.wasted());
        let told = told.into_inner();
        assert!(told.starts_with("waiting for a quiet machine: its processors lack "), "{told}");
        let (_, lost) = waits.take(&team, &|_| (), || Ok::<_, ()>(())).expect("it does not fail");
        assert!(lost > SPOILT, "it is told");
    }

    #[test]
    fn a_failure_is_not_tried_again() {
        let team = Team::new(1).expect("a thread");
        let failed = MachineSpeed::new(Duration::from_secs(60)).take(&team, &|_| (), || Err::<(), _>("no"));
        assert_eq!(failed.err(), Some("no"));
    }
}

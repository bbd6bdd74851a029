//! When a timer must ring to interrupt an operation. The program finds this by trial, on any machine.

use cache_testkit::Random;

use crate::kind::Kind;

/// The shortest and the longest delay, in nanoseconds.
const LEAST: f64 = 50.0;
const MOST: f64 = 2_000_000.0;
/// The change of the span by a hit, relative to that by a miss: one in four attempts misses.
const GAIN: f64 = 0.2;

/// The outcome of an attempt to interrupt an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The signal came before the operation began.
    Early,
    Hit,
    /// The operation ended before the signal.
    Late,
}

/// The span of delays after which a timer rings within one kind of operation.
///
/// The system takes some microseconds from arming a timer to its signal, and an operation may take a twentieth of
/// that. So each attempt moves the ends of the span: a miss at one end draws it in, and a hit stretches both.
#[derive(Clone, Copy, Debug)]
struct Span {
    low: f64,
    high: f64,
}

impl Span {
    fn learn(&mut self, outcome: Outcome) {
        // Relative to the delay, so that a delay of any size is found in some hundred attempts.
        let step = (self.high * 0.02).max(10.0);
        match outcome {
            Outcome::Early => self.low += step,
            Outcome::Late => self.high -= step,
            Outcome::Hit => {
                self.low -= step * GAIN;
                self.high += step * GAIN;
            }
        }
        if self.low > self.high {
            // One end was moved past the other, and is right.
            match outcome {
                Outcome::Early => self.high = self.low,
                _ => self.low = self.high,
            }
        }
        self.low = self.low.clamp(LEAST, MOST);
        self.high = self.high.clamp(LEAST, MOST);
    }
}

/// The spans of all kinds of operations.
#[derive(Clone, Debug)]
pub(crate) struct Aim([Span; Kind::COUNT]);

impl Aim {
    pub(crate) fn new() -> Self {
        Self([Span { low: LEAST, high: 10_000.0 }; Kind::COUNT])
    }

    /// Returns a delay after which the timer may ring within such an operation.
    pub(crate) fn delay(&self, kind: Kind, random: &mut Random) -> u64 {
        let Span { low, high } = self.0[kind as usize];
        low as u64 + random.below((high - low) as usize + 1) as u64
    }

    pub(crate) fn learn(&mut self, kind: Kind, outcome: Outcome) {
        self.0[kind as usize].learn(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_span_finds_the_operation() {
        for (begin, end) in [(6_000, 6_400), (900, 1_000), (30_000, 80_000)] {
            let (mut aim, mut random, mut hits) = (Aim::new(), Random::new(1), 0);
            for attempt in 0..4000 {
                // The time that the system adds varies.
                let rings = aim.delay(Kind::Get, &mut random) + random.below(100) as u64;
                let outcome = match rings {
                    _ if rings < begin => Outcome::Early,
                    _ if rings > end => Outcome::Late,
                    _ => Outcome::Hit,
                };
                hits += u32::from(attempt >= 2000 && outcome == Outcome::Hit);
                aim.learn(Kind::Get, outcome);
            }
            assert!(hits > 600, "{hits} of 2000 in {begin}..{end}");
        }
    }
}

//! Which request comes when: drawn from a seed, so that a run can be repeated.

use crate::Shape;

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An item on sale, by its number.
    Item(u32),
    /// An item that nobody sells.
    Unknown,
    /// An item whose event has not started.
    Early,
}

/// How the client behaves after it has sent its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Waits for the answer.
    Wait,
    /// Closes the connection before the answer, and leaves it at that.
    HangUp,
    /// Closes the connection before the answer, and sends the same request again.
    HangUpAndRetry,
    /// Reads the answer, and sends the same request again.
    Retry,
    /// Cancels what it bought.
    Cancel,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The number of the user. Those from [`Shape::users`] on are black-listed.
    pub user: u32,
    /// The purpose of the request.
    pub target: Target,
    /// How many units.
    pub quantity: u32,
    /// How the client behaves afterwards.
    pub act: Act,
}

/// All requests of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    shape: Shape,
    /// The share of requests for an item or one before it.
    cumulative: Vec<f64>,
}

/// The number of users that are black-listed.
pub(crate) const BLOCKED: u32 = 100;

impl Plan {
    /// Draws the requests of a shape.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let weights = (1..=shape.items).map(|rank| f64::from(rank).powf(-shape.zipf));
        let total: f64 = weights.clone().sum();
        let cumulative = weights.scan(0.0, |sum, weight| {
            *sum += weight / total;
            Some(*sum)
        });
        Self { shape: shape.clone(), cumulative: cumulative.collect() }
    }

    /// The request of this number.
    #[must_use]
    pub fn attempt(&self, number: u64) -> Attempt {
        let mut draw = Draw(mix(self.shape.seed ^ mix(number)));
        let shape = &self.shape;
        let user = (draw.share() * f64::from(shape.users)) as u32;
        let mut attempt = Attempt {
            user: user.min(shape.users - 1),
            target: Target::Item(self.item(draw.share())),
            quantity: 1 + (draw.share() * f64::from(shape.quantity)) as u32,
            act: Act::Wait,
        };
        attempt.quantity = attempt.quantity.min(shape.quantity);
        if draw.share() < shape.hopeless {
            match draw.next() % 3 {
                0 => attempt.user = shape.users + (draw.next() % u64::from(BLOCKED)) as u32,
                1 => attempt.target = Target::Unknown,
                _ => attempt.target = Target::Early,
            }
        }
        let mut share = draw.share();
        for (part, act) in [
            (shape.hang_ups / 2.0, Act::HangUp),
            (shape.hang_ups / 2.0, Act::HangUpAndRetry),
            (shape.retries, Act::Retry),
            (shape.cancels, Act::Cancel),
        ] {
            if share < part {
                attempt.act = act;
                break;
            }
            share -= part;
        }
        attempt
    }

    fn item(&self, share: f64) -> u32 {
        let item = self.cumulative.partition_point(|&sum| sum < share);
        item.min(self.cumulative.len() - 1) as u32
    }
}

/// Random numbers of one request.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 to below 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape {
        Shape { users: 1_000, items: 10, hopeless: 0.25, zipf: 1.0, ..Shape::default() }
    }

    #[test]
    fn a_plan_is_the_same_each_time() {
        let (one, two) = (Plan::new(&shape()), Plan::new(&shape()));
        for number in 0..1_000 {
            assert_eq!(one.attempt(number), two.attempt(number));
        }
        let other = Plan::new(&Shape { seed: 2, ..shape() });
        assert!((0..1_000).any(|number| one.attempt(number) != other.attempt(number)));
    }

    #[test]
    fn shares_are_kept() {
        const N: u64 = 100_000;
        let shape = shape();
        let plan = Plan::new(&shape);
        let attempts: Vec<_> = (0..N).map(|number| plan.attempt(number)).collect();
        let share = |keep: &dyn Fn(&Attempt) -> bool| {
            attempts.iter().filter(|attempt| keep(attempt)).count() as f64 / N as f64
        };
        let hopeless = share(&|a| a.user >= 1_000 || !matches!(a.target, Target::Item(_)));
        assert!((0.24..0.26).contains(&hopeless), "{hopeless}");
        // Zipf with exponent 1 over 10 items: the first has 1 / 2.929 of the requests that ask for one, five sixths of all.
        let first = share(&|a| a.target == Target::Item(0));
        assert!((0.27..0.30).contains(&first), "{first}");
        let hung_up = share(&|a| matches!(a.act, Act::HangUp | Act::HangUpAndRetry));
        assert!((hung_up - shape.hang_ups).abs() < 0.005, "{hung_up}");
        assert!(attempts.iter().all(|a| (1..=shape.quantity).contains(&a.quantity)));
        assert!(attempts.iter().all(|a| a.user < 1_000 + BLOCKED));
    }
}

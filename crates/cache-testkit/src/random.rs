use std::hash::{BuildHasher, RandomState};

/// The variable that repeats a run.
const VARIABLE: &str = "HOTCACHE_TEST_SEED";

/// A seed for this test: from the environment variable `HOTCACHE_TEST_SEED`, or else a new one each time.
///
/// Whoever takes one prints it when the test fails.
///
/// # Panics
///
/// If the variable is set to anything but a number.
///
/// # Examples
///
/// ```
/// let seed = cache_testkit::fresh_seed();
/// let mut random = cache_testkit::Random::new(seed);
/// assert!(random.below(6) < 6, "seed {seed}");
/// ```
#[must_use]
pub fn fresh_seed() -> u64 {
    // Every `RandomState` has keys of its own, so the hash of nothing differs each time.
    crate::environment::optional(VARIABLE).unwrap_or_else(|| RandomState::new().hash_one(()))
}

/// A small reproducible generator of random numbers: SplitMix64 (Steele, Lea and Flood, 2014).
///
/// # Examples
///
/// ```
/// use cache_testkit::Random;
/// assert_eq!(Random::new(7).next(), Random::new(7).next());
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that gives the same numbers for the same seed.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut random = cache_testkit::Random::new(1);
    /// assert_ne!(random.next(), random.next());
    /// ```
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    ///
    /// # Examples
    ///
    /// ```
    /// let number = cache_testkit::Random::new(1).next();
    /// # let _ = number;
    /// ```
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator that never ends would only ask for unwrapping"
    )]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_testkit::Random::new(1).below(1), 0);
    /// ```
    pub fn below(&mut self, end: usize) -> usize {
        // The bias of a remainder is of no account for ends as small as tests use.
        (self.next() % end as u64) as usize
    }

    /// A number between `low` and `high`, both included.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!((-2..=2).contains(&cache_testkit::Random::new(1).between(-2, 2)));
    /// ```
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low) as usize + 1) as i64
    }

    /// True in one case out of `n`.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(cache_testkit::Random::new(1).one_in(1));
    /// ```
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

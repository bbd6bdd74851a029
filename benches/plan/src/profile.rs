use std::fmt;
use std::str::FromStr;

use crate::{Dist, Mix, Refusal};

/// Traffic as it was measured in production: a mix, a mean length of keys, and how skewed the keys are.
///
/// From Twitter's published statistics of its cache clusters (Yang, Yue, Rashmi: "A large scale analysis of hundreds
/// of in-memory cache clusters at Twitter", OSDI 2020), March 2020. Their `incr` is `add` here, their `add` is
/// `insert`.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{Dist, Profile};
///
/// let profile: Profile = "counter-hot".parse()?;
/// assert_eq!(profile.mix().to_string(), "get=72,set=10,add=18");
/// assert_eq!((profile.key_len(), profile.dist()), (54, Dist::Zipf(0.76)));
/// # Ok::<(), hotcache_bench_plan::Refusal>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// Counters read and added to, some of them hot: cluster 22.
    CounterHot,
    /// Counters written as much as read, none of them hot: cluster 23.
    CounterChurn,
    /// Read almost only, few keys most: cluster 44.
    ReadMostly,
    /// Read only, few keys most: cluster 2.
    Lists,
    /// Mostly overwritten: cluster 12.
    WriteHeavy,
    /// As much written as read: cluster 40.
    Balanced,
    /// Deleted more often than stored: cluster 14.
    WithDeletes,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 7] = [
        Profile::CounterHot,
        Profile::CounterChurn,
        Profile::ReadMostly,
        Profile::Lists,
        Profile::WriteHeavy,
        Profile::Balanced,
        Profile::WithDeletes,
    ];

    /// The number of keys of every profile unless others are asked for.
    ///
    /// The statistics do not tell it. This many, with their keys of 21 to 96 bytes, lie in a server's last cache
    /// mostly; a million do not: ask for both where that matters.
    pub const KEYS: usize = 100_000;

    /// The name in flags, tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Profile::CounterHot => "counter-hot",
            Profile::CounterChurn => "counter-churn",
            Profile::ReadMostly => "read-mostly",
            Profile::Lists => "lists",
            Profile::WriteHeavy => "write-heavy",
            Profile::Balanced => "balanced",
            Profile::WithDeletes => "with-deletes",
        }
    }

    /// Returns the mix of operations.
    #[must_use]
    pub const fn mix(self) -> Mix {
        match self {
            Profile::CounterHot => Mix::of(72, 10, 18, 0, 0),
            Profile::CounterChurn => Mix::of(36, 31, 30, 0, 2),
            Profile::ReadMostly => Mix::of(98, 0, 0, 1, 0),
            Profile::Lists => Mix::of(100, 0, 0, 0, 0),
            Profile::WriteHeavy => Mix::of(20, 80, 0, 0, 0),
            Profile::Balanced => Mix::of(50, 50, 0, 0, 0),
            Profile::WithDeletes => Mix::of(65, 13, 0, 0, 22),
        }
    }

    /// The mean length of its keys in bytes; all keys have it.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Profile::CounterHot => 54,
            Profile::CounterChurn => 35,
            Profile::ReadMostly => 25,
            Profile::Lists => 21,
            Profile::WriteHeavy | Profile::Balanced => 44,
            Profile::WithDeletes => 96,
        }
    }

    /// How often each key is asked for.
    #[must_use]
    pub const fn dist(self) -> Dist {
        Dist::Zipf(match self {
            Profile::CounterHot => 0.76,
            Profile::CounterChurn => 0.27,
            Profile::ReadMostly => 1.41,
            Profile::Lists => 1.49,
            Profile::WriteHeavy => 0.30,
            Profile::Balanced => 0.86,
            Profile::WithDeletes => 1.30,
        })
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Profile {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        let found = Profile::ALL.into_iter().find(|profile| profile.name() == name);
        found.ok_or_else(|| Refusal::unknown("profile", name, Profile::ALL.map(Profile::name)))
    }
}

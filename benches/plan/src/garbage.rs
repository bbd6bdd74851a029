use std::fmt;
use std::str::FromStr;

use crate::{Cache, Refusal};

/// A pattern of use that may leave garbage: memory that a map retired and has not freed.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::Workload;
/// assert_eq!("churn".parse(), Ok(Workload::Churn));
/// assert!("leak".parse::<Workload>().unwrap_err().to_string().contains("`leak`"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// One thread replaces the object of one key again and again.
    OneObject,
    /// Eight threads replace objects, stop and stay alive.
    EightThreads,
    /// Threads that replace a few objects each, and end.
    ShortThreads,
    /// Caches that are made, filled and dropped.
    ShortCaches,
    /// Two threads set and delete the same few keys at random.
    Churn,
}

impl Workload {
    /// All of them, in the order of measuring.
    pub const ALL: [Workload; 5] = [
        Workload::OneObject,
        Workload::EightThreads,
        Workload::ShortThreads,
        Workload::ShortCaches,
        Workload::Churn,
    ];

    /// The name in tables and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Workload::OneObject => "one object replaced",
            Workload::EightThreads => "eight threads",
            Workload::ShortThreads => "short-lived threads",
            Workload::ShortCaches => "short-lived caches",
            Workload::Churn => "churn",
        }
    }

    /// Whether it is measured for this cache. Integers are changed in place, so replacing them leaves nothing.
    #[must_use]
    pub const fn suits(self, cache: Cache) -> bool {
        matches!(cache, Cache::Obj) || matches!(self, Workload::ShortCaches | Workload::Churn)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Workload {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        let found = Workload::ALL.into_iter().find(|workload| workload.name() == name);
        found.ok_or_else(|| Refusal::unknown("workload", name, Workload::ALL.map(Workload::name)))
    }
}

/// How large each [`Workload`] is.
///
/// # Examples
///
/// ```
/// use hotcache_bench_plan::{Cache, Garbage, Workload};
///
/// let about = Garbage::QUICK.about(Workload::OneObject, Cache::Obj);
/// assert_eq!(about, "one thread replaces the object of one key 250 times, 1 MiB each");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// The bytes of the one object that is replaced.
    pub large_object: usize,
    /// How often it is replaced.
    pub replacements: usize,
    /// Objects that each of the eight threads sets, and a few more.
    pub sets_per_thread: usize,
    /// Short-lived threads, in groups of [`GROUP_THREADS`](Garbage::GROUP_THREADS).
    pub threads: usize,
    /// Short-lived caches.
    pub caches: usize,
    /// Operations of churn, both threads together.
    pub operations: usize,
}

impl Garbage {
    /// The sizes of `--quick`.
    pub const QUICK: Garbage = Garbage {
        large_object: 1 << 20,
        replacements: 250,
        sets_per_thread: 2_000,
        threads: 2_000,
        caches: 1_000,
        operations: 200_000,
    };

    /// The usual sizes, which show slow leaks, too.
    pub const FULL: Garbage = Garbage {
        large_object: 8 << 20,
        replacements: 250,
        sets_per_thread: 20_000,
        threads: 20_000,
        caches: 10_000,
        operations: 10_000_000,
    };

    /// Writes that follow when the threads that left the garbage are idle.
    pub const FURTHER_WRITES: usize = 64;
    /// Threads that stop and stay alive.
    pub const IDLE_THREADS: usize = 8;
    /// Keys whose objects these replace, and the bytes of an object.
    pub const IDLE_KEYS: (usize, usize) = (64, 1 << 10);
    /// Short-lived threads at a time.
    pub const GROUP_THREADS: usize = 8;
    /// Keys that a short-lived thread sets, once each, and the bytes of an object.
    pub const SHORT_KEYS: (usize, usize) = (10, 10_000);
    /// Keys of short-lived caches, in turn: few, and so many that the table grew before.
    pub const CACHE_KEYS: [usize; 2] = [100, 1_000];
    /// Keys that are set again before the cache is dropped.
    pub const CACHE_WRITES: usize = 10;
    /// Keys that come and go.
    pub const CHURN_KEYS: usize = 105;
    /// The bytes of an object in short-lived caches and in churn.
    pub const SMALL_OBJECT: usize = 100;

    /// Objects that this one of the eight threads sets.
    ///
    /// Maps free in batches: with as many for each thread, all would stop at the same point of a batch, maybe its end.
    #[must_use]
    pub const fn sets_of_thread(&self, thread: usize) -> usize {
        self.sets_per_thread + thread * 4 + 3
    }

    /// Returns the number of repetitions: of replacements, sets, threads, caches or operations.
    #[must_use]
    pub const fn repeats(&self, workload: Workload) -> usize {
        match workload {
            Workload::OneObject => self.replacements,
            Workload::EightThreads => {
                let (mut all, mut thread) = (0, 0);
                while thread < Self::IDLE_THREADS {
                    all += self.sets_of_thread(thread);
                    thread += 1;
                }
                all
            }
            Workload::ShortThreads => self.threads,
            Workload::ShortCaches => self.caches,
            Workload::Churn => self.operations,
        }
    }

    /// The bytes of each object beside the object itself; 0 for integers.
    #[must_use]
    pub const fn object_bytes(&self, workload: Workload, cache: Cache) -> usize {
        match (cache, workload) {
            (Cache::Int, _) => 0,
            (Cache::Obj, Workload::OneObject) => self.large_object,
            (Cache::Obj, Workload::EightThreads) => Self::IDLE_KEYS.1,
            (Cache::Obj, Workload::ShortThreads) => Self::SHORT_KEYS.1,
            (Cache::Obj, Workload::ShortCaches | Workload::Churn) => Self::SMALL_OBJECT,
        }
    }

    /// Describes the workload.
    #[must_use]
    pub fn about(&self, workload: Workload, cache: Cache) -> String {
        let each = size(self.object_bytes(workload, cache));
        let objects = if cache == Cache::Obj { format!(", objects of {each}") } else { String::new() };
        let (repeats, [few, many]) = (self.repeats(workload), Self::CACHE_KEYS);
        match workload {
            Workload::OneObject => {
                format!("one thread replaces the object of one key {repeats} times, {each} each")
            }
            Workload::EightThreads => format!(
                "{} threads replace the objects of {} keys {repeats} times, {each} each, and stay alive, idle",
                Self::IDLE_THREADS,
                Self::IDLE_KEYS.0
            ),
            Workload::ShortThreads => format!(
                "{repeats} threads, {} at a time, replace the objects of {} keys, {each} each, and end",
                Self::GROUP_THREADS,
                Self::SHORT_KEYS.0
            ),
            Workload::ShortCaches => {
                format!("{repeats} caches of {few} or {many} keys made and dropped by one thread{objects}")
            }
            Workload::Churn => format!(
                "two threads set and delete {} keys at random, {repeats} operations{objects}",
                Self::CHURN_KEYS
            ),
        }
    }
}

/// Bytes in the largest unit that leaves no fraction.
fn size(bytes: usize) -> String {
    match bytes {
        n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => format!("{} MiB", n >> 20),
        n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => format!("{} KiB", n >> 10),
        n => format!("{n} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_said_with_its_sizes() {
        let about = |workload, cache| Garbage::FULL.about(workload, cache);
        assert!(about(Workload::OneObject, Cache::Obj).ends_with("8 MiB each"));
        assert!(about(Workload::ShortThreads, Cache::Obj).contains("20000 threads, 8 at a time"));
        assert!(about(Workload::Churn, Cache::Int).ends_with("10000000 operations"));
        assert!(about(Workload::Churn, Cache::Obj).ends_with("objects of 100 bytes"));
    }

    #[test]
    fn a_workload_is_known_by_its_name() {
        for workload in Workload::ALL {
            assert_eq!(workload.name().parse(), Ok(workload));
            assert!(workload.suits(Cache::Obj));
        }
        assert!(!Workload::OneObject.suits(Cache::Int) && Workload::Churn.suits(Cache::Int));
    }
}

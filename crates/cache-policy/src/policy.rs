//! Which entry leaves when a cache is full: the trait, and the policies behind it.
//!
//! A policy keeps nodes in queues. A node stands for one entry of the cache; what it is, is up to the caller: a weak
//! reference in [`Cache`](crate::Cache), a number in [`Simulator`]. A hit never calls a policy. It only raises the
//! entry's mark, up to [`MOST_MARK`], and the policy looks at the mark when the node reaches the end of a queue.
//!
//! Every call does a bounded amount of work: at most [`MOST_LOOKS`] nodes are looked at, however many there are.
//!
//! | policy | queues | what it is good at | where it loses |
//! |---|---|---|---|
//! | [`Fifo`] | one | the cheapest write | nearly everywhere |
//! | [`Clock`] | one, with second chances | recency: close to LRU | scans, loops |
//! | [`S3Fifo`] | small, main, ghosts | keys that are asked for once | re-use that is slower than its small queue |
//! | [`Adaptive`] | small, main, ghosts | all of these | see `docs/policy.md` |

mod adaptive;
mod clock;
mod fifo;
mod ghosts;
mod queue;
mod s3fifo;
mod simulator;

pub use self::adaptive::Adaptive;
pub use self::clock::Clock;
pub use self::fifo::Fifo;
pub use self::s3fifo::S3Fifo;
pub use self::simulator::Simulator;

/// The largest mark. A hit on an entry that has it writes nothing.
pub const MOST_MARK: u8 = 3;

/// The most nodes that one call of a policy looks at in one queue.
///
/// With every entry at the largest mark, a clock would go round three times before it finds a victim. It stops after
/// so many and evicts the coldest of them, so that no call takes longer as the cache grows.
pub const MOST_LOOKS: usize = 32;

/// What a policy sees of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It left the cache earlier. Its node is dropped.
    Gone,
    /// It is past its time, or its group was dropped. It is evicted first.
    Expired,
    /// It is in the cache.
    Live {
        /// How often it was hit since the policy last set the mark, up to [`MOST_MARK`].
        mark: u8,
    },
}

/// Access to the entries that nodes stand for. Implemented by whoever drives a [`Policy`].
pub trait Entries<N> {
    /// Looks at an entry. Called at most once for each node that a policy takes out of a queue.
    fn look(&mut self, node: &N) -> Look;

    /// Sets the mark of the entry that was looked at last.
    fn set_mark(&mut self, node: &N, mark: u8);

    /// 32 bits of the hash of the key of the entry that was looked at last.
    fn fingerprint(&self, node: &N) -> u32;
}

/// What one step of a sweep did.
#[derive(Debug, PartialEq, Eq)]
pub enum Swept<N> {
    /// The entry stays.
    Kept,
    /// The node of an entry that had left was dropped.
    Dropped,
    /// The entry is past its time, and no longer in a queue. The caller removes it.
    Expired(N),
    /// There is nothing to sweep.
    Empty,
}

/// Decides which entry leaves a full cache.
///
/// # Examples
///
/// ```
/// use cache_policy::policy::{Adaptive, Simulator};
///
/// // 1,000 requests for 10 keys, each followed by one for a key that is never asked for again.
/// let mut cache = Simulator::new(Box::new(Adaptive::new(100)), 100);
/// let hits = (0..1_000_u64).filter(|n| {
///     let hit = cache.request(n % 10);
///     cache.request(1_000 + n);
///     hit
/// });
/// assert_eq!(hits.count(), 990);
/// ```
pub trait Policy<N>: Send {
    /// Takes in the node of an entry that has entered the cache, and returns the mark that it starts with.
    ///
    /// `fingerprint` is 32 bits of the hash of its key, by which a policy recognises a key that it evicted lately.
    fn insert(&mut self, node: N, fingerprint: u32) -> u8;

    /// Picks the entry that leaves, and forgets its node.
    ///
    /// `None` if there is none, or if the nodes looked at were all of entries that had left.
    fn evict(&mut self, entries: &mut dyn Entries<N>) -> Option<N>;

    /// Shows the nodes that [`evict`](Policy::evict) will probably look at next, at most `most` of them.
    ///
    /// A hint, so that a caller can fetch them from memory together. By default it shows none.
    fn next_to_evict(&self, most: usize, show: &mut dyn FnMut(&N)) {
        _ = (most, show);
    }

    /// Shows the nodes that [`sweep`](Policy::sweep) will look at next, at most `most` of them. A hint, as
    /// [`next_to_evict`](Policy::next_to_evict) is.
    fn next_to_sweep(&self, most: usize, show: &mut dyn FnMut(&N)) {
        _ = (most, show);
    }

    /// Looks at the next node in line, to find entries that are past their time wherever they are.
    ///
    /// As many calls as there are nodes see all that were there at the first.
    fn sweep(&mut self, entries: &mut dyn Entries<N>) -> Swept<N>;

    /// The number of nodes, those of entries that have left included.
    fn len(&self) -> usize;

    /// Whether there is no node.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A policy by name, for [`Builder::eviction`](crate::Builder::eviction).
///
/// # Examples
///
/// ```
/// use cache_policy::policy::Eviction;
/// assert_eq!(Eviction::default(), Eviction::Adaptive);
/// assert_eq!(Eviction::ALL.map(Eviction::name), ["fifo", "clock", "s3-fifo", "adaptive"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Eviction {
    /// [`Fifo`]: the oldest entry leaves.
    Fifo,
    /// [`Clock`]: the oldest entry that was not hit lately leaves.
    Clock,
    /// [`S3Fifo`] with the parameters of its paper.
    S3Fifo,
    /// [`Adaptive`]: S3-FIFO whose queues adapt to the traffic.
    #[default]
    Adaptive,
}

impl Eviction {
    /// All of them, the default last.
    pub const ALL: [Eviction; 4] = [Eviction::Fifo, Eviction::Clock, Eviction::S3Fifo, Eviction::Adaptive];

    /// The name under which benchmarks show it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Eviction::Fifo => "fifo",
            Eviction::Clock => "clock",
            Eviction::S3Fifo => "s3-fifo",
            Eviction::Adaptive => "adaptive",
        }
    }

    /// Builds the policy for a cache of about so many entries.
    #[must_use]
    pub fn policy<N: Send + 'static>(self, capacity: usize) -> Box<dyn Policy<N>> {
        match self {
            Eviction::Fifo => Box::new(Fifo::new()),
            Eviction::Clock => Box::new(Clock::new()),
            Eviction::S3Fifo => Box::new(S3Fifo::new(capacity)),
            Eviction::Adaptive => Box::new(Adaptive::new(capacity)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries of which some are past their time.
    struct SomeExpired(u64);

    impl Entries<u64> for SomeExpired {
        fn look(&mut self, node: &u64) -> Look {
            if *node < self.0 { Look::Expired } else { Look::Live { mark: 0 } }
        }
        fn set_mark(&mut self, _node: &u64, _mark: u8) {}
        fn fingerprint(&self, node: &u64) -> u32 {
            *node as u32
        }
    }

    #[test]
    fn a_sweep_that_begins_anywhere_sees_every_node() {
        for eviction in Eviction::ALL {
            for begun in 0..25 {
                let mut policy = eviction.policy(100);
                (0..20).for_each(|node| _ = policy.insert(node, node as u32));
                for _ in 0..begun {
                    assert_eq!(policy.sweep(&mut SomeExpired(0)), Swept::Kept, "{}", eviction.name());
                }
                let swept = (0..20).map(|_| policy.sweep(&mut SomeExpired(20)));
                let found = swept.filter(|swept| matches!(swept, Swept::Expired(_))).count();
                assert_eq!((found, policy.len()), (20, 0), "{} begun {begun}", eviction.name());
                assert_eq!(policy.sweep(&mut SomeExpired(20)), Swept::Empty);
            }
        }
    }
}

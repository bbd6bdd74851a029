use std::collections::HashMap;

use super::{Entries, Look, MOST_MARK, Policy};

/// A cache of numbers that keeps nothing: what a policy would hit.
///
/// It drives a policy as [`Cache`](crate::Cache) does, in one thread, and stores only marks. So traces of millions of requests
/// are judged in seconds.
///
/// # Examples
///
/// ```
/// use cache_policy::policy::{Eviction, Simulator};
///
/// let mut cache = Simulator::new(Eviction::Adaptive.policy(1_000), 1_000);
/// let requests = (0..10_000_u64).map(|n| n % 500);
/// assert_eq!(requests.filter(|&key| cache.request(key)).count(), 9_500);
/// ```
pub struct Simulator {
    policy: Box<dyn Policy<u64>>,
    capacity: usize,
    marks: Marks,
}

/// The keys that are in the cache, with their marks.
#[derive(Debug, Default)]
struct Marks(HashMap<u64, u8>);

impl Simulator {
    /// An empty cache of so many entries.
    #[must_use]
    pub fn new(policy: Box<dyn Policy<u64>>, capacity: usize) -> Self {
        Self { policy, capacity, marks: Marks::default() }
    }

    /// Asks for a key and inserts it if it is absent. Tells whether it was there.
    pub fn request(&mut self, key: u64) -> bool {
        if let Some(mark) = self.marks.0.get_mut(&key) {
            *mark = MOST_MARK.min(*mark + 1);
            return true;
        }
        let mark = self.policy.insert(key, fingerprint(key));
        self.marks.0.insert(key, mark);
        while self.marks.0.len() > self.capacity {
            match self.policy.evict(&mut self.marks) {
                Some(victim) => _ = self.marks.0.remove(&victim),
                None => break,
            }
        }
        false
    }

    /// The number of keys in the cache.
    #[must_use]
    pub fn len(&self) -> usize {
        self.marks.0.len()
    }

    /// Whether no key is in the cache.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.0.is_empty()
    }
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Entries<u64> for Marks {
    fn look(&mut self, node: &u64) -> Look {
        self.0.get(node).map_or(Look::Gone, |&mark| Look::Live { mark })
    }

    fn set_mark(&mut self, node: &u64, mark: u8) {
        if let Some(present) = self.0.get_mut(node) {
            *present = mark;
        }
    }

    fn fingerprint(&self, node: &u64) -> u32 {
        fingerprint(*node)
    }
}

/// The finisher of SplitMix64: every bit of the key changes half of the bits.
fn fingerprint(key: u64) -> u32 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (key >> 32) as u32
}

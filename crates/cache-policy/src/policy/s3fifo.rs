use super::clock::first_unmarked;
use super::fifo::sweep;
use super::ghosts::{From, Ghosts};
use super::queue::Queue;
use super::{Entries, Look, MOST_LOOKS, Policy, Swept};

/// The share of the cache that is the small queue, as one in so many.
const SMALL: usize = 10;

/// The mark at which an entry moves from the small queue to the main one.
pub(super) const PROMOTED: u8 = 2;

/// S3-FIFO: most keys are asked for once, so a small queue finds out, and only the others reach the main queue.
///
/// After Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction" (SOSP '23), with the parameters
/// of their simulator: a small queue of a tenth, ghosts for nine tenths of the capacity, and two hits to be promoted. A key
/// that comes back while it is a ghost enters the main queue at once. Before the cache is full for the first time, what
/// does not fit into the small queue enters the main queue.
///
/// # Examples
///
/// ```
/// use cache_policy::policy::{S3Fifo, Simulator};
///
/// let mut cache = Simulator::new(Box::new(S3Fifo::new(100)), 100);
/// (0..100).for_each(|key| _ = cache.request(key));
/// // A scan of any length passes through the small queue.
/// (1_000..9_000).for_each(|key| _ = cache.request(key));
/// assert!((0..100).filter(|&key| cache.request(key)).count() >= 85);
/// ```
#[derive(Debug)]
pub struct S3Fifo<N> {
    small: Queue<N>,
    main: Queue<N>,
    ghosts: Ghosts,
    /// Evictions from the small queue: the clock of its ghosts.
    evicted: u32,
    filled: bool,
    newest_is_in_main: bool,
    sweeping_main: bool,
}

impl<N> S3Fifo<N> {
    /// Empty queues, and ghosts for a cache of so many entries.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let window = capacity - capacity / SMALL;
        Self {
            small: Queue::new(),
            main: Queue::new(),
            // A fifth more slots than ghosts, as buckets do not fill evenly.
            ghosts: Ghosts::new(capacity, window + window / 5, window, 0),
            evicted: 0,
            filled: false,
            newest_is_in_main: false,
            sweeping_main: false,
        }
    }

    fn evicts_from_main(&self) -> bool {
        let (small, main) = (self.small.len(), self.main.len());
        let is_long = small < ((small + main) / SMALL).max(1) && main > 0;
        spare_newest(small, main, self.newest_is_in_main).unwrap_or(is_long)
    }

    fn evict_small(&mut self, entries: &mut dyn Entries<N>) -> Option<N> {
        for _ in 0..MOST_LOOKS {
            let node = self.small.pop()?;
            match entries.look(&node) {
                Look::Gone => {}
                Look::Live { mark } if mark >= PROMOTED => {
                    entries.set_mark(&node, 0);
                    self.main.push(node, 0);
                }
                look => {
                    if look != Look::Expired {
                        self.evicted = self.evicted.wrapping_add(1);
                        self.ghosts.set_now(From::Small, self.evicted);
                        self.ghosts.record(entries.fingerprint(&node), From::Small, self.evicted);
                    }
                    return Some(node);
                }
            }
        }
        None
    }
}

impl<N: Send> Policy<N> for S3Fifo<N> {
    fn insert(&mut self, node: N, fingerprint: u32) -> u8 {
        let overflows = !self.filled && self.small.len() > self.len() / SMALL;
        self.newest_is_in_main = overflows || self.ghosts.take(fingerprint).is_some();
        if self.newest_is_in_main {
            self.main.push(node, 0);
        } else {
            self.small.push(node, 0);
        }
        0
    }

    fn evict(&mut self, entries: &mut dyn Entries<N>) -> Option<N> {
        self.filled = true;
        let from_main = self.evicts_from_main();
        // If all that it sees in the main queue is hot, the small queue gives way, and the next call looks further.
        let victim =
            if from_main { first_unmarked(&mut self.main, entries, 0, false).map(|v| v.node) } else { None };
        victim
            .or_else(|| self.evict_small(entries))
            .or_else(|| first_unmarked(&mut self.main, entries, 0, true).map(|v| v.node))
    }

    fn next_to_evict(&self, most: usize, show: &mut dyn FnMut(&N)) {
        let queue = if self.evicts_from_main() { &self.main } else { &self.small };
        queue.first(most).for_each(show);
    }

    fn next_to_sweep(&self, most: usize, show: &mut dyn FnMut(&N)) {
        let queue = if self.sweeping_main { &self.main } else { &self.small };
        queue.next_swept(most).for_each(show);
    }

    fn sweep(&mut self, entries: &mut dyn Entries<N>) -> Swept<N> {
        sweep_both(&mut self.small, &mut self.main, &mut self.sweeping_main, entries)
    }

    fn len(&self) -> usize {
        self.small.len() + self.main.len()
    }
}

/// Whether to evict from the main queue, if the newest node is alone in its queue: from the other one. A small cache would else
/// give up at once what was just stored.
pub(super) fn spare_newest(small: usize, main: usize, newest_is_in_main: bool) -> Option<bool> {
    match (small, main) {
        (0, _) | (_, 0) => None,
        (1, _) if !newest_is_in_main => Some(true),
        (_, 1) if newest_is_in_main => Some(false),
        _ => None,
    }
}

/// One step of a sweep that goes through two queues in turn.
pub(super) fn sweep_both<N>(
    small: &mut Queue<N>,
    main: &mut Queue<N>,
    in_main: &mut bool,
    entries: &mut dyn Entries<N>,
) -> Swept<N> {
    // Each turn ends once without a node; twice in a row only if both are empty.
    for _ in 0..4 {
        let swept = sweep(if *in_main { main } else { small }, entries);
        if !matches!(swept, Swept::Empty) {
            return swept;
        }
        *in_main = !*in_main;
    }
    Swept::Empty
}

use super::clock::first_unmarked;
use super::ghosts::{From, Ghost, Ghosts};
use super::queue::Queue;
use super::s3fifo::{PROMOTED, spare_newest, sweep_both};
use super::{Entries, Look, MOST_LOOKS, Policy, Swept};

/// The share of the cache with which the small queue starts, as one in so many.
const START: usize = 10;

/// The least share of the small queue, as one in so many, and the most, in tenths.
const LEAST: usize = 100;
const MOST_TENTHS: usize = 9;

/// How far past the end of a queue a ghost counts as a near miss, as one in so many of the capacity.
const NEAR: usize = 10;

/// How long an eviction is remembered, in tenths of the capacity: from the small queue, in inserts; from the main queue, in
/// evictions from it.
const SMALL_GHOST_TENTHS: usize = 15;
const MAIN_GHOST_TENTHS: usize = 7;

/// By how much a key must be asked for sooner than what is in the main queue to enter it, as one in so many. Without a margin,
/// a loop is a tie, and noise decides.
const SOONER: usize = 4;

/// Of so many inserts, a power of two, one does not return to the main queue, though it was evicted from there.
const PROBATION: u32 = 16;

/// S3-FIFO that adapts: the share of its small queue, and which ghosts enter the main queue.
///
/// Two rules are added to [`S3Fifo`](super::S3Fifo); `docs/policy.md` tells where they come from, and what they are worth.
///
/// * *Near misses move the boundary.* A key that comes back shortly after it left the small queue would have been hit, had
///   that queue been a little longer; so it grows by one. A key that comes back shortly after it left the main queue shrinks
///   it by one. This is the rule of ARC, for what is near the end of either queue only.
/// * *A ghost enters the main queue if it is asked for sooner than what is there.* Its reuse distance is compared with
///   the time since the main queue's oldest node was last looked at, as LIRS and CLOCK-Pro do. One that loses enters
///   the small queue again, with a mark, so that one more hit promotes it. So a loop that is longer than the cache
///   does not flush it.
///
/// # Examples
///
/// ```
/// use cache_policy::policy::{Adaptive, S3Fifo, Simulator};
///
/// // A loop over 12,000 keys in a cache of 8,000: LRU hits nothing at all.
/// let hits = |mut cache: Simulator| (0..240_000).filter(|n| cache.request(n % 12_000)).count();
/// let adaptive = hits(Simulator::new(Box::new(Adaptive::new(8_000)), 8_000));
/// let s3fifo = hits(Simulator::new(Box::new(S3Fifo::new(8_000)), 8_000));
/// assert!(adaptive > 100_000 && adaptive > s3fifo);
/// ```
#[derive(Debug)]
pub struct Adaptive<N> {
    small: Queue<N>,
    main: Queue<N>,
    ghosts: Ghosts,
    /// What the ghosts are made for; they are made anew when the cache turns out larger.
    capacity: usize,
    /// The length that the small queue should have.
    target: usize,
    /// Inserts: the clock of both queues.
    now: u32,
    /// Evictions from the main queue: the clock of its ghosts.
    evicted_from_main: u32,
    filled: bool,
    newest_is_in_main: bool,
    sweeping_main: bool,
}

impl<N> Adaptive<N> {
    /// Empty queues, and ghosts for a cache of so many entries.
    ///
    /// The capacity may be a guess: the ghosts grow with the cache.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            small: Queue::new(),
            main: Queue::new(),
            ghosts: ghosts(capacity),
            capacity,
            target: (capacity / START).max(1),
            now: 0,
            evicted_from_main: 0,
            filled: false,
            newest_is_in_main: false,
            sweeping_main: false,
        }
    }

    fn set_target(&mut self, target: usize, len: usize) {
        let most = (len * MOST_TENTHS / 10).max(1);
        self.target = target.clamp((len / LEAST).clamp(1, most), most);
    }

    /// How long ago the oldest node of a queue was put there, in inserts.
    fn age(&self, stamp: Option<u32>) -> usize {
        stamp.map_or(0, |stamp| self.now.wrapping_sub(stamp)) as usize
    }

    /// Decides where a key goes that was evicted lately: `true` for the main queue.
    fn returns(&mut self, ghost: Ghost, len: usize) -> bool {
        let near = len / NEAR;
        match ghost.from {
            From::Main => {
                if ghost.age as usize <= near {
                    self.set_target(self.target.saturating_sub(1), len);
                }
                // Now and then one must prove itself again. In a loop, all of the main queue comes back one after the
                // other, and each would push the next one out.
                self.now & (PROBATION - 1) != 0
            }
            From::Small => {
                // The ghost's time is that of its insert: it went through the small queue first.
                let reuse = ghost.age as usize;
                let since_eviction = reuse.saturating_sub(self.age(self.small.first_stamp()));
                // A main queue of less than half must take what it gets.
                if reuse + reuse / SOONER > self.age(self.main.first_stamp()) && self.main.len() > len / 2 {
                    return false;
                }
                if since_eviction <= near {
                    self.set_target(self.target + 1, len);
                }
                true
            }
        }
    }

    fn evicts_from_main(&self) -> bool {
        let is_long = self.main.len() > (self.small.len() + self.main.len()).saturating_sub(self.target);
        spare_newest(self.small.len(), self.main.len(), self.newest_is_in_main).unwrap_or(is_long)
    }

    fn evict_small(&mut self, entries: &mut dyn Entries<N>) -> Option<N> {
        for _ in 0..MOST_LOOKS {
            let inserted = self.small.first_stamp()?;
            let node = self.small.pop()?;
            match entries.look(&node) {
                Look::Gone => {}
                Look::Live { mark } if mark >= PROMOTED => {
                    entries.set_mark(&node, 0);
                    self.main.push(node, self.now);
                }
                look => {
                    if look != Look::Expired {
                        self.ghosts.record(entries.fingerprint(&node), From::Small, inserted);
                    }
                    return Some(node);
                }
            }
        }
        None
    }

    fn evict_main(&mut self, entries: &mut dyn Entries<N>, must: bool) -> Option<N> {
        let victim = first_unmarked(&mut self.main, entries, self.now, must)?;
        if !victim.expired {
            self.evicted_from_main = self.evicted_from_main.wrapping_add(1);
            self.ghosts.set_now(From::Main, self.evicted_from_main);
            self.ghosts.record(victim.fingerprint, From::Main, self.evicted_from_main);
        }
        Some(victim.node)
    }
}

impl<N: Send> Policy<N> for Adaptive<N> {
    fn insert(&mut self, node: N, fingerprint: u32) -> u8 {
        self.now = self.now.wrapping_add(1);
        self.ghosts.set_now(From::Small, self.now);
        let len = self.len();
        if len > self.capacity * 2 {
            self.capacity = len;
            self.ghosts = ghosts(len);
        }
        let ghost = self.ghosts.take(fingerprint);
        let mut mark = 0;
        let to_main = match ghost {
            Some(ghost) => {
                let returns = self.returns(ghost, len);
                mark = u8::from(!returns);
                returns
            }
            // A cache that was never full keeps what comes first in the main queue.
            None => !self.filled && self.small.len() >= (len / START).max(1),
        };
        self.newest_is_in_main = to_main;
        if to_main {
            self.main.push(node, self.now);
        } else {
            self.small.push(node, self.now);
        }
        mark
    }

    fn evict(&mut self, entries: &mut dyn Entries<N>) -> Option<N> {
        self.filled = true;
        let len = self.len();
        self.set_target(self.target, len);
        let from_main = self.evicts_from_main();
        // If all that it sees in the main queue is hot, the small queue gives way, and the next call looks further.
        let victim = if from_main { self.evict_main(entries, false) } else { None };
        victim.or_else(|| self.evict_small(entries)).or_else(|| self.evict_main(entries, true))
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

fn ghosts(capacity: usize) -> Ghosts {
    let small = capacity * SMALL_GHOST_TENTHS / 10;
    // As many slots as the longer window: the other's keys come out of the same evictions.
    Ghosts::new(capacity, small, small, capacity * MAIN_GHOST_TENTHS / 10)
}

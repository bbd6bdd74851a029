use super::queue::Queue;
use super::{Entries, Look, MOST_LOOKS, Policy, Swept};

/// The oldest entry leaves, hit or not.
///
/// The cheapest policy, and that of caches without a bound, where only expiry removes entries.
///
/// # Examples
///
/// ```
/// use cache_policy::policy::{Fifo, Simulator};
/// let mut cache = Simulator::new(Box::new(Fifo::new()), 2);
/// assert_eq!([1, 2, 1, 3, 1].map(|key| cache.request(key)), [false, false, true, false, false]);
/// ```
#[derive(Debug)]
pub struct Fifo<N>(Queue<N>);

impl<N> Fifo<N> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self(Queue::new())
    }
}

impl<N> Default for Fifo<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Send> Policy<N> for Fifo<N> {
    fn insert(&mut self, node: N, _fingerprint: u32) -> u8 {
        self.0.push(node, 0);
        0
    }

    fn evict(&mut self, entries: &mut dyn Entries<N>) -> Option<N> {
        for _ in 0..MOST_LOOKS {
            let node = self.0.pop()?;
            if entries.look(&node) != Look::Gone {
                return Some(node);
            }
        }
        None
    }

    fn next_to_evict(&self, most: usize, show: &mut dyn FnMut(&N)) {
        self.0.first(most).for_each(show);
    }

    fn next_to_sweep(&self, most: usize, show: &mut dyn FnMut(&N)) {
        self.0.next_swept(most).for_each(show);
    }

    fn sweep(&mut self, entries: &mut dyn Entries<N>) -> Swept<N> {
        sweep_again(&mut self.0, entries)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// One step of sweeps that follow each other.
pub(super) fn sweep_again<N>(queue: &mut Queue<N>, entries: &mut dyn Entries<N>) -> Swept<N> {
    match sweep(queue, entries) {
        Swept::Empty => sweep(queue, entries),
        swept => swept,
    }
}

/// One step of a sweep of one queue. [`Swept::Empty`] at its end.
pub(super) fn sweep<N>(queue: &mut Queue<N>, entries: &mut dyn Entries<N>) -> Swept<N> {
    let Some((node, stamp)) = queue.sweep() else { return Swept::Empty };
    match entries.look(&node) {
        Look::Gone => Swept::Dropped,
        Look::Expired => Swept::Expired(node),
        Look::Live { .. } => {
            queue.keep(node, stamp);
            Swept::Kept
        }
    }
}

use super::fifo::sweep_again;
use super::queue::Queue;
use super::{Entries, Look, MOST_LOOKS, Policy, Swept};

/// The oldest entry that was not hit lately leaves: FIFO with second chances, as many as the mark says.
///
/// # Examples
///
/// ```
/// use cache_policy::policy::{Clock, Simulator};
/// let mut cache = Simulator::new(Box::new(Clock::new()), 2);
/// assert_eq!([1, 2, 1, 3, 1].map(|key| cache.request(key)), [false, false, true, false, true]);
/// ```
#[derive(Debug)]
pub struct Clock<N>(Queue<N>);

impl<N> Clock<N> {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self(Queue::new())
    }
}

impl<N> Default for Clock<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: Send> Policy<N> for Clock<N> {
    fn insert(&mut self, node: N, _fingerprint: u32) -> u8 {
        self.0.push(node, 0);
        0
    }

    fn evict(&mut self, entries: &mut dyn Entries<N>) -> Option<N> {
        first_unmarked(&mut self.0, entries, 0, true).map(|victim| victim.node)
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

/// What [`first_unmarked`] found.
pub(super) struct Victim<N> {
    pub(super) node: N,
    pub(super) fingerprint: u32,
    pub(super) expired: bool,
}

/// Takes the first unmarked node out of a queue. Each marked one that it passes goes to the tail, with a mark that is one
/// lower.
///
/// `None` if the nodes that may be looked at are all marked. If `must`, the least marked of them is taken instead.
pub(super) fn first_unmarked<N>(
    queue: &mut Queue<N>,
    entries: &mut dyn Entries<N>,
    now: u32,
    must: bool,
) -> Option<Victim<N>> {
    let mut held: Option<(Victim<N>, u8)> = None;
    for _ in 0..MOST_LOOKS {
        let Some(node) = queue.pop() else { break };
        let look = entries.look(&node);
        let mark = match look {
            Look::Gone => continue,
            Look::Expired => 0,
            Look::Live { mark } => mark,
        };
        let victim = Victim { fingerprint: entries.fingerprint(&node), node, expired: look == Look::Expired };
        if mark == 0 {
            if let Some((held, _)) = held {
                queue.push(held.node, now);
            }
            return Some(victim);
        }
        entries.set_mark(&victim.node, mark - 1);
        match &mut held {
            _ if !must => queue.push(victim.node, now),
            Some((_, least)) if *least <= mark => queue.push(victim.node, now),
            _ => {
                if let Some((passed, _)) = held.replace((victim, mark)) {
                    queue.push(passed.node, now);
                }
            }
        }
    }
    held.map(|(victim, _)| victim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{MOST_MARK, Simulator};

    #[test]
    fn a_cache_in_which_everything_is_hot_still_evicts() {
        let mut cache = Simulator::new(Box::new(Clock::new()), 1_000);
        for _ in 0..=MOST_MARK {
            (0..1_000).for_each(|key| _ = cache.request(key));
        }
        assert!(!cache.request(1_000));
        assert_eq!(cache.len(), 1_000);
    }
}

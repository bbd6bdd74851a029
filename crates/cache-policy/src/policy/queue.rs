//! The queue that every policy is made of.

use std::collections::VecDeque;

/// Nodes in a block. A queue grows by a block at a time, so that no push copies what is there.
const BLOCK: u64 = 128;

/// Nodes that share a time of entry: a power of two.
const STAMPED: u64 = 8;

/// A first-in, first-out queue whose middle can be swept.
///
/// Nodes have positions that count up from 0 and are never reused. A sweep goes from the head to the tail, a node a call,
/// and closes the gaps that removed nodes leave: what it keeps moves towards the head, in order. Until it ends there is one
/// gap, from `write` to `read`.
#[derive(Debug)]
pub(super) struct Queue<N> {
    blocks: VecDeque<Box<Block<N>>>,
    /// Kept for the next push, so that a queue of steady length allocates nothing.
    spare: Option<Box<Block<N>>>,
    /// The position of the first slot of the first block.
    base: u64,
    head: u64,
    tail: u64,
    write: u64,
    read: u64,
}

#[derive(Debug)]
struct Block<N> {
    nodes: [Option<N>; BLOCK as usize],
    stamps: [u32; (BLOCK / STAMPED) as usize],
}

impl<N> Queue<N> {
    pub(super) fn new() -> Self {
        Self { blocks: VecDeque::new(), spare: None, base: 0, head: 0, tail: 0, write: 0, read: 0 }
    }

    pub(super) fn len(&self) -> usize {
        (self.tail - self.head - (self.read - self.write)) as usize
    }

    /// Appends a node. `stamp` is the time, which is kept roughly: eight nodes share one.
    pub(super) fn push(&mut self, node: N, stamp: u32) {
        if self.tail == self.base + self.blocks.len() as u64 * BLOCK {
            self.blocks.push_back(self.spare.take().unwrap_or_else(Block::new));
        }
        let tail = self.tail;
        self.tail += 1;
        self.put(tail, node, stamp);
    }

    /// The time at which the node at the head was appended.
    pub(super) fn first_stamp(&self) -> Option<u32> {
        let head = if self.head == self.write { self.read } else { self.head };
        (head < self.tail).then(|| self.stamp(head))
    }

    /// Up to `most` nodes, in the order in which [`pop`](Queue::pop) will return them.
    pub(super) fn first(&self, most: usize) -> impl Iterator<Item = &N> {
        self.nodes_from(if self.head == self.write { self.read } else { self.head }, most)
    }

    /// Up to `most` nodes, in the order in which [`sweep`](Queue::sweep) will return them.
    pub(super) fn next_swept(&self, most: usize) -> impl Iterator<Item = &N> {
        self.nodes_from(self.read, most)
    }

    fn nodes_from(&self, first: u64, most: usize) -> impl Iterator<Item = &N> {
        (first..self.tail.min(first + most as u64)).filter_map(|position| {
            let (block, slot) = self.place(position);
            self.blocks[block].nodes[slot].as_ref()
        })
    }

    /// Removes the node at the head.
    pub(super) fn pop(&mut self) -> Option<N> {
        if self.head == self.write {
            // The gap of a sweep begins at the head: skip it.
            self.head = self.read;
            self.write = self.read;
        }
        if self.head == self.tail {
            return None;
        }
        let node = self.take(self.head);
        self.head += 1;
        if self.write < self.head {
            self.write = self.head;
            self.read = self.head;
        }
        self.free_blocks();
        node
    }

    /// The next node of the sweep, taken out of the queue. It goes back with [`keep`](Queue::keep), or leaves.
    ///
    /// `None` at the end of a sweep. The next call starts another.
    pub(super) fn sweep(&mut self) -> Option<(N, u32)> {
        if self.read == self.tail {
            // What lies between is the gap, and then nothing.
            self.tail = self.write;
            self.read = self.head;
            self.write = self.head;
            self.free_blocks();
            return None;
        }
        let stamp = self.stamp(self.read);
        let node = self.take(self.read)?;
        self.read += 1;
        Some((node, stamp))
    }

    /// Puts the node that [`sweep`](Queue::sweep) returned back, behind those it returned before.
    pub(super) fn keep(&mut self, node: N, stamp: u32) {
        let write = self.write;
        self.write += 1;
        self.put(write, node, stamp);
    }

    fn free_blocks(&mut self) {
        while self.base + BLOCK <= self.head {
            self.spare = self.blocks.pop_front();
            self.base += BLOCK;
        }
        while self.blocks.len() as u64 * BLOCK > self.tail - self.base + BLOCK {
            self.spare = self.blocks.pop_back();
        }
    }

    fn place(&self, position: u64) -> (usize, usize) {
        let offset = position - self.base;
        ((offset / BLOCK) as usize, (offset % BLOCK) as usize)
    }

    fn put(&mut self, position: u64, node: N, stamp: u32) {
        let (block, slot) = self.place(position);
        let block = &mut self.blocks[block];
        block.nodes[slot] = Some(node);
        if position & (STAMPED - 1) == 0 {
            block.stamps[slot / STAMPED as usize] = stamp;
        }
    }

    fn take(&mut self, position: u64) -> Option<N> {
        let (block, slot) = self.place(position);
        self.blocks[block].nodes[slot].take()
    }

    fn stamp(&self, position: u64) -> u32 {
        let (block, slot) = self.place(position);
        self.blocks[block].stamps[slot / STAMPED as usize]
    }
}

impl<N> Block<N> {
    fn new() -> Box<Self> {
        Box::new(Self { nodes: std::array::from_fn(|_| None), stamps: [0; (BLOCK / STAMPED) as usize] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue beside a list that does the same the slow way, under random pushes, pops and sweeps.
    #[test]
    fn it_is_a_queue_while_it_is_swept() {
        for seed in 1..=50_u64 {
            let mut random = seed;
            let mut next = || {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (random >> 33) as u32
            };
            let mut queue = Queue::new();
            let mut list = VecDeque::new();
            for n in 0..20_000_u32 {
                match next() % 10 {
                    0..=3 => {
                        queue.push(n, n);
                        list.push_back(n);
                    }
                    4..=5 => {
                        let first: Vec<_> = queue.first(3).copied().collect();
                        // Past the gap of a sweep it may show fewer.
                        assert!(first.iter().eq(list.iter().take(first.len())));
                        assert_eq!(first.is_empty(), list.is_empty());
                        assert_eq!(queue.pop(), list.pop_front());
                    }
                    _ => {
                        let shown = queue.next_swept(1).next().copied();
                        let swept = queue.sweep();
                        assert_eq!(shown, swept.map(|(node, _)| node));
                        let Some((node, stamp)) = swept else { continue };
                        // The node's time, or that of one of its seven elders.
                        assert!(stamp <= node);
                        if node % 3 == 0 {
                            list.retain(|&other| other != node);
                        } else {
                            queue.keep(node, stamp);
                        }
                    }
                }
                assert_eq!(queue.len(), list.len());
            }
            while let Some(node) = list.pop_front() {
                assert_eq!(queue.pop(), Some(node));
            }
            assert_eq!(queue.pop(), None);
        }
    }

    #[test]
    fn a_full_sweep_sees_every_node_and_frees_blocks() {
        let mut queue = Queue::new();
        (0..10_000).for_each(|n| queue.push(n, 0));
        let mut seen = Vec::new();
        while let Some((node, _)) = queue.sweep() {
            seen.push(node);
        }
        assert_eq!(seen, (0..10_000).collect::<Vec<_>>());
        assert_eq!(queue.len(), 0);
        assert!(queue.blocks.len() <= 1, "{} blocks are left for no node", queue.blocks.len());
    }
}

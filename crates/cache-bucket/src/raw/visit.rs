use std::hash::BuildHasher;

use cache_core::Key;

use super::bucket::Bucket;
use super::lane::Form;
use super::remove::unlink;
use super::stored::{hash_of, print_of, retire_key, same_key, with_key};
use super::table::Table;
use super::{Cell, Chores, Hash, Raw};
use crate::reclaim::{Pinned, Retired};

/// An entry that was seen under a pin, and its value then.
pub(crate) struct Entry<'g, C: Cell> {
    holder: &'g Bucket<C>,
    granule: usize,
    form: Form,
    pub(crate) word: C::Word,
}

impl<C: Cell> Entry<'_, C> {
    fn is_copy_of(&self, other: &Self) -> bool {
        #[cfg(all(test, not(loom)))]
        tests::COMPARISONS.set(tests::COMPARISONS.get() + 1);
        let (a, b) = (self.holder.key(self.granule), other.holder.key(other.granule));
        // SAFETY: both were seen under the pin that they borrow.
        self.form == other.form && unsafe { same_key(a, b, self.form) }
    }

    /// A number that copies have in common.
    fn print(&self) -> u64 {
        // SAFETY: it was seen under the pin that it borrows.
        unsafe { print_of(self.holder.key(self.granule), self.form) }
    }

    /// Calls `f` with the key; `None` if the bytes kept for it are no key after all.
    ///
    /// # Safety
    ///
    /// `K` is the key type of the table that this is of.
    pub(crate) unsafe fn with_key<K: Key + ?Sized, R>(&self, f: impl FnOnce(&K) -> R) -> Option<R> {
        // SAFETY: it was seen under the pin that it borrows.
        unsafe { with_key::<K, C, R>(self.holder, self.granule, self.form, f) }
    }
}

/// The part of all hashes that one bucket of the coarsest generation covers: a prefix of [`order`].
///
/// Going through these meets every key exactly once, however often the table is resized between two of them: a key's
/// hash does not change.
struct Region {
    start: u64,
    /// How many bits the prefix has.
    bits: u32,
}

/// Hashes in this order go through the buckets of any one table one after the other, as its bits are reversed: what a
/// larger table has in several buckets a smaller one has in one.
fn order(hash: Hash) -> u64 {
    hash.index().reverse_bits()
}

/// Of a number, as many of the top bits; the others 0.
fn prefix(number: u64, bits: u32) -> u64 {
    if bits == 0 { 0 } else { number >> (u64::BITS - bits) << (u64::BITS - bits) }
}

impl Region {
    fn around<C: Cell>(from: u64, oldest: &Table<C>) -> Region {
        let mut bits = oldest.count.ilog2();
        let mut table = oldest;
        while let Some(next) = table.next() {
            bits = bits.min(next.count.ilog2());
            table = next;
        }
        Region { start: prefix(from, bits), bits }
    }

    /// Where the next one begins; `None` after the last.
    fn end(&self) -> Option<u64> {
        if self.bits == 0 { None } else { self.start.checked_add(1 << (u64::BITS - self.bits)) }
    }

    /// Whether a hash lies in it, at or after `from`.
    fn has(&self, hash: Hash, from: u64) -> bool {
        let order = order(hash);
        order >= from && prefix(order, self.bits) == self.start
    }

    fn buckets<'t, C: Cell>(&self, table: &'t Table<C>) -> impl Iterator<Item = &'t Bucket<C>> + use<'t, C> {
        let step = 1 << self.bits;
        // A generation that came meanwhile may be coarser still.
        let first = self.start.reverse_bits() as usize & (table.count - 1);
        (first..table.count).step_by(step).map(|index| table.bucket_at(index))
    }
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Gathers the entries from `from` on, up to the hash that is returned; `None` at the end.
    pub(crate) fn gather<'g, S>(
        &self,
        guard: Pinned<'g>,
        from: u64,
        hasher: &S,
        found: &mut Vec<Entry<'g, C>>,
    ) -> Option<u64>
    where
        S: BuildHasher + 'static,
    {
        let oldest = self.root(guard);
        let region = Region::around(from, oldest);
        // The table shrank since: some of its entries were gathered before.
        let mut coarser = region.start < from;
        let mut table = oldest;
        loop {
            coarser |= table.count.ilog2() < region.bits;
            let older = found.len();
            for main in region.buckets(table) {
                gather_bucket(table, main, found);
            }
            drop_copies(found, older);
            match table.next() {
                Some(next) => table = next,
                None => break,
            }
        }
        if coarser {
            found.retain(|entry| {
                // SAFETY: it was seen under this pin.
                let hash = unsafe { hash_of::<K, C, S>(entry.holder, entry.granule, entry.form, hasher) };
                region.has(hash, from)
            });
        }
        region.end()
    }

    /// The most buckets in a chain, over all generations.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn longest_chain(&self, guard: Pinned<'_>) -> usize {
        let tables = std::iter::successors(Some(self.root(guard)), |table| table.next());
        let chain = |table: &Table<C>, index| {
            std::iter::successors(Some(table.bucket_at(index)), |holder| table.after(holder)).count()
        };
        tables.flat_map(|table| (0..table.count).map(move |index| chain(table, index))).max().unwrap_or(0)
    }

    /// Removes the entries from `from` on, up to the hash that is returned; `None` at the end.
    pub(crate) fn wipe(&self, guard: Pinned<'_>, from: u64) -> (Option<u64>, Chores) {
        let oldest = self.root(guard);
        let region = Region::around(from, oldest);
        let mut chores = Chores::NONE;
        let mut left = Vec::new();
        let mut table = Some(oldest);
        while let Some(this) = table {
            for main in region.buckets(this) {
                let mut lock = main.lock();
                let mut holder = (!lock.after.moved()).then_some(main);
                while let Some(bucket) = holder {
                    bucket.for_each_entry(|granule, form| {
                        let (near, behind) = (true, true);
                        left.push(unlink::<K, C>(guard, &mut lock, bucket, (granule, form), near, behind));
                    });
                    holder = this.after(bucket);
                }
                lock.after = lock.after.emptied();
                drop(lock);
                for each in left.drain(..) {
                    chores = chores | self.removed(guard, each);
                }
            }
            table = this.next();
        }
        (region.end(), chores)
    }
}

/// Takes everything out of a generation that nobody looks at any more.
pub(super) fn empty_out<K: Key + ?Sized, C: Cell>(table: &Table<C>, left: &mut Vec<Retired>) {
    for index in 0..table.count {
        let main = table.bucket_at(index);
        let mut holder = (!main.state().moved()).then_some(main);
        while let Some(bucket) = holder {
            bucket.for_each_entry(|granule, form| {
                left.extend(bucket.cell(granule).end());
                // SAFETY: the whole generation goes, so nobody else asks.
                left.extend(unsafe { retire_key::<K>(bucket.key(granule), form) });
            });
            holder = table.after(bucket);
        }
    }
}

/// Takes out those from `older` on that are copies of one before: an entry that was moved while it was looked for was seen
/// twice.
fn drop_copies<C: Cell>(found: &mut Vec<Entry<'_, C>>, older: usize) {
    if older == 0 || older == found.len() {
        return;
    }
    let mut prints: Vec<_> = found[..older].iter().enumerate().map(|(i, entry)| (entry.print(), i)).collect();
    prints.sort_unstable();
    let mut i = older;
    while i < found.len() {
        let print = found[i].print();
        let alike = &prints[prints.partition_point(|&(other, _)| other < print)..];
        let mut alike = alike.iter().take_while(|&&(other, _)| other == print);
        if alike.any(|&(_, older)| found[older].is_copy_of(&found[i])) {
            found.swap_remove(i);
        } else {
            i += 1;
        }
    }
}

fn gather_bucket<'g, C: Cell>(table: &'g Table<C>, main: &'g Bucket<C>, found: &mut Vec<Entry<'g, C>>) {
    let before = found.len();
    let mut holder = (!main.state().moved()).then_some(main);
    while let Some(bucket) = holder {
        bucket.for_each_entry(|granule, form| {
            let word = bucket.cell(granule).word();
            found.push(Entry { holder: bucket, granule, form, word });
        });
        holder = table.after(bucket);
    }
    // Moved meanwhile: then these values may be old, and the next generation has them all.
    if main.state().moved() {
        found.truncate(before);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell as Counter;

    use super::*;
    use crate::primitive::AtomicI64;
    use crate::raw::Probe;
    use crate::reclaim;
    use cache_core::DefaultHashBuilder;

    thread_local!(pub(super) static COMPARISONS: Counter<usize> = const { Counter::new(0) });

    /// A pin that stays keeps the first generation from being moved out, so that all of a region is looked for among all of
    /// a larger one. Copies are found without comparing each with each.
    #[test]
    fn copies_are_found_without_comparing_all_with_all() {
        let hasher = DefaultHashBuilder::default();
        let raw = Raw::<u64, AtomicI64>::new(0, false);
        let stays = reclaim::pin();
        for key in 0..50_000_u64 {
            let (probe, hash) = Probe::new(&key, &hasher);
            raw.upsert(stays.pinned(), hash, probe, 1, &mut |_| Some(()));
        }
        COMPARISONS.set(0);
        let (mut entries, mut next) = (0, Some(0));
        while let Some(from) = next {
            let mut found = Vec::new();
            next = raw.gather(stays.pinned(), from, &hasher, &mut found);
            entries += found.len();
        }
        assert_eq!(entries, 50_000);
        assert!(COMPARISONS.get() < 1_000, "{} comparisons", COMPARISONS.get());
    }
}

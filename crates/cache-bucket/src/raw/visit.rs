use std::hash::BuildHasher;

use cache_core::Key;

use super::bucket::Bucket;
use super::lane::Form;
use super::remove::unlink;
use super::stored::{hash_of, print_of, retire_key, same_key, with_key};
use super::table::Table;
use super::{Cell, Hash, Maintenance, Raw};
use crate::reclaim::{Pinned, Retired};

/// An entry that was seen under a pin, and the word that its value had.
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

    /// A hash that copies of the entry have in common.
    fn print(&self) -> u64 {
        // SAFETY: it was seen under the pin that it borrows.
        unsafe { print_of(self.holder.key(self.granule), self.form) }
    }

    /// Calls `f` with the key; `None` if `K` rejects the stored bytes.
    ///
    /// # Safety
    ///
    /// `K` is the key type of the entry's table.
    pub(crate) unsafe fn with_key<K: Key + ?Sized, R>(&self, f: impl FnOnce(&K) -> R) -> Option<R> {
        // SAFETY: it was seen under the pin that it borrows.
        unsafe { with_key::<K, C, R>(self.holder, self.granule, self.form, f) }
    }
}

/// How many steps before a bucket is read its memory is prefetched: a sweep of a large table is as fast as memory.
const AHEAD: usize = 6;

/// The position of a sweep over all keys.
///
/// A sweep counts through the numbers below a modulus. Each number stands for the keys whose hash has it as
/// remainder. A key's hash does not change, so every key is met exactly once, however often the table is resized
/// meanwhile. In a table with `modulus` buckets a number stands for one bucket, in a larger table for several, and in
/// a smaller one for part of a bucket. So a sweep reads memory from one end to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    /// The number of buckets that the smallest generation had at the beginning, a power of two.
    modulus: usize,
    /// The next number.
    index: usize,
}

impl Cursor {
    fn buckets<'t, C: Cell>(self, table: &'t Table<C>) -> impl Iterator<Item = &'t Bucket<C>> + use<'t, C> {
        let first = self.index & (table.count - 1);
        (first..table.count).step_by(self.modulus).map(|index| table.bucket_at(index))
    }

    /// Whether a key of this hash belongs to the current number.
    fn is_at(self, hash: Hash) -> bool {
        hash.index() as usize & (self.modulus - 1) == self.index
    }

    /// The position `steps` later; `None` past the end.
    fn ahead(self, steps: usize) -> Option<Cursor> {
        let index = self.index + steps;
        (index < self.modulus).then_some(Cursor { index, ..self })
    }
}

impl<K: Key + ?Sized, C: Cell> Raw<K, C> {
    /// Begins a sweep.
    pub(crate) fn sweep(&self, guard: Pinned<'_>) -> Cursor {
        let mut table = self.root(guard);
        let mut modulus = table.count;
        while let Some(next) = table.next() {
            modulus = modulus.min(next.count);
            table = next;
        }
        Cursor { modulus, index: 0 }
    }

    /// Gathers the entries that a sweep meets next. Returns the next position, or `None` at the end.
    pub(crate) fn gather<'g, S>(
        &self,
        guard: Pinned<'g>,
        at: Cursor,
        hasher: &S,
        found: &mut Vec<Entry<'g, C>>,
    ) -> Option<Cursor>
    where
        S: BuildHasher + 'static,
    {
        let begin = found.len();
        let mut coarser = false;
        let mut table = self.root(guard);
        loop {
            coarser |= table.count < at.modulus;
            let older = found.len();
            at.ahead(AHEAD)
                .map(|ahead| ahead.buckets(table))
                .into_iter()
                .flatten()
                .for_each(|main| Bucket::prefetch_all(main));
            for main in at.buckets(table) {
                gather_bucket(table, main, found);
            }
            drop_copies(found, begin, older);
            match table.next() {
                Some(next) => table = next,
                None => break,
            }
        }
        if coarser {
            // The table shrank since: not all entries of these buckets belong to this position.
            let mut entry = begin;
            while let Some(Entry { holder, granule, form, .. }) = found.get(entry) {
                // SAFETY: the entry was seen under this pin.
                let hash = unsafe { hash_of::<K, C, S>(holder, *granule, *form, hasher) };
                if at.is_at(hash) {
                    entry += 1;
                } else {
                    found.swap_remove(entry);
                }
            }
        }
        at.ahead(1)
    }

    /// The greatest number of buckets in a chain, over all generations.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn longest_chain(&self, guard: Pinned<'_>) -> usize {
        let tables = std::iter::successors(Some(self.root(guard)), |table| table.next());
        let chain = |table: &Table<C>, index| {
            std::iter::successors(Some(table.bucket_at(index)), |holder| table.after(holder)).count()
        };
        tables.flat_map(|table| (0..table.count).map(move |index| chain(table, index))).max().unwrap_or(0)
    }

    /// Removes the entries that a sweep meets next. Returns the next position, or `None` at the end.
    pub(crate) fn clear_at(&self, guard: Pinned<'_>, at: Cursor) -> (Option<Cursor>, Maintenance) {
        let mut maintenance = Maintenance::NONE;
        let mut left = Vec::new();
        let mut table = Some(self.root(guard));
        while let Some(this) = table {
            for main in at.buckets(this) {
                let mut lock = main.lock();
                let mut holder = (!lock.after.moved()).then_some(main);
                while let Some(bucket) = holder {
                    bucket.for_each_entry(|granule, form| {
                        let (at_home, behind) = (true, true);
                        left.push(unlink::<K, C>(guard, &mut lock, bucket, (granule, form), at_home, behind));
                    });
                    holder = this.after(bucket);
                }
                lock.after = lock.after.emptied();
                drop(lock);
                for each in left.drain(..) {
                    maintenance = maintenance | self.removed(guard, each);
                }
            }
            table = this.next();
        }
        (at.ahead(1), maintenance)
    }
}

/// Empties a generation that no thread looks at any more: moves what must be dropped to `left`.
pub(super) fn empty_out<K: Key + ?Sized, C: Cell>(table: &Table<C>, left: &mut Vec<Retired>) {
    for index in 0..table.count {
        let main = table.bucket_at(index);
        let mut holder = (!main.state().moved()).then_some(main);
        while let Some(bucket) = holder {
            bucket.for_each_entry(|granule, form| {
                left.extend(bucket.cell(granule).end());
                // SAFETY: the whole generation is dropped, so each key is retired once.
                left.extend(unsafe { retire_key::<K>(bucket.key(granule), form) });
            });
            holder = table.after(bucket);
        }
    }
}

/// Drops the entries from `older` on that are copies of one from `begin` to `older`: an entry that was moved during
/// the search was seen twice.
fn drop_copies<C: Cell>(found: &mut Vec<Entry<'_, C>>, begin: usize, older: usize) {
    if older == begin || older == found.len() {
        return;
    }
    let prints = found[begin..older].iter().enumerate();
    let mut prints: Vec<_> = prints.map(|(i, entry)| (entry.print(), begin + i)).collect();
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
    // If the bucket was moved meanwhile, these values may be old, and the next generation has all entries.
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

    /// Checks that copies are found without comparing every entry with every other. A pin that lasts keeps the first
    /// generation from being moved out, so that its entries are compared with those of a larger table.
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
        let (mut entries, mut next) = (0, Some(raw.sweep(stays.pinned())));
        while let Some(from) = next {
            let mut found = Vec::new();
            next = raw.gather(stays.pinned(), from, &hasher, &mut found);
            entries += found.len();
        }
        assert_eq!(entries, 50_000);
        assert!(COMPARISONS.get() < 1_000, "{} comparisons", COMPARISONS.get());
    }
}

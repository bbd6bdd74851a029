use std::borrow::Borrow;
use std::fmt;
use std::mem;
use std::num::NonZeroU16;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use cache_core::Key;
use cache_core::seeded;

use crate::policy::MOST_MARK;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard};

/// The deadline of an entry that does not expire.
pub(crate) const NEVER: u64 = u64::MAX;

/// The deadline of an entry that is being removed because it was past its time.
const ENDED: u64 = 0;

/// In how many parts the time to idle is measured.
pub(crate) const IDLE_PARTS: u32 = 64;

/// The entry has left the map, or its policy's queues need not care for it any more.
const GONE: u8 = 1;
/// The entry is part of the cache's totals. Whoever clears this subtracts it.
const COUNTED: u8 = 2;
/// A caller is loading a newer value.
const REFRESHING: u8 = 4;

/// What the map holds: a value with its key and what the policies need.
///
/// In this order, so that a hit on a small value reads one cache line: first what every hit looks at, and the key last. With a
/// value of a word and an integer as its key it has 40 bytes: with the counts of the `Arc`, and what an allocator adds, 64.
#[repr(C)]
pub(crate) struct Entry<V, K: Key + ?Sized> {
    /// `None` only while it is dropped.
    body: Option<Body<V>>,
    /// When the entry expires, in the clock's nanoseconds.
    deadline: AtomicU64,
    /// What most entries do not need.
    extra: Option<Box<Extra>>,
    /// For the removal of an entry that a policy found.
    pub(crate) key: K::Owned,
}

/// The value, and what lies beside it so that the `Option` around both needs no space: a weight is never 0.
struct Body<V> {
    value: V,
    fingerprint: u32,
    weight: NonZeroU16,
    mark: AtomicU8,
    flags: AtomicU8,
}

/// The weight in a [`Body`] that says that the weight is in [`Extra`]. Smaller ones stand there plus one.
const LARGE: NonZeroU16 = NonZeroU16::MAX;

struct Extra {
    /// Set when the entry's group is dropped.
    group: Option<Arc<AtomicBool>>,
    /// When the entry was last read, in parts of the time to idle.
    touched: AtomicU32,
    weight: u32,
}

/// What an entry is made with.
pub(crate) struct Traits {
    pub(crate) fingerprint: u32,
    pub(crate) weight: u32,
    pub(crate) group: Option<Arc<AtomicBool>>,
    /// Whether reads are noted, for a time to idle.
    pub(crate) idles: bool,
}

impl<V, K: Key + ?Sized> Entry<V, K> {
    pub(crate) fn new(value: V, key: K::Owned, traits: Traits) -> Self {
        let Traits { fingerprint, weight, group, idles } = traits;
        let small = u16::try_from(weight).ok().and_then(|weight| NonZeroU16::new(weight.wrapping_add(1)));
        let weighs = small.filter(|small| *small != LARGE);
        let extra = (group.is_some() || idles || weighs.is_none())
            .then(|| Box::new(Extra { group, touched: AtomicU32::new(0), weight }));
        Self {
            body: Some(Body {
                value,
                fingerprint,
                weight: weighs.unwrap_or(LARGE),
                mark: AtomicU8::new(0),
                flags: AtomicU8::new(0),
            }),
            deadline: AtomicU64::new(NEVER),
            extra,
            key,
        }
    }

    #[inline]
    fn body(&self) -> &Body<V> {
        self.body.as_ref().expect("an entry has a value until it is dropped")
    }

    #[inline]
    pub(crate) fn value(&self) -> &V {
        &self.body().value
    }

    /// The value of an entry that nobody else has.
    pub(crate) fn into_value(mut self) -> V {
        self.body.take().expect("an entry has a value until it is dropped").value
    }

    #[inline]
    pub(crate) fn fingerprint(&self) -> u32 {
        self.body().fingerprint
    }

    pub(crate) fn weight(&self) -> u32 {
        match (self.body().weight, &self.extra) {
            (LARGE, Some(extra)) => extra.weight,
            (small, _) => u32::from(small.get()) - 1,
        }
    }

    pub(crate) fn group(&self) -> Option<&Arc<AtomicBool>> {
        self.extra.as_ref()?.group.as_ref()
    }

    #[inline]
    pub(crate) fn key(&self) -> &K {
        self.key.borrow()
    }

    /// Notes a hit. Writes only until the mark is at its largest: then the entry is hot, and readers share its line.
    #[inline]
    pub(crate) fn hit(&self) {
        // A lost increment costs nothing, so that no atomic addition is needed.
        let mark = self.body().mark.load(Ordering::Relaxed);
        if mark < MOST_MARK {
            self.body().mark.store(mark + 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn mark(&self) -> u8 {
        self.body().mark.load(Ordering::Relaxed)
    }

    pub(crate) fn set_mark(&self, mark: u8) {
        self.body().mark.store(mark, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn deadline(&self) -> u64 {
        self.deadline.load(Ordering::Acquire)
    }

    pub(crate) fn set_deadline(&self, deadline: u64) {
        self.deadline.store(deadline, Ordering::Release);
    }

    /// Sets a new deadline unless the present one is over at `now`, and tells whether it did.
    pub(crate) fn prolong(&self, now: u64, new: u64) -> bool {
        if seeded::bug("prolong-blindly") {
            self.set_deadline(new);
            return true;
        }
        self.replace_deadline(|deadline| now < deadline, new)
    }

    /// Ends the entry for good if its deadline is over at `now`, and tells whether it did. It cannot be prolonged after that.
    pub(crate) fn end(&self, now: u64) -> bool {
        self.replace_deadline(|deadline| now >= deadline, ENDED)
    }

    fn replace_deadline(&self, may: impl Fn(u64) -> bool, new: u64) -> bool {
        let change = |deadline| may(deadline).then_some(new);
        self.deadline.fetch_update(Ordering::AcqRel, Ordering::Acquire, change).is_ok()
    }

    #[inline]
    pub(crate) fn touched(&self) -> u32 {
        self.extra.as_ref().map_or(0, |extra| extra.touched.load(Ordering::Relaxed))
    }

    /// Notes the time of a read. Writes once in each part of the time to idle.
    #[inline]
    pub(crate) fn touch(&self, part: u32) {
        let Some(extra) = &self.extra else { return };
        if part.wrapping_sub(extra.touched.load(Ordering::Relaxed)) as i32 > 0 {
            extra.touched.store(part, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn is_dropped_with_its_group(&self) -> bool {
        self.group().is_some_and(|dropped| dropped.load(Ordering::Acquire))
    }

    /// Notes that the entry left the map, and tells whether the caller is the one to subtract it from the totals.
    pub(crate) fn leave(&self) -> bool {
        // Nobody refreshes what is gone.
        self.body().flags.swap(GONE, Ordering::AcqRel) & COUNTED != 0
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.body().flags.load(Ordering::Acquire) & GONE != 0
    }

    /// Makes the entry part of the totals, before any other thread can reach it.
    pub(crate) fn count_unshared(&self) {
        self.body().flags.store(self.body().flags.load(Ordering::Relaxed) | COUNTED, Ordering::Relaxed);
    }

    /// Makes an entry that was put back part of the totals again, unless it is, or has left meanwhile.
    pub(crate) fn count_again(&self) -> bool {
        self.body()
            .flags
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |flags| {
                (flags & (GONE | COUNTED) == 0).then_some(flags | COUNTED)
            })
            .is_ok()
    }

    /// Whether the entry is not part of the totals: it was picked to be evicted, or has left.
    pub(crate) fn is_uncounted(&self) -> bool {
        self.body().flags.load(Ordering::Acquire) & COUNTED == 0
    }

    /// Whether the caller is the one to subtract this entry from the totals.
    pub(crate) fn uncount(&self) -> bool {
        // A victim is subtracted when it is picked. When it is removed, this is called again, and need not write.
        self.body().flags.load(Ordering::Acquire) & COUNTED != 0
            && self.body().flags.fetch_and(!COUNTED, Ordering::AcqRel) & COUNTED != 0
    }

    /// Whether the caller is the one to load a newer value. It must call [`refreshed`](Entry::refreshed).
    pub(crate) fn start_refresh(&self) -> bool {
        // All hits on an old value ask, and only the first of them writes.
        self.body().flags.load(Ordering::Acquire) & REFRESHING == 0
            && self.body().flags.fetch_or(REFRESHING, Ordering::AcqRel) & REFRESHING == 0
            || seeded::bug("refresh-all")
    }

    pub(crate) fn refreshed(&self) {
        self.body().flags.fetch_and(!REFRESHING, Ordering::AcqRel);
    }
}

/// Ends a panic of the value's `Drop` here. It can run anywhere in an operation of the map or of the queues, whose totals would
/// be wrong for ever.
impl<V, K: Key + ?Sized> Drop for Entry<V, K> {
    fn drop(&mut self) {
        if mem::needs_drop::<V>() {
            let body = self.body.take();
            _ = catch_unwind(AssertUnwindSafe(|| drop(body)));
        }
    }
}

/// A value that was in the cache when it was asked for: a shared reference that keeps it alive.
///
/// It stays what it was. If the key is set anew or removed, holders of the handle keep the old value.
///
/// # Examples
///
/// ```
/// # use cache_policy::Cache;
/// # use cache_rwlock::RwLockBackend;
/// let cache: Cache<String, str, RwLockBackend> = Cache::new();
/// cache.insert("title", "Flash sale".to_owned());
/// let title = cache.get("title").unwrap();
/// cache.remove("title");
/// assert_eq!(title.len(), 10);
/// assert_eq!(title.key(), "title");
/// ```
pub struct Handle<V, K: Key + ?Sized>(pub(crate) Arc<Entry<V, K>>);

impl<V, K: Key + ?Sized> Handle<V, K> {
    /// The key of the value.
    ///
    /// # Examples
    ///
    /// See [`Handle`].
    #[must_use]
    pub fn key(&self) -> &K {
        self.0.key()
    }

    /// Whether both are of one insert: the very same value, not an equal one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::{Cache, Handle};
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// let one = cache.insert("a", 1);
    /// assert!(Handle::same(&one, &cache.get("a").unwrap()));
    /// assert!(!Handle::same(&one, &cache.insert("a", 1)));
    /// ```
    #[must_use]
    pub fn same(one: &Self, other: &Self) -> bool {
        Arc::ptr_eq(&one.0, &other.0)
    }
}

impl<V, K: Key + ?Sized> Deref for Handle<V, K> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        self.0.value()
    }
}

impl<V, K: Key + ?Sized> Clone for Handle<V, K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V: fmt::Debug, K: Key + ?Sized> fmt::Debug for Handle<V, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value().fmt(f)
    }
}

impl<V, K: Key + ?Sized> fmt::Debug for Entry<V, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Entries that can be dropped together, at once: all that belongs to one event, say.
///
/// # Examples
///
/// ```
/// # use cache_policy::{Cache, Group};
/// # use cache_rwlock::RwLockBackend;
/// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
/// let sale = Group::new();
/// cache.insert_in(&sale, "item:1", 1);
/// cache.insert_in(&sale, "item:2", 2);
/// cache.insert("item:3", 3);
/// sale.drop_entries();
/// assert!(cache.get("item:1").is_none() && cache.get("item:2").is_none());
/// assert!(cache.get("item:3").is_some());
/// // The group can be used again.
/// cache.insert_in(&sale, "item:1", 4);
/// assert_eq!(*cache.get("item:1").unwrap(), 4);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Group(Arc<Mutex<Arc<AtomicBool>>>);

impl Group {
    /// An empty group, of no cache in particular. Clones are the same group.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops all entries that are in the group now, in every cache.
    ///
    /// They are not found any more when this returns. Their memory is freed as expired entries' is. One that is being
    /// inserted meanwhile is ordered before or after.
    ///
    /// # Performance
    ///
    /// One store and one allocation, however many entries there are.
    pub fn drop_entries(&self) {
        let mut current = self.lock();
        current.store(true, Ordering::Release);
        *current = Arc::default();
    }

    /// Joins the group as it is now, for a value that is still to be loaded.
    ///
    /// Take it before the data are read. If the group is dropped after that, the value is dropped with it, even if it was not
    /// inserted yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::convert::Infallible;
    /// # use cache_policy::{Cache, Group, Loaded};
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// let sale = Group::new();
    /// let load = || {
    ///     let member = sale.join();
    ///     let price = 7; // from the database
    ///     Ok::<_, Infallible>(Loaded::new(price).in_group(member))
    /// };
    /// assert_eq!(*cache.get_or_load("tea", load).unwrap(), 7);
    /// sale.drop_entries();
    /// assert!(cache.get("tea").is_none());
    /// ```
    #[must_use]
    pub fn join(&self) -> Membership {
        Membership(Arc::clone(&self.lock()))
    }

    fn lock(&self) -> MutexGuard<'_, Arc<AtomicBool>> {
        // Only an allocation can fail under this lock, and what it guards is whole then.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a value belongs to a [`Group`]: taken by [`Group::join`], and given to [`Loaded::in_group`](crate::Loaded::in_group).
///
/// # Examples
///
/// See [`Group::join`].
#[derive(Clone, Debug)]
pub struct Membership(pub(crate) Arc<AtomicBool>);

#[cfg(all(test, not(shuttle), target_pointer_width = "64"))]
mod tests {
    use super::*;

    fn weighs(weight: u32) -> u32 {
        let traits = Traits { fingerprint: 0, weight, group: None, idles: false };
        Entry::<u8, u64>::new(1, 1, traits).weight()
    }

    #[test]
    fn an_entry_and_its_counts_fit_a_cache_line() {
        assert_eq!(size_of::<Entry<u64, u64>>(), 40);
        assert_eq!(size_of::<Entry<Arc<u64>, u64>>(), 40);
    }

    #[test]
    fn every_weight_is_kept() {
        for weight in [0, 1, 65_533, 65_534, 65_535, 65_536, u32::MAX] {
            assert_eq!(weighs(weight), weight);
        }
    }
}

use std::ops::{Bound, ControlFlow, RangeBounds, RangeInclusive};

use crate::{AddError, IntCache, Key, UpdateError};

/// Extension methods for every [`IntCache`], including `dyn IntCache`.
///
/// # Examples
///
/// ```
/// use hotcache::{IntCache, IntCacheExt};
///
/// fn buy(stock: &dyn IntCache, item: &str) -> bool {
///     stock.try_add(item, -1, 0..).is_ok()
/// }
/// ```
pub trait IntCacheExt<K: Key + ?Sized>: IntCache<K> {
    /// Adds to a present key if the sum lies within `bounds`, and returns the sum.
    ///
    /// A counter that is changed only this way cannot be oversold: with the bounds `0..`, exactly as many decrements
    /// succeed as there are items, however many threads try. Only the sum is checked: an add may bring a value that
    /// lies outside the bounds back into them.
    ///
    /// # Errors
    ///
    /// [`AddError::Absent`] if the key is absent. [`AddError::OutOfBounds`] with the current value if the sum lies
    /// outside `bounds` or overflows; an empty range rejects every sum. A rejected add changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::AddError;
    /// # use hotcache::{IntCache, IntCacheExt};
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("stock", 1);
    /// assert_eq!(cache.try_add("stock", -1, 0..), Ok(0));
    /// assert_eq!(cache.try_add("stock", -1, 0..), Err(AddError::OutOfBounds { current: 0 }));
    /// assert_eq!(cache.try_add("none", -1, 0..), Err(AddError::Absent));
    /// ```
    #[inline]
    fn try_add(&self, key: &K, delta: i64, bounds: impl RangeBounds<i64>) -> Result<i64, AddError> {
        self.try_add_dyn(key, delta, inclusive(&bounds))
    }

    /// Like [`try_add`](IntCacheExt::try_add), but inserts an absent key, which counts from 0.
    ///
    /// # Errors
    ///
    /// [`AddError::OutOfBounds`] as for [`try_add`](IntCacheExt::try_add), with a `current` of 0 for an absent key. A
    /// rejected add inserts nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::AddError;
    /// # use hotcache::{IntCache, IntCacheExt};
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// // At most two purchases for each user.
    /// assert_eq!(cache.try_add_or_insert("user:1", 2, 0..=2), Ok(2));
    /// assert_eq!(cache.try_add_or_insert("user:1", 1, 0..=2), Err(AddError::OutOfBounds { current: 2 }));
    /// assert_eq!(cache.try_add_or_insert("user:2", 3, 0..=2), Err(AddError::OutOfBounds { current: 0 }));
    /// assert_eq!(cache.get("user:2"), None);
    /// ```
    #[inline]
    fn try_add_or_insert(&self, key: &K, delta: i64, bounds: impl RangeBounds<i64>) -> Result<i64, AddError> {
        self.try_add_or_insert_dyn(key, delta, inclusive(&bounds))
    }

    /// Atomically replaces the value of a present key with the result of `f`, and returns the new value.
    ///
    /// `f` is called again if the value changes during the call. `f` runs under no lock.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Absent`] if the key is absent. [`UpdateError::Kept`] with the value if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::UpdateError;
    /// # use hotcache::{IntCache, IntCacheExt};
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("arrival", 10);
    /// assert_eq!(cache.update("arrival", |last| (20 >= last).then_some(20)), Ok(20));
    /// assert_eq!(cache.update("arrival", |_| None), Err(UpdateError::Kept { current: 20 }));
    /// assert_eq!(cache.update("none", Some), Err(UpdateError::Absent));
    /// ```
    #[inline]
    fn update(&self, key: &K, mut f: impl FnMut(i64) -> Option<i64>) -> Result<i64, UpdateError<i64>> {
        self.update_dyn(key, &mut f)
    }

    /// Like [`update`](IntCacheExt::update), but inserts an absent key with the value `first` and returns it.
    ///
    /// # Errors
    ///
    /// [`UpdateError::Kept`] with the value if the key is present and `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{IntCache, IntCacheExt};
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// let mut highest = |value| cache.update_or_insert("highest", value, |seen| Some(seen.max(value)));
    /// assert_eq!(highest(3), Ok(3));
    /// assert_eq!(highest(2), Ok(3));
    /// ```
    #[inline]
    fn update_or_insert(
        &self,
        key: &K,
        first: i64,
        mut f: impl FnMut(i64) -> Option<i64>,
    ) -> Result<i64, UpdateError<i64>> {
        self.update_or_insert_dyn(key, first, &mut f)
    }

    /// Removes a key if `f` returns `true` for its final value. Returns whether it was removed.
    ///
    /// `f` sees every write that the removal discards: if the value changes after a call of `f`, `f` is called again.
    /// It may run under a lock and must not call this cache.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{IntCache, IntCacheExt};
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("user:1", 0);
    /// assert!(!cache.del_if("user:1", |value| value > 0));
    /// assert!(cache.del_if("user:1", |value| value == 0));
    /// ```
    #[inline]
    fn del_if(&self, key: &K, mut f: impl FnMut(i64) -> bool) -> bool {
        self.del_if_dyn(key, &mut f)
    }

    /// Calls `f` with every key and its value until `f` breaks, and returns the value that it breaks with.
    ///
    /// The order is unspecified. Weakly consistent. `f` may run under a lock and must not call this cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// # use hotcache::{IntCache, IntCacheExt};
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 7);
    /// let found = cache.try_for_each(|key, value| match value {
    ///     7 => ControlFlow::Break(key.to_owned()),
    ///     _ => ControlFlow::Continue(()),
    /// });
    /// assert_eq!(found, ControlFlow::Break("a".to_owned()));
    /// ```
    fn try_for_each<B>(&self, mut f: impl FnMut(&K, i64) -> ControlFlow<B>) -> ControlFlow<B> {
        let mut result = ControlFlow::Continue(());
        // The outcome is in `result`.
        let _ = self.try_for_each_dyn(&mut |key, value| {
            result = f(key, value);
            if result.is_break() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        result
    }

    /// Looks up many keys at once and returns their values, in the order of the keys.
    ///
    /// Each look-up is linearizable. Together they are not a snapshot.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache::{IntCache, IntCacheExt};
    /// # let cache = hotcache::bucket::IntCache::<str>::default();
    /// cache.set("a", 1);
    /// assert_eq!(cache.get_many_vec(&["a", "b"]), [Some(1), None]);
    /// ```
    fn get_many_vec(&self, keys: &[&K]) -> Vec<Option<i64>> {
        let mut values = vec![None; keys.len()];
        self.get_many(keys, &mut values);
        values
    }
}

impl<K: Key + ?Sized, C: IntCache<K> + ?Sized> IntCacheExt<K> for C {}

/// Converts a range of any type to an inclusive range. An empty range stays empty.
///
/// For layers that take ranges as [`IntCacheExt`] does.
///
/// # Examples
///
/// ```
/// assert_eq!(cache_core::inclusive(&(0..)), 0..=i64::MAX);
/// ```
#[inline]
pub fn inclusive(bounds: &impl RangeBounds<i64>) -> RangeInclusive<i64> {
    let start = match bounds.start_bound() {
        Bound::Included(start) => Some(*start),
        Bound::Excluded(start) => start.checked_add(1),
        Bound::Unbounded => Some(i64::MIN),
    };
    let end = match bounds.end_bound() {
        Bound::Included(end) => Some(*end),
        Bound::Excluded(end) => end.checked_sub(1),
        Bound::Unbounded => Some(i64::MAX),
    };
    match (start, end) {
        (Some(start), Some(end)) => start..=end,
        // No `i64` lies beyond either end.
        _ => RangeInclusive::new(1, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_every_type_keep_their_ends() {
        let holds = |bounds: RangeInclusive<i64>, value| bounds.contains(&value);
        assert_eq!(inclusive(&..), i64::MIN..=i64::MAX);
        assert_eq!(inclusive(&(3..)), 3..=i64::MAX);
        assert_eq!(inclusive(&(..3)), i64::MIN..=2);
        assert_eq!(inclusive(&(..=3)), i64::MIN..=3);
        assert_eq!(inclusive(&(1..3)), 1..=2);
        assert_eq!(inclusive(&(Bound::Excluded(1), Bound::Included(3))), 2..=3);
        assert!(holds(inclusive(&(..=i64::MAX)), i64::MAX));
    }

    #[test]
    fn empty_ranges_stay_empty() {
        let mut exhausted = 0..=0;
        exhausted.next();
        assert!(inclusive(&exhausted).is_empty());
        assert!(inclusive(&(0..0)).is_empty());
        assert!(inclusive(&(..i64::MIN)).is_empty());
        assert!(inclusive(&(Bound::Excluded(i64::MAX), Bound::Unbounded)).is_empty());
        assert!(inclusive(&RangeInclusive::new(2, 1)).is_empty());
    }
}

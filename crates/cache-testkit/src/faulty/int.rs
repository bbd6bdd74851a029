use std::collections::HashMap;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cache_core::{AddError, CompactString, IntCache, counter};

use super::{Hook, Step};
use crate::history::IntOp;

type Counters = HashMap<CompactString, Arc<AtomicI64>>;

/// The design that hotcache replaces, with both its races, a bounded add that checks first and adds later, and removals
/// that decide first and remove later.
///
/// A miss is found under the read lock, and a counter of one's own published under the write lock without
/// looking again. Two operations that miss at once each make a counter, and what was done to the first is lost.
///
/// # Examples
///
/// ```
/// use cache_core::IntCache;
/// use cache_testkit::faulty::{FaultyIntCache, Hook};
///
/// // On one thread nothing shows.
/// let cache = FaultyIntCache::new(Hook::new(|_, _| {}));
/// cache.set("a", 1);
/// assert_eq!(cache.add("a", 5), 6);
/// ```
#[derive(Debug)]
pub struct FaultyIntCache {
    counters: RwLock<Counters>,
    hook: Hook,
}

impl FaultyIntCache {
    /// An empty cache that calls `hook` in its race windows.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_testkit::faulty::{FaultyIntCache, Hook};
    /// let cache = FaultyIntCache::new(Hook::new(|_, _| {}));
    /// # let _ = cache;
    /// ```
    #[must_use]
    pub fn new(hook: Hook) -> Self {
        Self { counters: RwLock::default(), hook }
    }

    fn find(&self, key: &str) -> Option<Arc<AtomicI64>> {
        self.read().get(key).cloned()
    }

    fn find_or_publish(&self, key: &str, operation: &IntOp) -> Arc<AtomicI64> {
        if let Some(counter) = self.find(key) {
            return counter;
        }
        self.hook.reach(operation, Step::Missed);
        let counter = Arc::new(AtomicI64::new(0));
        self.write().insert(key.into(), counter.clone());
        self.hook.reach(operation, Step::Published);
        counter
    }

    fn check_then_add(
        &self,
        counter: &AtomicI64,
        operation: &IntOp,
        delta: i64,
        bounds: &RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        counter::step(counter.load(Ordering::SeqCst), delta, bounds)?;
        self.hook.reach(operation, Step::Checked);
        Ok(counter.fetch_add(delta, Ordering::SeqCst) + delta)
    }

    /// Runs an operation between its first and its last step.
    fn traced<R>(&self, operation: IntOp, body: impl FnOnce(&IntOp) -> R) -> R {
        self.hook.reach(&operation, Step::Entered);
        let result = body(&operation);
        self.hook.reach(&operation, Step::Done);
        result
    }

    fn read(&self) -> RwLockReadGuard<'_, Counters> {
        self.counters.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Counters> {
        self.counters.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IntCache<str> for FaultyIntCache {
    fn get(&self, key: &str) -> Option<i64> {
        self.traced(IntOp::Get, |_| self.find(key).map(|counter| counter.load(Ordering::SeqCst)))
    }

    fn set(&self, key: &str, value: i64) {
        self.traced(IntOp::Set(value), |operation| {
            self.find_or_publish(key, operation).store(value, Ordering::SeqCst);
        });
    }

    fn swap(&self, key: &str, value: i64) -> Option<i64> {
        self.traced(IntOp::Swap(value), |operation| {
            let before = self.find(key).map(|counter| counter.load(Ordering::SeqCst));
            self.hook.reach(operation, Step::Checked);
            self.find_or_publish(key, operation).store(value, Ordering::SeqCst);
            before
        })
    }

    fn insert_new(&self, key: &str, value: i64) -> Result<(), i64> {
        self.traced(IntOp::InsertNew(value), |operation| match self.find(key) {
            Some(counter) => Err(counter.load(Ordering::SeqCst)),
            None => {
                self.find_or_publish(key, operation).store(value, Ordering::SeqCst);
                Ok(())
            }
        })
    }

    fn compare_exchange(&self, key: &str, current: i64, new: i64) -> Result<(), Option<i64>> {
        self.traced(IntOp::CompareExchange(current, new), |operation| {
            let counter = self.find(key).ok_or(None)?;
            let seen = counter.load(Ordering::SeqCst);
            if seen != current {
                return Err(Some(seen));
            }
            self.hook.reach(operation, Step::Checked);
            counter.store(new, Ordering::SeqCst);
            Ok(())
        })
    }

    fn add(&self, key: &str, delta: i64) -> i64 {
        self.traced(IntOp::Add(delta), |operation| {
            self.find_or_publish(key, operation).fetch_add(delta, Ordering::SeqCst).wrapping_add(delta)
        })
    }

    fn del(&self, key: &str) -> bool {
        self.traced(IntOp::Del, |_| self.write().remove(key).is_some())
    }

    fn take(&self, key: &str) -> Option<i64> {
        self.traced(IntOp::Take, |operation| {
            let value = self.find(key)?.load(Ordering::SeqCst);
            self.hook.reach(operation, Step::Checked);
            self.write().remove(key).map(|_| value)
        })
    }

    /// Traced as a [`IntOp::DelIfBelow`] of `i64::MAX`, whatever `f` is.
    fn del_if_dyn(&self, key: &str, f: &mut dyn FnMut(i64) -> bool) -> bool {
        self.traced(IntOp::DelIfBelow(i64::MAX), |operation| {
            let agreed = self.find(key).is_some_and(|counter| f(counter.load(Ordering::SeqCst)));
            self.hook.reach(operation, Step::Checked);
            agreed && self.write().remove(key).is_some()
        })
    }

    fn try_add_dyn(&self, key: &str, delta: i64, bounds: RangeInclusive<i64>) -> Result<i64, AddError> {
        self.traced(IntOp::TryAdd(delta, bounds.clone()), |operation| {
            let counter = self.find(key).ok_or(AddError::Absent)?;
            self.check_then_add(&counter, operation, delta, &bounds)
        })
    }

    fn try_add_or_insert_dyn(
        &self,
        key: &str,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        self.traced(IntOp::TryAddOrInsert(delta, bounds.clone()), |operation| {
            let counter = self.find_or_publish(key, operation);
            self.check_then_add(&counter, operation, delta, &bounds)
        })
    }

    fn len(&self) -> usize {
        self.read().len()
    }

    fn clear(&self) {
        self.write().clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&str, i64) -> ControlFlow<()>) -> ControlFlow<()> {
        self.read().iter().try_for_each(|(key, counter)| f(key, counter.load(Ordering::SeqCst)))
    }

    fn retain(&self, f: &mut dyn FnMut(&str, i64) -> bool) {
        self.write().retain(|key, counter| f(key, counter.load(Ordering::SeqCst)));
    }
}

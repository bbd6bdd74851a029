//! Faults of what decides on a value and then acts: exchanges, updates and removals; and the tests that find them.

use std::borrow::Borrow;
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::thread;

use cache_core::counter::Closable;
use cache_core::{HashBuilder, IntCache, Key, UpdateError};

use crate::int::SpoiledInt;
use crate::{finds, spoil};

type Int<F, K, S> = SpoiledInt<F, K, S>;

spoil!(SwapIsTwoSteps {
    fn swap<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K, value: i64) -> Option<i64> {
        let before = c.inner.get(key);
        thread::yield_now();
        c.inner.set(key, value);
        before
    }
});

spoil!(SwapReturnsTheNewValue {
    fn swap<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K, value: i64) -> Option<i64> {
        c.inner.swap(key, value).map(|_| value)
    }
});

spoil!(InsertNewReplaces {
    fn insert_new<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        value: i64,
    ) -> Result<(), i64> {
        c.inner.swap(key, value).map_or(Ok(()), Err)
    }
});

spoil!(InsertNewIsTwoSteps {
    fn insert_new<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        value: i64,
    ) -> Result<(), i64> {
        if let Some(present) = c.inner.get(key) {
            return Err(present);
        }
        thread::yield_now();
        c.inner.set(key, value);
        Ok(())
    }
});

spoil!(CompareExchangeInserts {
    fn compare_exchange<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        current: i64,
        new: i64,
    ) -> Result<(), Option<i64>> {
        if current == 0 && c.inner.insert_new(key, new).is_ok() {
            return Ok(());
        }
        c.inner.compare_exchange(key, current, new)
    }
});

spoil!(CompareExchangeIsTwoSteps {
    fn compare_exchange<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        current: i64,
        new: i64,
    ) -> Result<(), Option<i64>> {
        match c.inner.get(key) {
            Some(value) if value == current => {
                thread::yield_now();
                c.inner.set(key, new);
                Ok(())
            }
            other => Err(other),
        }
    }
});

spoil!(UpdateIsTwoSteps {
    fn update<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        f: &mut dyn FnMut(i64) -> Option<i64>,
    ) -> Result<i64, UpdateError<i64>> {
        let current = c.inner.get(key).ok_or(UpdateError::Absent)?;
        let new = f(current).ok_or(UpdateError::Kept { current })?;
        thread::yield_now();
        c.inner.set(key, new);
        Ok(new)
    }
});

spoil!(
    /// Stores a 0 where it is to keep the value.
    UpdateKeepsNothing {
        fn update<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            key: &K,
            f: &mut dyn FnMut(i64) -> Option<i64>,
        ) -> Result<i64, UpdateError<i64>> {
            let result = c.inner.update_dyn(key, f);
            if let Err(UpdateError::Kept { .. }) = result {
                c.inner.set(key, 0);
            }
            result
        }
    }
);

spoil!(
    /// Returns a value that it has read before it removes the key.
    TakeReadsFirst {
        fn take<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> Option<i64> {
            let value = c.inner.get(key);
            thread::yield_now();
            if c.inner.del(key) { value } else { None }
        }
    }
);

spoil!(
    /// Returns a value whoever removes the key.
    TakeDoesNotAskWhoRemoved {
        fn take<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> Option<i64> {
            let value = c.inner.get(key);
            thread::yield_now();
            c.inner.del(key);
            value
        }
    }
);

spoil!(TakeKeepsTheKey {
    fn take<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> Option<i64> {
        c.inner.get(key)
    }
});

spoil!(
    /// Decides on a value that it has read before it removes the key.
    DelIfDecidesFirst {
        fn del_if<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            key: &K,
            f: &mut dyn FnMut(i64) -> bool,
        ) -> bool {
            let agreed = c.inner.get(key).is_some_and(f);
            thread::yield_now();
            agreed && c.inner.del(key)
        }
    }
);

spoil!(DelIfIsInverted {
    fn del_if<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        f: &mut dyn FnMut(i64) -> bool,
    ) -> bool {
        c.inner.del_if_dyn(key, &mut |value| !f(value))
    }
});

spoil!(
    /// Asks about a copy of one entry, and then removes by key without looking again.
    RetainDoesNotLookAgain {
        fn retain<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            f: &mut dyn FnMut(&K, i64) -> bool,
        ) {
            for key in c.inner.keys() {
                let refused = c.inner.get(key.borrow()).is_some_and(|value| !f(key.borrow(), value));
                thread::yield_now();
                if refused {
                    c.inner.del(key.borrow());
                }
            }
        }
    }
);

spoil!(
    /// Takes the sentinel for a closed counter.
    SentinelIsAbsent {
        fn get<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> Option<i64> {
            c.inner.get(key).filter(|value| *value != Closable::SENTINEL)
        }
    }
);

spoil!(
    /// Goes on when it is told to end.
    ForEachGoesOn {
        fn try_for_each<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>,
        ) -> ControlFlow<()> {
            let mut flow = ControlFlow::Continue(());
            c.inner.for_each(&mut |key, value| flow = f(key, value));
            flow
        }
    }
);

spoil!(UpdateOrInsertReplaces {
    fn update_or_insert<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        first: i64,
        _: &mut dyn FnMut(i64) -> Option<i64>,
    ) -> Result<i64, UpdateError<i64>> {
        c.inner.set(key, first);
        Ok(first)
    }
});

spoil!(UpdateOrInsertIsTwoSteps {
    fn update_or_insert<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        first: i64,
        f: &mut dyn FnMut(i64) -> Option<i64>,
    ) -> Result<i64, UpdateError<i64>> {
        if c.inner.contains(key) {
            return c.inner.update_dyn(key, f);
        }
        thread::yield_now();
        c.inner.set(key, first);
        Ok(first)
    }
});

spoil!(
    /// Shows copies, so that a closure may do what it likes.
    ForEachShowsCopies {
        fn try_for_each<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>,
        ) -> ControlFlow<()> {
            for key in c.inner.keys() {
                if let Some(value) = c.inner.get(key.borrow()) {
                    f(key.borrow(), value)?;
                }
            }
            ControlFlow::Continue(())
        }
    }
);

spoil!(CapacityForgetsTheEntries {
    fn capacity<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>) -> usize {
        c.inner.capacity() - c.inner.len()
    }
});

spoil!(ReserveClears {
    fn reserve<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, additional: usize) {
        if additional > c.inner.len() {
            c.inner.clear();
        }
    }
});

spoil!(ShrinkForgetsAKey {
    fn shrink_to_fit<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>) {
        if let Some(key) = c.inner.keys().pop() {
            c.inner.del(key.borrow());
        }
    }
});

spoil!(
    /// As with a lock that a panic leaves locked.
    DelIfKeepsTheLock {
        fn get<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> Option<i64> {
            let _guard = c.lock.lock();
            c.inner.get(key)
        }
        fn del_if<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            key: &K,
            f: &mut dyn FnMut(i64) -> bool,
        ) -> bool {
            let guard = ManuallyDrop::new(c.lock.lock());
            let removed = c.inner.del_if_dyn(key, f);
            drop(ManuallyDrop::into_inner(guard));
            removed
        }
    }
);

finds! {
    a_swap_that_loses_adds: SwapIsTwoSteps by int::removal::swaps_return_every_add;
    a_swap_that_is_not_atomic: SwapIsTwoSteps by int::lin::str_keys;
    a_swap_that_returns_the_new_value: SwapReturnsTheNewValue by int::exchange::swap_returns_the_value_before;
    a_swap_that_returns_the_new_value_by_model: SwapReturnsTheNewValue by int::model::integer_keys;
    an_insert_new_that_replaces: InsertNewReplaces by int::exchange::insert_new_keeps_what_is_there;
    an_insert_new_that_is_not_atomic: InsertNewIsTwoSteps by int::lin::str_keys;
    a_compare_exchange_that_inserts: CompareExchangeInserts by int::exchange::compare_exchange_needs_the_value;
    a_compare_exchange_that_loses_adds: CompareExchangeIsTwoSteps by int::races::an_exchange_and_an_add;
    an_update_that_is_not_atomic: UpdateIsTwoSteps by int::removal::updates_are_atomic;
    an_update_that_keeps_nothing: UpdateKeepsNothing by int::exchange::update_applies_or_keeps;
    an_update_that_keeps_nothing_by_model: UpdateKeepsNothing by int::model::str_keys;
    a_take_that_reads_first: TakeReadsFirst by int::removal::takes_return_every_add;
    a_take_that_reads_first_by_race: TakeReadsFirst by int::races::a_take_and_an_add;
    a_take_that_reads_first_by_history: TakeReadsFirst by int::lin::integer_keys;
    a_take_told_twice: TakeDoesNotAskWhoRemoved by int::removal::each_removal_is_told_once;
    a_take_that_keeps_the_key: TakeKeepsTheKey by int::removal::take_returns_the_value;
    a_del_if_that_decides_first: DelIfDecidesFirst by int::removal::removals_see_every_add;
    a_del_if_that_decides_first_by_race: DelIfDecidesFirst by int::races::a_del_if_and_an_add;
    purchases_lost_to_del_if: DelIfDecidesFirst by int::removal::no_purchase_is_lost;
    a_del_if_that_is_inverted: DelIfIsInverted by int::removal::del_if_removes_what_it_is_told_to;
    purchases_lost_to_retain: RetainDoesNotLookAgain by int::removal::no_purchase_is_lost;
    a_sentinel_that_is_no_value: SentinelIsAbsent by int::exchange::every_value_is_a_value;
    a_sentinel_that_is_no_value_by_history: SentinelIsAbsent by int::lin::around_the_sentinel;
    an_iteration_that_goes_on: ForEachGoesOn by int::many::try_for_each_ends_early;
    an_update_or_insert_that_replaces: UpdateOrInsertReplaces by int::exchange::update_or_insert_starts_with_first;
    an_update_or_insert_that_is_not_atomic: UpdateOrInsertIsTwoSteps by int::lin::str_keys;
    an_iteration_that_allows_calls: ForEachShowsCopies by int::closures::their_own_cache_refuses;
    a_capacity_below_the_entries: CapacityForgetsTheEntries by int::many::reserve_and_shrink_change_nothing;
    a_reserve_that_clears: ReserveClears by int::many::reserve_and_shrink_change_nothing;
    a_shrink_that_forgets: ShrinkForgetsAKey by int::many::reserve_and_shrink_change_nothing;
    a_del_if_that_keeps_the_lock: DelIfKeepsTheLock by int::panics::in_del_if_and_update;
}

//! Faults of integer caches, and the tests that find them.

use std::borrow::Borrow;
use std::ops::{ControlFlow, RangeInclusive};
use std::thread;

use cache_core::{AddError, HashBuilder, IntCache, Key, counter};
use cache_testkit::ReferenceIntCache;

use crate::int::SpoiledInt;
use crate::{finds, spoil};

type Int<F, K, S> = SpoiledInt<F, K, S>;

spoil!(AddSaturates {
    fn add<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K, delta: i64) -> i64 {
        let sum = c.inner.get(key).unwrap_or(0).saturating_add(delta);
        c.inner.set(key, sum);
        sum
    }
});

spoil!(AddReturnsTheOldValue {
    fn add<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K, delta: i64) -> i64 {
        c.inner.add(key, delta).wrapping_sub(delta)
    }
});

spoil!(
    /// Reads, and writes later.
    AddIsTwoSteps {
        fn add<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K, delta: i64) -> i64 {
            let sum = c.inner.get(key).unwrap_or(0).wrapping_add(delta);
            thread::yield_now();
            c.inner.set(key, sum);
            sum
        }
    }
);

spoil!(SetKeepsWhatIsThere {
    fn set<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K, value: i64) {
        if c.inner.get(key).is_none() {
            c.inner.set(key, value);
        }
    }
});

spoil!(
    /// Removes and inserts, so that readers see the key gone for a moment.
    SetIsTwoSteps {
        fn set<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K, value: i64) {
            c.inner.del(key);
            thread::yield_now();
            c.inner.set(key, value);
        }
    }
);

spoil!(DelIsAlwaysTrue {
    fn del<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> bool {
        c.inner.del(key);
        true
    }
});

spoil!(
    /// Leaves a zero behind.
    DelKeepsTheKey {
        fn del<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> bool {
            let there = c.inner.get(key).is_some();
            if there {
                c.inner.set(key, 0);
            }
            there
        }
    }
);

spoil!(DelIsTwoSteps {
    fn del<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> bool {
        let there = c.inner.get(key).is_some();
        thread::yield_now();
        c.inner.del(key);
        there
    }
});

/// A bounded add of either kind, spoiled in one way.
fn bounded<K: Key + ?Sized, S: HashBuilder>(
    inner: &ReferenceIntCache<K, S>,
    key: &K,
    add: impl FnOnce(i64) -> Result<i64, AddError>,
) -> Result<i64, AddError> {
    let sum = add(inner.get(key).unwrap_or(0))?;
    inner.set(key, sum);
    Ok(sum)
}

spoil!(TryAddWraps {
    fn try_add_dyn<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        c.inner.get(key).ok_or(AddError::Absent)?;
        bounded(&c.inner, key, |current| {
            let sum = current.wrapping_add(delta);
            if bounds.contains(&sum) { Ok(sum) } else { Err(AddError::OutOfBounds { current }) }
        })
    }
});

spoil!(TryAddInserts {
    fn try_add_dyn<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        c.inner.try_add_or_insert_dyn(key, delta, bounds)
    }
});

spoil!(
    /// Lets anything stand that is in bounds already, whatever the sum.
    TryAddChecksTheOldValue {
        fn try_add_dyn<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            key: &K,
            delta: i64,
            bounds: RangeInclusive<i64>,
        ) -> Result<i64, AddError> {
            let current = c.inner.get(key).ok_or(AddError::Absent)?;
            counter::step(current, 0, &bounds)?;
            Ok(c.inner.add(key, delta))
        }
    }
);

spoil!(
    /// Makes the key before it looks at the bounds.
    RefusalInserts {
        fn try_add_or_insert_dyn<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            key: &K,
            delta: i64,
            bounds: RangeInclusive<i64>,
        ) -> Result<i64, AddError> {
            c.inner.add(key, 0);
            c.inner.try_add_dyn(key, delta, bounds)
        }
    }
);

spoil!(TryAddIsTwoSteps {
    fn try_add_dyn<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        c.inner.get(key).ok_or(AddError::Absent)?;
        bounded(&c.inner, key, |current| {
            thread::yield_now();
            counter::step(current, delta, &bounds)
        })
    }
    fn try_add_or_insert_dyn<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        key: &K,
        delta: i64,
        bounds: RangeInclusive<i64>,
    ) -> Result<i64, AddError> {
        bounded(&c.inner, key, |current| {
            thread::yield_now();
            counter::step(current, delta, &bounds)
        })
    }
});

spoil!(LenForgetsOne {
    fn len<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>) -> usize {
        c.inner.len().saturating_sub(1)
    }
});

spoil!(ClearLeavesOne {
    fn clear<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>) {
        let mut first = true;
        c.inner.retain(&mut |_, _| std::mem::take(&mut first));
    }
});

spoil!(ForEachRepeats {
    fn try_for_each<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut first = true;
        c.inner.try_for_each_dyn(&mut |key, value| {
            if std::mem::take(&mut first) {
                f(key, value)?;
            }
            f(key, value)
        })
    }
});

spoil!(
    /// Goes by positions, lets writers in halfway, and goes on at the same position.
    ForEachLosesItsPlace {
        fn try_for_each<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>,
        ) -> ControlFlow<()> {
            let half = c.inner.len() / 2;
            for second in [false, true] {
                let mut position = 0;
                c.inner.try_for_each_dyn(&mut |key, value| {
                    position += 1;
                    if (position > half) == second { f(key, value) } else { ControlFlow::Continue(()) }
                })?;
                thread::yield_now();
            }
            ControlFlow::Continue(())
        }
    }
);

spoil!(RetainIsInverted {
    fn retain<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, f: &mut dyn FnMut(&K, i64) -> bool) {
        c.inner.retain(&mut |key, value| !f(key, value));
    }
});

spoil!(
    /// As with a lock that a panic poisons.
    PanicsPoison {
        fn get<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> Option<i64> {
            let _guard = c.lock.lock().expect("this is the poison");
            c.inner.get(key)
        }
        fn try_for_each<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>,
        ) -> ControlFlow<()> {
            let _guard = c.lock.lock().expect("this is the poison");
            c.inner.try_for_each_dyn(f)
        }
        fn retain<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, f: &mut dyn FnMut(&K, i64) -> bool) {
            let _guard = c.lock.lock().expect("this is the poison");
            c.inner.retain(f);
        }
    }
);

spoil!(
    /// As with a lock that a panic leaves locked.
    PanicsKeepTheLock {
        fn get<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> Option<i64> {
            let _guard = c.lock.lock();
            c.inner.get(key)
        }
        fn try_for_each<K: Key + ?Sized, S: HashBuilder>(
            c: &Int<Self, K, S>,
            f: &mut dyn FnMut(&K, i64) -> ControlFlow<()>,
        ) -> ControlFlow<()> {
            let guard = std::mem::ManuallyDrop::new(c.lock.lock());
            let flow = c.inner.try_for_each_dyn(f);
            drop(std::mem::ManuallyDrop::into_inner(guard));
            flow
        }
    }
);

spoil!(GetManySkipsAbsentKeys {
    fn get_many<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        keys: &[&K],
        out: &mut [Option<i64>],
    ) {
        cache_core::assert_same_length(keys.len(), out.len());
        for (key, out) in keys.iter().zip(out) {
            if let Some(value) = c.inner.get(key) {
                *out = Some(value);
            }
        }
    }
});

spoil!(GetManyStopsAtTheShorter {
    fn get_many<K: Key + ?Sized, S: HashBuilder>(
        c: &Int<Self, K, S>,
        keys: &[&K],
        out: &mut [Option<i64>],
    ) {
        keys.iter().zip(out).for_each(|(key, out)| *out = c.inner.get(key));
    }
});

spoil!(
    /// Looks at no more of a key than a table might keep inline.
    KeysAreCutOff {
        fn get<K: Key + ?Sized, S: HashBuilder>(c: &Int<Self, K, S>, key: &K) -> Option<i64> {
            let start = key.as_bytes().and_then(|bytes| K::from_bytes(&bytes[..bytes.len().min(44)]));
            c.inner.get(start.unwrap_or(key))
        }
    }
);

spoil!(
    /// Asks about a copy, and then removes by key.
    RetainRemovesByKey {
        fn retain<K: Key + ?Sized, S: HashBuilder>(
            c: &SpoiledInt<Self, K, S>,
            f: &mut dyn FnMut(&K, i64) -> bool,
        ) {
            let mut entries = Vec::new();
            c.inner.for_each(&mut |key, value| entries.push((key.to_owned_key(), value)));
            for (key, value) in entries {
                if !f(key.borrow(), value) {
                    c.inner.del(key.borrow());
                }
            }
        }
    }
);

finds! {
    an_add_that_saturates: AddSaturates by int::basic::adds_return_and_keep_the_sum;
    an_add_that_returns_the_old_value: AddReturnsTheOldValue by int::basic::set_get_add_del;
    adds_that_are_lost: AddIsTwoSteps by int::contention::adds_are_counted_once_each;
    adds_that_are_lost_while_growing: AddIsTwoSteps by int::contention::adds_survive_growth;
    an_add_that_is_not_atomic: AddIsTwoSteps by int::lin::str_keys;
    a_set_that_is_not_atomic: SetIsTwoSteps by int::lin::integer_keys;
    a_set_that_is_not_atomic_while_growing: SetIsTwoSteps by int::lin::while_growing;
    a_set_that_shows_the_key_gone: SetIsTwoSteps by int::contention::reads_do_not_go_back;
    a_set_that_keeps_what_is_there: SetKeepsWhatIsThere by int::basic::set_replaces;
    a_del_that_is_always_true: DelIsAlwaysTrue by int::basic::del_tells_whether_the_key_was_there;
    a_del_that_keeps_the_key: DelKeepsTheKey by int::basic::set_get_add_del;
    a_del_that_keeps_the_key_by_model: DelKeepsTheKey by int::model::str_keys;
    a_removal_told_twice: DelIsTwoSteps by int::contention::each_removal_is_told_once;
    a_removal_told_twice_by_history: DelIsTwoSteps by int::lin::str_keys;
    a_try_add_that_wraps: TryAddWraps by int::bounds::present_keys_stay_within_bounds;
    a_try_add_that_wraps_by_model: TryAddWraps by int::model::integer_keys;
    a_try_add_that_inserts: TryAddInserts by int::bounds::try_add_refuses_an_absent_key;
    a_try_add_that_checks_the_old_value: TryAddChecksTheOldValue by int::contention::stock_is_never_oversold;
    a_refusal_that_inserts: RefusalInserts by int::bounds::try_add_or_insert_counts_an_absent_key_from_0;
    oversold_stock: TryAddIsTwoSteps by int::contention::stock_is_never_oversold;
    passed_limits: TryAddIsTwoSteps by int::contention::limits_of_new_keys_hold;
    passed_bounds: TryAddIsTwoSteps by int::contention::bounds_hold_in_both_directions;
    a_len_that_is_wrong: LenForgetsOne by int::model::integer_keys;
    a_clear_that_leaves_one: ClearLeavesOne by int::many::clear_removes_everything;
    a_for_each_that_repeats: ForEachRepeats by int::many::iteration_sees_every_key_once;
    an_iteration_that_loses_its_place: ForEachLosesItsPlace by int::iteration::for_each_sees_stable_keys_once;
    a_retain_that_is_inverted: RetainIsInverted by int::many::retain_removes_what_it_is_told_to;
    a_retain_that_removes_by_key: RetainRemovesByKey by int::retain::keeps_a_counter_made_anew;
    a_panic_that_poisons: PanicsPoison by int::panics::in_for_each;
    a_panic_that_poisons_in_retain: PanicsPoison by int::panics::in_retain;
    a_panic_that_keeps_the_lock: PanicsKeepTheLock by int::panics::in_for_each;
    a_get_many_that_skips: GetManySkipsAbsentKeys by int::many::get_many_answers_in_order;
    a_get_many_that_stops_short: GetManyStopsAtTheShorter by int::many::get_many_refuses_unequal_lengths;
    keys_that_are_cut_off: KeysAreCutOff by int::keys::odd_strings_are_told_apart;
}

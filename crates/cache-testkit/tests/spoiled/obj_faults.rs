//! Faults of object caches, and the tests that find them.

use std::borrow::Borrow;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use cache_core::{HashBuilder, Key, Loads, ObjCache, Value};

use crate::obj::SpoiledObj;
use crate::{finds, spoil};

type Obj<F, V, K, S> = SpoiledObj<F, V, K, S>;

spoil!(GetOrInsertReplaces {
    fn obj_get_or_insert<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        value: Arc<V>,
    ) -> Arc<V> {
        c.inner.set(key, value.clone());
        value
    }
});

spoil!(GetOrInsertIsTwoSteps {
    fn obj_get_or_insert<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        value: Arc<V>,
    ) -> Arc<V> {
        c.inner.get(key).unwrap_or_else(|| {
            thread::yield_now();
            c.inner.set(key, value.clone());
            value
        })
    }
});

spoil!(WithCallsTwice {
    fn obj_with<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        f: &mut dyn FnMut(&V),
    ) -> bool {
        c.inner.with_dyn(key, f) && c.inner.with_dyn(key, f)
    }
});

spoil!(WithClones {
    fn obj_with<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        f: &mut dyn FnMut(&V),
    ) -> bool {
        c.inner.get(key).inspect(|value| f(value)).is_some()
    }
});

spoil!(SetLeaks {
    fn obj_set<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>, key: &K, value: Arc<V>) {
        c.loads.written(key);
        mem::forget(c.inner.get(key));
        c.inner.set(key, value);
    }
});

spoil!(DelLeaks {
    fn obj_del<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>, key: &K) -> bool {
        c.loads.written(key);
        mem::forget(c.inner.get(key));
        c.inner.del(key)
    }
});

spoil!(
    /// Holds a lock over everything that drops objects, and asks for it in every look-up.
    DropsUnderTheLock {
        fn obj_get<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
        ) -> Option<Arc<V>> {
            let _guard = c.lock.lock();
            c.inner.get(key)
        }
        fn obj_set<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
            value: Arc<V>,
        ) {
            c.loads.written(key);
            let _guard = c.lock.lock();
            c.inner.set(key, value);
        }
        fn obj_get_or_insert<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
            value: Arc<V>,
        ) -> Arc<V> {
            let _guard = c.lock.lock();
            c.inner.get_or_insert(key, value)
        }
        fn obj_del<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>, key: &K) -> bool {
            c.loads.written(key);
            let _guard = c.lock.lock();
            c.inner.del(key)
        }
        fn obj_take<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
        ) -> Option<Arc<V>> {
            c.loads.written(key);
            let _guard = c.lock.lock();
            drop(c.inner.take(key));
            None
        }
        fn obj_del_if<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
            f: &mut dyn FnMut(&Arc<V>) -> bool,
        ) -> bool {
            c.loads.written(key);
            let _guard = c.lock.lock();
            c.inner.del_if_dyn(key, f)
        }
        fn obj_swap<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
            value: Arc<V>,
        ) -> Option<Arc<V>> {
            c.loads.written(key);
            let _guard = c.lock.lock();
            drop(c.inner.swap(key, value));
            None
        }
        fn obj_clear<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>) {
            c.loads.all_written();
            let _guard = c.lock.lock();
            c.inner.clear();
        }
        fn obj_retain<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            f: &mut dyn FnMut(&K, &Arc<V>) -> bool,
        ) {
            c.loads.all_written();
            let _guard = c.lock.lock();
            c.inner.retain(f);
        }
    }
);

spoil!(
    /// Asks two tables of loads in turn, so that two loaders of one key run at once.
    LoadsTwice {
        fn loads<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>) -> &Loads<V, K> {
            match c.turn.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => &c.loads,
                _ => &c.other_loads,
            }
        }
    }
);

spoil!(DelDoesNotTell {
    fn obj_del<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>, key: &K) -> bool {
        c.inner.del(key)
    }
});

spoil!(
    /// Tells of a removal after it, when a load may have put the object back between the two.
    DelTellsTooLate {
        fn obj_del<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>, key: &K) -> bool {
            let removed = c.inner.del(key);
            thread::yield_now();
            c.loads.written(key);
            removed
        }
    }
);

spoil!(ClearDoesNotTell {
    fn obj_clear<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>) {
        c.inner.clear();
    }
});

spoil!(RetainDoesNotTell {
    fn obj_retain<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        f: &mut dyn FnMut(&K, &Arc<V>) -> bool,
    ) {
        c.inner.retain(f);
    }
});

spoil!(
    /// Holds a lock while a closure runs, and leaves it locked if that panics.
    PanicsKeepTheLock {
        fn obj_get<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
        ) -> Option<Arc<V>> {
            let _guard = c.lock.lock();
            c.inner.get(key)
        }
        fn obj_try_for_each<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>,
        ) -> ControlFlow<()> {
            let guard = mem::ManuallyDrop::new(c.lock.lock());
            let flow = c.inner.try_for_each_dyn(f);
            drop(mem::ManuallyDrop::into_inner(guard));
            flow
        }
    }
);

spoil!(
    /// Forgets the last key that it was to remove.
    RetainKeepsOne {
        fn obj_retain<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            f: &mut dyn FnMut(&K, &Arc<V>) -> bool,
        ) {
            c.loads.all_written();
            let mut first = true;
            c.inner.retain(&mut |key, object| f(key, object) || mem::take(&mut first));
        }
    }
);

spoil!(
    /// Asks about a copy, and then removes by key.
    RetainRemovesByKey {
        fn obj_retain<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            f: &mut dyn FnMut(&K, &Arc<V>) -> bool,
        ) {
            c.loads.all_written();
            let mut entries = Vec::new();
            c.inner.for_each(&mut |key, value| entries.push((key.to_owned_key(), value.clone())));
            for (key, value) in entries {
                if !f(key.borrow(), &value) {
                    c.inner.del(key.borrow());
                }
            }
        }
    }
);

spoil!(
    /// Owns an object, or a key, that nobody drops if a key's code panics.
    LeaksWhenAKeyPanics {
        fn obj_set<V: Value, K: Key + ?Sized, S: HashBuilder>(c: &Obj<Self, V, K, S>, key: &K, value: Arc<V>) {
            let unowned = mem::ManuallyDrop::new(value.clone());
            drop(key.to_owned_key());
            c.loads.written(key);
            c.inner.set(key, value);
            drop(mem::ManuallyDrop::into_inner(unowned));
        }
        fn obj_try_for_each<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>,
        ) -> ControlFlow<()> {
            c.inner.try_for_each_dyn(&mut |key, value| {
                let unowned = mem::ManuallyDrop::new(key.to_owned_key());
                drop(mem::ManuallyDrop::into_inner(unowned.clone()));
                let flow = f(key, value);
                drop(mem::ManuallyDrop::into_inner(unowned));
                flow
            })
        }
    }
);

finds! {
    a_get_or_insert_that_replaces: GetOrInsertReplaces by obj::basic::get_or_insert_keeps_what_is_there;
    a_get_or_insert_that_replaces_by_model: GetOrInsertReplaces by obj::model::str_keys;
    a_get_or_insert_that_is_not_atomic: GetOrInsertIsTwoSteps by obj::lin::str_keys;
    a_get_or_insert_that_is_not_atomic_while_growing: GetOrInsertIsTwoSteps by obj::lin::while_growing;
    a_with_that_calls_twice: WithCallsTwice by obj::basic::with_calls_once;
    a_with_that_clones: WithClones by obj::basic::with_touches_no_reference_count;
    a_set_that_leaks: SetLeaks by obj::drops::by_set;
    a_del_that_leaks: DelLeaks by obj::drops::by_del;
    a_leak_under_contention: DelLeaks by obj::drops::under_contention;
    a_leak_before_the_cache_is_dropped: DelLeaks by obj::drops::before_the_cache_is_dropped;
    a_drop_under_a_lock_in_del: DropsUnderTheLock by obj::reentry::in_del;
    a_drop_under_a_lock_in_del_if: DropsUnderTheLock by obj::reentry::in_del_if;
    a_drop_under_a_lock_in_swap: DropsUnderTheLock by obj::reentry::in_swap;
    a_drop_under_a_lock_in_set: DropsUnderTheLock by obj::reentry::in_set;
    a_drop_under_a_lock_in_clear: DropsUnderTheLock by obj::reentry::in_clear;
    a_drop_under_a_lock_in_retain: DropsUnderTheLock by obj::reentry::in_retain;
    a_drop_under_a_lock_in_get_or_insert: DropsUnderTheLock by obj::reentry::in_get_or_insert;
    two_loaders_at_once: LoadsTwice by obj::loads::once::one_loader_for_all_who_miss;
    two_loaders_at_once_in_turn: LoadsTwice by obj::loads::handover::from_one_to_the_next;
    two_loaders_at_once_in_stress: LoadsTwice by obj::loads::stress::failures_and_circles;
    a_recursion_not_seen: LoadsTwice by obj::loads::circles::a_loader_that_asks_for_its_own_key;
    a_del_that_does_not_win: DelDoesNotTell by obj::loads::writes::a_del_wins;
    a_stale_object_for_who_comes_after: DelDoesNotTell by obj::loads::writes::who_comes_after_gets_nothing_stale;
    a_stale_object_that_stays: DelTellsTooLate by obj::loads::stress::nothing_stale_with_del;
    callers_that_wait_for_a_stale_load: DelDoesNotTell by obj::loads::writes::callers_after_a_del_do_not_wait;
    callers_that_wait_after_a_clear: ClearDoesNotTell by obj::loads::writes::callers_after_a_clear_do_not_wait;
    callers_that_wait_after_a_retain: RetainDoesNotTell by obj::loads::writes::callers_after_a_retain_do_not_wait;
    two_loaders_at_once_in_tasks: LoadsTwice by obj::loads::tasks::sharing::one_loader_for_all_tasks;
    two_loaders_at_once_for_an_error: LoadsTwice by obj::loads::tasks::sharing::a_failure_is_shared;
    two_loaders_at_once_after_a_drop: LoadsTwice by obj::loads::tasks::handover::from_a_dropped_future;
    two_loaders_at_once_in_mixed_stress: LoadsTwice by obj::loads::mixed::threads_and_tasks;
    a_recursion_not_seen_in_a_task: LoadsTwice by obj::loads::tasks::circles::a_loader_that_asks_for_its_own_key;
    a_del_that_does_not_win_over_a_task: DelDoesNotTell by obj::loads::tasks::writes::a_del_wins;
    a_clear_that_does_not_win_over_a_task: ClearDoesNotTell by obj::loads::tasks::writes::a_clear_wins;
    a_retain_that_does_not_win_over_a_task: RetainDoesNotTell by obj::loads::tasks::writes::a_retain_wins;
    a_stale_object_in_mixed_stress: DelTellsTooLate by obj::loads::mixed::threads_and_tasks;
    a_clear_that_does_not_win: ClearDoesNotTell by obj::loads::writes::a_clear_wins;
    a_retain_that_does_not_win: RetainDoesNotTell by obj::loads::writes::a_retain_wins;
    a_panic_that_keeps_the_lock: PanicsKeepTheLock by obj::panics::in_for_each;
    a_retain_that_removes_a_replacement: RetainRemovesByKey by obj::retain::keeps_what_replaced_the_object;
    a_retain_that_removes_by_key: RetainRemovesByKey by obj::retain::keeps_what_was_inserted_anew;
    a_call_in_the_drop_of_an_object: DropsUnderTheLock by key_panics::calls::in_the_drop_of_an_object;
    a_call_in_the_drop_of_a_key: DropsUnderTheLock by key_panics::calls::in_the_drop_of_a_key;
    a_panic_in_hash: LeaksWhenAKeyPanics by key_panics::in_hash;
    a_panic_in_the_hasher: LeaksWhenAKeyPanics by key_panics::in_the_hasher;
    a_panic_in_eq: LeaksWhenAKeyPanics by key_panics::in_eq_and_ord;
    a_panic_in_borrow: LeaksWhenAKeyPanics by key_panics::in_borrow;
    a_panic_in_clone: LeaksWhenAKeyPanics by key_panics::in_clone;
    a_panic_in_to_owned_key: LeaksWhenAKeyPanics by key_panics::in_to_owned_key;
    a_panic_in_a_closure: PanicsKeepTheLock by key_panics::in_closures;
    a_retain_that_keeps_one: RetainKeepsOne by obj::many::retain_removes_what_it_is_told_to;
}

//! Faults of exchanges and conditional removals of objects, and the tests that find them.

use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use cache_core::{HashBuilder, Key, ObjCache, Value};

use crate::obj::SpoiledObj;
use crate::{finds, spoil};

type Obj<F, V, K, S> = SpoiledObj<F, V, K, S>;

spoil!(SwapIsTwoSteps {
    fn obj_swap<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        value: Arc<V>,
    ) -> Option<Arc<V>> {
        c.loads.written(key);
        let before = c.inner.get(key);
        thread::yield_now();
        c.inner.set(key, value);
        before
    }
});

spoil!(EvictIsAWrite {
    fn obj_evict_if_same<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        current: &Arc<V>,
    ) -> bool {
        c.loads.written(key);
        c.inner.evict_if_same(key, current)
    }
});

spoil!(EvictGoesByTheKey {
    fn obj_evict_if_same<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        _current: &Arc<V>,
    ) -> bool {
        c.inner.take(key).is_some()
    }
});

spoil!(TakeIsTwoSteps {
    fn obj_take<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
    ) -> Option<Arc<V>> {
        c.loads.written(key);
        let object = c.inner.get(key);
        thread::yield_now();
        if c.inner.del(key) { object } else { None }
    }
});

spoil!(TakeLeaks {
    fn obj_take<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
    ) -> Option<Arc<V>> {
        c.loads.written(key);
        mem::forget(c.inner.get(key));
        c.inner.take(key)
    }
});

spoil!(TakeKeepsTheKey {
    fn obj_take<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
    ) -> Option<Arc<V>> {
        c.inner.get(key)
    }
});

spoil!(
    /// Decides on an object, and then removes by key.
    DelIfRemovesByKey {
        fn obj_del_if<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
            f: &mut dyn FnMut(&Arc<V>) -> bool,
        ) -> bool {
            c.loads.written(key);
            let agreed = c.inner.get(key).is_some_and(|object| f(&object));
            thread::yield_now();
            agreed && c.inner.del(key)
        }
    }
);

spoil!(DelIfIsInverted {
    fn obj_del_if<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        f: &mut dyn FnMut(&Arc<V>) -> bool,
    ) -> bool {
        c.loads.written(key);
        c.inner.del_if_dyn(key, &mut |object| !f(object))
    }
});

spoil!(
    /// Replaces whatever is there.
    ReplaceDoesNotCompare {
        fn obj_replace_if_same<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
            _current: &Arc<V>,
            new: Arc<V>,
        ) -> Result<(), Arc<V>> {
            c.loads.written(key);
            c.inner.set(key, new);
            Ok(())
        }
    }
);

spoil!(ReplaceIsTwoSteps {
    fn obj_replace_if_same<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        key: &K,
        current: &Arc<V>,
        new: Arc<V>,
    ) -> Result<(), Arc<V>> {
        c.loads.written(key);
        if !c.inner.get(key).is_some_and(|object| Arc::ptr_eq(&object, current)) {
            return Err(new);
        }
        thread::yield_now();
        c.inner.set(key, new);
        Ok(())
    }
});

spoil!(
    /// Keeps a reference to what it refuses.
    RefusalLeaks {
        fn obj_replace_if_same<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            key: &K,
            current: &Arc<V>,
            new: Arc<V>,
        ) -> Result<(), Arc<V>> {
            c.loads.written(key);
            c.inner.replace_if_same(key, current, new).inspect_err(|new| mem::forget(Arc::clone(new)))
        }
    }
);

spoil!(GetManySkipsAbsentKeys {
    fn obj_get_many<V: Value, K: Key + ?Sized, S: HashBuilder>(
        c: &Obj<Self, V, K, S>,
        keys: &[&K],
        out: &mut [Option<Arc<V>>],
    ) {
        for (key, out) in keys.iter().zip(out) {
            if let Some(object) = c.inner.get(key) {
                *out = Some(object);
            }
        }
    }
});

spoil!(
    /// Goes on when it is told to end.
    ForEachGoesOn {
        fn obj_try_for_each<V: Value, K: Key + ?Sized, S: HashBuilder>(
            c: &Obj<Self, V, K, S>,
            f: &mut dyn FnMut(&K, &Arc<V>) -> ControlFlow<()>,
        ) -> ControlFlow<()> {
            let mut flow = ControlFlow::Continue(());
            c.inner.for_each(&mut |key, object| flow = f(key, object));
            flow
        }
    }
);

finds! {
    a_swap_told_twice: SwapIsTwoSteps by obj::exchange::each_object_is_told_once;
    a_swap_that_is_not_atomic: SwapIsTwoSteps by obj::lin::str_keys;
    a_take_of_another_object: TakeIsTwoSteps by obj::exchange::each_object_is_told_once;
    a_take_of_another_object_by_history: TakeIsTwoSteps by obj::lin::integer_keys;
    a_take_that_leaks: TakeLeaks by obj::drops::by_take;
    a_take_that_keeps_the_key: TakeKeepsTheKey by obj::exchange::take_returns_the_object;
    an_evict_that_is_a_write: EvictIsAWrite by obj::exchange::evict_if_same_spoils_no_load;
    an_evict_that_goes_by_the_key: EvictGoesByTheKey by obj::exchange::evict_if_same_spoils_no_load;
    a_del_if_that_removes_by_key: DelIfRemovesByKey by obj::exchange::each_object_is_told_once;
    a_del_if_that_is_inverted: DelIfIsInverted by obj::exchange::del_if_removes_what_it_is_told_to;
    a_del_if_that_is_inverted_by_model: DelIfIsInverted by obj::model::str_keys;
    a_replacement_that_does_not_compare: ReplaceDoesNotCompare by obj::exchange::replace_if_same_needs_the_object;
    a_replacement_that_does_not_compare_by_model: ReplaceDoesNotCompare by obj::model::integer_keys;
    a_replacement_that_is_not_atomic: ReplaceIsTwoSteps by obj::exchange::updates_are_atomic;
    a_refusal_that_leaks: RefusalLeaks by obj::exchange::replace_if_same_needs_the_object;
    a_refusal_that_leaks_by_drops: RefusalLeaks by obj::drops::by_take;
    a_get_many_that_skips: GetManySkipsAbsentKeys by obj::exchange::get_many_answers_in_order;
    an_iteration_that_goes_on: ForEachGoesOn by obj::exchange::try_for_each_ends_early;
}

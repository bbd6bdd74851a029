//! Random sequences of every operation against a [`BTreeMap`] that does the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use cache_core::{Backend, Key, LoadError, ObjCache, ObjCacheExt, Options, UpdateError};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::proptests::{for_all, positions};

/// An operation; keys are positions in a table of keys.
#[derive(Clone, Debug)]
enum Op {
    Get(usize),
    With(usize),
    Set(usize, i64),
    GetOrInsert(usize, i64),
    Load(usize, i64),
    LoadInVain(usize),
    Del(usize),
    Swap(usize, i64),
    Take(usize),
    DelIfBelow(usize, i64),
    ReplaceIfSame(usize, usize, i64),
    UpdateNegative(usize, i64),
    Keys,
    ForEach,
    RetainAtLeast(i64),
    Clear,
}

const STR_KEYS: [&str; 8] = [
    "",
    "a",
    "b",
    "\0",
    "sixteen bytes...",
    "twenty-four bytes, inline",
    "ключ",
    "a key of rather more than thirty-two bytes",
];

const INTEGER_KEYS: [&u64; 8] = [&0, &1, &2, &0xff, &0x100, &(1 << 32), &(1 << 63), &u64::MAX];

/// The objects that the cache must give back are these very ones, not equal ones.
type Model = BTreeMap<usize, Arc<i64>>;

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = || 0..STR_KEYS.len();
    let value = || -10..=10_i64;
    let op = prop_oneof![
        3 => key().prop_map(Op::Get),
        3 => key().prop_map(Op::With),
        6 => (key(), value()).prop_map(|(key, value)| Op::Set(key, value)),
        3 => (key(), value()).prop_map(|(key, value)| Op::GetOrInsert(key, value)),
        3 => (key(), value()).prop_map(|(key, value)| Op::Load(key, value)),
        1 => key().prop_map(Op::LoadInVain),
        2 => key().prop_map(Op::Del),
        2 => (key(), value()).prop_map(|(key, value)| Op::Swap(key, value)),
        2 => key().prop_map(Op::Take),
        2 => (key(), value()).prop_map(|(key, limit)| Op::DelIfBelow(key, limit)),
        3 => (key(), key(), value()).prop_map(|(key, other, value)| Op::ReplaceIfSame(key, other, value)),
        2 => (key(), value()).prop_map(|(key, delta)| Op::UpdateNegative(key, delta)),
        1 => Just(Op::Keys),
        1 => Just(Op::ForEach),
        1 => value().prop_map(Op::RetainAtLeast),
        1 => Just(Op::Clear),
    ];
    prop::collection::vec(op, 1..80)
}

/// `str` keys of many lengths.
pub fn str_keys<B: Backend>() {
    for_all(&ops(), |ops| agrees(&B::obj::<i64, str, _>(Options::new()), &STR_KEYS, &ops));
}

/// `u64` keys.
pub fn integer_keys<B: Backend>() {
    for_all(&ops(), |ops| agrees(&B::obj::<i64, u64, _>(Options::new()), &INTEGER_KEYS, &ops));
}

fn agrees<K: Key + ?Sized>(cache: &impl ObjCache<i64, K>, keys: &[&K], ops: &[Op]) -> TestCaseResult {
    let mut model = Model::new();
    for op in ops {
        step(cache, keys, &mut model, op)?;
        prop_assert_eq!(cache.len(), model.len());
        prop_assert_eq!(cache.is_empty(), model.is_empty());
    }
    step(cache, keys, &mut model, &Op::ForEach)
}

fn address(object: &Arc<i64>) -> *const i64 {
    Arc::as_ptr(object)
}

fn step<K: Key + ?Sized>(
    cache: &impl ObjCache<i64, K>,
    keys: &[&K],
    model: &mut Model,
    op: &Op,
) -> TestCaseResult {
    match op {
        Op::Get(key) => {
            let got = cache.get(keys[*key]);
            prop_assert_eq!(got.as_ref().map(address), model.get(key).map(address));
        }
        Op::With(key) => {
            let got = cache.with(keys[*key], std::ptr::from_ref::<i64>);
            prop_assert_eq!(got, model.get(key).map(address));
        }
        Op::Set(key, value) => {
            let object = Arc::new(*value);
            cache.set(keys[*key], Arc::clone(&object));
            model.insert(*key, object);
        }
        Op::GetOrInsert(key, value) => {
            let object = Arc::new(*value);
            let got = cache.get_or_insert(keys[*key], Arc::clone(&object));
            let expected = model.entry(*key).or_insert(object);
            prop_assert_eq!(address(&got), address(expected));
        }
        Op::Load(key, value) => {
            let mut loaded = false;
            let got = cache.get_or_insert_with(keys[*key], || {
                loaded = true;
                *value
            });
            prop_assert_eq!(loaded, !model.contains_key(key));
            let expected = model.entry(*key).or_insert_with(|| Arc::clone(&got));
            prop_assert_eq!(address(&got), address(expected));
            prop_assert!(!loaded || *got == *value);
        }
        Op::LoadInVain(key) => {
            let got = cache.get_or_try_insert_with(keys[*key], || Err(*key));
            match model.get(key) {
                Some(object) => prop_assert_eq!(got.as_ref().map(address), Ok(address(object))),
                None => prop_assert_eq!(got, Err(LoadError::failed(*key))),
            }
        }
        Op::Del(key) => prop_assert_eq!(cache.del(keys[*key]), model.remove(key).is_some()),
        Op::Swap(key, value) => {
            let object = Arc::new(*value);
            let before = cache.swap(keys[*key], Arc::clone(&object));
            prop_assert_eq!(before.as_ref().map(address), model.insert(*key, object).as_ref().map(address));
        }
        Op::Take(key) => {
            let taken = cache.take(keys[*key]);
            prop_assert_eq!(taken.as_ref().map(address), model.remove(key).as_ref().map(address));
        }
        Op::DelIfBelow(key, limit) => {
            let expected = model.get(key).is_some_and(|object| **object < *limit);
            if expected {
                model.remove(key);
            }
            prop_assert_eq!(cache.del_if(keys[*key], |object| **object < *limit), expected);
        }
        Op::ReplaceIfSame(key, other, value) => {
            // That of the key itself every now and then, and else one that it does not have.
            let other = if value % 2 == 0 { key } else { other };
            let current = model.get(other).cloned().unwrap_or_default();
            let object = Arc::new(*value);
            let same = model.get(key).is_some_and(|there| Arc::ptr_eq(there, &current));
            let replaced = cache.replace_if_same(keys[*key], &current, Arc::clone(&object));
            prop_assert_eq!(
                replaced.as_ref().map_err(address),
                if same { Ok(&()) } else { Err(address(&object)) }
            );
            if same {
                model.insert(*key, object);
            }
        }
        Op::UpdateNegative(key, delta) => {
            let updated =
                cache.update(keys[*key], |object| (**object < 0).then(|| Arc::new(**object + *delta)));
            match (model.get(key), updated) {
                (None, updated) => prop_assert_eq!(updated, Err(UpdateError::Absent)),
                (Some(object), Err(UpdateError::Kept { current })) => {
                    prop_assert!(**object >= 0);
                    prop_assert_eq!(address(&current), address(object));
                }
                (Some(object), Ok(new)) => {
                    prop_assert_eq!(*new, **object + *delta);
                    model.insert(*key, new);
                }
                (Some(_), Err(other)) => prop_assert!(false, "{:?}", other),
            }
        }
        Op::Keys => {
            let expected: Vec<_> = model.keys().map(|key| Some(*key)).collect();
            prop_assert_eq!(positions(keys, cache.keys()), expected);
        }
        Op::ForEach => {
            let mut seen = Vec::new();
            cache.for_each(&mut |key, object| seen.push((key.to_owned_key(), address(object))));
            let mut seen: Vec<_> =
                seen.into_iter().map(|(key, object)| (positions(keys, [key])[0], object)).collect();
            seen.sort_unstable();
            let expected: Vec<_> = model.iter().map(|(key, object)| (Some(*key), address(object))).collect();
            prop_assert_eq!(seen, expected);
        }
        Op::RetainAtLeast(least) => {
            cache.retain(&mut |_, object| **object >= *least);
            model.retain(|_, object| **object >= *least);
        }
        Op::Clear => {
            cache.clear();
            model.clear();
        }
    }
    Ok(())
}

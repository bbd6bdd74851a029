//! Random sequences of every operation against a [`BTreeMap`] that does the same.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use cache_core::{AddError, Backend, IntCache, IntCacheExt, Key, Options, UpdateError};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::proptests::{for_all, positions};

/// An operation; keys are positions in a table of keys.
#[derive(Clone, Debug)]
enum Op {
    Get(usize),
    Set(usize, i64),
    Swap(usize, i64),
    InsertNew(usize, i64),
    CompareExchange(usize, i64, i64),
    UpdateNegative(usize, i64),
    UpdateOrInsert(usize, i64, i64),
    Add(usize, i64),
    Del(usize),
    Take(usize),
    DelIfBelow(usize, i64),
    TryAdd(usize, i64, RangeInclusive<i64>),
    TryAddOrInsert(usize, i64, RangeInclusive<i64>),
    GetMany(Vec<usize>),
    Keys,
    ForEach,
    RetainAtLeast(i64),
    Clear,
}

/// Few keys, so that sequences meet them again; one empty, the rest of many lengths.
const STR_KEYS: [&str; 10] = [
    "",
    "a",
    "b",
    "\0",
    "fifteen bytes..",
    "sixteen bytes...",
    "twenty-four bytes, inline",
    "ключ",
    "a key of rather more than thirty-two bytes",
    "a key of rather more than thirty-two bytes, and another",
];

const INTEGER_KEYS: [&u64; 10] =
    [&0, &1, &2, &3, &0xff, &0x100, &(1 << 32), &(1 << 63), &(u64::MAX - 1), &u64::MAX];

fn values() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => -10..=10_i64,
        1 => any::<i64>(),
        2 => prop_oneof![Just(i64::MIN), Just(i64::MAX)],
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = || 0..STR_KEYS.len();
    // Often none at all, as else few additions would get as far as to overflow.
    let bounds = || {
        prop_oneof![
            2 => (values(), values()).prop_map(|(low, high)| low..=high),
            1 => Just(i64::MIN..=i64::MAX),
        ]
    };
    let op = prop_oneof![
        4 => key().prop_map(Op::Get),
        6 => (key(), values()).prop_map(|(key, value)| Op::Set(key, value)),
        6 => (key(), values()).prop_map(|(key, delta)| Op::Add(key, delta)),
        2 => (key(), values()).prop_map(|(key, value)| Op::Swap(key, value)),
        2 => (key(), values()).prop_map(|(key, value)| Op::InsertNew(key, value)),
        3 => (key(), values(), values()).prop_map(|(key, current, new)| Op::CompareExchange(key, current, new)),
        2 => (key(), values()).prop_map(|(key, delta)| Op::UpdateNegative(key, delta)),
        2 => (key(), values(), values()).prop_map(|(key, first, delta)| Op::UpdateOrInsert(key, first, delta)),
        2 => key().prop_map(Op::Del),
        2 => key().prop_map(Op::Take),
        2 => (key(), values()).prop_map(|(key, limit)| Op::DelIfBelow(key, limit)),
        3 => (key(), values(), bounds()).prop_map(|(key, delta, b)| Op::TryAdd(key, delta, b)),
        3 => (key(), values(), bounds())
            .prop_map(|(key, delta, b)| Op::TryAddOrInsert(key, delta, b)),
        2 => prop::collection::vec(key(), 0..40).prop_map(Op::GetMany),
        1 => Just(Op::Keys),
        1 => Just(Op::ForEach),
        1 => values().prop_map(Op::RetainAtLeast),
        1 => Just(Op::Clear),
    ];
    prop::collection::vec(op, 1..80)
}

/// `str` keys of many lengths.
pub fn str_keys<B: Backend>() {
    for_all(&ops(), |ops| agrees(&B::int::<str, _>(Options::new()), &STR_KEYS, &ops));
}

/// `u64` keys.
pub fn integer_keys<B: Backend>() {
    for_all(&ops(), |ops| agrees(&B::int::<u64, _>(Options::new()), &INTEGER_KEYS, &ops));
}

fn agrees<K: Key + ?Sized>(cache: &impl IntCache<K>, keys: &[&K], ops: &[Op]) -> TestCaseResult {
    let mut model: BTreeMap<usize, i64> = BTreeMap::new();
    for op in ops {
        step(cache, keys, &mut model, op)?;
        prop_assert_eq!(cache.len(), model.len());
        prop_assert_eq!(cache.is_empty(), model.is_empty());
    }
    step(cache, keys, &mut model, &Op::ForEach)
}

fn step<K: Key + ?Sized>(
    cache: &impl IntCache<K>,
    keys: &[&K],
    model: &mut BTreeMap<usize, i64>,
    op: &Op,
) -> TestCaseResult {
    match op {
        Op::Get(key) => prop_assert_eq!(cache.get(keys[*key]), model.get(key).copied()),
        Op::Set(key, value) => {
            cache.set(keys[*key], *value);
            model.insert(*key, *value);
        }
        Op::Add(key, delta) => {
            let sum = model.entry(*key).or_insert(0);
            *sum = sum.wrapping_add(*delta);
            prop_assert_eq!(cache.add(keys[*key], *delta), *sum);
        }
        Op::Swap(key, value) => {
            prop_assert_eq!(cache.swap(keys[*key], *value), model.insert(*key, *value));
        }
        Op::InsertNew(key, value) => {
            let expected = match model.get(key) {
                Some(present) => Err(*present),
                None => {
                    model.insert(*key, *value);
                    Ok(())
                }
            };
            prop_assert_eq!(cache.insert_new(keys[*key], *value), expected);
        }
        Op::CompareExchange(key, current, new) => {
            let expected = match model.get_mut(key) {
                Some(value) if value == current => {
                    *value = *new;
                    Ok(())
                }
                other => Err(other.copied()),
            };
            prop_assert_eq!(cache.compare_exchange(keys[*key], *current, *new), expected);
        }
        Op::UpdateNegative(key, delta) => {
            let f = |value: i64| (value < 0).then(|| value.wrapping_add(*delta));
            let expected = match model.get_mut(key) {
                None => Err(UpdateError::Absent),
                Some(value) => match f(*value) {
                    None => Err(UpdateError::Kept { current: *value }),
                    Some(new) => {
                        *value = new;
                        Ok(new)
                    }
                },
            };
            prop_assert_eq!(cache.update(keys[*key], f), expected);
        }
        Op::UpdateOrInsert(key, first, delta) => {
            let new = model.get(key).map_or(*first, |value| value.wrapping_add(*delta));
            model.insert(*key, new);
            let updated =
                cache.update_or_insert(keys[*key], *first, |value| Some(value.wrapping_add(*delta)));
            prop_assert_eq!(updated, Ok(new));
        }
        Op::Del(key) => prop_assert_eq!(cache.del(keys[*key]), model.remove(key).is_some()),
        Op::Take(key) => prop_assert_eq!(cache.take(keys[*key]), model.remove(key)),
        Op::DelIfBelow(key, limit) => {
            let expected = model.get(key).is_some_and(|value| value < limit);
            if expected {
                model.remove(key);
            }
            prop_assert_eq!(cache.del_if(keys[*key], |value| value < *limit), expected);
        }
        Op::TryAdd(key, delta, bounds) => {
            let expected = match model.get(key) {
                None => Err(AddError::Absent),
                Some(current) => bounded(model, *key, *current, *delta, bounds),
            };
            prop_assert_eq!(cache.try_add(keys[*key], *delta, bounds.clone()), expected);
        }
        Op::TryAddOrInsert(key, delta, bounds) => {
            let current = model.get(key).copied().unwrap_or(0);
            let expected = bounded(model, *key, current, *delta, bounds);
            let got = cache.try_add_or_insert(keys[*key], *delta, bounds.clone());
            prop_assert_eq!(got, expected);
        }
        Op::GetMany(group) => {
            let asked: Vec<&K> = group.iter().map(|key| keys[*key]).collect();
            let mut out = vec![Some(i64::MIN); group.len()];
            cache.get_many(&asked, &mut out);
            let expected: Vec<_> = group.iter().map(|key| model.get(key).copied()).collect();
            prop_assert_eq!(out, expected);
        }
        Op::Keys => {
            let expected: Vec<_> = model.keys().map(|key| Some(*key)).collect();
            prop_assert_eq!(positions(keys, cache.keys()), expected);
        }
        Op::ForEach => {
            let mut seen = Vec::new();
            cache.for_each(&mut |key, value| seen.push((key.to_owned_key(), value)));
            let mut seen: Vec<_> =
                seen.into_iter().map(|(key, value)| (positions(keys, [key])[0], value)).collect();
            seen.sort_unstable();
            let expected: Vec<_> = model.iter().map(|(key, value)| (Some(*key), *value)).collect();
            prop_assert_eq!(seen, expected);
        }
        Op::RetainAtLeast(least) => {
            cache.retain(&mut |_, value| value >= *least);
            model.retain(|_, value| *value >= *least);
        }
        Op::Clear => {
            cache.clear();
            model.clear();
        }
    }
    Ok(())
}

/// The bounded add of the specification, spelled out apart from the one that backends share.
fn bounded(
    model: &mut BTreeMap<usize, i64>,
    key: usize,
    current: i64,
    delta: i64,
    bounds: &RangeInclusive<i64>,
) -> Result<i64, AddError> {
    let sum = i128::from(current) + i128::from(delta);
    let within = i128::from(*bounds.start()) <= sum && sum <= i128::from(*bounds.end());
    match i64::try_from(sum) {
        Ok(sum) if within => {
            model.insert(key, sum);
            Ok(sum)
        }
        _ => Err(AddError::OutOfBounds { current }),
    }
}

//! Keys of every kind, and hashers of the worst.

use std::borrow::Borrow;
use std::net::IpAddr;

use cache_core::{Backend, Composite, HashBuilder, IntCache, IntCacheExt, Key, Options};

use crate::hashers::{Constant, EqualHigh, EqualLow, Same};
use crate::samples::{Sku, odd_bytes, odd_strings};
use crate::scale;

/// Keys for the bad hashers: every operation looks at all of them.
const COLLIDING: usize = 300;

/// Distinct keys of the large test.
const MANY: usize = 1_000_000;

/// Writes, reads, removes and rewrites every key, with all others present.
fn tell_apart<K: Key + ?Sized>(cache: &impl IntCache<K>, keys: &[&K]) {
    let value = |index: usize| index as i64 + 1;
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(cache.get(key), None, "key number {index}, before");
        if index % 2 == 0 {
            cache.set(key, value(index));
        } else {
            assert_eq!(cache.add(key, value(index)), value(index));
        }
    }
    assert_eq!(cache.len(), keys.len());
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(cache.get(key), Some(value(index)), "key number {index}");
        assert_eq!(cache.add(key, 0), value(index), "key number {index}");
    }
    let mut stored = cache.keys();
    stored.sort();
    assert!(stored.is_sorted_by(|a, b| a < b), "keys must come once each");
    assert_eq!(stored.len(), keys.len());
    for key in keys {
        assert!(stored.binary_search_by(|owned| Borrow::<K>::borrow(owned).cmp(key)).is_ok());
    }
    for (index, key) in keys.iter().enumerate().step_by(2) {
        assert!(cache.del(key), "key number {index}");
    }
    for (index, key) in keys.iter().enumerate() {
        let left = (index % 2 == 1).then(|| value(index));
        assert_eq!(cache.get(key), left, "key number {index}, half removed");
    }
    for (index, key) in keys.iter().enumerate().step_by(2) {
        assert_eq!(cache.try_add_or_insert(key, 7, 0..=7), Ok(7), "{index}");
    }
    assert_eq!(cache.len(), keys.len());
}

/// Empty, NUL, non-ASCII, one byte apart, a megabyte: all told apart.
pub fn odd_strings_are_told_apart<B: Backend>() {
    let strings = odd_strings();
    let keys: Vec<&str> = strings.iter().map(String::as_str).collect();
    tell_apart(&B::int::<str, _>(Options::new()), &keys);
}

/// Bytes that are no text.
pub fn odd_bytes_are_told_apart<B: Backend>() {
    let bytes = odd_bytes();
    let keys: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    tell_apart(&B::int::<[u8], _>(Options::new()), &keys);
    composite_keys::<B>();
}

/// Pairs, told apart by either half.
pub fn pairs_are_told_apart<B: Backend>() {
    let pairs: Vec<(u64, u64)> = (0..20).flat_map(|a| (0..20).map(move |b| (a, b << 40))).collect();
    let keys: Vec<&(u64, u64)> = pairs.iter().collect();
    tell_apart(&B::int::<(u64, u64), _>(Options::new()), &keys);
}

/// A user's own key type, whose stored form is another type.
pub fn keys_of_ones_own_are_told_apart<B: Backend>() {
    let skus: Vec<Sku> = (0..20).flat_map(|shop| (0..20).map(move |item| Sku { shop, item })).collect();
    let keys: Vec<&Sku> = skus.iter().collect();
    tell_apart(&B::int::<Sku, _>(Options::new()), &keys);
}

/// Small and signed integers, and `char` and `bool`, through to their last value.
pub fn small_keys_are_told_apart<B: Backend>() {
    fn all<B: Backend, K: Key>(keys: impl Iterator<Item = K>) {
        let keys: Vec<K> = keys.collect();
        tell_apart(&B::int::<K, _>(Options::new()), &keys.iter().collect::<Vec<_>>());
    }
    all::<B, u8>(0..=u8::MAX);
    all::<B, i16>((i16::MIN..=i16::MAX).step_by(257));
    all::<B, u128>((0..128).map(|bit| 1 << bit));
    all::<B, char>("aäкル🛒\0".chars());
    all::<B, bool>([false, true].into_iter());
    all::<B, [u8; 3]>((0..100).map(|i| [i, 0, i % 7]));
    all::<B, (u32, bool, char)>((0..50).flat_map(|i| [(i, false, 'a'), (i, true, 'a'), (i, true, 'b')]));
    let v6 = (0..50).map(|i| IpAddr::from([0, 0, 0, 0, 0, 0, 0, i]));
    all::<B, IpAddr>((0..50).map(|i| IpAddr::from([10, 0, 0, i])).chain(v6));
}

/// Keys of several parts, as bytes.
fn composite_keys<B: Backend>() {
    let parts = (0..20).flat_map(|user| ["", "a", "sku:1"].map(|sku| (user, sku)));
    let keys: Vec<Composite> = parts.map(|(user, sku)| Composite::new().int(user).str(sku)).collect();
    tell_apart(&B::int::<[u8], _>(Options::new()), &keys.iter().map(|key| &**key).collect::<Vec<_>>());
}

fn with_hasher<B: Backend, S: HashBuilder>(hasher: S) {
    let keys: Vec<String> = (0..scale(COLLIDING)).map(|index| format!("key {index}")).collect();
    tell_apart(
        &B::int::<str, _>(Options::new().hasher(hasher.clone())),
        &keys.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let keys: Vec<u64> = (0..scale(COLLIDING) as u64).collect();
    tell_apart(&B::int::<u64, _>(Options::new().hasher(hasher)), &keys.iter().collect::<Vec<_>>());
}

/// Every key with the same hash.
pub fn a_constant_hash_is_survived<B: Backend>() {
    with_hasher::<B, _>(Constant);
}

/// Hashes whose low half is equal.
pub fn equal_low_bits_are_survived<B: Backend>() {
    with_hasher::<B, _>(EqualLow);
}

/// Hashes with 16 values, told apart by their lowest bits; and integers that are their own hashes, as poor hashers leave
/// them, and alike in all but some high bits.
pub fn equal_high_bits_are_survived<B: Backend>() {
    with_hasher::<B, _>(EqualHigh);
    let ids: Vec<u64> = (0..scale(2_000) as u64).map(|id| 0x1234_5678 << 32 | id << 22).collect();
    let cache = B::int::<u64, _>(Options::new().hasher(Same));
    tell_apart(&cache, &ids.iter().collect::<Vec<_>>());
    let mut met = 0;
    cache.retain(&mut |_, _| {
        met += 1;
        true
    });
    assert_eq!(met, ids.len());
    cache.clear();
    assert!(cache.is_empty());
}

/// The keyed hasher of the standard library.
pub fn a_keyed_hash_works<B: Backend>() {
    with_hasher::<B, _>(std::hash::RandomState::new());
}

/// A million keys, from an empty table.
pub fn a_million_keys<B: Backend>() {
    let cache = B::int::<u64, _>(Options::new());
    let keys = scale(MANY) as u64;
    for key in 0..keys {
        cache.set(&key, !key as i64);
    }
    assert_eq!(cache.len(), keys as usize);
    for key in 0..keys {
        assert_eq!(cache.get(&key), Some(!key as i64));
    }
    assert_eq!(cache.get(&keys), None);
    let mut sum = 0_u64;
    cache.for_each(&mut |key, _| sum += key);
    assert_eq!(sum, keys * (keys - 1) / 2);
}

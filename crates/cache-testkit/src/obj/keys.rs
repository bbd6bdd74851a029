//! Keys of every kind, and hashers of the worst.

use cache_core::{Backend, HashBuilder, Key, ObjCache, ObjCacheExt, Options};

use crate::hashers::{Constant, EqualHigh, EqualLow};
use crate::samples::{Sku, odd_bytes, odd_strings};
use crate::scale;

/// Keys for the bad hashers: every operation looks at all of them.
const COLLIDING: usize = 300;

/// Writes, reads, removes and rewrites every key, with all others present.
fn tell_apart<K: Key + ?Sized>(cache: &impl ObjCache<usize, K>, keys: &[&K]) {
    for (index, key) in keys.iter().enumerate() {
        assert!(cache.get(key).is_none(), "key number {index}, before");
        match index % 3 {
            0 => cache.insert(key, index),
            1 => assert_eq!(*cache.get_or_insert(key, index.into()), index),
            _ => assert_eq!(*cache.get_or_insert_with(key, || index), index),
        }
    }
    assert_eq!(cache.len(), keys.len());
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(cache.get(key).as_deref(), Some(&index));
        assert_eq!(cache.with(key, |object| *object), Some(index));
    }
    for (index, key) in keys.iter().enumerate().step_by(2) {
        assert!(cache.del(key), "key number {index}");
    }
    for (index, key) in keys.iter().enumerate() {
        let left = (index % 2 == 1).then_some(index);
        assert_eq!(cache.get(key).as_deref().copied(), left);
    }
    for (index, key) in keys.iter().enumerate() {
        cache.insert(key, index + 1);
    }
    assert_eq!(cache.len(), keys.len());
    for (index, key) in keys.iter().enumerate() {
        assert_eq!(cache.with(key, |object| *object), Some(index + 1));
    }
}

/// Empty, NUL, non-ASCII, one byte apart, a megabyte: all told apart.
pub fn odd_strings_are_told_apart<B: Backend>() {
    let strings = odd_strings();
    let keys: Vec<&str> = strings.iter().map(String::as_str).collect();
    tell_apart(&B::obj::<_, str, _>(Options::new()), &keys);
}

/// Bytes that are no text.
pub fn odd_bytes_are_told_apart<B: Backend>() {
    let bytes = odd_bytes();
    let keys: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
    tell_apart(&B::obj::<_, [u8], _>(Options::new()), &keys);
}

/// Integers, pairs, and a user's own key type, whose stored form is another type.
pub fn other_keys_are_told_apart<B: Backend>() {
    let integers: Vec<u64> = (0..64).map(|bit| 1 << bit).collect();
    let keys: Vec<&u64> = integers.iter().collect();
    tell_apart(&B::obj::<_, u64, _>(Options::new()), &keys);
    let pairs: Vec<(u64, u64)> = (0..400).map(|n| (n % 20, n / 20)).collect();
    let keys: Vec<&(u64, u64)> = pairs.iter().collect();
    tell_apart(&B::obj::<_, (u64, u64), _>(Options::new()), &keys);
    let skus: Vec<Sku> = (0..20).flat_map(|shop| (0..20).map(move |item| Sku { shop, item })).collect();
    let keys: Vec<&Sku> = skus.iter().collect();
    tell_apart(&B::obj::<_, Sku, _>(Options::new()), &keys);
}

fn with_hasher<B: Backend, S: HashBuilder>(hasher: S) {
    let keys: Vec<String> = (0..scale(COLLIDING)).map(|index| format!("key {index}")).collect();
    tell_apart(
        &B::obj::<_, str, _>(Options::new().hasher(hasher.clone())),
        &keys.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let keys: Vec<u64> = (0..scale(COLLIDING) as u64).collect();
    tell_apart(&B::obj::<_, u64, _>(Options::new().hasher(hasher)), &keys.iter().collect::<Vec<_>>());
}

/// Every key with the same hash.
pub fn a_constant_hash_is_survived<B: Backend>() {
    with_hasher::<B, _>(Constant);
}

/// Hashes whose low half is equal.
pub fn equal_low_bits_are_survived<B: Backend>() {
    with_hasher::<B, _>(EqualLow);
}

/// Hashes with 16 values, told apart by their lowest bits.
pub fn equal_high_bits_are_survived<B: Backend>() {
    with_hasher::<B, _>(EqualHigh);
}

/// A hundred thousand keys, from an empty table.
pub fn a_hundred_thousand_keys<B: Backend>() {
    let cache = B::obj::<u64, u64, _>(Options::new());
    let keys = scale(100_000) as u64;
    for key in 0..keys {
        cache.insert(&key, !key);
    }
    assert_eq!(cache.len(), keys as usize);
    for key in 0..keys {
        assert_eq!(cache.with(&key, |object| *object), Some(!key));
    }
    for key in 0..keys {
        assert!(cache.del(&key));
    }
    assert!(cache.is_empty());
}

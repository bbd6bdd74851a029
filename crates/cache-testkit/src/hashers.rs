//! Hashers that a table must survive, though not be fast with.

use std::hash::{BuildHasher, DefaultHasher, Hasher};

/// Gives every key the same hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct Constant;

/// Gives hashes whose low 32 bits are equal: every key in one bucket of a table that masks.
#[derive(Clone, Copy, Debug, Default)]
pub struct EqualLow;

/// Gives hashes that differ in the low 4 bits only: one shard and one tag for a table that takes high bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct EqualHigh;

/// A good hash, put through a bad function.
#[derive(Debug)]
pub struct Spoiled {
    inner: DefaultHasher,
    spoil: fn(u64) -> u64,
}

impl Spoiled {
    fn new(spoil: fn(u64) -> u64) -> Self {
        Self { inner: DefaultHasher::new(), spoil }
    }
}

impl Hasher for Spoiled {
    fn finish(&self) -> u64 {
        (self.spoil)(self.inner.finish())
    }

    fn write(&mut self, bytes: &[u8]) {
        self.inner.write(bytes);
    }
}

impl BuildHasher for Constant {
    type Hasher = Spoiled;

    fn build_hasher(&self) -> Spoiled {
        Spoiled::new(|_| 0)
    }
}

impl BuildHasher for EqualLow {
    type Hasher = Spoiled;

    fn build_hasher(&self) -> Spoiled {
        Spoiled::new(|hash| hash << 32)
    }
}

impl BuildHasher for EqualHigh {
    type Hasher = Spoiled;

    fn build_hasher(&self) -> Spoiled {
        Spoiled::new(|hash| hash & 0xf)
    }
}

/// Leaves an integer as it is: its own hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct Same;

/// The hasher of [`Same`].
#[derive(Debug, Default)]
pub struct SameHasher(u64);

impl Hasher for SameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0 << 8 | u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl BuildHasher for Same {
    type Hasher = SameHasher;

    fn build_hasher(&self) -> SameHasher {
        SameHasher::default()
    }
}

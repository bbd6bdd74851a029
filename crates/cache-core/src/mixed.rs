use std::any::TypeId;
use std::hash::{BuildHasher, Hasher};

use crate::DefaultHashBuilder;

/// A hasher whose output is mixed before a map sees it. Backends wrap the caller's hasher in it.
///
/// Maps use different bits of a hash for different purposes and rely on all of them. A hasher with poor bits, such as
/// a bare multiplication or the identity, makes some maps slow, and makes papaya hang. So the output of every hasher
/// except [`DefaultHashBuilder`] passes through a bijection that spreads each bit over all 64. Two keys collide after
/// it only if they did before.
///
/// Used by backends only.
///
/// # Examples
///
/// ```
/// use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
/// use cache_core::Mixed;
///
/// let plain = BuildHasherDefault::<DefaultHasher>::default();
/// let mixed = Mixed::new(plain.clone());
/// assert_ne!(mixed.hash_one(1), plain.hash_one(1));
/// assert_eq!(mixed.hash_one(1), mixed.hash_one(1));
/// ```
///
/// # Performance
///
/// Two multiplications, about a nanosecond. The default hasher costs nothing extra.
#[derive(Clone, Debug, Default)]
pub struct Mixed<S>(S);

impl<S> Mixed<S> {
    /// Wraps `hasher`.
    ///
    /// # Examples
    ///
    /// ```
    /// let hasher = cache_core::Mixed::new(hotcache::DefaultHashBuilder::default());
    /// # let _ = hasher;
    /// ```
    #[must_use]
    pub const fn new(hasher: S) -> Self {
        Self(hasher)
    }
}

impl<S: BuildHasher + 'static> BuildHasher for Mixed<S> {
    type Hasher = MixedHasher<S::Hasher>;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        MixedHasher {
            hasher: self.0.build_hasher(),
            mixes: TypeId::of::<S>() != TypeId::of::<DefaultHashBuilder>(),
        }
    }
}

/// The hasher of [`Mixed`].
///
/// # Examples
///
/// ```
/// use std::hash::{BuildHasher, Hasher};
/// let mut hasher = cache_core::Mixed::new(std::hash::RandomState::new()).build_hasher();
/// hasher.write_u64(1);
/// let _ = hasher.finish();
/// ```
#[derive(Clone, Debug)]
pub struct MixedHasher<H> {
    hasher: H,
    mixes: bool,
}

/// Forwards the `write` methods to the inner hasher.
macro_rules! pass_on {
    ($($write:ident: $type:ty),*) => {$(
        #[inline]
        fn $write(&mut self, value: $type) {
            self.hasher.$write(value);
        }
    )*};
}

impl<H: Hasher> Hasher for MixedHasher<H> {
    #[inline]
    fn finish(&self) -> u64 {
        let hash = self.hasher.finish();
        if self.mixes { mix(hash) } else { hash }
    }

    pass_on!(
        write: &[u8], write_u8: u8, write_u16: u16, write_u32: u32, write_u64: u64, write_u128: u128,
        write_usize: usize, write_i8: i8, write_i16: i16, write_i32: i32, write_i64: i64, write_i128: i128,
        write_isize: isize
    );
}

/// Spreads the entropy of a hash over all of its bits. This is a bijection: different hashes stay different.
///
/// For backends that hash keys themselves.
///
/// # Examples
///
/// ```
/// assert_ne!(cache_core::mix(1) >> 48, cache_core::mix(2) >> 48);
/// ```
#[inline]
#[must_use]
pub fn mix(hash: u64) -> u64 {
    // The multiplier is 2^64 divided by the golden ratio, made odd.
    let mixed = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identity for integers.
    #[derive(Clone, Default)]
    struct Same(u64);

    impl Hasher for Same {
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
        type Hasher = Same;

        fn build_hasher(&self) -> Same {
            Same(0)
        }
    }

    #[test]
    fn poor_bits_are_spread() {
        let hasher = Mixed::new(Same(0));
        // Identifiers that differ in a few high bits only, as those of "snowflake" do.
        let hashes: Vec<_> = (0..1000_u64).map(|id| hasher.hash_one(id << 22)).collect();
        for low in [0, 57] {
            let mut seen = [0; 128];
            hashes.iter().for_each(|hash| seen[(hash >> low & 127) as usize] += 1);
            assert!(seen.iter().all(|&count| (1..30).contains(&count)), "bits from {low} on: {seen:?}");
        }
    }

    #[test]
    fn our_own_hasher_is_left_alone() {
        let own = DefaultHashBuilder::default();
        assert_eq!(Mixed::new(own.clone()).hash_one("a"), own.hash_one("a"));
    }
}

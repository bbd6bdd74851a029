use std::ops::RangeInclusive;

use cache_core::{AddError, IntCache, Key, counter};
use stateright::semantics::SequentialSpec;

use super::Spec;
use crate::Random;

/// One key of an [`IntCache`]: its value, `None` while it is absent.
///
/// # Examples
///
/// ```
/// use cache_testkit::history::{IntOp, IntRet, IntSpec};
/// use stateright::semantics::SequentialSpec;
///
/// let mut key = IntSpec(None);
/// assert_eq!(key.invoke(&IntOp::Add(5)), IntRet::Sum(5));
/// assert_eq!(key, IntSpec(Some(5)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntSpec(pub Option<i64>);

/// An operation on one key of an [`IntCache`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for the methods they call")]
pub enum IntOp {
    Get,
    Set(i64),
    Add(i64),
    TryAdd(i64, RangeInclusive<i64>),
    TryAddOrInsert(i64, RangeInclusive<i64>),
    Del,
}

/// What an [`IntOp`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what the methods return")]
pub enum IntRet {
    Value(Option<i64>),
    Stored,
    Sum(i64),
    Tried(Result<i64, AddError>),
    Removed(bool),
}

impl IntOp {
    /// Calls the method that this operation is.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Options;
    /// use cache_testkit::ReferenceIntCache;
    /// use cache_testkit::history::{IntOp, IntRet};
    ///
    /// let cache: ReferenceIntCache<str> = ReferenceIntCache::new(Options::new());
    /// assert_eq!(IntOp::Add(5).apply(&cache, "a"), IntRet::Sum(5));
    /// ```
    pub fn apply<K: Key + ?Sized>(&self, cache: &(impl IntCache<K> + ?Sized), key: &K) -> IntRet {
        match self {
            IntOp::Get => IntRet::Value(cache.get(key)),
            IntOp::Set(value) => {
                cache.set(key, *value);
                IntRet::Stored
            }
            IntOp::Add(delta) => IntRet::Sum(cache.add(key, *delta)),
            IntOp::TryAdd(delta, bounds) => IntRet::Tried(cache.try_add(key, *delta, bounds.clone())),
            IntOp::TryAddOrInsert(delta, bounds) => {
                IntRet::Tried(cache.try_add_or_insert(key, *delta, bounds.clone()))
            }
            IntOp::Del => IntRet::Removed(cache.del(key)),
        }
    }
}

impl SequentialSpec for IntSpec {
    type Op = IntOp;
    type Ret = IntRet;

    fn invoke(&mut self, op: &IntOp) -> IntRet {
        match op {
            IntOp::Get => IntRet::Value(self.0),
            IntOp::Set(value) => {
                self.0 = Some(*value);
                IntRet::Stored
            }
            IntOp::Add(delta) => {
                let sum = self.0.unwrap_or(0).wrapping_add(*delta);
                self.0 = Some(sum);
                IntRet::Sum(sum)
            }
            IntOp::TryAdd(delta, bounds) => IntRet::Tried(match self.0 {
                None => Err(AddError::Absent),
                Some(current) => self.step(current, *delta, bounds),
            }),
            IntOp::TryAddOrInsert(delta, bounds) => {
                IntRet::Tried(self.step(self.0.unwrap_or(0), *delta, bounds))
            }
            IntOp::Del => IntRet::Removed(self.0.take().is_some()),
        }
    }
}

impl IntSpec {
    fn step(&mut self, current: i64, delta: i64, bounds: &RangeInclusive<i64>) -> Result<i64, AddError> {
        let sum = counter::step(current, delta, bounds)?;
        self.0 = Some(sum);
        Ok(sum)
    }
}

impl Spec for IntSpec {
    fn absent() -> Self {
        IntSpec(None)
    }

    fn read() -> IntOp {
        IntOp::Get
    }

    fn from_read(answer: &IntRet) -> Self {
        match answer {
            IntRet::Value(value) => IntSpec(*value),
            other => unreachable!("a get answered {other:?}"),
        }
    }

    fn random_op(random: &mut Random, fresh: i64) -> IntOp {
        // Values grow with the run, so an upper bound a little behind refuses about every other time.
        let bounds = i64::MIN..=fresh - 100 * random.between(0, 20);
        match random.below(12) {
            0..3 => IntOp::Get,
            3..5 => IntOp::Set(fresh),
            5..8 => IntOp::Add(random.between(-9, 9)),
            8 => IntOp::TryAdd(random.between(-9, 9), bounds),
            9 => IntOp::TryAddOrInsert(random.between(-9, 9), bounds),
            _ => IntOp::Del,
        }
    }
}

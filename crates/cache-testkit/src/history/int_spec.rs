use std::ops::RangeInclusive;

use cache_core::{AddError, IntCache, IntCacheExt, Key, UpdateError, counter};
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
    Swap(i64),
    InsertNew(i64),
    /// The value that is expected, and the new one.
    CompareExchange(i64, i64),
    /// Adds to an even value.
    UpdateEven(i64),
    /// The first value, and what is added to a present one.
    UpdateOrInsert(i64, i64),
    Add(i64),
    TryAdd(i64, RangeInclusive<i64>),
    TryAddOrInsert(i64, RangeInclusive<i64>),
    Del,
    Take,
    /// Removes the key if its value is below this.
    DelIfBelow(i64),
}

/// What an [`IntOp`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what the methods return")]
pub enum IntRet {
    Value(Option<i64>),
    Stored,
    Inserted(Result<(), i64>),
    Exchanged(Result<(), Option<i64>>),
    Updated(Result<i64, UpdateError<i64>>),
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
            IntOp::Swap(value) => IntRet::Value(cache.swap(key, *value)),
            IntOp::InsertNew(value) => IntRet::Inserted(cache.insert_new(key, *value)),
            IntOp::CompareExchange(current, new) => {
                IntRet::Exchanged(cache.compare_exchange(key, *current, *new))
            }
            IntOp::UpdateEven(delta) => {
                IntRet::Updated(cache.update(key, |value| add_to_even(value, *delta)))
            }
            IntOp::UpdateOrInsert(first, delta) => {
                IntRet::Updated(cache.update_or_insert(key, *first, |value| Some(value.wrapping_add(*delta))))
            }
            IntOp::Add(delta) => IntRet::Sum(cache.add(key, *delta)),
            IntOp::TryAdd(delta, bounds) => IntRet::Tried(cache.try_add(key, *delta, bounds.clone())),
            IntOp::TryAddOrInsert(delta, bounds) => {
                IntRet::Tried(cache.try_add_or_insert(key, *delta, bounds.clone()))
            }
            IntOp::Del => IntRet::Removed(cache.del(key)),
            IntOp::Take => IntRet::Value(cache.take(key)),
            IntOp::DelIfBelow(limit) => IntRet::Removed(cache.del_if(key, |value| value < *limit)),
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
            IntOp::Swap(value) => IntRet::Value(self.0.replace(*value)),
            IntOp::InsertNew(value) => IntRet::Inserted(match self.0 {
                None => {
                    self.0 = Some(*value);
                    Ok(())
                }
                Some(present) => Err(present),
            }),
            IntOp::CompareExchange(current, new) => IntRet::Exchanged(match self.0 {
                Some(value) if value == *current => {
                    self.0 = Some(*new);
                    Ok(())
                }
                other => Err(other),
            }),
            IntOp::UpdateEven(delta) => IntRet::Updated(match self.0 {
                None => Err(UpdateError::Absent),
                Some(current) => {
                    let new = add_to_even(current, *delta);
                    self.0 = new.or(self.0);
                    new.ok_or(UpdateError::Kept { current })
                }
            }),
            IntOp::UpdateOrInsert(first, delta) => {
                let new = self.0.map_or(*first, |value| value.wrapping_add(*delta));
                self.0 = Some(new);
                IntRet::Updated(Ok(new))
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
            IntOp::Take => IntRet::Value(self.0.take()),
            IntOp::DelIfBelow(limit) => {
                let removed = self.0.is_some_and(|value| value < *limit);
                if removed {
                    self.0 = None;
                }
                IntRet::Removed(removed)
            }
        }
    }
}

/// What [`IntOp::UpdateEven`] makes of a value.
fn add_to_even(value: i64, delta: i64) -> Option<i64> {
    (value % 2 == 0).then(|| value.wrapping_add(delta))
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
        let few = random.between(-9, 9);
        // A value that was written lately.
        let recent = fresh - 100 * random.between(1, 8);
        match random.below(24) {
            0..3 => IntOp::Get,
            3..6 => IntOp::Set(fresh),
            6..11 => IntOp::Add(few),
            11 => IntOp::TryAdd(few, bounds),
            12..14 => IntOp::TryAddOrInsert(few, bounds),
            14..16 => IntOp::Del,
            16..18 => IntOp::Take,
            18 => IntOp::DelIfBelow(recent),
            19 => IntOp::DelIfBelow(i64::MAX),
            20 => IntOp::Swap(fresh),
            21 => IntOp::InsertNew(fresh),
            22 => IntOp::CompareExchange(recent, fresh),
            _ if random.one_in(2) => IntOp::UpdateEven(few),
            _ => IntOp::UpdateOrInsert(fresh, few),
        }
    }
}

use std::sync::Arc;

use cache_core::{Key, ObjCache, ObjCacheExt, UpdateError};
use stateright::semantics::SequentialSpec;

use super::Spec;
use crate::Random;

/// One key of an [`ObjCache`]: its object, `None` while it is absent.
///
/// # Examples
///
/// ```
/// use cache_testkit::history::{ObjOp, ObjRet, ObjSpec};
/// use stateright::semantics::SequentialSpec;
///
/// let mut key = ObjSpec(Some(1));
/// assert_eq!(key.invoke(&ObjOp::GetOrInsert(2)), ObjRet::Value(Some(1)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjSpec(pub Option<i64>);

/// An operation on one key of an [`ObjCache`] of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named for the methods they call")]
pub enum ObjOp {
    Get,
    With,
    Set(i64),
    Swap(i64),
    GetOrInsert(i64),
    /// Adds to an even value.
    UpdateEven(i64),
    Del,
    Take,
    /// Removes the key if its value is below this.
    DelIfBelow(i64),
    /// Removes the object that the same call reads first.
    DelRead,
}

/// What an [`ObjOp`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what the methods return")]
pub enum ObjRet {
    Value(Option<i64>),
    Stored,
    Updated(Result<i64, UpdateError<i64>>),
    Removed(bool),
}

impl ObjOp {
    /// Calls the method that this operation is.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::Options;
    /// use cache_testkit::ReferenceObjCache;
    /// use cache_testkit::history::{ObjOp, ObjRet};
    ///
    /// let cache: ReferenceObjCache<i64, str> = ReferenceObjCache::new(Options::new());
    /// assert_eq!(ObjOp::GetOrInsert(5).apply(&cache, "a"), ObjRet::Value(Some(5)));
    /// ```
    pub fn apply<K: Key + ?Sized>(&self, cache: &(impl ObjCache<i64, K> + ?Sized), key: &K) -> ObjRet {
        match *self {
            ObjOp::Get => ObjRet::Value(cache.get(key).map(|value| *value)),
            ObjOp::With => ObjRet::Value(cache.with(key, |value| *value)),
            ObjOp::Set(value) => {
                cache.set(key, Arc::new(value));
                ObjRet::Stored
            }
            ObjOp::GetOrInsert(value) => ObjRet::Value(Some(*cache.get_or_insert(key, Arc::new(value)))),
            ObjOp::Swap(value) => ObjRet::Value(cache.swap(key, Arc::new(value)).map(|value| *value)),
            ObjOp::UpdateEven(delta) => {
                let updated = cache.update(key, |value| add_to_even(**value, delta).map(Arc::new));
                ObjRet::Updated(match updated {
                    Ok(value) => Ok(*value),
                    Err(UpdateError::Kept { current }) => Err(UpdateError::Kept { current: *current }),
                    Err(_) => Err(UpdateError::Absent),
                })
            }
            ObjOp::Del => ObjRet::Removed(cache.del(key)),
            ObjOp::Take => ObjRet::Value(cache.take(key).map(|value| *value)),
            ObjOp::DelIfBelow(limit) => ObjRet::Removed(cache.del_if(key, |value| **value < limit)),
            // The value that was removed, or nothing that can be relied on.
            ObjOp::DelRead => match cache.get(key) {
                Some(object) if cache.del_if_same(key, &object) => ObjRet::Value(Some(*object)),
                _ => ObjRet::Removed(false),
            },
        }
    }
}

impl SequentialSpec for ObjSpec {
    type Op = ObjOp;
    type Ret = ObjRet;

    fn invoke(&mut self, op: &ObjOp) -> ObjRet {
        match *op {
            ObjOp::Get | ObjOp::With => ObjRet::Value(self.0),
            ObjOp::Set(value) => {
                self.0 = Some(value);
                ObjRet::Stored
            }
            ObjOp::GetOrInsert(value) => ObjRet::Value(Some(*self.0.get_or_insert(value))),
            ObjOp::Swap(value) => ObjRet::Value(self.0.replace(value)),
            ObjOp::UpdateEven(delta) => ObjRet::Updated(match self.0 {
                None => Err(UpdateError::Absent),
                Some(current) => {
                    let new = add_to_even(current, delta);
                    self.0 = new.or(self.0);
                    new.ok_or(UpdateError::Kept { current })
                }
            }),
            ObjOp::Del => ObjRet::Removed(self.0.take().is_some()),
            ObjOp::Take => ObjRet::Value(self.0.take()),
            ObjOp::DelIfBelow(limit) => {
                let removed = self.0.is_some_and(|value| value < limit);
                if removed {
                    self.0 = None;
                }
                ObjRet::Removed(removed)
            }
            ObjOp::DelRead => {
                self.0.take().map_or(ObjRet::Removed(false), |value| ObjRet::Value(Some(value)))
            }
        }
    }

    fn is_valid_step(&mut self, op: &ObjOp, ret: &ObjRet) -> bool {
        // It says only that another call came between.
        (*op == ObjOp::DelRead && *ret == ObjRet::Removed(false)) || self.invoke(op) == *ret
    }
}

/// What [`ObjOp::UpdateEven`] makes of a value.
fn add_to_even(value: i64, delta: i64) -> Option<i64> {
    (value % 2 == 0).then(|| value.wrapping_add(delta))
}

impl Spec for ObjSpec {
    fn absent() -> Self {
        ObjSpec(None)
    }

    fn read() -> ObjOp {
        ObjOp::Get
    }

    fn from_read(answer: &ObjRet) -> Self {
        match answer {
            ObjRet::Value(value) => ObjSpec(*value),
            other => unreachable!("a get answered {other:?}"),
        }
    }

    fn random_op(random: &mut Random, fresh: i64) -> ObjOp {
        match random.below(19) {
            0..2 => ObjOp::Get,
            2 => ObjOp::With,
            3..6 => ObjOp::Set(fresh),
            6..9 => ObjOp::GetOrInsert(fresh),
            9..11 => ObjOp::Del,
            11 => ObjOp::Swap(fresh),
            12..14 => ObjOp::UpdateEven(random.between(-9, 9)),
            14..16 => ObjOp::Take,
            16 => ObjOp::DelIfBelow(fresh - 100 * random.between(1, 8)),
            17 => ObjOp::DelRead,
            _ => ObjOp::DelIfBelow(i64::MAX),
        }
    }
}

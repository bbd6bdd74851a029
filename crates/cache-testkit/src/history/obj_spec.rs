use std::sync::Arc;

use cache_core::{Key, ObjCache, ObjCacheExt};
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
    GetOrInsert(i64),
    Del,
}

/// What an [`ObjOp`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named for what the methods return")]
pub enum ObjRet {
    Value(Option<i64>),
    Stored,
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
            ObjOp::Del => ObjRet::Removed(cache.del(key)),
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
            ObjOp::Del => ObjRet::Removed(self.0.take().is_some()),
        }
    }
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
        match random.below(10) {
            0..2 => ObjOp::Get,
            2 => ObjOp::With,
            3..5 => ObjOp::Set(fresh),
            5..8 => ObjOp::GetOrInsert(fresh),
            _ => ObjOp::Del,
        }
    }
}

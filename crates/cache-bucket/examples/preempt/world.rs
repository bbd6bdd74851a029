//! A cache whose every value carries its key, and the operations on it.

use std::sync::Arc;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, IntCacheExt, ObjCache, ObjCacheExt, Options, UpdateError};
use cache_testkit::Random;
use cache_testkit::history::{IntOp, IntRet, IntSpec, ObjOp, ObjRet, ObjSpec, Spec};

use crate::choose::SEVERAL;
use crate::fault::fault;
use crate::keys::{Form, Placed};
use crate::kind::Kind;
use crate::plan::Plan;
use crate::values::{self, Object, number};

/// A cache of one kind, with the keys of a plan.
pub(crate) trait World: Send + Sync + Sized + 'static {
    type Keys: Form;
    type Spec: Spec<Ret: PartialEq> + PartialEq;

    fn new(plan: Arc<Plan<Self::Keys>>, capacity: usize) -> Self;

    fn plan(&self) -> &Plan<Self::Keys>;

    /// An operation on one key; `fresh` is a count that no other one sets.
    fn random_op(random: &mut Random, key: usize, fresh: i64) -> OpOf<Self>;

    fn del() -> OpOf<Self>;

    fn set(key: usize, count: i64) -> OpOf<Self>;

    fn removed(removed: bool) -> RetOf<Self>;

    /// The answer of a read that saw this value.
    fn seen(value: Option<i64>) -> RetOf<Self>;

    /// The value in an answer, which must belong to the key.
    fn value(ret: &RetOf<Self>) -> Option<i64>;

    fn kind(op: &OpOf<Self>) -> Kind;

    /// Performs an operation, and calls `inside` in its closure, if it has one.
    fn apply(&self, key: usize, op: &OpOf<Self>, inside: &dyn Fn()) -> RetOf<Self>;

    /// Reads several keys at once; `None` if the cache has no such operation.
    fn get_many(&self, keys: &[usize]) -> Option<Vec<Option<i64>>>;

    /// Shows every key's number and value to `f`, and calls `inside` between two looks at a key. If `removing`,
    /// removes the keys for which `f` returns `false`.
    fn visit(&self, removing: bool, f: &mut dyn FnMut(usize, i64) -> bool, inside: &dyn Fn());

    fn clear(&self);

    fn len(&self) -> usize;

    fn shrink_to_fit(&self);
}

pub(crate) type OpOf<W> = <<W as World>::Spec as Sequential>::Op;
pub(crate) type RetOf<W> = <<W as World>::Spec as Sequential>::Ret;

/// Shorthands for the types of a [`Spec`], which belong to its supertrait.
pub(crate) trait Sequential {
    type Op;
    type Ret;
}

impl<S: Spec> Sequential for S {
    type Op = S::Op;
    type Ret = S::Ret;
}

/// The number of a key that the cache shows. Its bytes must not change while it is looked at.
fn shown<F: Form>(plan: &Plan<F>, key: &F::Key, inside: &dyn Fn()) -> usize {
    let before = plan.number(key);
    inside();
    let after = plan.number(key);
    match (before, after) {
        (Some(before), Some(after)) if before == after => before,
        _ => fault(&format!("a key changed while it was looked at: number {before:?}, then {after:?}")),
    }
}

/// A count that may have been set lately.
fn recent(random: &mut Random, fresh: i64) -> i64 {
    (fresh - [1, 2, SEVERAL as i64][random.below(3)]).max(1)
}

/// A limit that a key's value is below about every other time.
fn limit(random: &mut Random, key: usize, fresh: i64) -> i64 {
    if random.one_in(2) { i64::MAX } else { number(key, recent(random, fresh)) }
}

pub(crate) struct Ints<F: Form> {
    cache: BucketIntCache<F::Key, Placed>,
    plan: Arc<Plan<F>>,
}

impl<F: Form> World for Ints<F> {
    type Keys = F;
    type Spec = IntSpec;

    fn new(plan: Arc<Plan<F>>, capacity: usize) -> Self {
        let options = Options::new().capacity(capacity).hasher(Placed::default());
        Self { cache: BucketIntCache::with_options(options), plan }
    }

    fn plan(&self) -> &Plan<F> {
        &self.plan
    }

    fn random_op(random: &mut Random, key: usize, fresh: i64) -> IntOp {
        let few = random.between(1, 3);
        let bounds = number(key, 1)..=number(key, values::MOST);
        match random.below(20) {
            0..2 => IntOp::Get,
            2..5 => IntOp::Set(number(key, fresh)),
            5..8 => IntOp::Add(number(key, few)),
            8 => IntOp::TryAdd(number(key, -few), bounds),
            9 => IntOp::TryAddOrInsert(number(key, few), bounds),
            10 => IntOp::Swap(number(key, fresh)),
            11 => IntOp::InsertNew(number(key, fresh)),
            12 => IntOp::CompareExchange(number(key, recent(random, fresh)), number(key, fresh)),
            13 => IntOp::UpdateEven(number(key, few)),
            14 => IntOp::UpdateOrInsert(number(key, fresh), number(key, few)),
            15 => IntOp::Take,
            16 => IntOp::DelIfBelow(limit(random, key, fresh)),
            _ => IntOp::Del,
        }
    }

    fn del() -> IntOp {
        IntOp::Del
    }

    fn set(key: usize, count: i64) -> IntOp {
        IntOp::Set(number(key, count))
    }

    fn removed(removed: bool) -> IntRet {
        IntRet::Removed(removed)
    }

    fn seen(value: Option<i64>) -> IntRet {
        IntRet::Value(value)
    }

    fn value(ret: &IntRet) -> Option<i64> {
        match *ret {
            IntRet::Value(value) | IntRet::Exchanged(Err(value)) => value,
            IntRet::Inserted(Err(value)) => Some(value),
            IntRet::Sum(sum) | IntRet::Tried(Ok(sum)) | IntRet::Updated(Ok(sum)) => Some(sum),
            IntRet::Updated(Err(UpdateError::Kept { current })) => Some(current),
            _ => None,
        }
    }

    fn kind(op: &IntOp) -> Kind {
        match op {
            IntOp::Get => Kind::Get,
            IntOp::Set(_) => Kind::Set,
            IntOp::Add(_) => Kind::Add,
            IntOp::TryAdd(..) => Kind::TryAdd,
            IntOp::TryAddOrInsert(..) => Kind::TryAddOrInsert,
            IntOp::Swap(_) => Kind::Swap,
            IntOp::InsertNew(_) => Kind::InsertNew,
            IntOp::CompareExchange(..) => Kind::CompareExchange,
            IntOp::UpdateEven(_) => Kind::Update,
            IntOp::UpdateOrInsert(..) => Kind::UpdateOrInsert,
            IntOp::Del => Kind::Del,
            IntOp::Take => Kind::Take,
            IntOp::DelIfBelow(_) => Kind::DelIf,
        }
    }

    fn apply(&self, key: usize, op: &IntOp, inside: &dyn Fn()) -> IntRet {
        let key = self.plan.key(key);
        match *op {
            IntOp::DelIfBelow(limit) => IntRet::Removed(self.cache.del_if(key, |value| {
                inside();
                value < limit
            })),
            _ => op.apply(&self.cache, key),
        }
    }

    fn get_many(&self, keys: &[usize]) -> Option<Vec<Option<i64>>> {
        let keys: Vec<_> = keys.iter().map(|&key| self.plan.key(key)).collect();
        let mut values = vec![None; keys.len()];
        self.cache.get_many(&keys, &mut values);
        Some(values)
    }

    fn visit(&self, removing: bool, f: &mut dyn FnMut(usize, i64) -> bool, inside: &dyn Fn()) {
        let mut show = |key: &F::Key, value| f(shown(&self.plan, key, inside), value);
        if removing {
            self.cache.retain(&mut show);
        } else {
            self.cache.for_each(&mut |key, value| _ = show(key, value));
        }
    }

    fn clear(&self) {
        self.cache.clear();
    }

    fn len(&self) -> usize {
        self.cache.len()
    }

    fn shrink_to_fit(&self) {
        self.cache.shrink_to_fit();
    }
}

pub(crate) struct Objects<F: Form> {
    cache: BucketObjCache<Object, F::Key, Placed>,
    plan: Arc<Plan<F>>,
}

impl<F: Form> World for Objects<F> {
    type Keys = F;
    type Spec = ObjSpec;

    fn new(plan: Arc<Plan<F>>, capacity: usize) -> Self {
        let options = Options::new().capacity(capacity).hasher(Placed::default());
        Self { cache: BucketObjCache::with_options(options), plan }
    }

    fn plan(&self) -> &Plan<F> {
        &self.plan
    }

    fn random_op(random: &mut Random, key: usize, fresh: i64) -> ObjOp {
        match random.below(16) {
            0 => ObjOp::Get,
            1..3 => ObjOp::With,
            3..7 => ObjOp::Set(number(key, fresh)),
            7..9 => ObjOp::GetOrInsert(number(key, fresh)),
            9 => ObjOp::Swap(number(key, fresh)),
            10 => ObjOp::UpdateEven(number(key, random.between(1, 3))),
            11 => ObjOp::Take,
            12 => ObjOp::DelIfBelow(limit(random, key, fresh)),
            _ => ObjOp::Del,
        }
    }

    fn del() -> ObjOp {
        ObjOp::Del
    }

    fn set(key: usize, count: i64) -> ObjOp {
        ObjOp::Set(number(key, count))
    }

    fn removed(removed: bool) -> ObjRet {
        ObjRet::Removed(removed)
    }

    fn seen(value: Option<i64>) -> ObjRet {
        ObjRet::Value(value)
    }

    fn value(ret: &ObjRet) -> Option<i64> {
        match *ret {
            ObjRet::Value(value) => value,
            ObjRet::Updated(Ok(value) | Err(UpdateError::Kept { current: value })) => Some(value),
            _ => None,
        }
    }

    fn kind(op: &ObjOp) -> Kind {
        match op {
            ObjOp::Get => Kind::Get,
            ObjOp::With => Kind::With,
            ObjOp::Set(_) => Kind::Set,
            ObjOp::GetOrInsert(_) => Kind::GetOrInsert,
            ObjOp::Swap(_) => Kind::Swap,
            ObjOp::UpdateEven(_) => Kind::Update,
            ObjOp::Del => Kind::Del,
            ObjOp::Take => Kind::Take,
            ObjOp::DelIfBelow(_) | ObjOp::DelRead => Kind::DelIf,
        }
    }

    fn apply(&self, key: usize, op: &ObjOp, inside: &dyn Fn()) -> ObjRet {
        let key = self.plan.key(key);
        match *op {
            ObjOp::Get => ObjRet::Value(self.cache.get(key).map(|object| object.value())),
            ObjOp::With => ObjRet::Value(self.cache.with(key, |object| {
                object.value();
                inside();
                object.value()
            })),
            ObjOp::Set(value) => {
                self.cache.set(key, Object::new(value));
                ObjRet::Stored
            }
            ObjOp::GetOrInsert(value) => {
                ObjRet::Value(Some(self.cache.get_or_insert(key, Object::new(value)).value()))
            }
            ObjOp::Swap(value) => {
                ObjRet::Value(self.cache.swap(key, Object::new(value)).map(|object| object.value()))
            }
            ObjOp::UpdateEven(delta) => {
                let updated = self.cache.update(key, |object| {
                    let value = object.value();
                    inside();
                    (value % 2 == 0).then(|| Object::new(value + delta))
                });
                ObjRet::Updated(match updated {
                    Ok(object) => Ok(object.value()),
                    Err(UpdateError::Kept { current }) => Err(UpdateError::Kept { current: current.value() }),
                    Err(_) => Err(UpdateError::Absent),
                })
            }
            ObjOp::Del => ObjRet::Removed(self.cache.del(key)),
            ObjOp::Take => ObjRet::Value(self.cache.take(key).map(|object| object.value())),
            ObjOp::DelIfBelow(limit) => ObjRet::Removed(self.cache.del_if(key, |object| {
                let value = object.value();
                inside();
                value < limit
            })),
            ObjOp::DelRead => match self.cache.get(key) {
                Some(object) if self.cache.del_if_same(key, &object) => ObjRet::Value(Some(object.value())),
                _ => ObjRet::Removed(false),
            },
        }
    }

    fn get_many(&self, _keys: &[usize]) -> Option<Vec<Option<i64>>> {
        None
    }

    fn visit(&self, removing: bool, f: &mut dyn FnMut(usize, i64) -> bool, inside: &dyn Fn()) {
        let mut show = |key: &F::Key, object: &Arc<Object>| {
            object.value();
            let number = shown(&self.plan, key, inside);
            f(number, object.value())
        };
        if removing {
            self.cache.retain(&mut show);
        } else {
            self.cache.for_each(&mut |key, object| _ = show(key, object));
        }
    }

    fn clear(&self) {
        self.cache.clear();
    }

    fn len(&self) -> usize {
        self.cache.len()
    }

    fn shrink_to_fit(&self) {
        self.cache.shrink_to_fit();
    }
}

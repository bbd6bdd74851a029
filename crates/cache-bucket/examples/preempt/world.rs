//! A cache whose every value carries its key, and the operations on it.

use std::sync::Arc;

use cache_bucket::{BucketIntCache, BucketObjCache};
use cache_core::{IntCache, ObjCache, ObjCacheExt, Options};
use cache_testkit::Random;
use cache_testkit::history::{IntOp, IntRet, IntSpec, ObjOp, ObjRet, ObjSpec, Spec};

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
        match random.below(14) {
            0..2 => IntOp::Get,
            2..5 => IntOp::Set(number(key, fresh)),
            5..8 => IntOp::Add(number(key, few)),
            8 => IntOp::TryAdd(number(key, -few), bounds),
            9 => IntOp::TryAddOrInsert(number(key, few), bounds),
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
            IntRet::Value(value) => value,
            IntRet::Sum(sum) | IntRet::Tried(Ok(sum)) => Some(sum),
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
            IntOp::Del => Kind::Del,
            other => unreachable!("no plan has {other:?}"),
        }
    }

    fn apply(&self, key: usize, op: &IntOp, _inside: &dyn Fn()) -> IntRet {
        op.apply(&self.cache, self.plan.key(key))
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
        match random.below(12) {
            0 => ObjOp::Get,
            1..3 => ObjOp::With,
            3..7 => ObjOp::Set(number(key, fresh)),
            7..9 => ObjOp::GetOrInsert(number(key, fresh)),
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
            _ => None,
        }
    }

    fn kind(op: &ObjOp) -> Kind {
        match op {
            ObjOp::Get => Kind::Get,
            ObjOp::With => Kind::With,
            ObjOp::Set(_) => Kind::Set,
            ObjOp::GetOrInsert(_) => Kind::GetOrInsert,
            ObjOp::Del => Kind::Del,
            other => unreachable!("no plan has {other:?}"),
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
            ObjOp::Del => ObjRet::Removed(self.cache.del(key)),
            other => unreachable!("no plan has {other:?}"),
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

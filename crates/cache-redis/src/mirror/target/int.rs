use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use cache_core::IntCache;

use super::{Reason, Target, integer, of_key};
use crate::mirror::MirrorKey;

/// An `IntCache` that holds strings of Redis as integers.
pub(crate) struct IntTarget<K: ?Sized, C: ?Sized> {
    cache: Arc<C>,
    key: PhantomData<fn(&K)>,
}

impl<K: ?Sized, C: ?Sized> IntTarget<K, C> {
    pub(crate) fn new(cache: Arc<C>) -> Self {
        Self { cache, key: PhantomData }
    }
}

impl<K: MirrorKey + ?Sized, C: IntCache<K> + ?Sized + 'static> Target for IntTarget<K, C> {
    fn set(&self, key: &[u8], value: &[u8], _lifetime: Option<Duration>) -> Result<(), Reason> {
        let value = integer(value)?;
        K::from_redis(key, |key| self.cache.set(key, value)).ok_or(Reason::Key)
    }

    fn remove(&self, key: &[u8]) {
        K::from_redis(key, |key| self.cache.del(key));
    }

    fn retain(&self, keep: &mut dyn FnMut(&[u8]) -> bool) {
        let mut keep = of_key::<K>(keep);
        self.cache.retain(&mut |key, _| keep(key));
    }

    fn is_empty(&self) -> bool {
        self.cache.is_empty()
    }
}

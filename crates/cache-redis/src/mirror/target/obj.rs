use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use cache_core::ObjCache;

use super::{Reason, Target, of_key};
use crate::mirror::{Codec, MirrorKey};

/// An `ObjCache` that holds strings of Redis as objects.
pub(crate) struct ObjTarget<V, K: ?Sized, C: ?Sized, D> {
    cache: Arc<C>,
    codec: D,
    types: PhantomData<fn(&K) -> V>,
}

impl<V, K: ?Sized, C: ?Sized, D> ObjTarget<V, K, C, D> {
    pub(crate) fn new(cache: Arc<C>, codec: D) -> Self {
        Self { cache, codec, types: PhantomData }
    }
}

impl<V, K, C, D> Target for ObjTarget<V, K, C, D>
where
    V: 'static,
    K: MirrorKey + ?Sized,
    C: ObjCache<V, K> + ?Sized + 'static,
    D: Codec<V>,
{
    fn set(&self, key: &[u8], value: &[u8], _lifetime: Option<Duration>) -> Result<(), Reason> {
        let value = self.codec.decode(value).map_err(|error| Reason::Codec { error: error.to_string() })?;
        K::from_redis(key, |key| self.cache.set(key, Arc::new(value))).ok_or(Reason::Key)
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

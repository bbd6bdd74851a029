use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, HashBuilder, Value};
use cache_policy::Cache;

use super::{Reason, Target, of_key};
use crate::mirror::{Codec, MirrorKey};

/// A cache of the policy layer that holds strings of Redis as objects, for as long as Redis does.
pub(crate) struct CacheTarget<V: Value, K: MirrorKey + ?Sized, B: Backend, S: HashBuilder, D> {
    cache: Arc<Cache<V, K, B, S>>,
    codec: D,
}

impl<V: Value, K: MirrorKey + ?Sized, B: Backend, S: HashBuilder, D> CacheTarget<V, K, B, S, D> {
    pub(crate) fn new(cache: Arc<Cache<V, K, B, S>>, codec: D) -> Self {
        Self { cache, codec }
    }
}

impl<V, K, B, S, D> Target for CacheTarget<V, K, B, S, D>
where
    V: Value,
    K: MirrorKey + ?Sized,
    B: Backend,
    S: HashBuilder,
    D: Codec<V>,
{
    fn set(&self, key: &[u8], value: &[u8], lifetime: Option<Duration>) -> Result<(), Reason> {
        let value = self.codec.decode(value).map_err(|error| Reason::Codec { error: error.to_string() })?;
        // A key that Redis keeps for ever must not leave by the cache's own time to live.
        let lifetime = lifetime.unwrap_or(Duration::MAX);
        K::from_redis(key, |key| {
            self.cache.insert_with_ttl(key, value, lifetime);
        })
        .ok_or(Reason::Key)
    }

    fn remove(&self, key: &[u8]) {
        K::from_redis(key, |key| self.cache.remove(key));
    }

    fn retain(&self, keep: &mut dyn FnMut(&[u8]) -> bool) {
        let mut keep = of_key::<K>(keep);
        self.cache.retain(|key, _| keep(key));
    }

    fn is_empty(&self) -> bool {
        self.cache.is_empty()
    }

    fn expires(&self) -> bool {
        true
    }
}

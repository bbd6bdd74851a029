use cache_core::{Backend, HashBuilder, Key, Options, Value};

use crate::{SccIntCache, SccObjCache};

/// Rounds of the epoch in [`reclaim`](Backend::reclaim): garbage is freed three advances after it was made,
/// and a round may find the epoch already moved on by someone else.
const EPOCHS: usize = 16;

/// The [`Backend`] of this crate, named `scc`.
///
/// # Examples
///
/// ```
/// use hotcache::{Backend, IntCache, Options, scc};
///
/// let cache = scc::Backend::int::<str, _>(Options::new());
/// cache.set("a", 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SccBackend;

impl Backend for SccBackend {
    const NAME: &'static str = "scc";

    type Int<K: Key + ?Sized, S: HashBuilder> = SccIntCache<K, S>;
    type Obj<V: Value, K: Key + ?Sized, S: HashBuilder> = SccObjCache<V, K, S>;

    fn int<K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Int<K, S> {
        SccIntCache::with_options(options)
    }

    fn obj<V: Value, K: Key + ?Sized, S: HashBuilder>(options: Options<S>) -> Self::Obj<V, K, S> {
        SccObjCache::with_options(options)
    }

    /// Advances the epoch behind scc until this thread has freed the bucket arrays that its maps have
    /// outgrown.
    ///
    /// Deleted objects never wait for it: scc hands them back at once.
    fn reclaim() {
        for _ in 0..EPOCHS {
            scc::Guard::new().accelerate();
        }
    }
}

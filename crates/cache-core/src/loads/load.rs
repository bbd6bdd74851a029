//! Loading a key: leading its flight, or waiting for who does.

use std::sync::Arc;

use super::lead::{InContext, Lead};
use super::seat::{Joined, Seat};
use super::{Flight, Loads};
use crate::context::{Context, NO_LOAD, new_load};
use crate::{Key, LoadError, ObjCache};

// Whatever has a `Drop` of a caller's is dropped before a value is returned: one that is being returned when such a
// `Drop` panics would leak.
impl<V, K: Key + ?Sized> Loads<V, K> {
    /// The object of `key` in `cache`, by running `load` or waiting for who runs one.
    pub(crate) fn get_or_load<C, E>(
        &self,
        cache: &C,
        key: &K,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
        E: Send + Sync + 'static,
    {
        loop {
            let Some(flight) = self.join(key) else {
                return Err(LoadError::Recursive);
            };
            let result = match Seat::new(self, &flight).block(|| cache.get(key)) {
                Joined::Lead(id) => {
                    let lead = Lead::new(self, key, &flight, id);
                    let result = lead.run(cache, load);
                    drop(lead);
                    result
                }
                Joined::Alone => alone(&flight).enter(load).map(Arc::new).map_err(LoadError::failed),
                joined => match self.outcome(cache, key, &flight, joined) {
                    Some(result) => {
                        drop(load);
                        result
                    }
                    None => continue,
                },
            };
            drop(flight);
            return result;
        }
    }

    /// As [`get_or_load`](Loads::get_or_load), with a loader that is awaited. Blocks no thread.
    pub(crate) async fn get_or_load_async<C, E, F>(
        &self,
        cache: &C,
        key: &K,
        load: impl FnOnce() -> F,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
        E: Send + Sync + 'static,
        F: Future<Output = Result<V, E>>,
    {
        loop {
            let Some(flight) = self.join(key) else {
                return Err(LoadError::Recursive);
            };
            let result = match Seat::new(self, &flight).wait(|| cache.get(key)).await {
                Joined::Lead(id) => {
                    let lead = Lead::new(self, key, &flight, id);
                    let result = lead.run_async(cache, load).await;
                    drop(lead);
                    result
                }
                Joined::Alone => {
                    let loaded = InContext::new(alone(&flight), load).run().await;
                    loaded.map(Arc::new).map_err(LoadError::failed)
                }
                joined => match self.outcome(cache, key, &flight, joined) {
                    Some(result) => {
                        drop(load);
                        result
                    }
                    None => continue,
                },
            };
            drop(flight);
            return result;
        }
    }

    /// What a caller gets that neither leads nor loads alone; `None` if it is to start over.
    fn outcome<C, E>(
        &self,
        cache: &C,
        key: &K,
        flight: &Arc<Flight<V, K>>,
        joined: Joined<V>,
    ) -> Option<Result<Arc<V>, LoadError<E>>>
    where
        C: ObjCache<V, K> + ?Sized,
        E: Send + Sync + 'static,
    {
        match joined {
            Joined::Value(value) => return Some(Ok(value)),
            Joined::Failure(failure) => {
                if let Ok(failure) = failure.downcast() {
                    return Some(Err(LoadError::Failed(failure)));
                }
            }
            Joined::Recursive => return Some(Err(LoadError::Recursive)),
            Joined::Stale => return None,
            Joined::Retry | Joined::Lead(_) | Joined::Alone => {}
        }
        self.remove(flight);
        cache.get(key).map(Ok)
    }
}

/// The context of a loader whose object is not cached, as its caller cannot wait for `flight`.
///
/// Waiting would be for ever, and an error for what the caller did not do. The loader asks for the key on its own
/// account: should it do so, it is told of the recursion.
fn alone<V, K: Key + ?Sized>(flight: &Flight<V, K>) -> Context {
    let load = match flight.led() {
        NO_LOAD => new_load(),
        led => led,
    };
    Context::current().within(load)
}

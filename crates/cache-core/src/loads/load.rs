//! Loading a key, by leading its flight or waiting for its leader.

use std::sync::Arc;

use super::lead::{InContext, Lead};
use super::seat::{Joined, Seat};
use super::{Flight, Loads};
use crate::context::{Context, NO_LOAD, new_load};
use crate::{Key, LoadError, ObjCache};

// Everything whose `Drop` is a caller's code is dropped before a value is returned. If such a `Drop` panicked later,
// the returned value would leak.
impl<V, K: Key + ?Sized> Loads<V, K> {
    /// Returns the object of `key` in `cache`, by running `load` or waiting for another caller's loader.
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

    /// Like [`get_or_load`](Loads::get_or_load), for an async loader. Does not block the thread.
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

    /// Returns the result of a caller that runs no loader, or `None` if it has to start over.
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

/// The context for a loader that runs beside `flight`, and whose object is not cached.
///
/// Its caller is the `Drop` of an object. Waiting would never end, and an error would report a recursion that does
/// not exist. In this context the loader counts as the flight's own, so it gets the error if it asks for the key
/// itself.
fn alone<V, K: Key + ?Sized>(flight: &Flight<V, K>) -> Context {
    let load = match flight.led() {
        NO_LOAD => new_load(),
        led => led,
    };
    Context::current().within(load)
}

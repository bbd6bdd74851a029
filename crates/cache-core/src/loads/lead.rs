use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::{Flight, Loads};
use crate::context::{Context, LoadId, in_map};
use crate::{Key, LoadError, ObjCache};

/// The right and duty to load one key. Hands over when dropped unfinished: the loader panicked, or its future was dropped.
pub(super) struct Lead<'a, V, K: Key + ?Sized> {
    loads: &'a Loads<V, K>,
    pub(super) key: &'a K,
    flight: Arc<Flight<V, K>>,
    context: Context,
}

impl<'a, V, K: Key + ?Sized> Lead<'a, V, K> {
    pub(super) fn new(loads: &'a Loads<V, K>, key: &'a K, flight: &Arc<Flight<V, K>>, load: LoadId) -> Self {
        Self { loads, key, flight: flight.clone(), context: Context::current().within(load) }
    }

    /// Finds the object in `cache`, or loads it and puts it there.
    pub(super) fn run<C, E>(
        &self,
        cache: &C,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
        E: Send + Sync + 'static,
    {
        self.context.enter(|| {
            if let Some(value) = self.find(cache) {
                drop(load);
                return Ok(value);
            }
            self.finish(cache, load())
        })
    }

    /// Like [`run`](Lead::run), for an async loader.
    pub(super) async fn run_async<C, E, F>(
        &self,
        cache: &C,
        load: impl FnOnce() -> F,
    ) -> Result<Arc<V>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
        E: Send + Sync + 'static,
        F: Future<Output = Result<V, E>>,
    {
        if let Some(value) = self.find_here(cache) {
            drop(load);
            return Ok(value);
        }
        let loaded = InContext::new(self.context.clone(), load).run().await;
        self.context.enter(|| self.finish(cache, loaded))
    }

    /// As [`find`](Lead::find), from outside the load.
    pub(super) fn find_here<C: ObjCache<V, K> + ?Sized>(&self, cache: &C) -> Option<Arc<V>> {
        self.context.enter(|| self.find(cache))
    }

    /// Looks for an object that was published after this caller's miss and before it took the lead.
    fn find<C: ObjCache<V, K> + ?Sized>(&self, cache: &C) -> Option<Arc<V>> {
        let value = in_map(|| cache.get(self.key))?;
        // Only for this caller: the object may have been removed before other callers joined.
        self.flight.end_with_nothing();
        Some(value)
    }

    /// Publishes the loaded object, or the error, to the waiters.
    fn finish<C, E>(&self, cache: &C, loaded: Result<V, E>) -> Result<Arc<V>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
        E: Send + Sync + 'static,
    {
        match loaded {
            Ok(value) => Ok(self.publish(cache, value)),
            Err(failure) => {
                let failure = Arc::new(failure);
                self.fail(&failure);
                Err(LoadError::Failed(failure))
            }
        }
    }

    /// Ends the flight with an error.
    pub(super) fn fail<E: Send + Sync + 'static>(&self, failure: &Arc<E>) {
        self.flight.fail(failure);
    }

    /// Puts the loaded object into `cache`, unless the key was written meanwhile, and brings it to the waiters.
    pub(super) fn publish<C: ObjCache<V, K> + ?Sized>(&self, cache: &C, loaded: V) -> Arc<V> {
        let loaded = Arc::new(loaded);
        let publish = self.flight.start_publishing();
        let value = in_map(|| {
            if publish {
                return cache.get_or_insert(self.key, loaded);
            }
            match cache.get(self.key) {
                Some(present) => {
                    // Dropped here: if its `Drop` panicked at the end of the function, `present` would leak.
                    drop(loaded);
                    present
                }
                None => loaded,
            }
        });
        self.flight.bring(&value);
        value
    }
}

impl<V, K: Key + ?Sized> Drop for Lead<'_, V, K> {
    fn drop(&mut self) {
        if !self.flight.hand_over() {
            self.loads.remove(&self.flight);
        }
    }
}

/// A loader's future, created, polled and dropped in the context of its load.
///
/// It is on the heap, so that callers that only wait have small futures.
pub(super) struct InContext<F> {
    context: Context,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> InContext<F> {
    pub(super) fn new(context: Context, load: impl FnOnce() -> F) -> Self {
        let future = Some(context.enter(|| Box::pin(load())));
        Self { context, future }
    }

    pub(super) async fn run(mut self) -> F::Output {
        future::poll_fn(|task| {
            let Some(future) = &mut self.future else { return Poll::Pending };
            self.context.moved_here();
            self.context.enter(|| future.as_mut().poll(task))
        })
        .await
    }
}

impl<F> Drop for InContext<F> {
    fn drop(&mut self) {
        self.context.enter(|| drop(self.future.take()));
    }
}

//! Loading many keys with one loader.

use std::sync::Arc;

use super::Loads;
use super::lead::{InContext, Lead};
use crate::context::{Context, LoadId, new_load};
use crate::{Key, LoadError, ObjCache, assert_one_for_each, only};

/// The keys that one caller loads, each with its place among those that were asked for.
type Leads<'a, V, K> = Vec<(usize, Lead<'a, V, K>)>;

// One load leads many flights. It never waits while it does: keys that others are loading come after its own have ended.
// So two callers whose keys overlap cannot wait for each other.
impl<V, K: Key + ?Sized> Loads<V, K> {
    /// Returns the objects of absent keys, by one call of `load` for those that nobody is loading.
    ///
    /// `load` is called again, for one key, if another caller's load of it ends without an object.
    pub(crate) fn get_or_load_many<C, E>(
        &self,
        cache: &C,
        keys: &[&K],
        mut load: impl FnMut(&[&K]) -> Result<Vec<V>, E>,
    ) -> Result<Vec<Arc<V>>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let id = new_load();
        let mut values = vec![None; keys.len()];
        let leads = self.lead_vacant(cache, keys, id, &mut values)?;
        if !leads.is_empty() {
            let asked: Vec<_> = leads.iter().map(|(_, lead)| lead.key).collect();
            let context = Context::current().within(id);
            context.enter(|| end_all(cache, leads, load(&asked), &mut values))?;
        }
        let values = keys.iter().zip(values).map(|(key, value)| match value {
            Some(value) => Ok(value),
            None => self.get_or_load(cache, key, || load(&[key]).map(only)),
        });
        values.collect()
    }

    /// Like [`get_or_load_many`](Loads::get_or_load_many), for an async loader. Does not block the thread.
    pub(crate) async fn get_or_load_many_async<C, E, F>(
        &self,
        cache: &C,
        keys: &[&K],
        mut load: impl FnMut(Vec<K::Owned>) -> F,
    ) -> Result<Vec<Arc<V>>, LoadError<E>>
    where
        C: ObjCache<V, K> + ?Sized,
        E: Send + Sync + 'static,
        F: Future<Output = Result<Vec<V>, E>>,
    {
        let id = new_load();
        let mut values = vec![None; keys.len()];
        let leads = self.lead_vacant(cache, keys, id, &mut values)?;
        if !leads.is_empty() {
            let asked: Vec<_> = leads.iter().map(|(_, lead)| lead.key.to_owned_key()).collect();
            let context = Context::current().within(id);
            let loaded = InContext::new(context.clone(), || load(asked)).run().await;
            context.enter(|| end_all(cache, leads, loaded, &mut values))?;
        }
        let mut all = Vec::with_capacity(keys.len());
        for (key, value) in keys.iter().zip(values) {
            all.push(match value {
                Some(value) => value,
                None => {
                    let load = || {
                        let loaded = load(vec![key.to_owned_key()]);
                        async { loaded.await.map(only) }
                    };
                    self.get_or_load_async(cache, key, load).await?
                }
            });
        }
        Ok(all)
    }

    /// Takes the lead of each key that nobody is loading. One that was published meanwhile is found instead.
    fn lead_vacant<'a, C: ObjCache<V, K> + ?Sized, E>(
        &'a self,
        cache: &C,
        keys: &[&'a K],
        id: LoadId,
        values: &mut [Option<Arc<V>>],
    ) -> Result<Leads<'a, V, K>, LoadError<E>> {
        let mut leads = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let flight = self.join(key).ok_or(LoadError::Recursive)?;
            if !flight.try_lead(id) {
                continue;
            }
            let lead = Lead::new(self, key, &flight, id);
            values[place] = lead.find_here(cache);
            if values[place].is_none() {
                leads.push((place, lead));
            }
        }
        Ok(leads)
    }
}

/// Ends the flights of all leads with what was loaded, or with its error.
fn end_all<V, K: Key + ?Sized, C: ObjCache<V, K> + ?Sized, E: Send + Sync + 'static>(
    cache: &C,
    leads: Leads<'_, V, K>,
    loaded: Result<Vec<V>, E>,
    values: &mut [Option<Arc<V>>],
) -> Result<(), LoadError<E>> {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(failure) => {
            let failure = Arc::new(failure);
            leads.iter().for_each(|(_, lead)| lead.fail(&failure));
            return Err(LoadError::Failed(failure));
        }
    };
    assert_one_for_each(loaded.len(), leads.len());
    for ((place, lead), value) in leads.into_iter().zip(loaded) {
        values[place] = Some(lead.publish(cache, value));
    }
    Ok(())
}

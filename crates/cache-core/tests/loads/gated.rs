//! An object cache that stops inside its operations, and a key that stops inside its comparisons.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::cmp;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache_core::{HasLoads, Key, Loads, ObjCache};

/// A place inside an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A look-up is about to return, and has found the key or not.
    Looked(bool),
    /// `get_or_insert` has put its object into the map.
    Published,
    /// A removal has told the loads, and has not touched the map.
    Told,
}

type Hook = Box<dyn Fn(Step) + Send + Sync>;

/// A mutex around a map, with a hook at each [`Step`] that runs under no lock.
pub(crate) struct Gated {
    map: Mutex<HashMap<u64, Arc<u32>>>,
    loads: Loads<u32, Probe>,
    hook: Hook,
}

impl Gated {
    pub(crate) fn new(hook: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self { map: Mutex::default(), loads: Loads::new(), hook: Box::new(hook) }
    }

    /// Removes a key without telling anyone.
    pub(crate) fn remove_silently(&self, key: &Probe) {
        self.map().remove(&key.0);
    }

    fn map(&self) -> MutexGuard<'_, HashMap<u64, Arc<u32>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjCache<u32, Probe> for Gated {
    fn get(&self, key: &Probe) -> Option<Arc<u32>> {
        let found = self.map().get(&key.0).cloned();
        (self.hook)(Step::Looked(found.is_some()));
        found
    }

    fn with_dyn(&self, key: &Probe, f: &mut dyn FnMut(&u32)) -> bool {
        self.get(key).map(|object| f(&object)).is_some()
    }

    fn set(&self, key: &Probe, value: Arc<u32>) {
        self.loads.written(key);
        self.map().insert(key.0, value);
    }

    fn swap(&self, key: &Probe, value: Arc<u32>) -> Option<Arc<u32>> {
        self.loads.written(key);
        self.map().insert(key.0, value)
    }

    fn replace_if_same(&self, key: &Probe, current: &Arc<u32>, new: Arc<u32>) -> Result<(), Arc<u32>> {
        self.loads.written(key);
        match self.map().get_mut(&key.0) {
            Some(object) if Arc::ptr_eq(object, current) => {
                *object = new;
                Ok(())
            }
            _ => Err(new),
        }
    }

    fn get_or_insert(&self, key: &Probe, value: Arc<u32>) -> Arc<u32> {
        let cached = self.map().entry(key.0).or_insert(value).clone();
        (self.hook)(Step::Published);
        cached
    }

    fn del(&self, key: &Probe) -> bool {
        self.loads.written(key);
        (self.hook)(Step::Told);
        self.map().remove(&key.0).is_some()
    }

    fn take(&self, key: &Probe) -> Option<Arc<u32>> {
        self.loads.written(key);
        self.map().remove(&key.0)
    }

    fn evict_if_same(&self, key: &Probe, current: &Arc<u32>) -> bool {
        let mut map = self.map();
        let is_there = map.get(&key.0).is_some_and(|present| Arc::ptr_eq(present, current));
        is_there && map.remove(&key.0).is_some()
    }

    fn del_if_dyn(&self, key: &Probe, f: &mut dyn FnMut(&Arc<u32>) -> bool) -> bool {
        self.loads.written(key);
        let mut map = self.map();
        let agreed = map.get(&key.0).is_some_and(f);
        agreed && map.remove(&key.0).is_some()
    }

    fn len(&self) -> usize {
        self.map().len()
    }

    fn clear(&self) {
        self.loads.all_written();
        (self.hook)(Step::Told);
        self.map().clear();
    }

    fn try_for_each_dyn(&self, f: &mut dyn FnMut(&Probe, &Arc<u32>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.map().iter().try_for_each(|(key, object)| f(&Probe(*key), object))
    }

    fn retain(&self, f: &mut dyn FnMut(&Probe, &Arc<u32>) -> bool) {
        self.loads.all_written();
        (self.hook)(Step::Told);
        self.map().retain(|key, object| f(&Probe(*key), object));
    }
}

impl HasLoads<u32, Probe> for Gated {
    fn loads(&self) -> &Loads<u32, Probe> {
        &self.loads
    }
}

type Call = Box<dyn FnOnce()>;

thread_local! {
    /// What the next call of a key's code on this thread runs.
    static NEXT: RefCell<Option<(Code, Call)>> = const { RefCell::new(None) };
}

/// The code of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Hash,
    Eq,
    ToOwned,
    Drop,
}

/// Has the next call of `code` on this thread run `call` first.
pub(crate) fn in_the_next(code: Code, call: impl FnOnce() + 'static) {
    NEXT.set(Some((code, Box::new(call))));
}

/// Whether what [`in_the_next`] was given has run.
pub(crate) fn has_run() -> bool {
    NEXT.with_borrow(Option::is_none)
}

fn reach(code: Code) {
    let call = NEXT.with_borrow_mut(|next| next.take_if(|(wanted, _)| *wanted == code));
    if let Some((_, call)) = call {
        call();
    }
}

/// A key whose code can be made to stop or to call a cache.
#[derive(Clone, Debug)]
pub(crate) struct Probe(pub(crate) u64);

/// A stored [`Probe`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StoredProbe(Probe);

impl Key for Probe {
    type Owned = StoredProbe;

    fn to_owned_key(&self) -> StoredProbe {
        reach(Code::ToOwned);
        StoredProbe(self.clone())
    }
}

impl Borrow<Probe> for StoredProbe {
    fn borrow(&self) -> &Probe {
        &self.0
    }
}

impl Drop for StoredProbe {
    fn drop(&mut self) {
        reach(Code::Drop);
    }
}

impl Hash for Probe {
    fn hash<H: Hasher>(&self, state: &mut H) {
        reach(Code::Hash);
        // All alike, so that keys are told apart by `Eq`.
        state.write_u64(0);
    }
}

impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        reach(Code::Eq);
        self.0 == other.0
    }
}

impl Eq for Probe {}

impl PartialOrd for Probe {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Probe {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

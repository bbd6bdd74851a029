//! Tracks which load waits for which, so that a wait that would close a circle is rejected.
//!
//! Only code that runs during a load can close a circle. So only such code registers here, and only when it is about
//! to wait. Other waiters, and hits, never use this module.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::context::{Context, LoadId, Part, in_map};

/// The load that leads a flight; [`NO_LOAD`](crate::context::NO_LOAD) while it has no leader.
pub(crate) type Owner = Arc<AtomicU64>;

/// For each load that waits, the owners of the flights that it waits for. A loader's future can await several at once.
static WAITING: LazyLock<Mutex<HashMap<LoadId, Vec<Owner>>>> = LazyLock::new(Mutex::default);

/// Runs `work`, which drops objects that were removed from a cache earlier.
///
/// For backends that free removed objects later, in the middle of another operation. A loader may have called that
/// operation, and the `Drop` of an object may load keys. Inside `work`, such a `Drop` is not mistaken for the loader:
/// if it requests a key whose load waits for it, it loads the object itself and does not cache it. Outside `work`, it
/// would get an error for a recursion that does not exist.
///
/// # Examples
///
/// ```
/// use cache_core::{LoadError, ObjCacheExt, while_dropping};
/// # let cache = hotcache::bucket::ObjCache::<u8>::default();
/// let ask = || cache.get_or_try_insert_with("a", || Ok::<_, ()>(1));
///
/// let loaded = cache.get_or_insert_with("a", || {
///     assert_eq!(ask(), Err(LoadError::Recursive));
///     // A backend may run the `Drop` of an object here, which then does this:
///     while_dropping(|| assert_eq!(*ask().unwrap(), 1));
///     2
/// });
/// assert_eq!(*loaded, 2);
/// ```
#[doc(hidden)]
pub fn while_dropping<R>(work: impl FnOnce() -> R) -> R {
    in_map(work)
}

/// A registered wait, which closes no circle. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    /// The context of the code that waits.
    context: Context,
    owner: Owner,
}

impl Wait {
    /// Registers that code in `context` is about to wait for `owner`.
    ///
    /// # Errors
    ///
    /// The wait would close a circle. The [`Part`] says how the code came to run during the load that it would wait for.
    pub(crate) fn start(context: Context, owner: &Owner) -> Result<Wait, Part> {
        if !context.is_outside() {
            let mut waiting = lock();
            if let Some(part) = part_in_circle(&waiting, &context, owner) {
                return Err(part);
            }
            // Every load that this code runs in is held up.
            for load in context.loads() {
                waiting.entry(load).or_default().push(owner.clone());
            }
        }
        Ok(Wait { context, owner: owner.clone() })
    }

    /// Whether the code that waits is in `context`.
    pub(crate) fn is_of(&self, context: &Context) -> bool {
        self.context.is_same(context)
    }
}

/// Finds the load of `context` that `owner` is, or waits for, and returns how `context` is part of it.
fn part_in_circle(waiting: &HashMap<LoadId, Vec<Owner>>, context: &Context, owner: &Owner) -> Option<Part> {
    let mut seen = HashSet::new();
    let mut ahead = vec![owner.load(Ordering::Acquire)];
    while let Some(load) = ahead.pop() {
        if let Some(part) = context.part_of(load) {
            return Some(part);
        }
        if seen.insert(load) {
            let owners = waiting.get(&load).into_iter().flatten();
            ahead.extend(owners.map(|owner| owner.load(Ordering::Acquire)));
        }
    }
    None
}

impl Drop for Wait {
    fn drop(&mut self) {
        if self.context.is_outside() {
            return;
        }
        let mut waiting = lock();
        for load in self.context.loads() {
            let Some(owners) = waiting.get_mut(&load) else { continue };
            if let Some(place) = owners.iter().position(|owner| Arc::ptr_eq(owner, &self.owner)) {
                owners.swap_remove(place);
            }
            if owners.is_empty() {
                waiting.remove(&load);
            }
        }
    }
}

fn lock() -> MutexGuard<'static, HashMap<LoadId, Vec<Owner>>> {
    // Nothing panics while this lock is held, and a panic would leave the map consistent.
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

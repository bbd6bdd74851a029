//! Who waits for whom, among threads that run a loader: so that a circle is refused instead of waited out.
//!
//! Only a thread that itself runs a loader can close a circle, so only such threads register here, and only
//! when they are about to wait. Ordinary waiters and hits never come near it.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::LocalKey;

/// The thread that runs the loader of one flight; [`NOBODY`] between a failed loader and the next.
pub(crate) type Owner = Arc<AtomicU64>;

pub(crate) const NOBODY: u64 = 0;

/// For each waiting thread that runs a loader, the owner of the flight it waits for.
static WAITING: LazyLock<Mutex<HashMap<u64, Owner>>> = LazyLock::new(Mutex::default);

thread_local! {
    static THREAD: u64 = {
        static NEXT: AtomicU64 = AtomicU64::new(NOBODY + 1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
    static LOADERS_RUNNING: Cell<usize> = const { Cell::new(0) };
    /// How many pieces of the map's own work this thread is in the middle of.
    static MAP_WORK: Cell<usize> = const { Cell::new(0) };
    /// How many they were when its innermost loader started.
    static AT_LOADER: Cell<usize> = const { Cell::new(0) };
}

/// Runs a part of a load that is the map's own work.
///
/// A map may free other objects meanwhile, and their `Drop` may ask for any key. That is no fault of a loader's.
pub(crate) fn in_map<R>(work: impl FnOnce() -> R) -> R {
    let _restore = Restore { cell: &MAP_WORK, before: MAP_WORK.get() };
    MAP_WORK.set(MAP_WORK.get() + 1);
    work()
}

/// Runs a caller's loader.
pub(crate) fn in_loader<R>(load: impl FnOnce() -> R) -> R {
    let _restore = Restore { cell: &AT_LOADER, before: AT_LOADER.replace(MAP_WORK.get()) };
    load()
}

/// Runs `work`, which drops objects that have left a cache earlier.
///
/// For backends that free what was removed later, in the middle of some other operation. That operation may be one
/// of a loader's, and the `Drop` of an object may load keys of its own. Inside `work` such a `Drop` is not taken for
/// the loader: if it asks for a key whose load waits for it, it loads by itself and caches nothing. Outside, it
/// would be told of a recursion that nobody made.
///
/// # Examples
///
/// ```
/// use cache_core::{LoadError, ObjCacheExt, while_dropping};
/// # let cache = cache_rwlock::RwLockObjCache::<u8>::default();
/// let ask = || cache.get_or_try_insert_with("a", || Ok::<_, ()>(1));
///
/// let loaded = cache.get_or_insert_with("a", || {
///     assert_eq!(ask(), Err(LoadError::Recursive));
///     // As a `Drop` would, that a backend runs here:
///     while_dropping(|| assert_eq!(*ask().unwrap(), 1));
///     2
/// });
/// assert_eq!(*loaded, 2);
/// ```
#[doc(hidden)]
pub fn while_dropping<R>(work: impl FnOnce() -> R) -> R {
    in_map(work)
}

/// How many pieces of the map's own work this thread is in the middle of.
pub(crate) fn map_work() -> usize {
    MAP_WORK.get()
}

/// Whether this thread is in the map's own work, and not in a loader that was called from there.
pub(crate) fn is_in_map() -> bool {
    MAP_WORK.get() > AT_LOADER.get()
}

/// Puts a thread's count back to what it was, also after a panic.
struct Restore {
    cell: &'static LocalKey<Cell<usize>>,
    before: usize,
}

impl Drop for Restore {
    fn drop(&mut self) {
        self.cell.set(self.before);
    }
}

/// This thread, as an [`Owner`] holds it.
pub(crate) fn this_thread() -> u64 {
    THREAD.with(|id| *id)
}

/// Counts this thread as running a loader until it is dropped.
#[derive(Debug)]
pub(crate) struct Running;

impl Running {
    pub(crate) fn start() -> Self {
        LOADERS_RUNNING.with(|n| n.set(n.get() + 1));
        Running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        LOADERS_RUNNING.with(|n| n.set(n.get() - 1));
    }
}

/// A wait that closes no circle; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    registered: bool,
}

impl Wait {
    /// Registers that this thread is about to wait for `owner`; `None` if `owner` waits for this thread.
    pub(crate) fn start(owner: &Owner) -> Option<Wait> {
        if LOADERS_RUNNING.with(Cell::get) == 0 {
            return Some(Wait { registered: false });
        }
        let me = this_thread();
        let mut waiting = lock();
        let mut next = owner.load(Ordering::Acquire);
        // There is no circle among those registered, as each checked before it joined, and none becomes an owner
        // before it has left. So this ends.
        loop {
            if next == me {
                return None;
            }
            match waiting.get(&next) {
                Some(further) => next = further.load(Ordering::Acquire),
                None => break,
            }
        }
        waiting.insert(me, owner.clone());
        Some(Wait { registered: true })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if self.registered {
            lock().remove(&this_thread());
        }
    }
}

fn lock() -> MutexGuard<'static, HashMap<u64, Owner>> {
    // Nothing panics while this is held; a poisoned map would still be whole.
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

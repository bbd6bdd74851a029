//! Keys and objects that panic when their fuse burns down.

use std::borrow::Borrow;
use std::cell::Cell;
use std::cmp;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cache_core::Key;

use crate::Violation;
use crate::quiet::is_quiet;
use crate::quiet_panic;
use crate::violation::panic_message;

/// A piece of a caller's code that a cache runs and that may panic.
///
/// # Examples
///
/// ```
/// use cache_testkit::key_panics::Hazard;
/// assert_eq!(Hazard::ALL.len(), 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// A key's `Hash`.
    Hash,
    /// A key's `Eq` or `Ord`.
    Compare,
    /// The `Drop` of a stored key.
    DropKey,
    /// The `Drop` of an object.
    DropObject,
}

impl Hazard {
    /// All of them.
    pub const ALL: [Hazard; 4] = [Hazard::Hash, Hazard::Compare, Hazard::DropKey, Hazard::DropObject];
}

thread_local! {
    /// What is to panic on this thread, and how many calls of it are to pass before.
    static FUSE: Cell<Option<(Hazard, usize)>> = const { Cell::new(None) };
}

/// Runs `body`, in which the call of `hazard` after the first `calls` panics; tells whether it came to that.
pub(super) fn lit(hazard: Hazard, calls: usize, body: impl FnOnce()) -> Result<bool, Violation> {
    FUSE.set(Some((hazard, calls)));
    let result = catch_unwind(AssertUnwindSafe(body));
    let burnt = FUSE.take().is_none();
    match result {
        Err(payload) if !is_quiet(&*payload) => {
            Err(Violation::wrong(format!("the cache itself panicked: {}", panic_message(&*payload))))
        }
        // A cache may also keep the panic to itself, as one that comes from a `Drop` put off until later.
        _ => Ok(burnt),
    }
}

/// To be called by the code of a hazard: panics if it is the call that is to.
pub(super) fn burn(hazard: Hazard) {
    // A second panic while one unwinds would end the process whatever the cache does.
    if std::thread::panicking() {
        return;
    }
    match FUSE.get() {
        Some((lit, 0)) if lit == hazard => {
            FUSE.set(None);
            quiet_panic();
        }
        Some((lit, calls)) if lit == hazard => FUSE.set(Some((lit, calls - 1))),
        _ => {}
    }
}

/// A key whose `Hash`, `Eq` and `Ord` burn the fuse.
#[derive(Clone)]
pub struct Touchy {
    id: u64,
    /// Counts the keys that are alive.
    _mark: Arc<()>,
}

/// A stored [`Touchy`], whose `Drop` burns the fuse.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredTouchy(Touchy);

/// An object whose `Drop` burns the fuse.
pub struct TouchyObject {
    /// Counts the objects that are alive.
    _mark: Arc<()>,
}

impl Touchy {
    pub(super) fn new(id: u64, mark: &Arc<()>) -> Self {
        Self { id, _mark: Arc::clone(mark) }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl TouchyObject {
    pub(super) fn new(mark: &Arc<()>) -> Self {
        Self { _mark: Arc::clone(mark) }
    }
}

impl Key for Touchy {
    type Owned = StoredTouchy;

    fn to_owned_key(&self) -> StoredTouchy {
        StoredTouchy(self.clone())
    }
}

impl Borrow<Touchy> for StoredTouchy {
    fn borrow(&self) -> &Touchy {
        &self.0
    }
}

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn(Hazard::Hash);
        self.id.hash(state);
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        burn(Hazard::Compare);
        self.id == other.id
    }
}

impl Eq for Touchy {}

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        burn(Hazard::Compare);
        self.id.cmp(&other.id)
    }
}

impl Drop for StoredTouchy {
    fn drop(&mut self) {
        burn(Hazard::DropKey);
    }
}

impl Drop for TouchyObject {
    fn drop(&mut self) {
        burn(Hazard::DropObject);
    }
}

impl fmt::Debug for Touchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Touchy({})", self.id)
    }
}

impl fmt::Debug for StoredTouchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredTouchy({})", self.0.id)
    }
}

impl fmt::Debug for TouchyObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TouchyObject")
    }
}

//! Keys, objects and hashers whose code burns the fuse.

use std::borrow::Borrow;
use std::cmp;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_core::{DefaultHashBuilder, Key};

use super::Hazard;
use super::fuse::burn;

/// How many keys and objects of one step were made, and how many were dropped.
#[derive(Debug, Default)]
pub(super) struct Books {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

impl Books {
    /// How many more were made than dropped. Negative if some were dropped twice.
    pub(super) fn alive(&self) -> isize {
        let dropped = self.dropped.load(Ordering::Acquire);
        self.made.load(Ordering::Acquire).cast_signed() - dropped.cast_signed()
    }
}

/// An entry in the books.
#[derive(Debug)]
struct Mark(Arc<Books>);

impl Mark {
    fn new(books: &Arc<Books>) -> Self {
        books.made.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(books))
    }
}

impl Clone for Mark {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::AcqRel);
    }
}

/// A key whose `Hash`, `Eq`, `Ord` and `to_owned_key` burn the fuse.
pub struct Touchy {
    id: u64,
    mark: Mark,
}

/// A stored [`Touchy`], whose `Borrow`, `Clone` and `Drop` burn the fuse too.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoredTouchy(Touchy);

/// An object whose `Drop` burns the fuse.
pub struct TouchyObject {
    id: u64,
    _mark: Mark,
}

/// A hasher that burns the fuse.
#[derive(Clone, Debug, Default)]
pub struct TouchyHasher(DefaultHashBuilder);

impl Touchy {
    pub(super) fn new(id: u64, books: &Arc<Books>) -> Self {
        Self { id, mark: Mark::new(books) }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    fn copy(&self) -> Self {
        Self { id: self.id, mark: self.mark.clone() }
    }
}

impl TouchyObject {
    pub(super) fn new(id: u64, books: &Arc<Books>) -> Self {
        Self { id, _mark: Mark::new(books) }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl BuildHasher for TouchyHasher {
    type Hasher = <DefaultHashBuilder as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        burn(Hazard::Hasher);
        self.0.build_hasher()
    }
}

impl Key for Touchy {
    type Owned = StoredTouchy;

    fn to_owned_key(&self) -> StoredTouchy {
        burn(Hazard::ToOwned);
        StoredTouchy(self.copy())
    }
}

impl Borrow<Touchy> for StoredTouchy {
    fn borrow(&self) -> &Touchy {
        burn(Hazard::Borrow);
        &self.0
    }
}

impl Clone for StoredTouchy {
    fn clone(&self) -> Self {
        burn(Hazard::Clone);
        Self(self.0.copy())
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
        write!(f, "TouchyObject({})", self.id)
    }
}

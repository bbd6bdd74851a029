use std::borrow::Borrow;
use std::hash::BuildHasher;
use std::mem::size_of_val;
use std::slice;

use cache_core::Key;

use super::blob::{Blob, is_blob};
use super::bucket::Place;
use super::bytes::{copy_bytes, same_bytes};
use super::cell::Cell;
use super::hash::Hash;
use super::lane::{self, BLOB, BOXED, Form, LONGEST, ONE};
use super::plain::is_plain;
use super::stored::read_pointer;
use crate::primitive::KeyWord;

/// A key as it is looked for in a bucket.
pub(crate) trait Sought: Copy {
    /// Whether an entry of such a key may keep it behind a pointer.
    const BEHIND: bool;

    /// The form in which an entry keeps the key.
    fn form(self) -> Form;

    /// Whether the published entry at a place has this key.
    ///
    /// The caller saw the lane of an entry of this form there.
    fn is_at<C: Cell>(self, place: Place<'_, C>) -> bool;
}

/// The bytes of a key that is kept in the bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inline<'k>(&'k [u8]);

impl<'k> Inline<'k> {
    /// A key to look for and its hash; `None` if such a key is not kept in the bucket.
    #[inline(always)]
    pub(crate) fn new<K, S>(key: &'k K, hasher: &S) -> Option<(Self, Hash)>
    where
        K: Key + ?Sized,
        S: BuildHasher + 'static,
    {
        let inline = Self::unhashed(key)?;
        let hash = if is_plain::<K>() { Hash::of(key, hasher) } else { Hash::of_bytes(inline.0, hasher) };
        Some((inline, hash))
    }

    /// A key to look for; `None` if an entry keeps such a key in another form.
    #[inline(always)]
    pub(crate) fn unhashed<K: Key + ?Sized>(key: &'k K) -> Option<Self> {
        bytes_of(key).filter(|bytes| bytes.len() <= LONGEST).map(Self)
    }
}

impl Inline<'_> {
    /// Whether an entry of the key takes one granule.
    #[inline(always)]
    pub(crate) fn takes_one(self) -> bool {
        self.0.len() <= ONE
    }

    /// Writes the key of a new entry.
    ///
    /// # Safety
    ///
    /// As for [`Probe::write`].
    #[inline(always)]
    pub(super) unsafe fn write(self, place: *const KeyWord) {
        // SAFETY: as the caller promises; nobody else looks at an entry that is not published.
        unsafe { KeyWord::write(place, |to| copy_bytes(self.0, to)) }
    }
}

impl Sought for Inline<'_> {
    const BEHIND: bool = false;

    #[inline(always)]
    fn form(self) -> Form {
        lane::inline(self.0.len())
    }

    #[inline(always)]
    fn is_at<C: Cell>(self, place: Place<'_, C>) -> bool {
        // SAFETY: the entry is whole, and is not reused while its reader is pinned. Its form says that it has a key of
        // this length.
        unsafe { KeyWord::read(place.key(), |stored| same_bytes(stored, self.0)) }
    }
}

/// The bytes of a key that is kept behind a pointer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Long<'k>(&'k [u8]);

impl<'k> Long<'k> {
    /// A key to look for; `None` if an entry keeps such a key in another form.
    #[inline(always)]
    pub(crate) fn new<K: Key + ?Sized>(key: &'k K) -> Option<Self> {
        // A plain key has few bytes.
        bytes_of(key).filter(|bytes| !is_plain::<K>() && bytes.len() > LONGEST).map(Self)
    }

    #[inline(always)]
    pub(crate) fn hash<S: BuildHasher + 'static>(self, hasher: &S) -> Hash {
        Hash::of_bytes(self.0, hasher)
    }

    /// The [`Probe`] of the same key.
    #[inline(always)]
    pub(crate) fn probe<K: Key + ?Sized>(self, key: &'k K) -> Probe<'k, K> {
        Probe { key, bytes: self.0, form: BLOB }
    }
}

impl Sought for Long<'_> {
    const BEHIND: bool = true;

    #[inline(always)]
    fn form(self) -> Form {
        BLOB
    }

    #[inline(always)]
    fn is_at<C: Cell>(self, place: Place<'_, C>) -> bool {
        // SAFETY: as for a key in the bucket, and the entry points at a blob, which lives as long. The key is long.
        unsafe { is_blob(place.key(), self.0) }
    }
}

/// The bytes of a key, if the key consists of bytes.
pub(super) enum Bytes<'k> {
    Inline(Inline<'k>),
    Long(Long<'k>),
    None,
}

/// A key to look for: its bytes, asked for once, and the form in which an entry would keep it.
#[derive(Debug)]
pub(crate) struct Probe<'k, K: Key + ?Sized> {
    key: &'k K,
    /// The bytes of the key; empty if the key does not consist of bytes.
    bytes: &'k [u8],
    form: Form,
}

// Copied for the slow paths, so that it stays in registers on the fast path.
impl<K: Key + ?Sized> Clone for Probe<'_, K> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Key + ?Sized> Copy for Probe<'_, K> {}

impl<'k, K: Key + ?Sized> Probe<'k, K> {
    /// A key to look for, and its hash.
    #[inline(always)]
    pub(crate) fn new<S: BuildHasher + 'static>(key: &'k K, hasher: &S) -> (Self, Hash) {
        let probe = Self::unhashed(key);
        let hash = if probe.form == BOXED || is_plain::<K>() {
            Hash::of(key, hasher)
        } else {
            Hash::of_bytes(probe.bytes, hasher)
        };
        (probe, hash)
    }

    /// A key to look for.
    #[inline(always)]
    pub(crate) fn unhashed(key: &'k K) -> Self {
        // Asked once: a strange type may give another answer the second time.
        match bytes_of(key) {
            Some(bytes) if bytes.len() <= LONGEST => Self { key, bytes, form: lane::inline(bytes.len()) },
            Some(bytes) => Self { key, bytes, form: BLOB },
            None => Self { key, bytes: &[], form: BOXED },
        }
    }

    /// The bytes of the key, to look for without it.
    #[inline(always)]
    pub(super) fn sought(self) -> Bytes<'k> {
        if !lane::is_behind(self.form) {
            Bytes::Inline(Inline(self.bytes))
        } else if self.form == BLOB {
            Bytes::Long(Long(self.bytes))
        } else {
            Bytes::None
        }
    }

    /// The number of granules that an entry of the key takes.
    pub(super) fn granules(self) -> usize {
        lane::granules(self.form)
    }

    /// The parts of a probe, which are passed in registers to a function that is not inlined. The probe itself would
    /// have to be in memory, also on the fast path.
    #[inline(always)]
    pub(super) fn parts(self) -> (&'k K, &'k [u8], Form) {
        (self.key, self.bytes, self.form)
    }

    /// The inverse of [`parts`](Self::parts).
    #[inline(always)]
    pub(super) fn from_parts((key, bytes, form): (&'k K, &'k [u8], Form)) -> Self {
        Self { key, bytes, form }
    }

    /// Allocates what an entry of the key points at, if anything. Called before the lock is taken, because it
    /// allocates and may panic.
    #[inline(always)]
    pub(super) fn prepare(self) -> Option<Prepared<K>> {
        if lane::is_behind(self.form) { Some(self.prepare_behind()) } else { None }
    }

    #[inline(never)]
    fn prepare_behind(self) -> Prepared<K> {
        if self.form == BLOB {
            Prepared::Blob(Blob::new(self.bytes))
        } else {
            Prepared::Owned(Box::new(self.key.to_owned_key()))
        }
    }

    /// Writes the key of a new entry, for which `prepared` was made.
    ///
    /// # Safety
    ///
    /// `place` is of an entry with as many granules as this key needs, which the caller took and has not yet
    /// published.
    #[inline(always)]
    pub(super) unsafe fn write(self, prepared: Option<Prepared<K>>, place: *const KeyWord) {
        // SAFETY: as the caller promises; nobody else looks at an entry that is not published.
        unsafe {
            KeyWord::write(place, |to| match prepared {
                None => copy_bytes(self.bytes, to),
                Some(Prepared::Blob(blob)) => to.cast::<Blob>().write(blob),
                Some(Prepared::Owned(owned)) => to.cast::<*mut K::Owned>().write(Box::into_raw(owned)),
            });
        }
    }
}

impl<K: Key + ?Sized> Sought for Probe<'_, K> {
    const BEHIND: bool = true;

    #[inline(always)]
    fn form(self) -> Form {
        self.form
    }

    #[inline(always)]
    fn is_at<C: Cell>(self, place: Place<'_, C>) -> bool {
        match self.sought() {
            Bytes::Inline(key) => key.is_at(place),
            Bytes::Long(key) => key.is_at(place),
            // SAFETY: as for a key in the bucket, and the entry points at a box, which lives as long.
            Bytes::None => unsafe { read_pointer::<K::Owned>(place.key()).as_ref() }.borrow() == self.key,
        }
    }
}

/// The bytes of a key, if the key consists of bytes.
#[inline(always)]
fn bytes_of<K: Key + ?Sized>(key: &K) -> Option<&[u8]> {
    if is_plain::<K>() {
        // SAFETY: a plain key is its bytes, all of them defined, and borrowed as long as `key`.
        return Some(unsafe { slice::from_raw_parts((&raw const *key).cast::<u8>(), size_of_val(key)) });
    }
    key.as_bytes()
}

/// The allocation that an entry will point at for its key. Freed on drop, unless it was written to an entry.
pub(crate) enum Prepared<K: Key + ?Sized> {
    Blob(Blob),
    Owned(Box<K::Owned>),
}

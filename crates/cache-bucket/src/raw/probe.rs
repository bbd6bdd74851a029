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

/// What is looked for in a bucket.
pub(crate) trait Sought: Copy {
    /// Whether an entry of it may keep its key behind a pointer.
    const BEHIND: bool;

    /// How an entry of it keeps its key.
    fn form(self) -> Form;

    /// Whether the published entry at a place has this key.
    ///
    /// The caller saw there the lane of an entry of this form.
    fn is_at<C: Cell>(self, place: Place<'_, C>) -> bool;
}

/// The bytes of a key that is kept in the bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inline<'k>(&'k [u8]);

impl<'k> Inline<'k> {
    /// The key, ready to be looked for, and its hash; `None` if it is kept elsewhere.
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

    /// The key, ready to be looked for; `None` if it is kept elsewhere.
    #[inline(always)]
    pub(crate) fn unhashed<K: Key + ?Sized>(key: &'k K) -> Option<Self> {
        bytes_of(key).filter(|bytes| bytes.len() <= LONGEST).map(Self)
    }
}

impl Inline<'_> {
    /// Whether an entry of it takes one granule.
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
    /// The key, ready to be looked for; `None` if it is kept elsewhere.
    #[inline(always)]
    pub(crate) fn new<K: Key + ?Sized>(key: &'k K) -> Option<Self> {
        // The bytes of a plain key are few.
        bytes_of(key).filter(|bytes| !is_plain::<K>() && bytes.len() > LONGEST).map(Self)
    }

    #[inline(always)]
    pub(crate) fn hash<S: BuildHasher + 'static>(self, hasher: &S) -> Hash {
        Hash::of_bytes(self.0, hasher)
    }

    /// The same, as other functions want it.
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

/// The bytes that are a key, if it is any.
pub(super) enum Bytes<'k> {
    Inline(Inline<'k>),
    Long(Long<'k>),
    None,
}

/// A key as it is looked for: its bytes taken once, and how an entry of it would be kept.
#[derive(Debug)]
pub(crate) struct Probe<'k, K: Key + ?Sized> {
    key: &'k K,
    /// The bytes that are the key; none if it is no bytes.
    bytes: &'k [u8],
    form: Form,
}

// Copied into the paths that are seldom taken, so that in the others it stays in registers.
impl<K: Key + ?Sized> Clone for Probe<'_, K> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Key + ?Sized> Copy for Probe<'_, K> {}

impl<'k, K: Key + ?Sized> Probe<'k, K> {
    /// The key, ready to be looked for, and its hash.
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

    /// The key, ready to be looked for.
    #[inline(always)]
    pub(crate) fn unhashed(key: &'k K) -> Self {
        // Asked once: what a strange type answers the second time must not matter.
        match bytes_of(key) {
            Some(bytes) if bytes.len() <= LONGEST => Self { key, bytes, form: lane::inline(bytes.len()) },
            Some(bytes) => Self { key, bytes, form: BLOB },
            None => Self { key, bytes: &[], form: BOXED },
        }
    }

    /// The bytes that are the key, ready to be looked for by themselves.
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

    /// How many granules an entry of the key takes.
    pub(super) fn granules(self) -> usize {
        lane::granules(self.form)
    }

    /// What it is made of, to be passed in registers to a function that is not inlined. Were the probe itself
    /// passed, it would have to be in memory, on the way that is taken always.
    #[inline(always)]
    pub(super) fn parts(self) -> (&'k K, &'k [u8], Form) {
        (self.key, self.bytes, self.form)
    }

    /// The inverse of [`parts`](Self::parts).
    #[inline(always)]
    pub(super) fn from_parts((key, bytes, form): (&'k K, &'k [u8], Form)) -> Self {
        Self { key, bytes, form }
    }

    /// Makes what an entry of the key points at, if it does, before the lock is taken: this allocates and may panic.
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

    /// Writes the key of a new entry, for which this was prepared.
    ///
    /// # Safety
    ///
    /// `place` is of an entry that has this key's granules, that the caller took and did not publish yet.
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

/// The bytes that are a key, if it is any.
#[inline(always)]
fn bytes_of<K: Key + ?Sized>(key: &K) -> Option<&[u8]> {
    if is_plain::<K>() {
        // SAFETY: a plain key is its bytes, all of them defined, and borrowed as long as `key`.
        return Some(unsafe { slice::from_raw_parts((&raw const *key).cast::<u8>(), size_of_val(key)) });
    }
    key.as_bytes()
}

/// What an entry points at for its key, ready to be pointed at. Dropped unwritten, it frees it.
pub(crate) enum Prepared<K: Key + ?Sized> {
    Blob(Blob),
    Owned(Box<K::Owned>),
}

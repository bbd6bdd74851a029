use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::borrow::Borrow;
use std::hash::BuildHasher;
use std::mem::{MaybeUninit, size_of_val};
use std::ptr::NonNull;
use std::slice;

use cache_core::Key;

use super::bucket::{Bucket, Place};
use super::cell::Cell;
use super::hash::Hash;
use super::lane::{self, BLOB, BOXED, Form, LONGEST};
use super::plain::is_plain;
use crate::arch;
use crate::primitive::KeyWord;
use crate::reclaim::Retired;

/// What is looked for in a bucket.
pub(super) trait Sought: Copy {
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
        let bytes = bytes_of(key)?;
        if bytes.len() > LONGEST {
            return None;
        }
        let hash = if is_plain::<K>() { Hash::of(key, hasher) } else { Hash::of_bytes(bytes, hasher) };
        Some((Self(bytes), hash))
    }
}

impl Sought for Inline<'_> {
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
    #[inline(always)]
    fn form(self) -> Form {
        self.form
    }

    #[inline(always)]
    fn is_at<C: Cell>(self, place: Place<'_, C>) -> bool {
        if !lane::is_behind(self.form) {
            return Inline(self.bytes).is_at(place);
        }
        let place = place.key();
        if self.form == BLOB {
            // SAFETY: as for a key in the bucket, and the entry points at a blob, which lives as long.
            unsafe { is_blob(place, self.bytes) }
        } else {
            // SAFETY: as above, of a box.
            unsafe { read_pointer::<K::Owned>(place).as_ref() }.borrow() == self.key
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
pub(super) enum Prepared<K: Key + ?Sized> {
    Blob(Blob),
    Owned(Box<K::Owned>),
}

/// Calls `f` with the key of a published entry; `None` if its bytes are no key after all.
///
/// # Safety
///
/// The entry was seen under a pin that still lasts, in a table whose keys are of type `K`.
pub(super) unsafe fn with_key<K, C, R>(
    bucket: &Bucket<C>,
    granule: usize,
    form: Form,
    f: impl FnOnce(&K) -> R,
) -> Option<R>
where
    K: Key + ?Sized,
    C: Cell,
{
    let place = bucket.key(granule);
    // SAFETY: the entry is whole and stays so, as the caller promises, and its form says what it holds. A plain key
    // was written with the bytes of a `K`, which is its own owned form.
    unsafe {
        match form {
            BOXED => Some(f(read_pointer::<K::Owned>(place).as_ref().borrow())),
            BLOB => K::from_bytes(Blob::read(place).bytes()).map(f),
            _ if is_plain::<K>() => KeyWord::read(place, |stored| {
                let mut key = MaybeUninit::<K::Owned>::uninit();
                stored.copy_to_nonoverlapping(key.as_mut_ptr().cast(), size_of::<K::Owned>());
                Some(f(key.assume_init_ref().borrow()))
            }),
            _ => KeyWord::read(place, |stored| {
                let bytes = slice::from_raw_parts(stored, lane::length(form));
                K::from_bytes(bytes).map(f)
            }),
        }
    }
}

/// The hash of the key of a published entry.
///
/// # Safety
///
/// As for [`with_key`].
pub(super) unsafe fn hash_of<K, C, S>(bucket: &Bucket<C>, granule: usize, form: Form, hasher: &S) -> Hash
where
    K: Key + ?Sized,
    C: Cell,
    S: BuildHasher + 'static,
{
    let place = bucket.key(granule);
    if form == BOXED || is_plain::<K>() {
        // SAFETY: as the caller promises.
        unsafe { with_key::<K, C, _>(bucket, granule, form, |key| Hash::of(key, hasher)) }
            .expect("a key that is no bytes is always one")
    } else if form == BLOB {
        // SAFETY: the form says so.
        Hash::of_bytes(unsafe { Blob::read(place) }.bytes(), hasher)
    } else {
        // SAFETY: as in `with_key`.
        unsafe {
            KeyWord::read(place, |stored| {
                let bytes = slice::from_raw_parts(stored, lane::length(form));
                Hash::of_bytes(bytes, hasher)
            })
        }
    }
}

/// Whether two entries of one form are copies: of an entry that was moved while both were looked at.
///
/// # Safety
///
/// As for [`with_key`], for both.
pub(super) unsafe fn same_key(a: *const KeyWord, b: *const KeyWord, form: Form) -> bool {
    // SAFETY: as the caller promises, both reach that far. Copies have the same bytes, a pointer's included.
    unsafe {
        KeyWord::read(a, |a| {
            KeyWord::read(b, |b| {
                slice::from_raw_parts(a, stored(form)) == slice::from_raw_parts(b, stored(form))
            })
        })
    }
}

/// How many bytes an entry of this form keeps for its key: the key itself, or a pointer.
fn stored(form: Form) -> usize {
    if lane::is_behind(form) { size_of::<*mut ()>() } else { lane::length(form) }
}

/// What must be dropped when the entry at `place`, just unlinked, is out of sight.
///
/// # Safety
///
/// As for [`with_key`]; and it is asked once for each entry.
pub(super) unsafe fn retire_key<K: Key + ?Sized>(place: *const KeyWord, form: Form) -> Option<Retired> {
    // SAFETY: the form says what the entry points at. Owned keys are `Send`.
    unsafe {
        match form {
            BLOB => Some(Retired::new(Blob::read(place).0.as_ptr().cast(), Blob::free)),
            BOXED => {
                let owned = read_pointer::<K::Owned>(place);
                Some(Retired::new(owned.as_ptr().cast(), free_box::<K::Owned>))
            }
            _ => None,
        }
    }
}

/// Copies the key of an entry of so many granules to a new one.
///
/// # Safety
///
/// `from` is of a published entry under a lock or pin, and has as many granules; `to` as for [`Probe::write`].
#[inline(always)]
pub(super) unsafe fn copy_key(from: *const KeyWord, to: *const KeyWord, granules: usize) {
    // All that the entry has room for: whole words are copied faster. What was never written is zero.
    let words = 2 * granules - 1;
    // SAFETY: as the caller promises, both reach that far, and nobody else looks at `to`. Copied as a possibly
    // uninitialized word, a pointer keeps its provenance.
    unsafe {
        KeyWord::read(from, |from| {
            KeyWord::write(to, |to| {
                for i in 0..words {
                    let word = from.cast::<MaybeUninit<u64>>().add(i).read();
                    to.cast::<MaybeUninit<u64>>().add(i).write(word);
                }
            });
        });
    }
}

/// Whether the blob that an entry points at is these bytes, of which there are more than [`LONGEST`].
#[inline(always)]
unsafe fn is_blob(place: *const KeyWord, bytes: &[u8]) -> bool {
    // SAFETY: the caller knows that the entry holds a blob.
    let blob = unsafe { Blob::read(place) };
    let stored = blob.bytes();
    // SAFETY: as many bytes are stored, and more than `LONGEST`.
    stored.len() == bytes.len() && unsafe { same_long(stored.as_ptr(), bytes) }
}

/// Whether a stored key that is as long as `bytes` is these bytes, of which there are more than [`LONGEST`].
///
/// Without a call: who calls nothing saves no registers, see `map::quick`.
#[inline(always)]
unsafe fn same_long(stored: *const u8, bytes: &[u8]) -> bool {
    const PART: usize = 64;
    const { assert!(PART <= LONGEST) };
    let wanted = bytes.as_ptr();
    // SAFETY: both have as many bytes, and no part reaches beyond.
    let same = |at: usize| unsafe {
        let part = |i: usize| arch::same_16(stored.add(at + i), wanted.add(at + i));
        (part(0) & part(16) & part(32) & part(48)).all()
    };
    // The last part overlaps with the one before.
    let last = bytes.len() - PART;
    let mut at = 0;
    while at < last {
        if !same(at) {
            return false;
        }
        at += PART;
    }
    same(last)
}

/// Frees a box that an entry pointed at.
unsafe fn free_box<T>(owned: *mut ()) {
    // SAFETY: it came from `Box::into_raw`, and is out of everyone's sight.
    drop(unsafe { Box::from_raw(owned.cast::<T>()) });
}

/// The pointer that an entry keeps for a key.
unsafe fn read_pointer<T>(place: *const KeyWord) -> NonNull<T> {
    // SAFETY: the caller knows that the entry holds one.
    unsafe { KeyWord::read(place, |stored| stored.cast::<NonNull<T>>().read()) }
}

/// Whether a stored key that is as long as `bytes` is these bytes. At most [`LONGEST`] of them.
#[inline(always)]
unsafe fn same_bytes(stored: *const u8, bytes: &[u8]) -> bool {
    let n = bytes.len();
    let wanted = bytes.as_ptr();
    // Without a loop, in parts that overlap where the length is no multiple: all are compared at once.
    // SAFETY: both have `n` bytes, and no part reaches beyond.
    unsafe {
        let part = |i: usize| arch::same_16(stored.add(i), wanted.add(i));
        let word = |of: *const u8, i: usize| of.add(i).cast::<u64>().read_unaligned();
        let half = |of: *const u8, i: usize| u64::from(of.add(i).cast::<u32>().read_unaligned());
        let byte = |of: *const u8, i: usize| u64::from(of.add(i).read());
        if n >= 16 {
            let mut same = part(0) & part(n - 16);
            if n > 32 {
                same = same & part(16);
                if n > 48 {
                    same = same & part(32) & part(n - 32);
                }
            }
            same.all()
        } else if n >= 8 {
            (word(stored, 0) ^ word(wanted, 0)) | (word(stored, n - 8) ^ word(wanted, n - 8)) == 0
        } else if n >= 4 {
            let whole = |of| half(of, 0) | half(of, n - 4) << 32;
            whole(stored) == whole(wanted)
        } else {
            // These three are all there are.
            let whole = |of| byte(of, 0) | byte(of, n / 2) << 8 | byte(of, n - 1) << 16;
            n == 0 || whole(stored) == whole(wanted)
        }
    }
}

/// Copies at most [`LONGEST`] bytes, without calling for it.
#[inline(always)]
unsafe fn copy_bytes(bytes: &[u8], to: *mut u8) {
    let n = bytes.len();
    let from = bytes.as_ptr();
    // In parts that overlap where the length is no multiple.
    // SAFETY: `bytes` has `n` bytes, the caller has as many at `to`, and no part reaches beyond.
    unsafe {
        let part = |i: usize| {
            to.add(i).cast::<u128>().write_unaligned(from.add(i).cast::<u128>().read_unaligned());
        };
        let word = |i: usize| {
            to.add(i).cast::<u64>().write_unaligned(from.add(i).cast::<u64>().read_unaligned());
        };
        if n >= 16 {
            let mut i = 0;
            while i + 16 < n {
                part(i);
                i += 16;
            }
            part(n - 16);
        } else if n >= 8 {
            word(0);
            word(n - 8);
        } else {
            for i in 0..n {
                to.add(i).write(from.add(i).read());
            }
        }
    }
}

/// A pointer to the bytes of a long key, after their length.
pub(super) struct Blob(NonNull<usize>);

impl Blob {
    fn layout(length: usize) -> Layout {
        // A slice of this length exists, so there is room for a word more.
        Layout::from_size_align(size_of::<usize>() + length, align_of::<usize>())
            .expect("a key in memory is not near isize::MAX bytes long")
    }

    fn new(bytes: &[u8]) -> Self {
        let layout = Self::layout(bytes.len());
        // SAFETY: the layout has a word at least; what is written fits in it.
        unsafe {
            let Some(start) = NonNull::new(alloc(layout).cast::<usize>()) else { handle_alloc_error(layout) };
            start.write(bytes.len());
            start.add(1).cast::<u8>().as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            Blob(start)
        }
    }

    /// The blob that an entry points at, without owning it.
    unsafe fn read(place: *const KeyWord) -> std::mem::ManuallyDrop<Blob> {
        // SAFETY: the caller knows that the entry holds a blob.
        std::mem::ManuallyDrop::new(Blob(unsafe { read_pointer(place) }))
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: `new` wrote the length, and as many bytes after it.
        unsafe { slice::from_raw_parts(self.0.add(1).cast().as_ptr(), self.0.read()) }
    }

    unsafe fn free(blob: *mut ()) {
        // SAFETY: the pointer is that of a blob whose entry is out of sight.
        drop(Blob(unsafe { NonNull::new_unchecked(blob.cast()) }));
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.0.as_ptr().cast(), Self::layout(self.bytes().len())) }
    }
}

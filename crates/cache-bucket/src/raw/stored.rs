//! The keys of entries: reading, hashing, copying, retiring.

use std::borrow::Borrow;
use std::hash::{BuildHasher, DefaultHasher, Hasher};
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

use cache_core::Key;

use super::blob::Blob;
use super::bucket::Bucket;
use super::cell::Cell;
use super::hash::Hash;
use super::lane::{self, BLOB, BOXED, Form};
use super::plain::is_plain;
use crate::primitive::KeyWord;
use crate::reclaim::Retired;

/// Calls `f` with the key of a published entry; `None` if `K` rejects its bytes.
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
    // SAFETY: the entry is complete and stays so, as the caller promises, and its form says what it holds. A plain
    // key was written with the bytes of a `K`, which is its own owned form.
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
            .expect("a boxed or plain key is always valid")
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

/// Whether two entries of one form are copies of one entry that was moved while both were looked at.
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

/// A hash that copies of one entry have in common.
///
/// # Safety
///
/// As for [`with_key`].
pub(super) unsafe fn print_of(place: *const KeyWord, form: Form) -> u64 {
    let mut hasher = DefaultHasher::new();
    // SAFETY: as the caller promises, and the entry's form says how far it reaches.
    unsafe { KeyWord::read(place, |key| hasher.write(slice::from_raw_parts(key, stored(form)))) };
    hasher.finish() ^ u64::from(form)
}

/// The number of bytes that an entry of this form keeps for its key: the key itself, or a pointer.
fn stored(form: Form) -> usize {
    if lane::is_behind(form) { size_of::<*mut ()>() } else { lane::length(form) }
}

/// Returns what must be dropped when the entry at `place`, just unlinked, is out of sight.
///
/// # Safety
///
/// As for [`with_key`]; and it is called once for each entry.
pub(super) unsafe fn retire_key<K: Key + ?Sized>(place: *const KeyWord, form: Form) -> Option<Retired> {
    // SAFETY: the form says what the entry points at. Owned keys are `Send`.
    unsafe {
        match form {
            BLOB => Some(Retired::new(Blob::read(place).as_ptr(), Blob::free)),
            BOXED => {
                let owned = read_pointer::<K::Owned>(place);
                Some(Retired::new(owned.as_ptr().cast(), free_box::<K::Owned>))
            }
            _ => None,
        }
    }
}

/// Copies the key of an entry of `granules` granules to a new entry.
///
/// # Safety
///
/// `from` is of a published entry of this many granules under a lock or pin; `to` is as for
/// [`Probe::write`](super::probe::Probe::write).
#[inline(always)]
pub(super) unsafe fn copy_key(from: *const KeyWord, to: *const KeyWord, granules: usize) {
    // Copies all bytes that the entry has room for: whole words are faster. Bytes that were never written are zero.
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

/// Frees a box that an entry pointed at.
///
/// # Safety
///
/// `owned` came from `Box::<T>::into_raw`, and its entry is out of everyone's sight.
unsafe fn free_box<T>(owned: *mut ()) {
    // SAFETY: as the caller promises.
    drop(unsafe { Box::from_raw(owned.cast::<T>()) });
}

/// Reads the pointer that an entry keeps for a key.
///
/// # Safety
///
/// `place` is the key's place of an entry that holds a pointer to a `T`, seen under a pin that lasts.
pub(super) unsafe fn read_pointer<T>(place: *const KeyWord) -> NonNull<T> {
    // SAFETY: the caller knows that the entry holds a pointer.
    unsafe { KeyWord::read(place, |stored| stored.cast::<NonNull<T>>().read()) }
}

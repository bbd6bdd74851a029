//! The bytes of keys, compared and copied without a call.

use super::lane::LONGEST;
use crate::arch;

/// Whether a stored key that is as long as `bytes` equals them. There are at most [`LONGEST`].
///
/// # Safety
///
/// As many bytes as `bytes` has can be read at `stored`, and nobody writes to them.
#[inline(always)]
pub(super) unsafe fn same_bytes(stored: *const u8, bytes: &[u8]) -> bool {
    let n = bytes.len();
    let wanted = bytes.as_ptr();
    // No loop: parts that overlap where the length is no multiple, all compared at once.
    // SAFETY: both have `n` bytes, and no part reaches beyond them.
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
            // Up to three bytes: these three cover all.
            let whole = |of| byte(of, 0) | byte(of, n / 2) << 8 | byte(of, n - 1) << 16;
            n == 0 || whole(stored) == whole(wanted)
        }
    }
}

/// Whether a stored key that is as long as `bytes` equals them. There are more than [`LONGEST`].
///
/// It makes no call: a function without calls saves no registers, see `map/fast.rs`.
///
/// # Safety
///
/// As for [`same_bytes`]; and there are more than [`LONGEST`].
#[inline(always)]
pub(super) unsafe fn same_long(stored: *const u8, bytes: &[u8]) -> bool {
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

/// Copies at most [`LONGEST`] bytes, without a call.
///
/// # Safety
///
/// As many bytes can be written at `to`, and nobody else looks at them.
#[inline(always)]
pub(super) unsafe fn copy_bytes(bytes: &[u8], to: *mut u8) {
    let n = bytes.len();
    let from = bytes.as_ptr();
    // In parts, which overlap where the length is no multiple.
    // SAFETY: `bytes` has `n` bytes, the caller has as many at `to`, and no part reaches beyond them.
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
        } else if n >= 4 {
            let half = |i: usize| {
                to.add(i).cast::<u32>().write_unaligned(from.add(i).cast::<u32>().read_unaligned());
            };
            half(0);
            half(n - 4);
        } else if n > 0 {
            // Up to three bytes: these three cover all.
            let byte = |i: usize| to.add(i).write(from.add(i).read());
            byte(0);
            byte(n / 2);
            byte(n - 1);
        }
    }
}

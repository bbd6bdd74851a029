//! For x86-64: compares lanes in a vector register, and prefetches.

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, _MM_HINT_T0, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpeq_epi16, _mm_cmpgt_epi16, _mm_loadu_si128,
    _mm_movemask_epi8, _mm_or_si128, _mm_prefetch, _mm_set_epi64x, _mm_set1_epi16, _mm_setzero_si128,
    _mm_sub_epi16,
};
use std::ops::BitAnd;

use crate::primitive::AtomicU64;

/// Finds which of eight lanes of 16 bits equal `lane`, as a mask of two bits for each. Every load acquires.
#[inline(always)]
pub(crate) fn matches(words: &[AtomicU64; 2], lane: u16) -> u32 {
    // SAFETY: every x86-64 has SSE2.
    let mut lanes: __m128i = unsafe { _mm_set1_epi16(lane as i16) };
    // SAFETY: `words` is 16 readable bytes, aligned to 16, as each pair of words of a bucket's header is. Each half
    // of an aligned 16-byte load is an atomic 8-byte load on every x86-64, and every load acquires there. So this
    // does what two `AtomicU64::load(Acquire)` and a comparison do, no more. It is not marked `readonly`: later loads
    // could then move before it, and it would no longer acquire.
    unsafe {
        asm!(
            "pcmpeqw {lanes}, xmmword ptr [{words}]",
            lanes = inout(xmm_reg) lanes,
            words = in(reg) words.as_ptr(),
            options(nostack, preserves_flags),
        );
        _mm_movemask_epi8(lanes) as u32
    }
}

/// Finds which of eight lanes of 16 bits an insert may use in the epoch `now`, as a mask of two bits for each: lanes
/// that are 0, and dead lanes, which have the top bit and died at least `epochs` epochs ago. No lane's epoch is later
/// than `now`.
#[inline(always)]
pub(crate) fn usable(words: [u64; 2], epochs: u64, now: u64) -> u32 {
    let [low, high] = words.map(|word| word as i64);
    // SAFETY: every x86-64 has SSE2.
    unsafe {
        let (lanes, zero) = (_mm_set_epi64x(high, low), _mm_setzero_si128());
        let free = _mm_cmpeq_epi16(lanes, zero);
        let age = _mm_and_si128(_mm_sub_epi16(_mm_set1_epi16(now as i16), lanes), _mm_set1_epi16(i16::MAX));
        let old = _mm_cmpgt_epi16(age, _mm_set1_epi16(epochs as i16 - 1));
        let dead = _mm_cmpgt_epi16(zero, lanes);
        _mm_movemask_epi8(_mm_or_si128(free, _mm_and_si128(old, dead))) as u32
    }
}

/// Prefetches the cache line at `address`, which need not be valid.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    // SAFETY: a prefetch faults on no address, and every x86-64 has SSE.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

/// The bytes that are the same, of 16.
#[derive(Clone, Copy)]
pub(crate) struct Same(__m128i);

/// Compares 16 bytes with 16 others.
///
/// # Safety
///
/// Both can be read, and no thread writes to them.
#[inline(always)]
pub(crate) unsafe fn same_16(a: *const u8, b: *const u8) -> Same {
    // SAFETY: as the caller promises; every x86-64 has SSE2.
    unsafe { Same(_mm_cmpeq_epi8(_mm_loadu_si128(a.cast()), _mm_loadu_si128(b.cast()))) }
}

impl Same {
    /// Whether all bytes are the same.
    #[inline(always)]
    pub(crate) fn all(self) -> bool {
        // SAFETY: every x86-64 has SSE2.
        unsafe { _mm_movemask_epi8(self.0) == 0xffff }
    }
}

impl BitAnd for Same {
    type Output = Same;

    #[inline(always)]
    fn bitand(self, other: Same) -> Same {
        // SAFETY: every x86-64 has SSE2.
        Same(unsafe { _mm_and_si128(self.0, other.0) })
    }
}

//! x86-64: tags compared in a vector register, and prefetching.

use std::arch::x86_64::{
    _MM_HINT_T0, _mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_movemask_epi8, _mm_prefetch,
};

/// Which bytes of `word` equal `tag`, as a mask of eight bits.
#[inline(always)]
pub(crate) fn matches(word: u64, tag: u8) -> u32 {
    let wide = u64::from(tag) * 0x0101_0101_0101_0101;
    // SAFETY: every x86-64 has SSE2.
    let mask = unsafe {
        let equal = _mm_cmpeq_epi8(_mm_cvtsi64_si128(word as i64), _mm_cvtsi64_si128(wide as i64));
        _mm_movemask_epi8(equal)
    };
    mask as u32 & 0xff
}

/// Asks for the cache line at `address`, which need not be valid.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    // SAFETY: a prefetch faults on no address, and every x86-64 has SSE.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

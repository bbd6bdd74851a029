//! For any processor: compares lanes four at a time in a 64-bit word.

use std::ops::BitAnd;

use crate::primitive::{AtomicU64, Ordering};
use crate::seeded;

const ONES: u64 = 0x0001_0001_0001_0001;
const LOWS: u64 = 0x7fff * ONES;
/// Gathers the lowest bit of lane `i` as bit `48 + 2 * i`.
const GATHER: u64 = 1 << 48 | 1 << 34 | 1 << 20 | 1 << 6;

/// Finds which of eight lanes of 16 bits equal `lane`, as a mask of two bits for each. Every load acquires.
#[inline(always)]
pub(crate) fn matches(words: &[AtomicU64; 2], lane: u16) -> u32 {
    let four = |word: &AtomicU64| {
        let difference = word.load(seeded::ordering(Ordering::Acquire, "match")) ^ u64::from(lane) * ONES;
        // A lane's top bit here says that the lane is zero. No carry crosses a lane, so it is exact.
        let zero = !(((difference & LOWS) + LOWS) | difference | LOWS);
        (zero >> 15).wrapping_mul(GATHER) >> 48 & 0x55
    };
    let mask = four(&words[0]) | four(&words[1]) << 8;
    (mask | mask << 1) as u32
}

/// Finds which of eight lanes of 16 bits an insert may use in the epoch `now`, as a mask of two bits for each: lanes
/// that are 0, and dead lanes, which have the top bit and died at least `epochs` epochs ago. No lane's epoch is later
/// than `now`.
#[inline(always)]
pub(crate) fn usable(words: [u64; 2], epochs: u64, now: u64) -> u32 {
    (0..8).fold(0, |mask, i| {
        let lane = (words[i / 4] >> (i % 4 * 16)) as u16;
        let old = u64::from((now as u16).wrapping_sub(lane) & 0x7fff) >= epochs;
        mask | (u32::from(lane == 0 || lane & 0x8000 != 0 && old) * 3) << (2 * i)
    })
}

/// Does nothing: there is no portable prefetch.
#[inline(always)]
pub(crate) fn prefetch<T>(_address: *const T) {}

/// The bits in which 16 bytes differ from 16 others.
#[derive(Clone, Copy)]
pub(crate) struct Same(u128);

/// Compares 16 bytes with 16 others.
///
/// # Safety
///
/// Both can be read, and no thread writes to them.
#[inline(always)]
pub(crate) unsafe fn same_16(a: *const u8, b: *const u8) -> Same {
    // SAFETY: as the caller promises.
    unsafe { Same(a.cast::<u128>().read_unaligned() ^ b.cast::<u128>().read_unaligned()) }
}

impl Same {
    /// Whether all bytes are the same.
    #[inline(always)]
    pub(crate) fn all(self) -> bool {
        self.0 == 0
    }
}

impl BitAnd for Same {
    type Output = Same;

    #[inline(always)]
    fn bitand(self, other: Same) -> Same {
        Same(self.0 | other.0)
    }
}

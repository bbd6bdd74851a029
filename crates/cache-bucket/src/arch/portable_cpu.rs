//! Any processor: tags compared eight at a time in a 64-bit word.

const ONES: u64 = 0x0101_0101_0101_0101;
const LOWS: u64 = 0x7f * ONES;
/// Gathers the lowest bit of every byte in the top byte, in order.
const GATHER: u64 = 0x0102_0408_1020_4080;

/// Which bytes of `word` equal `tag`, as a mask of eight bits.
#[inline(always)]
pub(crate) fn matches(word: u64, tag: u8) -> u32 {
    let difference = word ^ u64::from(tag) * ONES;
    // A byte's top bit here says that the byte is zero. No carry crosses a byte, so it is exact.
    let zero = !(((difference & LOWS) + LOWS) | difference | LOWS);
    ((zero >> 7).wrapping_mul(GATHER) >> 56) as u32
}

/// Does nothing: there is no portable prefetch.
#[inline(always)]
pub(crate) fn prefetch<T>(_address: *const T) {}

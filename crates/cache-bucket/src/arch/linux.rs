//! For Linux: `membarrier(2)`, and large pages by advice.

use std::ffi::{c_int, c_long, c_void};

const REGISTER_PRIVATE_EXPEDITED: c_int = 1 << 4;
const PRIVATE_EXPEDITED: c_int = 1 << 3;

fn membarrier(command: c_int) -> c_long {
    // SAFETY: the call takes three integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0_u32, 0) }
}

/// Registers this process for [`heavy_barrier`]; `false` if the system refuses.
///
/// Old kernels refuse, and so do sandboxes that filter system calls.
pub(crate) fn register_heavy_barrier() -> bool {
    membarrier(REGISTER_PRIVATE_EXPEDITED) == 0
}

/// Makes every running thread of this process execute a full fence; `false` if that failed.
pub(crate) fn heavy_barrier() -> bool {
    membarrier(PRIVATE_EXPEDITED) == 0
}

/// Asks the system for large pages behind these bytes. This is advice: the system may have none.
pub(crate) fn want_large_pages(start: *mut u8, bytes: usize) {
    // SAFETY: the range lies within one allocation of ours, and this advice changes no contents.
    unsafe { libc::madvise(start.cast::<c_void>(), bytes, libc::MADV_HUGEPAGE) };
}

/// Asks the system to map pages behind these bytes now, all at once, instead of one at each first write. The pages
/// keep their contents. This is advice: kernels before 5.14 do not know it.
pub(crate) fn populate(start: *mut u8, bytes: usize) {
    // SAFETY: the range lies within one allocation of ours, and this advice changes no contents.
    unsafe { libc::madvise(start.cast::<c_void>(), bytes, libc::MADV_POPULATE_WRITE) };
}

/// Nanoseconds since an arbitrary moment.
pub(crate) fn nanoseconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to `now`, which outlives it. It cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

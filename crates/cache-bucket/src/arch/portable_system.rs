//! For any system: no barrier on other threads, and pages as they come.

use std::sync::OnceLock;
use std::time::Instant;

/// Refuses, so that every pin has a fence of its own.
pub(crate) fn register_heavy_barrier() -> bool {
    false
}

/// Never called after [`register_heavy_barrier`] refused.
pub(crate) fn heavy_barrier() -> bool {
    false
}

/// Does nothing.
pub(crate) fn want_large_pages(_start: *mut u8, _bytes: usize) {}

/// Does nothing.
pub(crate) fn populate(_start: *mut u8, _bytes: usize) {}

/// Nanoseconds since an arbitrary moment; always 0 under loom, which has no time.
pub(crate) fn nanoseconds() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    if cfg!(loom) { 0 } else { START.get_or_init(Instant::now).elapsed().as_nanos() as u64 }
}

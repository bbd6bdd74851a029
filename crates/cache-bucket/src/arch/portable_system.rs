//! Any system: no barrier on other threads' behalf, and pages as they come.

/// Refuses: every pin then has a fence of its own.
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

use std::sync::atomic::{AtomicUsize, Ordering};

/// Tracks the capacity of a cache whose map does not report one: the largest capacity that was requested.
///
/// Used by backends only.
///
/// # Examples
///
/// ```
/// let room = cache_core::Room::new(100);
/// assert_eq!(room.capacity(7), 100);
/// room.asked(250);
/// assert_eq!(room.capacity(7), 250);
/// assert_eq!(room.capacity(300), 300);
/// ```
#[derive(Debug, Default)]
pub struct Room(AtomicUsize);

impl Room {
    /// Creates the record of a cache that was built with this capacity.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_core::Room::new(8).capacity(0), 8);
    /// ```
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self(AtomicUsize::new(capacity))
    }

    /// Records a request for a total capacity of `keys`.
    ///
    /// # Examples
    ///
    /// ```
    /// let room = cache_core::Room::new(8);
    /// room.asked(4);
    /// assert_eq!(room.capacity(0), 8);
    /// ```
    pub fn asked(&self, keys: usize) {
        self.0.fetch_max(keys, Ordering::Relaxed);
    }

    /// Returns the capacity of a cache with `len` keys.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_core::Room::new(8).capacity(9), 9);
    /// ```
    #[must_use]
    pub fn capacity(&self, len: usize) -> usize {
        self.0.load(Ordering::Relaxed).max(len)
    }
}

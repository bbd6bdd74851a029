use std::sync::atomic::{AtomicUsize, Ordering};

/// The capacity of a cache over a map that does not tell its own: the room that was last asked for.
///
/// For backends; of no use to callers.
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
    /// That of a cache built with room for this many keys.
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

    /// Notes that room for this many keys in all was asked for.
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

    /// The capacity of a cache with `len` keys.
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

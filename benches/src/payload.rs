//! Bytes that an object has beside it, and a count of the objects that are alive.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

/// Payloads that were made and not dropped, in the whole process.
static ALIVE: AtomicI64 = AtomicI64::new(0);

/// Bytes in an allocation of their own.
///
/// All of them are written to, so they are resident.
///
/// # Examples
///
/// ```
/// use hotcache_bench::payload::Payload;
///
/// let payload = Payload::new(1_000);
/// assert_eq!((payload.len(), Payload::alive()), (1_000, 1));
/// drop(payload);
/// assert_eq!(Payload::alive(), 0);
/// ```
pub struct Payload(Box<[u8]>);

impl Payload {
    /// A payload of this many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        // Zeros would get no pages before they are written to.
        Self(vec![0xa5; bytes].into())
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many payloads of this process are alive.
    #[must_use]
    pub fn alive() -> i64 {
        ALIVE.load(Ordering::Relaxed)
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Payload {
    /// The length alone: a megabyte is no message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::GRACE;
use crate::seeded;

/// An unlinked object, and how to drop it once no thread can see it.
pub(crate) struct Retired {
    what: *mut (),
    drop: unsafe fn(*mut ()),
    epoch: u64,
}

// SAFETY: `Retired::new` requires that the object may be dropped on any thread.
unsafe impl Send for Retired {}

impl Retired {
    /// Describes `what` as garbage, on which `drop` is called later.
    ///
    /// # Safety
    ///
    /// `drop(what)` must be sound on any thread, at any later time, once; and no new reader can find `what`.
    pub(crate) unsafe fn new(what: *mut (), drop: unsafe fn(*mut ())) -> Self {
        Self { what, drop, epoch: 0 }
    }

    /// Records that the object was unlinked in this epoch or earlier.
    pub(crate) fn stamp(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// The epoch in which the object was unlinked, or a later one.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether no thread can see the object any more when the epoch is `now`.
    pub(crate) fn expired(&self, now: u64) -> bool {
        is_past(self.epoch, now)
    }

    fn free(self) {
        // SAFETY: `new` promised it, and `self` is consumed.
        unsafe { (self.drop)(self.what) }
    }
}

/// Whether an object that was unlinked in `epoch` is out of sight in `now`.
fn is_past(epoch: u64, now: u64) -> bool {
    let grace = if seeded::bug("grace") { GRACE - 1 } else { GRACE };
    epoch + grace <= now || seeded::bug("no-grace")
}

impl fmt::Debug for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retired").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Frees all objects, even if some drops panic. The first panic is resumed when all are freed.
pub(crate) fn free_all(retired: impl IntoIterator<Item = Retired>) {
    let mut first: Option<Box<dyn Any + Send>> = None;
    for each in retired {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| each.free())) {
            match first {
                None => first = Some(panic),
                Some(_) => drop_payload(panic),
            }
        }
    }
    if let Some(panic) = first {
        resume_unwind(panic);
    }
}

/// Drops the payload of a panic. That may panic in turn; then the second payload is leaked, unless it is a message,
/// because there might be no end.
pub(super) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        if !panic.is::<&'static str>() && !panic.is::<String>() {
            std::mem::forget(panic);
        }
    }
}

/// The shared garbage, by epoch: what ended threads left, what was taken from the bags of idle threads, and whole
/// tables.
#[derive(Debug)]
pub(super) struct Shared(BTreeMap<u64, Vec<Retired>>);

impl Shared {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn add(&mut self, retired: impl IntoIterator<Item = Retired>) {
        for each in retired {
            self.0.entry(each.epoch()).or_default().push(each);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out the expired objects.
    pub(super) fn take(&mut self, now: u64) -> Vec<Retired> {
        let mut expired = Vec::new();
        while let Some(oldest) = self.0.first_entry() {
            if !is_past(*oldest.key(), now) {
                break;
            }
            expired.append(&mut oldest.remove());
        }
        expired
    }

    pub(super) fn into_all(self) -> Vec<Retired> {
        self.0.into_values().flatten().collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static FREED: AtomicUsize = AtomicUsize::new(0);

    /// # Safety
    ///
    /// None is needed.
    unsafe fn count(_: *mut ()) {
        FREED.fetch_add(1, Ordering::Relaxed);
    }

    /// Panics with a payload that panics when it is dropped.
    ///
    /// # Safety
    ///
    /// None is needed.
    unsafe fn panic_twice(_: *mut ()) {
        struct Payload;

        impl Drop for Payload {
            fn drop(&mut self) {
                panic!("the payload's own");
            }
        }
        std::panic::panic_any(Payload);
    }

    #[test]
    fn payloads_that_panic_stop_nothing() {
        // SAFETY: these functions look at nothing.
        let of = |f: unsafe fn(*mut ())| unsafe { Retired::new(std::ptr::null_mut(), f) };
        let all = [of(panic_twice), of(count), of(panic_twice), of(panic_twice), of(count)];
        let panic = catch_unwind(AssertUnwindSafe(|| free_all(all))).expect_err("the first panic goes on");
        std::mem::forget(panic);
        assert_eq!(FREED.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn shared_garbage_expires_by_epoch() {
        let mut shared = Shared::new();
        for epoch in [5, 1, 2, 1] {
            // SAFETY: nothing is dropped.
            let mut retired = unsafe { Retired::new(std::ptr::null_mut(), |_| ()) };
            retired.stamp(epoch);
            shared.add([retired]);
        }
        let mut taken = |now| shared.take(now).len();
        assert_eq!([1, 1 + GRACE, 1 + GRACE, 4 + GRACE, 5 + GRACE].map(&mut taken), [0, 2, 0, 1, 1]);
        assert!(shared.is_empty());
    }
}

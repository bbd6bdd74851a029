use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::GRACE;
use crate::seeded;

/// Something unlinked, and how to drop it once nobody can see it.
pub(crate) struct Retired {
    what: *mut (),
    drop: unsafe fn(*mut ()),
    epoch: u64,
}

// SAFETY: `Retired::new` demands that what it holds may be dropped on any thread.
unsafe impl Send for Retired {}

impl Retired {
    /// Keeps `what` until `drop` may be called on it.
    ///
    /// # Safety
    ///
    /// `drop(what)` must be sound on any thread, at any later time, once; no new reader can find `what`.
    pub(crate) unsafe fn new(what: *mut (), drop: unsafe fn(*mut ())) -> Self {
        Self { what, drop, epoch: 0 }
    }

    /// Remembers that it was unlinked no later than in this epoch.
    pub(crate) fn stamp(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// The epoch in which it was unlinked, or a later one.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether nobody can see it any more when the epoch is `now`.
    pub(crate) fn expired(&self, now: u64) -> bool {
        is_past(self.epoch, now)
    }

    fn free(self) {
        // SAFETY: `new` promised it, and `self` is consumed.
        unsafe { (self.drop)(self.what) }
    }
}

/// Whether what was unlinked in an epoch is out of sight in another.
fn is_past(epoch: u64, now: u64) -> bool {
    let grace = if seeded::bug("grace") { GRACE - 1 } else { GRACE };
    epoch + grace <= now || seeded::bug("no-grace")
}

impl fmt::Debug for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retired").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Frees all of it, whatever panics on the way; the first panic goes on once the rest is done.
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

/// Drops what a panic carried. That may panic in turn, and then what the second one carries is leaked, unless it is a message,
/// or there would be no end.
pub(super) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(payload)))
        && !panic.is::<&'static str>()
        && !panic.is::<String>()
    {
        std::mem::forget(panic);
    }
}

/// What threads that ended left behind, what was taken out of the bags of idle ones, and whole tables: by epoch.
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

    /// Takes out what is expired.
    pub(super) fn take(&mut self, now: u64) -> Vec<Retired> {
        let mut expired = Vec::new();
        while let Some(oldest) = self.0.first_entry()
            && is_past(*oldest.key(), now)
        {
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

    /// A panic whose payload panics when it is dropped.
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
    fn what_is_shared_goes_by_epoch() {
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

use crate::alloc::live_bytes;
use crate::machine::resident_bytes;

/// The memory of this process at a moment, for later moments to be measured from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    counted: i64,
    resident: Option<u64>,
}

impl Base {
    pub(super) fn now() -> Self {
        Self { counted: live_bytes(), resident: resident_bytes() }
    }

    /// Bytes asked of the allocator since then, and not given back.
    pub(super) fn counted(&self) -> i64 {
        live_bytes() - self.counted
    }

    /// How much more memory the process holds than then, where the system tells.
    pub(super) fn resident(&self) -> Option<i64> {
        let resident = self.resident.zip(resident_bytes());
        resident.map(|(before, now)| now as i64 - before as i64)
    }
}

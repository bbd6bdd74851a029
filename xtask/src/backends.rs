//! The backends, for commands that run on each of them.

/// A backend: its feature in `hotcache`, and its properties.
pub(crate) struct Backend {
    /// The feature, which is also the name of the backend.
    pub(crate) feature: &'static str,
    /// Whether ThreadSanitizer supports it: its synchronisation and that of its map are instrumented, and use no
    /// fences, at least under `cfg(tsan)`.
    pub(crate) thread_sanitizer: bool,
    /// Whether its unsafe code is our own: then all its tests run under AddressSanitizer, and nothing may leak.
    pub(crate) ours: bool,
}

impl Backend {
    /// The crate that implements it.
    pub(crate) fn package(&self) -> String {
        format!("cache-{}", self.feature)
    }
}

pub(crate) const BACKENDS: &[Backend] = &[
    Backend { feature: "rwlock", thread_sanitizer: true, ours: false },
    Backend { feature: "dashmap", thread_sanitizer: true, ours: false },
    // seize, below flurry and papaya, orders by fences, which ThreadSanitizer does not model.
    Backend { feature: "flurry", thread_sanitizer: false, ours: false },
    Backend { feature: "scc", thread_sanitizer: true, ours: false },
    Backend { feature: "papaya", thread_sanitizer: false, ours: false },
    Backend { feature: "bucket", thread_sanitizer: true, ours: true },
];

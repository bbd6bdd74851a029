//! The backends, for the commands that go through all of them.

/// A backend: its feature in `hotcache`, and what can be asked of it.
pub(crate) struct Backend {
    /// The feature, which is also the name that the backend gives itself.
    pub(crate) feature: &'static str,
    /// Whether ThreadSanitizer can follow it: its own synchronisation, and its map's, is built with it and uses
    /// no fences, at least under `cfg(tsan)`.
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

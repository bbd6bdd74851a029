/// A piece of a caller's code that a cache runs.
///
/// # Examples
///
/// ```
/// use cache_testkit::key_panics::Hazard;
/// assert_eq!(Hazard::ALL.len(), 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hazard {
    /// A key's `Hash`.
    Hash,
    /// The `BuildHasher`.
    Hasher,
    /// A key's `Eq` or `Ord`.
    Compare,
    /// A stored key's `Borrow`.
    Borrow,
    /// A stored key's `Clone`.
    Clone,
    /// A key's `to_owned_key`.
    ToOwned,
    /// The `Drop` of a stored key.
    DropKey,
    /// The `Drop` of an object.
    DropObject,
    /// A closure of `with`, `for_each` or `retain`.
    Closure,
    /// A loader.
    Loader,
}

impl Hazard {
    /// All of them.
    pub const ALL: [Hazard; 10] = [
        Hazard::Hash,
        Hazard::Hasher,
        Hazard::Compare,
        Hazard::Borrow,
        Hazard::Clone,
        Hazard::ToOwned,
        Hazard::DropKey,
        Hazard::DropObject,
        Hazard::Closure,
        Hazard::Loader,
    ];

    /// Its name in the macros that list outcomes, such as [`probe_panics!`](crate::probe_panics).
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(cache_testkit::key_panics::Hazard::Compare.name(), "eq");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Hazard::Hash => "hash",
            Hazard::Hasher => "hasher",
            Hazard::Compare => "eq",
            Hazard::Borrow => "borrow",
            Hazard::Clone => "clone",
            Hazard::ToOwned => "to_owned",
            Hazard::DropKey => "drop_key",
            Hazard::DropObject => "drop_object",
            Hazard::Closure => "closure",
            Hazard::Loader => "loader",
        }
    }

    /// The hazard of that name.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_testkit::key_panics::Hazard;
    /// assert_eq!(Hazard::named("eq"), Some(Hazard::Compare));
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hazard| hazard.name() == name)
    }
}

/// What a caller's code does there.
///
/// # Examples
///
/// ```
/// use cache_testkit::key_panics::Deed;
/// assert_ne!(Deed::Panics, Deed::Calls);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It panics.
    Panics,
    /// It calls the cache that runs it, in operations on one key: reads, writes and removes keys, and makes it grow.
    Calls,
    /// As [`Calls`](Deed::Calls), in operations that pass over many keys: `keys`, `for_each`, `retain` and `clear`.
    CallsInPasses,
}

impl Deed {
    pub(crate) const ALL: [Deed; 3] = [Deed::Panics, Deed::Calls, Deed::CallsInPasses];

    /// Whether it is done in an operation of that name.
    pub(super) fn is_done_in(self, operation: &str) -> bool {
        let is_pass = ["keys", "for_each", "retain", "clear"].contains(&operation);
        match self {
            Deed::Panics => true,
            Deed::Calls => !is_pass,
            Deed::CallsInPasses => is_pass,
        }
    }
}

use std::fmt;
use std::ops::Deref;

/// A backend's map, which refuses calls from its own closures in debug builds.
///
/// The closures of `with`, `for_each`, `retain` and `del_if` run while parts of some maps are locked. A call of the same
/// cache from there waits for itself for ever on three backends. A backend that keeps its map in this and runs callers'
/// closures by [`lend`](Self::lend) panics instead, with a message that says why.
///
/// For backends; of no use to callers.
///
/// # Panics
///
/// In builds with debug assertions, access to the map panics if a closure that this thread runs by `lend` has not
/// returned.
///
/// # Examples
///
/// ```
/// use cache_core::NoReentry;
///
/// let map = NoReentry::new(vec![1, 2]);
/// assert_eq!(NoReentry::lend(&map, || 7), 7);
/// assert_eq!(map.len(), 2);
/// ```
///
/// # Performance
///
/// In builds without debug assertions nothing is checked and nothing is stored.
#[derive(Default)]
pub struct NoReentry<T>(T);

impl<T> NoReentry<T> {
    /// Keeps a map.
    ///
    /// # Examples
    ///
    /// ```
    /// let map = cache_core::NoReentry::new(vec![1]);
    /// # let _ = map;
    /// ```
    pub const fn new(map: T) -> Self {
        Self(map)
    }

    /// Runs a caller's closure, in which this thread must not use the map.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::NoReentry;
    ///
    /// let map = NoReentry::new(vec![1]);
    /// # #[cfg(debug_assertions)]
    /// assert!(std::panic::catch_unwind(|| NoReentry::lend(&map, || map.len())).is_err());
    /// assert_eq!(map.len(), 1);
    /// ```
    #[inline(always)]
    pub fn lend<R>(this: &Self, f: impl FnOnce() -> R) -> R {
        let _lent = lent::Lent::new(this);
        f()
    }
}

impl<T> Deref for NoReentry<T> {
    type Target = T;

    #[inline(always)]
    #[track_caller]
    fn deref(&self) -> &T {
        lent::check(self);
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for NoReentry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Runs `f` as a build without debug assertions would: calls from closures are not refused on this thread.
///
/// For tests of what they do to the maps.
///
/// # Examples
///
/// ```
/// use cache_core::{NoReentry, reentry_allowed};
///
/// let map = NoReentry::new(vec![1]);
/// assert_eq!(reentry_allowed(|| NoReentry::lend(&map, || map.len())), 1);
/// ```
pub fn reentry_allowed<R>(f: impl FnOnce() -> R) -> R {
    lent::allowed(f)
}

// Loom runs all threads of a model on one thread of the system, so that thread-locals tell nothing.
#[cfg(all(debug_assertions, not(loom)))]
mod lent {
    use std::cell::{Cell, RefCell};
    use std::ptr;

    use super::NoReentry;

    thread_local! {
        /// The maps whose closures this thread runs, the innermost last.
        static LENT: RefCell<Vec<*const ()>> = const { RefCell::new(Vec::new()) };
        static ALLOWED: Cell<bool> = const { Cell::new(false) };
    }

    /// Takes back what was lent, also when the closure panics.
    pub(super) struct Lent(());

    impl Lent {
        pub(super) fn new<T>(map: &NoReentry<T>) -> Self {
            // A thread-local's `Drop` may use a cache after these are gone: nothing is checked then.
            let _ = LENT.try_with(|lent| lent.borrow_mut().push(ptr::from_ref(map).cast()));
            Self(())
        }
    }

    impl Drop for Lent {
        fn drop(&mut self) {
            let _ = LENT.try_with(|lent| lent.borrow_mut().pop());
        }
    }

    #[track_caller]
    pub(super) fn check<T>(map: &NoReentry<T>) {
        let map: *const () = ptr::from_ref(map).cast();
        let is_lent = LENT.try_with(|lent| lent.borrow().contains(&map)).unwrap_or(false);
        assert!(
            !is_lent || ALLOWED.get(),
            "a closure called the cache that runs it. On some backends it would wait for itself for ever: the closures \
             of `with`, `for_each`, `retain` and `del_if` may run under a lock. Return from the closure first. (Debug \
             builds check this.)"
        );
    }

    pub(super) fn allowed<R>(f: impl FnOnce() -> R) -> R {
        struct Restore(bool);

        impl Drop for Restore {
            fn drop(&mut self) {
                ALLOWED.set(self.0);
            }
        }

        let _restore = Restore(ALLOWED.replace(true));
        f()
    }
}

#[cfg(not(all(debug_assertions, not(loom))))]
mod lent {
    use super::NoReentry;

    pub(super) struct Lent(());

    impl Lent {
        #[inline(always)]
        pub(super) fn new<T>(_: &NoReentry<T>) -> Self {
            Self(())
        }
    }

    #[inline(always)]
    pub(super) fn check<T>(_: &NoReentry<T>) {}

    pub(super) fn allowed<R>(f: impl FnOnce() -> R) -> R {
        f()
    }
}

use std::fmt;
use std::ops::Deref;

/// A backend's map. In debug builds, it panics if a closure that it runs calls it.
///
/// The closures of `with`, `for_each`, `retain` and `del_if` run while parts of some maps are locked, so on three
/// backends a call of the same cache from a closure may deadlock. A backend that wraps its map in this type, and runs
/// callers' closures through [`lend`](Self::lend), panics instead, with a message that names the reason.
///
/// Used by backends only.
///
/// # Panics
///
/// In builds with debug assertions, an access to the map panics while this thread runs a closure through `lend`.
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
/// Builds without debug assertions check and store nothing.
#[derive(Default)]
pub struct NoReentry<T>(T);

impl<T> NoReentry<T> {
    /// Wraps a map.
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

    /// Runs a caller's closure. The closure must not use the map on this thread.
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

/// Runs `f` without these checks on this thread, as a build without debug assertions does.
///
/// For tests of the effects of such calls on the maps.
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

// Loom runs all threads of a model on one system thread, so thread-locals cannot tell them apart.
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

    /// Removes the map from the list when the closure returns or panics.
    pub(super) struct Lent(());

    impl Lent {
        pub(super) fn new<T>(map: &NoReentry<T>) -> Self {
            // The `Drop` of a thread-local may use a cache after these are destroyed. Nothing is checked then.
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
            "a closure called the cache that runs it, which may deadlock: the closures of `with`, `for_each`, `retain` \
             and `del_if` may run under a lock. Return from the closure first. (Only builds with debug assertions check \
             this.)"
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

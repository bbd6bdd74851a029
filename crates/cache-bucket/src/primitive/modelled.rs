//! Loom's atomics, wrapped so that loom tries every order of two accesses to one of them.
//!
//! By itself, loom remembers only the last access to an atomic. If one thread reads it, and another then reads it and
//! writes it, loom forgets the first read when the write comes, and never tries the write before that read. A table
//! whose writers look before they lock would hardly be explored. Here each access is preceded by an access to a
//! companion that loom does not forget: a relaxed addition, which orders nothing in the memory model.

use loom::sync::atomic::{self as loom_atomic, Ordering};

macro_rules! modelled {
    ($($name:ident $(<$t:ident>)?: $value:ty;)*) => {$(
        pub(crate) struct $name $(<$t>)? {
            place: loom_atomic::$name $(<$t>)?,
            companion: loom_atomic::AtomicUsize,
        }

        impl $(<$t>)? std::fmt::Debug for $name $(<$t>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl $(<$t>)? $name $(<$t>)? {
            #[track_caller]
            pub(crate) fn new(value: $value) -> Self {
                Self { place: loom_atomic::$name::new(value), companion: loom_atomic::AtomicUsize::new(0) }
            }

            #[track_caller]
            fn place(&self) -> &loom_atomic::$name $(<$t>)? {
                self.companion.fetch_add(1, Ordering::Relaxed);
                &self.place
            }

            #[track_caller]
            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                self.place().load(ordering)
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                self.place().store(value, ordering);
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, ordering: Ordering) -> $value {
                self.place().swap(value, ordering)
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.place().compare_exchange(current, new, success, failure)
            }

            #[track_caller]
            pub(crate) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.place().compare_exchange_weak(current, new, success, failure)
            }
        }
    )*};
}

modelled! {
    AtomicBool: bool;
    AtomicI64: i64;
    AtomicPtr<T>: *mut T;
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicUsize: usize;
}

macro_rules! numbers {
    ($($name:ident: $value:ty;)*) => {$(
        impl $name {
            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $value, ordering: Ordering) -> $value {
                self.place().fetch_add(value, ordering)
            }

            #[track_caller]
            pub(crate) fn fetch_sub(&self, value: $value, ordering: Ordering) -> $value {
                self.place().fetch_sub(value, ordering)
            }
        }
    )*};
}

numbers! {
    AtomicI64: i64;
    AtomicU64: u64;
    AtomicUsize: usize;
}

impl AtomicU64 {
    /// Tells loom that nobody uses it any more.
    #[track_caller]
    pub(crate) fn end(&mut self) {
        self.place.with_mut(|_| ());
    }
}

impl<T> AtomicPtr<T> {
    /// Tells loom that nobody uses it any more.
    #[track_caller]
    pub(crate) fn end(&mut self) {
        self.place.with_mut(|_| ());
    }
}

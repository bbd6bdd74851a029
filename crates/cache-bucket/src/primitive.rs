//! The primitives that loom replaces by models, in one place.

#[cfg(not(loom))]
pub(crate) use std::sync::Arc;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
#[cfg(not(any(loom, tsan)))]
pub(crate) use std::sync::{Mutex, MutexGuard, atomic::fence};

#[cfg(tsan)]
pub(crate) use crate::seen::{Mutex, MutexGuard};

#[cfg(loom)]
mod modelled;
#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{Ordering, fence},
};
#[cfg(loom)]
pub(crate) use modelled::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

#[cfg(loom)]
pub(crate) use loom::thread;
#[cfg(not(loom))]
pub(crate) use std::thread;

/// Locks a mutex.
#[cfg(tsan)]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

/// Locks a mutex, unless another thread holds it.
#[cfg(tsan)]
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    mutex.try_lock()
}

/// Locks a mutex, poisoned or not: what these mutexes guard is consistent at every step.
#[cfg(not(tsan))]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}

/// Locks a mutex, unless another thread holds it.
#[cfg(not(tsan))]
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => None,
    }
}

/// How often to spin, each time for longer, before yielding the processor. Under loom it yields at once.
const SPINS: u32 = if cfg!(loom) { 0 } else { 6 };

/// Waits in steps for a lock that is held for nanoseconds, unless its holder was preempted.
#[derive(Debug, Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    /// Waits one step: spins at first, then yields the processor, as the holder may need it.
    pub(crate) fn wait(&mut self) {
        if self.0 < SPINS {
            for _ in 0..1 << self.0 {
                std::hint::spin_loop();
            }
        } else {
            thread::yield_now();
        }
        self.0 = self.0.saturating_add(1);
    }
}

/// A cell that the caller guarantees is accessed by one thread at a time. Loom checks that.
pub(crate) struct Exclusive<T>(
    #[cfg(not(loom))] std::cell::UnsafeCell<T>,
    #[cfg(loom)] loom::cell::UnsafeCell<T>,
);

impl<T> Exclusive<T> {
    #[cfg(not(loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    #[cfg(loom)]
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// Calls `f` with the value.
    ///
    /// # Safety
    ///
    /// No other thread accesses the value meanwhile, and earlier accesses of others happened before.
    #[inline(always)]
    pub(crate) unsafe fn with_mut<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(not(loom))]
        // SAFETY: as the caller promises.
        return f(unsafe { &mut *self.0.get() });
        #[cfg(loom)]
        // SAFETY: as above.
        return self.0.with_mut(|value| f(unsafe { &mut *value }));
    }
}

/// A place for 8 key bytes.
///
/// The bytes are written before their entry is published, and not changed until the entry is out of everyone's sight.
#[repr(C, align(8))]
#[derive(Debug, Default)]
pub(crate) struct KeyWord(
    #[cfg(not(loom))] std::cell::UnsafeCell<[u8; 8]>,
    #[cfg(loom)] loom::cell::UnsafeCell<[u8; 8]>,
);

impl KeyWord {
    /// Calls `f` with the bytes, to be read.
    ///
    /// # Safety
    ///
    /// `this` is a place in a living bucket. The caller reads no further than the entry reaches.
    #[inline(always)]
    pub(crate) unsafe fn read<R>(this: *const Self, f: impl FnOnce(*const u8) -> R) -> R {
        #[cfg(not(loom))]
        return f(this.cast());
        #[cfg(loom)]
        // SAFETY: as the caller promises.
        return unsafe { &*this }.0.with(|bytes| f(bytes.cast()));
    }

    /// Calls `f` with the bytes, to be written.
    ///
    /// # Safety
    ///
    /// As for [`read`](Self::read); and no other thread reads or writes the entry.
    #[inline(always)]
    pub(crate) unsafe fn write<R>(this: *const Self, f: impl FnOnce(*mut u8) -> R) -> R {
        #[cfg(not(loom))]
        return f(this.cast_mut().cast());
        #[cfg(loom)]
        // SAFETY: as the caller promises.
        return unsafe { &*this }.0.with_mut(|bytes| f(bytes.cast()));
    }
}

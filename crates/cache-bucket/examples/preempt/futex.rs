//! Sleeping until a word changes. Both calls may be made by a signal handler.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Sleeps while the word is `seen`, until someone wakes its sleepers, at most so long.
pub(crate) fn wait(word: &AtomicU32, seen: u32, at_most: Duration) {
    let at_most = libc::timespec { tv_sec: at_most.as_secs() as _, tv_nsec: at_most.subsec_nanos() as _ };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word and the time live as long as the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, seen, &raw const at_most) };
}

/// Wakes whoever sleeps.
pub(crate) fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word lives as long as the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, i32::MAX) };
}

/// Keeps the calling thread, and those that it starts, on one processor; or lets it run on all of these again.
pub(crate) struct Processors(libc::cpu_set_t);

impl Processors {
    /// Those that the calling thread may run on.
    pub(crate) fn of_this_thread() -> Self {
        // SAFETY: zeros are an empty set.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a set of our own of this size.
        unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
        Self(set)
    }

    pub(crate) fn all(&self) {
        // SAFETY: as above.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &self.0) };
    }

    /// The one on which the caller runs now.
    pub(crate) fn one(&self) {
        // SAFETY: zeros are an empty set, into which the number of a processor is put.
        let set = unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(libc::sched_getcpu().max(0) as usize, &mut set);
            set
        };
        // SAFETY: as above.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    }
}

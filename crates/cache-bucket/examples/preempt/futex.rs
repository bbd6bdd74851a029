//! Sleeping until a word changes. A signal handler may make both calls.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Sleeps while the word is `seen`, until a thread wakes its sleepers, for a limited time.
pub(crate) fn wait(word: &AtomicU32, seen: u32, at_most: Duration) {
    let at_most = libc::timespec { tv_sec: at_most.as_secs() as _, tv_nsec: at_most.subsec_nanos() as _ };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word and the time outlive the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, seen, &raw const at_most) };
}

/// Wakes all sleepers.
pub(crate) fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the word outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, i32::MAX) };
}

/// A set of processors, to which the calling thread and those that it starts can be restricted.
pub(crate) struct Processors(libc::cpu_set_t);

impl Processors {
    /// The processors on which the calling thread may run.
    pub(crate) fn of_this_thread() -> Self {
        // SAFETY: zeros are an empty set.
        let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a set of our own of this size.
        unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
        Self(set)
    }

    /// Lets the calling thread run on all processors of the set.
    pub(crate) fn all(&self) {
        // SAFETY: as above.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &self.0) };
    }

    /// Restricts the calling thread to the processor on which it runs now.
    pub(crate) fn one(&self) {
        // SAFETY: zeros are an empty set, to which the number of a processor is added.
        let set = unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(libc::sched_getcpu().max(0) as usize, &mut set);
            set
        };
        // SAFETY: as above.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) };
    }
}

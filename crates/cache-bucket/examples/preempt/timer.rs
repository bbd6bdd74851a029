//! A timer for each thread, and the handler of its signal.

use std::mem;
use std::ptr;
use std::sync::atomic::Ordering;

use crate::interrupt::Slot;

/// The signal that the timers send.
const SIGNAL: i32 = libc::SIGUSR1;

extern "C" fn handler(_signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the system passes what the signal carries.
    let slot = unsafe { (*info).si_value().sival_ptr }.cast::<Slot>();
    // SAFETY: null if another program sent the signal, or the static slot with which its timer was created.
    if let Some(slot) = unsafe { slot.as_ref() } {
        slot.interrupted();
    }
}

/// Installs the handler of the signal.
pub(crate) fn install() {
    // SAFETY: zeros are a valid value of this type.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO;
    // SAFETY: the handler has the signature that `SA_SIGINFO` asks for, and calls only what a handler may.
    let result = unsafe { libc::sigaction(SIGNAL, &action, ptr::null_mut()) };
    assert_eq!(result, 0, "sigaction failed");
}

/// A timer that interrupts the thread that made it.
pub(crate) struct Timer(libc::timer_t);

impl Timer {
    pub(crate) fn of_this_thread(slot: &'static Slot) -> Self {
        // SAFETY: zeros are valid values of both.
        let (mut event, mut timer): (libc::sigevent, libc::timer_t) = unsafe { mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = SIGNAL;
        event.sigev_value = libc::sigval { sival_ptr: ptr::from_ref(slot).cast_mut().cast() };
        // SAFETY: the call has no arguments.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        // SAFETY: both pointers are to values of our own.
        let result = unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) };
        assert_eq!(result, 0, "timer_create failed");
        slot.timer.store(timer as usize, Ordering::Relaxed);
        Timer(timer)
    }

    /// Interrupts the thread this many nanoseconds from now; 0 for never.
    pub(crate) fn arm(&self, nanoseconds: u64) {
        arm(self.0, nanoseconds);
    }
}

/// Arms a timer of the calling thread. A signal handler may do so.
pub(crate) fn arm(timer: libc::timer_t, nanoseconds: u64) {
    let never = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let after = libc::timespec { tv_sec: 0, tv_nsec: nanoseconds.min(999_999_999) as _ };
    let when = libc::itimerspec { it_interval: never, it_value: after };
    // SAFETY: the timer belongs to the thread, and lives as long as the thread arms it.
    unsafe { libc::timer_settime(timer, 0, &when, ptr::null_mut()) };
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: we created the timer, and only this thread arms it.
        unsafe { libc::timer_delete(self.0) };
    }
}

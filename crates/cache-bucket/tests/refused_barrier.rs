//! The system refuses `membarrier`, as in a sandbox: pins then have fences of their own.
//!
//! A filter is installed before `main`, so that every thread of this process has it.
#![cfg(all(target_os = "linux", not(portable), not(miri)))]

mod sandbox;
mod stress;

use std::io;

use libc::{EPERM, SYS_membarrier};

/// Called by the loader before `main`.
// SAFETY: a pointer to a function of the type that this section requires.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = refuse_membarrier;

extern "C" fn refuse_membarrier() {
    sandbox::refuse_membarrier();
}

/// Checks that the filter works. Without it the other tests here would only repeat those of `stress.rs`.
#[test]
fn the_barrier_is_refused() {
    // SAFETY: the call takes three integers and changes nothing.
    let answer = unsafe { libc::syscall(SYS_membarrier, 0, 0, 0) };
    assert_eq!((answer, io::Error::last_os_error().raw_os_error()), (-1, Some(EPERM)));
}

//! Where the system refuses `membarrier`, as sandboxes do: pins then have fences of their own.
//!
//! A filter that refuses it is put in place before `main`, so that every thread of this process has it.
#![cfg(all(target_os = "linux", not(portable), not(miri)))]

mod sandbox;
mod stress;

use std::io;

use libc::{EPERM, SYS_membarrier};

/// Called by the loader, before anything of the process runs.
// SAFETY: a pointer to a function of the type that this section holds.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = refuse_membarrier;

extern "C" fn refuse_membarrier() {
    sandbox::refuse_membarrier();
}

/// Or the other tests here would be those of `stress.rs` once more.
#[test]
fn the_barrier_is_refused() {
    // SAFETY: the call takes three integers, and asks what there is.
    let answer = unsafe { libc::syscall(SYS_membarrier, 0, 0, 0) };
    assert_eq!((answer, io::Error::last_os_error().raw_os_error()), (-1, Some(EPERM)));
}

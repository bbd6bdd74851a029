//! Where the system refuses `membarrier`, as sandboxes do: pins then have fences of their own.
//!
//! A filter that refuses it is put in place before `main`, so that every thread of this process has it.
#![cfg(all(target_os = "linux", not(portable), not(miri)))]

mod stress;

use std::io;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, EPERM, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP,
    SECCOMP_MODE_FILTER, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SYS_membarrier, sock_filter, sock_fprog,
};

/// Called by the loader, before anything of the process runs.
// SAFETY: a pointer to a function of the type that this section holds.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = refuse_membarrier;

extern "C" fn refuse_membarrier() {
    let step = |code: u32, jt: u8, jf: u8, k: u32| sock_filter { code: code as u16, jt, jf, k };
    let mut program = [
        // The number of the system call, which is the first word there is.
        step(BPF_LD | BPF_W | BPF_ABS, 0, 0, 0),
        step(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_membarrier as u32),
        step(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM as u32),
        step(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW),
    ];
    let program = sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program is whole, and the kernel copies it. Where it is not taken, the test below says so.
    unsafe {
        libc::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &raw const program);
    }
}

/// Or the other tests here would be those of `stress.rs` once more.
#[test]
fn the_barrier_is_refused() {
    // SAFETY: the call takes three integers, and asks what there is.
    let answer = unsafe { libc::syscall(SYS_membarrier, 0, 0, 0) };
    assert_eq!((answer, io::Error::last_os_error().raw_os_error()), (-1, Some(EPERM)));
}

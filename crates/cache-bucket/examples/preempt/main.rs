//! A preemption test: timers interrupt threads at random instructions inside every operation of a cache.
//!
//! Up to three threads do one operation each. A timer's signal interrupts each of them somewhere in it, and its
//! handler waits there. Meanwhile one more thread does what matters: it deletes and inserts keys of the same bucket,
//! moves the epoch on, and grows the table. Then the threads are released one after the other. Everything that was
//! seen of each key is recorded and checked for linearizability, and each value and each key tells to which key it
//! belongs. `cargo xtask soak --preempt` builds and runs this.
//!
//! The arguments are seconds, a seed and optionally the name of a profile. A seed repeats the operations, but not
//! where they are interrupted.

#[cfg(target_os = "linux")]
mod act;
#[cfg(target_os = "linux")]
mod aim;
#[cfg(target_os = "linux")]
mod choose;
#[cfg(target_os = "linux")]
mod cycle;
#[cfg(target_os = "linux")]
mod fault;
#[cfg(target_os = "linux")]
mod flags;
#[cfg(target_os = "linux")]
mod futex;
#[cfg(target_os = "linux")]
mod history;
#[cfg(target_os = "linux")]
mod interrupt;
#[cfg(target_os = "linux")]
mod keys;
#[cfg(target_os = "linux")]
mod kind;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod profile;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod subject;
#[cfg(target_os = "linux")]
mod timer;
#[cfg(target_os = "linux")]
mod values;
#[cfg(target_os = "linux")]
mod world;

fn main() {
    #[cfg(target_os = "linux")]
    run::main();
    #[cfg(not(target_os = "linux"))]
    eprintln!("per-thread timers exist on Linux only: nothing was tested");
}

//! The tools that all models use. The models are in `raw/models` and `reclaim/models`, beside what they model.
//!
//! A model runs a few operations of two or three threads in every order that loom distinguishes, and with every value
//! that the memory model lets a load return. Where that is too much, it runs every order with a bounded number of
//! preemptions: each model states its bound.
//!
//! `HOTCACHE_LOOM_PREEMPTIONS` sets another bound for all models: a larger one for a deeper run, or a smaller one for
//! a fast run. `HOTCACHE_LOOM_SECONDS` stops a model after so long, and it says so: what was not tried yet is unknown.

mod quarantine;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use loom::cell::UnsafeCell;

/// Runs a model, and prints how many executions there were.
pub(crate) fn check(preemptions: impl Into<Option<usize>>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = setting("HOTCACHE_LOOM_PREEMPTIONS").or(preemptions.into());
    builder.max_duration =
        setting("HOTCACHE_LOOM_SECONDS").map(|seconds| Duration::from_secs(seconds as u64));
    builder.max_branches = 20_000;
    let executions = Arc::new(AtomicUsize::new(0));
    let count = executions.clone();
    let start = Instant::now();
    // Loom checks the duration only at a checkpoint, by default every 20,000 executions.
    builder.checkpoint_interval = 1_000;
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let bound = builder.preemption_bound.map_or("no bound".to_owned(), |bound| format!("bound {bound}"));
    let executions = executions.load(Ordering::Relaxed);
    let took = start.elapsed();
    let end =
        if builder.max_duration.is_some_and(|most| took >= most) { ", stopped before the end" } else { "" };
    println!("executions: {executions}, {bound}, {:.1} s{end}", took.as_secs_f32());
}

/// An environment variable that holds a number.
fn setting(name: &str) -> Option<usize> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("invalid {name} {text:?}: expected an integer")))
}

/// An object that counts its drops, and whose reads loom checks against its drop.
#[derive(Debug)]
pub(crate) struct Tracked {
    value: i64,
    alive: UnsafeCell<bool>,
    dropped: Arc<AtomicUsize>,
}

// SAFETY: loom checks that no thread looks at it while it is dropped.
unsafe impl Sync for Tracked {}

impl Tracked {
    pub(crate) fn new(value: i64, dropped: &Arc<AtomicUsize>) -> Self {
        Self { value, alive: UnsafeCell::new(true), dropped: dropped.clone() }
    }

    /// Reads the value. Loom fails the model if the object may be dropped at the same time.
    pub(crate) fn look(&self) -> i64 {
        // SAFETY: loom checks it.
        assert!(self.alive.with(|alive| unsafe { *alive }), "looked at after its drop");
        self.value
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // SAFETY: loom checks it.
        let alive = self.alive.with_mut(|alive| unsafe { std::mem::replace(&mut *alive, false) });
        assert!(alive, "dropped twice");
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

//! What all models use. The models themselves lie beside what they are of: `raw/models` and `reclaim/models`.
//!
//! A model runs a few operations of two or three threads in every order that loom tells apart, and with every value
//! that the memory model lets a load return. Where that is too much it runs every order with at most so many
//! preemptions: the bound that each model states.
//!
//! `HOTCACHE_LOOM_PREEMPTIONS` sets another bound for all, to look farther once or to look quickly.

mod quarantine;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use loom::cell::UnsafeCell;

/// Runs a model, and prints how many executions there were.
pub(crate) fn check(preemptions: impl Into<Option<usize>>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let wished = std::env::var("HOTCACHE_LOOM_PREEMPTIONS")
        .ok()
        .map(|bound| bound.parse().expect("HOTCACHE_LOOM_PREEMPTIONS is a number"));
    builder.preemption_bound = wished.or(preemptions.into());
    builder.max_branches = 20_000;
    let executions = Arc::new(AtomicUsize::new(0));
    let count = executions.clone();
    let start = Instant::now();
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let bound = builder.preemption_bound.map_or("no bound".to_owned(), |bound| format!("bound {bound}"));
    let executions = executions.load(Ordering::Relaxed);
    println!("executions: {executions}, {bound}, {:.1} s", start.elapsed().as_secs_f32());
}

/// Something that can be looked at until it is dropped, as loom sees it; and counts its drops.
#[derive(Debug)]
pub(crate) struct Tracked {
    value: i64,
    alive: UnsafeCell<bool>,
    dropped: Arc<AtomicUsize>,
}

// SAFETY: loom checks that nobody looks at it while it is dropped.
unsafe impl Sync for Tracked {}

impl Tracked {
    pub(crate) fn new(value: i64, dropped: &Arc<AtomicUsize>) -> Self {
        Self { value, alive: UnsafeCell::new(true), dropped: dropped.clone() }
    }

    /// Its value; loom objects if it may be dropped at the same time.
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

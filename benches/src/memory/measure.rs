use std::sync::Arc;

use anyhow::{Context, Result};
use hotcache_bench_plan::{Cache, Memory, Op};
use serde::{Deserialize, Serialize};

use super::base::Base;
use crate::fault::Fault;
use crate::keys::Keys;
use crate::peer::Object;
use crate::peers::{Entry, Setup};
use crate::subject::{Batch, Subject, objects, objects_among};

/// Inserts between two looks at the counted bytes while a map grows.
const LOOK: usize = 64;

/// Looks at the counted bytes between two looks at the resident memory, which takes a system call.
const RESIDENT_LOOK: usize = 128;

/// The work that is done on a map whose memory is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Load the keys, then grow to twice as many.
    Grow,
    /// Load the keys, replace each by a new one twice over, then delete all.
    Churn,
}

/// Bytes that a map has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Footprint {
    /// The keys that these are for.
    pub keys: usize,
    /// Bytes asked of the allocator and not given back.
    pub counted: i64,
    /// Resident memory, where the system tells.
    pub resident: Option<i64>,
}

/// Does a phase on a row's map, and returns its footprint at two moments: after loading and at its worst while it
/// grows, or after churn and after deleting all.
///
/// # Errors
///
/// If the map does not hold the keys that it should.
pub fn measure(plan: &Memory, entry: &Entry, cache: Cache, phase: Phase) -> Result<[Footprint; 2]> {
    let keys = Keys::render(0..plan.keys as u32 * 3, plan.key_len);
    // One for all keys: what counts is the map.
    let object = [Arc::new(Object::new(0))];
    // What an earlier map of this process left to be freed must not be freed from this one's bytes.
    (entry.reclaim)();
    let base = Base::now();
    let subject = entry.build(cache, &Setup::for_keys(plan.keys));
    let subject = &*subject.with_context(|| format!("{} has no {cache} cache", entry.name))?;
    let cell = format!("{cache}/memory/{}", entry.name);
    insert(subject, &keys, &object, 0, plan.keys);
    let expect = |keys| Fault::unless_equal(&cell, "keys", subject.count(), keys);
    expect(plan.keys)?;
    (entry.reclaim)();
    let first = Footprint::since(&base, plan.keys);
    let result = match phase {
        Phase::Grow => {
            let worst = grow(subject, &keys, &object, plan.keys, &base);
            expect(plan.keys * 2)?;
            [first, worst]
        }
        Phase::Churn => {
            for start in (0..plan.keys * 2).step_by(LOOK) {
                let end = (start + LOOK).min(plan.keys * 2);
                delete(subject, &keys, start, end);
                insert(subject, &keys, &object, start + plan.keys, end + plan.keys);
            }
            expect(plan.keys)?;
            (entry.reclaim)();
            let churned = Footprint::since(&base, plan.keys);
            delete(subject, &keys, plan.keys * 2, plan.keys * 3);
            expect(0)?;
            (entry.reclaim)();
            [churned, Footprint::since(&base, plan.keys)]
        }
    };
    Ok(result)
}

/// Grows from `from` keys to twice as many, and returns the footprint with the most counted bytes per key, with
/// the most resident bytes per key that were seen anywhere.
fn grow(subject: &dyn Subject, keys: &Keys, object: &[Arc<Object>], from: usize, base: &Base) -> Footprint {
    let mut worst = Footprint::default();
    let mut worst_resident: Option<Footprint> = None;
    for (look, start) in (from..from * 2).step_by(LOOK).enumerate() {
        let end = (start + LOOK).min(from * 2);
        insert(subject, keys, object, start, end);
        let now = Footprint { keys: end, counted: base.counted(), resident: None };
        if worst.keys == 0 || now.counted_per_key() > worst.counted_per_key() {
            worst = now;
        }
        if look % RESIDENT_LOOK == 0 {
            let now = Footprint::since(base, end);
            if worst_resident.is_none_or(|worst| now.resident_per_key() > worst.resident_per_key()) {
                worst_resident = Some(now);
            }
        }
    }
    // In terms of the keys at the counted worst, so that dividing by these gives the resident worst.
    let resident = worst_resident.and_then(Footprint::resident_per_key);
    worst.resident = resident.map(|per_key| (per_key * worst.keys as f64) as i64);
    worst
}

fn insert(subject: &dyn Subject, keys: &Keys, object: &[Arc<Object>], start: usize, end: usize) {
    // In small batches, so that the pointers to come take no memory to speak of.
    for start in (start..end).step_by(LOOK) {
        let end = (start + LOOK).min(end);
        let mut objects = objects_among(object, end - start);
        subject.run(Op::Insert, Batch { keys: keys.range(start, end), first: 0, objects: &mut objects });
    }
}

fn delete(subject: &dyn Subject, keys: &Keys, start: usize, end: usize) {
    subject.run(Op::Del, Batch { keys: keys.range(start, end), first: 0, objects: &mut objects(0, 0) });
}

impl Footprint {
    /// Returns the memory per key that was allocated since `base`.
    pub(super) fn since(base: &Base, keys: usize) -> Self {
        Self { keys, counted: base.counted(), resident: base.resident() }
    }

    /// Counted bytes for each key.
    #[must_use]
    pub fn counted_per_key(self) -> f64 {
        self.counted as f64 / self.keys as f64
    }

    /// Both, for each key.
    #[must_use]
    pub fn per_key(self) -> hotcache_report::Footprint {
        // What was there before is in neither; that some of it was freed meanwhile is no memory of the map's.
        let counted = self.counted_per_key().max(0.0);
        hotcache_report::Footprint { counted: Some(counted), rss: self.resident_per_key() }
    }

    /// Resident bytes for each key.
    #[must_use]
    pub fn resident_per_key(self) -> Option<f64> {
        self.resident.map(|bytes| bytes as f64 / self.keys as f64)
    }
}

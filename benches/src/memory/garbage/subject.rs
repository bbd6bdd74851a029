use std::sync::Arc;

use anyhow::{Context, Result};
use hotcache_bench_plan::{Cache, Garbage, Op, Workload};

use super::gauge::Gauge;
use super::helper::Helper;
use crate::fault::Fault;
use crate::keys::{KeyIter, KeyRef, Keys};
use crate::peer::Object;
use crate::peers::{Entry, Setup};
use crate::subject::{Batch, Subject};

/// A row that a workload is done to.
#[derive(Debug)]
pub(super) struct Tested<'a> {
    entry: &'a Entry,
    cache: Cache,
    cell: String,
    pub(super) sizes: &'a Garbage,
    /// The bytes of an object.
    pub(super) bytes: usize,
}

/// A cache that threads share.
#[derive(Clone)]
pub(super) struct Shared {
    subject: Arc<Box<dyn Subject>>,
    bytes: usize,
}

impl<'a> Tested<'a> {
    /// A row, one of whose caches was used and dropped: what it allocates once in a process is allocated.
    pub(super) fn new(
        entry: &'a Entry,
        cache: Cache,
        workload: Workload,
        sizes: &'a Garbage,
    ) -> Result<Self> {
        let cell = format!("{cache}/{workload}/{}", entry.name);
        let tested = Self { entry, cache, cell, sizes, bytes: sizes.object_bytes(workload, cache) };
        let first = tested.build(1)?;
        let key = Keys::render([0], super::KEY_LEN);
        for value in 0..3 {
            first.set(key.all(), value);
        }
        first.delete(key.all());
        drop(first);
        (entry.reclaim)();
        Ok(tested)
    }

    /// A cache of this row for this many keys.
    pub(super) fn build(&self, keys: usize) -> Result<Shared> {
        let subject = self.entry.build(self.cache, &Setup::for_keys(keys));
        let subject = subject.with_context(|| format!("{} has no {} cache", self.entry.name, self.cache))?;
        Ok(Shared { subject: Arc::new(subject), bytes: self.bytes })
    }

    /// This many threads. Each has used a cache of this row: what it allocates once for a thread is allocated.
    pub(super) fn team(&self, count: usize) -> Result<Vec<Helper>> {
        let first = self.build(1)?;
        let keys = Keys::render([0], super::KEY_LEN);
        let team = Helper::team(count);
        for helper in &team {
            let (first, keys) = (first.clone(), keys.clone());
            helper.run(move || {
                first.set(keys.all(), 0);
                first.delete(keys.all())
            })?;
        }
        drop(first);
        (self.entry.reclaim)();
        Ok(team)
    }

    /// A gauge that shows zero now.
    pub(super) fn gauge(&self) -> Gauge {
        Gauge::zero(self.cache == Cache::Obj)
    }

    /// Fails, by the name of the cell, unless what was found is what was expected.
    pub(super) fn expect<T: PartialEq + std::fmt::Display>(
        &self,
        what: &str,
        found: T,
        expected: T,
    ) -> Result<()> {
        Ok(Fault::unless_equal(&self.cell, what, found, expected)?)
    }

    /// Drops a cache that has no other owner.
    pub(super) fn drop_last(&self, shared: Shared) -> Result<()> {
        self.expect("holders of the cache that is dropped", Arc::strong_count(&shared.subject), 1)
    }
}

impl Shared {
    /// Has each thread read a key: what the cache allocates once for a thread is allocated.
    pub(super) fn make_known_to(&self, team: &[Helper]) -> Result<()> {
        for helper in team {
            let (shared, key) = (self.clone(), Keys::render([0], super::KEY_LEN));
            helper.run(move || key.all().next().map(|key| shared.get(key)))?;
        }
        Ok(())
    }

    /// Sets the first key to this value, and each other key to one more than the key before it.
    ///
    /// Objects are made right before they are set, as a service makes them.
    pub(super) fn set(&self, keys: KeyIter<'_>, first: i64) {
        for (key, value) in keys.zip(first..) {
            self.set_to(key, value, self.bytes);
        }
    }

    /// Sets a key to an integer, or to an object with a payload of this many bytes.
    pub(super) fn set_to(&self, key: KeyRef<'_>, value: i64, bytes: usize) {
        let object = if bytes == 0 { Object::new(value) } else { Object::with_payload(value, bytes) };
        let mut objects = vec![Arc::new(object)].into_iter();
        self.subject.run(Op::Set, Batch { keys: KeyIter::one(key), first: value, objects: &mut objects });
    }

    /// Deletes the keys, and tells how many were there.
    pub(super) fn delete(&self, keys: KeyIter<'_>) -> u64 {
        self.subject.run(Op::Del, Batch { keys, first: 0, objects: &mut Vec::new().into_iter() }).hits
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: KeyRef<'_>) -> Option<i64> {
        let batch = Batch { keys: KeyIter::one(key), first: 0, objects: &mut Vec::new().into_iter() };
        let read = self.subject.run(Op::Get, batch);
        (read.hits > 0).then_some(read.sum)
    }

    /// The number of keys.
    pub(super) fn count(&self) -> usize {
        self.subject.count()
    }

    /// The sum of all values.
    pub(super) fn total(&self) -> i64 {
        self.subject.total()
    }
}

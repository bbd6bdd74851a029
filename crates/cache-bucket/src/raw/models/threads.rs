//! The threads of a model, which use one table.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher};
use std::ptr;
use std::sync::{Arc, Mutex};

use loom::thread;

use super::history::{Op, explained};
use crate::primitive::{AtomicI64, Ordering};
use crate::raw::table::Table;
use crate::raw::{Assist, AtHome, Cell, Inline, Probe, Raw, Removal, Removed, Upsert};
use crate::reclaim::{Domain, Effort, Pinned, Record};

/// A hasher that returns numbers unchanged; the table spreads their bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Same(u64);

impl BuildHasher for Same {
    type Hasher = Same;

    fn build_hasher(&self) -> Same {
        Same(0)
    }
}

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0 << 8 | u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

pub(super) const HASHER: Same = Same(0);

/// The first `N` keys for whose buckets' lowest three bits `which` returns true.
pub(super) fn keys<const N: usize>(which: impl Fn(u64) -> bool) -> [u64; N] {
    let mut all = (1..).filter(|key| which(Probe::new(key, &HASHER).1.index() & 7));
    std::array::from_fn(|_| all.next().expect("there are plenty"))
}

/// Two keys that a look-up cannot tell apart until it compares them.
pub(super) fn keys_of_one_lane() -> [u64; 2] {
    let hash = |key: u64| Probe::new(&key, &HASHER).1;
    let like = |key| hash(key).tag() == hash(1).tag() && hash(key).index() & 7 == hash(1).index() & 7;
    [1, (2..).find(|&key| like(key)).expect("there are plenty")]
}

/// The table and the domain of a model.
pub(super) struct World<C: Cell> {
    // The order of fields matters: what the table holds is freed before the domain is dropped.
    pub(super) raw: Raw<u64, C>,
    domain: Box<Domain>,
    /// The operations that were done before the threads began.
    before: Mutex<Vec<Op>>,
}

impl<C: Cell> World<C> {
    /// Creates a table of `buckets` buckets whose epoch never moves: no fence hides a missing ordering.
    pub(super) fn still(buckets: usize) -> Arc<Self> {
        Self::new(buckets, false)
    }

    /// Creates a table of `buckets` buckets whose epoch can move on.
    pub(super) fn moving(buckets: usize) -> Arc<Self> {
        Self::new(buckets, true)
    }

    /// Creates a table without buckets, whose epoch never moves.
    pub(super) fn vacant() -> Arc<Self> {
        Self::of(Raw::new(0, false), false)
    }

    fn new(buckets: usize, fenced: bool) -> Arc<Self> {
        Self::of(Raw::with_buckets(buckets), fenced)
    }

    fn of(raw: Raw<u64, C>, fenced: bool) -> Arc<Self> {
        Arc::new(Self { raw, domain: Box::new(Domain::new(fenced)), before: Mutex::default() })
    }

    /// Creates a thread of the model. Call this before the threads are spawned, so that joining the domain is not
    /// part of the model.
    pub(super) fn thread(self: &Arc<Self>) -> Thread<C> {
        // SAFETY: a record lives as long as its domain, and the thread has a reference to that.
        let record = unsafe { &*ptr::from_ref(self.domain.join()) };
        Thread { world: self.clone(), record, log: RefCell::default() }
    }

    /// Creates a thread that is pinned all the time, so that its operations have no fence.
    pub(super) fn pinned_thread(self: &Arc<Self>) -> Thread<C> {
        let thread = self.thread();
        std::mem::forget(self.domain.pin(thread.record));
        thread
    }
}

/// A thread of a model, with the log of its operations.
pub(super) struct Thread<C: Cell> {
    pub(super) world: Arc<World<C>>,
    record: &'static Record,
    log: RefCell<Vec<Op>>,
}

impl<C: Cell> Thread<C> {
    pub(super) fn pinned<R>(&self, f: impl FnOnce(&Raw<u64, C>, Pinned<'_>) -> R) -> R {
        let guard = self.world.domain.pin(self.record);
        f(&self.world.raw, guard.pinned())
    }

    pub(super) fn remove(&self, key: u64) -> bool {
        let (probe, hash) = Probe::new(&key, &HASHER);
        self.pinned(|raw, pinned| raw.remove(pinned, hash, probe).0)
    }

    /// Removes a key as the caches do, fast paths first.
    pub(super) fn remove_fast(&self, key: u64) -> bool {
        let (inline, hash) = Inline::new(&key, &HASHER).expect("an integer is a plain key");
        let removed = self.pinned(|raw, pinned| {
            raw.remove_at_home(pinned, hash, inline).or_else(|| raw.remove_in_bucket(pinned, hash, inline))
        });
        removed.map_or_else(|| self.remove(key), |removed| removed != Removed::Absent)
    }

    /// Gives the newest generation a next one of `buckets` buckets.
    pub(super) fn resize(&self, buckets: usize) {
        self.with_newest(|raw, pinned, table| {
            raw.follow(pinned, table, buckets);
        });
    }

    /// Continues to give the newest generation a larger next one, which is cleared one bucket at a time.
    pub(super) fn grow(&self) {
        self.with_newest(|raw, pinned, table| {
            raw.grow(pinned, table);
        });
    }

    fn with_newest(&self, f: impl FnOnce(&Raw<u64, C>, Pinned<'_>, &Table<C>)) {
        self.pinned(|raw, pinned| {
            let mut table = raw.root(pinned);
            while let Some(next) = table.next() {
                table = next;
            }
            f(raw, pinned, table);
        });
    }

    /// Moves the epoch on up to `times` times.
    pub(super) fn move_on(&self, times: usize) {
        for _ in 0..times {
            self.world.domain.try_move(Some(self.record), Effort::Usual);
        }
    }

    /// Moves up to `buckets` buckets to the next generation, if they may move yet.
    pub(super) fn assist(&self, buckets: usize) -> Assist {
        self.pinned(|raw, pinned| raw.assist(pinned, &HASHER, buckets))
    }

    /// Finishes a resizing, as far as the other threads allow.
    pub(super) fn move_all(&self) {
        self.move_on(3);
        self.assist(usize::MAX);
    }

    /// Collects garbage.
    pub(super) fn collect(&self) {
        self.world.domain.collect(Some(self.record));
    }
}

impl Thread<AtomicI64> {
    fn log(&self, op: Op) {
        self.log.borrow_mut().push(op);
    }

    pub(super) fn get(&self, key: u64) -> Option<i64> {
        let (probe, hash) = Probe::new(&key, &HASHER);
        let value = self.pinned(|raw, pinned| raw.get(pinned, hash, probe));
        self.log(Op::Get(key, value));
        value
    }

    /// Looks for a key in its home pair only: few steps, for models of three threads. Not logged.
    pub(super) fn look(&self, key: u64) -> Option<i64> {
        let (probe, hash) = Probe::new(&key, &HASHER);
        self.pinned(|raw, pinned| {
            let table = raw.root(pinned);
            table.find_at_home(table.bucket(hash), hash, probe).map(|spot| spot.cell().word())
        })
    }

    /// Looks for a key everywhere. Not logged.
    pub(super) fn find(&self, key: u64) -> Option<i64> {
        let (probe, hash) = Probe::new(&key, &HASHER);
        self.pinned(|raw, pinned| raw.get(pinned, hash, probe))
    }

    /// Calls `f` with the value of a present key, under the pin under which it was found. Not logged.
    pub(super) fn with_found(&self, key: u64, f: impl FnOnce(&AtomicI64)) {
        let (inline, hash) = Inline::new(&key, &HASHER).expect("an integer is a plain key");
        self.pinned(|raw, pinned| match raw.seek(pinned, hash, inline) {
            AtHome::Found(cell) => f(cell),
            AtHome::Nothing | AtHome::Unclear => panic!("the key is not in its home pair"),
        });
    }

    /// Adds to a value that was found before, and logs it.
    pub(super) fn add_to(&self, key: u64, cell: &AtomicI64, delta: i64) {
        let sum = cell.fetch_add(delta, Ordering::AcqRel) + delta;
        self.log(Op::Add(key, delta, sum));
    }

    /// Calls `f` with the value of a present key, if the key is in its home pair.
    fn fast_update<R>(&self, key: u64, f: impl FnOnce(&AtomicI64) -> Option<R>) -> Option<R> {
        let (inline, hash) = Inline::new(&key, &HASHER)?;
        self.pinned(|raw, pinned| match raw.seek(pinned, hash, inline) {
            AtHome::Found(cell) => f(cell),
            AtHome::Nothing | AtHome::Unclear => None,
        })
    }

    pub(super) fn set(&self, key: u64, value: i64) {
        let set = |cell: &AtomicI64| {
            cell.store(value, Ordering::Release);
            Some(())
        };
        if self.fast_update(key, set).is_none() {
            let (probe, hash) = Probe::new(&key, &HASHER);
            self.pinned(|raw, pinned| raw.upsert(pinned, hash, probe, value, &mut { set }));
        }
        self.log(Op::Set(key, value));
    }

    pub(super) fn add(&self, key: u64, delta: i64) {
        let add = |cell: &AtomicI64| Some(cell.fetch_add(delta, Ordering::AcqRel) + delta);
        let sum = self.fast_update(key, add).unwrap_or_else(|| {
            let (probe, hash) = Probe::new(&key, &HASHER);
            match self.pinned(|raw, pinned| raw.upsert(pinned, hash, probe, delta, &mut { add })).0 {
                Upsert::Found(sum) => sum,
                Upsert::Inserted => delta,
            }
        });
        self.log(Op::Add(key, delta, sum));
    }

    /// Adds as the cache does, fast paths first.
    pub(super) fn add_fast(&self, key: u64, delta: i64) {
        let add = |cell: &AtomicI64| cell.fetch_add(delta, Ordering::AcqRel) + delta;
        let (inline, hash) = Inline::new(&key, &HASHER).expect("an integer is a plain key");
        let sum = self.pinned(|raw, pinned| match raw.seek(pinned, hash, inline) {
            AtHome::Found(cell) => Some(add(cell)),
            AtHome::Unclear => None,
            AtHome::Nothing if raw.insert_at_home::<true>(pinned, hash, inline, delta) => Some(delta),
            AtHome::Nothing => match raw.upsert_in_bucket(pinned, hash, inline, delta)? {
                Upsert::Found(cell) => Some(add(cell)),
                Upsert::Inserted => Some(delta),
            },
        });
        match sum {
            Some(sum) => self.log(Op::Add(key, delta, sum)),
            None => self.add(key, delta),
        }
    }

    /// Removes a key as the cache does, fast paths first, and logs it.
    pub(super) fn del_fast(&self, key: u64) {
        let there = self.remove_fast(key);
        self.log(Op::Del(key, there));
    }

    /// Adds, unless the sum would be below 0.
    pub(super) fn try_add(&self, key: u64, delta: i64) {
        let try_add = |cell: &AtomicI64| {
            let mut current = cell.load(Ordering::Acquire);
            loop {
                let sum = current + delta;
                if sum < 0 {
                    return Some(Err(current));
                }
                match cell.compare_exchange_weak(current, sum, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return Some(Ok(sum)),
                    Err(seen) => current = seen,
                }
            }
        };
        let result = self.fast_update(key, try_add).or_else(|| {
            let (probe, hash) = Probe::new(&key, &HASHER);
            self.pinned(|raw, pinned| raw.update(pinned, hash, probe, &mut { try_add })).0
        });
        self.log(Op::TryAdd(key, delta, result));
    }

    pub(super) fn del(&self, key: u64) {
        let there = self.remove(key);
        self.log(Op::Del(key, there));
    }

    /// Removes a key, and logs its last value.
    pub(super) fn take(&self, key: u64) {
        let last = match self.remove_if(key, None) {
            Removal::Removed(last) => Some(last),
            _ => None,
        };
        self.log(Op::Take(key, last));
    }

    /// Removes a key if it has this value.
    pub(super) fn del_if(&self, key: u64, value: i64) {
        let removed = matches!(self.remove_if(key, Some(value)), Removal::Removed(_));
        self.log(Op::DelIf(key, value, removed));
    }

    fn remove_if(&self, key: u64, expected: Option<i64>) -> Removal<i64, i64> {
        loop {
            let (probe, hash) = Probe::new(&key, &HASHER);
            match self.pinned(|raw, pinned| raw.remove_if(pinned, hash, probe, expected)).0 {
                Removal::Unsettled => thread::yield_now(),
                removal => return removal,
            }
        }
    }

    /// Calls `f` as the closure of a read.
    pub(super) fn in_closure(&self, f: impl FnOnce()) {
        let guard = self.world.domain.pin(self.record);
        let _rest = guard.rest();
        f();
    }

    /// Enters and leaves a section of the newest generation: other threads write under locks from then on.
    pub(super) fn serialize(&self) {
        self.with_newest(|_, pinned, table| drop(table.serialize(pinned)));
    }

    /// Moves this thread's log to the operations done before the threads began.
    pub(super) fn begin(&self) {
        self.world.before.lock().expect("no panic").append(&mut self.log.borrow_mut());
    }
}

/// The body of one thread of a model.
pub(super) type Body = Box<dyn FnOnce(&Thread<AtomicI64>) + Send>;

/// Runs the bodies concurrently, and checks that a sequential order explains their results and the final contents.
pub(super) fn race<const N: usize>(main: Thread<AtomicI64>, bodies: [Body; N]) {
    let mut bodies: Vec<_> = bodies.into_iter().collect();
    let last = bodies.pop().expect("a model has threads");
    let others = bodies.into_iter().map(|body| (main.world.thread(), body)).collect::<Vec<_>>();
    run(main, others, last);
}

/// Does what [`race`] does, with threads that were made before.
pub(super) fn race_of<const N: usize>(
    main: Thread<AtomicI64>,
    others: [(Thread<AtomicI64>, Body); N],
    last: Body,
) {
    run(main, others.into(), last);
}

fn run(main: Thread<AtomicI64>, others: Vec<(Thread<AtomicI64>, Body)>, last: Body) {
    main.begin();
    let world = main.world.clone();
    let spawned: Vec<_> = others
        .into_iter()
        .map(|(thread, body)| {
            let thread = Sending(thread);
            thread::spawn(move || {
                let Sending(thread) = { thread };
                body(&thread);
                thread.log.into_inner()
            })
        })
        .collect();
    last(&main);
    let mut logs = vec![main.log.take()];
    logs.extend(spawned.into_iter().map(|thread| thread.join().expect("it did not panic")));
    let before = world.before.lock().expect("no panic").clone();
    let mut keys: Vec<_> = before.iter().chain(logs.iter().flatten()).map(|op| op.key()).collect();
    keys.sort_unstable();
    keys.dedup();
    let there = keys.iter().filter(|key| main.get(**key).is_some()).count();
    let after = main.log.take();
    assert!(explained(&before, &logs, &after), "before {before:?}, at once {logs:?}, after {after:?}");
    assert_eq!(world.raw.len(), there);
}

/// A thread of the model, to be sent to the thread that runs it.
struct Sending(Thread<AtomicI64>);

// SAFETY: one thread uses it at a time.
unsafe impl Send for Sending {}

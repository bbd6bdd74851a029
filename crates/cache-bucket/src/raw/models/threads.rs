//! Threads that use one table.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher};
use std::ptr;
use std::sync::{Arc, Mutex};

use loom::thread;

use super::history::{Op, explained};
use crate::primitive::{AtomicI64, Ordering};
use crate::raw::table::Table;
use crate::raw::{Assist, Cell, Inline, Near, Probe, Raw, Removed, Upsert};
use crate::reclaim::{Domain, Effort, Pinned, Record};

/// A hasher that leaves numbers as they are; the table spreads their bits.
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

/// The first `N` keys whose hashes have the lowest three bits of a bucket's number as `which` says.
pub(super) fn keys<const N: usize>(which: impl Fn(u64) -> bool) -> [u64; N] {
    let mut all = (1..).filter(|key| which(Probe::new(key, &HASHER).1.index() & 7));
    std::array::from_fn(|_| all.next().expect("there are plenty"))
}

/// Two keys that a look-up takes for each other until it compares them.
pub(super) fn keys_of_one_lane() -> [u64; 2] {
    let hash = |key: u64| Probe::new(&key, &HASHER).1;
    let like = |key| hash(key).tag() == hash(1).tag() && hash(key).index() & 7 == hash(1).index() & 7;
    [1, (2..).find(|&key| like(key)).expect("there are plenty")]
}

/// A table and its domain, in one model.
pub(super) struct World<C: Cell> {
    // In this order: what the table holds is freed before the domain goes.
    pub(super) raw: Raw<u64, C>,
    domain: Box<Domain>,
    /// What was done before the threads began.
    before: Mutex<Vec<Op>>,
}

impl<C: Cell> World<C> {
    /// A table with so many buckets, whose epoch never moves: no fence hides that an ordering is missing.
    pub(super) fn still(buckets: usize) -> Arc<Self> {
        Self::new(buckets, false)
    }

    /// The same with a domain whose epoch can move on.
    pub(super) fn moving(buckets: usize) -> Arc<Self> {
        Self::new(buckets, true)
    }

    /// A table that is empty and has no buckets yet. Its epoch never moves.
    pub(super) fn vacant() -> Arc<Self> {
        Self::of(Raw::new(0, false), false)
    }

    fn new(buckets: usize, fenced: bool) -> Arc<Self> {
        Self::of(Raw::with_buckets(buckets), fenced)
    }

    fn of(raw: Raw<u64, C>, fenced: bool) -> Arc<Self> {
        Arc::new(Self { raw, domain: Box::new(Domain::new(fenced)), before: Mutex::default() })
    }

    /// A thread of its own; call it before the threads are spawned, so that joining is not part of the model.
    pub(super) fn thread(self: &Arc<Self>) -> Thread<C> {
        // SAFETY: a record lives as long as its domain, and the thread has a reference to that.
        let record = unsafe { &*ptr::from_ref(self.domain.join()) };
        Thread { world: self.clone(), record, log: RefCell::default() }
    }

    /// A thread that is pinned all the time: its operations have no fence.
    pub(super) fn pinned_thread(self: &Arc<Self>) -> Thread<C> {
        let thread = self.thread();
        std::mem::forget(self.domain.pin(thread.record));
        thread
    }
}

/// One thread's way to the table. Its operations are logged.
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

    /// As the caches do it, with all the quick ways.
    pub(super) fn remove_quickly(&self, key: u64) -> bool {
        let (inline, hash) = Inline::new(&key, &HASHER).expect("it is plain");
        let removed = self.pinned(|raw, pinned| {
            raw.remove_near(pinned, hash, inline).or_else(|| raw.remove_beyond(pinned, hash, inline))
        });
        removed.map_or_else(|| self.remove(key), |removed| removed != Removed::Absent)
    }

    /// Gives the newest generation one of so many buckets to follow it.
    pub(super) fn resize(&self, buckets: usize) {
        self.with_newest(|raw, pinned, table| {
            raw.follow(pinned, table, buckets);
        });
    }

    /// Gets on with giving the newest generation a larger one to follow it, which is cleared a bucket at a time.
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

    /// Moves the epoch on so many times, if it can.
    pub(super) fn move_on(&self, times: usize) {
        for _ in 0..times {
            self.world.domain.try_move(Some(self.record), Effort::Usual);
        }
    }

    /// Moves up to so many buckets to the next generation, if it is time.
    pub(super) fn assist(&self, buckets: usize) -> Assist {
        self.pinned(|raw, pinned| raw.assist(pinned, &HASHER, buckets))
    }

    /// Sees a resizing through, as far as the other threads let it.
    pub(super) fn move_all(&self) {
        self.move_on(3);
        self.assist(usize::MAX);
    }

    /// Frees what can be freed.
    pub(super) fn tidy(&self) {
        self.world.domain.tidy(Some(self.record));
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

    /// Looks for a key where it should be, and nowhere else: few steps, for models of three threads. Not logged.
    pub(super) fn look(&self, key: u64) -> Option<i64> {
        let (probe, hash) = Probe::new(&key, &HASHER);
        self.pinned(|raw, pinned| {
            let table = raw.root(pinned);
            table.find_near(table.bucket(hash), hash, probe).map(|spot| spot.cell().word())
        })
    }

    /// Looks for a key wherever it may be. Not logged.
    pub(super) fn find(&self, key: u64) -> Option<i64> {
        let (probe, hash) = Probe::new(&key, &HASHER);
        self.pinned(|raw, pinned| raw.get(pinned, hash, probe))
    }

    /// Calls `f` with the value of a key that is there, under the pin under which it was found. Not logged.
    pub(super) fn with_found(&self, key: u64, f: impl FnOnce(&AtomicI64)) {
        let (inline, hash) = Inline::new(&key, &HASHER).expect("it is plain");
        self.pinned(|raw, pinned| match raw.seek(pinned, hash, inline) {
            Near::Found(cell) => f(cell),
            Near::Nothing | Near::Unclear => panic!("the key is not where it should be"),
        });
    }

    /// Adds to a value that was found before.
    pub(super) fn add_to(&self, key: u64, cell: &AtomicI64, delta: i64) {
        let sum = cell.fetch_add(delta, Ordering::AcqRel) + delta;
        self.log(Op::Add(key, delta, sum));
    }

    /// As the cache does it: where the key should be, or else with every way there is.
    fn quick<R>(&self, key: u64, f: impl FnOnce(&AtomicI64) -> Option<R>) -> Option<R> {
        let (inline, hash) = Inline::new(&key, &HASHER)?;
        self.pinned(|raw, pinned| match raw.seek(pinned, hash, inline) {
            Near::Found(cell) => f(cell),
            Near::Nothing | Near::Unclear => None,
        })
    }

    pub(super) fn set(&self, key: u64, value: i64) {
        let set = |cell: &AtomicI64| {
            cell.store(value, Ordering::Release);
            Some(())
        };
        if self.quick(key, set).is_none() {
            let (probe, hash) = Probe::new(&key, &HASHER);
            self.pinned(|raw, pinned| raw.upsert(pinned, hash, probe, value, &mut { set }));
        }
        self.log(Op::Set(key, value));
    }

    pub(super) fn add(&self, key: u64, delta: i64) {
        let add = |cell: &AtomicI64| Some(cell.fetch_add(delta, Ordering::AcqRel) + delta);
        let sum = self.quick(key, add).unwrap_or_else(|| {
            let (probe, hash) = Probe::new(&key, &HASHER);
            match self.pinned(|raw, pinned| raw.upsert(pinned, hash, probe, delta, &mut { add })).0 {
                Upsert::Found(sum) => sum,
                Upsert::Inserted => delta,
            }
        });
        self.log(Op::Add(key, delta, sum));
    }

    /// As the cache does it, with all the quick ways.
    pub(super) fn add_quickly(&self, key: u64, delta: i64) {
        let add = |cell: &AtomicI64| cell.fetch_add(delta, Ordering::AcqRel) + delta;
        let (inline, hash) = Inline::new(&key, &HASHER).expect("it is plain");
        let sum = self.pinned(|raw, pinned| match raw.seek(pinned, hash, inline) {
            Near::Found(cell) => Some(add(cell)),
            Near::Unclear => None,
            Near::Nothing if raw.insert_near::<true>(pinned, hash, inline, delta) => Some(delta),
            Near::Nothing => match raw.upsert_beyond(pinned, hash, inline, delta)? {
                Upsert::Found(cell) => Some(add(cell)),
                Upsert::Inserted => Some(delta),
            },
        });
        match sum {
            Some(sum) => self.log(Op::Add(key, delta, sum)),
            None => self.add(key, delta),
        }
    }

    /// The same.
    pub(super) fn del_quickly(&self, key: u64) {
        let there = self.remove_quickly(key);
        self.log(Op::Del(key, there));
    }

    /// Adds unless it would go below 0.
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
        let result = self.quick(key, try_add).or_else(|| {
            let (probe, hash) = Probe::new(&key, &HASHER);
            self.pinned(|raw, pinned| raw.update(pinned, hash, probe, &mut { try_add })).0
        });
        self.log(Op::TryAdd(key, delta, result));
    }

    pub(super) fn del(&self, key: u64) {
        let there = self.remove(key);
        self.log(Op::Del(key, there));
    }

    /// Forgets that this thread did anything: it was before the others began.
    pub(super) fn begin(&self) {
        self.world.before.lock().expect("no panic").append(&mut self.log.borrow_mut());
    }
}

/// What one thread of a model does.
pub(super) type Body = Box<dyn FnOnce(&Thread<AtomicI64>) + Send>;

/// Runs the bodies at once, and checks that what they saw, and what is there afterwards, can have happened.
pub(super) fn race<const N: usize>(main: Thread<AtomicI64>, bodies: [Body; N]) {
    let mut bodies: Vec<_> = bodies.into_iter().collect();
    let last = bodies.pop().expect("a model has threads");
    let others = bodies.into_iter().map(|body| (main.world.thread(), body)).collect::<Vec<_>>();
    run(main, others, last);
}

/// The same with threads that were made before.
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

/// A thread that is handed to the one that will be it.
struct Sending(Thread<AtomicI64>);

// SAFETY: it is one thread's at a time.
unsafe impl Send for Sending {}

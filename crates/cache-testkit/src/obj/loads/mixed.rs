//! Random loads from threads and tasks on a few keys: errors, panics, dropped futures, nested loads, writes.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use cache_core::{Backend, DefaultHashBuilder, LoadError, ObjCache, ObjCacheAsyncExt, ObjCacheExt, Options};

use super::overlap::Overlap;
use super::tasks::caught;
use crate::quiet::is_quiet;
use crate::scale::budget;
use crate::tasks::within_polls;
use crate::threads::{RaiseAtEnd, together};
use crate::{Random, Tasks, fresh_seed, quiet_panic, scale, yield_now};

const KEYS: usize = 3;

/// The maximum depth of nested loads.
const DEPTH: usize = 2;

/// The number of tasks at a time on each executor thread.
const TASKS: usize = 40;

/// The loaded object: its key, and the version of the source.
type Object = (usize, u64);

/// The source of one key, and the loaders that read it.
#[derive(Default)]
struct Source {
    version: AtomicU64,
    /// Stored after the cache was written. A caller that reads this and then asks must get at least this version.
    floor: AtomicU64,
    overlap: Overlap,
}

struct Scene<B: Backend> {
    cache: B::Obj<Object, u64, DefaultHashBuilder>,
    sources: [Source; KEYS],
}

/// How a loader ends.
enum End {
    Load,
    Fail,
    Panic,
}

impl End {
    fn any(random: &mut Random) -> Self {
        match random.below(8) {
            0 => End::Fail,
            1 => End::Panic,
            _ => End::Load,
        }
    }
}

impl<B: Backend> Scene<B> {
    fn new() -> Self {
        Self { cache: B::obj(Options::new()), sources: Default::default() }
    }

    /// Changes a source and then writes its key.
    fn write(&self, random: &mut Random) {
        let key = random.below(KEYS);
        let source = &self.sources[key];
        let version = source.version.load(Ordering::Relaxed) + 1;
        source.version.store(version, Ordering::Release);
        let all = random.one_in(8);
        let others = self.sources.iter().enumerate().filter(|(other, _)| all && *other != key);
        let others: Vec<_> = others.map(|(_, source)| &source.overlap).collect();
        let write = || match random.below(2) {
            _ if all && random.one_in(2) => self.cache.clear(),
            _ if all => self.cache.retain(&mut |_, _| false),
            0 => drop(self.cache.del(&(key as u64))),
            _ => self.cache.insert(&(key as u64), (key, version)),
        };
        match *others {
            [one, other] => one.write(|| other.write(|| source.overlap.write(write))),
            _ => source.overlap.write(write),
        }
        source.floor.store(version, Ordering::Release);
        if random.one_in(4) {
            thread::yield_now();
        }
    }

    /// Asks for a key in a thread.
    fn ask(&self, random: &mut Random, key: usize, depth: usize) -> Result<Object, LoadError<usize>> {
        let source = &self.sources[key];
        let least = source.floor.load(Ordering::Acquire);
        let asked = source.overlap.ask();
        let load = || {
            let _loading = source.overlap.load(asked);
            let version = source.version.load(Ordering::Acquire);
            (0..random.below(3)).for_each(|_| thread::yield_now());
            if depth > 0 && random.one_in(3) {
                let other = random.below(KEYS);
                let got = self.ask(random, other, depth - 1);
                assert!(other != key || is_answer_to_own(&got), "its own key: {got:?}");
            }
            match End::any(random) {
                End::Load => Ok((key, version)),
                End::Fail => Err(key),
                End::Panic => quiet_panic(),
            }
        };
        let got = self.cache.get_or_try_insert_with(&(key as u64), load).map(|object| *object);
        check(key, least, &got);
        got
    }

    /// Asks for a key in a task.
    async fn ask_async(
        &self,
        random: &mut Random,
        key: usize,
        depth: usize,
    ) -> Result<Object, LoadError<usize>> {
        let source = &self.sources[key];
        let least = source.floor.load(Ordering::Acquire);
        let asked = source.overlap.ask();
        let load = async || {
            let _loading = source.overlap.load(asked);
            let version = source.version.load(Ordering::Acquire);
            for _ in 0..random.below(3) {
                yield_now().await;
            }
            if depth > 0 && random.one_in(3) {
                let other = random.below(KEYS);
                let polls = 1 + random.below(20);
                let got = within_polls(polls, Box::pin(self.ask_async(random, other, depth - 1))).await;
                let answer = got.as_ref().is_none_or(is_answer_to_own);
                assert!(other != key || answer, "its own key: {got:?}");
            }
            match End::any(random) {
                End::Load => Ok((key, version)),
                End::Fail => Err(key),
                End::Panic => quiet_panic(),
            }
        };
        let got = self.cache.get_or_try_load_async(&(key as u64), load).await.map(|object| *object);
        check(key, least, &got);
        got
    }
}

/// Checks that a result belongs to the key and is not older than `least`.
fn check(key: usize, least: u64, got: &Result<Object, LoadError<usize>>) {
    match got {
        Ok((of, version)) => {
            assert_eq!(*of, key);
            assert!(*version >= least, "version {version} was given after {least} was written");
        }
        Err(error) => assert!(error.failure().is_none_or(|of| *of == key), "{error:?} of key {key}"),
    }
}

/// Whether a loader that asks for its own key may get this. If a write made it stale, another load may have published.
fn is_answer_to_own(got: &Result<Object, LoadError<usize>>) -> bool {
    matches!(got, Ok(_) | Err(LoadError::Recursive))
}

/// Threads and tasks ask for a few keys while these are written. Loaders fail, panic, ask for other keys, and are dropped
/// at any `await`. Every caller ends. Two loaders of a key run at once only if a write came between them. No caller gets
/// an object of another key, or one that was overwritten before it asked.
pub fn threads_and_tasks<B: Backend>() {
    let seed = fresh_seed();
    let scene = Scene::<B>::new();
    let written = AtomicBool::new(false);
    let run = || {
        together(5, |thread| {
            let mut random = Random::new(seed ^ thread as u64);
            match thread {
                0 => {
                    let _end = RaiseAtEnd(&written);
                    let end = Instant::now() + budget();
                    let rounds = (0..scale(3000)).take_while(|_| Instant::now() < end);
                    rounds.for_each(|_| scene.write(&mut random));
                }
                1 | 2 => {
                    while !written.load(Ordering::Acquire) {
                        let key = random.below(KEYS);
                        let asked = catch_unwind(AssertUnwindSafe(|| scene.ask(&mut random, key, DEPTH)));
                        if let Err(payload) = asked
                            && !is_quiet(&*payload)
                        {
                            resume_unwind(payload);
                        }
                    }
                }
                _ => {
                    while !written.load(Ordering::Acquire) {
                        let mut tasks = Tasks::new();
                        for _ in 0..TASKS {
                            let mut random = Random::new(random.next());
                            let scene = &scene;
                            tasks.spawn(async move {
                                let (key, polls) = (random.below(KEYS), 1 + random.below(30));
                                let asked = scene.ask_async(&mut random, key, DEPTH);
                                caught(within_polls(polls, asked)).await;
                            });
                        }
                        tasks.run();
                    }
                }
            }
        });
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        eprintln!("HOTCACHE_TEST_SEED={seed}");
        resume_unwind(payload)
    });
    for (key, source) in scene.sources.iter().enumerate() {
        assert_eq!(source.overlap.running(), 0, "seed {seed}");
        let version = source.version.load(Ordering::Acquire);
        let there = scene.cache.get(&(key as u64));
        assert!(there.is_none_or(|there| *there == (key, version)), "a stale object stays; seed {seed}");
        scene.cache.get_or_insert_with(&(key as u64), || (key, version));
    }
}

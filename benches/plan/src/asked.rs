//! Turns flags into a task, or into an error that names the flag.

use std::path::PathBuf;

use crate::key_count::{MAX_KEY_VARIABLE, OWN_KEY_BATCH};
use crate::key_len::long_enough;
use crate::kinds::{self, DEFAULT_KEY_LEN};
use crate::row::{BOUNDED_ONLY, ROWS};
use crate::task::{Adapters, Latency, Memory, Task, Trace};
use crate::{
    Bounded, BoundedWork, Cache, Flags, Garbage, HitRatio, KeyCount, Kind, Matrix, NamedTrace, Op, Pace,
    Rate, Refusal, Requests, Row, modes, trace_file,
};

impl Flags {
    /// The task that these flags ask for, given the value of [`MAX_KEY_VARIABLE`] if it is set.
    ///
    /// # Errors
    ///
    /// If the flags are invalid. The message names the flag.
    pub fn task(&self, max_key_variable: Option<&str>) -> Result<Task, Refusal> {
        modes::check(self)?;
        let counts = [
            ("--threads", self.threads.contains(&0)),
            ("--key-len", self.key_len.contains(&0)),
            ("--passes", self.passes == Some(0)),
        ];
        if let Some((flag, _)) = counts.iter().find(|(_, is_zero)| *is_zero) {
            return Err(Refusal::new(format!("{flag} is 0, and must be at least 1")));
        }
        if let Some(many) = self.threads.iter().find(|threads| **threads > MOST_THREADS) {
            return Err(Refusal::new(format!(
                "{many} --threads are too many: at most {MOST_THREADS} are allowed"
            )));
        }
        let max_key = self.max_key(max_key_variable)?;
        if !self.trace.is_empty() || self.memory || self.adapters || self.latency || self.bounded {
            self.no_other_program()?;
        }
        if !(self.memory || self.bounded) {
            self.no_bounded_only()?;
        }
        if self.redis {
            return Ok(Task::Redis { quick: self.quick });
        }
        if self.gate {
            return Ok(Task::Gate { quick: self.quick });
        }
        if self.hit_ratio {
            return self.hit_ratio();
        }
        if self.bounded {
            return self.bounded(&max_key);
        }
        match &self.trace[..] {
            [] => {}
            [file] => return self.trace(file.clone()),
            _ => return Err(Refusal::new("--trace takes one file, unless --hit-ratio is given")),
        }
        if self.memory {
            return self.memory(&max_key);
        }
        if self.adapters {
            return self.adapters(&max_key);
        }
        if self.latency {
            return self.latency(&max_key);
        }
        self.matrix(&max_key)
    }

    /// Rejects rows in Go in modes that do not support them.
    fn no_other_program(&self) -> Result<(), Refusal> {
        match self.backends.iter().find(|row| row.go.is_some()) {
            Some(row) => Err(Refusal::new(format!(
                "`{row}` is in Go, where single operations are measured, and neither --trace, --memory, --adapters, --latency nor --bounded"
            ))),
            None => Ok(()),
        }
    }

    /// Rejects rows that have no map without a bound in modes that measure such maps only.
    fn no_bounded_only(&self) -> Result<(), Refusal> {
        match self.backends.iter().find(|row| row.is_only_bounded()) {
            Some(row) => Err(Refusal::new(format!(
                "`{row}` is a bounded cache, which is measured with --bounded, --memory and --hit-ratio only"
            ))),
            None => Ok(()),
        }
    }

    /// The name under which the run will be saved, if it will be.
    #[must_use]
    pub fn saved_as(&self) -> Option<&str> {
        self.output.save.as_deref().or(self.full.then_some("full"))
    }

    fn max_key(&self, variable: Option<&str>) -> Result<Vec<KeyCount>, Refusal> {
        match variable {
            _ if !self.max_key.is_empty() => Ok(self.max_key.clone()),
            Some(text) => KeyCount::parse_list(text)
                .map_err(|why| Refusal::new(format!("{MAX_KEY_VARIABLE}={text}: {why}"))),
            None => Ok(Vec::new()),
        }
    }

    fn matrix(&self, max_key: &[KeyCount]) -> Result<Task, Refusal> {
        let pace = match self {
            Flags { full: true, .. } => Pace::FULL,
            Flags { quick: true, .. } => Pace::QUICK,
            _ => Pace::DEFAULT,
        };
        let pace = self.passes.map_or(pace, |passes| pace.with_passes(passes));
        let works = kinds::works(self, max_key, &pace)?;
        let rows = self.rows(|row| !self.quick || matches!(row.kind, Kind::Backend));
        let hit_ratio = (!self.quick && self.is_unrestricted(max_key)).then_some(HitRatio::SMALL);
        Ok(Task::Matrix(Matrix { rows, works, pace, hit_ratio }))
    }

    /// Whether no flag chooses what the matrix consists of, but for `--quick` and `--full`.
    fn is_unrestricted(&self, max_key: &[KeyCount]) -> bool {
        let Flags { backends, caches, ops, threads, key_type, key_len, dist, mix, profile, .. } = self;
        let Flags { hot_key, churn, grow, .. } = self;
        let axes = backends.is_empty() && caches.is_empty() && threads.is_empty() && dist.is_empty();
        let keys = max_key.is_empty() && key_type.is_empty() && key_len.is_empty() && !hot_key;
        axes && keys && ops.is_empty() && mix.is_empty() && profile.is_empty() && !churn && !grow
    }

    fn hit_ratio(&self) -> Result<Task, Refusal> {
        let mut traces: Vec<NamedTrace> = Vec::new();
        for file in &self.trace {
            trace_file::check(file)?;
            let (name, file) = (trace_file::name(file)?, file.clone());
            if traces.iter().any(|other| other.name == name) {
                return Err(Refusal::new(format!(
                    "--trace: two files are named `{name}`; rename one of them"
                )));
            }
            traces.push(NamedTrace { file, name });
        }
        let sizes = if self.quick { HitRatio::SMALL } else { HitRatio::WHOLE };
        Ok(Task::HitRatio(HitRatio { traces, capacities: or(&self.capacity, &[]), ..sizes }))
    }

    fn bounded(&self, max_key: &[KeyCount]) -> Result<Task, Refusal> {
        let pace = if self.quick { Pace::QUICK } else { Pace::DEFAULT };
        let pace = self.passes.map_or(pace, |passes| pace.with_passes(passes));
        if let Some(row) = self.backends.iter().find(|row| !row.is_bounded() && row.kind != Kind::Floor) {
            let bounded = ROWS.iter().chain(BOUNDED_ONLY).filter(|row| row.is_bounded());
            let names: Vec<_> = bounded.map(|row| row.name).collect();
            return Err(Refusal::new(format!(
                "`{row}` has no bounded cache, as --bounded needs; there are: {}",
                names.join(", ")
            )));
        }
        let sizes = if self.quick { QUICK_BOUNDED } else { WHOLE_BOUNDED };
        let sizes = or(max_key, &sizes);
        if sizes.iter().any(|keys| keys.is_own()) {
            return Err(Refusal::new("--bounded needs key counts above 0"));
        }
        let threads = or(&self.threads, &[1, 2]);
        let hits = |expires| sizes.iter().map(move |keys| Requests::Hits { keys: keys.0, expires });
        // A cache of a hundred entries is no cache to evict from, unless it is asked for.
        let is_large = |keys: &&KeyCount| !max_key.is_empty() || keys.0 >= LEAST_EVICTING;
        let misses = sizes.iter().filter(is_large).map(|keys| Requests::Misses { capacity: keys.0 });
        let mixes = Requests::MIX_PERCENTS.map(|percent| Requests::Mix { percent });
        let of_all_threads = hits(false).chain(hits(true)).chain(misses).chain(mixes);
        let works = of_all_threads
            .flat_map(|requests| threads.iter().map(move |&threads| BoundedWork { requests, threads }));
        let largest = sizes.iter().map(|keys| keys.0).max().unwrap_or(LEAST_EVICTING);
        let timed = [Requests::Evicting { capacity: largest }, Requests::Expiring { keys: largest }];
        let timed = timed.map(|requests| BoundedWork { requests, threads: 1 });
        let works: Vec<_> = works.chain(timed).collect();
        for work in &works {
            // Those of the cache, of as many turnovers, and what is asked for meanwhile.
            long_enough(BoundedWork::KEY_LEN, work.requests.capacity().saturating_mul(4))?;
        }
        let mut rows: Vec<_> = ROWS.iter().filter(|row| row.name == EMPTY).collect();
        rows.extend(self.bounded_rows());
        Ok(Task::Bounded(Bounded { rows, works, pace }))
    }

    /// The rows asked for that have a bounded cache; without any, that of the default backend and the peers'.
    fn bounded_rows(&self) -> Vec<&'static Row> {
        let wanted = |row: &&Row| match &self.backends[..] {
            [] => row.kind == Kind::Peer || row.name == DEFAULT_BACKEND,
            asked => asked.contains(row),
        };
        ROWS.iter().chain(BOUNDED_ONLY).filter(|row| row.is_bounded()).filter(wanted).collect()
    }

    fn latency(&self, max_key: &[KeyCount]) -> Result<Task, Refusal> {
        if let Some(op) = self.ops.iter().find(|op| matches!(op, Op::Insert | Op::Del | Op::GetMany)) {
            return Err(Refusal::new(format!(
                "`{op}` is not measured with --latency; there are get, set, add, with, grow, --churn, --mix and --profile"
            )));
        }
        if max_key.iter().any(|keys| keys.is_own()) {
            return Err(Refusal::new("--latency needs key counts above 0"));
        }
        let works = kinds::works(self, max_key, &Pace::DEFAULT)?;
        let rows = self.rows(|row| row.kind == Kind::Backend);
        Ok(Task::Latency(Latency { rows, works, rate: self.rate.unwrap_or(HALF) }))
    }

    fn trace(&self, file: PathBuf) -> Result<Task, Refusal> {
        trace_file::check(&file)?;
        Ok(Task::Trace(Trace {
            name: trace_file::name(&file)?,
            file,
            caches: or(&self.caches, &Cache::ALL),
            rows: self.rows(|row| row.kind == Kind::Backend),
            threads: or(&self.threads, &[1, 2]),
        }))
    }

    fn memory(&self, max_key: &[KeyCount]) -> Result<Task, Refusal> {
        let usual = if self.quick { QUICK_KEYS } else { KeyCount(OWN_KEY_BATCH) };
        let keys = one("--memory", "--max-key", max_key, usual)?.0;
        let key_len = one("--memory", "--key-len", &self.key_len, DEFAULT_KEY_LEN)?;
        if keys == 0 {
            return Err(Refusal::new("--memory needs a key count above 0"));
        }
        // Growth goes to twice the keys, and churn replaces each of them twice.
        long_enough(key_len, keys.saturating_mul(4))?;
        let rows = self.stores(|row| row.kind == Kind::Backend);
        let garbage = if self.quick { Garbage::QUICK } else { Garbage::FULL };
        let caches = or(&self.caches, &Cache::ALL);
        // They hold objects. A row without one is measured as a map all the same.
        let bounded = if caches.contains(&Cache::Obj) { self.bounded_rows() } else { Vec::new() };
        Ok(Task::Memory(Memory { caches, rows, keys, key_len, garbage, bounded }))
    }

    fn adapters(&self, max_key: &[KeyCount]) -> Result<Task, Refusal> {
        let max_key = or(max_key, &[KeyCount(100), KeyCount(1_000_000)]);
        let keys: Vec<_> = max_key.iter().map(|count| count.0).collect();
        let key_len = one("--adapters", "--key-len", &self.key_len, DEFAULT_KEY_LEN)?;
        for &keys in &keys {
            if keys == 0 {
                return Err(Refusal::new("--adapters needs key counts above 0"));
            }
            long_enough(key_len, keys)?;
        }
        let rows = self.stores(|row| row.by_hand().is_some());
        if let Some(row) = rows.iter().find(|row| row.by_hand().is_none()) {
            return Err(Refusal::new(format!(
                "`{row}` has no map to use by hand beside it, as --adapters needs"
            )));
        }
        Ok(Task::Adapters(Adapters { rows, keys, key_len, rounds: 20 }))
    }

    /// The rows asked for, or those that are wanted by default; the floors always.
    fn rows(&self, by_default: impl Fn(&Row) -> bool) -> Vec<&'static Row> {
        let wanted = |row: &&Row| {
            row.kind == Kind::Floor
                || if self.backends.is_empty() { by_default(row) } else { self.backends.contains(row) }
        };
        ROWS.iter().filter(wanted).collect()
    }

    /// As [`rows`](Flags::rows), without the floors: they store nothing.
    fn stores(&self, by_default: impl Fn(&Row) -> bool) -> Vec<&'static Row> {
        let mut rows = self.rows(by_default);
        rows.retain(|row| row.kind != Kind::Floor);
        rows
    }
}

/// Twice what the largest machines have; each brings keys of its own into memory.
const MOST_THREADS: usize = 2_048;

/// Keys of a footprint in a quick run: enough for a table's own memory to be a small part.
const QUICK_KEYS: KeyCount = KeyCount(100_000);

/// The entries of `--bounded`: in a core's own cache, and in memory.
const WHOLE_BOUNDED: [KeyCount; 2] = [KeyCount(100), KeyCount(1_000_000)];

/// Those of `--bounded --quick`.
const QUICK_BOUNDED: [KeyCount; 2] = [KeyCount(100), KeyCount(100_000)];

/// The least entries of a cache whose misses are measured, unless others are asked for.
const LEAST_EVICTING: usize = 10_000;

/// The row of the loop alone.
const EMPTY: &str = "empty";

/// The backend of `hotcache::Cache`.
const DEFAULT_BACKEND: &str = "bucket";

/// A load that every row can bear, and under which a stall shows.
const HALF: Rate = Rate::Share(0.5);

/// Returns the requested values without duplicates, or the default if there are none.
pub(crate) fn or<T: Clone + PartialEq>(asked: &[T], default: &[T]) -> Vec<T> {
    let mut each_once = Vec::new();
    for one in if asked.is_empty() { default } else { asked } {
        if !each_once.contains(one) {
            each_once.push(one.clone());
        }
    }
    each_once
}

fn one<T: Copy>(with: &str, flag: &str, asked: &[T], default: T) -> Result<T, Refusal> {
    match asked {
        [] => Ok(default),
        [one] => Ok(*one),
        _ => Err(Refusal::new(format!("{flag} takes one value with {with}"))),
    }
}

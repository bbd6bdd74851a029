//! Turns flags into a task, or into an error that names the flag.

use std::path::PathBuf;

use crate::key_count::{MAX_KEY_VARIABLE, OWN_KEY_BATCH};
use crate::key_len::long_enough;
use crate::kinds::{self, DEFAULT_KEY_LEN};
use crate::row::ROWS;
use crate::task::{Adapters, Latency, Memory, Task, Trace};
use crate::{Cache, Flags, Garbage, KeyCount, Kind, Matrix, Op, Pace, Rate, Refusal, Row};
use crate::{modes, trace_file};

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
        if self.trace.is_some() || self.memory || self.adapters || self.latency {
            self.no_other_program()?;
        }
        if let Some(file) = &self.trace {
            return self.trace(file.clone());
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
                "`{row}` is in Go, where single operations are measured, and neither --trace, --memory, --adapters nor --latency"
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
        Ok(Task::Matrix(Matrix { rows, works, pace }))
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
        Ok(Task::Memory(Memory { caches: or(&self.caches, &Cache::ALL), rows, keys, key_len, garbage }))
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

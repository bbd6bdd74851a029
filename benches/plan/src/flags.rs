use std::path::PathBuf;

use clap::Args;

use crate::key_count::{MAX_KEY_VARIABLE, OWN_KEY_BATCH};
use crate::key_len::long_enough;
use crate::kinds::{self, DEFAULT_KEY_LEN};
use crate::row::ROWS;
use crate::task::{Adapters, Latency, Memory, Task, Trace};
use crate::{Cache, Dist, KeyCount, Kind, Matrix, Mix, Op, Output, Pace, Profile, Rate, Refusal, Row};

/// The flags of `cargo xtask bench`.
///
/// # Examples
///
/// ```
/// use clap::Parser;
/// use hotcache_bench_plan::{Flags, Task};
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(flatten)]
///     flags: Flags,
/// }
///
/// let cli = Cli::parse_from(["bench", "--quick", "--backends", "papaya,scc"]);
/// assert!(matches!(cli.flags.task(None), Ok(Task::Matrix(_))));
/// ```
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = EXAMPLES)]
pub struct Flags {
    /// A fixed small matrix: every backend, the empty loop and the roof, 1 and 2 threads, two key counts; less
    /// than three minutes.
    #[arg(long)]
    pub quick: bool,

    /// Every axis of the matrix, for hours: two distributions, four key counts, three key lengths, threads up to twice
    /// the cores, one hot key. What is done is kept as it grows, and an interrupted run goes on where it stopped; it is
    /// saved as `full` unless --save says otherwise.
    #[arg(long, conflicts_with_all = ["quick", "trace", "memory", "adapters"])]
    pub full: bool,

    /// With --full: begin anew, and give up what an interrupted run has measured.
    #[arg(long, requires = "full")]
    pub fresh: bool,

    /// How often the whole matrix is gone through, each time with maps built anew and with as much time for a cell: more
    /// passes find smaller changes, and take as much longer.
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["trace", "memory", "adapters"])]
    pub passes: Option<usize>,

    /// Measure these rows only, beside the empty loop and the roof.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = Row::named)]
    pub backends: Vec<&'static Row>,

    /// Measure these caches only: int, obj.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub caches: Vec<Cache>,

    /// Measure these operations only: get, set, add, insert, del; and those that are measured when asked for:
    /// get_many (16 keys at a time, time for each), with (an object where it lies), churn, reinsert, grow, mix.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub ops: Vec<Op>,

    /// Key counts; 0 gives every operation a key of its own, in batches of at most a million. Without this flag
    /// the variable maxKey counts.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',')]
    pub max_key: Vec<KeyCount>,

    /// Thread counts, any number; past the cores they share them.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',')]
    pub threads: Vec<usize>,

    /// Key lengths in bytes.
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    pub key_len: Vec<usize>,

    /// How often each key is asked for: uniform, zipf:0.99, hot (one key always).
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub dist: Vec<Dist>,

    /// Every thread on one key: get, set and add (with, for objects), in a map of that key alone or of --max-key.
    #[arg(long, conflicts_with_all = ["dist", "trace", "memory", "adapters"])]
    pub hot_key: bool,

    /// Operations by weight, such as get=90,add=9,del=1, of get, set, add, insert (if absent) and del. May be given
    /// several times.
    #[arg(long, value_name = "OP=WEIGHT,...", conflicts_with_all = ["hot_key", "trace", "memory", "adapters"])]
    pub mix: Vec<Mix>,

    /// Traffic as measured in production, 100000 keys unless --max-key says others: counter-hot, counter-churn,
    /// read-mostly, lists, write-heavy, balanced, with-deletes.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["hot_key", "key_len", "dist", "trace", "memory", "adapters"])]
    pub profile: Vec<Profile>,

    /// Keys that come and go at a constant number: new ones all the time (churn), and the same again (reinsert).
    #[arg(long, conflicts_with_all = ["hot_key", "trace", "memory", "adapters"])]
    pub churn: bool,

    /// Insert from empty to a million keys, or --max-key, in five maps each; and the longest single insert.
    #[arg(long, conflicts_with_all = ["hot_key", "trace", "memory", "adapters"])]
    pub grow: bool,

    /// Replay a trace: .lis (blocks) or Twitter's comma-separated format, plain or .zst.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["memory", "adapters", "quick", "ops", "max_key", "key_len", "dist"])]
    pub trace: Option<PathBuf>,

    /// Bytes per key after loading, while growing, after churn and after deleting all, each row in a process of
    /// its own.
    #[arg(long, conflicts_with_all = ["adapters", "quick", "ops", "threads", "dist"])]
    pub memory: bool,

    /// How long operations take that arrive on a fixed schedule, from the instant at which each was due: get, set, add,
    /// and growth from empty, at a million keys, one thread. Each row in a process of its own.
    #[arg(long, conflicts_with_all = ["trace", "memory", "adapters", "quick", "full"])]
    pub latency: bool,

    /// Arrivals a second of all threads together, such as 500000; or a share of what the slowest row can do, such as
    /// 50%, which is what is taken without this.
    #[arg(long, value_name = "RATE", requires = "latency")]
    pub rate: Option<Rate>,

    /// Each backend against its map used by hand, in interleaved rounds.
    #[arg(long, conflicts_with_all = ["quick", "caches", "ops", "threads", "dist"])]
    pub adapters: bool,

    /// What becomes of the run.
    #[command(flatten)]
    pub output: Output,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask bench --quick                                     which backend is fast here?
  cargo xtask bench --backends rwlock,papaya --threads 1,2,4    two backends, over threads
  cargo xtask bench --ops get --key-len 5,36 --dist zipf:0.99   reads of few hot keys, short and long
  cargo xtask bench --hot-key --threads 1,2,4                   all threads on one counter
  cargo xtask bench --ops get,get_many --max-key 1000000        one key at a time, or sixteen
  cargo xtask bench --mix get=90,add=9,del=1 --dist zipf:0.99   your own mix of operations
  cargo xtask bench --profile counter-hot,with-deletes          traffic as measured in production
  cargo xtask bench --churn --backends bucket,papaya            keys that come and go
  cargo xtask bench --grow --max-key 10000000 --caches int      from empty to ten million keys
  cargo xtask bench --trace requests.csv.zst                    your own recorded requests
  cargo xtask bench --full                                      everything, overnight; goes on after Ctrl-C
  cargo xtask bench --memory                                    bytes per key
  cargo xtask bench --latency --ops get,grow --rate 500000      stalls that a median hides
  cargo xtask bench --quick --save before                       keep the numbers, and after a change …
  cargo xtask bench --quick --compare before                    … see which cells it moved

Every line of numbers names its cell: cache/operation/keys/threads/distribution/key length/row.
docs/benchmarking.md says what they mean, and what they do not say.";

impl Flags {
    /// The task that these flags ask for, given the value of [`MAX_KEY_VARIABLE`] if it is set.
    ///
    /// # Errors
    ///
    /// If they ask for what is impossible; the message names it.
    pub fn task(&self, max_key_variable: Option<&str>) -> Result<Task, Refusal> {
        if self.threads.iter().chain(&self.key_len).chain(&self.passes).any(|n| *n == 0) {
            return Err(Refusal::new(
                "0 is not possible for --threads, --key-len and --passes: the least is 1",
            ));
        }
        if let Some(many) = self.threads.iter().find(|threads| **threads > MOST_THREADS) {
            return Err(Refusal::new(format!("{many} --threads are too many: the most is {MOST_THREADS}")));
        }
        let max_key = self.max_key(max_key_variable)?;
        self.only_cells_are_compared()?;
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

    /// Refuses to compare what is measured once: nothing tells then what of a difference is chance.
    fn only_cells_are_compared(&self) -> Result<(), Refusal> {
        let Flags { trace, memory, adapters, latency, output, .. } = self;
        let measured = [
            ("--trace", trace.is_some()),
            ("--memory", *memory),
            ("--adapters", *adapters),
            ("--latency", *latency),
        ];
        match measured.into_iter().find(|(_, asked)| *asked && output.compare.is_some()) {
            Some((flag, _)) => Err(Refusal::new(format!(
                "--compare is for cells of the matrix, whose passes tell a difference from chance; {flag} has none: save \
                 both runs with --save, and make a page of each with cargo xtask report"
            ))),
            None => Ok(()),
        }
    }

    /// Refuses rows that another program measures, for what is measured in this one.
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
        if !file.is_file() {
            return Err(Refusal::new(format!("there is no trace at {}", file.display())));
        }
        Ok(Task::Trace(Trace {
            file,
            caches: or(&self.caches, &Cache::ALL),
            rows: self.rows(|row| row.kind == Kind::Backend),
            threads: or(&self.threads, &[1, 2]),
        }))
    }

    fn memory(&self, max_key: &[KeyCount]) -> Result<Task, Refusal> {
        let keys = one("--max-key", max_key, KeyCount(OWN_KEY_BATCH))?.0;
        let key_len = one("--key-len", &self.key_len, DEFAULT_KEY_LEN)?;
        if keys == 0 {
            return Err(Refusal::new("--memory needs a key count above 0"));
        }
        // Growth goes to twice the keys, and churn replaces each of them twice.
        long_enough(key_len, keys.saturating_mul(4))?;
        let rows = self.stores(|row| row.kind == Kind::Backend);
        Ok(Task::Memory(Memory { caches: or(&self.caches, &Cache::ALL), rows, keys, key_len }))
    }

    fn adapters(&self, max_key: &[KeyCount]) -> Result<Task, Refusal> {
        let max_key = or(max_key, &[KeyCount(100), KeyCount(1_000_000)]);
        let keys: Vec<_> = max_key.iter().map(|count| count.0).collect();
        let key_len = one("--key-len", &self.key_len, DEFAULT_KEY_LEN)?;
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

/// A load that every row can bear, and under which a stall shows.
const HALF: Rate = Rate::Share(0.5);

/// What was asked, each once; or the default.
pub(crate) fn or<T: Clone + PartialEq>(asked: &[T], default: &[T]) -> Vec<T> {
    let mut each_once = Vec::new();
    for one in if asked.is_empty() { default } else { asked } {
        if !each_once.contains(one) {
            each_once.push(one.clone());
        }
    }
    each_once
}

fn one<T: Copy>(flag: &str, asked: &[T], default: T) -> Result<T, Refusal> {
    match asked {
        [] => Ok(default),
        [one] => Ok(*one),
        _ => Err(Refusal::new(format!("{flag} takes one value here"))),
    }
}

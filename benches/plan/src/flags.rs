use std::path::PathBuf;

use clap::Args;

use crate::{Cache, Dist, KeyCount, KeyType, Mix, Op, Output, Profile, Rate, Row};

/// The flags of `cargo xtask bench`.
///
/// Which flag goes with which mode is no matter of the parser's: [`task`](Flags::task) looks it up in a table.
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
    /// than three minutes. With --memory: fewer keys and less garbage, about a minute.
    #[arg(long)]
    pub quick: bool,

    /// Every axis of the matrix, for hours: two distributions, four key counts, three key lengths, threads up to twice
    /// the cores, one hot key. What is done is kept as it grows, and an interrupted run goes on where it stopped; it is
    /// saved as `full` unless --save says otherwise.
    #[arg(long)]
    pub full: bool,

    /// With --full: begin anew, and give up what an interrupted run has measured.
    #[arg(long)]
    pub fresh: bool,

    /// How often the whole matrix is gone through, each time with maps built anew and with as much time for a cell: more
    /// passes find smaller changes, and take as much longer.
    #[arg(long, value_name = "COUNT")]
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

    /// Types of keys: str, u64, pair (of u64). Without this flag text; and a few works with each other type, if nothing is
    /// said of keys and operations.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub key_type: Vec<KeyType>,

    /// Key lengths in bytes, of text.
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    pub key_len: Vec<usize>,

    /// How often each key is asked for: uniform, zipf:0.99, hot (one key always).
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub dist: Vec<Dist>,

    /// Every thread on one key: get, set and add (with, for objects), in a map of that key alone or of --max-key.
    #[arg(long, conflicts_with = "dist")]
    pub hot_key: bool,

    /// Operations by weight, such as get=90,add=9,del=1, of get, set, add, insert (if absent) and del. May be given
    /// several times.
    #[arg(long, value_name = "OP=WEIGHT,...", conflicts_with = "hot_key")]
    pub mix: Vec<Mix>,

    /// Traffic as measured in production, 100000 keys unless --max-key says others: counter-hot, counter-churn,
    /// read-mostly, lists, write-heavy, balanced, with-deletes.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["hot_key", "key_len", "key_type", "dist"])]
    pub profile: Vec<Profile>,

    /// Keys that come and go at a constant number: new ones all the time (churn), and the same again (reinsert).
    #[arg(long, conflicts_with = "hot_key")]
    pub churn: bool,

    /// Insert from empty to a million keys, or --max-key, in five maps each; and the longest single insert.
    #[arg(long, conflicts_with = "hot_key")]
    pub grow: bool,

    /// Replay a trace: .lis (blocks) or Twitter's comma-separated format, plain or .zst.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Bytes per key after loading, while growing, after churn and after deleting all; and garbage, the bytes that a map
    /// has retired and not freed, after one large object was replaced, by idle threads, by threads and caches that are
    /// short-lived, and after churn. Each row in a process of its own. Needs 4 GiB of memory, or 1 with --quick.
    #[arg(long)]
    pub memory: bool,

    /// How long operations take that arrive on a fixed schedule, from the instant at which each was due: get, set, add,
    /// and growth from empty, at a million keys, one thread. Each row in a process of its own.
    #[arg(long)]
    pub latency: bool,

    /// Arrivals a second of all threads together, such as 500000; or a share of what the slowest row can do, such as
    /// 50%, which is what is taken without this.
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,

    /// Each backend against its map used by hand, in interleaved rounds.
    #[arg(long)]
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
  cargo xtask bench --key-type str,u64,pair --ops get,insert    text, integers and pairs of them
  cargo xtask bench --hot-key --threads 1,2,4                   all threads on one counter
  cargo xtask bench --ops get,get_many --max-key 1000000        one key at a time, or sixteen
  cargo xtask bench --mix get=90,add=9,del=1 --dist zipf:0.99   your own mix of operations
  cargo xtask bench --profile counter-hot,with-deletes          traffic as measured in production
  cargo xtask bench --churn --backends bucket,papaya            keys that come and go
  cargo xtask bench --grow --max-key 10000000 --caches int      from empty to ten million keys
  cargo xtask bench --trace requests.csv.zst                    your own recorded requests
  cargo xtask bench --full                                      everything, overnight; goes on after Ctrl-C
  cargo xtask bench --memory                                    bytes per key, and garbage
  cargo xtask bench --memory --quick --backends papaya,bucket   in about a minute, two backends
  cargo xtask bench --latency --ops get,grow --rate 500000      stalls that a median hides
  cargo xtask bench --quick --save before                       keep the numbers, and after a change …
  cargo xtask bench --quick --compare before                    … see which cells it moved

Every line of numbers names its cell: cache/operation/keys/threads/distribution/key length/row.
docs/benchmarking.md says what they mean, and what they do not say.";

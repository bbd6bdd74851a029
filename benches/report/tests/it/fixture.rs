//! Made-up runs: realistic speeds, and the noise of a small virtual machine with neighbours.

use hotcache_report::{
    Bounded, BoundedMemory, Cell, Footprint, Garbage, HitRatio, Kind, Latency, Machine, Memory, Moment,
    Percentiles, Replay, Run, Skipped, Spread, Work,
};

/// A row: its name, its sort, and nanoseconds for a get of 100 keys and of a million with one thread.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    hot: f64,
    cold: f64,
    /// How many times as long an operation takes for each doubling of the threads.
    contention: f64,
    bytes: f64,
}

const fn row(name: &'static str, kind: Kind, hot: f64, cold: f64, contention: f64, bytes: f64) -> Row {
    Row { name, kind, hot, cold, contention, bytes }
}

/// The rows of a quick run.
pub(crate) const QUICK: &[Row] = &[
    row("empty", Kind::Floor, 1.5, 1.7, 1.0, 0.0),
    row("roof", Kind::Floor, 4.0, 43.0, 1.02, 8.0),
    row("rwlock-1", Kind::Backend, 16.3, 289.0, 3.8, 89.0),
    row("rwlock", Kind::Backend, 16.1, 253.0, 1.7, 91.0),
    row("dashmap", Kind::Backend, 16.9, 259.0, 2.0, 102.0),
    row("flurry", Kind::Backend, 29.9, 673.0, 1.1, 203.0),
    row("scc", Kind::Backend, 18.9, 319.0, 1.05, 119.0),
    row("papaya", Kind::Backend, 18.7, 284.0, 1.06, 87.0),
    row("bucket", Kind::Backend, 8.9, 120.0, 1.03, 55.0),
];

/// The rows that a default run adds.
pub(crate) const PEERS: &[Row] = &[
    row("dashmap-by-hand", Kind::ByHand, 16.7, 256.0, 2.0, 102.0),
    row("papaya-by-hand", Kind::ByHand, 18.5, 281.0, 1.06, 87.0),
    row("std-rwlock", Kind::Peer, 18.0, 295.0, 4.0, 90.0),
    row("moka", Kind::Peer, 120.0, 900.0, 1.4, 260.0),
    row("quick_cache", Kind::Peer, 35.0, 380.0, 1.8, 130.0),
];

/// Simulated disturbances of the machine, as shares of the time of an operation.
#[derive(Clone, Copy)]
pub(crate) struct Noise {
    /// From sample to sample of one cell.
    pub(crate) sample: f64,
    /// How likely a sample is wild, by up to twice its time.
    pub(crate) wild: f64,
    /// From run to run of one cell: where its memory happens to lie.
    pub(crate) cell: f64,
    /// From row to row: how the machine's speed wanders.
    pub(crate) drift: f64,
    /// How likely in each round a neighbour takes part of the machine for some rounds.
    pub(crate) burst: f64,
}

/// A machine that nobody else uses.
pub(crate) const STILL: Noise = Noise { sample: 0.004, wild: 0.0, cell: 0.004, drift: 0.002, burst: 0.0 };
/// A small virtual machine.
pub(crate) const USUAL: Noise = Noise { sample: 0.02, wild: 0.02, cell: 0.015, drift: 0.02, burst: 0.02 };
/// A machine with busy neighbours.
pub(crate) const BUSY: Noise = Noise { sample: 0.05, wild: 0.06, cell: 0.025, drift: 0.04, burst: 0.08 };

/// A simulated run: its rows, key counts, threads, rounds and cores.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) peers: bool,
    pub(crate) key_counts: &'static [u64],
    pub(crate) threads: &'static [usize],
    pub(crate) rounds: usize,
    pub(crate) cores: usize,
}

pub(crate) const QUICK_PLAN: Plan =
    Plan { peers: false, key_counts: &[100, 1_000_000], threads: &[1, 2], rounds: 5, cores: 2 };
pub(crate) const FULL_PLAN: Plan =
    Plan { peers: true, key_counts: &[100, 10_000, 1_000_000], threads: &[1, 2, 4], rounds: 10, cores: 2 };

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let z = (z ^ (z >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        ((z ^ (z >> 32)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Student's t with three degrees of freedom, scaled to a deviation of 1: now and then far out.
    fn heavy(&mut self) -> f64 {
        let chi: f64 = (0..3).map(|_| self.normal().powi(2)).sum();
        self.normal() / chi.sqrt()
    }
}

/// A run in which each row takes `slowed` times as long as it should.
pub(crate) fn run(plan: Plan, noise: Noise, seed: u64, slowed: impl Fn(&Row) -> f64) -> Run {
    let mut random = Random::new(seed);
    let mut run = Run::new(Machine { cores: plan.cores, ..machine() });
    let mut speed = 0.0;
    for (cache, ops) in
        [("int", &["get", "set", "add", "insert", "del"][..]), ("obj", &["get", "set", "insert", "del"])]
    {
        for op in ops {
            for &max_key in plan.key_counts {
                for &threads in plan.threads {
                    speed += noise.drift * random.normal();
                    let work = Work::new(cache, op, max_key, threads);
                    let rows = QUICK.iter().chain(if plan.peers { PEERS } else { &[] });
                    let rows: Vec<_> =
                        rows.filter(|row| row.name != "roof" || !matches!(*op, "insert" | "del")).collect();
                    cells(&mut run.cells, &work, &rows, plan, noise, speed, &slowed, &mut random);
                }
            }
        }
    }
    run
}

#[expect(clippy::too_many_arguments, reason = "the state of the simulated machine, used once")]
fn cells(
    cells: &mut Vec<Cell>,
    work: &Work,
    rows: &[&Row],
    plan: Plan,
    noise: Noise,
    speed: f64,
    slowed: &impl Fn(&Row) -> f64,
    random: &mut Random,
) {
    let levels: Vec<_> = rows
        .iter()
        .map(|row| (ns(row, work, plan.cores) * slowed(row)).ln() + speed + noise.cell * random.heavy())
        .collect();
    let mut samples = vec![Vec::new(); rows.len()];
    let (mut burst, mut left) = (0.0, 0);
    for _ in 0..plan.rounds {
        for (level, samples) in levels.iter().zip(&mut samples) {
            // A burst may begin and end between any two cells of a round.
            if left == 0 {
                burst = 0.0;
                if random.unit() < noise.burst / rows.len() as f64 {
                    burst = 0.2 + 0.6 * random.unit();
                    left = rows.len() * (1 + (random.unit() * 4.0) as usize);
                }
            } else {
                left -= 1;
            }
            let felt = burst * (0.8 + 0.4 * random.unit());
            let wild = if random.unit() < noise.wild { random.unit() } else { 0.0 };
            samples.push((level + noise.sample * random.normal() + felt + wild).exp());
        }
    }
    for (row, samples) in rows.iter().zip(samples) {
        let mut cell = Cell::measured(work.clone(), row.name, row.kind, samples).expect("positive samples");
        cell.bytes_per_op = Some(if work.op == "insert" { row.bytes } else { 0.0 });
        cell.allocs_per_op = Some(if work.op == "insert" { 1.02 } else { 0.0 });
        cell.hit_rate = (work.op == "get").then_some(1.0);
        cell.iterations = Some(5_000_000);
        cell.verified = Some(true);
        cells.push(cell);
    }
}

fn ns(row: &Row, work: &Work, cores: usize) -> f64 {
    let share = ((work.max_key.max(100) as f64).ln() - 100_f64.ln()) / (1e6_f64.ln() - 100_f64.ln());
    let get = (row.hot.ln() * (1.0 - share) + row.cold.ln() * share).exp();
    let op: f64 = match work.op.as_str() {
        "add" => 1.35,
        "set" => 1.15,
        "insert" => 2.4,
        "del" => 1.5,
        _ => 1.0,
    };
    let op = if row.kind == Kind::Floor { op.min(1.2) } else { op };
    // Threads beyond the cores wait for each other.
    let waiting = (work.threads as f64 / cores as f64).max(1.0);
    get * op * waiting * row.contention.powf((work.threads as f64).log2())
}

pub(crate) fn machine() -> Machine {
    Machine {
        cpu: "Imaginary Xeon @ 2.60GHz".to_owned(),
        cores: 2,
        memory: 25_769_803_776,
        os: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        kernel: Some("6.1.0-40-amd64".to_owned()),
        allocator: "system (glibc)".to_owned(),
        hasher: "foldhash, seeded".to_owned(),
        compiler: "rustc 1.95.0, LLVM 22.1.2, x86_64-unknown-linux-gnu".to_owned(),
        go: Some("go1.27.3".to_owned()),
        commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        flags: "profile bench: lto fat, codegen-units 1".to_owned(),
        date: "2026-01-31T18:00:00Z".to_owned(),
        caches: Some("L1 48K, L2 2048K, L3 33M".to_owned()),
        is_virtual: Some(true),
        busy_elsewhere: Some(0.02),
    }
}

/// A run that has everything a run can have.
pub(crate) fn complete(seed: u64) -> Run {
    let mut run = run(FULL_PLAN, USUAL, seed, |_| 1.0);
    let mut random = Random::new(seed);
    for row in QUICK.iter().chain(PEERS).filter(|row| row.kind != Kind::Floor) {
        for op in ["get", "insert"] {
            run.latency.push(latency(row, op, &mut random));
        }
        for cache in ["int", "obj"] {
            let extra = if cache == "obj" { 40.0 } else { 0.0 };
            let stage = |share: f64| {
                let counted = (row.bytes + extra) * share;
                Some(Footprint { counted: Some(counted), rss: Some(counted * 1.06 + 1.0) })
            };
            run.memory.push(Memory {
                cache: cache.to_owned(),
                backend: row.name.to_owned(),
                kind: row.kind,
                keys: 1_000_000,
                key_len: 8,
                after_load: stage(1.0).unwrap_or_default(),
                worst: stage(1.55),
                after_churn: stage(1.1),
                after_delete_all: stage(0.45),
            });
        }
        run.garbage.push(Garbage {
            workload: "one object replaced".to_owned(),
            about: "one thread replaces the object of one key 250 times, 1 MiB each".to_owned(),
            cache: "obj".to_owned(),
            backend: row.name.to_owned(),
            kind: row.kind,
            repeats: 250,
            object_bytes: 1 << 20,
            verified: true,
            moments: ["peak", "idle", "after the drop"]
                .map(|moment| Moment {
                    moment: moment.to_owned(),
                    counted: row.bytes as u64 * 10_000,
                    rss: Some(row.bytes as i64 * 10_000 - 500_000),
                    objects: Some(row.bytes as u64),
                })
                .to_vec(),
        });
        run.trace.push(Replay {
            trace: "OLTP".to_owned(),
            cache: "int".to_owned(),
            backend: row.name.to_owned(),
            kind: row.kind,
            threads: 1,
            requests: 914_145,
            distinct_keys: 186_880,
            hit_rate: Some(0.7956),
            ns_per_op: Spread { median: row.cold * 0.6, min: row.cold * 0.58, max: row.cold * 0.7 },
        });
    }
    caches(&mut run);
    run.skipped.push(Skipped::new("go sync.Map", "no go of version 1.24 or later is on the PATH"));
    run
}

/// The rows of caches that evict, with nanoseconds for a hit and per cent of a mix that hit.
const BOUNDED: [(&str, Kind, f64, f64); 5] = [
    ("empty", Kind::Floor, 1.0, 0.0),
    ("bucket-unbounded", Kind::Floor, 12.0, 0.0),
    ("bucket", Kind::Backend, 15.0, 89.7),
    ("moka", Kind::Peer, 120.0, 88.1),
    ("quick_cache", Kind::Peer, 40.0, 90.2),
];

/// Adds what caches that evict were measured to do.
fn caches(run: &mut Run) {
    for (backend, kind, ns, percent) in BOUNDED {
        let mut add = |op: &str, dist: &str, max_key, capacity, ns, hits: Option<f64>, single| {
            let work = Work { dist: dist.to_owned(), ..Work::new("bounded", op, max_key, 2) };
            let cell = Cell::measured(work, backend, kind, vec![ns, ns * 1.02]).expect("positive samples");
            let cell = Cell { hit_rate: hits, verified: Some(true), busy: vec![0.0, 0.01], ..cell };
            run.bounded.push(Bounded { capacity, single, cell });
        };
        let stores = backend != "empty";
        add("hit", "uniform", 100, 210, ns, stores.then_some(1.0), None);
        if backend != "bucket-unbounded" {
            add("mix:90", "zipf:1", 100_000, 38_000, ns * 3.0, stores.then_some(percent / 100.0), None);
            let [p50, p90, p99, p999, p9999, max] = [1.0, 1.5, 2.0, 9.0, 80.0, 900.0].map(|times| times * ns);
            let single = Percentiles { p50, p90, p99, p999, p9999, max };
            add("insert-evicting", "uniform", 0, 1_000_000, ns * 5.0, None, Some(single));
        }
        if kind == Kind::Floor && !stores {
            continue;
        }
        run.bounded_memory.push(BoundedMemory {
            backend: backend.to_owned(),
            kind,
            capacity: 1_000_000,
            key_type: "u64".to_owned(),
            key_len: 8,
            entry: Footprint { counted: Some(60.0 + ns), rss: Some(70.0 + ns) },
            overhead: (kind != Kind::Floor).then_some(ns - 12.0),
        });
        if kind != Kind::Floor {
            run.hit_ratio.push(HitRatio {
                workload: "OLTP.lis".to_owned(),
                capacity: 1_000,
                backend: backend.to_owned(),
                kind,
                requests: 914_145,
                distinct_keys: 186_880,
                hits: (percent * 4_000.0) as u64,
            });
        }
    }
}

fn latency(row: &Row, op: &str, random: &mut Random) -> Latency {
    let base = row.cold * if op == "insert" { 2.4 } else { 1.0 };
    let worst = if op == "insert" { 4e3 } else { 2e2 };
    let at = |quantile: f64| {
        let nines = -(1.0 - quantile).max(1e-7).log10();
        base * (0.6 + 0.4 * nines + worst * (nines / 7.0).powi(6))
    };
    let mut curve = Vec::new();
    let mut highest: f64 = 0.0;
    for step in 0..=60 {
        let quantile = 1.0 - 10_f64.powf(-f64::from(step) / 10.0);
        highest = highest.max(at(quantile) * (1.0 + 0.02 * random.unit()));
        curve.push([quantile, highest]);
    }
    curve.push([1.0, highest * 1.1]);
    Latency {
        page_faults: Some(1_234),
        cache: "int".to_owned(),
        backend: row.name.to_owned(),
        kind: row.kind,
        op: op.to_owned(),
        max_key: 1_000_000,
        threads: 1,
        dist: "uniform".to_owned(),
        key_len: 8,
        per_second: 200_000.0,
        count: 1_000_000,
        percentiles: Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: at(1.0),
        },
        curve,
    }
}

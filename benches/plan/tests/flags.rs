//! Valid flags become tasks, and invalid ones are rejected by name before anything is built.
#![forbid(unsafe_code)]

use clap::Parser;
use hotcache_bench_plan::{
    Bounded, Cache, Capacity, Dist, Flags, Garbage, HitRatio, KeyCount, KeyType, Kind, Matrix, Op, Rate,
    Requests, Row, Task, Workload,
};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn task(words: &str, max_key: Option<&str>) -> Result<Task, String> {
    let words = std::iter::once("bench").chain(words.split_whitespace());
    let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    cli.flags.task(max_key).map_err(|refusal| refusal.to_string())
}

fn matrix(words: &str, max_key: Option<&str>) -> Matrix {
    match task(words, max_key) {
        Ok(Task::Matrix(matrix)) => matrix,
        other => panic!("`{words}` gives no matrix: {other:?}"),
    }
}

fn names(rows: &[&Row]) -> Vec<&'static str> {
    rows.iter().map(|row| row.name).collect()
}

#[test]
fn what_is_unknown_or_impossible_is_refused_by_name() {
    for (words, named) in [
        ("--backends redis", "`redis`"),
        ("--backends rwlock,,papaya", "``"),
        ("--caches blob", "`blob`"),
        ("--ops upsert", "`upsert`"),
        ("--caches obj --ops add", "the obj cache has no operation `add`"),
        ("--caches int --ops with", "the int cache has no operation `with`"),
        ("--caches obj --ops get_many", "the obj cache has no operation `get_many`"),
        ("--hot-key --ops insert", "`insert` is not measured with --hot-key"),
        ("--hot-key --dist uniform", "--dist"),
        ("--hot-key --memory", "--memory"),
        ("--hot-key --ops grow", "`grow` is not measured with --hot-key"),
        ("--hot-key --churn", "--churn"),
        ("--mix get=90,incr=9", "`incr`"),
        ("--mix get=90,add=9 --caches obj", "`mix:get=90,add=9` adds, and the obj cache has no add"),
        ("--mix get=90,add=9 --max-key 0", "`mix:get=90,add=9` needs key counts above 0"),
        ("--mix get=90,add=9 --hot-key", "--hot-key"),
        ("--profile hot", "`hot`"),
        ("--profile lists,counter-hot --caches obj", "`counter-hot` adds"),
        ("--profile lists --key-len 8", "--key-len"),
        ("--profile lists --dist uniform", "--dist"),
        ("--profile lists --memory", "--memory"),
        ("--churn --max-key 0", "`churn` needs key counts above 0"),
        ("--churn --key-len 5", "keys of 5 bytes are too short for `churn`"),
        ("--ops reinsert --key-len 1 --max-key 19", "keys of 1 bytes are too short to tell 38 keys apart"),
        ("--churn --threads 200 --max-key 100", "200 threads cannot share 100 keys for `churn`"),
        ("--grow --threads 200 --max-key 100", "200 threads cannot share 100 keys for `grow`"),
        ("--rate 5", "--latency"),
        ("--latency --rate fast", "invalid rate `fast`"),
        ("--latency --quick", "--quick"),
        ("--latency --full", "--full"),
        ("--latency --ops del", "`del` is not measured with --latency"),
        ("--latency --ops get --max-key 0", "--latency needs key counts above 0"),
        ("--latency --backends go-sync-map", "`go-sync-map` is in Go"),
        ("--max-key many", "invalid key count `many`"),
        ("--max-key -1", "-1"),
        ("--threads 0", "must be at least 1"),
        ("--threads two", "two"),
        ("--threads 64,2049", "2049 --threads are too many: at most 2048"),
        ("--memory --threads 1", "--threads"),
        ("--key-len 0", "must be at least 1"),
        ("--key-type uuid", "`uuid`"),
        ("--key-type u64,pair --key-len 9", "--key-len is the length of keys of text"),
        ("--key-type u64 --profile lists", "--profile"),
        ("--latency --key-type u64", "--key-type goes with the matrix and --full only, not with --latency"),
        (
            "--key-len 3 --max-key 1000000",
            "keys of 3 bytes are too short to tell 1000000 keys apart: at least 4",
        ),
        ("--key-len 3 --max-key 0", "keys of 3 bytes"),
        ("--dist pareto", "`pareto`"),
        ("--dist zipf:0", "`zipf:0`"),
        ("--ops insert --threads 200 --max-key 100", "200 threads cannot share 100 keys"),
        ("--trace /no/such/file", "/no/such/file: there is no such file"),
        ("--trace .", ".: it is a directory"),
        ("--trace Cargo.toml --quick", "--quick"),
        ("--memory --adapters", "--adapters"),
        ("--memory --max-key 0", "above 0"),
        ("--memory --max-key 1,2", "--max-key takes one value with --memory"),
        ("--adapters --key-len 8,9", "--key-len takes one value with --adapters"),
        ("--adapters --json x", "--json"),
        ("--adapters --save x", "--save"),
        (
            "--memory --compare x",
            "--compare is for cells of the matrix, whose passes tell a difference from chance; --memory",
        ),
        ("--latency --compare x", "--latency has none"),
        ("--trace Cargo.toml --compare x", "--trace has none"),
        ("--adapters --compare x", "--adapters has none"),
        ("--deny-regressions 5", "--compare"),
        ("--compare x --deny-regressions much", "invalid percentage `much`"),
        ("--compare x --deny-regressions=-1", "invalid percentage `-1`"),
        ("--memory --backends rwlock,go-sync-map", "`go-sync-map` is in Go"),
        ("--trace Cargo.toml --backends go-rwmutex", "`go-rwmutex` is in Go"),
        ("--adapters --backends moka", "`moka` has no map to use by hand"),
        (
            "--backends foyer",
            "`foyer` is a bounded cache, which is measured with --bounded, --memory and --hit-ratio",
        ),
        ("--latency --backends bucket,tinyufo", "`tinyufo` is a bounded cache"),
        ("--bounded --backends std", "`std` has no bounded cache, as --bounded needs; there are: rwlock-1"),
        ("--bounded --backends go-sync-map", "`go-sync-map` is in Go"),
        ("--bounded --max-key 0", "--bounded needs key counts above 0"),
        ("--bounded --threads 0", "must be at least 1"),
        ("--bounded --hit-ratio", "--bounded does not go with --hit-ratio"),
        ("--bounded --compare x", "--bounded has none"),
        ("--hit-ratio --backends bucket", "--backends"),
        ("--hit-ratio --capacity 0", "a capacity of 0 entries is too small: at least 1"),
        ("--hit-ratio --capacity many", "invalid capacity `many`"),
        ("--hit-ratio --capacity -1", "-1"),
        ("--hit-ratio --trace /no/such/file", "/no/such/file: there is no such file"),
        ("--hit-ratio --trace Cargo.toml --trace ./Cargo.toml", "two files are named `Cargo.toml`"),
        ("--trace Cargo.toml --trace src", "--trace takes one file, unless --hit-ratio is given"),
        ("--fast", "--fast"),
        ("--passes 0", "must be at least 1"),
        ("--memory --passes 2", "--passes"),
        ("--quick --memory --ops get", "--ops"),
        ("--quick --memory --compare x", "--memory has none"),
        ("--full --quick", "--quick"),
        ("--full --memory", "--memory"),
        ("--fresh", "--full"),
    ] {
        let refused = task(words, None).expect_err(words);
        assert!(refused.contains(named), "`{words}`: {refused}");
    }
}

#[test]
fn the_variable_chooses_key_counts_unless_the_flag_does() {
    let counts = |words, variable| {
        let mut counts: Vec<_> = matrix(words, variable).works.iter().map(|work| work.max_key.0).collect();
        counts.sort_unstable();
        counts.dedup();
        counts
    };
    assert_eq!(counts("", Some("100")), [100]);
    assert_eq!(counts("--quick", Some("0, 5000")), [0, 5_000]);
    assert_eq!(counts("--quick --max-key 7", Some("100")), [7]);
    assert_eq!(counts("--quick", None).len(), 2);
    let refused = task("", Some("abc")).expect_err("abc");
    assert!(refused.starts_with("maxKey=abc: invalid key count `abc`"), "{refused}");
    assert!(task("", Some("")).expect_err("empty").contains("maxKey="));
    assert!(task("--max-key 5", Some("abc")).is_ok(), "the flag counts");
}

#[test]
fn quick_is_a_fixed_matrix() {
    let quick = matrix("--quick", None);
    assert!(quick.rows.iter().all(|row| matches!(row.kind, Kind::Backend | Kind::Floor)));
    for name in ["empty", "roof", "rwlock-1", "rwlock", "dashmap", "flurry", "scc", "papaya"] {
        assert!(names(&quick.rows).contains(&name), "{name}");
    }
    let ops = |cache| {
        let mut ops: Vec<_> = quick.works_of(cache).map(|work| work.op).collect();
        ops.dedup();
        ops
    };
    // For each of two key counts.
    assert_eq!(ops(Cache::Int), [Op::Get, Op::Set, Op::Add, Op::Insert, Op::Del].repeat(2));
    assert_eq!(ops(Cache::Obj), [Op::Get, Op::Set, Op::Insert, Op::Del].repeat(2));
    assert!(quick.works.iter().all(|work| matches!(work.threads, 1 | 2) && work.dist == Dist::Uniform));
    assert_eq!(quick.works.len(), (5 + 4) * 2 * 2);
}

#[test]
fn the_default_fills_large_maps_only_when_asked() {
    let inserts = |words| {
        let works = matrix(words, None).works;
        let inserts = works.into_iter().filter(|work| work.op == Op::Insert);
        inserts.map(|work| work.max_key.0).max()
    };
    assert_eq!(inserts(""), Some(100_000));
    assert_eq!(inserts("--max-key 1000000"), Some(1_000_000));
    assert!(matrix("", None).works.iter().any(|work| work.op == Op::Get && work.max_key.0 == 1_000_000));
    let rows = matrix("", None).rows;
    for name in ["papaya-by-hand", "std", "moka", "quick_cache", "go-sync-map", "go-rwmutex"] {
        assert!(names(&rows).contains(&name), "{name}");
    }
}

#[test]
fn a_choice_is_kept_to_and_the_floors_stay() {
    let chosen = matrix(
        "--backends papaya,scc --caches int --ops get,insert --max-key 50,60 --threads 4 --key-len 5,36 --dist uniform,zipf:0.99",
        None,
    );
    assert_eq!(names(&chosen.rows), ["empty", "roof", "scc", "papaya"]);
    let get = chosen.works.iter().filter(|work| work.op == Op::Get).count();
    let insert = chosen.works.iter().filter(|work| work.op == Op::Insert).count();
    assert_eq!((get, insert), (2 * 2 * 2, 2 * 2), "each key once has no distribution");
    assert!(chosen.works.iter().all(|work| work.cache == Cache::Int && work.threads == 4));
    // The roof cannot insert.
    assert_eq!(chosen.cells(), 8 * 4 + 4 * 3);
}

#[test]
fn a_hot_key_is_alone_in_its_map_unless_keys_are_asked_for() {
    let ops = |words, cache| {
        let plan = matrix(words, None);
        assert!(plan.works.iter().all(|work| work.dist == Dist::Hot), "{words}");
        let ops: Vec<_> = plan.works_of(cache).map(|work| (work.op, work.max_key.0, work.threads)).collect();
        ops
    };
    let on_one = |op| (op, 1, 2);
    assert_eq!(ops("--hot-key --threads 2", Cache::Int), [Op::Get, Op::Set, Op::Add].map(on_one));
    assert_eq!(ops("--hot-key --threads 2", Cache::Obj), [Op::Get, Op::Set, Op::With].map(on_one));
    assert_eq!(ops("--hot-key --ops add --max-key 50 --threads 4", Cache::Int), [(Op::Add, 50, 4)]);
    assert!(names(&matrix("--hot-key", None).rows).contains(&"roof"));
}

/// The operations and key counts of the works, each once.
fn ops_and_keys(words: &str, cache: Cache) -> Vec<(String, usize)> {
    let plan = matrix(words, None);
    let mut all: Vec<_> = plan.works_of(cache).map(|work| (work.op.to_string(), work.max_key.0)).collect();
    all.dedup();
    all
}

/// This operation on these numbers of keys.
fn on(op: &str, keys: &[usize]) -> Vec<(String, usize)> {
    keys.iter().map(|keys| (op.to_owned(), *keys)).collect()
}

#[test]
fn mixes_are_measured_as_they_are_described() {
    let usual = [100, 100_000, 1_000_000];
    assert_eq!(ops_and_keys("--mix get=9,add=1", Cache::Int), on("mix:get=9,add=1", &usual));
    assert_eq!(ops_and_keys("--mix get=9,add=1", Cache::Obj), [], "an object cache cannot add");
    let two = ops_and_keys("--mix get=9,set=1 --mix get=1,set=1 --max-key 5", Cache::Obj);
    assert_eq!(two, [on("mix:get=1,set=1", &[5]), on("mix:get=9,set=1", &[5])].concat());
    let both = ops_and_keys("--ops mix,get --mix get=8,add=2 --max-key 5", Cache::Int);
    assert_eq!(both, [on("get", &[5]), on("mix:get=8,add=2", &[5])].concat());
    assert_eq!(ops_and_keys("--ops mix --max-key 5", Cache::Obj), on("mix:get=90,set=9,del=1", &[5]));
    // The roof has nothing to delete, and cannot replace objects.
    let roof = Row::named("roof").expect("a row");
    let mix = |text: &str| Op::Mix(text.parse().expect(text));
    assert!(roof.does(Cache::Int, mix("get=1,set=1,add=1")) && !roof.does(Cache::Int, mix("get=1,del=1")));
    assert!(!roof.does(Cache::Obj, mix("get=1,set=1")));
}

#[test]
fn profiles_bring_their_keys_along() {
    let plan = matrix("--profile counter-hot,with-deletes --threads 2", None);
    let shown: Vec<_> = plan.works.iter().map(|work| work.cell("scc")).collect();
    assert_eq!(
        shown,
        [
            "int/counter-hot/100k/t2/zipf:0.76/k54/scc",
            "int/with-deletes/100k/t2/zipf:1.3/k96/scc",
            "obj/with-deletes/100k/t2/zipf:1.3/k96/scc",
        ]
    );
    assert_eq!(ops_and_keys("--profile lists --max-key 1000000", Cache::Int), on("lists", &[1_000_000]));
    let with_get = ops_and_keys("--profile lists --ops get --max-key 7", Cache::Int);
    assert_eq!(with_get, [on("get", &[7]), on("lists", &[7])].concat());
}

#[test]
fn churn_and_growth_have_key_counts_of_their_own() {
    let churn = ops_and_keys("--churn --max-key 100,200 --threads 1", Cache::Obj);
    let each = |keys| [on("churn", &[keys]), on("reinsert", &[keys])].concat();
    assert_eq!(churn, [each(100), each(200)].concat());
    assert_eq!(ops_and_keys("--ops churn --max-key 9", Cache::Int), on("churn", &[9]));
    for grow in ["--grow", "--ops grow", "--quick --grow"] {
        assert_eq!(ops_and_keys(grow, Cache::Int), on("grow", &[1_000_000]), "{grow}");
    }
    assert_eq!(ops_and_keys("--grow --max-key 10000000", Cache::Int), on("grow", &[10_000_000]));
    // Keys that come and go have no distribution.
    assert_eq!(
        matrix("--churn --max-key 9 --threads 1 --caches int --dist zipf:1,uniform", None).works.len(),
        2
    );
}

#[test]
fn latencies_are_those_of_a_million_keys_unless_others_are_asked_for() {
    let plan = |words| match task(words, None) {
        Ok(Task::Latency(plan)) => plan,
        other => panic!("`{words}` measures no latency: {other:?}"),
    };
    let cells = |words| plan(words).works.iter().map(|work| work.cell("scc")).collect::<Vec<_>>();
    let usual = ["get", "set", "add", "grow"].map(|op| format!("int/{op}/1M/t1/uniform/k8/scc"));
    assert_eq!(cells("--latency --caches int"), usual);
    assert_eq!(cells("--latency --grow --caches obj"), ["obj/grow/1M/t1/uniform/k8/scc"]);
    assert_eq!(
        cells("--latency --profile lists --caches obj --threads 2"),
        ["obj/lists/100k/t2/zipf:1.49/k21/scc"]
    );
    assert_eq!(cells("--latency --hot-key --caches int --ops add"), ["int/add/1/t1/hot/k8/scc"]);
    let skewed = cells("--latency --caches int --ops get --dist uniform,zipf:0.99 --key-len 8,36");
    let wanted = ["uniform/k8", "zipf:0.99/k8", "uniform/k36", "zipf:0.99/k36"];
    assert_eq!(skewed, wanted.map(|keys| format!("int/get/1M/t1/{keys}/scc")));
    assert_eq!(plan("--latency").rate, Rate::Share(0.5));
    assert_eq!(plan("--latency --rate 1e6").rate, Rate::PerSecond(1e6));
    let rows = names(&plan("--latency").rows);
    assert!(rows.contains(&"empty") && rows.contains(&"roof") && !rows.contains(&"papaya-by-hand"));
}

#[test]
fn groups_and_objects_in_place_are_measured_when_asked_for() {
    let asked = matrix("--ops get,get_many,with --max-key 100 --threads 1", None);
    let ops = |cache| asked.works_of(cache).map(|work| work.op).collect::<Vec<_>>();
    assert_eq!(ops(Cache::Int), [Op::Get, Op::GetMany]);
    assert_eq!(ops(Cache::Obj), [Op::Get, Op::With]);
    assert!(matrix("", None).works.iter().all(|work| Op::DEFAULT.contains(&work.op)));
}

#[test]
fn any_number_of_threads_can_be_asked_for() {
    let threads: Vec<_> = matrix("--ops get --caches int --max-key 100 --threads 1,3,64,2048", None)
        .works
        .iter()
        .map(|work| work.threads)
        .collect();
    assert_eq!(threads, [1, 3, 64, 2_048]);
}

#[test]
fn a_value_given_twice_is_measured_once() {
    let once = matrix("--quick --threads 1", None);
    for twice in ["--quick --threads 1,1", "--quick --threads 1 --caches int,obj,int"] {
        assert_eq!(matrix(twice, None).works, once.works, "{twice}");
    }
}

#[test]
fn every_backend_has_its_map_by_hand() {
    let Ok(Task::Adapters(adapters)) = task("--adapters", None) else { panic!("adapters") };
    assert_eq!(names(&adapters.rows), ["rwlock-1", "rwlock", "dashmap", "flurry", "scc", "papaya"]);
    assert_eq!(adapters.keys, [100, 1_000_000]);
    assert!(adapters.rounds >= 10);
}

#[test]
fn memory_is_measured_at_a_million_keys_of_eight_bytes() {
    let Ok(Task::Memory(memory)) = task("--memory", None) else { panic!("memory") };
    assert_eq!((memory.keys, memory.key_len), (1_000_000, 8));
    assert!(memory.rows.iter().all(|row| row.kind == Kind::Backend));
    assert_eq!(KeyCount(memory.keys).to_string(), "1M");
    assert_eq!(memory.garbage, Garbage::FULL);
}

#[test]
fn quick_memory_is_less_of_the_same() {
    let memory = |words| match task(words, None) {
        Ok(Task::Memory(memory)) => memory,
        other => panic!("`{words}` measures no memory: {other:?}"),
    };
    let (whole, quick) = (memory("--memory"), memory("--quick --memory"));
    assert_eq!((quick.keys, quick.garbage), (100_000, Garbage::QUICK));
    assert_eq!((quick.rows, quick.caches, quick.key_len), (whole.rows, whole.caches, whole.key_len));
    for workload in Workload::ALL {
        let [quick, whole] = [Garbage::QUICK, Garbage::FULL].map(|sizes| sizes.repeats(workload));
        assert!(0 < quick && quick <= whole, "{workload}: {quick} of {whole}");
    }
    // What is asked for counts; peers are measured if they are named.
    assert_eq!(memory("--quick --memory --max-key 500").keys, 500);
    assert_eq!(names(&memory("--memory --backends moka,scc-by-hand").rows), ["scc-by-hand", "moka"]);
    assert_eq!(memory("--memory --caches obj").caches, [Cache::Obj]);
}

#[test]
fn full_goes_through_every_axis() {
    let full = matrix("--full", None);
    let has = |wanted: &dyn Fn(&hotcache_bench_plan::Work) -> bool| full.works.iter().any(wanted);
    for keys in [1, 100, 10_000, 1_000_000, 10_000_000] {
        assert!(has(&|work| work.max_key.0 == keys), "{keys} keys");
    }
    for key_len in [5, 13, 36] {
        assert!(has(&|work| work.key_len == key_len), "{key_len}-byte keys");
    }
    for dist in [Dist::Uniform, Dist::Zipf(0.99), Dist::Hot] {
        assert!(has(&|work| work.dist == dist), "{dist}");
    }
    for op in Op::ALL {
        assert!(has(&|work| work.op == op), "{op}");
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let most = full.works.iter().map(|work| work.threads).max();
    assert!(most.is_some_and(|most| most > cores && most <= cores * 2), "{most:?} threads, {cores} cores");
    assert_eq!(full.rows.len(), hotcache_bench_plan::ROWS.len());
    // Each is one name in the document.
    let mut names: Vec<_> = full.works.iter().map(|work| work.cell("")).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), full.works.len());
}

#[test]
fn types_of_keys_are_an_axis_and_a_few_typed_works_are_in_the_default() {
    let cells = |words: &str| {
        let plan = matrix(words, None);
        plan.works.iter().map(|work| work.cell("scc")).collect::<Vec<_>>()
    };
    let one = "--ops get --caches int --max-key 100 --threads 1";
    assert_eq!(
        cells(&format!("{one} --key-type pair,str,u64 --key-len 5,9")),
        ["pair", "k5", "k9", "u64"].map(|keys| format!("int/get/100/t1/uniform/{keys}/scc"))
    );
    // Text alone can be too short; a key of another type is as long as it is.
    assert!(cells("--churn --key-type u64 --max-key 100").len() > 1);
    let typed = |words: &str| {
        let works = matrix(words, None).works;
        works.into_iter().filter(|work| work.key_type != KeyType::Str).collect::<Vec<_>>()
    };
    let by_default = typed("");
    for key_type in [KeyType::U64, KeyType::Pair] {
        for op in [Op::Get, Op::Add, Op::Insert] {
            let has =
                |threads| by_default.iter().any(|w| (w.key_type, w.op, w.threads) == (key_type, op, threads));
            assert!(has(1) && has(2), "{key_type} {op}");
        }
    }
    assert!(typed("--full").len() > by_default.len());
    // Nothing is added to an explicit request.
    for words in
        ["--quick", "--ops get", "--key-len 9", "--max-key 100", "--hot-key", "--caches obj", "--churn"]
    {
        assert_eq!(typed(words), [], "{words}");
    }
    // The program in Go supports text only.
    let go = Row::named("go-sync-map").expect("a row");
    assert!(by_default.iter().all(|work| go.does(work.cache, work.op) && !go.does_work(work)));
}

#[test]
fn hit_ratios_are_counted_of_traces_or_of_what_is_made_up() {
    let plan = |words| match task(words, None) {
        Ok(Task::HitRatio(plan)) => plan,
        other => panic!("`{words}` counts no hits: {other:?}"),
    };
    assert_eq!(plan("--hit-ratio"), HitRatio::WHOLE);
    assert_eq!(plan("--hit-ratio --quick"), HitRatio::SMALL);
    let asked = plan("--hit-ratio --trace Cargo.toml --trace src/lib.rs --capacity 1_000,20,1000");
    let names: Vec<_> = asked.traces.iter().map(|trace| trace.name.as_str()).collect();
    assert_eq!(
        (names, asked.capacities),
        (vec!["Cargo.toml", "lib.rs"], vec![Capacity(1_000), Capacity(20)])
    );
    // A small section of a run whose matrix no flag restricts.
    for (words, counts) in [
        ("", true),
        ("--passes 1", true),
        ("--full", true),
        ("--quick", false),
        ("--ops get", false),
        ("--backends scc", false),
        ("--max-key 5", false),
        ("--grow", false),
    ] {
        assert_eq!(matrix(words, None).hit_ratio, counts.then_some(HitRatio::SMALL), "`{words}`");
    }
    assert_eq!(matrix("", Some("100")).hit_ratio, None);
}

fn bounded(words: &str) -> Bounded {
    match task(words, None) {
        Ok(Task::Bounded(plan)) => plan,
        other => panic!("`{words}` measures no bounded cache: {other:?}"),
    }
}

#[test]
fn bounded_caches_hit_miss_and_do_both() {
    let cells = |words| bounded(words).works.iter().map(|work| work.cell("moka")).collect::<Vec<_>>();
    let of_one_thread = [
        "hit/100/t1/uniform",
        "hit/1M/t1/uniform",
        "hit-ttl/100/t1/uniform",
        "hit-ttl/1M/t1/uniform",
        "miss/1M/t1/uniform",
        "mix:50/100k/t1/zipf:1",
        "mix:90/100k/t1/zipf:1",
        "mix:99/100k/t1/zipf:1",
        "insert-evicting/1M/t1/uniform",
        "insert-expiring/1M/t1/uniform",
    ];
    let of_one_thread = of_one_thread.map(|cell| format!("bounded/{cell}/k8/moka"));
    assert_eq!(cells("--bounded --threads 1"), of_one_thread);
    let both = bounded("--bounded");
    assert_eq!(both.works.len(), 8 * 2 + 2, "single inserts are of one thread");
    assert!(both.works.iter().all(|work| work.requests.capacity() > 0));
    let misses = |words| {
        let works = bounded(words).works;
        let capacities = works.iter().filter_map(|work| match work.requests {
            Requests::Misses { capacity } => Some(capacity),
            _ => None,
        });
        capacities.collect::<Vec<_>>()
    };
    assert_eq!(misses("--bounded --quick --threads 1"), [100_000]);
    assert_eq!(misses("--bounded --max-key 50,70 --threads 1"), [50, 70]);
    for requests in both.works.iter().map(|work| work.requests) {
        if let Requests::Hits { keys, .. } = requests {
            assert!(keys < requests.capacity() && requests.capacity() <= keys + keys / 10 + 100);
        }
    }
}

#[test]
fn bounded_rows_are_ours_and_the_peers_unless_others_are_named() {
    let rows = |words| names(&bounded(words).rows);
    let usual = ["empty", "bucket", "moka", "quick_cache", "mini-moka", "foyer", "tinyufo"];
    assert_eq!(rows("--bounded"), usual);
    assert_eq!(rows("--bounded --backends papaya,foyer,empty"), ["empty", "papaya", "foyer"]);
    let memory = |words| match task(words, None) {
        Ok(Task::Memory(memory)) => memory,
        other => panic!("`{words}` measures no memory: {other:?}"),
    };
    assert_eq!(names(&memory("--memory").bounded), usual[1..]);
    let named = memory("--memory --backends scc,std,tinyufo");
    assert_eq!((names(&named.rows), names(&named.bounded)), (vec!["scc", "std"], vec!["scc", "tinyufo"]));
    assert_eq!(names(&memory("--memory --caches int").bounded), [""; 0]);
}

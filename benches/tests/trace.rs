//! Traces in both formats, plain and compressed; malformed lines; replays.
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::path::PathBuf;

use hotcache_bench::console::Console;
use hotcache_bench::document;
use hotcache_bench::peers::ENTRIES;
use hotcache_bench::trace::{Malformed, Model, Replayed, Step, Trace, read, run};
use hotcache_bench_plan::{Cache, Kind, ROWS, Trace as Plan};
use hotcache_report::Machine;

fn file(name: &str, content: &[u8]) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("hotcache-traces-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a temporary directory");
    let file = directory.join(name);
    fs::write(&file, content).expect("a temporary file");
    file
}

fn requests(trace: &Trace, cache: Cache, threads: usize) -> Vec<Vec<(Step, String)>> {
    let parts = trace.parts(cache, threads);
    let owned = |(step, key): (Step, &str)| (step, key.to_owned());
    parts.iter().map(|part| part.requests().map(owned).collect()).collect()
}

const BLOCKS: &str = "10 3 0 1\n11 1 0 2\n500 2 0 3\n";

#[test]
fn a_block_trace_reads_each_block_through() {
    for (name, content) in [
        ("plain.lis", BLOCKS.as_bytes().to_vec()),
        ("packed.lis.zst", zstd::encode_all(BLOCKS.as_bytes(), 3).expect("zstd")),
        // The name says nothing; the content does.
        ("misnamed.lis", zstd::encode_all(BLOCKS.as_bytes(), 3).expect("zstd")),
        ("windows.lis", BLOCKS.replace('\n', "\r\n").into_bytes()),
        ("no-end.lis", BLOCKS.trim_end().as_bytes().to_vec()),
    ] {
        let trace = read(&file(name, &content)).expect(name);
        assert_eq!((trace.len(), trace.distinct()), (6, 5), "{name}");
        let two = requests(&trace, Cache::Int, 2);
        let read = |key: &str| (Step::ReadThrough, key.to_owned());
        assert_eq!(two[0], [read("10"), read("12"), read("500")], "{name}");
        assert_eq!(two[1], [read("11"), read("11"), read("501")], "{name}");
        let model = Model::of(&trace, Cache::Int);
        assert_eq!(model.one_thread, Replayed { reads: 6, hits: 1 });
        assert_eq!((model.keys_left, model.only_grows), (5, true));
        assert!(trace.cite.is_some_and(|cite| cite.contains("Megiddo")));
    }
}

const TWITTER: &str = "\
0,a,1,10,7,get,0
0,a,1,10,7,set,100
1,a,1,10,7,gets,0
1,b,c,3,10,7,add,100
1,n,1,2,8,incr,0
2,n,1,2,8,decr,0
2,a,1,0,8,append,0
2,a,1,0,8,prepend,0
2,a,1,0,8,append,0
3,a,1,10,8,cas,100
3,b,c,3,10,8,replace,100
4,a,1,10,8,delete,0
5,a,1,10,8,get,0
";

#[test]
fn a_twitter_trace_does_its_named_operations() {
    let trace = read(&file("twitter.csv", TWITTER.as_bytes())).expect("well formed");
    assert_eq!(
        trace.left_out.iter().map(|(name, n)| (*name, *n)).collect::<Vec<_>>(),
        [("append", 2), ("prepend", 1)]
    );
    assert_eq!((trace.len(), trace.distinct()), (10, 3));
    let one = |step, key: &str| (step, key.to_owned());
    let expected = [
        one(Step::Read, "a"),
        one(Step::Store, "a"),
        one(Step::Read, "a"),
        // Keys may have commas in them.
        one(Step::InsertIfAbsent, "b,c"),
        one(Step::Increment, "n"),
        one(Step::Decrement, "n"),
        one(Step::Store, "a"),
        one(Step::Store, "b,c"),
        one(Step::Delete, "a"),
        one(Step::Read, "a"),
    ];
    assert_eq!(requests(&trace, Cache::Int, 1), [expected.to_vec()]);
    let objects = requests(&trace, Cache::Obj, 1);
    assert_eq!(objects[0].len(), 8, "objects are not added to");
    let model = Model::of(&trace, Cache::Int);
    assert_eq!(model.one_thread, Replayed { reads: 3, hits: 1 });
    assert_eq!((model.keys_left, model.only_grows), (2, false));
    assert!(trace.cite.is_none());
}

#[test]
fn a_malformed_line_is_refused_by_file_and_line() {
    for (name, content, line, why) in [
        ("three.lis", "1 1 0 1\n1 1 0\n", 2, "3 fields"),
        ("five.lis", "1 1 0 1 9\n", 1, "5 fields"),
        ("word.lis", "1 1 0 1\n2 1 0 2\nx 1 0 3\n", 3, "invalid number `x`"),
        ("sequence.lis", "1 1 0 x\n", 1, "invalid number `x`"),
        ("negative.lis", "-1 1 0 1\n", 1, "invalid number `-1`"),
        ("blank.lis", "1 1 0 1\n\n1 1 0 2\n", 2, "0 fields"),
        ("huge.lis", "1 99999999 0 1\n", 1, "99999999 blocks"),
        ("edge.lis", "18446744073709551615 2 0 1\n", 1, "64 bits"),
        ("latin.lis", "1 1 0 1\n\u{e9}\n", 2, "1 fields"),
        ("six.csv", "0,a,1,1,1,get\n", 1, "6 fields"),
        ("operation.csv", "0,a,1,1,1,get,0\n0,a,1,1,1,touch,0\n", 2, "unknown operation `touch`"),
        ("time.csv", "x,a,1,1,1,get,0\n", 1, "invalid number `x`"),
        ("size.csv", "0,a,one,1,1,get,0\n", 1, "invalid number `one`"),
        ("mixed.csv", "0,a,1,1,1,get,0\n1 1 0 1\n", 2, "1 fields"),
    ] {
        let file = file(name, content.as_bytes());
        let error = read(&file).expect_err(name);
        let refused = error.downcast_ref::<Malformed>().expect(name);
        assert_eq!((&refused.file, refused.line), (&file, line), "{name}");
        let shown = refused.to_string();
        assert!(shown.starts_with(&format!("{}:{line}: ", file.display())), "{shown}");
        assert!(shown.contains(why), "{shown}");
    }
    let bytes = file("bytes.lis", b"1 1 0 1\n\xff 1 0 1\n");
    assert!(read(&bytes).expect_err("not UTF-8").to_string().contains("bytes.lis:2: "));
    let empty = file("empty.lis", b"");
    assert!(read(&empty).expect_err("empty").to_string().contains("no request"));
    let cut = zstd::encode_all(BLOCKS.repeat(1_000).as_bytes(), 3).expect("zstd");
    let cut = file("cut.lis.zst", &cut[..cut.len() / 2]);
    assert!(format!("{:#}", read(&cut).expect_err("cut off")).contains("cut.lis.zst"));
}

#[test]
fn every_backend_replays_to_what_the_model_says() {
    let rows: Vec<_> = ROWS.iter().filter(|row| row.go.is_none()).collect();
    let log = file("console", b"");
    for (name, content) in [("replay.lis", BLOCKS.repeat(50)), ("replay.csv", TWITTER.repeat(50))] {
        let plan = Plan {
            file: file(name, content.as_bytes()),
            name: name.to_owned(),
            caches: Cache::ALL.to_vec(),
            rows: rows.clone(),
            threads: vec![1, 2, 3],
        };
        let out = || File::options().append(true).open(&log).expect("the log");
        let replayed = document::begin(Machine { cores: 1, ..Machine::default() });
        run(&plan, ENTRIES, &mut Console::new(out(), out()), &replayed).expect(name);
        let replayed = document::lock(&replayed);
        assert!(!replayed.partial);
        assert_eq!(replayed.trace.len(), Cache::ALL.len() * rows.len() * 3);
        for one in &replayed.trace {
            let stores = one.kind != Kind::Floor;
            assert_eq!((one.trace.as_str(), one.hit_rate.is_some()), (name, stores), "{one:?}");
        }
        replayed.to_json().expect("a document that can be read again");
    }
    let shown = fs::read_to_string(&log).expect("the log");
    assert!(shown.contains("300 requests, 5 distinct keys"), "{shown}");
    assert!(shown.contains("98.33 %"), "295 of 300 reads hit: {shown}");
    assert!(shown.contains("650 requests, 3 distinct keys"), "{shown}");
    assert!(shown.contains("100 requests of `append` have no like here"), "{shown}");
    assert!(shown.contains("100 requests add to an integer; they are left out for obj"), "{shown}");
    for row in rows {
        assert!(shown.contains(row.name), "{} is missing: {shown}", row.name);
    }
}

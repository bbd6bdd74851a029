//! The fuzz targets' code on random bytes, and on the inputs that are kept.

use std::fs;
use std::path::Path;

use cache_testkit::{Random, fresh_seed, scale};

fn run(name: &str, inputs: usize, longest: usize, target: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let kept = fs::read_dir(&corpus).expect("each target has a corpus");
    let mut count = 0;
    for input in kept {
        let path = input.expect("a corpus can be listed").path();
        target(&fs::read(&path).expect("an input can be read"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", corpus.display());
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    for input in 0..scale(inputs) {
        let length = random.below(longest);
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if std::panic::catch_unwind(|| target(&bytes)).is_err() {
            panic!("HOTCACHE_TEST_SEED={seed}: input {input} failed: {bytes:?}");
        }
    }
}

#[test]
fn int() {
    run("int", 60, 400, cache_fuzz::int);
}

#[test]
fn obj() {
    run("obj", 60, 400, cache_fuzz::obj);
}

#[test]
fn histories() {
    run("histories", 20, 600, cache_fuzz::histories);
}

use std::collections::BTreeMap;
use std::fs;

use cache_bucket::BucketBackend;
use cache_core::{Backend, IntCache, ObjCache, ObjCacheExt, Options};
use cache_policy::snapshot::{Restore, Snapshot, SnapshotError};
use cache_policy::{Cache, Counters};
use cache_testkit::{Random, fresh_seed, scale};
use hotcache_bench_alloc::by_this_thread;

use super::files::Folder;

type Obj = <BucketBackend as Backend>::Obj<String, str, cache_core::DefaultHashBuilder>;

/// What is in each kind of cache before a restore is tried.
struct Caches {
    ints: <BucketBackend as Backend>::Int<str, cache_core::DefaultHashBuilder>,
    objects: Obj,
    cache: Cache<String, str, BucketBackend>,
    counters: Counters<str, BucketBackend>,
}

/// All keys and values.
type Contents = [BTreeMap<String, String>; 4];

impl Caches {
    fn new(keys: std::ops::Range<u32>) -> Self {
        let caches = Self {
            ints: BucketBackend::int(Options::new()),
            objects: BucketBackend::obj(Options::new()),
            cache: Cache::builder().max_entries(1_000_000).build(),
            counters: Counters::builder().max_keys(1_000_000).build(),
        };
        for n in keys {
            let key = n.to_string();
            caches.ints.set(&key, i64::from(n) << 20);
            caches.objects.insert(&key, "value".repeat(n as usize % 14));
            caches.cache.insert_with_ttl(
                &key,
                "value".repeat(n as usize % 14),
                std::time::Duration::from_secs(3600),
            );
            caches.counters.set(&key, i64::from(n) << 20).unwrap();
        }
        caches
    }

    fn contents(&self) -> Contents {
        let mut contents = [const { BTreeMap::new() }; 4];
        self.ints.for_each(&mut |key, value| _ = contents[0].insert(key.to_owned(), value.to_string()));
        self.objects.for_each(&mut |key, value| _ = contents[1].insert(key.to_owned(), value.to_string()));
        self.cache.for_each(|key, value| _ = contents[2].insert(key.to_owned(), value.clone()));
        contents[3] = self
            .counters
            .entries()
            .into_iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        assert_eq!([self.cache.len(), self.counters.len()], [contents[2].len(), contents[3].len()]);
        contents
    }

    fn files(&self) -> [Vec<u8>; 4] {
        let mut files = [const { Vec::new() }; 4];
        let _ = Snapshot::of_int(&self.ints).write_to(&mut files[0]).unwrap();
        let _ = Snapshot::of_obj(&self.objects).write_to(&mut files[1]).unwrap();
        let _ = self.cache.snapshot().write_to(&mut files[2]).unwrap();
        let _ = self.counters.snapshot().write_to(&mut files[3]).unwrap();
        files
    }

    fn load(&self, kind: usize, path: &std::path::Path) -> Result<(), SnapshotError> {
        fn load<T: Restore>(snapshot: &Snapshot<T>, path: &std::path::Path) -> Result<(), SnapshotError> {
            snapshot.load(path).map(|_restored| ())
        }
        match kind {
            0 => load(&Snapshot::of_int(&self.ints), path),
            1 => load(&Snapshot::of_obj(&self.objects), path),
            2 => load(&self.cache.snapshot(), path),
            _ => load(&self.counters.snapshot(), path),
        }
    }
}

/// Changes some bytes, cuts the end off, or puts a part of one file into another.
fn damage(random: &mut Random, file: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut damaged = file.to_vec();
    match random.below(3) {
        0 => {
            for _ in 0..=random.below(4) {
                let at = random.below(damaged.len());
                damaged[at] ^= 1 << random.below(8);
            }
        }
        1 => damaged.truncate(random.below(file.len())),
        _ => {
            let other = &others[random.below(others.len())];
            let start = random.below(other.len());
            let part = &other[start..start + random.below((other.len() - start).min(300)) + 1];
            let at = random.below(file.len() + 1);
            let until = (at + random.below(300)).min(file.len());
            damaged.splice(at..until, part.iter().copied());
        }
    }
    damaged
}

#[test]
fn a_thousand_damaged_files() {
    let seed = fresh_seed();
    let mut random = Random::new(seed);
    let folder = Folder::new("damage");
    let path = folder.path("snapshot");
    // Several blocks of the kinds that have long records.
    let files = Caches::new(0..3_000).files();
    let others = Caches::new(1_500..4_000).files();
    let caches = Caches::new(2_900..3_100);
    let all: Vec<Vec<u8>> = files.iter().chain(&others).cloned().collect();
    for (kind, file) in files.iter().enumerate() {
        let before = caches.contents();
        let mut done = 0;
        while done < scale(1_000) {
            let damaged = damage(&mut random, file, &all);
            if damaged == *file {
                continue;
            }
            done += 1;
            fs::write(&path, &damaged).unwrap();
            let refused = caches.load(kind, &path);
            assert!(refused.is_err(), "seed {seed}: damaged file {done} of kind {kind} was accepted");
            let error = refused.unwrap_err();
            let named = matches!(
                error,
                SnapshotError::NotASnapshot | SnapshotError::Corrupt { .. } | SnapshotError::Truncated { .. }
            );
            // A whole header of another kind can be spliced in.
            let named = named || matches!(error, SnapshotError::WrongKind { .. });
            assert!(named, "seed {seed}: {error}");
            if done % 50 == 0 {
                assert!(caches.contents() == before, "seed {seed}: a refused file changed the cache");
            }
        }
        assert!(caches.contents() == before, "seed {seed}: a refused file changed the cache");
        fs::write(&path, file).unwrap();
        caches.load(kind, &path).unwrap();
        assert_eq!(caches.contents()[kind].len(), 3_100);
    }
}

#[test]
fn each_bit_and_each_length() {
    let files = Caches::new(0..3).files();
    let caches = Caches::new(0..0);
    let folder = Folder::new("bits");
    let path = folder.path("snapshot");
    for (kind, file) in files.iter().enumerate() {
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, damaged).unwrap();
            assert!(caches.load(kind, &path).is_err(), "kind {kind}, bit {bit}");
        }
        for length in 0..file.len() {
            fs::write(&path, &file[..length]).unwrap();
            let error = caches.load(kind, &path).unwrap_err();
            assert!(
                matches!(error, SnapshotError::Truncated { at } if at == length as u64),
                "{length}: {error}"
            );
        }
    }
    assert_eq!(caches.contents(), [const { BTreeMap::new() }; 4]);
}

#[test]
fn another_kind_is_named() {
    let files = Caches::new(0..3).files();
    let caches = Caches::new(0..0);
    let folder = Folder::new("kinds");
    let names = ["IntCache", "ObjCache", "Cache", "Counters"];
    for (found, file) in files.iter().enumerate() {
        let path = folder.path(names[found]);
        fs::write(&path, file).unwrap();
        for (expected, name) in names.iter().enumerate().filter(|(expected, _)| *expected != found) {
            let error = caches.load(expected, &path).unwrap_err();
            let text = format!("this is a snapshot of {}: expected one of {name}", names[found]);
            assert_eq!(error.to_string(), text);
        }
    }
}

/// A header with right checksum.
fn header(version: u16, kind: u16) -> Vec<u8> {
    let mut header = b"\x89HCS\r\n\x1a\n".to_vec();
    header.extend(version.to_le_bytes());
    header.extend(kind.to_le_bytes());
    header.extend(0_u64.to_le_bytes());
    let checksum = crc32fast::hash(&header);
    header.extend(checksum.to_le_bytes());
    header
}

/// Appends a block with the checksums that it would have.
fn block(
    file: &mut Vec<u8>,
    crc: &mut crc32fast::Hasher,
    tag: u8,
    declared: u32,
    records: u32,
    payload: &[u8],
) {
    let mut head = vec![tag];
    head.extend(declared.to_le_bytes());
    head.extend(records.to_le_bytes());
    crc.update(&head);
    file.extend(head);
    file.extend(crc.clone().finalize().to_le_bytes());
    crc.update(payload);
    file.extend(payload);
    file.extend(crc.clone().finalize().to_le_bytes());
}

fn refusal(file: &[u8]) -> SnapshotError {
    let cache: Cache<Vec<u64>, str, BucketBackend> = Cache::new();
    let error = cache.snapshot().read_from(file).unwrap_err();
    assert!(cache.is_empty());
    error
}

#[test]
fn another_version_is_named() {
    let error = refusal(&header(2, 3));
    assert_eq!(error.to_string(), "the snapshot is of format version 2: this library reads version 1");
    assert!(matches!(refusal(&header(1, 9)), SnapshotError::Corrupt { at: 10, .. }));
}

#[test]
fn what_is_no_snapshot() {
    assert!(matches!(refusal(b""), SnapshotError::Truncated { at: 0 }));
    for text in [&b"{"[..], b"key,value\na,1\n", &[0; 1000], b"\x89PNG\r\n\x1a\n"] {
        assert!(matches!(refusal(text), SnapshotError::NotASnapshot));
    }
}

#[test]
fn huge_lengths_allocate_little() {
    let file = |declared: u32, records: u32, payload: &[u8]| {
        let mut file = header(1, 3);
        let mut crc = crc32fast::Hasher::new();
        crc.update(&file[..20]);
        block(&mut file, &mut crc, 1, declared, records, payload);
        file
    };
    // An array of 2^32 - 1 integers, and a string of as many bytes, as MessagePack says them.
    let array = [&b"\xa1a\xdd\xff\xff\xff\xff"[..], &[7; 100]].concat();
    let string = [&b"\xdb\xff\xff\xff\xff"[..], &[b'x'; 100]].concat();
    let files = [
        (file(u32::MAX, 1, b"\xa1a"), "truncated"),
        (file(array.len() as u32, 1, &array), "a value at byte"),
        (file(string.len() as u32, 1, &string), "a key at byte"),
        (file(4, u32::MAX, b"\xa1a\x90\xc0"), "the terms of an entry at byte"),
    ];
    for (file, text) in files {
        let before = by_this_thread();
        let error = refusal(&file);
        // serde reserves a MiB for a sequence at most.
        let allocated = by_this_thread().since(before).bytes;
        assert!(allocated < 3 << 20, "{allocated} bytes were allocated for {} that say: {error}", file.len());
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// What right checksums do not tell.
#[test]
fn blocks_that_contradict_themselves() {
    let refusal = |tag: u8, records: u32, payload: &[u8]| {
        let mut file = header(1, 3);
        let mut crc = crc32fast::Hasher::new();
        crc.update(&file[..20]);
        block(&mut file, &mut crc, tag, payload.len() as u32, records, payload);
        refusal(&file).to_string()
    };
    assert_eq!(
        refusal(0, 0, &7_u64.to_le_bytes()),
        "the snapshot is corrupt at byte 24: the end mark has another number of records"
    );
    assert_eq!(
        refusal(1, 1, b"\xa1a\x90\x93\xc0\x01\x00"),
        "the snapshot is corrupt at byte 44: an entry belongs to a group without a name"
    );
    assert_eq!(refusal(9, 0, b""), "the snapshot is corrupt at byte 24: there is no such kind of block");
}

#[test]
fn records_that_do_not_fill_their_block() {
    let mut file = header(1, 3);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&file[..20]);
    let payload = b"\xa1a\x90\x93\xc0\x00\x00\x00";
    block(&mut file, &mut crc, 1, payload.len() as u32, 1, payload);
    let error = refusal(&file);
    assert!(
        matches!(error, SnapshotError::Corrupt { at: 44, what } if what.contains("do not fill")),
        "{error}"
    );
}

#[test]
fn what_is_nested_too_deep_is_not_written() {
    #[derive(serde::Serialize, serde::Deserialize)]
    enum Chain {
        End(String),
        Link(Box<Chain>),
    }
    let chain = |levels: usize| {
        let cache: Cache<Chain, str, BucketBackend> = Cache::new();
        // Long, so that its length alone does not tell.
        let mut chain = Chain::End("x".repeat(1_000));
        (1..levels).for_each(|_| {
            chain = Chain::Link(Box::new(std::mem::replace(&mut chain, Chain::End(String::new()))))
        });
        cache.insert("a", chain);
        let mut bytes = Vec::new();
        cache.snapshot().write_to(&mut bytes).map(|_written| bytes)
    };
    let cache: Cache<Chain, str, BucketBackend> = Cache::new();
    let bytes = chain(127).unwrap();
    assert_eq!(cache.snapshot().read_from(&bytes[..]).unwrap().inserted, 1);
    let error = chain(128).unwrap_err().to_string();
    let text = "a value does not serialize: it is nested 128 levels deep or more: fewer are allowed";
    assert_eq!(error, text);
}

/// Whoever can write a file can write its checksums too.
#[test]
fn payloads_made_to_harm() {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Nested(Vec<Nested>);

    let file = |payload: &[u8]| {
        let mut file = header(1, 3);
        let mut crc = crc32fast::Hasher::new();
        crc.update(&file[..20]);
        block(&mut file, &mut crc, 1, payload.len() as u32, 1, payload);
        file
    };
    let cache: Cache<Nested, str, BucketBackend> = Cache::new();
    let deep = [&b"\xa1a"[..], &[0x91; 100_000]].concat();
    let error = cache.snapshot().read_from(&file(&deep)[..]).unwrap_err();
    assert!(error.to_string().ends_with("depth limit exceeded"), "{error}");

    let seed = fresh_seed();
    let mut random = Random::new(seed);
    for _ in 0..scale(5_000) {
        // Keys are often right, so that values are reached.
        let mut payload = if random.one_in(2) { b"\xa1a".to_vec() } else { Vec::new() };
        payload.extend((0..random.below(40)).map(|_| random.next() as u8));
        // There is no end mark.
        let error = cache.snapshot().read_from(&file(&payload)[..]).expect_err("it has no end");
        let text = error.to_string();
        assert!(!matches!(error, SnapshotError::Io(_)), "seed {seed}: {text}");
    }
    assert!(cache.is_empty());
}

use std::fs;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use cache_core::{Backend, IntCache, ObjCacheExt, Options};
use cache_policy::snapshot::{Part, Snapshot, SnapshotError};
use cache_rwlock::RwLockBackend;
use serde::{Serialize, Serializer};

/// A folder of its own, which is removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hotcache-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A value that serde refuses, or whose code panics.
enum Stubborn {
    Refuses,
    Panics,
}

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Stubborn::Refuses => Err(serde::ser::Error::custom("it refuses")),
            Stubborn::Panics => cache_testkit::quiet_panic(),
        }
    }
}

#[test]
fn a_failed_save_leaves_the_last_good_file() {
    let folder = Folder::new("failed");
    let path = folder.path("snapshot");
    let good = RwLockBackend::int::<str, _>(Options::new());
    good.set("a", 1);
    let _ = Snapshot::of_int(&good).save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();

    let bad = RwLockBackend::obj::<Stubborn, str, _>(Options::new());
    bad.insert("a", Stubborn::Refuses);
    let error = Snapshot::of_obj(&bad).save(&path).unwrap_err();
    assert_eq!(error.to_string(), "a value does not serialize: it refuses");
    assert_eq!(fs::read(&path).unwrap(), bytes);

    bad.insert("a", Stubborn::Panics);
    assert!(catch_unwind(AssertUnwindSafe(|| Snapshot::of_obj(&bad).save(&path))).is_err());
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(folder.names(), ["snapshot"]);
}

#[test]
fn a_save_replaces_the_file() {
    let folder = Folder::new("replaced");
    let path = folder.path("snapshot");
    let cache = RwLockBackend::int::<str, _>(Options::new());
    for n in 0..3 {
        cache.set("a", n);
        let _ = Snapshot::of_int(&cache).save(&path).unwrap();
        let after = RwLockBackend::int::<str, _>(Options::new());
        let _ = Snapshot::of_int(&after).load(&path).unwrap();
        assert_eq!(after.get("a"), Some(n));
    }
    assert_eq!(folder.names(), ["snapshot"]);
}

#[test]
fn what_follows_the_end_mark() {
    let folder = Folder::new("longer");
    let path = folder.path("snapshot");
    let cache = RwLockBackend::int::<str, _>(Options::new());
    cache.set("a", 1);
    let mut bytes = Vec::new();
    let _ = Snapshot::of_int(&cache).write_to(&mut bytes).unwrap();
    let length = bytes.len();
    cache.set("a", 2);
    let _ = Snapshot::of_int(&cache).write_to(&mut bytes).unwrap();
    fs::write(&path, &bytes).unwrap();

    // Two in one stream are read one after the other; a file holds one.
    let after = RwLockBackend::int::<str, _>(Options::new());
    let error = Snapshot::of_int(&after).load(&path).unwrap_err();
    assert!(matches!(error, SnapshotError::Corrupt { at, .. } if at == length as u64), "{error}");
    assert_eq!(after.len(), 0);
    let mut stream = &bytes[..];
    for n in 1..3 {
        after.clear();
        let _ = Snapshot::of_int(&after).read_from(&mut stream).unwrap();
        assert_eq!(after.get("a"), Some(n));
    }
}

#[test]
fn a_path_that_cannot_be_written() {
    let cache = RwLockBackend::int::<str, _>(Options::new());
    let folder = Folder::new("unwritable");
    for path in [folder.path("missing/snapshot"), PathBuf::from("/")] {
        let error = Snapshot::of_int(&cache).save(&path).unwrap_err();
        assert!(matches!(error, SnapshotError::Io(_)), "{error}");
        let error = Snapshot::of_int(&cache).load(&path).unwrap_err();
        assert!(matches!(error, SnapshotError::Io(_)), "{error}");
    }
}

#[test]
fn an_input_that_fails() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _bytes: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let cache = RwLockBackend::int::<str, _>(Options::new());
    cache.set("a", 1);
    let mut whole = Vec::new();
    let _ = Snapshot::of_int(&cache).write_to(&mut whole).unwrap();
    cache.clear();
    for length in 0..whole.len() {
        let error = Snapshot::of_int(&cache).read_from((&whole[..length]).chain(Broken)).unwrap_err();
        assert!(matches!(error, SnapshotError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset));
    }
    assert!(cache.is_empty());
    // Nothing is read beyond the end mark.
    let _ = Snapshot::of_int(&cache).read_from((&whole[..]).chain(Broken)).unwrap();
    assert_eq!(cache.get("a"), Some(1));
}

#[test]
fn an_output_that_fails() {
    /// Takes so many bytes.
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let cache = RwLockBackend::int::<str, _>(Options::new());
    cache.set("a", 1);
    let mut whole = Vec::new();
    let _ = Snapshot::of_int(&cache).write_to(&mut whole).unwrap();
    for room in 0..whole.len() {
        let error = Snapshot::of_int(&cache).write_to(Full(room)).unwrap_err();
        assert!(matches!(error, SnapshotError::Io(error) if error.kind() == io::ErrorKind::StorageFull));
    }
    let _ = Snapshot::of_int(&cache).write_to(Full(whole.len())).unwrap();
    let bad = RwLockBackend::obj::<Stubborn, str, _>(Options::new());
    bad.insert("a", Stubborn::Refuses);
    let error = Snapshot::of_obj(&bad).write_to(io::sink()).unwrap_err();
    assert!(matches!(error, SnapshotError::Serialize { part: Part::Value, .. }));
}

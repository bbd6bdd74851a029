//! Snapshots: what is in a cache, written to a file or any other [`Write`], and restored after a restart.
//!
//! Needs the feature `serde`. Keys and values are written with serde. A [`Snapshot`] is of an
//! [`IntCache`], an [`ObjCache`] (of any backend, also as `dyn`), a
//! [`Cache`] or [`Counters`]. A [`RateLimiter`](crate::RateLimiter) has none: what it stores are
//! times of a clock that ends with the process.
//!
//! ```
//! use std::time::Duration;
//! use cache_policy::Cache;
//! use cache_rwlock::RwLockBackend;
//!
//! # let folder = std::env::temp_dir().join(format!("hotcache-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let path = folder.join("events.snapshot");
//! let events: Cache<String, str, RwLockBackend> =
//!     Cache::builder().max_entries(10_000).time_to_live(Duration::from_secs(60)).build();
//! events.insert("event:1", "Flash sale".to_owned());
//! assert_eq!(events.snapshot().save(&path)?.entries, 1);
//!
//! let restarted: Cache<String, str, RwLockBackend> = Cache::builder().max_entries(10_000).build();
//! assert_eq!(restarted.snapshot().load(&path)?.inserted, 1);
//! assert_eq!(*restarted.get("event:1").unwrap(), "Flash sale");
//! assert!(restarted.ttl("event:1").unwrap() <= Duration::from_secs(60));
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<_, cache_policy::snapshot::SnapshotError>(())
//! ```
//!
//! # What is kept
//!
//! * **Time to live.** What is left of it is stored, and the date. On a restore, the time that has passed by the wall clock is
//!   subtracted, because what was cached grows old on a disk too. What is past its time is left out. If the clock
//!   was set back, no time has passed: no entry lives longer than it had left. An entry without an end gets the
//!   time that the cache gives to a new one. What is past its time and may only be served while it is replaced, as
//!   [`stale_for`](crate::Builder::stale_for) allows, is left out too.
//! * **Time to idle** begins anew: nobody could read the entry meanwhile.
//! * **Hotness**: an entry keeps its mark, so that what was hot is not the first to be evicted.
//! * **Groups** are objects of a process, so a snapshot knows only those that were [named](Snapshot::group). Entries of other
//!   groups are left out, and [counted](Written::left_out): restored without their group, they could not be dropped any
//!   more. An entry of a named group needs that group for its restore.
//!
//! # Types that change
//!
//! Values are MessagePack, with the fields of structs by name. So a field may be added (with `#[serde(default)]`), moved or
//! removed, and old snapshots are still read. A value that does not fit its type is an
//! [error](SnapshotError::Deserialize) that names what is missing.
//!
//! MessagePack has one `nil`: an `Option<Option<T>>` comes back as `None` where it was `Some(None)`, as with JSON. Keys that
//! are byte arrays have up to 32 bytes, as serde knows no longer ones. Values are nested up to 127 levels deep.
//!
//! # Consistency
//!
//! A snapshot is written beside live traffic, weakly consistent as iteration is: an entry that is present throughout is in
//! it, with a value that it had meanwhile. Several entries are of several moments. Keys and references are copied first,
//! under the backend's locks a part at a time where it has any. Serde and the output run under no lock.
//!
//! A restore reads and checks all of its input before it inserts anything. If it fails, the cache is as it was. A key that is
//! present keeps its value: what is in the cache is newer than the snapshot. To go back to a snapshot, `clear` first.

mod error;
mod file;
mod format;
mod source;

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::marker::PhantomData;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cache_core::{Backend, HashBuilder, IntCache, Key, ObjCache, Value};

pub use self::error::{Kind, Part, SnapshotError};
pub use self::source::{Ints, Objects, Restore, Save, Source};

use self::format::{Block, Reader, Writer};
use self::source::{Groups, Named};
use crate::clock::nanos;
use crate::{Cache, Counters, Group, trace};

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Written {
    /// The entries that were written.
    pub entries: u64,
    /// The entries that were left out, because they belong to a group without a name.
    pub left_out: u64,
}

/// What a restore did. The four numbers sum up to the entries of the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Restored {
    /// The entries that were inserted. A cache that has bounds may have evicted some of them already.
    pub inserted: u64,
    /// The entries whose key was present, and kept its value.
    pub present: u64,
    /// The entries that were past their time.
    pub expired: u64,
    /// The entries that are heavier than the whole cache, and the counters that found no place beside inserts of others.
    pub refused: u64,
}

impl Restored {
    fn add(&mut self, inserted: bool) {
        *(if inserted { &mut self.inserted } else { &mut self.present }) += 1;
    }
}

/// A snapshot that is to be written or restored: of what, and with which groups.
///
/// [`Cache::snapshot`] and [`Counters::snapshot`] return one, and so do [`of_int`](Snapshot::of_int) and
/// [`of_obj`](Snapshot::of_obj). The [module](self) says what is kept.
///
/// # Examples
///
/// ```
/// use cache_core::{IntCache, Options};
/// use cache_policy::snapshot::Snapshot;
/// # use cache_core::Backend;
/// # use cache_rwlock::RwLockBackend;
///
/// let stock = RwLockBackend::int::<str, _>(Options::new());
/// stock.set("sku:1", 100);
/// let mut bytes = Vec::new();
/// assert_eq!(Snapshot::of_int(&stock).write_to(&mut bytes)?.entries, 1);
///
/// let restarted: Box<dyn IntCache> = Box::new(RwLockBackend::int::<str, _>(Options::new()));
/// assert_eq!(Snapshot::of_int(&*restarted).read_from(&bytes[..])?.inserted, 1);
/// assert_eq!(restarted.get("sku:1"), Some(100));
/// # Ok::<_, cache_policy::snapshot::SnapshotError>(())
/// ```
#[must_use]
pub struct Snapshot<T> {
    source: T,
    groups: Groups,
}

impl<'a, K: Key + ?Sized, C: IntCache<K> + ?Sized> Snapshot<Ints<'a, K, C>> {
    /// A snapshot of an integer cache.
    ///
    /// # Examples
    ///
    /// See [`Snapshot`].
    pub fn of_int(cache: &'a C) -> Self {
        Self { source: Ints { cache, key: PhantomData }, groups: Groups::default() }
    }
}

impl<'a, V, K: Key + ?Sized, C: ObjCache<V, K> + ?Sized> Snapshot<Objects<'a, V, K, C>> {
    /// A snapshot of an object cache.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::{ObjCache, ObjCacheExt, Options};
    /// use cache_policy::snapshot::Snapshot;
    /// # use cache_core::Backend;
    /// # use cache_rwlock::RwLockBackend;
    ///
    /// let events = RwLockBackend::obj::<String, str, _>(Options::new());
    /// events.insert("event:1", "Flash sale".to_owned());
    /// let mut bytes = Vec::new();
    /// assert_eq!(Snapshot::of_obj(&events).write_to(&mut bytes)?.entries, 1);
    /// # Ok::<_, cache_policy::snapshot::SnapshotError>(())
    /// ```
    pub fn of_obj(cache: &'a C) -> Self {
        Self { source: Objects { cache, types: PhantomData }, groups: Groups::default() }
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Cache<V, K, B, S> {
    /// A snapshot of this cache, to be written or restored. Needs the feature `serde`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Cache;
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// cache.insert("a", 1);
    /// let mut bytes = Vec::new();
    /// assert_eq!(cache.snapshot().write_to(&mut bytes)?.entries, 1);
    /// assert_eq!(cache.snapshot().read_from(&bytes[..])?.present, 1);
    /// # Ok::<_, cache_policy::snapshot::SnapshotError>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot<&Self> {
        Snapshot { source: self, groups: Groups::default() }
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> Counters<K, B, S> {
    /// A snapshot of these counters, to be written or restored. Needs the feature `serde`.
    ///
    /// A restore inserts all counters or none: if there is no place for all new keys, it is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::Counters;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// counters.set("a", 1).unwrap();
    /// let mut bytes = Vec::new();
    /// assert_eq!(counters.snapshot().write_to(&mut bytes)?.entries, 1);
    ///
    /// let small = Counters::<str, RwLockBackend>::builder().max_keys(0).build();
    /// let error = small.snapshot().read_from(&bytes[..]).unwrap_err();
    /// assert_eq!(error.to_string(), "the snapshot has 1 new keys: at most 0 keys are allowed in all");
    /// # Ok::<_, cache_policy::snapshot::SnapshotError>(())
    /// ```
    pub fn snapshot(&self) -> Snapshot<&Self> {
        Snapshot { source: self, groups: Groups::default() }
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Snapshot<&Cache<V, K, B, S>> {
    /// Names a group, so that its entries are written and restored as part of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::{Cache, Group};
    /// # use cache_rwlock::RwLockBackend;
    /// let cache: Cache<u8, str, RwLockBackend> = Cache::new();
    /// let sale = Group::new();
    /// cache.insert_in(&sale, "item:1", 1);
    /// let mut bytes = Vec::new();
    /// assert_eq!(cache.snapshot().group("sale", &sale).write_to(&mut bytes)?.entries, 1);
    ///
    /// let restarted: Cache<u8, str, RwLockBackend> = Cache::new();
    /// let sale = Group::new();
    /// assert_eq!(restarted.snapshot().group("sale", &sale).read_from(&bytes[..])?.inserted, 1);
    /// sale.drop_entries();
    /// assert!(restarted.get("item:1").is_none());
    /// # Ok::<_, cache_policy::snapshot::SnapshotError>(())
    /// ```
    pub fn group(mut self, name: impl Into<String>, group: &Group) -> Self {
        self.groups.0.push((name.into(), group.clone()));
        self
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> Snapshot<&Counters<K, B, S>> {
    /// Names a group, so that its counters are written and restored as part of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_policy::{Counters, Group};
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<str, RwLockBackend> = Counters::new();
    /// let sale = Group::new();
    /// counters.insert_in(&sale, "user:1", 2).unwrap();
    /// let mut bytes = Vec::new();
    /// assert_eq!(counters.snapshot().write_to(&mut bytes)?.left_out, 1);
    /// assert_eq!(counters.snapshot().group("sale", &sale).write_to(&mut bytes)?.entries, 1);
    /// # Ok::<_, cache_policy::snapshot::SnapshotError>(())
    /// ```
    pub fn group(mut self, name: impl Into<String>, group: &Group) -> Self {
        self.groups.0.push((name.into(), group.clone()));
        self
    }
}

impl<T: Save> Snapshot<T> {
    /// Writes the snapshot, in blocks of some 64 KiB. Needs no buffer around the output.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Io`] if the output fails, [`SnapshotError::Serialize`] if serde refuses a key or a value, or if one
    /// takes 4 GiB. What was written is no whole snapshot then, and is refused by a restore.
    ///
    /// # Examples
    ///
    /// See [`Snapshot`].
    ///
    /// # Performance
    ///
    /// Copies all keys and a reference to each value, before anything is written.
    pub fn write_to(&self, to: impl Write) -> Result<Written, SnapshotError> {
        let written = self.write(to);
        trace::written(self.source.name(), T::KIND, &written);
        written
    }

    fn write(&self, to: impl Write) -> Result<Written, SnapshotError> {
        let since = self.source.wall_time().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let written = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let mut writer = Writer::start(to, T::KIND, written)?;
        let names: Vec<&str> = self.groups.0.iter().map(|(name, _)| name.as_str()).collect();
        writer.groups(&names)?;
        let left_out = self.source.write(&mut writer, &self.groups)?;
        Ok(Written { entries: writer.finish()?, left_out })
    }

    /// Writes the snapshot to a file, which is replaced as a whole or not at all.
    ///
    /// It is written under another name in the same folder, brought to the disk, and renamed. So an interrupted
    /// write never destroys the last good snapshot. Where the process is killed meanwhile, a file `.NAME.*.tmp` is left,
    /// which can be deleted. A symbolic link is replaced, not followed.
    ///
    /// # Errors
    ///
    /// As [`write_to`](Snapshot::write_to). The file is as it was then; if only the last step failed, to bring the folder to
    /// the disk, it is the new one.
    ///
    /// # Examples
    ///
    /// See the [module](self).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<Written, SnapshotError> {
        let written = file::replace(path.as_ref(), |file| self.write(file));
        trace::written(self.source.name(), T::KIND, &written);
        written
    }
}

impl<T: Restore> Snapshot<T> {
    /// Restores a snapshot, up to its end mark. What follows in the input is not read.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with the input, as a [`SnapshotError`]. The cache is as it was then.
    ///
    /// # Examples
    ///
    /// See [`Snapshot`].
    ///
    /// # Performance
    ///
    /// All entries are in memory before the first is inserted. Memory grows with the bytes that arrive, not with the lengths
    /// that the input declares.
    ///
    /// # Trust
    ///
    /// Checksums tell accidents, not intent: whoever can write a file can write its checksums too. Such a file can hold any keys
    /// and values. Where the type of the values is a recursive enum, it can make them overflow the stack. So restore no
    /// files of strangers.
    pub fn read_from(&self, from: impl Read) -> Result<Restored, SnapshotError> {
        let restored = self.restore(from, |_reader| Ok(()));
        trace::restored(self.source.name(), T::KIND, &restored);
        restored
    }

    /// Restores a snapshot from a file that holds it and nothing else.
    ///
    /// # Errors
    ///
    /// As [`read_from`](Snapshot::read_from), and [`SnapshotError::Corrupt`] if the file goes on after the end mark.
    ///
    /// # Examples
    ///
    /// See the [module](self).
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Restored, SnapshotError> {
        let file = File::open(path).map_err(SnapshotError::Io);
        let restored = file.and_then(|file| self.restore(file, Reader::end));
        trace::restored(self.source.name(), T::KIND, &restored);
        restored
    }

    fn restore<R: Read>(
        &self,
        from: R,
        end: impl FnOnce(Reader<R>) -> Result<(), SnapshotError>,
    ) -> Result<Restored, SnapshotError> {
        let (mut reader, written) = Reader::start(from, T::KIND)?;
        let mut groups: Vec<Named> = Vec::new();
        let mut read = Vec::new();
        loop {
            match reader.block()? {
                Block::Groups(names) => groups = names.into_iter().map(|name| self.named(name)).collect(),
                Block::Records(mut records) => {
                    while records.next()? {
                        read.push(T::read(&mut records)?);
                    }
                }
                Block::End => break,
            }
        }
        end(reader)?;
        let written = SystemTime::UNIX_EPOCH + Duration::from_nanos(written);
        let elapsed = self.source.wall_time().duration_since(written).unwrap_or(Duration::ZERO);
        self.source.fill(read, nanos(elapsed), &groups)
    }

    fn named(&self, name: String) -> Named {
        let given = self.groups.0.iter().find(|(given, _)| *given == name);
        let group = given.map(|(_, group)| group.clone());
        (name, group)
    }
}

impl<T: Source> fmt::Debug for Snapshot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("of", &T::KIND).finish_non_exhaustive()
    }
}

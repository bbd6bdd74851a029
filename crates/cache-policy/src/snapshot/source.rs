//! What a snapshot can be of, and how each is read and filled.

use std::borrow::Borrow;
use std::fmt;
use std::io::Write;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cache_core::{Backend, HashBuilder, IntCache, Key, ObjCache, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Restored;
use super::error::{Kind, Part, SnapshotError};
use super::format::{Records, Writer};
use crate::counters::NewCounter;
use crate::entry::{Entry, NEVER};
use crate::loads::Loading;
use crate::store::Terms;
use crate::sync::atomic::AtomicBool;
use crate::time::{Age, Times};
use crate::{Cache, Counters, Group};

/// Whatever a snapshot can be of. Implemented for what this crate knows, and for nothing else.
pub trait Source {
    #[doc(hidden)]
    const KIND: Kind;

    /// The wall clock's time.
    #[doc(hidden)]
    fn wall_time(&self) -> SystemTime {
        SystemTime::now()
    }

    /// The name for events.
    #[doc(hidden)]
    fn name(&self) -> Option<&str> {
        None
    }
}

/// A source whose keys and values can be written.
pub trait Save: Source {
    /// Writes all entries, and returns the number of those that were left out because their group has no name.
    #[doc(hidden)]
    fn write<W: Write>(&self, to: &mut Writer<W>, groups: &Groups) -> Result<u64, SnapshotError>;
}

/// A source whose keys and values can be read.
pub trait Restore: Source {
    #[doc(hidden)]
    type Record;

    #[doc(hidden)]
    fn read(records: &mut Records) -> Result<Self::Record, SnapshotError>;

    /// Puts in what was read, after all that can fail. Called with how long the snapshot has lain.
    #[doc(hidden)]
    fn fill(
        &self,
        records: Vec<Self::Record>,
        elapsed: u64,
        groups: &[Named],
    ) -> Result<Restored, SnapshotError>;
}

/// A group of the snapshot, and the one that was given under its name. Numbers of groups were checked when they were read.
pub(super) type Named = (String, Option<Group>);

/// The groups that have a name in the snapshot.
#[derive(Debug, Default)]
pub struct Groups(pub(super) Vec<(String, Group)>);

impl Groups {
    /// The number by which a snapshot knows a group: 0 for an entry that has none, `None` for one without a name.
    fn number(current: &[Arc<AtomicBool>], group: Option<&Arc<AtomicBool>>) -> Option<u32> {
        let Some(group) = group else { return Some(0) };
        let place = current.iter().position(|named| Arc::ptr_eq(named, group))?;
        u32::try_from(place + 1).ok()
    }

    fn current(&self) -> Vec<Arc<AtomicBool>> {
        self.0.iter().map(|(_, group)| group.join().0).collect()
    }
}

/// What is kept of an entry's terms: nanoseconds left, the number of the group, the mark.
pub(super) type Kept = (Option<u64>, u32, u8);

/// The terms of an entry at a moment; `None` if it is not to be written.
fn kept<V, K: Key + ?Sized>(entry: &Entry<V, K>, times: &Times, number: u32) -> Option<Kept> {
    if times.age(entry) >= Age::Stale {
        return None;
    }
    let deadline = entry.deadline();
    let left =
        (deadline != NEVER).then(|| u64::try_from(times.rest(deadline).as_nanos()).unwrap_or(u64::MAX));
    Some((left, number, entry.mark()))
}

/// What becomes of an entry's terms after `elapsed` nanoseconds; `None` if it is past its time.
fn terms((left, number, _): Kept, elapsed: u64, groups: &[Named]) -> Result<Option<Terms>, SnapshotError> {
    let lifetime = match left {
        Some(left) if left <= elapsed => return Ok(None),
        Some(left) => Some(Duration::from_nanos(left - elapsed)),
        None => None,
    };
    let group = match (number as usize).checked_sub(1) {
        None => None,
        Some(place) => {
            let (name, group) = &groups[place];
            Some(group.as_ref().ok_or_else(|| SnapshotError::UnknownGroup { name: name.clone() })?.join().0)
        }
    };
    Ok(Some(Terms { lifetime, group }))
}

/// An [`IntCache`] as a source.
pub struct Ints<'a, K: Key + ?Sized, C: ?Sized> {
    pub(super) cache: &'a C,
    pub(super) key: PhantomData<fn(&K)>,
}

impl<K: Key + ?Sized, C: IntCache<K> + ?Sized> Source for Ints<'_, K, C> {
    const KIND: Kind = Kind::IntCache;
}

impl<K: Key<Owned: Serialize> + ?Sized, C: IntCache<K> + ?Sized> Save for Ints<'_, K, C> {
    fn write<W: Write>(&self, to: &mut Writer<W>, _groups: &Groups) -> Result<u64, SnapshotError> {
        let mut counters = Vec::with_capacity(self.cache.len());
        self.cache.for_each(&mut |key, value| counters.push((key.to_owned_key(), value)));
        for (key, value) in counters {
            to.value(Part::Key, &key)?;
            to.value(Part::Value, &value)?;
            to.end_record()?;
        }
        Ok(0)
    }
}

impl<K: Key<Owned: DeserializeOwned> + ?Sized, C: IntCache<K> + ?Sized> Restore for Ints<'_, K, C> {
    type Record = (K::Owned, i64);

    fn read(records: &mut Records) -> Result<Self::Record, SnapshotError> {
        Ok((records.value(Part::Key)?, records.value(Part::Value)?))
    }

    fn fill(
        &self,
        records: Vec<Self::Record>,
        _elapsed: u64,
        _groups: &[Named],
    ) -> Result<Restored, SnapshotError> {
        let mut restored = Restored::default();
        for (key, value) in records {
            restored.add(self.cache.insert_new(key.borrow(), value).is_ok());
        }
        Ok(restored)
    }
}

/// An [`ObjCache`] as a source.
pub struct Objects<'a, V, K: Key + ?Sized, C: ?Sized> {
    pub(super) cache: &'a C,
    pub(super) types: PhantomData<fn(&K) -> V>,
}

impl<V, K: Key + ?Sized, C: ObjCache<V, K> + ?Sized> Source for Objects<'_, V, K, C> {
    const KIND: Kind = Kind::ObjCache;
}

impl<V: Serialize, K: Key<Owned: Serialize> + ?Sized, C: ObjCache<V, K> + ?Sized> Save
    for Objects<'_, V, K, C>
{
    fn write<W: Write>(&self, to: &mut Writer<W>, _groups: &Groups) -> Result<u64, SnapshotError> {
        let mut objects = Vec::with_capacity(self.cache.len());
        self.cache.for_each(&mut |key, value| objects.push((key.to_owned_key(), Arc::clone(value))));
        for (key, value) in objects {
            to.value(Part::Key, &key)?;
            to.value(Part::Value, &*value)?;
            to.end_record()?;
        }
        Ok(0)
    }
}

impl<V: DeserializeOwned, K: Key<Owned: DeserializeOwned> + ?Sized, C: ObjCache<V, K> + ?Sized> Restore
    for Objects<'_, V, K, C>
{
    type Record = (K::Owned, Arc<V>);

    fn read(records: &mut Records) -> Result<Self::Record, SnapshotError> {
        let key = records.value(Part::Key)?;
        let value: V = records.value(Part::Value)?;
        Ok((key, Arc::new(value)))
    }

    fn fill(
        &self,
        records: Vec<Self::Record>,
        _elapsed: u64,
        _groups: &[Named],
    ) -> Result<Restored, SnapshotError> {
        let mut restored = Restored::default();
        for (key, value) in records {
            let present = self.cache.get_or_insert(key.borrow(), Arc::clone(&value));
            restored.add(Arc::ptr_eq(&present, &value));
        }
        Ok(restored)
    }
}

impl<V: Value, K: Key + ?Sized, B: Backend, S: HashBuilder> Source for &Cache<V, K, B, S> {
    const KIND: Kind = Kind::Cache;

    fn wall_time(&self) -> SystemTime {
        self.0.clock.wall_time()
    }

    fn name(&self) -> Option<&str> {
        Cache::name(self)
    }
}

impl<V: Value + Serialize, K: Key<Owned: Serialize> + ?Sized, B: Backend, S: HashBuilder> Save
    for &Cache<V, K, B, S>
{
    fn write<W: Write>(&self, to: &mut Writer<W>, groups: &Groups) -> Result<u64, SnapshotError> {
        let times = Times { now: self.0.clock.now(), lifetimes: self.0.lifetimes };
        let groups = groups.current();
        let mut left_out = 0;
        for entry in self.all() {
            let Some(number) = Groups::number(&groups, entry.group()) else {
                left_out += u64::from(!entry.is_dropped_with_its_group());
                continue;
            };
            let Some(kept) = kept(&entry, &times, number) else { continue };
            to.value(Part::Key, &entry.key)?;
            to.value(Part::Value, entry.value())?;
            to.value(Part::Terms, &kept)?;
            to.end_record()?;
        }
        Ok(left_out)
    }
}

impl<V: Value + DeserializeOwned, K: Key<Owned: DeserializeOwned> + ?Sized, B: Backend, S: HashBuilder>
    Restore for &Cache<V, K, B, S>
{
    type Record = (K::Owned, V, Kept);

    fn read(records: &mut Records) -> Result<Self::Record, SnapshotError> {
        Ok((records.value(Part::Key)?, records.value(Part::Value)?, records.terms()?))
    }

    fn fill(
        &self,
        records: Vec<Self::Record>,
        elapsed: u64,
        groups: &[Named],
    ) -> Result<Restored, SnapshotError> {
        let mut restored = Restored::default();
        let mut entries = Vec::with_capacity(records.len());
        // All of the callers' code runs in this pass, so that a panic in it leaves the cache as it was.
        for (key, value, kept) in records {
            let Some(terms) = terms(kept, elapsed, groups)? else {
                restored.expired += 1;
                continue;
            };
            let entry = self.0.make(key.borrow(), value, terms, false);
            if self.0.fits(&entry) {
                entries.push((Arc::new(entry), kept.2));
            } else {
                restored.refused += 1;
            }
        }
        for (entry, mark) in entries {
            let present = Loading(&self.0).get_or_insert(entry.key(), Arc::clone(&entry));
            let inserted = Arc::ptr_eq(&present, &entry);
            if inserted {
                entry.set_mark(mark.min(crate::policy::MOST_MARK));
            }
            restored.add(inserted);
        }
        Ok(restored)
    }
}

impl<K: Key + ?Sized, B: Backend, S: HashBuilder> Source for &Counters<K, B, S> {
    const KIND: Kind = Kind::Counters;

    fn wall_time(&self) -> SystemTime {
        self.store().clock.wall_time()
    }

    fn name(&self) -> Option<&str> {
        Counters::name(self)
    }
}

impl<K: Key<Owned: Serialize> + ?Sized, B: Backend, S: HashBuilder> Save for &Counters<K, B, S> {
    fn write<W: Write>(&self, to: &mut Writer<W>, groups: &Groups) -> Result<u64, SnapshotError> {
        let store = self.store();
        let times = Times { now: store.clock.now(), lifetimes: store.lifetimes };
        let groups = groups.current();
        let mut left_out = 0;
        let mut entries = Vec::with_capacity(self.len());
        store.map.for_each(&mut |_key, entry| entries.push(Arc::clone(entry)));
        for entry in entries {
            let Some(number) = Groups::number(&groups, entry.group()) else {
                left_out += u64::from(!entry.is_dropped_with_its_group());
                continue;
            };
            let Some(kept) = kept(&entry, &times, number) else { continue };
            // One that was closed meanwhile has left.
            let Ok(value) = entry.value().get() else { continue };
            to.value(Part::Key, &entry.key)?;
            to.value(Part::Value, &value)?;
            to.value(Part::Terms, &kept)?;
            to.end_record()?;
        }
        Ok(left_out)
    }
}

impl<K: Key<Owned: DeserializeOwned> + ?Sized, B: Backend, S: HashBuilder> Restore for &Counters<K, B, S> {
    type Record = (K::Owned, i64, Kept);

    fn read(records: &mut Records) -> Result<Self::Record, SnapshotError> {
        Ok((records.value(Part::Key)?, records.value(Part::Value)?, records.terms()?))
    }

    fn fill(
        &self,
        records: Vec<Self::Record>,
        elapsed: u64,
        groups: &[Named],
    ) -> Result<Restored, SnapshotError> {
        let mut restored = Restored::default();
        let mut counters = Vec::with_capacity(records.len());
        for (key, value, kept) in records {
            match terms(kept, elapsed, groups)? {
                Some(terms) => counters.push(NewCounter { key, value, terms }),
                None => restored.expired += 1,
            }
        }
        let inserted = self
            .insert_many(counters, false)
            .map_err(|full| SnapshotError::Full { new: full.new, max_keys: full.max_keys })?;
        restored.inserted = inserted.inserted;
        restored.present = inserted.present;
        restored.refused = inserted.refused;
        Ok(restored)
    }
}

impl<K: Key + ?Sized, C: ?Sized> fmt::Debug for Ints<'_, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ints").finish_non_exhaustive()
    }
}

impl<V, K: Key + ?Sized, C: ?Sized> fmt::Debug for Objects<'_, V, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").finish_non_exhaustive()
    }
}

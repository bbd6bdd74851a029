use hotcache_bench_plan::Cache;

use crate::keys::KeyForm;

/// The operation of a request.
///
/// A trace contains requests without their answers. So operations that need a present key are done as if it were
/// present: `replace` and `cas` store; `incr` and `decr` count an absent key from 0 and keep the sum, even below 0.
/// The time to live of a request is parsed and not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Step {
    /// Reads.
    Read,
    /// Reads, and stores on a miss.
    ReadThrough,
    /// Stores, whether or not the key is there.
    Store,
    /// Stores if the key is absent.
    InsertIfAbsent,
    /// Adds 1; an absent key counts from 0.
    Increment,
    /// Subtracts 1; an absent key counts from 0.
    Decrement,
    /// Removes the key, if it is there.
    Delete,
}

impl Step {
    /// Whether this cache can do it.
    #[must_use]
    pub fn suits(self, cache: Cache) -> bool {
        cache == Cache::Int || !matches!(self, Step::Increment | Step::Decrement)
    }

    /// Whether it may store an object.
    #[must_use]
    pub fn stores(self) -> bool {
        matches!(self, Step::ReadThrough | Step::Store | Step::InsertIfAbsent)
    }
}

/// One thread's requests, their keys one after another in the order of asking.
#[derive(Debug, Default)]
pub struct Part {
    text: String,
    lengths: Vec<u32>,
    steps: Vec<Step>,
}

impl Part {
    /// Adds a request.
    pub fn push(&mut self, step: Step, key: &str) {
        self.text.push_str(key);
        // Keys of four gigabytes are in no trace; a longer one would be cut, and break the count of keys.
        self.lengths.push(u32::try_from(key.len()).unwrap_or(u32::MAX));
        self.steps.push(step);
    }

    /// The number of requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many objects these requests may store.
    #[must_use]
    pub fn stores(&self) -> usize {
        self.steps.iter().filter(|step| step.stores()).count()
    }

    /// The requests, in order.
    #[must_use]
    pub fn requests(&self) -> Requests<'_> {
        Requests { rest: &self.text, lengths: self.lengths.iter(), steps: self.steps.iter() }
    }
}

/// Some requests: what to do, and with which key.
#[derive(Clone, Debug)]
pub struct Requests<'a> {
    rest: &'a str,
    lengths: std::slice::Iter<'a, u32>,
    steps: std::slice::Iter<'a, Step>,
}

impl<'a> Requests<'a> {
    /// The requests in order, for a map whose keys are of this type, which must be text.
    #[inline]
    pub(crate) fn of<K: KeyForm + ?Sized>(self) -> impl Iterator<Item = (Step, &'a K)> {
        self.map(|(step, key)| {
            (step, K::of_text(key).expect("the keys of a trace are text, and so are its maps'"))
        })
    }
}

impl<'a> Iterator for Requests<'a> {
    type Item = (Step, &'a str);

    #[inline]
    fn next(&mut self) -> Option<(Step, &'a str)> {
        let length = *self.lengths.next()?;
        let (key, rest) = self.rest.split_at_checked(length as usize)?;
        self.rest = rest;
        Some((*self.steps.next()?, key))
    }
}

/// The results of the requests of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Requests that read.
    pub reads: u64,
    /// The number of reads that found their key.
    pub hits: u64,
}

impl Replayed {
    /// Notes a read.
    #[inline]
    pub fn read(&mut self, hit: bool) {
        self.reads += 1;
        self.hits += u64::from(hit);
    }
}

impl std::ops::AddAssign for Replayed {
    fn add_assign(&mut self, other: Replayed) {
        self.reads += other.reads;
        self.hits += other.hits;
    }
}

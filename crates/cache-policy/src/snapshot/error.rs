use std::error::Error;
use std::{fmt, io};

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An [`IntCache`](cache_core::IntCache).
    IntCache,
    /// An [`ObjCache`](cache_core::ObjCache).
    ObjCache,
    /// A [`Cache`](crate::Cache).
    Cache,
    /// [`Counters`](crate::Counters).
    Counters,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::IntCache, Kind::ObjCache, Kind::Cache, Kind::Counters];

    /// How the format writes it.
    pub(super) fn code(self) -> u16 {
        match self {
            Kind::IntCache => 1,
            Kind::ObjCache => 2,
            Kind::Cache => 3,
            Kind::Counters => 4,
        }
    }

    pub(super) fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::IntCache => "IntCache",
            Kind::ObjCache => "ObjCache",
            Kind::Cache => "Cache",
            Kind::Counters => "Counters",
        })
    }
}

/// The half of an entry that serde refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
    /// What the format stores beside them: the time that is left, the group.
    Terms,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Key => "a key",
            Part::Value => "a value",
            Part::Terms => "the terms of an entry",
        })
    }
}

/// Why a snapshot was not written or not restored.
///
/// After a failed restore, the cache is exactly as it was.
///
/// # Examples
///
/// ```
/// use cache_policy::snapshot::{Snapshot, SnapshotError};
/// use cache_policy::{Cache, Counters};
/// use cache_rwlock::RwLockBackend;
///
/// let counters: Counters<str, RwLockBackend> = Counters::new();
/// let mut bytes = Vec::new();
/// counters.snapshot().write_to(&mut bytes).unwrap();
///
/// let cache: Cache<String, str, RwLockBackend> = Cache::new();
/// let error = cache.snapshot().read_from(&bytes[..]).unwrap_err();
/// assert_eq!(error.to_string(), "this is a snapshot of Counters: expected one of Cache");
/// let error = counters.snapshot().read_from(&bytes[..20]).unwrap_err();
/// assert!(matches!(error, SnapshotError::Truncated { at: 20 }));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The input does not begin as a snapshot does.
    NotASnapshot,
    /// It is a snapshot of something else.
    WrongKind {
        /// What it is of.
        found: Kind,
        /// What it should be of.
        expected: Kind,
    },
    /// It was written in another version of the format.
    UnsupportedVersion {
        /// The version of the input.
        found: u16,
        /// The version that this library reads and writes.
        supported: u16,
    },
    /// The bytes are not those that were written.
    Corrupt {
        /// Where the damaged part begins, in bytes from the start.
        at: u64,
        /// The problem.
        what: &'static str,
    },
    /// The input ends too early.
    Truncated {
        /// The number of bytes there are.
        at: u64,
    },
    /// A key or a value is not of the type that the cache holds, or serde refused it.
    Deserialize {
        /// Where it ends or stops making sense, in bytes from the start.
        at: u64,
        /// Which half of the entry.
        part: Part,
        /// What serde says.
        message: String,
    },
    /// A key or a value could not be written.
    Serialize {
        /// Which half of the entry.
        part: Part,
        /// What serde says.
        message: String,
    },
    /// There is no room for all new keys among [`Counters`](crate::Counters), which evict none.
    Full {
        /// The number of keys in the snapshot that the counters do not have.
        new: usize,
        /// The greatest number of keys.
        max_keys: usize,
    },
    /// An entry belongs to a group of this name, and none was [given](super::Snapshot::group).
    UnknownGroup {
        /// The name of the group.
        name: String,
    },
    /// The input or output failed.
    Io(io::Error),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotError::NotASnapshot => {
                f.write_str("this is not a snapshot: it does not begin with the mark of one")
            }
            SnapshotError::WrongKind { found, expected } => {
                write!(f, "this is a snapshot of {found}: expected one of {expected}")
            }
            SnapshotError::UnsupportedVersion { found, supported } => {
                write!(f, "the snapshot is of format version {found}: this library reads version {supported}")
            }
            SnapshotError::Corrupt { at, what } => {
                write!(f, "the snapshot is corrupt at byte {at}: {what}")
            }
            SnapshotError::Truncated { at } => {
                write!(f, "the snapshot is truncated: it ends at byte {at}, before its end mark")
            }
            SnapshotError::Deserialize { at, part, message } => {
                write!(f, "{part} at byte {at} of the snapshot does not deserialize: {message}")
            }
            SnapshotError::Serialize { part, message } => write!(f, "{part} does not serialize: {message}"),
            SnapshotError::Full { new, max_keys } => {
                write!(f, "the snapshot has {new} new keys: at most {max_keys} keys are allowed in all")
            }
            SnapshotError::UnknownGroup { name } => {
                write!(f, "an entry belongs to the group {name:?}, which was not given for the restore")
            }
            SnapshotError::Io(error) => write!(f, "the snapshot cannot be read or written: {error}"),
        }
    }
}

impl Error for SnapshotError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SnapshotError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for SnapshotError {
    fn from(error: io::Error) -> Self {
        SnapshotError::Io(error)
    }
}

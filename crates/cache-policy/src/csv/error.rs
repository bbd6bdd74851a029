use std::error::Error;
use std::{fmt, io};

/// Why nothing was imported.
///
/// # Examples
///
/// ```
/// use cache_policy::Counters;
/// use cache_policy::csv::{Column, Csv, CsvError};
/// # use cache_rwlock::RwLockBackend;
/// let counters: Counters<u64, RwLockBackend> = Counters::new();
/// let error = Csv::new().import_counters(&counters, &b"7,1\nx,2\n"[..]).unwrap_err();
/// assert!(matches!(error, CsvError::Line { line: 2, column: Column::Key, .. }));
/// assert!(counters.is_empty());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum CsvError {
    /// A line is not as it should be.
    Line {
        /// The line, from 1. Of a record that spans several, the first.
        line: u64,
        /// The column.
        column: Column,
        /// The problem at this place.
        problem: Problem,
    },
    /// There is no room for all new keys among [`Counters`](crate::Counters), which evict none.
    Full {
        /// The number of keys in the input that the counters do not have.
        new: usize,
        /// The greatest number of keys.
        max_keys: usize,
    },
    /// The input failed.
    Io(io::Error),
}

/// A column of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Column {
    /// The first.
    Key,
    /// The second.
    Value,
    /// Another one, from 1.
    Other(u64),
}

impl Column {
    pub(super) fn of(column: u64) -> Self {
        match column {
            1 => Column::Key,
            2 => Column::Value,
            _ => Column::Other(column),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Key => f.write_str("column 1 (key)"),
            Column::Value => f.write_str("column 2 (value)"),
            Column::Other(column) => write!(f, "column {column}"),
        }
    }
}

/// The problem of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// There are more or fewer than two fields.
    Fields {
        /// The number of fields.
        found: usize,
    },
    /// A field is not UTF-8.
    NotUtf8,
    /// The text is not a key of the cache.
    Key {
        /// The text.
        text: String,
        /// What its parser says.
        message: String,
    },
    /// The text is not an integer of 64 bits.
    Value {
        /// The text.
        text: String,
    },
    /// The key was on an earlier line.
    Duplicate {
        /// The key.
        key: String,
        /// That line.
        first: u64,
    },
    /// The first line was said to be a header, and holds a value.
    NotAHeader {
        /// The value.
        value: i64,
    },
    /// A quote is not closed, or stands in a field that is not quoted.
    Quote,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Fields { found } => {
                let s = if *found == 1 { "" } else { "s" };
                write!(f, "{found} field{s}: expected 2, a key and a value")
            }
            Problem::NotUtf8 => f.write_str("the field is not valid UTF-8"),
            Problem::Key { text, message } => write!(f, "invalid key {text:?}: {message}"),
            Problem::Value { text } => {
                write!(f, "invalid value {text:?}: expected an integer from {} to {}", i64::MIN, i64::MAX)
            }
            Problem::Duplicate { key, first } => {
                write!(f, "the key {key:?} was on line {first}: each key is allowed once")
            }
            Problem::NotAHeader { value } => {
                write!(f, "expected a header, found the value {value}; if there is no header, say so")
            }
            Problem::Quote => {
                f.write_str("a quote out of place: quotes surround a whole field, and are doubled inside it")
            }
        }
    }
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CsvError::Line { line, column, problem } => write!(f, "line {line}, {column}: {problem}"),
            CsvError::Full { new, max_keys } => {
                write!(f, "the input has {new} new keys: at most {max_keys} keys are allowed in all")
            }
            CsvError::Io(error) => write!(f, "the input cannot be read: {error}"),
        }
    }
}

impl Error for CsvError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CsvError::Io(error) => Some(error),
            _ => None,
        }
    }
}

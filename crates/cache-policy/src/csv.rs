//! Counters from and to comma-separated values: lines of `key,value`.
//!
//! Needs the feature `csv`. Quoting is that of RFC 4180: a field with a comma, a quote or a line end is in double quotes, and
//! a quote inside it is doubled. Lines end in LF or CRLF, and a byte order mark is skipped.
//!
//! ```
//! use cache_core::IntCache;
//! use cache_policy::csv::Csv;
//! # use cache_core::{Backend, Options};
//! # use cache_rwlock::RwLockBackend;
//!
//! let stock = RwLockBackend::int::<str, _>(Options::new());
//! let text = "key,value\nsku:1,100\n\"sku:2, blue\",7\n";
//! assert_eq!(Csv::new().header(true).import_int(&stock, text.as_bytes())?, 2);
//! assert_eq!(stock.get("sku:2, blue"), Some(7));
//!
//! let error = Csv::new().import_int(&stock, &b"sku:1,100\nsku:2,many\n"[..]).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "line 2, column 2 (value): invalid value \"many\": expected an integer from -9223372036854775808 to 9223372036854775807",
//! );
//! # Ok::<_, cache_policy::csv::CsvError>(())
//! ```

mod error;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::hash::Hash;
use std::io::{self, Read, Write};
use std::str::FromStr;

use ::csv::{ByteRecord, ReaderBuilder, StringRecord, WriterBuilder};
use cache_core::{Backend, HashBuilder, IntCache, Key};

pub use self::error::{Column, CsvError, Problem};

use crate::Counters;
use crate::counters::{NewCounter, NoRoom};
use crate::store::Terms;

/// How counters are read from and written to comma-separated values.
///
/// Keys are of a type that is parsed from text and printed as text: strings, integers, addresses, UUIDs.
///
/// # Examples
///
/// See the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Csv {
    header: bool,
    delimiter: u8,
    keep_present: bool,
}

impl Default for Csv {
    fn default() -> Self {
        Self::new()
    }
}

impl Csv {
    /// Lines of `key,value` without a header.
    ///
    /// # Examples
    ///
    /// See the [module](self).
    #[must_use]
    pub const fn new() -> Self {
        Self { header: false, delimiter: b',', keep_present: false }
    }

    /// Whether the first line holds the names of the columns.
    ///
    /// On an import, a first line whose value is an integer is refused then, as it is no header. An export writes
    /// `key,value`.
    ///
    /// # Examples
    ///
    /// See the [module](self).
    #[must_use]
    pub const fn header(mut self, header: bool) -> Self {
        self.header = header;
        self
    }

    /// Whether an import leaves counters alone that are present, as a restore of a snapshot does. Without this, it sets them.
    ///
    /// For stock that is imported at every start, after a restore: a count that has gone down must not go up again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_core::{Backend, IntCache, Options};
    /// use cache_policy::csv::Csv;
    /// # use cache_rwlock::RwLockBackend;
    /// # let stock = RwLockBackend::int::<str, _>(Options::new());
    /// stock.set("sku:1", 3); // restored
    /// assert_eq!(Csv::new().keep_present(true).import_int(&stock, &b"sku:1,100\nsku:2,50\n"[..])?, 1);
    /// assert_eq!((stock.get("sku:1"), stock.get("sku:2")), (Some(3), Some(50)));
    /// # Ok::<_, cache_policy::csv::CsvError>(())
    /// ```
    #[must_use]
    pub const fn keep_present(mut self, keep: bool) -> Self {
        self.keep_present = keep;
        self
    }

    /// Whether an import leaves counters alone that are present.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_policy::csv::Csv;
    /// assert!(Csv::new().keep_present(true).keeps_present());
    /// ```
    #[must_use]
    pub const fn keeps_present(&self) -> bool {
        self.keep_present
    }

    /// Sets what stands between key and value: a comma, unless set to a semicolon or a tab, say.
    ///
    /// # Panics
    ///
    /// If it is a quote or a line end.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_policy::Counters;
    /// use cache_policy::csv::Csv;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<u64, RwLockBackend> = Counters::new();
    /// assert_eq!(Csv::new().delimiter(b';').import_counters(&counters, &b"7;1\n8;2\n"[..])?, 2);
    /// assert_eq!(counters.get(&8), Some(2));
    /// # Ok::<_, cache_policy::csv::CsvError>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn delimiter(mut self, delimiter: u8) -> Self {
        assert!(
            !matches!(delimiter, b'"' | b'\n' | b'\r'),
            "a quote or a line end cannot separate fields: use a comma, a semicolon or a tab"
        );
        self.delimiter = delimiter;
        self
    }

    /// Sets the counters that the input names, and returns how many it set. Others stay as they are.
    ///
    /// Nothing is set unless all of the input is well.
    ///
    /// # Errors
    ///
    /// [`CsvError`] with the line, the column and what is wrong there.
    ///
    /// # Examples
    ///
    /// See the [module](self).
    pub fn import_int<K, C>(&self, into: &C, from: impl Read) -> Result<u64, CsvError>
    where
        K: Key<Owned: FromStr<Err: Display>> + ?Sized,
        C: IntCache<K> + ?Sized,
    {
        let counters = self.read::<K::Owned>(from)?;
        let mut done = 0;
        for (key, value) in &counters {
            if self.keep_present {
                done += u64::from(into.insert_new(key.borrow(), *value).is_ok());
            } else {
                into.set(key.borrow(), *value);
                done += 1;
            }
        }
        Ok(done)
    }

    /// Sets the counters that the input names, and returns how many it set. Others stay as they are.
    ///
    /// A new counter's time to live begins now; that of a present one goes on. Nothing is set unless all of the input is
    /// well and there is a place for every new key.
    ///
    /// # Errors
    ///
    /// [`CsvError`] with the line, the column and what is wrong there; [`CsvError::Full`] if there are too many new keys.
    ///
    /// # Examples
    ///
    /// See [`delimiter`](Csv::delimiter).
    pub fn import_counters<K, B, S>(&self, into: &Counters<K, B, S>, from: impl Read) -> Result<u64, CsvError>
    where
        K: Key<Owned: FromStr<Err: Display>> + ?Sized,
        B: Backend,
        S: HashBuilder,
    {
        let counters = self.read::<K::Owned>(from)?;
        let counters = counters.into_iter().map(|(key, value)| NewCounter { key, value, terms: Terms::NONE });
        match into.insert_many(counters.collect(), !self.keep_present) {
            Ok(done) if self.keep_present => Ok(done.inserted),
            Ok(done) => Ok(done.inserted + done.present),
            Err(NoRoom { new, max_keys }) => Err(CsvError::Full { new, max_keys }),
        }
    }

    /// Writes all counters in the order of their keys, and returns their number. Weakly consistent, as iteration is.
    ///
    /// # Errors
    ///
    /// If the output fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::IntCache;
    /// use cache_policy::csv::Csv;
    /// # use cache_core::{Backend, Options};
    /// # use cache_rwlock::RwLockBackend;
    /// let stock = RwLockBackend::int::<str, _>(Options::new());
    /// stock.set("sku:1", 100);
    /// let mut text = Vec::new();
    /// assert_eq!(Csv::new().header(true).export_int(&stock, &mut text)?, 1);
    /// assert_eq!(text, b"key,value\nsku:1,100\n");
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn export_int<K, C>(&self, from: &C, to: impl Write) -> io::Result<u64>
    where
        K: Key<Owned: Display> + ?Sized,
        C: IntCache<K> + ?Sized,
    {
        let mut counters = Vec::with_capacity(from.len());
        from.for_each(&mut |key, value| counters.push((key.to_owned_key(), value)));
        self.write(counters, to)
    }

    /// Writes all counters that are not past their time in the order of their keys, and returns their number. Weakly
    /// consistent, as iteration is.
    ///
    /// # Errors
    ///
    /// If the output fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_policy::Counters;
    /// use cache_policy::csv::Csv;
    /// # use cache_rwlock::RwLockBackend;
    /// let counters: Counters<u64, RwLockBackend> = Counters::new();
    /// counters.set(&7, 1).unwrap();
    /// let mut text = Vec::new();
    /// assert_eq!(Csv::new().export_counters(&counters, &mut text)?, 1);
    /// assert_eq!(text, b"7,1\n");
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub fn export_counters<K, B, S>(&self, from: &Counters<K, B, S>, to: impl Write) -> io::Result<u64>
    where
        K: Key<Owned: Display> + ?Sized,
        B: Backend,
        S: HashBuilder,
    {
        self.write(from.entries(), to)
    }

    fn write<K: Display + Ord>(&self, mut counters: Vec<(K, i64)>, to: impl Write) -> io::Result<u64> {
        counters.sort_unstable();
        let mut writer = WriterBuilder::new().delimiter(self.delimiter).from_writer(to);
        if self.header {
            writer.write_record(["key", "value"])?;
        }
        for (key, value) in &counters {
            writer.write_record([key.to_string(), value.to_string()])?;
        }
        writer.flush()?;
        Ok(counters.len() as u64)
    }

    /// Reads all of the input without setting anything: for counters that are kept elsewhere.
    ///
    /// # Errors
    ///
    /// [`CsvError`] with the line, the column and what is wrong there.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_policy::csv::Csv;
    /// assert_eq!(Csv::new().read::<u64>(&b"7,1\n8,2\n"[..])?, [(7, 1), (8, 2)]);
    /// # Ok::<_, cache_policy::csv::CsvError>(())
    /// ```
    pub fn read<K: FromStr<Err: Display> + Hash + Eq + Clone>(
        &self,
        mut from: impl Read,
    ) -> Result<Vec<(K, i64)>, CsvError> {
        let mut text = Vec::new();
        from.read_to_end(&mut text).map_err(CsvError::Io)?;
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .from_reader(text);
        let mut header = self.header;
        let mut counters = Vec::new();
        let mut lines: HashMap<K, u64> = HashMap::new();
        let mut record = ByteRecord::new();
        let (mut line, mut start) = (1, 0);
        // A slice does not fail.
        while reader.read_byte_record(&mut record).map_err(|error| CsvError::Io(error.into()))? {
            // The reader takes the end of a line for the beginning of the next record, and skips empty lines.
            let ends = text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            start += ends.inspect(|byte| line += u64::from(**byte == b'\n')).count();
            let end = usize::try_from(reader.position().byte()).unwrap_or(text.len());
            let raw = &text[start..end];
            if let Err(column) = quoting(raw, self.delimiter) {
                return Err(at(line, column, Problem::Quote));
            }
            let fields = fields(&record, line)?;
            if std::mem::take(&mut header) {
                if let Ok(value) = fields[1].parse::<i64>() {
                    return Err(at(line, Column::Value, Problem::NotAHeader { value }));
                }
            } else {
                let (key, value) = parse::<K>(&fields, line)?;
                match lines.entry(key) {
                    Entry::Vacant(vacant) => {
                        counters.push((vacant.key().clone(), value));
                        vacant.insert(line);
                    }
                    Entry::Occupied(first) => {
                        let problem = Problem::Duplicate { key: fields[0].to_owned(), first: *first.get() };
                        return Err(at(line, Column::Key, problem));
                    }
                }
            }
            line += raw.iter().filter(|byte| **byte == b'\n').count() as u64;
            start = end;
        }
        Ok(counters)
    }
}

/// Checks what the reader is lenient about: each quote surrounds a field or is doubled inside it. Returns the column of one
/// that does not.
fn quoting(record: &[u8], delimiter: u8) -> Result<(), Column> {
    #[derive(Clone, Copy)]
    enum State {
        Start,
        Plain,
        Quoted,
        /// After a quote in a quoted field: it ends the field, or is the first of two.
        Closed,
    }
    let (mut state, mut column) = (State::Start, 1);
    for byte in record {
        state = match (state, byte) {
            (State::Start, b'"') | (State::Closed, b'"') => State::Quoted,
            (State::Quoted, b'"') => State::Closed,
            (State::Quoted, _) => State::Quoted,
            (State::Plain, b'"') => return Err(Column::of(column)),
            (_, byte) if *byte == delimiter => {
                column += 1;
                State::Start
            }
            (state, b'\r' | b'\n') => state,
            (State::Closed, _) => return Err(Column::of(column)),
            (State::Start | State::Plain, _) => State::Plain,
        };
    }
    if matches!(state, State::Quoted) { Err(Column::of(column)) } else { Ok(()) }
}

/// The two fields of a record, as text.
fn fields(record: &ByteRecord, line: u64) -> Result<StringRecord, CsvError> {
    if record.len() != 2 {
        let column = if record.len() < 2 { Column::Value } else { Column::of(3) };
        return Err(at(line, column, Problem::Fields { found: record.len() }));
    }
    StringRecord::from_byte_record(record.clone()).map_err(|error| {
        let column = if error.utf8_error().field() == 0 { Column::Key } else { Column::Value };
        at(line, column, Problem::NotUtf8)
    })
}

fn parse<K: FromStr<Err: Display>>(fields: &StringRecord, line: u64) -> Result<(K, i64), CsvError> {
    let key = fields[0].parse().map_err(|error: K::Err| {
        let problem = Problem::Key { text: fields[0].to_owned(), message: error.to_string() };
        at(line, Column::Key, problem)
    })?;
    let value = fields[1]
        .parse()
        .map_err(|_| at(line, Column::Value, Problem::Value { text: fields[1].to_owned() }))?;
    Ok((key, value))
}

fn at(line: u64, column: Column, problem: Problem) -> CsvError {
    CsvError::Line { line, column, problem }
}

use std::borrow::Borrow;
use std::fmt::{self, Display};
use std::io::Read;
use std::str::FromStr;

use cache_policy::csv::{Csv, CsvError};

use super::{Applied, Write, Writer};
use crate::{Error, MirrorKey};

/// The number of lines that are written at once.
const BATCH: usize = 500;

/// Why an import ended early.
///
/// # Examples
///
/// ```no_run
/// use cache_policy::csv::Csv;
/// use cache_redis::writer::{ImportError, Writer};
///
/// # async fn run(writer: Writer, file: std::fs::File) {
/// match writer.import_csv::<str>(&Csv::new(), file).await {
///     Ok(set) => println!("{set} counters set"),
///     Err(ImportError::Csv(error)) => println!("nothing was set: {error}"),
///     Err(error) => println!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ImportError {
    /// The input is wrong: the line, the column and what is wrong there. Nothing was written.
    Csv(CsvError),
    /// The server failed. Importing everything again is safe.
    Server {
        /// The number of lines, from the first, without a header and empty ones, that were written before.
        done: u64,
        /// What the server said. If its outcome is unknown, up to 500 further lines may have been written.
        error: Error,
    },
}

impl Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Csv(error) => error.fmt(f),
            Self::Server { done, error } => write!(f, "after {done} counters: {error}"),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Csv(error) => Some(error),
            Self::Server { error, .. } => Some(error),
        }
    }
}

impl Writer {
    /// Stores the counters that lines of `key,value` name, in batches, and returns how many it stored. With
    /// [`keep_present`](Csv::keep_present), only absent ones. Needs the feature `csv`.
    ///
    /// All of the input is read and checked first, on this thread: for a large file, use `spawn_blocking` to read it into
    /// memory.
    ///
    /// # Errors
    ///
    /// [`ImportError::Csv`] with the line, and then nothing was written; [`ImportError::Server`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cache_policy::csv::Csv;
    ///
    /// # async fn run(writer: cache_redis::writer::Writer) -> Result<(), cache_redis::writer::ImportError> {
    /// let text = "key,value\nsku:1,100\nsku:2,50\n";
    /// assert_eq!(writer.import_csv::<str>(&Csv::new().header(true), text.as_bytes()).await?, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Performance
    ///
    /// A script call for 500 lines, one after the other.
    #[cfg_attr(docsrs, doc(cfg(feature = "csv")))]
    pub async fn import_csv<K>(&self, csv: &Csv, from: impl Read) -> Result<u64, ImportError>
    where
        K: MirrorKey<Owned: FromStr<Err: Display>> + ?Sized,
    {
        let rows = csv.read::<K::Owned>(from).map_err(ImportError::Csv)?;
        let (mut done, mut stored) = (0, 0);
        for rows in rows.chunks(BATCH) {
            let write = |(key, value): &(K::Owned, i64)| {
                let key: &K = key.borrow();
                if csv.keeps_present() {
                    Write::insert(key, value.to_string())
                } else {
                    Write::set_int(key, *value)
                }
            };
            let writes: Vec<_> = rows.iter().map(write).collect();
            let applied = self.apply(&writes).await.map_err(|error| ImportError::Server { done, error })?;
            done += rows.len() as u64;
            stored += applied.iter().filter(|one| matches!(one, Applied::Written { .. })).count() as u64;
        }
        Ok(stored)
    }
}

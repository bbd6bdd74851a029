use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use crate::{Run, SchemaError, check_writable, write_whole};

const LONGEST_NAME: usize = 64;

/// Saved runs, by name: a directory with a file `NAME.json` for each.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Machine, Run, Store};
///
/// let directory = std::env::temp_dir().join(format!("runs-{}", std::process::id()));
/// let store = Store::new(&directory);
/// let run = Run::new(Machine { cores: 2, ..Machine::default() });
/// store.save("before", &run)?;
/// assert_eq!(store.names()?, ["before"]);
/// assert_eq!(store.load("before")?, run);
/// assert!(store.load("after").unwrap_err().to_string().contains("there are: before"));
/// # std::fs::remove_dir_all(directory).unwrap();
/// # Ok::<(), hotcache_report::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    directory: PathBuf,
}

/// Why a run could not be saved or loaded.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Store, StoreError};
/// let error = Store::new("runs".as_ref()).load("../secret").unwrap_err();
/// assert!(matches!(error, StoreError::BadName { .. }));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The name could not be a file's everywhere.
    BadName {
        /// The name.
        name: String,
    },
    /// No run has the name.
    Unknown {
        /// The name.
        name: String,
        /// The names of the saved runs.
        known: Vec<String>,
    },
    /// The file holds no run, or the run holds a value that cannot be.
    Malformed(SchemaError),
    /// The directory or a file in it could not be read or written.
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The underlying error.
        error: io::Error,
    },
}

impl Store {
    /// The runs in a directory, which is made when the first is saved.
    ///
    /// # Examples
    ///
    /// ```
    /// let store = hotcache_report::Store::new("no/such/directory".as_ref());
    /// assert!(store.names().unwrap().is_empty());
    /// ```
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Saves a run under a name, in place of what had it, and tells the file.
    ///
    /// # Errors
    ///
    /// If the name is not allowed, the run holds a value that cannot be, or the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::{Machine, Run, Store};
    /// let run = Run::new(Machine { cores: 2, ..Machine::default() });
    /// let error = Store::new("runs".as_ref()).save("a b", &run).unwrap_err();
    /// assert!(error.to_string().starts_with("`a b` cannot name a run"));
    /// ```
    pub fn save(&self, name: &str, run: &Run) -> Result<PathBuf, StoreError> {
        let path = self.path(name)?;
        let json = run.to_json().map_err(StoreError::Malformed)?;
        match write_whole(&path, &json) {
            Ok(()) => Ok(path),
            Err(error) => Err(StoreError::Io { path, error }),
        }
    }

    /// Loads the run of a name.
    ///
    /// # Errors
    ///
    /// If there is none (the error names those there are), or its file is not what was saved.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::Store;
    /// let error = Store::new("no/such/directory".as_ref()).load("before").unwrap_err();
    /// assert_eq!(error.to_string(), "there is no saved run `before`; none is saved yet");
    /// ```
    pub fn load(&self, name: &str) -> Result<Run, StoreError> {
        let path = self.path(name)?;
        if !path.is_file() {
            return Err(StoreError::Unknown { name: name.to_owned(), known: self.names()? });
        }
        Run::read(&path).map_err(StoreError::Malformed)
    }

    /// The names of all saved runs, in order.
    ///
    /// # Errors
    ///
    /// If the directory is there and cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::Store;
    /// assert!(Store::new("no/such/directory".as_ref()).names()?.is_empty());
    /// # Ok::<(), hotcache_report::StoreError>(())
    /// ```
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        let failed = |error| StoreError::Io { path: self.directory.clone(), error };
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry.map_err(failed)?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(".json"));
            names.extend(name.filter(|name| is_allowed(name)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The name of the run that was saved last, whole or not; `None` if none is.
    ///
    /// # Errors
    ///
    /// If the directory or a file in it cannot be read.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::Store;
    /// assert_eq!(Store::new("no/such/directory".as_ref()).last()?, None);
    /// # Ok::<(), hotcache_report::StoreError>(())
    /// ```
    pub fn last(&self) -> Result<Option<String>, StoreError> {
        let mut dated = Vec::new();
        for name in self.names()? {
            let path = self.path(&name)?;
            match fs::metadata(&path).and_then(|about| about.modified()) {
                Ok(saved) => dated.push((saved, name)),
                Err(error) => return Err(StoreError::Io { path, error }),
            }
        }
        Ok(dated.into_iter().max().map(|(_, name)| name))
    }

    /// Removes the run of a name, if there is one.
    ///
    /// # Errors
    ///
    /// If the name is not allowed, or the file is there and cannot be removed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::Store;
    /// assert!(Store::new("no/such/directory".as_ref()).remove("before").is_ok());
    /// ```
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::Io { path, error }),
            _ => Ok(()),
        }
    }

    /// Whether a run could be saved under a name; worth asking before an hour is spent on measuring it.
    ///
    /// # Errors
    ///
    /// If it could not; the error says what a name may be.
    ///
    /// # Examples
    ///
    /// ```
    /// # use hotcache_report::Store;
    /// let store = Store::new("runs".as_ref());
    /// assert!(store.check_name("v1.2-rc_3").is_ok());
    /// assert!(store.check_name(".hidden").is_err());
    /// ```
    pub fn check_name(&self, name: &str) -> Result<(), StoreError> {
        self.path(name).map(drop)
    }

    /// Whether a run can be saved under a name now: the name is allowed, and the file can be written. The directory is
    /// made if it is missing.
    ///
    /// # Errors
    ///
    /// If the name is not allowed, or the directory or the file cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::Store;
    ///
    /// let directory = std::env::temp_dir().join(format!("checked-{}", std::process::id()));
    /// let store = Store::new(&directory);
    /// store.check_writable("before")?;
    /// assert!(store.names()?.is_empty(), "asking saves nothing");
    /// # std::fs::remove_dir_all(directory).unwrap();
    /// # Ok::<(), hotcache_report::StoreError>(())
    /// ```
    pub fn check_writable(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name)?;
        let checked = fs::create_dir_all(&self.directory).and_then(|()| check_writable(&path));
        checked.map_err(|error| StoreError::Io { path, error })
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        if is_allowed(name) {
            return Ok(self.directory.join(format!("{name}.json")));
        }
        Err(StoreError::BadName { name: name.to_owned() })
    }
}

fn is_allowed(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(plain)
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::BadName { name } => write!(
                f,
                "`{name}` cannot name a run: a name is 1 to {LONGEST_NAME} letters, digits, `.`, `-` or `_` of \
                 plain ASCII, and begins with a letter or digit"
            ),
            StoreError::Unknown { name, known } if known.is_empty() => {
                write!(f, "there is no saved run `{name}`; none is saved yet")
            }
            StoreError::Unknown { name, known } => {
                write!(f, "there is no saved run `{name}`; there are: {}", known.join(", "))
            }
            StoreError::Malformed(error) => error.fmt(f),
            StoreError::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::Io { error, .. } => Some(error),
            StoreError::Malformed(error) => Some(error),
            StoreError::BadName { .. } | StoreError::Unknown { .. } => None,
        }
    }
}

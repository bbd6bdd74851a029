use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// The reason why a document is not a valid run, and the place in it.
///
/// # Examples
///
/// ```
/// let error = hotcache_report::Run::from_json(r#"{"version": 9}"#).unwrap_err();
/// assert_eq!(error.at(), "version");
/// assert!(error.to_string().contains("version 9"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    file: Option<PathBuf>,
    at: String,
    why: String,
}

impl SchemaError {
    pub(crate) fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Self { file: None, at: at.into(), why: why.into() }
    }

    pub(crate) fn in_file(self, file: &Path) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }

    /// The place in the document, such as `cells[3].ns_per_op.median`; empty if it is the document itself.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.at
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if !self.at.is_empty() {
            write!(f, "{}: ", self.at)?;
        }
        f.write_str(&self.why)
    }
}

impl Error for SchemaError {}

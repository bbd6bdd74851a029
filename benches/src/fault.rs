//! Why a cell's numbers are not shown.

use std::error::Error;
use std::fmt;

/// A cell whose operations did not do what they say: its numbers mean nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of the cell.
    pub cell: String,
    /// The expected and the actual result.
    pub what: String,
}

impl Fault {
    /// A fault unless what was found is what was expected.
    ///
    /// # Errors
    ///
    /// The fault.
    pub fn unless_equal<T: PartialEq + fmt::Display>(
        cell: &str,
        what: &str,
        found: T,
        expected: T,
    ) -> Result<(), Fault> {
        if found == expected {
            return Ok(());
        }
        Err(Fault { cell: cell.to_owned(), what: format!("{what}: {found}, where {expected} was expected") })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cell {} failed its verification: {}", self.cell, self.what)
    }
}

impl Error for Fault {}

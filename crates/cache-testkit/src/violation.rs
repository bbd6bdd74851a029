use std::any::Any;
use std::error::Error;
use std::fmt;

/// What a check found wrong with a cache.
///
/// Checks that are also run on caches known to be faulty return this instead of panicking, so that it can be
/// asserted that they find the fault.
///
/// # Examples
///
/// ```
/// use cache_testkit::Violation;
/// assert_eq!(Violation::wrong("an add was lost").to_string(), "an add was lost");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    kind: Kind,
    message: String,
}

/// What kind of fault a [`Violation`] is, the worse the greater.
///
/// # Examples
///
/// ```
/// use cache_testkit::{Kind, Violation};
/// assert!(Kind::Leak < Kind::Wrong && Kind::Wrong < Kind::Hang);
/// assert_eq!(Violation::hang("del waits for itself").kind(), Kind::Hang);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A call that is refused with a panic; the cache is whole after it.
    Refusal,
    /// Something is never freed; results are right.
    Leak,
    /// A result that the semantics do not allow.
    Wrong,
    /// A call that does not end.
    Hang,
}

impl Violation {
    /// A result that the semantics do not allow.
    ///
    /// # Examples
    ///
    /// ```
    /// let violation = cache_testkit::Violation::wrong("the stock is negative");
    /// # let _ = violation;
    /// ```
    pub fn wrong(message: impl Into<String>) -> Self {
        Self::new(Kind::Wrong, message)
    }

    /// Something that is never freed.
    ///
    /// # Examples
    ///
    /// ```
    /// let violation = cache_testkit::Violation::leak("3 of 10 objects were not dropped");
    /// # let _ = violation;
    /// ```
    pub fn leak(message: impl Into<String>) -> Self {
        Self::new(Kind::Leak, message)
    }

    /// A call that does not end.
    ///
    /// # Examples
    ///
    /// ```
    /// let violation = cache_testkit::Violation::hang("clear has not returned");
    /// # let _ = violation;
    /// ```
    pub fn hang(message: impl Into<String>) -> Self {
        Self::new(Kind::Hang, message)
    }

    /// A call that is refused with a panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_testkit::{Kind, Violation};
    /// assert_eq!(Violation::refusal("the table is being changed").kind(), Kind::Refusal);
    /// ```
    pub fn refusal(message: impl Into<String>) -> Self {
        Self::new(Kind::Refusal, message)
    }

    /// How bad it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_testkit::{Kind, Violation};
    /// assert_eq!(Violation::leak("one object").kind(), Kind::Leak);
    /// ```
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The same, with where it was found in front.
    pub(crate) fn at(self, place: impl fmt::Display) -> Self {
        Self::new(self.kind, format!("{place}: {}", self.message))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Violation {}

/// Ends a test: a violation becomes its panic.
pub(crate) trait OrPanic<T> {
    fn or_panic(self) -> T;
}

impl<T> OrPanic<T> for Result<T, Violation> {
    #[track_caller]
    fn or_panic(self) -> T {
        match self {
            Ok(value) => value,
            Err(violation) => panic!("{violation}"),
        }
    }
}

/// An `Err` of what is wrong, unless the condition holds: `assert!` for checks that return.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Violation::wrong(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// What a caught panic said.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "no message".to_owned()
    }
}

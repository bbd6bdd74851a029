//! What a token says.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use cache_core::CompactString;

use super::MAX_NAME;
use super::codec::Fields;
use super::error::ClaimsError;

/// A kind of token: [`User`] or [`Purchase`]. Not to be implemented elsewhere.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
/// use cache_gate::token::{Claims, Keyring, TokenError};
///
/// fn check<C: Claims>(keys: &Keyring, token: &str) -> Result<C, TokenError> {
///     keys.verify(token, SystemTime::now())
/// }
/// # let _ = check::<cache_gate::token::User>;
/// ```
pub trait Claims: Sized + sealed::Wire {}

pub(super) mod sealed {
    use super::Fields;

    /// Claims to and from the fields of a token.
    pub trait Wire {
        /// The byte that tells the kinds apart.
        const KIND: u8;

        fn fields(&self) -> Fields<'_>;

        fn from_fields(fields: Fields<'_>) -> Self;
    }
}

/// Who a user is.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use cache_gate::token::{Keyring, User};
///
/// let keys = Keyring::new("k", &[7; 32])?;
/// let now = SystemTime::now();
/// let token = keys.sign(&User::new("ann", now + Duration::from_secs(3_600))?);
/// assert_eq!(keys.verify::<User>(&token, now)?.name(), "ann");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    name: CompactString,
    expires: u64,
}

impl User {
    /// A user of this name, until then.
    ///
    /// # Examples
    ///
    /// See [`User`].
    ///
    /// # Errors
    ///
    /// [`ClaimsError::Name`].
    pub fn new(name: &str, expires: SystemTime) -> Result<Self, ClaimsError> {
        Ok(Self { name: check(name)?, expires: floor_millis(expires) })
    }

    /// The name of the user.
    ///
    /// # Examples
    ///
    /// See [`User`].
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When the token ends, in whole milliseconds.
    ///
    /// # Examples
    ///
    /// See [`User`].
    pub fn expires(&self) -> SystemTime {
        time(self.expires)
    }
}

impl Claims for User {}

impl sealed::Wire for User {
    const KIND: u8 = 1;

    fn fields(&self) -> Fields<'_> {
        Fields { from: 0, until: self.expires, user: &self.name, subject: "" }
    }

    fn from_fields(fields: Fields<'_>) -> Self {
        Self { name: fields.user.into(), expires: fields.until }
    }
}

/// That a user may buy an item within a window of time.
///
/// # Examples
///
/// See the [module](super).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    user: CompactString,
    item: CompactString,
    from: u64,
    until: u64,
}

impl Purchase {
    /// That `user` may buy `item` in `window`. Its bounds are rounded inwards to whole milliseconds.
    ///
    /// # Examples
    ///
    /// See the [module](super).
    ///
    /// # Errors
    ///
    /// [`ClaimsError`].
    pub fn new(user: &str, item: &str, window: Range<SystemTime>) -> Result<Self, ClaimsError> {
        let (user, item) = (check(user)?, check(item)?);
        let from = ceil_millis(window.start);
        let until = floor_millis(window.end);
        if from >= until {
            return Err(ClaimsError::Window);
        }
        Ok(Self { user, item, from, until })
    }

    /// Who may buy.
    ///
    /// # Examples
    ///
    /// See the [module](super).
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What he may buy.
    ///
    /// # Examples
    ///
    /// See the [module](super).
    pub fn item(&self) -> &str {
        &self.item
    }

    /// When he may.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// # use cache_gate::token::Purchase;
    /// let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    /// let window = start..start + Duration::from_secs(60);
    /// assert_eq!(Purchase::new("ann", "sku:1", window.clone())?.window(), window);
    /// # Ok::<(), cache_gate::token::ClaimsError>(())
    /// ```
    pub fn window(&self) -> Range<SystemTime> {
        time(self.from)..time(self.until)
    }
}

impl Claims for Purchase {}

impl sealed::Wire for Purchase {
    const KIND: u8 = 2;

    fn fields(&self) -> Fields<'_> {
        Fields { from: self.from, until: self.until, user: &self.user, subject: &self.item }
    }

    fn from_fields(fields: Fields<'_>) -> Self {
        Self { user: fields.user.into(), item: fields.subject.into(), from: fields.from, until: fields.until }
    }
}

fn check(name: &str) -> Result<CompactString, ClaimsError> {
    match name.len() {
        1..=MAX_NAME => Ok(name.into()),
        len => Err(ClaimsError::Name { len }),
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The latest time that is told apart from later ones: in the year 2262. Every platform's `SystemTime` can hold it.
const LATEST: u64 = i64::MAX as u64 / 1_000_000;

/// Milliseconds since 1970; 0 before.
pub(super) fn floor_millis(time: SystemTime) -> u64 {
    u64::try_from(since_epoch(time).as_millis()).unwrap_or(LATEST).min(LATEST)
}

fn ceil_millis(time: SystemTime) -> u64 {
    u64::try_from(since_epoch(time).as_nanos().div_ceil(1_000_000)).unwrap_or(LATEST).min(LATEST)
}

fn time(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.min(LATEST))
}

//! What a gate is told of events and items.

use std::error::Error;
use std::fmt;

use cache_core::CompactString;

use crate::stock::{AnyStock, MemoryStock, SplitStock, Stock};
use crate::time::Window;

/// The largest number of units of an item: 10^12, as for the leases of `cache-redis`.
pub const MAX_STOCK: u64 = 1_000_000_000_000;

/// An event: what its items have in common, and what ends with it.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use cache_gate::{Event, Window};
///
/// let start = SystemTime::now();
/// let event = Event::new("spring").window(Window::new(start, start + Duration::from_secs(3_600)));
/// assert_eq!(event.id(), "spring");
/// ```
#[derive(Clone, Debug)]
pub struct Event {
    pub(crate) id: CompactString,
    pub(crate) window: Window,
}

impl Event {
    /// An event that is always open.
    ///
    /// # Examples
    ///
    /// See [`Event`].
    #[must_use]
    pub fn new(id: impl AsRef<str>) -> Self {
        Self { id: CompactString::new(id), window: Window::always() }
    }

    /// Sets when it takes place.
    ///
    /// # Examples
    ///
    /// See [`Event`].
    #[must_use]
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Its id.
    ///
    /// # Examples
    ///
    /// See [`Event`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// An item: what is sold of it, and to whom.
///
/// # Examples
///
/// ```
/// use cache_gate::Item;
///
/// // 1,000 units; at most 2 for each user, and 100 reservations under way.
/// let item = Item::new("sku:1", "spring", 1_000).limit(2).in_flight(100);
/// assert_eq!(item.id(), "sku:1");
/// ```
#[derive(Debug)]
pub struct Item {
    pub(crate) id: CompactString,
    pub(crate) event: CompactString,
    pub(crate) units: u64,
    pub(crate) limit: u32,
    pub(crate) in_flight: u32,
    pub(crate) stock: AnyStock,
}

impl Item {
    /// An item of an event, with so many units in one counter.
    ///
    /// Ids are unique in a gate, whatever event an item belongs to.
    ///
    /// # Examples
    ///
    /// See [`Item`].
    #[must_use]
    pub fn new(id: impl AsRef<str>, event: impl AsRef<str>, units: u64) -> Self {
        Self {
            id: CompactString::new(id),
            event: CompactString::new(event),
            units,
            limit: u32::MAX,
            in_flight: u32::MAX,
            stock: AnyStock::Memory(MemoryStock::new(units)),
        }
    }

    /// Sets how many units each user may have.
    ///
    /// # Examples
    ///
    /// See [`Item`].
    #[must_use]
    pub fn limit(mut self, per_user: u32) -> Self {
        self.limit = per_user;
        self
    }

    /// Sets how many reservations may be under way at once: the bulkhead that keeps one hot item from starving the others.
    ///
    /// # Examples
    ///
    /// See [`Item`].
    #[must_use]
    pub fn in_flight(mut self, most: u32) -> Self {
        self.in_flight = most;
        self
    }

    /// Spreads the units over several counters. See [`SplitStock`] for when that pays.
    ///
    /// # Examples
    ///
    /// ```
    /// let hot = cache_gate::Item::new("sku:1", "spring", 1_000_000).split(8);
    /// ```
    ///
    /// # Panics
    ///
    /// If `cells` is 0 or more than 1,024.
    #[must_use]
    #[track_caller]
    pub fn split(mut self, cells: usize) -> Self {
        self.stock = AnyStock::Split(SplitStock::new(self.units, cells));
        self
    }

    /// Takes the units from this stock instead, and counts what it has now as the item's total.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_gate::{Item, MemoryStock};
    /// let item = Item::new("sku:1", "spring", 0).stock(MemoryStock::new(10));
    /// ```
    #[must_use]
    pub fn stock(mut self, stock: impl Stock) -> Self {
        self.units = stock.left();
        self.stock = AnyStock::Given(Box::new(stock));
        self
    }

    /// Its id.
    ///
    /// # Examples
    ///
    /// See [`Item`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Why events and items were not changed.
///
/// # Examples
///
/// ```
/// use cache_gate::{ConfigError, Gate, Item};
/// # use cache_rwlock::RwLockBackend;
/// let gate = Gate::<RwLockBackend>::builder().build();
/// assert_eq!(gate.add_item(Item::new("sku:1", "spring", 10)), Err(ConfigError::UnknownEvent));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no such event.
    UnknownEvent,
    /// There is no such item.
    UnknownItem,
    /// There is an event of this id.
    EventExists,
    /// There is an item of this id, in this event or another.
    ItemExists,
    /// An id is empty, or longer than [`MAX_ID`](crate::MAX_ID).
    Id,
    /// The window ends before it starts, or the early start is after the start.
    Window,
    /// There are as many items, or events, as may be.
    TooMany {
        /// The greatest number.
        most: usize,
    },
    /// The item would have more than [`MAX_STOCK`] units.
    TooManyUnits,
    /// The units of the item come from elsewhere, and so does a restock.
    FilledElsewhere,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::UnknownEvent => f.write_str("there is no such event"),
            ConfigError::UnknownItem => f.write_str("there is no such item"),
            ConfigError::EventExists => f.write_str("there is an event of this id"),
            ConfigError::ItemExists => f.write_str("there is an item of this id"),
            ConfigError::Id => write!(f, "invalid id: 1 to {} bytes are allowed", crate::MAX_ID),
            ConfigError::Window => f.write_str(
                "invalid window: it must end after its start, and an early start must not be later",
            ),
            ConfigError::TooMany { most } => {
                write!(f, "too many items or events: at most {most} are allowed")
            }
            ConfigError::TooManyUnits => write!(f, "too many units: at most {MAX_STOCK} are allowed"),
            ConfigError::FilledElsewhere => {
                f.write_str("the units of this item come from elsewhere: restock there")
            }
        }
    }
}

impl Error for ConfigError {}

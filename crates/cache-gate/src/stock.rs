//! Where the units of an item come from.

#[cfg(feature = "redis")]
mod lease;
mod memory;
mod split;

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use self::lease::LeaseStock;
pub use self::memory::MemoryStock;
pub use self::split::SplitStock;

/// A source of units.
///
/// The gate calls it at most once for each request that passed every other check. Implementations must be quick and must not
/// block on anything slow. They may ask the gate, but not when they are dropped: most backends drop an item inside a later call.
///
/// # Examples
///
/// ```
/// use cache_gate::{MemoryStock, Shortage, Stock};
///
/// let stock = MemoryStock::new(3);
/// let goods = stock.try_take(2).unwrap();
/// assert_eq!(stock.try_take(2).unwrap_err(), Shortage::TooFew { left: 1 });
/// stock.give_back(2, goods);
/// assert_eq!(stock.left(), 3);
/// ```
pub trait Stock: fmt::Debug + Send + Sync + 'static {
    /// Takes `units`, all or none.
    ///
    /// # Errors
    ///
    /// [`Shortage::SoldOut`] only if there was nothing at some moment during the call: the gate refuses everybody after it,
    /// until something is given back or added.
    fn try_take(&self, units: u32) -> Result<Goods, Shortage>;

    /// Takes back what [`try_take`](Stock::try_take) gave.
    fn give_back(&self, units: u32, goods: Goods);

    /// The number of units that can be taken. Weakly consistent.
    fn left(&self) -> u64;

    /// Adds units. Not called if [`is_filled_elsewhere`](Stock::is_filled_elsewhere).
    fn add(&self, units: u64);

    /// Whether units come in without the gate's doing. The gate looks then, in [`maintain`](crate::Gate::maintain), whether
    /// there are some again.
    fn is_filled_elsewhere(&self) -> bool {
        false
    }
}

impl<T: Stock + ?Sized> Stock for Arc<T> {
    fn try_take(&self, units: u32) -> Result<Goods, Shortage> {
        (**self).try_take(units)
    }

    fn give_back(&self, units: u32, goods: Goods) {
        (**self).give_back(units, goods);
    }

    fn left(&self) -> u64 {
        (**self).left()
    }

    fn add(&self, units: u64) {
        (**self).add(units);
    }

    fn is_filled_elsewhere(&self) -> bool {
        (**self).is_filled_elsewhere()
    }
}

/// What a stock gave, beside the number.
///
/// # Examples
///
/// See [`Stock`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Goods {
    /// Nothing: a number of units is all there is to it.
    Counted,
    /// Units of a lease. `None` once they were taken out to be committed with their order.
    #[cfg(feature = "redis")]
    #[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
    Leased(Option<cache_redis::lease::Taken>),
}

/// Why a stock gave nothing.
///
/// # Examples
///
/// See [`Stock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shortage {
    /// There is nothing.
    SoldOut,
    /// There is something, but less than was asked for.
    TooFew {
        /// How much.
        left: u64,
    },
    /// The stock cannot say now.
    NotNow,
}

/// The stock of an item: ours without a virtual call.
#[derive(Debug)]
pub(crate) enum AnyStock {
    Memory(MemoryStock),
    Split(SplitStock),
    Given(Box<dyn Stock>),
}

impl AnyStock {
    pub(crate) fn get(&self) -> &dyn Stock {
        match self {
            AnyStock::Memory(stock) => stock,
            AnyStock::Split(stock) => stock,
            AnyStock::Given(stock) => &**stock,
        }
    }

    #[inline]
    pub(crate) fn try_take(&self, units: u32) -> Result<Goods, Shortage> {
        match self {
            AnyStock::Memory(stock) => stock.try_take(units),
            AnyStock::Split(stock) => stock.try_take(units),
            AnyStock::Given(stock) => stock.try_take(units),
        }
    }
}

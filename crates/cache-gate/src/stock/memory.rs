use super::{Goods, Shortage, Stock};
use crate::sync::Padded;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Units in one counter: the default.
///
/// # Examples
///
/// See [`Stock`].
///
/// # Performance
///
/// One compare-and-swap for each sale. All buyers of an item share its cache line; [`SplitStock`](crate::SplitStock) spreads
/// them.
#[derive(Debug)]
pub struct MemoryStock {
    left: Padded<AtomicU64>,
}

impl MemoryStock {
    /// A stock of so many units.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    #[must_use]
    pub fn new(units: u64) -> Self {
        Self { left: Padded(AtomicU64::new(units)) }
    }
}

impl Stock for MemoryStock {
    #[inline]
    fn try_take(&self, units: u32) -> Result<Goods, Shortage> {
        let less = |left: u64| left.checked_sub(u64::from(units));
        match self.left.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, less) {
            Ok(_) => Ok(Goods::Counted),
            Err(0) => Err(Shortage::SoldOut),
            Err(left) => Err(Shortage::TooFew { left }),
        }
    }

    fn give_back(&self, units: u32, _goods: Goods) {
        self.add(u64::from(units));
    }

    fn left(&self) -> u64 {
        self.left.0.load(Ordering::Acquire)
    }

    fn add(&self, units: u64) {
        self.left.0.fetch_add(units, Ordering::AcqRel);
    }
}

use std::fmt;

use cache_core::seeded;

use super::{Goods, Shortage, Stock};
use crate::stats::stripe;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, Padded, lock};

/// The largest number of counters. Each takes two cache lines, and whoever finds too little looks at all of them.
const MOST_CELLS: usize = 1_024;

/// Units in several counters, for an item that is too hot for one.
///
/// Each thread takes from a counter of its own. Only if that has too little does it look at the others, one thread at a time, and
/// moves units between them. A buyer is refused only if there was too little in all of them together.
///
/// # Examples
///
/// ```
/// use cache_gate::{Shortage, SplitStock, Stock};
///
/// let stock = SplitStock::new(3, 8);
/// // Units of several counters make up one sale.
/// assert!(stock.try_take(2).is_ok());
/// assert_eq!(stock.try_take(2).unwrap_err(), Shortage::TooFew { left: 1 });
/// ```
///
/// # Performance
///
/// It pays only where many cores sell the same item at once, and many units of it: `cargo xtask bench --gate` has the rows. On few cores
/// [`MemoryStock`](crate::MemoryStock) is as fast, and smaller. Near the end of the stock all buyers queue at one lock, until the gate's
/// latch closes.
pub struct SplitStock {
    cells: Box<[Padded<AtomicU64>]>,
    /// How often units came back. Whoever finds nothing looks again if this has changed meanwhile.
    returns: AtomicU64,
    /// Held by the one who looks at all cells. So no two take one another's last units, and refuse both.
    all: Mutex<()>,
}

impl SplitStock {
    /// A stock of so many units in so many counters. A power of two near the number of cores is a good choice.
    ///
    /// # Examples
    ///
    /// See [`SplitStock`].
    ///
    /// # Panics
    ///
    /// If `cells` is 0 or more than 1,024.
    #[must_use]
    #[track_caller]
    pub fn new(units: u64, cells: usize) -> Self {
        assert!(
            (1..=MOST_CELLS).contains(&cells),
            "{cells} cells: at least 1 and at most {MOST_CELLS} are allowed"
        );
        let (each, rest) = (units / cells as u64, units % cells as u64);
        let cell = |n: usize| Padded(AtomicU64::new(each + u64::from((n as u64) < rest)));
        Self { cells: (0..cells).map(cell).collect(), returns: AtomicU64::new(0), all: Mutex::new(()) }
    }

    /// As [`Stock::try_take`], beginning with the cell `own`.
    pub(crate) fn take_at(&self, own: usize, units: u32) -> Result<(), Shortage> {
        let units = u64::from(units);
        let less = |left: u64| left.checked_sub(units);
        let own = own % self.cells.len();
        match self.cells[own].0.fetch_update(Ordering::AcqRel, Ordering::Acquire, less) {
            Ok(_) => Ok(()),
            Err(_) => self.collect(own, units),
        }
    }

    /// Takes from all cells. Cannot say, if units come back all the time and others take them each time.
    ///
    /// *Why a refusal is right.* Others only take while this looks, unless `returns` tells. If it does not, each cell was empty when it was
    /// looked at and still was at the end, so that what is in hand was all there was at the end.
    fn collect(&self, own: usize, units: u64) -> Result<(), Shortage> {
        self.collect_beside(own, units, || {})
    }

    /// As [`collect`](SplitStock::collect). `others` is called before it looks whether units came back.
    fn collect_beside(&self, own: usize, units: u64, mut others: impl FnMut()) -> Result<(), Shortage> {
        /// How often it looks at all cells: others queue behind it.
        const LOOKS: usize = 64;
        let _alone = lock(&self.all);
        let mut hand = 0;
        let mut is_sure = false;
        for _ in 0..LOOKS {
            let seen = self.returns.load(Ordering::Acquire);
            for n in 0..self.cells.len() {
                let cell = &self.cells[(own + n) % self.cells.len()].0;
                let missing = units - hand;
                // Half of what a richer cell has to spare comes along, so that this thread need not come again at once.
                let some = |left: u64| left.min(missing) + left.saturating_sub(missing) / 2;
                let rest = |left: u64| (left > 0).then(|| left - some(left));
                hand += cell.fetch_update(Ordering::AcqRel, Ordering::Acquire, rest).map_or(0, some);
                if hand >= units {
                    self.cells[own].0.fetch_add(hand - units, Ordering::AcqRel);
                    return Ok(());
                }
            }
            others();
            is_sure = self.returns.load(Ordering::Acquire) == seen || seeded::bug("split-unsure");
            if is_sure {
                break;
            }
        }
        self.cells[own].0.fetch_add(hand, Ordering::AcqRel);
        if !is_sure {
            return Err(Shortage::NotNow);
        }
        Err(if hand == 0 { Shortage::SoldOut } else { Shortage::TooFew { left: hand } })
    }

    pub(crate) fn add_at(&self, own: usize, units: u64) {
        self.cells[own % self.cells.len()].0.fetch_add(units, Ordering::AcqRel);
        // Pairs with the loads around the search: whoever missed these units looks again.
        self.returns.fetch_add(1, Ordering::AcqRel);
    }
}

impl Stock for SplitStock {
    #[inline]
    fn try_take(&self, units: u32) -> Result<Goods, Shortage> {
        self.take_at(stripe(), units).map(|()| Goods::Counted)
    }

    fn give_back(&self, units: u32, _goods: Goods) {
        self.add(u64::from(units));
    }

    fn left(&self) -> u64 {
        self.cells.iter().map(|cell| cell.0.load(Ordering::Acquire)).sum()
    }

    fn add(&self, units: u64) {
        self.add_at(stripe(), units);
    }
}

impl fmt::Debug for SplitStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitStock")
            .field("cells", &self.cells.len())
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn units_of_all_cells_make_up_a_sale() {
        let stock = SplitStock::new(7, 4);
        assert_eq!(stock.take_at(3, 6), Ok(()));
        assert_eq!(stock.take_at(2, 2), Err(Shortage::TooFew { left: 1 }));
        assert_eq!(stock.take_at(1, 1), Ok(()));
        assert_eq!(stock.take_at(0, 1), Err(Shortage::SoldOut));
        assert_eq!(stock.left(), 0);
    }

    #[test]
    fn a_search_ends_beside_others_that_give_back_and_take() {
        let stock = SplitStock::new(0, 2);
        let mut looks = 0;
        let result = stock.collect_beside(0, 2, || {
            stock.add_at(1, 1);
            assert_eq!(stock.take_at(1, 1), Ok(()));
            looks += 1;
            assert!(looks < 1_000, "it does not end");
        });
        assert_eq!((result, stock.left()), (Err(Shortage::NotNow), 0));
    }

    #[test]
    fn a_thread_brings_units_along() {
        let stock = SplitStock::new(0, 2);
        stock.add_at(1, 9);
        assert_eq!(stock.take_at(0, 1), Ok(()));
        assert_eq!(stock.cells[0].0.load(Ordering::Relaxed), 4);
        assert_eq!(stock.left(), 8);
    }
}

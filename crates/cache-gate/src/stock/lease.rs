use std::sync::{PoisonError, RwLock};

use cache_redis::lease::{Lease, TakeError};

use super::{Goods, Shortage, Stock};

/// Units of a lease of `cache-redis`: the stock is on a server, and this node sells its part. Needs the feature `redis`.
///
/// An order is not sold before its units were committed with it: take them out with
/// [`Unsettled::take_leased`](crate::Unsettled::take_leased). A reservation that is committed with its units still in it is released instead:
/// the server would sell them again. A sale that is cancelled afterwards goes back to the server, by
/// `cache_redis::lease::Stock::cancel`.
///
/// "Sold out" is this node's view; the gate looks in [`maintain`](crate::Gate::maintain) whether the lease has units again.
///
/// # Examples
///
/// ```no_run
/// # async fn run(server: cache_redis::Server) -> Result<(), Box<dyn std::error::Error>> {
/// use cache_gate::{Gate, Item, LeaseStock};
/// # use cache_rwlock::RwLockBackend;
/// # let gate = Gate::<RwLockBackend>::builder().build();
/// use cache_redis::lease::Lease;
///
/// let lease = Lease::builder(&server, "shop:", "sku:1").open().await?;
/// gate.add_item(Item::new("sku:1", "spring", 0).stock(LeaseStock::new(lease)))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LeaseStock {
    /// Written only when a lease has ended and another one is put in its place.
    lease: RwLock<Lease>,
}

impl LeaseStock {
    /// A stock that takes from this lease.
    ///
    /// # Examples
    ///
    /// See [`LeaseStock`].
    #[must_use]
    pub fn new(lease: Lease) -> Self {
        Self { lease: RwLock::new(lease) }
    }

    /// Goes on with another lease, as the old one has ended. Keep an `Arc` of the stock for this: an item takes that, too.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run(server: cache_redis::Server, stock: std::sync::Arc<cache_gate::LeaseStock>)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// # use cache_redis::lease::Lease;
    /// stock.replace(Lease::builder(&server, "shop:", "sku:1").open().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn replace(&self, lease: Lease) {
        let old = {
            let mut current = self.lease.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, lease)
        };
        // Its drop may wake a task: not under our lock.
        drop(old);
    }

    fn with<R>(&self, f: impl FnOnce(&Lease) -> R) -> R {
        f(&self.lease.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stock for LeaseStock {
    fn try_take(&self, units: u32) -> Result<Goods, Shortage> {
        self.with(|lease| match lease.try_take(units) {
            Ok(taken) => Ok(Goods::Leased(Some(taken))),
            Err(TakeError::SoldOut) => Err(match lease.left() {
                0 => Shortage::SoldOut,
                left => Shortage::TooFew { left },
            }),
            Err(TakeError::Units { most, .. }) => Err(Shortage::TooFew { left: u64::from(most) }),
            Err(_) => Err(Shortage::NotNow),
        })
    }

    fn give_back(&self, _units: u32, goods: Goods) {
        // What was taken out to be committed is no longer ours to give back.
        drop(goods);
    }

    fn left(&self) -> u64 {
        self.with(Lease::left)
    }

    /// Units are added on the server.
    fn add(&self, _units: u64) {}

    fn is_filled_elsewhere(&self) -> bool {
        true
    }
}

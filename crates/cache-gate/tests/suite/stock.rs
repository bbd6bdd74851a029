use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use cache_core::Backend;
use cache_gate::{ConfigError, Goods, Item, Overload, Rejection, Request, Shortage, Stock};

use super::support::*;

pub(crate) fn restock_opens_the_latch<B: Backend>() {
    let (gate, _) = tea::<B>(0, 9);
    assert_eq!(refusal(&gate, &one("ann")), SOLD_OUT);
    assert!(item(&gate).sold_out);
    assert_eq!(gate.restock("tea", 2), Ok(2));
    assert!(!item(&gate).sold_out);
    let both = hold(&gate, &Request::new("ann", "tea", 2));
    assert_eq!(refusal(&gate, &one("ann")), SOLD_OUT);
    // So does each way of giving back.
    let ticket = both.commit().unwrap();
    gate.cancel(ticket).unwrap();
    assert!(!item(&gate).sold_out);
    assert_eq!(gate.restock("tea", u64::MAX), Err(ConfigError::TooManyUnits));
    assert_eq!(units(&gate), (2, 0, 0));
}

pub(crate) fn too_few_is_told_and_latches_nothing<B: Backend>() {
    let (gate, _) = tea::<B>(2, 9);
    assert_eq!(refusal(&gate, &Request::new("ann", "tea", 3)), Rejection::SoldOut { left: 2 });
    assert!(!item(&gate).sold_out);
    hold(&gate, &Request::new("bob", "tea", 2)).commit().unwrap();
    assert_eq!(refusal(&gate, &Request::new("ann", "tea", 3)), SOLD_OUT);
    assert!(item(&gate).sold_out);
}

pub(crate) fn split_stock_sells_everything<B: Backend>() {
    let (builder, _) = builder::<B>();
    let gate = open(builder, [Item::new("tea", "sale", 1_000).split(7)]);
    let mut sold = 0;
    while let Ok(cache_gate::Admission::Held(held)) = gate.admit(&Request::new("ann", "tea", 3)) {
        held.commit().unwrap();
        sold += 3;
    }
    assert_eq!((sold, units(&gate)), (999, (1, 0, 999)));
    hold(&gate, &one("ann")).commit().unwrap();
    assert_eq!(refusal(&gate, &one("ann")), SOLD_OUT);
    gate.restock("tea", 5).unwrap();
    drop(hold(&gate, &Request::new("ann", "tea", 5)));
}

/// A stock that does as it is told.
#[derive(Debug, Default)]
struct Moody {
    left: AtomicU64,
    says_nothing: AtomicBool,
    panics: AtomicBool,
    elsewhere: bool,
}

impl Stock for Moody {
    fn try_take(&self, units: u32) -> Result<Goods, Shortage> {
        if self.says_nothing.load(SeqCst) {
            return Err(Shortage::NotNow);
        }
        assert!(!self.panics.load(SeqCst), "as it was told");
        let less = |left: u64| left.checked_sub(units.into());
        match self.left.fetch_update(SeqCst, SeqCst, less) {
            Ok(_) => Ok(Goods::Counted),
            Err(0) => Err(Shortage::SoldOut),
            Err(left) => Err(Shortage::TooFew { left }),
        }
    }

    fn give_back(&self, units: u32, _goods: Goods) {
        self.left.fetch_add(units.into(), SeqCst);
        assert!(!self.panics.load(SeqCst), "as it was told");
    }

    fn left(&self) -> u64 {
        self.left.load(SeqCst)
    }

    fn add(&self, units: u64) {
        self.left.fetch_add(units, SeqCst);
    }

    fn is_filled_elsewhere(&self) -> bool {
        self.elsewhere
    }
}

fn moody<B: Backend>(stock: Moody) -> (cache_gate::Gate<B>, Arc<Moody>) {
    let stock = Arc::new(stock);
    let (builder, _) = builder::<B>();
    (open(builder, [Item::new("tea", "sale", 0).limit(1).stock(Arc::clone(&stock))]), stock)
}

pub(crate) fn a_stock_that_is_filled_elsewhere<B: Backend>() {
    let (gate, stock) = moody::<B>(Moody { elsewhere: true, ..Moody::default() });
    assert_eq!(refusal(&gate, &one("ann")), SOLD_OUT);
    assert_eq!(gate.restock("tea", 1), Err(ConfigError::FilledElsewhere));
    stock.add(1);
    assert_eq!(refusal(&gate, &one("ann")), SOLD_OUT);
    gate.maintain(1);
    hold(&gate, &one("ann")).commit().unwrap();
    assert_eq!(refusal(&gate, &one("bob")), SOLD_OUT);
    gate.maintain(1);
    assert!(item(&gate).sold_out, "there is nothing");
    stock.add(1);
    gate.reopen("tea").unwrap();
    drop(hold(&gate, &one("bob")));
}

pub(crate) fn a_stock_that_cannot_say<B: Backend>() {
    let (gate, stock) = moody::<B>(Moody { left: 1.into(), ..Moody::default() });
    stock.says_nothing.store(true, SeqCst);
    let refused = refusal(&gate, &one("ann"));
    assert!(matches!(refused, Rejection::Overloaded { overload: Overload::Stock, .. }), "{refused:?}");
    assert!(!item(&gate).sold_out);
    stock.says_nothing.store(false, SeqCst);
    drop(hold(&gate, &one("ann")));
}

pub(crate) fn a_panicking_stock_loses_nothing<B: Backend>() {
    let (gate, stock) = moody::<B>(Moody { left: 1.into(), ..Moody::default() });
    stock.panics.store(true, SeqCst);
    let admit = || gate.admit(&one("ann").id("1")).map(drop);
    assert!(catch_unwind(AssertUnwindSafe(admit)).is_err());
    let load = gate.load();
    assert_eq!((load.in_flight, load.users, load.requests), (0, 0, 0));
    stock.panics.store(false, SeqCst);
    let held = hold(&gate, &one("ann").id("1"));
    let ticket = held.ticket();
    stock.panics.store(true, SeqCst);
    // It panics when it takes the units back: the rest is given back nevertheless.
    assert!(catch_unwind(AssertUnwindSafe(|| gate.cancel(ticket).is_ok())).is_err());
    stock.panics.store(false, SeqCst);
    drop(held);
    assert_eq!((gate.load().in_flight, gate.load().users, units(&gate)), (0, 0, (1, 0, 0)));
    drop(hold(&gate, &one("ann").id("2")));
}

//! Where an order is in the stream of its item.
//!
//! The ids of entries are times by the server's clock, and those that [`Order::fresh_id`](crate::handoff::Order::fresh_id) makes begin
//! with the time by a node's. So a search begins where the order probably is. Clocks can be wrong: what is not found there is looked for
//! everywhere.

use cache_redis::lease::{Entry, Event, Stock, StockError};

/// How far the clocks of a node and the server usually are apart, in milliseconds. A guess, which only saves reading.
const SKEW: u64 = 60_000;

/// Entries in one answer. Each may have hundreds of orders.
const PAGE: usize = 100;

/// An order in the stream.
#[derive(Clone, Debug)]
pub(super) struct Sold {
    pub(super) entry: String,
    pub(super) user: Option<String>,
    pub(super) units: u32,
}

/// The order of this id, and whether it was taken back. Reads to the end of the stream; all of it, if there is no such order.
pub(super) async fn search(stock: &Stock, id: &str) -> Result<Option<(Sold, bool)>, StockError> {
    if let Some(millis) = began(id) {
        let found = search_after(stock, id, Some(format!("{}-0", millis.saturating_sub(SKEW)))).await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    search_after(stock, id, None).await
}

/// Searches behind this entry.
async fn search_after(
    stock: &Stock,
    id: &str,
    mut last: Option<String>,
) -> Result<Option<(Sold, bool)>, StockError> {
    let mut found = None;
    loop {
        let entries = stock.orders(last.as_deref(), PAGE).await?;
        let Some(newest) = entries.last() else { return Ok(found) };
        last = Some(newest.id.clone());
        for Entry { id: entry, event, .. } in entries {
            match event {
                Event::Sold { orders, .. } => {
                    if let Some((order, units)) = orders.into_iter().find(|(order, _)| order.id() == id) {
                        let user = order.buyer().map(str::to_owned);
                        found = Some((Sold { entry, user, units }, false));
                    }
                }
                Event::Cancelled { order, .. } if order.id() == id => {
                    found = found.map(|(sold, _)| (sold, true));
                }
                _ => {}
            }
        }
    }
}

/// One entry, if it is in the stream still.
pub(super) async fn entry(stock: &Stock, id: &str) -> Result<Option<Entry>, StockError> {
    // Entries are read after an id. That of the one before may be none's, and may be the entry itself where the number wraps.
    let entries = stock.orders(before(id).as_deref(), 2).await?;
    Ok(entries.into_iter().find(|entry| entry.id == id))
}

/// The greatest id that is less; `None` if there is none.
fn before(id: &str) -> Option<String> {
    let (millis, number) = id.split_once('-')?;
    let (millis, number): (u64, u64) = (millis.parse().ok()?, number.parse().ok()?);
    Some(match number.checked_sub(1) {
        Some(number) => format!("{millis}-{number}"),
        None => format!("{}-{}", millis.checked_sub(1)?, u64::MAX),
    })
}

/// The time in an id of `Order::fresh_id`.
fn began(id: &str) -> Option<u64> {
    let (time, random) = id.split_once('-')?;
    let is_fresh = time.len() == 11 && random.len() == 16;
    is_fresh.then(|| u64::from_str_radix(time, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::handoff::Order;
    use crate::handoff::order::millis;

    #[test]
    fn ids_tell_when_they_were_made() {
        let before = millis(SystemTime::now());
        let time = began(&Order::fresh_id());
        assert!(time >= Some(before) && time <= Some(millis(SystemTime::now())));
        assert_eq!(began("4711"), None);
        assert_eq!(began("0123456789z-0123456789abcdef"), None);
    }

    #[test]
    fn the_id_before() {
        assert_eq!(before("7-3").as_deref(), Some("7-2"));
        assert_eq!(before("7-0").as_deref(), Some("6-18446744073709551615"));
        assert_eq!(before("0-0"), None);
    }
}

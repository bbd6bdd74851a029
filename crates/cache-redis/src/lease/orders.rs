//! Entries of the stream of orders.

use super::lines;
use super::order::Order;

/// An entry in the stream of orders. [`Stock::orders`](super::Stock::orders) reads them.
///
/// # Examples
///
/// ```no_run
/// # async fn run(stock: cache_redis::lease::Stock) -> Result<(), cache_redis::lease::StockError> {
/// use cache_redis::lease::Event;
///
/// let mut last: Option<String> = None;
/// loop {
///     let entries = stock.orders(last.as_deref(), 100).await?;
///     let Some(newest) = entries.last() else { break };
///     last = Some(newest.id.clone());
///     for entry in entries {
///         match entry.event {
///             Event::Sold { orders, .. } => println!("{} orders", orders.len()),
///             Event::Cancelled { order, .. } => println!("{} cancelled", order.id()),
///             _ => {}
///         }
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The id of the entry.
    pub id: String,
    /// What happened.
    pub event: Event,
}

/// What an entry in the stream of orders says.
///
/// # Examples
///
/// See [`Entry`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A batch was committed.
    Sold {
        /// The id of the lease.
        lease: String,
        /// The number of the batch in that lease.
        seq: u64,
        /// The orders and their units.
        orders: Vec<(Order, u32)>,
    },
    /// An order was taken back.
    Cancelled {
        /// The entry that holds the order.
        entry: String,
        /// The order.
        order: Order,
        /// Its units.
        units: u32,
    },
    /// Something that no script of a lease has added. It changes nothing.
    Foreign {
        /// The fields and their values, in turn.
        fields: Vec<Vec<u8>>,
    },
}

impl Entry {
    /// Reads the fields of an entry.
    pub(super) fn parse(id: String, fields: Vec<Vec<u8>>) -> Self {
        let event = Event::parse(&fields).unwrap_or(Event::Foreign { fields });
        Self { id, event }
    }
}

impl Event {
    /// Reads `lease <id> seq <n> outcome <marks> orders <lines> counted <0 or 1>` or `cancel <entry> order <line>`.
    fn parse(fields: &[Vec<u8>]) -> Option<Self> {
        let fields: Result<Vec<&str>, _> = fields.iter().map(|field| std::str::from_utf8(field)).collect();
        let fields = fields.ok()?;
        Some(match &fields[..] {
            ["lease", lease, "seq", seq, "outcome", outcome, "orders", orders, ..] => {
                let orders = lines::parse(orders)?;
                if orders.len() != outcome.len() {
                    return None;
                }
                let sold = orders.into_iter().zip(outcome.bytes()).filter(|(_, outcome)| *outcome == b'+');
                let orders = sold.map(|(order, _)| order).collect();
                Event::Sold { lease: (*lease).to_owned(), seq: seq.parse().ok()?, orders }
            }
            ["cancel", entry, "order", line] => {
                let (order, units) = lines::parse(line)?.pop()?;
                Event::Cancelled { entry: (*entry).to_owned(), order, units }
            }
            _ => return None,
        })
    }
}

/// The two numbers of an entry's id.
pub(super) fn parse_id(id: &str) -> Option<(u64, u64)> {
    let (millis, number) = id.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(fields: &[&str]) -> Option<Event> {
        let fields: Vec<Vec<u8>> = fields.iter().map(|field| field.as_bytes().to_vec()).collect();
        match Entry::parse("1-0".to_owned(), fields.clone()).event {
            Event::Foreign { fields: kept } => {
                assert_eq!(kept, fields);
                None
            }
            event => Some(event),
        }
    }

    #[test]
    fn entries_are_read() {
        let orders = vec![(Order::new("o1").user("a:b"), 2), (Order::new("o3"), 1)];
        let sold = Event::Sold { lease: "x".to_owned(), seq: 3, orders };
        let lines = "2\ta:b\to1\n5\tc\to2\n1\t\to3\n";
        let fields = ["lease", "x", "seq", "3", "outcome", "+-+", "orders", lines, "counted", "1"];
        assert_eq!(parse(&fields), Some(sold));
        let order = Order::new("o1");
        let cancelled = Event::Cancelled { entry: "1-0".to_owned(), order, units: 2 };
        assert_eq!(parse(&["cancel", "1-0", "order", "2\t\to1\n"]), Some(cancelled));
        assert_eq!(parse(&["lease", "x", "seq", "3", "outcome", "+", "orders", lines]), None);
        assert_eq!(parse(&["other"]), None);
    }
}

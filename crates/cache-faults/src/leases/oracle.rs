//! What must hold of a stock, whatever happened.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use cache_redis::lease::{Event, Inspection, Stock};

use super::nodes::{Said, Told};
use super::{GRACE, Plan, TTL};
use crate::violated;

/// Checks the invariant at one moment.
pub(crate) fn check_invariant(seen: &Inspection, plan: &Plan) -> Result<()> {
    if !seen.is_consistent() || seen.total as u64 != plan.units || seen.sold > seen.total {
        return violated(format!("pool + leased + sold is not the total: {seen:?}"));
    }
    let ttl = TTL.as_millis() as i64;
    if let Some(lease) = seen.leases.iter().find(|lease| lease.millis_left > ttl) {
        return violated(format!("a lease would live for longer than its ttl: {lease:?}"));
    }
    Ok(())
}

/// Whether this lease must be gone after the next reap.
pub(crate) fn is_overdue(millis_left: i64) -> bool {
    millis_left + (GRACE.as_millis() as i64) < 0
}

/// An order as the stream has it.
struct Sold {
    user: String,
    units: u32,
}

async fn read(stock: &Stock) -> Result<HashMap<String, Sold>> {
    let (mut all, mut batches, mut last) = (HashMap::new(), HashSet::new(), None);
    loop {
        let entries = stock.orders(last.as_deref(), 1_000).await?;
        let Some(newest) = entries.last() else { return Ok(all) };
        last = Some(newest.id.clone());
        for entry in entries {
            let Event::Sold { lease, seq, orders } = entry.event else {
                return violated("an order was cancelled, and nobody did");
            };
            if !batches.insert((lease.clone(), seq)) {
                return violated(format!("batch {seq} of lease {lease} was committed twice"));
            }
            for (order, units) in orders {
                let user = order.buyer().unwrap_or_default().to_owned();
                if all.insert(order.id().to_owned(), Sold { user, units }).is_some() {
                    return violated(format!("order {} was sold twice", order.id()));
                }
            }
        }
    }
}

/// Compares what the nodes were told with the stream of orders.
pub(crate) async fn check_orders(stock: &Stock, told: &Told, plan: &Plan) -> Result<()> {
    let orders = read(stock).await?;
    let sold: i64 = orders.values().map(|sold| i64::from(sold.units)).sum();
    let seen = stock.inspect().await?;
    if sold != seen.sold {
        return violated(format!(
            "{sold} units are in the stream of orders, and {} count as sold",
            seen.sold
        ));
    }
    if plan.limit > 0 {
        let mut users: HashMap<&str, u32> = HashMap::new();
        for sold in orders.values().filter(|sold| !sold.user.is_empty()) {
            *users.entry(&sold.user).or_default() += sold.units;
        }
        if let Some((user, units)) = users.iter().find(|(_, units)| **units > plan.limit) {
            return violated(format!("user {user} has {units} units, with a limit of {}", plan.limit));
        }
    }
    for (order, (said, units)) in told {
        match (said, orders.get(order)) {
            (Said::Yes, None) if !plan.may_lose() => {
                return violated(format!(
                    "order {order} was acknowledged, and is not in the stream of orders"
                ));
            }
            (Said::Yes, Some(sold)) if sold.units != *units => {
                return violated(format!("order {order} of {units} units has {} in the stream", sold.units));
            }
            (Said::No, Some(_)) => {
                return violated(format!("order {order} was refused, and is in the stream of orders"));
            }
            _ => {}
        }
    }
    Ok(())
}

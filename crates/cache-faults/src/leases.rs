//! Nodes that sell from leases while they, their connections and the server fail.

pub(crate) mod node;
mod nodes;
mod oracle;
mod plan;
mod round;

pub(crate) use plan::Plan;
pub(crate) use round::{Totals, run};

use std::time::Duration;

const PREFIX: &str = "faults:";
const SKU: &str = "sku:1";

/// Short, so that a round has many ends of leases.
const TTL: Duration = Duration::from_millis(300);
const GRACE: Duration = Duration::from_millis(100);

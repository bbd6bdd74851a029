//! The names of a stock's keys.

use std::fmt;

/// The keys of one stock. All share the hash tag `{sku}`, so that a cluster keeps them on one node.
#[derive(Clone)]
pub(super) struct Keys {
    /// `<prefix>{<sku>}:`
    base: String,
    /// Units that no lease holds.
    pub(super) pool: String,
    /// Units that were sold and not cancelled.
    pub(super) sold: String,
    /// All units there are.
    pub(super) total: String,
    /// The number of units that one user may buy; 0 is no limit.
    pub(super) limit: String,
    /// What each user has bought.
    pub(super) users: String,
    /// The stream of orders.
    pub(super) orders: String,
    /// What was cancelled, so that it is not cancelled twice.
    pub(super) cancelled: String,
    /// Which restocks were done, so that none is done twice.
    pub(super) restocks: String,
    /// The deadlines of the live leases.
    pub(super) leases: String,
}

impl Keys {
    pub(super) fn new(prefix: &str, sku: &str) -> Self {
        let base = format!("{prefix}{{{sku}}}:");
        let key = |name: &str| format!("{base}{name}");
        Self {
            pool: key("pool"),
            sold: key("sold"),
            total: key("total"),
            limit: key("limit"),
            users: key("users"),
            orders: key("orders"),
            cancelled: key("cancelled"),
            restocks: key("restocks"),
            leases: key("leases"),
            base,
        }
    }

    /// The key of one lease.
    pub(super) fn lease(&self, id: &str) -> String {
        format!("{}lease:{id}", self.base)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keys").field(&self.base).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn all_keys_share_the_tag() {
        let keys = Keys::new("shop:", "sku:1");
        assert_eq!(keys.pool, "shop:{sku:1}:pool");
        assert_eq!(keys.lease("a"), "shop:{sku:1}:lease:a");
        assert_eq!(keys.leases, "shop:{sku:1}:leases");
    }
}

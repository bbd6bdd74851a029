//! A stock and its leases at one moment.

use std::fmt;

/// Everything about a stock at one moment. [`Stock::inspect`](super::Stock::inspect) makes it.
///
/// # Examples
///
/// See [`Stock`](super::Stock).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// All units there are: `S`.
    pub total: i64,
    /// Units that no lease holds.
    pub pool: i64,
    /// Units that were sold and not cancelled.
    pub sold: i64,
    /// The number of units that one user may buy; 0 is no limit.
    pub limit: u32,
    /// The live leases, those past their deadline included.
    pub leases: Vec<LeaseState>,
}

/// A lease as the server knows it.
///
/// # Examples
///
/// See [`Stock`](super::Stock).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseState {
    /// Its id.
    pub id: String,
    /// All units that it was granted.
    pub granted: i64,
    /// The units of these that were sold.
    pub committed: i64,
    /// The number of its last batch.
    pub seq: u64,
    /// Milliseconds until its deadline; negative after it.
    pub millis_left: i64,
}

impl Inspection {
    /// The units that leases hold and have not sold.
    ///
    /// # Examples
    ///
    /// See [`Stock`](crate::lease::Stock).
    pub fn leased(&self) -> i64 {
        self.leases.iter().map(|lease| lease.granted - lease.committed).sum()
    }

    /// Whether `pool + Σ(granted − committed) + sold` is the total, and no term is negative. Anything else is damage: the
    /// scripts keep it, so something else wrote these keys.
    ///
    /// # Examples
    ///
    /// See [`Stock`](crate::lease::Stock).
    pub fn is_consistent(&self) -> bool {
        let leases = self.leases.iter().all(|lease| 0 <= lease.committed && lease.committed <= lease.granted);
        leases && self.pool >= 0 && self.sold >= 0 && self.pool + self.leased() + self.sold == self.total
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { total, pool, sold, leases, .. } = self;
        write!(
            f,
            "{total} units: {pool} in the pool, {} in {} leases, {sold} sold",
            self.leased(),
            leases.len()
        )?;
        if !self.is_consistent() {
            f.write_str(" (INCONSISTENT)")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_seen() {
        let lease = |granted, committed| LeaseState {
            id: "a".to_owned(),
            granted,
            committed,
            seq: 1,
            millis_left: 1,
        };
        let sound =
            Inspection { total: 10, pool: 4, sold: 3, limit: 0, leases: vec![lease(3, 2), lease(2, 0)] };
        assert!(sound.is_consistent());
        assert_eq!(sound.to_string(), "10 units: 4 in the pool, 3 in 2 leases, 3 sold");
        for damaged in [
            Inspection { pool: 5, ..sound.clone() },
            Inspection { pool: -1, total: 5, ..sound.clone() },
            Inspection { leases: vec![lease(1, 3), lease(5, 0)], ..sound.clone() },
        ] {
            assert!(!damaged.is_consistent(), "{damaged}");
        }
    }
}

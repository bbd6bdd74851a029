//! A stock on the server, as its operator sees it.

use std::time::Duration;

use redis::cmd;

use super::MAX_UNITS;
use super::error::StockError;
use super::inspection::{Inspection, LeaseState};
use super::ledger::{Answer, Ledger};
use super::lines;
use super::order::Receipt;
use super::orders::{self, Entry};
use super::scripts;
use crate::{Error, Server};

/// How often all leases are looked at again if they changed in the meantime.
const LOOKS: usize = 100;

/// One stock on the server: what is sold through [leases](super::Lease) on it.
///
/// Its keys are `<prefix>{<sku>}:…`. Each change is one script that can be repeated: if its answer was lost, call it again
/// with the same arguments, and it is done once.
///
/// Each `Stock` opens a connection of its own, which its clones share.
///
/// # Examples
///
/// ```no_run
/// # async fn run(server: cache_redis::Server) -> Result<(), Box<dyn std::error::Error>> {
/// use cache_redis::lease::Stock;
///
/// let stock = Stock::connect(&server, "shop:", "sku:1").await?;
/// stock.create(10_000, 2).await?;
/// stock.restock("delivery:7", 500).await?;
/// let seen = stock.inspect().await?;
/// assert!(seen.is_consistent());
/// println!("{seen}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Stock {
    ledger: Ledger,
}

impl Stock {
    /// Connects. The stock need not exist yet.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::Server`] if the server cannot be used.
    pub async fn connect(server: &Server, prefix: &str, sku: &str) -> Result<Self, StockError> {
        Ok(Self { ledger: Ledger::connect(server, prefix, sku).await? })
    }

    /// Creates the stock with this many units, of which one user may buy `limit`; 0 is no limit.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::Present`] if it exists with other numbers, [`StockError::TooLarge`] above [`MAX_UNITS`].
    pub async fn create(&self, units: u64, limit: u32) -> Result<(), StockError> {
        if units > MAX_UNITS {
            return Err(StockError::TooLarge { total: units });
        }
        let keys = &*self.ledger.keys;
        let call = scripts::CREATE.key(&keys.pool).key(&keys.sold).key(&keys.total).key(&keys.limit);
        let answer = self.ledger.ask(&call.arg(units).arg(limit)).await?;
        match answer.word() {
            "CREATED" => Ok(()),
            "PRESENT" => {
                let (total, present) = (answer.count(1)?, limit_of(&answer, 2)?);
                let is_same = total == units && present == limit;
                if is_same { Ok(()) } else { Err(StockError::Present { total, limit: present }) }
            }
            _ => Err(answer.strange().into()),
        }
    }

    /// Adds units to the pool; a negative number takes unsold ones out of it. Returns the new total.
    ///
    /// `name` is that of the delivery. Each name counts once, so a repetition changes nothing. Names are kept.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::Absent`]; [`StockError::Short`] if the pool has fewer units; [`StockError::TooLarge`].
    pub async fn restock(&self, name: &str, units: i64) -> Result<u64, StockError> {
        if units.unsigned_abs() > MAX_UNITS {
            return Err(StockError::TooLarge { total: units.unsigned_abs() });
        }
        let keys = &*self.ledger.keys;
        let call = scripts::RESTOCK.key(&keys.pool).key(&keys.total).key(&keys.restocks);
        let answer = self.ledger.ask(&call.arg(name).arg(units).arg(MAX_UNITS)).await?;
        match answer.word() {
            "DONE" | "DUP" => Ok(answer.count(1)?),
            "SHORT" => Err(StockError::Short { pool: answer.count(1)? }),
            "FULL" => Err(StockError::TooLarge { total: answer.count(1)?.saturating_add_signed(units) }),
            "ABSENT" => Err(StockError::Absent),
            _ => Err(answer.strange().into()),
        }
    }

    /// Sets the number of units that one user may buy; 0 is no limit. Holds from the next commit on, on all nodes.
    ///
    /// Without a limit, nobody's purchases are counted. So a limit that comes later does not count what was bought before.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::Server`].
    pub async fn set_user_limit(&self, limit: u32) -> Result<(), StockError> {
        let set = cmd("SET").arg(&self.ledger.keys.limit).arg(limit).to_owned();
        Ok(self.ledger.commands.query(&set).await?)
    }

    /// Takes an order back. Its units go to the pool, and its user may buy them again. Returns the number of units.
    ///
    /// Of several orders with one name in one batch, only the first can be taken back.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::UnknownOrder`] if the entry was trimmed from the stream of orders.
    pub async fn cancel(&self, receipt: &Receipt) -> Result<u32, StockError> {
        self.cancel_entry(receipt.entry(), receipt.order().id()).await
    }

    /// As [`cancel`](Stock::cancel), for an order that was read from the stream of [orders](Stock::orders).
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::UnknownOrder`] if there is no such entry, or no such order in it.
    pub async fn cancel_entry(&self, entry: &str, order: &str) -> Result<u32, StockError> {
        // `01-0` names the same entry as `1-0`, and both must leave the same mark.
        let (millis, number) = orders::parse_id(entry).ok_or(StockError::UnknownOrder)?;
        let entry = format!("{millis}-{number}");
        let keys = &*self.ledger.keys;
        let call = scripts::CANCEL.key(&keys.pool).key(&keys.sold).key(&keys.orders);
        let call = call.key(&keys.users).key(&keys.cancelled);
        let answer = self.ledger.ask(&call.arg(entry).arg(lines::escape(order))).await?;
        match answer.word() {
            "DONE" | "DUP" => u32::try_from(answer.count(1)?).map_err(|_| answer.strange().into()),
            "UNKNOWN" => Err(StockError::UnknownOrder),
            _ => Err(answer.strange().into()),
        }
    }

    /// Reads the stream of orders after an entry, or from its beginning; at most `count` entries. Each holds the orders of
    /// one batch, or one cancellation. One that something else added is [foreign](super::Event::Foreign).
    ///
    /// The stream is never trimmed here. Trim it (`XTRIM … MINID`) once its orders are stored elsewhere, and no answer to
    /// an order in it is unknown.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::UnknownOrder`] if `after` is no id of an entry.
    pub async fn orders(&self, after: Option<&str>, count: usize) -> Result<Vec<Entry>, StockError> {
        let from = match after {
            Some(after) => {
                let (millis, number) = orders::parse_id(after).ok_or(StockError::UnknownOrder)?;
                format!("{millis}-{}", number.saturating_add(1))
            }
            None => "-".to_owned(),
        };
        let range =
            cmd("XRANGE").arg(&self.ledger.keys.orders).arg(from).arg("+").arg("COUNT").arg(count).to_owned();
        let entries: Vec<(String, Vec<Vec<u8>>)> = self.ledger.commands.query(&range).await?;
        Ok(entries.into_iter().map(|(id, fields)| Entry::parse(id, fields)).collect())
    }

    /// The number of units that a user has bought, counted while there is a limit.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::Server`].
    pub async fn bought(&self, user: &str) -> Result<u64, StockError> {
        let get = cmd("HGET").arg(&self.ledger.keys.users).arg(lines::escape(user)).to_owned();
        Ok(self.ledger.commands.query::<Option<u64>>(&get).await?.unwrap_or(0))
    }

    /// Ends all leases that are past their deadline by more than `grace`. Returns the units that went back to the pool.
    ///
    /// Each open lease does this by itself from time to time. It is for a stock that no node has a lease on.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::Server`].
    pub async fn reap(&self, grace: Duration) -> Result<u64, StockError> {
        Ok(self.ledger.reap(grace).await?.1)
    }

    /// Looks at the stock and all its leases at one moment.
    ///
    /// # Examples
    ///
    /// See [`Stock`].
    ///
    /// # Errors
    ///
    /// [`StockError::Absent`]; [`StockError::Busy`] if leases came and went at each of many attempts.
    pub async fn inspect(&self) -> Result<Inspection, StockError> {
        let keys = &*self.ledger.keys;
        for _ in 0..LOOKS {
            let list = cmd("ZRANGE").arg(&keys.leases).arg(0).arg(-1).to_owned();
            let ids: Vec<String> = self.ledger.commands.query(&list).await?;
            let call = scripts::INSPECT.key(&keys.pool).key(&keys.sold).key(&keys.total);
            let mut call = call.key(&keys.limit).key(&keys.leases);
            for id in &ids {
                call = call.key(keys.lease(id)).arg(id);
            }
            let answer = self.ledger.ask(&call).await?;
            match answer.word() {
                "STOCK" => return Ok(read(&answer, ids)?),
                "AGAIN" => {}
                "ABSENT" => return Err(StockError::Absent),
                _ => return Err(answer.strange().into()),
            }
        }
        Err(StockError::Busy)
    }
}

fn limit_of(answer: &Answer, at: usize) -> Result<u32, Error> {
    u32::try_from(answer.int(at)?).map_err(|_| answer.strange())
}

fn read(answer: &Answer, ids: Vec<String>) -> Result<Inspection, Error> {
    let now = answer.int(5)?;
    let numbers = answer.ints(6)?;
    let leases = ids.into_iter().zip(numbers.chunks_exact(4)).map(|(id, lease)| LeaseState {
        id,
        granted: lease[0],
        committed: lease[1],
        seq: lease[2].unsigned_abs(),
        millis_left: lease[3] - now,
    });
    Ok(Inspection {
        total: answer.int(1)?,
        pool: answer.int(2)?,
        sold: answer.int(3)?,
        limit: limit_of(answer, 4)?,
        leases: leases.collect(),
    })
}

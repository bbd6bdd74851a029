//! The statements on the table of orders.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, params};

use super::error::JournalError;
use super::record::{CancelAnswer, Claim, ItemTotal, Record};
use crate::Ticket;
use crate::handoff::order::{millis, time};
use crate::handoff::{Order, OrderState};

/// The version of the tables, in `user_version` of the file.
const VERSION: i64 = 2;

/// The columns of a [`Record`], in the order in which [`record`] reads them.
const COLUMNS: &str = "seq, id, ticket, user, event, item, units, request_id, at, state, attempts, note";

/// What became of an order that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is in the books, or was already.
    Stands,
    /// Another order has its id.
    Duplicate,
}

/// The tables, and what their rules need to know.
pub(super) struct Table<'a> {
    pub(super) connection: &'a Connection,
    /// Milliseconds since 1970.
    pub(super) now: i64,
    pub(super) attempts: u32,
    pub(super) retry_after: Duration,
}

/// Opens the file for this process alone.
pub(super) fn open(path: &Path) -> Result<Connection, JournalError> {
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            JournalError::InUse { path: path.to_owned() }
        }
        _ => JournalError::Open { path: path.to_owned(), reason: error.to_string() },
    };
    let connection = Connection::open(path).map_err(failed)?;
    // The lock is the process's until the end, so that a second one cannot sell the same stock. It is taken by the first access, which
    // must not wait for the first process to end.
    let setup = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; BEGIN EXCLUSIVE; COMMIT;";
    connection.busy_timeout(Duration::ZERO).map_err(failed)?;
    connection.execute_batch(setup).map_err(failed)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    if version != 0 && version != VERSION {
        return Err(JournalError::Version { path: path.to_owned(), found: version, known: VERSION });
    }
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        let reason = format!("its journal mode is `{mode}`: `wal` is needed");
        return Err(JournalError::Open { path: path.to_owned(), reason });
    }
    if version == 0 {
        connection.execute_batch(include_str!("schema.sql")).map_err(failed)?;
    }
    Ok(connection)
}

/// The statement for [`insert`], which a batch prepares once.
pub(super) const INSERT: &str =
    "INSERT INTO orders (id, ticket, user, event, item, units, request_id, at, due)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING";

/// Writes an order. One that is there already, equal in everything, stands.
pub(super) fn insert(
    table: &Table<'_>,
    insert: &mut rusqlite::Statement<'_>,
    order: &Order,
) -> Result<Written, rusqlite::Error> {
    let at = to_sql(millis(order.at));
    let (ticket, request_id) = (to_sql(order.ticket.get()), order.request_id.as_deref());
    let Order { id, user, event, item, units, .. } = order;
    let row = params![id, ticket, user, event, item, units, request_id, at, table.now];
    if insert.execute(row)? == 1 {
        return Ok(Written::Stands);
    }
    // One that was cancelled in the meantime does not sell the units of a second reservation.
    let same = |record: Record| {
        record.state.holds_units() && record.order == Order { at: time(millis(order.at)), ..order.clone() }
    };
    Ok(if table.get(&order.id)?.is_some_and(same) { Written::Stands } else { Written::Duplicate })
}

impl Table<'_> {
    pub(super) fn get(&self, id: &str) -> Result<Option<Record>, rusqlite::Error> {
        let sql = format!("SELECT {COLUMNS} FROM orders WHERE id = ?1");
        self.connection.query_row(&sql, [id], record).optional()
    }

    pub(super) fn after(&self, seq: u64, count: usize) -> Result<Vec<Record>, rusqlite::Error> {
        let sql = format!("SELECT {COLUMNS} FROM orders WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map([to_sql(seq), limit(count)], record)?;
        rows.collect()
    }

    pub(super) fn totals(&self) -> Result<Vec<ItemTotal>, rusqlite::Error> {
        let sql =
            "SELECT item, state, count(*), sum(units) FROM orders GROUP BY item, state ORDER BY item, state";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            Ok(ItemTotal {
                item: row.get(0)?,
                state: state(row, 1)?,
                orders: from_sql(row.get(2)?),
                units: from_sql(row.get(3)?),
            })
        })?;
        rows.collect()
    }

    pub(super) fn claim(&self, count: usize, hold: Duration) -> Result<Vec<Claim>, rusqlite::Error> {
        // A worker that died with the last attempt said nothing. Nobody else looks for such orders.
        let sql = "UPDATE orders SET state = 'dead', claimed = 0, note = 'no worker said what became of it'
            WHERE state = 'accepted' AND due <= ?1 AND attempts >= ?2";
        self.connection.execute(sql, params![self.now, self.attempts])?;
        let sql = format!(
            "UPDATE orders SET attempts = attempts + 1, claim = claim + 1, claimed = 1, due = ?2 WHERE seq IN
                (SELECT seq FROM orders WHERE state = 'accepted' AND due <= ?1 ORDER BY due, seq LIMIT ?3)
            RETURNING {COLUMNS}, claim"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map([self.now, self.later(hold), limit(count)], |row| {
            let Record { seq, order, attempts, .. } = record(row)?;
            Ok(Claim { order, attempt: attempts, seq, number: row.get(12)? })
        })?;
        let mut claims = rows.collect::<Result<Vec<_>, _>>()?;
        // `RETURNING` has no order of its own.
        claims.sort_by_key(|claim| claim.seq);
        Ok(claims)
    }

    /// Whether it is fulfilled by this claim, now or before.
    pub(super) fn fulfil(&self, claim: &Claim) -> Result<bool, rusqlite::Error> {
        let sql = "UPDATE orders SET state = 'fulfilled', claimed = 0, note = NULL
            WHERE seq = ?1 AND claim = ?2 AND (state = 'fulfilled' OR state = 'accepted' AND claimed = 1)";
        Ok(self.connection.execute(sql, params![to_sql(claim.seq), claim.number])? == 1)
    }

    /// The state that it has then; `None` if the claim is over.
    pub(super) fn fail(&self, claim: &Claim, reason: &str) -> Result<Option<OrderState>, rusqlite::Error> {
        let doublings = claim.attempt.saturating_sub(1).min(16);
        let due = self.later(self.retry_after.saturating_mul(1 << doublings));
        let sql = "UPDATE orders SET claimed = 0, due = ?3, note = ?4,
                state = CASE WHEN attempts >= ?5 THEN 'dead' ELSE 'accepted' END
            WHERE seq = ?1 AND claim = ?2 AND state = 'accepted' AND claimed = 1 RETURNING state";
        let row = params![to_sql(claim.seq), claim.number, due, reason, self.attempts];
        self.connection.query_row(sql, row, |row| state(row, 0)).optional()
    }

    /// The order, if this is what ended it.
    pub(super) fn reject(&self, id: &str, reason: &str) -> Result<Option<Order>, rusqlite::Error> {
        let sql = format!(
            "UPDATE orders SET state = 'failed', claimed = 0, note = ?2
            WHERE id = ?1 AND state IN ('accepted', 'dead') RETURNING {COLUMNS}"
        );
        let rejected = self.connection.query_row(&sql, [id, reason], record).optional()?;
        Ok(rejected.map(|record| record.order))
    }

    pub(super) fn revive(&self, id: &str) -> Result<bool, rusqlite::Error> {
        let sql =
            "UPDATE orders SET state = 'accepted', attempts = 0, due = 0 WHERE id = ?1 AND state = 'dead'";
        Ok(self.connection.execute(sql, [id])? == 1)
    }

    pub(super) fn cancel(&self, id: &str) -> Result<CancelAnswer, rusqlite::Error> {
        let sql = format!(
            "UPDATE orders SET state = 'cancelled', claimed = 0
            WHERE id = ?1 AND (state = 'dead' OR state = 'accepted' AND (claimed = 0 OR due <= ?2)) RETURNING {COLUMNS}"
        );
        if let Some(done) = self.connection.query_row(&sql, params![id, self.now], record).optional()? {
            return Ok(CancelAnswer::Cancelled(done.order));
        }
        Ok(match self.get(id)? {
            None => CancelAnswer::Absent,
            Some(record) => match record.state {
                OrderState::Cancelled => CancelAnswer::Before(record.order),
                OrderState::Accepted => CancelAnswer::InProgress,
                state => CancelAnswer::TooLate(state),
            },
        })
    }

    fn later(&self, wait: Duration) -> i64 {
        self.now.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
    }
}

fn record(row: &Row<'_>) -> Result<Record, rusqlite::Error> {
    let order = Order {
        id: row.get(1)?,
        ticket: Ticket::new(from_sql(row.get(2)?)),
        user: row.get(3)?,
        event: row.get(4)?,
        item: row.get(5)?,
        units: row.get(6)?,
        request_id: row.get(7)?,
        at: time(from_sql(row.get(8)?)),
    };
    Ok(Record {
        seq: from_sql(row.get(0)?),
        order,
        state: state(row, 9)?,
        attempts: row.get(10)?,
        note: row.get(11)?,
    })
}

fn state(row: &Row<'_>, column: usize) -> Result<OrderState, rusqlite::Error> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// SQLite has no unsigned integers. The bits stay the same.
fn to_sql(number: u64) -> i64 {
    number as i64
}

fn from_sql(number: i64) -> u64 {
    number as u64
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

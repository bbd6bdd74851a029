//! Small values beside the orders: what is sold, and to whom it is not.

use rusqlite::{OptionalExtension as _, params};

use super::Journal;
use super::error::JournalError;

impl Journal {
    /// Keeps a value under a key, in place of an earlier one. Durable when it returns.
    ///
    /// For what the service must know when it starts again, such as its events and items: a few thousand values, not one for each
    /// user.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = std::env::temp_dir().join(format!("cache-gate-meta-{}", std::process::id()));
    /// # std::fs::create_dir_all(&directory)?;
    /// # use cache_gate::handoff::sqlite::Journal;
    /// let journal = Journal::builder().open(directory.join("orders.sqlite"))?;
    /// journal.set_meta("item/sku:1", b"100 units").await?;
    /// journal.set_meta("item/sku:2", b"20 units").await?;
    /// journal.del_meta("item/sku:2").await?;
    /// assert_eq!(journal.meta("item/").await?, [("item/sku:1".to_owned(), b"100 units".to_vec())]);
    /// assert_eq!(journal.get_meta("item/sku:2").await?, None);
    /// # drop(journal);
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), JournalError> {
        let (key, value) = (key.to_owned(), value.to_vec());
        self.call(move |table| {
            let sql =
                "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
            table.connection.execute(sql, params![key, value]).map(drop)
        })
        .await
    }

    /// The value under a key.
    ///
    /// # Examples
    ///
    /// See [`set_meta`](Journal::set_meta).
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn get_meta(&self, key: &str) -> Result<Option<Vec<u8>>, JournalError> {
        let key = key.to_owned();
        self.call(move |table| {
            let sql = "SELECT value FROM meta WHERE key = ?1";
            table.connection.query_row(sql, [key], |row| row.get(0)).optional()
        })
        .await
    }

    /// Forgets a key. Returns whether it was there.
    ///
    /// # Examples
    ///
    /// See [`set_meta`](Journal::set_meta).
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn del_meta(&self, key: &str) -> Result<bool, JournalError> {
        let key = key.to_owned();
        self.call(move |table| Ok(table.connection.execute("DELETE FROM meta WHERE key = ?1", [key])? == 1))
            .await
    }

    /// All keys that begin so, with their values, in the order of their bytes.
    ///
    /// # Examples
    ///
    /// See [`set_meta`](Journal::set_meta).
    ///
    /// # Errors
    ///
    /// [`JournalError`].
    pub async fn meta(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, JournalError> {
        let prefix = prefix.to_owned();
        self.call(move |table| {
            // Not LIKE, in which `%` and `_` of a prefix would mean something.
            let sql = "SELECT key, value FROM meta WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 ORDER BY key";
            let mut statement = table.connection.prepare(sql)?;
            let rows = statement.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        })
        .await
    }
}

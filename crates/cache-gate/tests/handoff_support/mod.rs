//! Files and orders for tests of the journal.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]
#![allow(unreachable_pub, dead_code, clippy::allow_attributes, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, UNIX_EPOCH};

use cache_gate::Ticket;
use cache_gate::handoff::Order;
use cache_gate::handoff::sqlite::{Journal, JournalError};

const PATIENCE: Duration = Duration::from_secs(60);

/// A file in a directory of its own, which is removed with it.
pub struct File {
    directory: PathBuf,
    path: PathBuf,
}

impl File {
    pub fn new(name: &str) -> Self {
        let directory =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        // What an earlier run left.
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("orders.sqlite");
        Self { directory, path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the journal as soon as the one before has gone: its thread may be at the file for a moment still.
    pub fn reopen(&self) -> Journal {
        let end = Instant::now() + PATIENCE;
        loop {
            match Journal::builder().open(&self.path) {
                Err(JournalError::InUse { .. }) if Instant::now() < end => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                result => return result.unwrap(),
            }
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// One of the orders that tests tell apart by their numbers.
pub fn order(number: u64) -> Order {
    Order {
        id: number.to_string(),
        ticket: Ticket::new(number),
        user: format!("user {}", number % 7),
        event: "sale".to_owned(),
        item: format!("item {}", number % 3),
        units: u32::try_from(number % 2).unwrap() + 1,
        request_id: None,
        at: UNIX_EPOCH + Duration::from_millis(1_800_000_000_000 + number % 1_000),
    }
}

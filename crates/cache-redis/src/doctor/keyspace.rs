//! What is under the prefix, by a sample.

use std::collections::BTreeMap;

use redis::{Value, cmd};

use super::{Link, Patient, Severity};
use crate::server::read;

/// Keys that are sampled, at least, where there are as many.
const SAMPLE: usize = 1_000;

/// Pages of the scan, at most: a sparse prefix is not searched for to the end.
const PAGES: usize = 50;

/// Keys that a page looks at.
const PAGE: usize = 1_000;

/// From how many keys on a scan of the whole database takes long enough to matter.
const LARGE: u64 = 1_000_000;

/// The keys of a stock, behind its `{tag}:`.
const OF_A_STOCK: [&str; 9] =
    ["pool", "sold", "total", "limit", "users", "orders", "leases", "cancelled", "restocks"];

/// Whether a key belongs to a stock.
fn is_of_a_stock(key: &[u8]) -> bool {
    let key = String::from_utf8_lossy(key);
    key.rsplit_once("}:").is_some_and(|(_, name)| name.starts_with("lease:") || OF_A_STOCK.contains(&name))
}

/// A prefix as a pattern that matches itself only.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for character in prefix.chars() {
        if "*?[]^\\".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('*');
    pattern
}

impl Patient<'_> {
    /// Returns whether there is a stock.
    pub(super) async fn check_keyspace(&mut self, link: &mut Link) -> bool {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let (mut cursor, mut looked) = (0_u64, 0);
        for _ in 0..PAGES {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(pattern(self.prefix)).arg("COUNT").arg(PAGE);
            // A missing right is found by the check of rights.
            let Ok((next, page)) = link.send(&scan).await.and_then(read::<(u64, Vec<Vec<u8>>)>) else {
                break;
            };
            keys.extend(page);
            looked += PAGE as u64;
            cursor = next;
            if cursor == 0 || keys.len() >= SAMPLE {
                break;
            }
        }
        let mut types = redis::pipe();
        for key in &keys {
            types.cmd("TYPE").arg(key);
        }
        let answers =
            if keys.is_empty() { Vec::new() } else { link.send_all(&types).await.unwrap_or_default() };
        let has_stock = keys.iter().any(|key| is_of_a_stock(key));
        self.judge_types(&keys, answers, has_stock);
        self.judge_size(link, keys.len() as u64, looked, cursor == 0).await;
        has_stock
    }

    fn judge_types(&mut self, keys: &[Vec<u8>], answers: Vec<Value>, has_stock: bool) {
        // Of each type, how many keys there are, and one of them.
        let mut others: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for (key, answer) in keys.iter().zip(answers) {
            match read::<String>(answer) {
                Ok(kind) if kind != "string" && kind != "none" && !is_of_a_stock(key) => {
                    let first = || (0, String::from_utf8_lossy(key).into_owned());
                    others.entry(kind).or_insert_with(first).0 += 1;
                }
                _ => {}
            }
        }
        let of = keys.len();
        for (kind, (count, example)) in others {
            self.find(
                Severity::Warning,
                "types",
                format!("{count} of {of} sampled keys are of the type {kind}, such as `{example}`: mirrors hold strings only"),
                "give them another prefix",
            );
        }
        let strings = keys.iter().any(|key| !is_of_a_stock(key));
        if has_stock && strings {
            self.find(
                Severity::Warning,
                "types",
                "stocks and other keys share this prefix: a mirror of it would hold the inner keys of stocks",
                "give stocks a prefix of their own",
            );
        }
    }

    async fn judge_size(&mut self, link: &mut Link, found: u64, looked: u64, is_all: bool) {
        let Ok(size) = link.send(&cmd("DBSIZE")).await.and_then(read::<u64>) else { return };
        // A scan that came to its end has seen every key.
        let looked = if is_all { size } else { looked.min(size) };
        if size >= LARGE && found < looked / 2 {
            self.find(
                Severity::Warning,
                "keyspace",
                format!(
                    "the database has {size} keys, and {found} of about {looked} sampled ones are under this prefix: each warm-up \
                     of a mirror scans them all"
                ),
                "keep mirrored keys in a database or on a server of their own",
            );
        }
        if found == 0 {
            self.find(Severity::Note, "keyspace", format!("no key under `{}` was found", self.prefix), "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_stocks_are_known() {
        assert!(is_of_a_stock(b"shop:{sku:1}:pool") && is_of_a_stock(b"{a}:lease:node-1"));
        assert!(!is_of_a_stock(b"shop:pool") && !is_of_a_stock(b"shop:{a}:other"));
    }

    #[test]
    fn a_prefix_matches_itself() {
        assert_eq!(pattern("a*[b]?"), "a\\*\\[b\\]\\?*");
    }
}

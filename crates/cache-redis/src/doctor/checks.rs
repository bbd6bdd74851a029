//! Checks of settings: memory, output buffers, persistence, replication.

use std::collections::HashMap;

use redis::cmd;

use super::{Link, Patient, Severity};
use crate::server::read;

/// Bytes that a client may be behind before it is cut off: a page of a warm-up, with room.
const SMALL_BUFFER: u64 = 32 << 20;

/// A section of `INFO`.
async fn info(link: &mut Link, section: &str) -> HashMap<String, String> {
    let answer = link.send(cmd("INFO").arg(section)).await.and_then(read::<String>);
    let text = answer.unwrap_or_default();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// A setting; `None` if the user may not see it, as on most managed servers.
async fn config(link: &mut Link, name: &str) -> Option<String> {
    let answer = link.send(cmd("CONFIG").arg("GET").arg(name)).await.ok()?;
    read::<HashMap<String, String>>(answer).ok()?.remove(name)
}

fn number(fields: &HashMap<String, String>, name: &str) -> u64 {
    fields.get(name).and_then(|value| value.parse().ok()).unwrap_or(0)
}

impl Patient<'_> {
    pub(super) async fn check_memory(&mut self, link: &mut Link, has_stock: bool) {
        let memory = info(link, "memory").await;
        let policy = memory.get("maxmemory_policy").map_or("", |policy| &**policy);
        let (used, most) = (number(&memory, "used_memory"), number(&memory, "maxmemory"));
        if policy.starts_with("allkeys") {
            // What is not limited is not evicted, until somebody limits it.
            let severity = if has_stock && most > 0 { Severity::Error } else { Severity::Warning };
            self.find(
                severity,
                "eviction",
                format!("maxmemory-policy is {policy}: keys of stocks and of mirrors can be evicted"),
                "CONFIG SET maxmemory-policy noeviction, here and in the configuration file; keep caches that may be evicted \
                 on a server of their own",
            );
        } else if policy.starts_with("volatile") {
            self.find(
                Severity::Note,
                "eviction",
                format!(
                    "maxmemory-policy is {policy}: of a stock, what is remembered of ended leases can be evicted; then an order \
                     whose answer was lost may stay unknown"
                ),
                "noeviction, if nothing else needs this policy",
            );
        }
        if most == 0 {
            self.find(
                Severity::Note,
                "memory",
                "maxmemory is not set: the server grows until the system ends it",
                "set maxmemory below the memory of the machine, with room for output buffers and copies on write",
            );
        } else if used > most / 10 * 9 {
            self.find(
                Severity::Warning,
                "memory",
                format!("{used} of {most} bytes are used: writes will be refused soon"),
                "raise maxmemory, or trim streams of orders and changes",
            );
        }
    }

    pub(super) fn find_no_leases(&mut self, has_stock: bool) {
        self.find(
            if has_stock { Severity::Error } else { Severity::Note },
            "version",
            "leases need 7.0 or later: an older version does not say why it refused a script",
            "update the server",
        );
    }

    pub(super) async fn check_buffers(&mut self, link: &mut Link) {
        let Some(limits) = config(link, "client-output-buffer-limit").await else {
            return self.find(
                Severity::Note,
                "output-buffers",
                "this user may not see client-output-buffer-limit",
                "allow CONFIG GET, or look there: `normal` should have a limit of 256 MB or so",
            );
        };
        let words: Vec<&str> = limits.split_whitespace().collect();
        for class in words.chunks_exact(4) {
            let [name, hard, soft, _] = class else { continue };
            let hard = hard.parse().unwrap_or(0);
            let soft = soft.parse().unwrap_or(0);
            let limit: u64 = match (hard, soft) {
                (0, limit) | (limit, 0) => limit,
                (hard, soft) => u64::min(hard, soft),
            };
            // Invalidations go to clients of the class `normal`: they are no subscribers.
            if *name == "normal" && limit == 0 {
                self.find(
                    Severity::Warning,
                    "output-buffers",
                    "clients of the class normal have no output-buffer limit: one mirror that hangs fills the memory of the server",
                    "CONFIG SET client-output-buffer-limit \"normal 256mb 64mb 60\", here and in the configuration file",
                );
            } else if *name == "normal" && limit < SMALL_BUFFER {
                self.find(
                    Severity::Warning,
                    "output-buffers",
                    format!("the output-buffer limit of the class normal is {limit} bytes: a burst of writes cuts mirrors off"),
                    "CONFIG SET client-output-buffer-limit \"normal 256mb 64mb 60\", here and in the configuration file",
                );
            }
        }
        if let Some(seconds) = config(link, "timeout").await.and_then(|text| text.parse::<u64>().ok())
            && seconds > 0
        {
            self.find(
                Severity::Note,
                "idle",
                format!("timeout is {seconds}: the server closes connections that are idle for as long"),
                "0, or longer than the heartbeat of mirrors and a third of the ttl of leases",
            );
        }
    }

    pub(super) async fn check_persistence(&mut self, link: &mut Link, has_stock: bool) {
        let severity = if has_stock { Severity::Warning } else { Severity::Note };
        let persistence = info(link, "persistence").await;
        let change =
            "CONFIG SET appendonly yes and CONFIG SET appendfsync always, here and in the configuration file";
        if number(&persistence, "aof_enabled") == 0 {
            let found =
                "appendonly is no: a crash of the server loses stocks, leases and acknowledged orders";
            return self.find(severity, "persistence", found, change);
        }
        match config(link, "appendfsync").await.as_deref() {
            Some("always") | None => {}
            Some(fsync) => self.find(
                severity,
                "persistence",
                format!("appendfsync is {fsync}: a crash of the machine loses the orders of the last second or two"),
                change,
            ),
        }
        if persistence.get("aof_last_write_status").is_some_and(|status| status != "ok") {
            self.find(
                Severity::Error,
                "persistence",
                "the append-only file could not be written: the server refuses writes (MISCONF)",
                "look at its log and at the free space of its disk",
            );
        }
    }

    pub(super) async fn check_replication(&mut self, link: &mut Link, has_stock: bool) {
        let replication = info(link, "replication").await;
        if replication.get("role").is_none_or(|role| role != "master") || !has_stock {
            return;
        }
        if number(&replication, "connected_slaves") == 0 {
            self.find(
                Severity::Note,
                "replication",
                "there is no replica: while this server is down, nothing is sold",
                "add one, and Sentinels or a cluster that promote it",
            );
        } else if config(link, "min-replicas-to-write").await.as_deref() == Some("0") {
            self.find(
                Severity::Warning,
                "replication",
                "min-replicas-to-write is 0: a primary that was cut off goes on acknowledging orders, which are lost",
                "CONFIG SET min-replicas-to-write 1 and min-replicas-max-lag 10: it narrows the window, and does not close it",
            );
        }
    }

    pub(super) async fn check_cluster(&mut self, link: &mut Link) {
        let Ok(text) = link.send(cmd("CLUSTER").arg("INFO")).await.and_then(read::<String>) else {
            return self.find(
                Severity::Note,
                "cluster",
                "this user may not see CLUSTER INFO",
                "allow CLUSTER",
            );
        };
        let state = text.lines().find_map(|line| line.strip_prefix("cluster_state:")).unwrap_or("");
        if state.trim() != "ok" {
            self.find(
                Severity::Error,
                "cluster",
                format!("cluster_state is {}", state.trim()),
                "redis-cli --cluster check, and fix what it names",
            );
        }
    }
}

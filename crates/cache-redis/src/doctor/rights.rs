//! What the user may do.

use redis::{Cmd, cmd};

use super::{Link, Patient, Severity};
use crate::Error;
use crate::server::read;

/// What needs a command.
struct Need {
    /// Mirrors, change feeds and writers, or leases.
    of: &'static str,
    /// The command, with `KEY` for a key under the prefix.
    commands: &'static [&'static str],
}

/// What each part calls, from scripts too: a script may do no more than its user.
const NEEDS: [Need; 3] = [
    Need {
        of: "mirrors",
        commands: &[
            "SCAN 0",
            "MGET KEY",
            "PTTL KEY",
            "INFO server",
            "PING",
            "CLIENT ID",
            "CLIENT TRACKING ON BCAST PREFIX KEY",
        ],
    },
    Need {
        of: "change feeds and writers",
        commands: &[
            "EVALSHA 0 1 KEY",
            "EVAL 0 1 KEY",
            "GET KEY",
            "SET KEY 0",
            "DEL KEY",
            "XADD KEY * a b",
            "XREAD STREAMS KEY 0",
            "XINFO STREAM KEY",
        ],
    },
    Need {
        of: "leases",
        commands: &[
            "EVALSHA 0 1 KEY",
            "EVAL 0 1 KEY",
            "TIME",
            "GET KEY",
            "SET KEY 0",
            "INCRBY KEY 1",
            "DECRBY KEY 1",
            "HGET KEY a",
            "HMGET KEY a",
            "HEXISTS KEY a",
            "HSET KEY a 1",
            "HINCRBY KEY a 1",
            "HDEL KEY a",
            "ZADD KEY 0 a",
            "ZREM KEY a",
            "ZSCORE KEY a",
            "ZCARD KEY",
            "ZRANGE KEY 0 -1",
            "ZRANGEBYSCORE KEY 0 1",
            "XADD KEY * a b",
            "XRANGE KEY - +",
            "PEXPIRE KEY 1",
        ],
    },
];

impl Patient<'_> {
    pub(super) async fn check_rights(&mut self, link: &mut Link) {
        self.try_harmless(link).await;
        let Ok(user) = link.send(cmd("ACL").arg("WHOAMI")).await.and_then(read::<String>) else {
            return self.unchecked("ACL WHOAMI");
        };
        for Need { of, commands } in NEEDS {
            let mut missing: Vec<String> = Vec::new();
            for text in commands {
                let mut dry_run = cmd("ACL");
                dry_run.arg("DRYRUN").arg(&user);
                for word in text.split(' ') {
                    dry_run.arg(if word == "KEY" { self.key() } else { word.to_owned() });
                }
                match link.send(&dry_run).await.and_then(read::<String>) {
                    Ok(answer) if answer == "OK" => {}
                    Ok(_) => missing.push(name_of(text)),
                    // Redis before 7 does not have it, and few users may call it.
                    Err(_) => return self.unchecked("ACL DRYRUN"),
                }
            }
            if !missing.is_empty() {
                let allowed: Vec<String> = missing
                    .iter()
                    .map(|name| format!("+{}", name.to_lowercase().replace(' ', "|")))
                    .collect();
                let found = format!(
                    "user {user} may not run these on keys under `{}`, which {of} need: {}",
                    self.prefix,
                    missing.join(", ")
                );
                let change = format!("ACL SETUSER {user} {} ~{}*", allowed.join(" "), self.prefix);
                self.find(Severity::Error, "rights", found, change);
            }
        }
    }

    /// Tries what changes nothing. This works for users that may not call `ACL DRYRUN`.
    async fn try_harmless(&mut self, link: &mut Link) {
        let key = self.key();
        let mut track = cmd("CLIENT");
        track.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(self.prefix);
        let mut scan = cmd("SCAN");
        scan.arg(0).arg("COUNT").arg(1);
        let mut script = cmd("EVAL");
        script.arg("return redis.call('EXISTS', KEYS[1])").arg(1).arg(&key);
        let mut get = cmd("MGET");
        get.arg(&key);
        let tries: [(&str, &str, Cmd); 4] = [
            ("CLIENT TRACKING", "+client|tracking", track),
            ("SCAN", "+scan", scan),
            ("EVAL", "+eval +evalsha +exists", script),
            ("MGET", "+mget", get),
        ];
        for (name, allowed, command) in tries {
            match link.send(&command).await {
                Err(error @ (Error::NotPermitted { .. } | Error::Refused { .. }))
                    if !error.is_transient() =>
                {
                    let change = format!("ACL SETUSER <user> {allowed} ~{}*", self.prefix);
                    self.find(Severity::Error, "rights", format!("{name} was refused: {error}"), change);
                }
                // In a cluster, the key may be another node's.
                _ => {}
            }
        }
        // The connection ends here in any case.
        let _ = link.send(cmd("CLIENT").arg("TRACKING").arg("OFF")).await;
    }

    fn unchecked(&mut self, command: &str) {
        self.find(
            Severity::Note,
            "rights",
            format!(
                "{command} was refused: only reading, tracking and an empty script were tried, and no write"
            ),
            "run the doctor as a user that may call it, or compare with the page on operations",
        );
    }

    /// A key under the prefix that nobody has.
    fn key(&self) -> String {
        format!("{}hotcache-doctor", self.prefix)
    }
}

/// The name of a command, with its subcommand.
fn name_of(text: &str) -> String {
    let words = if text.starts_with("CLIENT") || text.starts_with("XINFO") { 2 } else { 1 };
    text.split(' ').take(words).collect::<Vec<_>>().join(" ")
}

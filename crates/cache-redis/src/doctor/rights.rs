//! What the user may do.

use redis::{Cmd, cmd};

use super::{Link, Patient, Severity};
use crate::Error;
use crate::server::read;

/// What needs a command.
struct Need {
    /// Mirrors, change feeds, writers, or leases.
    of: &'static str,
    /// The modules that call them.
    #[cfg(test)]
    modules: &'static [&'static str],
    /// The command, with `KEY` for a key under the prefix, and `LOG` and `WRITERS` for the keys of its change log.
    commands: &'static [&'static str],
}

/// What each part calls, from scripts too: a script may do no more than its user.
const NEEDS: [Need; 4] = [
    Need {
        of: "mirrors",
        #[cfg(test)]
        modules: &["mirror"],
        commands: &[
            "SCAN 0",
            "MGET KEY",
            "GET KEY",
            "PTTL KEY",
            "TYPE KEY",
            "DBSIZE",
            "INFO server",
            "PING",
            "CLIENT ID",
            "CLIENT TRACKING ON BCAST PREFIX KEY",
        ],
    },
    Need {
        of: "change feeds",
        #[cfg(test)]
        modules: &["feed"],
        commands: &["TIME", "XREAD STREAMS LOG 0", "XRANGE LOG - +", "XLEN LOG", "XINFO STREAM LOG"],
    },
    Need {
        of: "writers",
        #[cfg(test)]
        modules: &["writer"],
        commands: &[
            "EVALSHA 0 1 KEY",
            "EVAL 0 1 KEY",
            "TIME",
            "TYPE LOG",
            "GET KEY",
            "SET KEY 0",
            "INCRBY KEY 1",
            "PTTL KEY",
            "DEL KEY",
            "XADD LOG * a b",
            "XINFO STREAM LOG",
            "HGET WRITERS a",
            "HSET WRITERS a 1",
            "HDEL WRITERS a",
            "HRANDFIELD WRITERS 1",
        ],
    },
    Need {
        of: "leases",
        #[cfg(test)]
        modules: &["lease"],
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
        for Need { of, commands, .. } in NEEDS {
            let mut missing: Vec<String> = Vec::new();
            for text in commands {
                let mut dry_run = cmd("ACL");
                dry_run.arg("DRYRUN").arg(&user);
                for word in text.split(' ') {
                    dry_run.arg(match word {
                        "KEY" => self.key(),
                        "LOG" => self.log(),
                        "WRITERS" => self.log() + ":writers",
                        word => word.to_owned(),
                    });
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
                // Who follows no log needs none.
                let (severity, log) = match of {
                    "change feeds" | "writers" => (Severity::Warning, format!(" ~{}*", self.log())),
                    _ => (Severity::Error, String::new()),
                };
                let found = format!(
                    "user {user} may not run these on keys under `{}`, which {of} need: {}",
                    self.prefix,
                    missing.join(", ")
                );
                let change = format!("ACL SETUSER {user} {} ~{}*{log}", allowed.join(" "), self.prefix);
                self.find(severity, "rights", found, change);
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

    /// The change log of the prefix, under its usual name.
    fn log(&self) -> String {
        format!("log:{}", self.prefix)
    }
}

/// The name of a command, with its subcommand.
fn name_of(text: &str) -> String {
    let words = if text.starts_with("CLIENT") || text.starts_with("XINFO") { 2 } else { 1 };
    text.split(' ').take(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::NEEDS;

    /// The files of a module.
    fn files(path: &Path, found: &mut Vec<PathBuf>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("a directory of the source") {
                files(&entry.expect("an entry of it").path(), found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "lua") {
            found.push(path.to_owned());
        }
    }

    /// The names that stand after `before` in a text.
    fn names<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = String> + 'a {
        text.split(before).skip(1).map(|rest| rest.chars().take_while(char::is_ascii_uppercase).collect())
    }

    #[test]
    fn every_command_of_the_source_is_asked_about() {
        for need in NEEDS {
            let mut sources = Vec::new();
            for module in need.modules {
                files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module), &mut sources);
            }
            let mut called = BTreeSet::new();
            for source in sources {
                let text = fs::read_to_string(source).expect("a file of the source");
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                let text = code.collect::<Vec<_>>().join("\n");
                for before in ["cmd(\"", "redis.call('", "redis.pcall('"] {
                    called.extend(names(&text, before));
                }
            }
            // Only a cluster's nodes are asked for their slots.
            called.remove("CLUSTER");
            let asked: BTreeSet<String> =
                need.commands.iter().filter_map(|text| text.split(' ').next()).map(str::to_owned).collect();
            let unasked: Vec<_> = called.difference(&asked).collect();
            assert!(called.len() > 3 && unasked.is_empty(), "{}: {unasked:?} are not asked about", need.of);
        }
    }
}

//! Who a server is.

use redis::{FromRedisValue, Pipeline, Value};

use super::{Link, Node, refused};
use crate::Error;

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Changes when the process is started anew.
    pub(crate) run_id: String,
    /// Changes when the history of the data does: after a promotion, or a resynchronization from another primary.
    pub(crate) replid: String,
    pub(crate) primary: bool,
    pub(crate) cluster: bool,
    /// Major and minor.
    pub(crate) version: (u32, u32),
    /// As the server writes it.
    pub(crate) version_text: String,
}

impl Identity {
    /// Asks a server.
    pub(crate) async fn of(link: &mut Link) -> Result<Self, Error> {
        let mut pipeline = redis::pipe();
        Self::ask(&mut pipeline);
        Self::from_answers(&mut link.send_all(&pipeline).await?.into_iter())
    }

    /// Adds the commands that ask for it.
    pub(crate) fn ask(pipeline: &mut Pipeline) {
        // One section each: several at once need Redis 7.
        pipeline.cmd("INFO").arg("server").cmd("INFO").arg("replication");
    }

    /// Reads the answers to these commands.
    pub(crate) fn from_answers(answers: &mut impl Iterator<Item = Value>) -> Result<Self, Error> {
        let mut text = String::new();
        for answer in answers.take(2) {
            match answer {
                Value::ServerError(error) => return Err(refused(error)),
                answer => text.push_str(&read::<String>(answer)?),
            }
        }
        Self::parse(&text)
    }

    fn parse(info: &str) -> Result<Self, Error> {
        let field = |name: &str| {
            let mut lines = info.lines().filter_map(|line| line.split_once(':'));
            lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim().to_owned())
        };
        let missing = |name: &str| Error::UnexpectedReply { reason: format!("INFO has no `{name}`") };
        let version_text = field("redis_version").ok_or_else(|| missing("redis_version"))?;
        let mut parts = version_text.split('.').map(|part| part.parse().unwrap_or(0));
        Ok(Self {
            run_id: field("run_id").ok_or_else(|| missing("run_id"))?,
            replid: field("master_replid").unwrap_or_default(),
            primary: field("role").ok_or_else(|| missing("role"))? == "master",
            cluster: field("redis_mode").as_deref() == Some("cluster"),
            version: (parts.next().unwrap_or(0), parts.next().unwrap_or(0)),
            version_text,
        })
    }

    /// Checks that the server is a primary, is new enough, and is a member of a cluster exactly if that is asked for.
    ///
    /// A cluster must be of version 7: before that, no invalidation is sent for slots that move away.
    pub(crate) fn check(&self, node: &Node, cluster: bool) -> Result<(), Error> {
        let address = node.name.clone();
        let (least, text) = if cluster { ((7, 0), "7.0, in a cluster,") } else { ((6, 0), "6.0") };
        if self.version < least {
            return Err(Error::TooOld { address, version: self.version_text.clone(), least: text });
        }
        match (self.cluster, cluster) {
            (true, false) => {
                let reason = "is a member of a cluster; use `Server::cluster`";
                return Err(Error::WrongTopology { address, reason });
            }
            (false, true) => {
                let reason = "is not a member of a cluster; use `Server::standalone` or `Server::sentinel`";
                return Err(Error::WrongTopology { address, reason });
            }
            _ => {}
        }
        if !self.primary {
            return Err(Error::NotPrimary { address });
        }
        Ok(())
    }

    /// Whether the server still holds the same data, as far as it can tell.
    pub(crate) fn same_history(&self, other: &Self) -> bool {
        self.run_id == other.run_id && self.replid == other.replid && self.primary == other.primary
    }
}

/// Converts an answer.
pub(crate) fn read<T: FromRedisValue>(value: Value) -> Result<T, Error> {
    redis::from_redis_value(value).map_err(|error| Error::UnexpectedReply { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\nrun_id:ab\r\n# Replication\r\n\
                        role:master\r\nmaster_replid:cd\r\n";

    fn node() -> Node {
        Node::new(super::super::address::parse("redis://h:1").unwrap(), Duration::ZERO)
    }

    #[test]
    fn a_primary_is_recognized() {
        let identity = Identity::parse(INFO).unwrap();
        assert_eq!((identity.version, identity.run_id.as_str()), ((7, 0), "ab"));
        assert_eq!(identity.check(&node(), false), Ok(()));
        assert!(Identity::parse("").is_err());
    }

    #[test]
    fn others_are_refused() {
        let check = |from: &str, to: &str, cluster| {
            Identity::parse(&INFO.replace(from, to)).unwrap().check(&node(), cluster).unwrap_err()
        };
        assert!(matches!(check("master\r", "slave\r", false), Error::NotPrimary { .. }));
        assert!(matches!(check("7.0.15", "5.0.14", false), Error::TooOld { least: "6.0", .. }));
        assert!(matches!(check("standalone", "cluster", false), Error::WrongTopology { .. }));
        assert!(matches!(check("", "", true), Error::WrongTopology { .. }));
        let old = INFO.replace("standalone", "cluster").replace("7.0.15", "6.2.9");
        assert!(matches!(Identity::parse(&old).unwrap().check(&node(), true), Err(Error::TooOld { .. })));
    }
}

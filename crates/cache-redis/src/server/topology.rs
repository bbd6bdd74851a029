//! The primaries of a server, and which slots each of them has.

use redis::{Value, cmd};

use super::address;
use super::identity::read;
use super::{Identity, Kind, Link, Node, Server, refused};
use crate::Error;

/// The number of slots of a cluster.
const SLOTS: u16 = 16_384;

/// Returns the slot of a key.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    /// CRC-16/XMODEM, which the cluster specification names.
    fn crc16(bytes: &[u8]) -> u16 {
        bytes.iter().fold(0, |crc: u16, byte| {
            (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        })
    }
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// A range of slots, and the primary that has them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    first: u16,
    last: u16,
    /// The identifier of the node in the cluster.
    id: String,
    host: String,
    port: u16,
}

/// A primary and its slots.
#[derive(Clone, Debug)]
pub(crate) struct Primary {
    pub(crate) node: Node,
    /// First and last slot of each range, in order. A standalone server has all slots.
    pub(crate) slots: Vec<(u16, u16)>,
}

impl Primary {
    /// Whether the primary has the slot of this key.
    pub(crate) fn owns(&self, key: &[u8]) -> bool {
        match &self.slots[..] {
            [(0, last)] if *last == SLOTS - 1 => true,
            slots => {
                let slot = slot_of(key);
                slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
            }
        }
    }
}

/// The primaries of a server at one time.
#[derive(Clone, Debug)]
pub(crate) struct Topology {
    pub(crate) primaries: Vec<Primary>,
    /// For comparison: a change of any kind makes it another topology.
    ranges: Vec<Range>,
}

impl Topology {
    /// Whether each slot is where it was.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let names = |topology: &Self| -> Vec<String> {
            topology.primaries.iter().map(|primary| primary.node.name.clone()).collect()
        };
        self.ranges == other.ranges && names(self) == names(other)
    }

    /// Whether this answer of `CLUSTER SLOTS`, of the node that was asked, says the same.
    pub(crate) fn is_what(&self, answer: Value, asked: &Node) -> Result<bool, Error> {
        match answer {
            Value::ServerError(error) => Err(refused(error)),
            answer => Ok(self.ranges == parse(answer, asked)?),
        }
    }

    /// Whether the node that was asked has the slots that this says, and keeps those of `matters`. The answers are those of
    /// `CLUSTER SLOTS` and `CLUSTER NODES`.
    ///
    /// Of a slot that is on its way to another node, some keys are there already, and the node does not say which.
    pub(crate) fn is_kept(
        &self,
        answers: impl IntoIterator<Item = Value>,
        asked: &Node,
        matters: impl Fn(u16) -> bool,
    ) -> Result<bool, Error> {
        let mut answers = answers.into_iter();
        let mut next = || {
            let missing = || Error::UnexpectedReply { reason: "an answer is missing".to_owned() };
            match answers.next().ok_or_else(missing)? {
                Value::ServerError(error) => Err(refused(error)),
                answer => Ok(answer),
            }
        };
        let is_same = self.is_what(next()?, asked)?;
        let nodes: String = read(next()?)?;
        Ok(is_same && !migrating(&nodes).any(matters))
    }

    /// The primary that has this slot.
    pub(crate) fn primary_of(&self, slot: u16) -> Option<&Primary> {
        let has =
            |primary: &&Primary| primary.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot));
        self.primaries.iter().find(has)
    }

    fn of_one(node: Node) -> Self {
        Self { primaries: vec![Primary { node, slots: vec![(0, SLOTS - 1)] }], ranges: Vec::new() }
    }
}

impl Server {
    /// Finds the primaries. For a cluster and a Sentinel group, a node is asked; a standalone server is taken as it is.
    pub(crate) async fn topology(&self) -> Result<Topology, Error> {
        match &self.kind {
            Kind::Standalone(info) => Ok(Topology::of_one(Node::new(info.clone(), self.timeout))),
            Kind::Sentinel { .. } => Ok(Topology::of_one(self.ask_sentinels().await?)),
            Kind::Cluster(nodes) => {
                let mut last = None;
                for info in nodes {
                    let node = Node::new(info.clone(), self.timeout);
                    match self.ask_cluster(&node).await {
                        Ok(topology) => return Ok(topology),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.expect("a cluster has at least one URL"))
            }
        }
    }

    /// Asks one node of a cluster.
    pub(crate) async fn ask_cluster(&self, node: &Node) -> Result<Topology, Error> {
        let mut link = node.connect().await?;
        let identity = Identity::of(&mut link).await?;
        if !identity.cluster {
            // Says why it is none.
            identity.check(node, true)?;
        }
        self.read_topology(node, &mut link).await
    }

    /// Asks one node of a cluster over a connection that is there.
    pub(crate) async fn read_topology(&self, node: &Node, link: &mut Link) -> Result<Topology, Error> {
        let ranges = parse(link.send(cmd("CLUSTER").arg("SLOTS")).await?, node)?;
        let mut primaries: Vec<Primary> = Vec::new();
        for range in &ranges {
            let info = address::at(&node.info, &range.host, range.port);
            let node = Node::new(info, self.timeout);
            match primaries.iter_mut().find(|primary| primary.node.name == node.name) {
                Some(primary) => primary.slots.push((range.first, range.last)),
                None => primaries.push(Primary { node, slots: vec![(range.first, range.last)] }),
            }
        }
        let covered: usize = ranges.iter().map(|range| usize::from(range.last - range.first) + 1).sum();
        let missing = usize::from(SLOTS).saturating_sub(covered);
        if missing > 0 {
            Err(Error::IncompleteCluster { missing })
        } else {
            Ok(Topology { primaries, ranges })
        }
    }

    async fn ask_sentinels(&self) -> Result<Node, Error> {
        let Kind::Sentinel { sentinels, master, login } = &self.kind else {
            unreachable!("only a Sentinel group asks Sentinels")
        };
        let mut reasons = Vec::new();
        for info in sentinels {
            // A Sentinel has no databases.
            let settings = info.redis_settings().clone().set_db(0);
            let sentinel = Node::new(info.clone().set_redis_settings(settings), self.timeout);
            match ask_sentinel(&sentinel, master).await {
                Ok(Some((host, port))) => {
                    let mut data = address::at(&sentinels[0], &host, port);
                    if let Some(super::Login { user, password }) = login {
                        let mut settings = redis::RedisConnectionInfo::default()
                            .set_db(data.redis_settings().db())
                            .set_protocol(data.redis_settings().protocol())
                            .set_password(password);
                        if let Some(user) = user {
                            settings = settings.set_username(user);
                        }
                        data = data.set_redis_settings(settings);
                    }
                    return Ok(Node::new(data, self.timeout));
                }
                Ok(None) => reasons.push(format!("{} knows no such name", sentinel.name)),
                // A wrong password is not cured by asking again later.
                Err(error @ (Error::WrongPassword { .. } | Error::NotPermitted { .. })) => return Err(error),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(Error::UnknownMaster { master: master.clone(), reason: reasons.join(", ") })
    }
}

async fn ask_sentinel(sentinel: &Node, master: &str) -> Result<Option<(String, u16)>, Error> {
    let mut link = sentinel.connect().await?;
    let answer = link.send(cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master)).await?;
    read(answer)
}

/// The slots that are on their way from the node that was asked for `CLUSTER NODES`.
fn migrating(nodes: &str) -> impl Iterator<Item = u16> {
    // Only the node's own line has them, after its slots, as `[93->-id]`.
    let fields = nodes.lines().flat_map(|line| line.split(' ').skip(8));
    fields.filter_map(|field| field.strip_prefix('[')?.split_once("->-")?.0.parse().ok())
}

/// Reads the answer of `CLUSTER SLOTS` of `asked`.
fn parse(answer: Value, asked: &Node) -> Result<Vec<Range>, Error> {
    let malformed = || Error::UnexpectedReply { reason: "CLUSTER SLOTS is malformed".to_owned() };
    let Value::Array(rows) = answer else { return Err(malformed()) };
    let mut ranges = Vec::with_capacity(rows.len());
    for row in rows {
        let Value::Array(row) = row else { return Err(malformed()) };
        let mut row = row.into_iter();
        let mut next = || row.next().ok_or_else(malformed);
        let (first, last) = (read(next()?)?, read(next()?)?);
        let Value::Array(primary) = next()? else { return Err(malformed()) };
        let mut primary = primary.into_iter();
        let mut next = || primary.next().ok_or_else(malformed);
        // No host, or an empty one, is that of the node that was asked.
        let host: Option<String> = read(next()?)?;
        let host = host.filter(|host| !host.is_empty() && host != "?");
        let host = match host.or_else(|| address::host(&asked.info).map(str::to_owned)) {
            Some(host) => host,
            None => return Err(malformed()),
        };
        let port = read(next()?)?;
        let id = read(next()?)?;
        if last < first || last >= SLOTS {
            return Err(malformed());
        }
        ranges.push(Range { first, last, id, host, port });
    }
    ranges.sort_by_key(|range| range.first);
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot_of(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"{user1000}.followers"));
        assert_eq!(slot_of(b"foo{}{bar}"), slot_of(b"foo{}{bar}"));
        assert_ne!(slot_of(b"foo{}{bar}"), slot_of(b"bar"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
    }

    #[test]
    fn slots_on_their_way_from_a_node_are_found() {
        let nodes = "b 127.0.0.1:2@3 master - 0 0 2 connected 6-9\n\
                     a 127.0.0.1:1@2,host master,myself - 0 0 1 connected 0-4 5 [4->-b] [7-<-b] [5->-b]\n";
        assert_eq!(migrating(nodes).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(migrating("a 127.0.0.1:1@2 myself,master - 0 0 1 connected 0-16383\n").count(), 0);
    }
}

use crate::{Builder, Redis, Reply, until};

const SLOTS: usize = 16_384;

/// Nodes of a cluster without replicas, each a primary with an equal share of the slots.
///
/// # Examples
///
/// ```no_run
/// use redis_testkit::Cluster;
///
/// let cluster = Cluster::start(3);
/// let node = cluster.owner_of("sku:1");
/// cluster.node(node).command(&["SET", "sku:1", "100"]);
/// ```
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts a cluster and waits until every node calls it complete.
    ///
    /// # Panics
    ///
    /// If a node does not start, or the cluster does not come together.
    #[must_use]
    #[track_caller]
    pub fn start(primaries: usize) -> Self {
        Self::start_with(primaries, |node| node)
    }

    /// Starts a cluster whose nodes have further settings.
    ///
    /// # Panics
    ///
    /// As [`start`](Cluster::start).
    #[must_use]
    #[track_caller]
    pub fn start_with(primaries: usize, settings: impl Fn(Builder) -> Builder) -> Self {
        assert!(
            (1..=SLOTS).contains(&primaries),
            "a cluster of {primaries} nodes: 1 to {SLOTS} are possible"
        );
        let start = |_| {
            let node =
                Redis::builder().config("cluster-enabled", "yes").config("cluster-node-timeout", "5000");
            settings(node).start()
        };
        let cluster = Self { nodes: (0..primaries).map(start).collect() };
        for (index, node) in cluster.nodes.iter().enumerate() {
            let (first, next) = (SLOTS * index / primaries, SLOTS * (index + 1) / primaries);
            done(&node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]));
            let (first, last) = (first.to_string(), (next - 1).to_string());
            done(&node.command(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]));
            // Every pair meets: gossip alone would take seconds.
            for other in &cluster.nodes[..index] {
                done(&node.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]));
            }
        }
        cluster.wait_until_ok();
        cluster
    }

    /// Waits until every node knows all nodes and an owner of each slot.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    #[track_caller]
    pub fn wait_until_ok(&self) {
        let nodes = format!("cluster_known_nodes:{}", self.nodes.len());
        until("every node calls the cluster complete", || {
            self.nodes.iter().all(|node| {
                let info = node.command(&["CLUSTER", "INFO"]);
                let has = |wanted: &str| info.text().lines().any(|line| line == wanted);
                has("cluster_state:ok") && has(&nodes)
            })
        });
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// A node, counted from 0.
    ///
    /// # Panics
    ///
    /// If there is no such node.
    #[must_use]
    #[track_caller]
    pub fn node(&self, index: usize) -> &Redis {
        &self.nodes[index]
    }

    /// The URLs of all nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The slot of a key.
    #[must_use]
    #[track_caller]
    pub fn slot_of(&self, key: &str) -> u16 {
        let slot = self.nodes[0].command(&["CLUSTER", "KEYSLOT", key]).int();
        u16::try_from(slot).expect("there are 16384 slots")
    }

    /// The index of the node that has the slot of a key, as that node itself says.
    #[must_use]
    #[track_caller]
    pub fn owner_of(&self, key: &str) -> usize {
        let owns = |node: &Redis| !node.command(&["EXISTS", key]).is_error();
        self.nodes.iter().position(owns).expect("a complete cluster has an owner of every slot")
    }

    /// Runs a command on the node that has the slot of `key`.
    ///
    /// # Panics
    ///
    /// If there is no reply.
    #[track_caller]
    pub fn command(&self, key: &str, args: &[&str]) -> Reply {
        self.nodes[self.owner_of(key)].command(args)
    }

    /// Moves a slot with its keys to another node, and waits until every node knows.
    ///
    /// # Panics
    ///
    /// If a node refuses.
    #[track_caller]
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_move(slot, from, to);
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let (target_id, slot) = (id(target), slot.to_string());
        loop {
            let keys = source.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            if keys.array().is_empty() {
                break;
            }
            for key in keys.array() {
                self.migrate(key.text(), from, to);
            }
        }
        // The new owner first: no slot is without one.
        for node in [target, source].into_iter().chain(&self.nodes) {
            done(&node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id]));
        }
        self.wait_until_ok();
    }

    /// Says to two nodes that a slot moves from one to the other, and leaves its keys where they are.
    /// [`move_slot`](Cluster::move_slot) ends what this began.
    ///
    /// # Panics
    ///
    /// If a node refuses.
    #[track_caller]
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) {
        let (source, target, slot) = (&self.nodes[from], &self.nodes[to], slot.to_string());
        done(&target.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(source)]));
        done(&source.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(target)]));
    }

    /// Moves one key of a slot that is on its way.
    ///
    /// # Panics
    ///
    /// If a node refuses.
    #[track_caller]
    pub fn migrate(&self, key: &str, from: usize, to: usize) {
        let port = self.nodes[to].port().to_string();
        let user = [crate::builder::USER, crate::builder::PASSWORD];
        let args = ["MIGRATE", "127.0.0.1", &port, key, "0", "5000", "AUTH2", user[0], user[1]];
        done(&self.nodes[from].command(&args));
    }
}

/// The identifier of a node in the cluster.
#[track_caller]
fn id(node: &Redis) -> String {
    node.command(&["CLUSTER", "MYID"]).text().to_owned()
}

#[track_caller]
fn done(reply: &Reply) {
    assert!(!reply.is_error(), "{reply:?}");
}

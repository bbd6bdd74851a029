use crate::builder::{PASSWORD, USER};
use crate::{Builder, Redis, Reply, until, until_some};

/// The name under which the Sentinels know the primary.
const NAME: &str = "hotcache";

const SENTINELS: usize = 3;

/// A primary, a replica, and three Sentinels that promote the replica if the primary is down for a second.
///
/// # Examples
///
/// ```no_run
/// use redis_testkit::Sentinels;
///
/// let group = Sentinels::start();
/// assert_eq!(group.primary().port(), group.server(0).port());
/// group.fail_over();
/// assert_eq!(group.primary().port(), group.server(1).port());
/// ```
#[derive(Debug)]
pub struct Sentinels {
    servers: [Redis; 2],
    sentinels: Vec<Redis>,
}

impl Sentinels {
    /// Starts the group and waits until its members know each other.
    ///
    /// # Panics
    ///
    /// If a server does not start, or the group does not come together.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::start_with(|server| server)
    }

    /// Starts a group whose primary and replica have further settings.
    ///
    /// # Panics
    ///
    /// As [`start`](Sentinels::start).
    #[must_use]
    #[track_caller]
    pub fn start_with(settings: impl Fn(Builder) -> Builder) -> Self {
        let primary = settings(Redis::builder()).start();
        let replica = settings(Redis::builder()).replica_of(&primary).start();
        replica.wait_for_sync();
        let monitor = format!("monitor {NAME} 127.0.0.1 {} 2", primary.port());
        let sentinel = |_| {
            let mut sentinel = Redis::builder()
                .config("sentinel", &monitor)
                .config("sentinel", &format!("auth-user {NAME} {USER}"))
                .config("sentinel", &format!("auth-pass {NAME} {PASSWORD}"))
                .config("sentinel", &format!("down-after-milliseconds {NAME} 1000"))
                .config("sentinel", &format!("failover-timeout {NAME} 3000"));
            sentinel.sentinel = true;
            sentinel.start()
        };
        let group = Self { servers: [primary, replica], sentinels: (0..SENTINELS).map(sentinel).collect() };
        group.wait_until_ok();
        group
    }

    /// Waits until every Sentinel knows the others and a replica that can be promoted.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    #[track_caller]
    pub fn wait_until_ok(&self) {
        until("the Sentinels know each other and a replica in step", || {
            self.sentinels.iter().all(|sentinel| {
                let others = sentinel.command(&["SENTINEL", "SENTINELS", NAME]);
                let replicas = sentinel.command(&["SENTINEL", "REPLICAS", NAME]);
                let is_up = |replica: &Reply| {
                    field(replica, "flags") == "slave" && field(replica, "master-link-status") == "ok"
                };
                others.array().len() == SENTINELS - 1 && replicas.array().iter().any(is_up)
            })
        });
    }

    /// The name under which the Sentinels know the primary.
    #[must_use]
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// The URLs of the Sentinels.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Redis::url).collect()
    }

    /// The server that started as the primary (0) or as the replica (1).
    ///
    /// # Panics
    ///
    /// If `index` is neither.
    #[must_use]
    #[track_caller]
    pub fn server(&self, index: usize) -> &Redis {
        &self.servers[index]
    }

    /// A Sentinel, from 0 to 2.
    ///
    /// # Panics
    ///
    /// If `index` is none of these.
    #[must_use]
    #[track_caller]
    pub fn sentinel(&self, index: usize) -> &Redis {
        &self.sentinels[index]
    }

    /// The server that the first Sentinel calls the primary.
    ///
    /// # Panics
    ///
    /// If it names none of the two.
    #[must_use]
    #[track_caller]
    pub fn primary(&self) -> &Redis {
        let port = self.primary_port();
        self.servers
            .iter()
            .find(|server| i64::from(server.port()) == port)
            .expect("one of the two is the primary")
    }

    /// Makes the Sentinels promote the other server, and waits until all of them and that server agree.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    #[track_caller]
    pub fn fail_over(&self) {
        let old = self.primary_port();
        // Refused while there is no replica in step, or another fail-over is under way.
        until("a Sentinel accepts the fail-over", || {
            !self.sentinels[0].command(&["SENTINEL", "FAILOVER", NAME]).is_error()
        });
        self.wait_for_other_primary(old);
    }

    /// Waits until the Sentinels agree on a primary whose port is not `old`, and that server is one.
    ///
    /// # Panics
    ///
    /// If that does not happen.
    #[track_caller]
    pub fn wait_for_other_primary(&self, old: i64) {
        let port = until_some("the Sentinels agree on another primary", || {
            let ports: Vec<i64> = self.sentinels.iter().map(primary_port).collect();
            (ports.iter().all(|port| *port == ports[0]) && ports[0] != old).then_some(ports[0])
        });
        let server = self.servers.iter().find(|server| i64::from(server.port()) == port);
        let server = server.expect("one of the two is the primary");
        until("the server is a primary", || server.info("role") == "master");
    }

    fn primary_port(&self) -> i64 {
        primary_port(&self.sentinels[0])
    }
}

fn primary_port(sentinel: &Redis) -> i64 {
    sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).array()[1].int()
}

/// The value of a field in a flat list of fields and values.
fn field<'a>(list: &'a Reply, name: &str) -> &'a str {
    let mut fields = list.array().chunks_exact(2);
    fields.find(|pair| pair[0].text() == name).map_or("", |pair| pair[1].text())
}

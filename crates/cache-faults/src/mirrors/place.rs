//! The servers of a round.

use anyhow::{Context, Result};
use cache_redis::Server;
use redis_testkit::{Cluster, Proxy, Redis, Sentinels, until};

use super::plan::{Kind, Plan};
use super::splitter::Splitter;
use super::{PREFIX, name_of};

/// Soon full, while a mirror does not read.
const SMALL_BUFFER: &str = "normal 1mb 0 0";

pub(crate) enum Place {
    Alone { redis: Redis, proxy: Proxy, splitter: Option<Splitter> },
    Cluster(Cluster),
    Sentinel(Sentinels),
}

impl Place {
    pub(crate) fn start(plan: &Plan) -> Result<Self> {
        Ok(match plan.kind {
            Kind::Alone(persistence) => {
                let mut redis = Redis::builder();
                if let Some(fsync) = persistence {
                    redis = redis.append_only(fsync);
                }
                if plan.wide {
                    redis = redis.config("client-output-buffer-limit", SMALL_BUFFER);
                }
                let redis = redis.try_start()?;
                let proxy = Proxy::to(&redis);
                let splitter = if plan.split { Some(Splitter::to(proxy.port())?) } else { None };
                Self::Alone { redis, proxy, splitter }
            }
            Kind::Cluster => Self::Cluster(Cluster::start(3)),
            Kind::Sentinel => Self::Sentinel(Sentinels::start()),
        })
    }

    /// As the writer sees it.
    pub(crate) fn server(&self) -> Result<Server> {
        Ok(match self {
            Self::Alone { redis, .. } => Server::standalone(&redis.url())?,
            Self::Cluster(cluster) => Server::cluster(cluster.urls())?,
            Self::Sentinel(group) => Server::sentinel(group.urls(), group.name())?,
        })
    }

    /// As the mirror sees it.
    pub(crate) fn mirrored(&self) -> Result<Server> {
        match self {
            Self::Alone { splitter: Some(splitter), .. } => {
                Ok(Server::standalone(&format!("redis://127.0.0.1:{}", splitter.port()))?)
            }
            Self::Alone { proxy, .. } => Ok(Server::standalone(&proxy.url())?),
            _ => self.server(),
        }
    }

    pub(crate) fn alone(&self) -> Result<(&Redis, &Proxy)> {
        match self {
            Self::Alone { redis, proxy, .. } => Ok((redis, proxy)),
            _ => None.context("this fault is of one server"),
        }
    }

    pub(crate) fn kill_clients(&self) {
        let kill = |redis: &Redis| {
            redis.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        };
        match self {
            Self::Alone { redis, .. } => kill(redis),
            Self::Cluster(cluster) => cluster.nodes().iter().for_each(kill),
            Self::Sentinel(group) => kill(group.primary()),
        }
    }

    pub(crate) fn move_slot(&self, key: usize) -> Result<()> {
        let Self::Cluster(cluster) = self else { return None.context("only a cluster has slots") };
        let key = format!("{PREFIX}{}", name_of(key, false));
        let from = cluster.owner_of(&key);
        cluster.move_slot(cluster.slot_of(&key), from, (from + 1) % cluster.nodes().len());
        Ok(())
    }

    pub(crate) fn fail_over(&self) -> Result<()> {
        let Self::Sentinel(group) = self else { return None.context("only a Sentinel group fails over") };
        group.fail_over();
        // The old primary does not know it yet, and a mirror may follow it for about a second: the page on mirrors says so.
        until("the mirror follows the new primary", || is_followed(group.primary()));
        Ok(())
    }

    /// How often a client was cut off because it did not read.
    pub(crate) fn overflows(&self) -> usize {
        match self {
            Self::Alone { redis, .. } => redis.log().matches("overcoming of output buffer limits").count(),
            _ => 0,
        }
    }
}

/// Whether a mirror is connected: a client that tracks by broadcast, or one whose last command read a stream.
fn is_followed(redis: &Redis) -> bool {
    let list = redis.command(&["CLIENT", "LIST"]);
    let is_mirror = |line: &str| {
        let field = |name: &str| line.split(' ').find_map(|field| field.strip_prefix(name));
        let tracks = field("flags=").is_some_and(|flags| flags.contains('B'));
        tracks
            || field("cmd=")
                .is_some_and(|command| command.starts_with("xread") || command.starts_with("xrange"))
    };
    list.text().lines().any(is_mirror)
}

//! One round: the nodes sell, the plan happens, and the oracles judge.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cache_redis::Server;
use cache_redis::lease::{Lease, Order, Stock};
use redis_testkit::{PATIENCE, Redis};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use super::nodes::{Nodes, Said, Told};
use super::oracle::{check_invariant, check_orders, is_overdue};
use super::plan::Action;
use super::{GRACE, PREFIX, Plan, SKU};
use crate::violated;

/// How often the invariant is looked at while the nodes sell.
const LOOK: Duration = Duration::from_millis(20);

/// What rounds were made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    crashes: u64,
    server_crashes: u64,
    looks: u64,
    acknowledged: u64,
    refused: u64,
    unknown: u64,
    /// The longest time that units of dead nodes took to come back.
    returned: Duration,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.server_crashes += other.server_crashes;
        self.looks += other.looks;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.returned = self.returned.max(other.returned);
    }

    fn count(&mut self, told: &Told) {
        for (said, _) in told.values() {
            *match said {
                Said::Yes => &mut self.acknowledged,
                Said::No => &mut self.refused,
                Said::Unknown => &mut self.unknown,
            } += 1;
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { crashes, server_crashes, looks, acknowledged, refused, unknown, returned } = self;
        write!(
            f,
            "{crashes} crashes of nodes, {server_crashes} of the server; {acknowledged} orders acknowledged, {refused} refused, \
             {unknown} unknown; the invariant held {looks} times; all was sellable again after {} ms",
            returned.as_millis()
        )
    }
}

/// Runs a round.
///
/// # Errors
///
/// A [`Violation`](crate::Violation), or what kept the round from running.
pub(crate) fn run(plan: &Plan, program: &Path, new_number: bool) -> Result<Totals> {
    let redis = Redis::builder();
    let redis = match plan.persistence {
        Some(fsync) => redis.append_only(fsync),
        None => redis,
    };
    let redis = redis.try_start()?;
    let server = Server::standalone(&redis.url())?;
    let runtime = Runtime::new()?;
    let stock = runtime.block_on(async {
        let stock = Stock::connect(&server, PREFIX, SKU).await?;
        stock.create(plan.units, plan.limit).await?;
        anyhow::Ok(stock)
    })?;
    let mut round = Round { plan, redis, stock, runtime, is_up: true, totals: Totals::default() };
    let mut nodes = Nodes::new(plan, program, &round.redis, new_number);
    for node in 0..plan.nodes {
        nodes.start(node)?;
    }
    round.act(&mut nodes)?;
    round.totals.crashes += plan.killed_at_end.iter().filter(|killed| **killed).count() as u64;
    let told = nodes.end()?;
    round.totals.count(&told);
    round.judge(&server, &told)?;
    Ok(round.totals)
}

struct Round<'a> {
    plan: &'a Plan,
    redis: Redis,
    stock: Stock,
    runtime: Runtime,
    is_up: bool,
    totals: Totals,
}

impl Round<'_> {
    /// Does what the plan says, and looks at the invariant in between.
    fn act(&mut self, nodes: &mut Nodes) -> Result<()> {
        let began = Instant::now();
        let end = (self.plan.length, None);
        let actions = self.plan.actions.iter().map(|(at, action)| (*at, Some(*action)));
        for (at, action) in actions.chain([end]) {
            let at = began + Duration::from_millis(at);
            while Instant::now() < at {
                self.look()?;
                std::thread::sleep(LOOK.min(at.saturating_duration_since(Instant::now())));
            }
            nodes.check()?;
            if let Some(action) = action {
                self.do_one(action, nodes).with_context(|| format!("could not {action}"))?;
            }
        }
        Ok(())
    }

    fn do_one(&mut self, action: Action, nodes: &mut Nodes) -> Result<()> {
        match action {
            Action::KillNode(node) => {
                self.totals.crashes += 1;
                nodes.kill(node);
            }
            Action::StartNode(node) => nodes.start(node)?,
            Action::PauseNode(node) => nodes.pause(node)?,
            Action::ResumeNode(node) => nodes.resume(node)?,
            Action::LoseAnswer(node) => nodes.proxy(node).lose_next_answer(),
            Action::CutNode(node) => nodes.proxy(node).cut(),
            Action::KillServer => {
                self.totals.server_crashes += 1;
                self.is_up = false;
                self.redis.kill_9();
            }
            Action::StartServer => {
                self.redis.restart();
                self.is_up = true;
                if self.plan.may_lose() {
                    // It may have come back without the stock.
                    let create = async || {
                        while self.stock.create(self.plan.units, self.plan.limit).await.is_err() {
                            sleep(Duration::from_millis(5)).await;
                        }
                    };
                    self.runtime.block_on(async { timeout(PATIENCE, create()).await })?;
                }
            }
            Action::PauseServer => {
                self.is_up = false;
                self.redis.pause();
            }
            Action::ResumeServer => {
                self.redis.resume();
                self.is_up = true;
            }
            Action::KillClients => {
                self.redis.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            }
        }
        Ok(())
    }

    fn look(&mut self) -> Result<()> {
        if !self.is_up {
            return Ok(());
        }
        // After a crash or a lost connection, the next look will do.
        let Ok(seen) = self.runtime.block_on(self.stock.inspect()) else { return Ok(()) };
        self.totals.looks += 1;
        check_invariant(&seen, self.plan)
    }

    /// What must hold after all nodes are gone.
    fn judge(&mut self, server: &Server, told: &Told) -> Result<()> {
        let Self { plan, stock, runtime, totals, .. } = self;
        runtime.block_on(async {
            let began = Instant::now();
            let last = timeout(PATIENCE, async {
                loop {
                    // The connection may have been lost to a fault.
                    let Ok(before) = stock.inspect().await else {
                        sleep(LOOK).await;
                        continue;
                    };
                    check_invariant(&before, plan)?;
                    stock.reap(GRACE).await?;
                    let after = stock.inspect().await?;
                    check_invariant(&after, plan)?;
                    let is_due = |id: &str| {
                        before.leases.iter().any(|lease| lease.id == id && is_overdue(lease.millis_left))
                    };
                    if let Some(lease) = after.leases.iter().find(|lease| is_due(&lease.id)) {
                        return violated(format!("a lease outlived ttl + grace and a reap: {lease:?}"));
                    }
                    if after.leases.is_empty() {
                        return Ok(after);
                    }
                    sleep(Duration::from_millis(5)).await;
                }
            });
            let last = last.await.context("the leases of dead nodes stay")??;
            totals.returned = began.elapsed();
            check_orders(stock, told, plan).await?;
            // All that was not sold can be sold.
            let left = u32::try_from(last.pool)?;
            if left > 0 {
                let lease = Lease::builder(server, PREFIX, SKU).want(left).div(1).open().await?;
                let receipt = lease.take(left).await?.commit(Order::new("the rest")).await?;
                if receipt.units() != left {
                    return violated(format!(
                        "{left} units were left, and {} could be sold",
                        receipt.units()
                    ));
                }
                lease.close().await?;
            }
            let seen = stock.inspect().await?;
            check_invariant(&seen, plan)?;
            if (seen.sold, seen.pool) != (seen.total, 0) {
                return violated(format!("not everything could be sold: {seen}"));
            }
            Ok(())
        })
    }
}

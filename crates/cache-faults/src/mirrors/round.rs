//! One round: writes at full speed, the plan happens, and the oracles judge.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use cache_bucket::BucketIntCache;
use cache_redis::Mirror;
use cache_redis::feed::{Log, RedisFeed};
use redis_testkit::{Fsync, PATIENCE};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::PREFIX;
use super::oracle::{check_bound, compare};
use super::place::Place;
use super::plan::{Action, Kind, Plan};
use super::writer::Writer;

/// What rounds were made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    faults: u64,
    writes: u64,
    checks: u64,
    comparisons: u64,
    overflows: usize,
    /// The longest wait for a mirror to be in step, with writes at rest.
    longest: Duration,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.faults += other.faults;
        self.writes += other.writes;
        self.checks += other.checks;
        self.comparisons += other.comparisons;
        self.overflows += other.overflows;
        self.longest = self.longest.max(other.longest);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, writes, checks, comparisons, overflows, longest } = self;
        write!(
            f,
            "{faults} faults, {writes} writes; the bound held in {checks} checks, all keys were right {comparisons} times; \
             {overflows} output buffers overflowed; in step at most {} ms after writes rested",
            longest.as_millis()
        )
    }
}

/// Runs a round, with a bug planted if one is named.
///
/// # Errors
///
/// A [`Violation`](crate::Violation), or what kept the round from running.
pub(crate) fn run(plan: &Plan, bug: Option<&str>) -> Result<Totals> {
    let place = Place::start(plan)?;
    let runtime = Runtime::new()?;
    let round = runtime.block_on(Round::begin(plan, place, bug))?;
    let checker = Checker::start(&round);
    let acted = round.act(&runtime);
    let checks = checker.stop();
    round.writer.stop();
    runtime.block_on(round.mirror.stop());
    let mut totals = acted?;
    totals.checks = checks?;
    Ok(totals)
}

struct Round<'a> {
    plan: &'a Plan,
    place: Place,
    writer: Arc<Writer>,
    mirror: Arc<Mirror<BucketIntCache>>,
    /// Whether the histories say what the server had. Held while the bound is checked.
    is_known: Arc<Mutex<bool>>,
    writing: tokio::task::JoinSet<()>,
}

impl<'a> Round<'a> {
    async fn begin(plan: &'a Plan, place: Place, bug: Option<&str>) -> Result<Self> {
        let log = if plan.stream { Some(Log::of(PREFIX)?) } else { None };
        let writer = Writer::connect(&place.server()?, plan, log.clone()).await?;
        writer.begin_anew(&vec![None; plan.keys]).await?;
        // The mirror loads while keys are written.
        let writing = writer.start(plan.seed);
        let server = place.mirrored()?;
        let mut builder = Mirror::builder(&server, PREFIX)
            .heartbeat(Duration::from_millis(plan.heartbeat))
            .max_dirty(plan.max_dirty)
            .longest_wait(Duration::from_millis(200))
            .silence(Duration::from_secs(1));
        if let Some(bug) = bug {
            builder = builder.seeded(bug);
        }
        if let Some(log) = log {
            builder = builder.follow(RedisFeed::new(&server, &log)?);
        }
        let mirror = Arc::new(builder.int(Arc::default()).start().await?);
        timeout(PATIENCE, mirror.ready()).await.context("the mirror does not get ready")??;
        Ok(Self { plan, place, writer, mirror, is_known: Arc::new(Mutex::new(true)), writing })
    }

    /// Does what the plan says.
    fn act(&self, runtime: &Runtime) -> Result<Totals> {
        let mut totals = Totals::default();
        let began = Instant::now();
        for (at, action) in &self.plan.actions {
            thread::sleep(Duration::from_millis(*at).saturating_sub(began.elapsed()));
            totals.faults += 1;
            self.do_one(*action, runtime, &mut totals).with_context(|| format!("could not {action}"))?;
        }
        thread::sleep(Duration::from_millis(self.plan.length).saturating_sub(began.elapsed()));
        runtime.block_on(self.come_to_rest(&mut totals))?;
        totals.writes = self.writer.writes.load(Ordering::Relaxed);
        totals.overflows = self.place.overflows();
        debug_assert!(!self.writing.is_empty());
        Ok(totals)
    }

    fn do_one(&self, action: Action, runtime: &Runtime, totals: &mut Totals) -> Result<()> {
        match action {
            Action::KillServer => self.place.alone()?.0.kill_9(),
            Action::StartServer => {
                // With `always`, nothing that is in a history is lost.
                if self.plan.kind == Kind::Alone(Some(Fsync::Always)) {
                    self.place.alone()?.0.restart();
                } else {
                    self.forget();
                    self.place.alone()?.0.restart();
                    runtime.block_on(self.come_to_rest(totals))?;
                }
            }
            Action::PauseServer => self.place.alone()?.0.pause(),
            Action::ResumeServer => self.place.alone()?.0.resume(),
            Action::KillClients => self.place.kill_clients(),
            Action::Cut => self.place.alone()?.1.cut(),
            Action::Stall => self.place.alone()?.1.stall(),
            Action::Unstall => self.place.alone()?.1.resume(),
            Action::Flush => runtime.block_on(self.writer.flush())?,
            Action::Trim => runtime.block_on(self.writer.trim()),
            Action::MoveSlot(key) => self.place.move_slot(key)?,
            Action::FailOver => {
                self.forget();
                self.place.fail_over()?;
                // Nor may the writer go on with the old one.
                runtime.block_on(self.writer.connect_again(&self.place.server()?))?;
                runtime.block_on(self.come_to_rest(totals))?;
            }
            Action::Compare => runtime.block_on(self.come_to_rest(totals))?,
        }
        Ok(())
    }

    /// From now on, the server may have less than the histories. The bound is not checked until they begin anew.
    fn forget(&self) {
        *self.is_known.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Stops writing, waits until the mirror is in step, and compares.
    async fn come_to_rest(&self, totals: &mut Totals) -> Result<()> {
        let turns = self.writer.pause().await?;
        let began = Instant::now();
        timeout(PATIENCE, self.mirror.wait_for_sync()).await.context("the mirror does not get in step")??;
        totals.longest = totals.longest.max(began.elapsed());
        let truth = self.writer.truth().await?;
        compare(&self.writer, &self.mirror, &truth)?;
        totals.comparisons += 1;
        self.writer.begin_anew(&truth).await?;
        *self.is_known.lock().unwrap_or_else(PoisonError::into_inner) = true;
        drop(turns);
        Ok(())
    }
}

/// Checks the bound all the time, on a thread of its own.
struct Checker {
    stop: Arc<AtomicBool>,
    checks: Arc<AtomicU64>,
    thread: thread::JoinHandle<Result<()>>,
}

impl Checker {
    fn start(round: &Round<'_>) -> Self {
        let (stop, checks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (is_over, count) = (Arc::clone(&stop), Arc::clone(&checks));
        let (writer, mirror) = (Arc::clone(&round.writer), Arc::clone(&round.mirror));
        let is_known = Arc::clone(&round.is_known);
        let thread = thread::spawn(move || {
            while !is_over.load(Ordering::Acquire) {
                let is_known = is_known.lock().unwrap_or_else(PoisonError::into_inner);
                if *is_known {
                    count.fetch_add(check_bound(&writer, &mirror)?, Ordering::Relaxed);
                }
                drop(is_known);
                thread::sleep(Duration::from_millis(1));
            }
            Ok(())
        });
        Self { stop, checks, thread }
    }

    fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().map_err(|_| anyhow!("the check of the bound panicked"))??;
        Ok(self.checks.load(Ordering::Relaxed))
    }
}

//! One tracking session with one primary: the input and output around an [`Engine`].

mod answers;
mod inbox;
mod requests;
mod sweep;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redis::cmd;

use self::inbox::Inbox;
use self::requests::{Flight, landed};
use super::board::Phase;
use super::engine::Engine;
use super::packet::Form;
use super::seen::Seen;
use super::{Context, packet, trace};
use crate::Error;
use crate::server::{Identity, Link, Primary, Pushes, Topology, read};

/// How often the server is asked whether it is still the one that it was.
pub(super) const CHECK: Duration = Duration::from_secs(1);

/// Bytes that a value is taken to have until some were seen. Not few: Redis cuts a connection off whose answer is larger
/// than its output-buffer limit, and the next session would ask for as much.
const FIRST_GUESS: usize = 64 << 10;

/// How much larger values are taken to be after a session that ended while the first ones were under way.
const LARGER: usize = 4;

/// Why a session ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) error: Error,
    /// Whether everything was loaded.
    pub(super) was_ready: bool,
}

struct Session {
    context: Arc<Context>,
    primary: Primary,
    topology: Arc<Topology>,
    /// The number of this session.
    index: usize,
    inbox: Arc<Inbox>,
    link: Link,
    identity: Identity,
    form: Form,
    /// In the order in which they were sent, which is that of the answers.
    flights: VecDeque<Flight>,
    bytes_under_way: usize,
    bytes_per_value: f64,
    /// When something last came from the server, or was sent while nothing was expected.
    heard: Instant,
    check_due: Instant,
    /// What the scan of this round has seen. `None` if nothing can be left from before.
    seen: Option<(u64, Seen)>,
    was_ready: bool,
    began: Instant,
}

/// Runs a session until it ends. To stop it, drop the future.
pub(super) async fn run(context: Arc<Context>, topology: Arc<Topology>, index: usize, virgin: bool) -> Ended {
    let mut session = match Session::open(context, topology, index, virgin).await {
        Ok(session) => session,
        Err(error) => return Ended { error: in_session(error), was_ready: false },
    };
    let error = match session.drive().await {
        Ok(never) => match never {},
        Err(error) => in_session(error),
    };
    session.suspect_large_values();
    Ended { error, was_ready: session.was_ready }
}

/// A session only reads, so that an answer which was lost is nothing to worry about.
fn in_session(error: Error) -> Error {
    match error {
        Error::Unknown { reason } => Error::SessionEnded { reason },
        error => error,
    }
}

impl Session {
    async fn open(
        context: Arc<Context>,
        topology: Arc<Topology>,
        index: usize,
        virgin: bool,
    ) -> Result<Self, Error> {
        // A sweep of an earlier session may still be running, and knows nothing of what this one will load.
        drop(context.sweeps.write().await);
        let settings = &context.settings;
        let primary = topology.primaries[index].clone();
        let engine = Engine::new(settings.limits, settings.planted);
        let inbox = Arc::new(Inbox::new(engine));
        let pushes: Arc<dyn Pushes> = Arc::clone(&inbox) as Arc<dyn Pushes>;
        let mut link = primary.node.connect_with(Some(pushes), None).await?;
        let in_time = tokio::time::timeout(settings.silence, async {
            let identity = Identity::of(&mut link).await?;
            identity.check(&primary.node, context.server.is_cluster())?;
            if !settings.planted.load_then_track {
                track(&mut link, &primary, &context.prefix).await?;
            }
            let keys: u64 = read(link.send(&cmd("DBSIZE")).await?)?;
            context.board.load(index, keys);
            Ok((identity, keys))
        });
        let silent = |_| Error::SessionEnded { reason: format!("no answer within {:?}", settings.silence) };
        let (identity, keys) = in_time.await.map_err(silent)??;
        let form = Form {
            each: context.server.is_cluster(),
            lifetimes: context.target.expires(),
            pattern: packet::pattern(&context.prefix),
            page: settings.page,
        };
        context.board.sessions.fetch_add(1, Ordering::Relaxed);
        trace::began(&context, &primary.node.name);
        let now = Instant::now();
        let bytes_per_value = match context.bytes_per_value.load(Ordering::Relaxed) {
            0 => FIRST_GUESS as f64,
            seen => seen as f64,
        };
        Ok(Self {
            topology,
            index,
            inbox,
            link,
            identity,
            form,
            flights: VecDeque::new(),
            bytes_under_way: 0,
            bytes_per_value,
            heard: now,
            // The topology is looked at soon, as it may have changed since it was asked for.
            check_due: now,
            seen: (!virgin).then(|| (0, Seen::for_about(keys))),
            was_ready: false,
            began: now,
            primary,
            context,
        })
    }

    /// Has the next session ask for fewer values at a time, if this one may have ended for their size.
    fn suspect_large_values(&self) {
        if !self.was_ready && self.flights.iter().any(|flight| flight.bytes > 0) {
            let larger =
                (self.bytes_per_value as usize).saturating_mul(LARGER).min(self.context.settings.bytes);
            self.context.bytes_per_value.store(larger, Ordering::Relaxed);
        }
    }

    async fn drive(&mut self) -> Result<std::convert::Infallible, Error> {
        loop {
            self.look()?;
            self.send_all().await;
            self.sweep().await?;
            let wait = self.publish();
            tokio::select! {
                biased;
                answer = landed(&mut self.flights) => {
                    let answer = answer?;
                    self.heard = Instant::now();
                    self.land(answer).await?;
                }
                () = self.inbox.wake.notified() => {}
                () = tokio::time::sleep(wait) => self.listen()?,
            }
        }
    }

    /// Ends the session if the server is silent. To be called when no answer is there: one that this task has not come to
    /// yet is no silence.
    fn listen(&self) -> Result<(), Error> {
        let silence = self.context.settings.silence;
        if self.flights.is_empty() || self.heard.elapsed() <= silence {
            return Ok(());
        }
        Err(Error::SessionEnded { reason: format!("no answer within {silence:?}") })
    }

    /// Ends the session if it cannot go on.
    fn look(&self) -> Result<(), Error> {
        let settings = &self.context.settings;
        if self.inbox.is_lost() {
            return Err(Error::SessionEnded { reason: "the connection was lost".to_owned() });
        }
        let engine = self.inbox.engine();
        if engine.overflowed() {
            let reason = format!("more than {} keys changed while they waited", settings.limits.dirty);
            return Err(Error::SessionEnded { reason });
        }
        Ok(())
    }

    /// Tells readers how far the session is. Returns how long it may rest.
    fn publish(&mut self) -> Duration {
        let board = &self.context.board;
        let (phase, fresh, dirty, ping) = {
            let engine = self.inbox.engine();
            let is_ready = engine.is_loaded() && engine.fresh().is_some() && !engine.is_stalled();
            let phase = if is_ready { Phase::Ready } else { Phase::Loading };
            let ping = engine.ping_due().filter(|_| engine.unanswered().is_none());
            (phase, engine.fresh(), engine.dirty(), ping)
        };
        if phase == Phase::Ready && !self.was_ready {
            self.was_ready = true;
            let took = self.began.elapsed();
            trace::ready(&self.context, &self.primary.node.name, took);
        }
        board.report(self.index, phase, fresh, dirty);
        let check = self.check_due.saturating_duration_since(Instant::now());
        let silent = self.context.settings.silence.saturating_sub(self.heard.elapsed());
        let ping = ping.map_or(Duration::MAX, |due| Duration::from_nanos(due.saturating_sub(board.now())));
        check.min(ping).min(silent.max(Duration::from_millis(1)))
    }
}

/// Asks for a push for each change of a key under the prefix.
async fn track(link: &mut Link, primary: &Primary, prefix: &[u8]) -> Result<(), Error> {
    let mut tracking = cmd("CLIENT");
    tracking.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(prefix);
    match link.send(&tracking).await {
        Ok(_) => Ok(()),
        Err(Error::NotPermitted { reason, .. } | Error::Refused { reason, .. }) => {
            Err(Error::TrackingRefused { address: primary.node.name.clone(), reason })
        }
        Err(error) => Err(error),
    }
}

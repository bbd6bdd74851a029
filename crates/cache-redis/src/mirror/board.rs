//! What the sessions of a mirror tell its readers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::engine::Time;
use super::undecodable::Undecodables;
use super::{Progress, State};
use crate::Error;

/// How far one session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Connecting,
    Loading,
    Ready,
}

/// One session.
#[derive(Clone, Copy, Debug)]
struct Part {
    phase: Phase,
    /// Every write to this primary that is older is visible.
    fresh: Option<Time>,
    /// Keys that its scan has seen, and the number of keys of the primary.
    seen: u64,
    expected: u64,
    /// Changed keys that wait to be fetched.
    dirty: u64,
}

/// What those who wait are told.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub(super) state: State,
    /// Every write that is older is visible.
    pub(super) fresh: Option<Time>,
    /// Why the last session ended, or could not begin. Cleared when everything is loaded.
    pub(super) error: Option<Error>,
}

/// The state of a mirror, shared by its sessions and its readers.
pub(super) struct Board {
    start: Instant,
    /// As in the notice, plus 1; 0 for none. Readers ask often, and a lock would make them wait for each other.
    fresh: AtomicU64,
    parts: Mutex<Vec<Part>>,
    notice: watch::Sender<Notice>,
    pub(super) applied: AtomicU64,
    /// The number of sessions that armed tracking.
    pub(super) sessions: AtomicU64,
    pub(super) undecodable: Undecodables,
}

impl Board {
    pub(super) fn new(undecodable: Undecodables) -> Self {
        let notice = Notice { state: State::Connecting, fresh: None, error: None };
        Self {
            start: Instant::now(),
            fresh: AtomicU64::new(0),
            parts: Mutex::default(),
            notice: watch::Sender::new(notice),
            applied: AtomicU64::new(0),
            sessions: AtomicU64::new(0),
            undecodable,
        }
    }

    /// The time now.
    pub(super) fn now(&self) -> Time {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// How long ago the time was up to which every write is visible.
    pub(super) fn staleness(&self) -> Option<Duration> {
        let fresh = self.fresh.load(Ordering::Acquire).checked_sub(1)?;
        Some(Duration::from_nanos(self.now().saturating_sub(fresh)))
    }

    pub(super) fn state(&self) -> State {
        self.notice.borrow().state
    }

    pub(super) fn watch(&self) -> watch::Receiver<Notice> {
        self.notice.subscribe()
    }

    pub(super) fn progress(&self) -> Progress {
        let parts = self.lock();
        Progress {
            seen: parts.iter().map(|part| part.seen).sum(),
            applied: self.applied.load(Ordering::Relaxed),
            expected: parts.iter().map(|part| part.expected).sum(),
            waiting: parts.iter().map(|part| part.dirty).sum(),
        }
    }

    /// There are so many sessions from now on, of which none is connected.
    pub(super) fn begin(&self, sessions: usize) {
        let mut parts = self.lock();
        *parts =
            vec![Part { phase: Phase::Connecting, fresh: None, seen: 0, expected: 0, dirty: 0 }; sessions];
        self.tell(&parts, None);
    }

    /// A session says how far it is.
    pub(super) fn report(&self, session: usize, phase: Phase, fresh: Option<Time>, dirty: usize) {
        let mut parts = self.lock();
        let part = &mut parts[session];
        let before = (part.phase, part.fresh);
        part.phase = phase;
        part.dirty = dirty as u64;
        part.fresh = part.fresh.max(fresh);
        if before != (part.phase, part.fresh) {
            self.tell(&parts, None);
        }
    }

    /// A session begins to load a primary that has so many keys.
    pub(super) fn load(&self, session: usize, expected: u64) {
        let part = &mut self.lock()[session];
        (part.seen, part.expected) = (0, expected);
    }

    /// The scan of a session has seen more keys.
    pub(super) fn see(&self, session: usize, keys: usize) {
        self.lock()[session].seen += keys as u64;
    }

    /// A session ended, and will begin again.
    pub(super) fn lost(&self, session: usize, error: Error) {
        let mut parts = self.lock();
        if let Some(part) = parts.get_mut(session) {
            part.phase = Phase::Connecting;
        }
        self.tell(&parts, Some(error));
    }

    /// There will be no more sessions.
    pub(super) fn stop(&self) {
        self.notice.send_modify(|notice| notice.state = State::Stopped);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Part>> {
        self.parts.lock().expect("no holder of this lock panics")
    }

    fn tell(&self, parts: &[Part], error: Option<Error>) {
        let phase = parts.iter().map(|part| part.phase).min().unwrap_or(Phase::Connecting);
        // A session that has loaded nothing yet says nothing. What was visible before its epoch still is.
        let fresh = parts.iter().map(|part| part.fresh).min().flatten();
        self.notice.send_modify(|notice| {
            notice.fresh = notice.fresh.max(fresh);
            if let Some(fresh) = notice.fresh {
                self.fresh.store(fresh + 1, Ordering::Release);
            }
            notice.state = match (phase, notice.state) {
                (_, State::Stopped) => State::Stopped,
                (Phase::Ready, _) => State::Ready,
                (_, since @ State::Resyncing { .. }) => since,
                (_, State::Ready) => State::Resyncing { since: Instant::now() },
                (Phase::Loading, _) => State::Loading,
                (Phase::Connecting, State::Loading) => State::Loading,
                (Phase::Connecting, _) => State::Connecting,
            };
            match error {
                Some(error) => notice.error = Some(error),
                None if notice.state == State::Ready => notice.error = None,
                None => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(sessions: usize) -> Board {
        let board = Board::new(Undecodables::default());
        board.begin(sessions);
        board
    }

    #[test]
    fn a_mirror_is_as_far_as_its_last_session() {
        let board = board(2);
        board.report(0, Phase::Ready, Some(5), 0);
        assert_eq!((board.state(), board.staleness()), (State::Connecting, None));
        board.report(1, Phase::Loading, None, 0);
        assert_eq!(board.state(), State::Loading);
        board.report(1, Phase::Ready, Some(3), 0);
        assert_eq!(board.state(), State::Ready);
        assert_eq!(board.watch().borrow().fresh, Some(3));
        board.report(0, Phase::Ready, Some(9), 0);
        assert_eq!(board.watch().borrow().fresh, Some(3));
    }

    #[test]
    fn freshness_stands_still_while_a_session_is_away() {
        let board = board(2);
        board.report(0, Phase::Ready, Some(5), 0);
        board.report(1, Phase::Ready, Some(6), 0);
        board.lost(1, Error::Stopped);
        assert!(matches!(board.state(), State::Resyncing { .. }));
        board.report(0, Phase::Ready, Some(8), 0);
        assert_eq!(board.watch().borrow().fresh, Some(6));
        board.begin(3);
        board.report(0, Phase::Ready, Some(9), 0);
        assert_eq!(board.watch().borrow().fresh, Some(6));
        assert!(board.watch().borrow().error.is_some());
        board.report(1, Phase::Ready, Some(9), 0);
        board.report(2, Phase::Ready, Some(10), 0);
        assert_eq!((board.state(), board.watch().borrow().fresh), (State::Ready, Some(9)));
        assert!(board.watch().borrow().error.is_none());
    }
}

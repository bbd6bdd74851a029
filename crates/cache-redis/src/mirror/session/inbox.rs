//! What the reading task leaves for the session.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use crate::mirror::engine::Engine;
use crate::server::Pushes;

/// What the reading task leaves for the session.
pub(super) struct Inbox {
    engine: Mutex<Engine>,
    pub(super) wake: Notify,
    lost: AtomicBool,
}

impl Inbox {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine: Mutex::new(engine), wake: Notify::new(), lost: AtomicBool::new(false) }
    }

    /// Whether the connection was lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    pub(super) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().expect("no holder of this lock panics")
    }
}

impl Pushes for Inbox {
    fn push(&self, push: PushInfo) {
        match push.kind {
            PushKind::Disconnection => self.lost.store(true, Ordering::Release),
            PushKind::Invalidate => {
                let mut engine = self.engine();
                match push.data.into_iter().next() {
                    Some(Value::Array(keys)) => keys.iter().for_each(|key| match key {
                        Value::BulkString(key) => engine.push(key),
                        // Not a key: anything may have changed.
                        _ => engine.flush(),
                    }),
                    // Of all keys.
                    _ => engine.flush(),
                }
            }
            _ => return,
        }
        self.wake.notify_one();
    }
}

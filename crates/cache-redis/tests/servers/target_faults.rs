//! Targets that panic or hang.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_redis::{Error, Mirror, Reason, State, Target};
use redis_testkit::Redis;

use crate::common::{builder, until, within};

/// Panics when it is asked whether it is empty.
struct Panics;

impl Target for Panics {
    fn set(&self, _: &[u8], _: &[u8], _: Option<Duration>) -> Result<(), Reason> {
        Ok(())
    }
    fn remove(&self, _: &[u8]) {}
    fn retain(&self, _: &mut dyn FnMut(&[u8]) -> bool) {}
    fn is_empty(&self) -> bool {
        panic!("no answer")
    }
}

#[tokio::test]
async fn a_panic_outside_a_session_stops_the_mirror() {
    let redis = Redis::start();
    let says_why = |error: &Error| error.to_string().contains("no answer");
    let error = within(builder(&redis.url()).target(Arc::new(Panics)).start()).await.unwrap_err();
    assert!(says_why(&error), "{error:?}");
    let mirror = builder(&redis.url()).target(Arc::new(Panics)).spawn().unwrap();
    assert_eq!(within(mirror.ready()).await, Err(Error::Stopped));
    assert_eq!(mirror.state(), State::Stopped);
    assert!(mirror.last_error().as_ref().is_some_and(says_why), "{:?}", mirror.last_error());
    within(mirror.stop()).await;
}

/// Takes as long to store a value as the test likes.
#[derive(Default)]
struct Hangs {
    gate: Mutex<()>,
    is_storing: AtomicBool,
}

impl Target for Hangs {
    fn set(&self, _: &[u8], _: &[u8], _: Option<Duration>) -> Result<(), Reason> {
        self.is_storing.store(true, Ordering::Release);
        // Timers must go on meanwhile.
        tokio::task::block_in_place(|| drop(self.gate.lock().unwrap()));
        self.is_storing.store(false, Ordering::Release);
        Ok(())
    }
    fn remove(&self, _: &[u8]) {}
    fn retain(&self, _: &mut dyn FnMut(&[u8]) -> bool) {}
    fn is_empty(&self) -> bool {
        true
    }
}

/// Gives up waiting for the end of a mirror.
async fn give_up(mirror: &Mirror<Hangs>) -> bool {
    tokio::time::timeout(Duration::from_millis(50), mirror.stop()).await.is_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::await_holding_lock, reason = "the target is to hang meanwhile")]
async fn a_stop_that_was_given_up_can_be_waited_for_again() {
    let redis = Redis::start();
    redis.command(&["SET", "stock:1", "1"]);
    let target = Arc::new(Hangs::default());
    let gate = target.gate.lock().unwrap();
    let mirror = builder(&redis.url()).target(Arc::clone(&target)).start().await.unwrap();
    until("a value is being stored", || target.is_storing.load(Ordering::Acquire)).await;
    assert!(give_up(&mirror).await);
    assert!(give_up(&mirror).await, "it still writes to the cache");
    drop(gate);
    within(mirror.stop()).await;
    assert!(!target.is_storing.load(Ordering::Acquire));
    assert_eq!(mirror.state(), State::Stopped);
}

//! What the tests share: waiting, and an oracle that knows every write.
#![allow(dead_code, reason = "each test uses some of it")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

pub(crate) mod oracle;

use std::sync::Arc;

use cache_bucket::BucketIntCache;
use cache_redis::{Mirror, MirrorBuilder, Server};
use redis_testkit::{PATIENCE, Redis};

pub(crate) type Stock = Mirror<BucketIntCache>;

/// The prefix of the keys that are mirrored.
pub(crate) const PREFIX: &str = "stock:";

/// Fails if a future takes so long that it hangs.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it hangs")
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        panic!("{what}: not within {PATIENCE:?}");
    }
}

pub(crate) fn builder(url: &str) -> MirrorBuilder {
    Mirror::builder(&Server::standalone(url).unwrap(), PREFIX)
}

/// A mirror that is ready.
pub(crate) async fn mirror(redis: &Redis) -> Stock {
    ready(builder(&redis.url())).await
}

/// A mirror that is ready.
pub(crate) async fn ready(builder: MirrorBuilder) -> Stock {
    let mirror = builder.int(Arc::default()).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    mirror
}

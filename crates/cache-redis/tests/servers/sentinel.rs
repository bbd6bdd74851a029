//! A Sentinel group: the primary is found, and found again.

use std::sync::Arc;

use cache_bucket::BucketIntCache;
use cache_core::IntCache;
use cache_redis::{Error, Mirror, Server};
use redis_testkit::Sentinels;

use crate::common::{until, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_primary_is_found() {
    let group = Sentinels::start();
    let server = Server::sentinel(group.urls(), group.name()).unwrap();
    let commands = server.commands().await.unwrap();
    commands.query::<()>(redis::cmd("SET").arg("stock:1").arg(1)).await.unwrap();
    let mirror =
        Mirror::builder(&server, "stock:").int(Arc::<BucketIntCache>::default()).start().await.unwrap();
    within(mirror.ready()).await.unwrap();
    assert_eq!(mirror.cache().get("1"), Some(1));
    let old = group.primary().port();

    group.fail_over();
    assert_ne!(group.primary().port(), old);
    // The old primary is told last that it is none: what it takes until then is lost.
    let set = async {
        while group.primary().command(&["GET", "stock:1"]).int() != 2 {
            _ = commands.query::<()>(redis::cmd("SET").arg("stock:1").arg(2)).await;
        }
    };
    within(set).await;
    until("the new value is seen", || mirror.cache().get("1") == Some(2)).await;

    let error = Server::sentinel(group.urls(), "other").unwrap().commands().await.unwrap_err();
    assert!(matches!(error, Error::UnknownMaster { .. }), "{error:?}");
    assert!(error.to_string().contains("sentinel monitor"), "{error}");
}

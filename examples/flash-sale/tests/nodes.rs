//! Three nodes on one Redis, of which one is killed, and Redis too.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod support;

use hotcache_load::{Client, Sale, Service, Shape, Start, check, run};
use redis_testkit::{Fsync, Redis};
use support::{UNLIMITED, directory, program};

fn shape() -> Shape {
    Shape {
        users: 2_000,
        items: 3,
        stock: 200,
        limit: 2,
        rate: 500,
        duration: 6,
        hang_ups: 0.05,
        retries: 0.1,
        cancels: 0.2,
        connections: 30,
        patience: 60,
        quiet: true,
        ..Shape::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_die_oversell_nothing_and_lose_no_order() {
    let redis = Redis::builder().append_only(Fsync::Always).start();
    let data = directory("nodes");
    let mut flags: Vec<String> = UNLIMITED.iter().map(|&flag| flag.to_owned()).collect();
    flags.extend(["--redis".to_owned(), redis.url()]);
    let start = |node: u8| Start {
        program: program(),
        data: data.join(format!("node-{node}")),
        keys: Some(data.join("keys.toml")),
        flags: flags.clone(),
    };
    let mut nodes: Vec<_> = (0..3).map(|node| start(node).start().unwrap()).collect();
    for node in &nodes {
        node.ready().await.unwrap();
    }
    let (users, admin) = start(0).tokens(Sale::users(&shape())).unwrap();
    let addresses: Vec<_> = nodes.iter().map(Service::address).collect();
    let client = Client::new(&addresses, &users, &admin).unwrap();
    let faults = async {
        nodes[0].kill()?;
        tokio::task::block_in_place(|| {
            redis.kill_9();
            redis.restart();
        });
        Ok(())
    };
    let outcome = run(&client, &shape(), faults).await.unwrap();
    let problems = check::check(&client, &outcome).await.unwrap();
    assert_eq!(problems, Vec::<String>::new(), "{}", outcome.tally);
    assert_eq!(outcome.errors(), 0, "{}", outcome.tally);
    assert!((0..3).any(|item| outcome.seen.is_sold_out(item)), "nothing is sold out:\n{}", outcome.tally);
}

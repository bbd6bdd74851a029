//! Clients that hang up, retry and cancel, and a service that is stopped and killed meanwhile: every answer is in the books.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod support;

use hotcache_load::{Outcome, Shape, check, run};
use support::{Shop, UNLIMITED};

fn shape() -> Shape {
    Shape {
        users: 2_000,
        items: 10,
        stock: 100,
        limit: 2,
        rate: 4_000,
        duration: 5,
        hang_ups: 0.05,
        retries: 0.1,
        cancels: 0.2,
        connections: 64,
        patience: 60,
        quiet: true,
        ..Shape::default()
    }
}

/// What was told to clients, by the names of the counts, and nothing wrong.
async fn checked(shop: &Shop, outcome: &Outcome) {
    let client = shop.service.client(outcome.sale.shape()).unwrap();
    let problems = check::check(&client, outcome).await.unwrap();
    assert_eq!(problems, Vec::<String>::new(), "{}", outcome.tally);
    assert_eq!(outcome.errors(), 0, "{}", outcome.tally);
    for reason in ["blocked", "unknown_item", "not_started", "limit_reached", "sold_out"] {
        assert!(outcome.tally.refused(reason) > 0, "nobody was refused as {reason}:\n{}", outcome.tally);
    }
    assert!((0..10).all(|item| outcome.seen.is_sold_out(item)), "not all is sold out:\n{}", outcome.tally);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_purchases_sell_exactly_what_there_is() {
    let shop = Shop::open("exact", UNLIMITED).await;
    let client = shop.service.client(&shape()).unwrap();
    let outcome = run(&client, &shape(), async { Ok(()) }).await.unwrap();
    checked(&shop, &outcome).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_under_load_loses_no_order() {
    let mut shop = Shop::open("kill", UNLIMITED).await;
    // So that the stock is not gone when the service is killed.
    let shape = Shape { duration: 2, stock: 300, users: 4_000, ..shape() };
    let client = shop.service.client(&shape).unwrap();
    let service = &mut shop.service;
    let kill = async move {
        service.kill()?;
        service.restart()?;
        service.ready().await
    };
    let outcome = run(&client, &shape, kill).await.unwrap();
    let problems = check::check(&client, &outcome).await.unwrap();
    assert_eq!(problems, Vec::<String>::new(), "{}", outcome.tally);
    assert_eq!(outcome.errors(), 0, "{}", outcome.tally);
    shop.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_term_under_load_loses_no_order() {
    let mut shop = Shop::open("term", UNLIMITED).await;
    let shape = Shape { duration: 2, stock: 300, users: 4_000, ..shape() };
    let client = shop.service.client(&shape).unwrap();
    let term = async {
        shop.terminate();
        assert!(shop.service.wait()?, "it ends well");
        shop.service.restart()?;
        shop.service.ready().await
    };
    let outcome = run(&client, &shape, term).await.unwrap();
    let problems = check::check(&client, &outcome).await.unwrap();
    assert_eq!(problems, Vec::<String>::new(), "{}", outcome.tally);
    assert_eq!(outcome.errors(), 0, "{}", outcome.tally);
    shop.books_are_right().await;
}

//! What a shop does, asked over HTTP.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod support;

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};
use support::{Shop, UNLIMITED, directory, until};

#[tokio::test]
async fn a_sale_from_the_first_purchase_to_the_end_of_the_event() {
    let shop = Shop::open("sale", UNLIMITED).await;
    shop.sell("tea", 2, 1).await;
    let [ann, bob, cid, dan] = ["ann", "bob", "cid", "dan"].map(|user| shop.token(user));

    let (status, bought) = shop.buy(&ann, "tea", 1, "a").await;
    assert_eq!((status, &bought["state"]), (202, &json!("accepted")), "{bought}");
    let order = bought["order"].as_str().unwrap().to_owned();
    let path = format!("/orders/{order}");
    let (status, said) = shop.ask("GET", &path, &ann, &Value::Null).await;
    let expected = json!({ "order": order, "item": "tea", "quantity": 1, "state": "accepted" });
    assert_eq!((status, said), (200, expected));
    assert_eq!(shop.ask("GET", &path, &bob, &Value::Null).await.0, 404, "it is not his");

    // Again with the same id: the same order. With another one: over the limit.
    assert_eq!(shop.buy(&ann, "tea", 1, "a").await, (202, bought.clone()));
    assert_eq!(shop.buy(&ann, "tea", 2, "a").await.1["error"], "malformed");
    let (status, said) = shop.buy(&ann, "tea", 1, "b").await;
    assert_eq!((status, &said["error"], &said["left"]), (409, &json!("limit_reached"), &json!(0)), "{said}");

    assert_eq!(shop.buy(&bob, "tea", 1, "a").await.0, 202);
    let (status, said) = shop.buy(&cid, "tea", 1, "a").await;
    assert_eq!((status, &said["error"], &said["left"]), (409, &json!("sold_out"), &json!(0)), "{said}");

    // What is cancelled can be bought, by others and by who had it.
    let cancel = json!({ "order": order });
    assert_eq!(shop.ask("POST", "/cancel", &bob, &cancel).await.0, 404, "it is not his");
    for _ in 0..2 {
        let (status, said) = shop.ask("POST", "/cancel", &ann, &cancel).await;
        assert_eq!((status, &said["state"]), (200, &json!("cancelled")), "{said}");
    }
    assert_eq!(shop.ask("GET", &path, &ann, &Value::Null).await.1["state"], "cancelled");
    assert_eq!(shop.buy(&cid, "tea", 1, "b").await.0, 202);
    assert_eq!(shop.buy(&ann, "tea", 1, "c").await.1["error"], "sold_out");

    // A restock that is sent twice adds once.
    for _ in 0..2 {
        let restock = json!({ "item": "tea", "units": 1, "request_id": "truck-1" });
        assert_eq!(
            shop.admin("POST", "/admin/restock", restock).await,
            (200, json!({ "item": "tea", "left": 1 }))
        );
    }
    assert_eq!(shop.buy(&dan, "tea", 1, "a").await.0, 202);
    assert_eq!(shop.buy(&ann, "tea", 1, "d").await.1["error"], "sold_out");
    let books = shop.books_are_right().await;
    assert_eq!((&books["items"][0]["left"], &books["items"][0]["sold"]), (&json!(0), &json!(3)), "{books}");

    assert_eq!(shop.admin("POST", "/admin/events/sale/end", json!({})).await.0, 200);
    assert_eq!(shop.buy(&ann, "tea", 1, "e").await.1["error"], "unknown_item");
    assert_eq!(shop.ask("GET", &path, &ann, &Value::Null).await.0, 200, "orders stay");
    shop.books_are_right().await;
}

#[tokio::test]
async fn each_refusal_says_why_and_when_to_come_back() {
    let shop = Shop::open("refusals", &["--user-rate", "1", "--address-rate", "0", "--no-console"]).await;
    shop.sell("tea", 100, 100).await;
    let far = 4_000_000_000_000_u64;
    for (event, starts, ends) in [("later", far, far + 1), ("before", 0, 1)] {
        let event = json!({ "id": event, "starts": starts, "ends": ends, "early": 0 });
        assert_eq!(shop.admin("POST", "/admin/events", event).await.0, 201);
    }
    for (item, event) in [("soon", "later"), ("gone", "before")] {
        let item = json!({ "id": item, "event": event, "stock": 10 });
        assert_eq!(shop.admin("POST", "/admin/items", item).await.0, 201);
    }
    let lists = json!({ "block": ["bot"], "allow_early": ["vip"] });
    assert_eq!(shop.admin("POST", "/admin/lists", lists).await, (200, json!({ "blocked": 1, "early": 1 })));
    let [ann, bot, vip] = ["ann", "bot", "vip"].map(|user| shop.token(user));

    assert_eq!(shop.buy(&bot, "tea", 1, "a").await.1["error"], "blocked");
    assert_eq!(shop.buy(&vip, "soon", 1, "a").await.0, 202, "early access");
    let (status, said) = shop.buy(&ann, "soon", 1, "a").await;
    assert_eq!((status, &said["error"]), (425, &json!("not_started")));
    assert!(said["starts_in_ms"].as_u64().unwrap() > 1_000_000_000, "{said}");
    assert_eq!(shop.buy(&ann, "gone", 1, "b").await.0, 410);
    assert_eq!(shop.buy(&ann, "nothing", 1, "c").await.0, 404);
    assert_eq!(shop.buy(&ann, "tea", 0, "d").await.0, 422);
    assert_eq!(shop.buy("forged.token.x", "tea", 1, "e").await.0, 401);
    // Ten at once, and then one a second.
    let mut answers = Vec::new();
    for number in 0..12 {
        answers.push(shop.buy(&ann, "tea", 1, &format!("f{number}")).await);
    }
    let (status, said) = answers.pop().unwrap();
    assert_eq!((status, &said["error"]), (429, &json!("too_fast")), "{said}");
    assert!((1..=1_000).contains(&said["retry_after_ms"].as_u64().unwrap()), "{said}");
    // A user is no administrator, and the other way round.
    assert_eq!(shop.ask("GET", "/admin/stats", &ann, &Value::Null).await.0, 401);
    assert_eq!(shop.buy(shop.admin_token(), "tea", 1, "g").await.0, 401);

    let stats = shop.admin("GET", "/admin/stats", Value::Null).await.1;
    for reason in ["blocked", "not_started", "ended", "unknown_item", "too_fast"] {
        assert!(stats["refused"][reason].as_u64().unwrap() >= 1, "{reason}: {stats}");
    }
    let page = String::from_utf8(shop.reply("GET", "/metrics", "", &Value::Null).await.body).unwrap();
    assert!(page.contains("flash_sale_buy_seconds_count"), "{page}");
    assert!(page.lines().any(|line| line.contains("blocked") && line.ends_with(" 1")), "{page}");
}

#[tokio::test]
async fn lists_are_read_again_when_they_change() {
    let data = directory("lists");
    let config = data.join("sale.toml");
    fs::write(data.join("blocked.txt"), "bot # the first\n").unwrap();
    fs::write(&config, "data = '.'\n[limits]\nuser_rate = 0\n[lists]\nblocked = 'blocked.txt'\n").unwrap();
    let shop = Shop::open_in(data.clone(), &["--config", config.to_str().unwrap()]).await;
    shop.sell("tea", 100, 100).await;
    let [ann, bot] = ["ann", "bot"].map(|user| shop.token(user));
    assert_eq!(shop.buy(&bot, "tea", 1, "a").await.0, 403);
    assert_eq!(shop.buy(&ann, "tea", 1, "a").await.0, 202);
    fs::write(data.join("blocked.txt"), "ann\n").unwrap();
    shop.signal(Signal::HUP);
    until("ann is blocked", async || shop.buy(&ann, "tea", 1, "b").await.0 == 403).await;
    assert_eq!(shop.buy(&bot, "tea", 1, "b").await.0, 202);
    // A list with a mistake changes nothing.
    fs::write(data.join("blocked.txt"), "not a name\n").unwrap();
    shop.signal(Signal::HUP);
    fs::write(data.join("blocked.txt"), "bot\nann\n").unwrap();
    until("both are blocked", async || shop.buy(&bot, "tea", 1, "c").await.0 == 403).await;
    assert_eq!(shop.buy(&ann, "tea", 1, "c").await.0, 403);
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let mut shop = Shop::open("restart", UNLIMITED).await;
    shop.sell("tea", 3, 2).await;
    let ann = shop.token("ann");
    let (_, first) = shop.buy(&ann, "tea", 1, "a").await;
    let (_, second) = shop.buy(&ann, "tea", 1, "b").await;
    let cancel = json!({ "order": second["order"] });
    assert_eq!(shop.ask("POST", "/cancel", &ann, &cancel).await.0, 200);
    assert_eq!(shop.admin("POST", "/admin/restock", json!({ "item": "tea", "units": 4 })).await.1["left"], 6);
    assert_eq!(shop.admin("POST", "/admin/lists", json!({ "block": ["bot"] })).await.0, 200);
    shop.terminate();
    assert!(shop.service.wait().unwrap(), "it ends well");
    shop.service.restart().unwrap();
    shop.service.ready().await.unwrap();

    assert_eq!(shop.buy(&ann, "tea", 1, "a").await, (202, first), "the same request has the same order");
    assert_eq!(shop.buy(&ann, "tea", 2, "c").await.1["error"], "limit_reached");
    assert_eq!(shop.buy(&shop.token("bot"), "tea", 1, "a").await.0, 403);
    let books = shop.books_are_right().await;
    assert_eq!((&books["items"][0]["left"], &books["items"][0]["sold"]), (&json!(6), &json!(1)), "{books}");
}

#[tokio::test]
async fn administrators_make_mistakes_too() {
    let shop = Shop::open("mistakes", UNLIMITED).await;
    shop.sell("tea", 1, 1).await;
    for (path, body, status) in [
        ("/admin/items", json!({ "id": "tea", "event": "sale", "stock": 1 }), 409),
        ("/admin/items", json!({ "id": "new", "event": "none", "stock": 1 }), 404),
        ("/admin/items", json!({ "id": "new", "event": "sale", "stock": -1 }), 422),
        ("/admin/items", json!({ "id": "n w", "event": "sale", "stock": 1 }), 422),
        ("/admin/items", json!({ "id": "new", "event": "sale", "stock": 1, "price": 1 }), 422),
        ("/admin/events", json!({ "id": "e", "starts": 2, "ends": 1 }), 422),
        ("/admin/events", json!({ "id": "e", "starts": "soon", "ends": 1 }), 422),
        ("/admin/events/none/end", json!({}), 404),
        ("/admin/restock", json!({ "item": "none", "units": 1 }), 404),
        ("/admin/restock", json!({ "item": "tea", "units": 1_000_000_001 }), 422),
        ("/admin/lists", json!({ "blocked": ["ann"] }), 422),
        ("/admin/lists", json!({ "block": ["<script>"] }), 422),
    ] {
        let (found, said) = shop.admin("POST", path, body.clone()).await;
        assert_eq!(found, status, "{path} {body}: {said}");
        assert!(said["message"].as_str().is_some_and(|message| !message.is_empty()), "{said}");
    }
}

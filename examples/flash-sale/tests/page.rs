//! The admin page in a real browser.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

mod support;

use std::process::{Command, Output};

use serde_json::json;
use support::{Shop, UNLIMITED, directory};

/// Runs headless Chromium on the page, with a profile of its own.
fn chromium(shop: &Shop, hash: &str, args: &[&str]) -> Output {
    let profile = directory(&format!("profile-{}", shop.service.id()));
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
        // The page is drawn when this time is over, as far as its timers see it.
        .args(["--virtual-time-budget=4000", "--enable-logging=stderr"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(args)
        .arg(format!("http://{}/admin{hash}", shop.service.address()))
        .output();
    output.expect("chromium is installed: `cargo xtask test --install` does it")
}

fn dom(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<_> = log.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(complaints.is_empty(), "the console says: {complaints:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The text of the first element with this attribute.
fn has(dom: &str, part: &str) {
    assert!(dom.contains(part), "{part:?} is not in the page:\n{dom}");
}

#[tokio::test]
async fn the_page_shows_the_sale() {
    let shop = Shop::open("page", UNLIMITED).await;
    shop.sell("tea", 4, 2).await;
    // What an administrator wrote is text, whatever it looks like.
    let item = json!({ "id": "evil", "event": "sale", "title": "<img src=x onerror=alert(1)>", "stock": 7 });
    assert_eq!(shop.admin("POST", "/admin/items", item).await.0, 201);
    let ann = shop.token("ann");
    for number in 0..3 {
        shop.buy(&ann, "tea", 1, &format!("{number}")).await;
    }
    shop.buy(&ann, "nothing", 1, "n").await;
    let hash = format!("#{}", shop.admin_token());
    let dom = dom(&chromium(&shop, &hash, &["--dump-dom"]));
    has(&dom, "data-errors=\"0\"");
    has(&dom, "data-item=\"tea\" data-left=\"2\"");
    has(&dom, "2 of 4");
    has(&dom, "<span id=\"ready\" class=\"state good\">ready</span>");
    for reason in ["limit reached", "unknown item"] {
        has(&dom, reason);
    }
    has(&dom, "&lt;img src=x onerror=alert(1)&gt;");
    has(&dom, "purchases/s");
    assert!(!dom.contains(shop.admin_token()), "the token is not left in the page");
}

#[tokio::test]
async fn without_a_token_the_page_is_locked() {
    let shop = Shop::open("locked", UNLIMITED).await;
    shop.sell("tea", 4, 2).await;
    let dom = dom(&chromium(&shop, "", &["--dump-dom"]));
    has(&dom, ">locked</span>");
    has(&dom, "<form id=\"login\">");
    assert!(!dom.contains("data-item"), "{dom}");
}

/// The page is as wide as a phone, and nothing of it is wider.
#[tokio::test]
async fn a_phone_shows_all_of_it() {
    let shop = Shop::open("phone", UNLIMITED).await;
    shop.sell("tea", 4, 2).await;
    let hash = format!("#{}", shop.admin_token());
    let dom = dom(&chromium(&shop, &hash, &["--window-size=360,740", "--dump-dom"]));
    has(&dom, "data-fits=\"true\"");
}

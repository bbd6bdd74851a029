//! A consumer whose own feature flag selects the backend, by one alias.
//!
//! `cargo run -p pick-a-backend --no-default-features --features papaya`
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hotcache::prelude::*;

// Features only ever add up, so several may be on; the first in this list is taken.
cfg_select! {
    feature = "papaya" => { use hotcache::papaya as backend; }
    feature = "bucket" => { use hotcache::bucket as backend; }
    feature = "scc" => { use hotcache::scc as backend; }
    feature = "dashmap" => { use hotcache::dashmap as backend; }
    feature = "flurry" => { use hotcache::flurry as backend; }
    feature = "rwlock" => { use hotcache::rwlock as backend; }
    _ => { compile_error!("choose a backend by feature: rwlock, dashmap, flurry, scc, papaya or bucket"); }
}

struct Event {
    title: String,
    stock: i64,
}

/// What the sale keeps in memory. Nothing below this line knows which backend it is.
struct Sale {
    events: backend::ObjCache<Event>,
    stock: backend::IntCache,
    bought: backend::IntCache<u64>,
}

const LIMIT_PER_USER: i64 = 1;

impl Sale {
    fn buy(&self, item: &str, user: u64) -> bool {
        if self.bought.try_add_or_insert(&user, 1, 0..=LIMIT_PER_USER).is_err() {
            return false;
        }
        let sold = self.stock.try_add(item, -1, 0..).is_ok();
        if !sold && self.bought.add(&user, -1) == 0 {
            // A key stays until it is removed, and a sale has far more losers than winners. If the user buys meanwhile, the
            // closure sees that.
            self.bought.del_if(&user, |bought| bought == 0);
        }
        sold
    }
}

fn main() {
    let sale = Sale {
        events: backend::ObjCache::new(),
        stock: backend::IntCache::new(),
        bought: backend::IntCache::new(),
    };
    let event =
        sale.events.get_or_insert_with("event:1", || Event { title: "Flash sale".to_owned(), stock: 100 });
    sale.stock.set("event:1", event.stock);

    let sold = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (sale, sold) = (&sale, &sold);
            scope.spawn(move || {
                for user in 0..1_000 {
                    // Every user is tried by two threads at once.
                    if sale.buy("event:1", user + 1_000 * (thread / 2)) {
                        sold.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });

    let sold = sold.into_inner();
    let name = <backend::Backend as hotcache::Backend>::NAME;
    println!("{name}: {sold} of {} sold, {:?}", event.stock, event.title);
    assert_eq!(sold, 100, "every piece is sold, and none twice");
    assert_eq!(sale.stock.get("event:1"), Some(0));
    assert_eq!(sale.bought.len(), sold, "only buyers are left");
}

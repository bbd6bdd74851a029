//! The scripts of leases against a model that runs in one thread: random calls, repeated calls, old and new numbers, reaps.
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::thread;
use std::time::Duration;

use redis_testkit::{Connection, Redis, Reply};

const CALLS: usize = 10_000;
const KEEP: &str = "86400000";
/// Two ttls: one that has surely passed after `PAST_SHORT`, and one that never passes here.
const SHORT: u64 = 1;
const LONG: u64 = 3_600_000;
const PAST_SHORT: Duration = Duration::from_millis(3);

macro_rules! script {
    ($file:literal) => {
        concat!(
            include_str!("../../src/lease/scripts/prelude.lua"),
            include_str!(concat!("../../src/lease/scripts/", $file))
        )
    };
}

/// A connection that runs scripts by name.
struct Scripts {
    connection: Connection,
    hashes: HashMap<&'static str, String>,
}

impl Scripts {
    fn new(redis: &Redis) -> Self {
        let mut connection = redis.connect();
        let codes = [
            ("acquire", script!("acquire.lua")),
            ("renew", script!("renew.lua")),
            ("commit", script!("commit.lua")),
            ("close", script!("close.lua")),
            ("overdue", script!("overdue.lua")),
            ("reap", script!("reap.lua")),
            ("create", script!("create.lua")),
            ("restock", script!("restock.lua")),
            ("cancel", script!("cancel.lua")),
            ("inspect", script!("inspect.lua")),
        ];
        let mut load = |code| connection.command(&["SCRIPT", "LOAD", code]).unwrap().text().to_owned();
        let hashes = codes.into_iter().map(|(name, code)| (name, load(code))).collect();
        Self { connection, hashes }
    }

    fn run(&mut self, name: &str, keys: &[String], args: &[String]) -> Reply {
        let count = keys.len().to_string();
        let mut command = vec!["EVALSHA", &self.hashes[name], &count];
        command.extend(keys.iter().chain(args).map(|text| &**text));
        let reply = self.connection.command(&command).unwrap();
        assert!(!reply.is_error(), "{name} {args:?}: {reply:?}");
        reply
    }

    /// Runs a script and shows its answer as words.
    fn ask(&mut self, name: &str, keys: &[&str], args: &[&str]) -> Vec<String> {
        let keys: Vec<String> = keys.iter().map(|key| at(key)).collect();
        words(&self.run(name, &keys, &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()))
    }

    fn acquire(&mut self, id: &str, request: u64, want: i64, div: i64, ttl: u64) -> Vec<String> {
        let args = [id, &request.to_string(), &want.to_string(), &div.to_string(), &ttl.to_string()];
        self.ask("acquire", &["pool", &format!("lease:{id}"), "leases"], &args)
    }

    fn commit(&mut self, id: &str, seq: u64, ttl: u64, batch: &[Sale]) -> Vec<String> {
        let (seq, ttl, count) = (seq.to_string(), ttl.to_string(), batch.len().to_string());
        let units = batch.iter().map(|sale| sale.units).sum::<i64>().to_string();
        let lines: String =
            batch.iter().map(|sale| format!("{}\t{}\t{}\n", sale.units, sale.user, sale.order)).collect();
        let args = [id, &seq, &ttl, &count, &units, &lines];
        let lease = format!("lease:{id}");
        self.ask("commit", &[&lease, "leases", "sold", "orders", "users", "limit"], &args)
    }

    fn renew(&mut self, id: &str, ttl: u64) -> Vec<String> {
        self.ask("renew", &[&format!("lease:{id}"), "leases"], &[id, &ttl.to_string()])
    }

    fn close(&mut self, id: &str) -> Vec<String> {
        self.ask("close", &["pool", &format!("lease:{id}"), "leases"], &[id, KEEP])
    }

    fn overdue(&mut self, grace: u64) -> HashSet<String> {
        self.ask("overdue", &["leases"], &[&grace.to_string(), "100"]).into_iter().collect()
    }

    fn reap(&mut self, grace: u64, ids: &[String]) -> Vec<String> {
        let leases: Vec<String> = ids.iter().map(|id| format!("lease:{id}")).collect();
        let grace = grace.to_string();
        let mut keys = vec!["pool", "leases"];
        keys.extend(leases.iter().map(|key| &**key));
        let mut args = vec![&*grace, KEEP];
        args.extend(ids.iter().map(|id| &**id));
        self.ask("reap", &keys, &args)
    }

    fn create(&mut self, units: i64, limit: i64) -> Vec<String> {
        self.ask("create", &["pool", "sold", "total", "limit"], &[&units.to_string(), &limit.to_string()])
    }

    fn restock(&mut self, name: &str, units: i64) -> Vec<String> {
        self.ask("restock", &["pool", "total", "restocks"], &[name, &units.to_string(), "1000000"])
    }

    fn cancel(&mut self, entry: &str, order: &str) -> Vec<String> {
        self.ask("cancel", &["pool", "sold", "orders", "users", "cancelled"], &[entry, order])
    }
}

fn at(name: &str) -> String {
    format!("t:{{s}}:{name}")
}

fn words(reply: &Reply) -> Vec<String> {
    match reply {
        Reply::Array(replies) => replies.iter().flat_map(words).collect(),
        Reply::Int(number) => vec![number.to_string()],
        Reply::Nil => vec!["nil".to_owned()],
        other => vec![other.text().to_owned()],
    }
}

#[derive(Clone, Debug)]
struct Sale {
    order: String,
    user: String,
    units: i64,
}

#[derive(Clone, Debug, Default)]
struct LeaseModel {
    live: bool,
    granted: i64,
    committed: i64,
    request: u64,
    seq: u64,
    outcome: String,
    entry: String,
    ttl: u64,
}

/// What the scripts are to do, in one thread and without a clock.
#[derive(Debug, Default)]
struct Model {
    total: i64,
    pool: i64,
    sold: i64,
    limit: i64,
    users: HashMap<String, i64>,
    leases: BTreeMap<String, LeaseModel>,
    restocks: HashSet<String>,
    /// Orders by entry and name, with whether they were counted, and cancelled.
    orders: Vec<(String, Sale, bool, bool)>,
}

fn text(parts: &[&dyn ToString]) -> Vec<String> {
    parts.iter().map(|part| part.to_string()).collect()
}

impl Model {
    fn acquire(&mut self, id: &str, request: u64, want: i64, div: i64, ttl: u64) -> Vec<String> {
        let known = self.leases.contains_key(id);
        let lease = self.leases.entry(id.to_owned()).or_default();
        if lease.live && request <= lease.request {
            lease.ttl = ttl;
            return text(&[&"HELD", &lease.granted, &lease.committed]);
        }
        if !lease.live && (known || request != 1) {
            if !known {
                self.leases.remove(id);
            }
            return text(&[&"FENCED"]);
        }
        let grant = want.min((self.pool / div).max(1)).min(self.pool);
        if grant == 0 {
            let answer = text(&[&"SOLDOUT", &lease.granted, &lease.committed]);
            lease.ttl = ttl;
            if !known {
                self.leases.remove(id);
            }
            return answer;
        }
        self.pool -= grant;
        lease.live = true;
        lease.granted += grant;
        lease.request = request;
        lease.ttl = ttl;
        text(&[&"GRANTED", &lease.granted, &lease.committed])
    }

    fn commit(&mut self, id: &str, seq: u64, ttl: u64, batch: &[Sale], entry: &str) -> Vec<String> {
        let Some(lease) = self.leases.get_mut(id) else { return text(&[&"FENCED", &-1]) };
        if seq <= lease.seq {
            lease.ttl = ttl;
            return match seq == lease.seq {
                true if seq > 0 => {
                    text(&[&if lease.live { "DUP" } else { "LAST" }, &lease.outcome, &lease.entry])
                }
                true => unreachable!("no call has the number 0"),
                false => text(&[&"OLD", &lease.seq]),
            };
        }
        if !lease.live {
            return text(&[&"FENCED", &lease.seq]);
        }
        if seq != lease.seq + 1 {
            return text(&[&"GAP", &lease.seq]);
        }
        let mut users = self.users.clone();
        let (mut outcome, mut sold) = (String::new(), Vec::new());
        for sale in batch {
            if self.limit > 0 && !sale.user.is_empty() {
                let count = users.entry(sale.user.clone()).or_default();
                if *count + sale.units > self.limit {
                    outcome.push('-');
                    continue;
                }
                *count += sale.units;
            }
            outcome.push('+');
            sold.push(sale.clone());
        }
        let units: i64 = sold.iter().map(|sale| sale.units).sum();
        if lease.committed + units > lease.granted {
            return text(&[&"OVER", &lease.granted, &lease.committed]);
        }
        self.users = users;
        self.sold += units;
        lease.committed += units;
        lease.seq = seq;
        lease.ttl = ttl;
        lease.outcome = outcome;
        lease.entry = if sold.is_empty() { String::new() } else { entry.to_owned() };
        let answer = text(&[&"DONE", &lease.outcome, &lease.entry]);
        let counted = self.limit > 0;
        self.orders.extend(sold.into_iter().map(|sale| (entry.to_owned(), sale, counted, false)));
        answer
    }

    fn end(&mut self, id: &str) -> Option<i64> {
        let lease = self.leases.get_mut(id).filter(|lease| lease.live)?;
        lease.live = false;
        let back = lease.granted - lease.committed;
        self.pool += back;
        Some(back)
    }

    fn restock(&mut self, name: &str, units: i64) -> Vec<String> {
        if self.restocks.contains(name) {
            return text(&[&"DUP", &self.total]);
        }
        if self.pool + units < 0 {
            return text(&[&"SHORT", &self.pool]);
        }
        self.restocks.insert(name.to_owned());
        self.pool += units;
        self.total += units;
        text(&[&"DONE", &self.total])
    }

    fn cancel(&mut self, at: usize) -> Vec<String> {
        let (_, sale, counted, cancelled) = &mut self.orders[at];
        if *cancelled {
            return text(&[&"DUP", &sale.units]);
        }
        *cancelled = true;
        self.pool += sale.units;
        self.sold -= sale.units;
        if let Some(count) = self.users.get_mut(&sale.user).filter(|_| *counted) {
            *count = (*count - sale.units).max(0);
        }
        text(&[&"DONE", &sale.units])
    }

    /// Compares everything, and checks the invariant.
    fn check(&self, scripts: &mut Scripts) {
        let live: Vec<_> = self.leases.iter().filter(|(_, lease)| lease.live).collect();
        let mut keys: Vec<String> = ["pool", "sold", "total", "limit", "leases"].map(at).to_vec();
        keys.extend(live.iter().map(|(id, _)| at(&format!("lease:{id}"))));
        let ids: Vec<String> = live.iter().map(|(id, _)| (*id).clone()).collect();
        let seen = words(&scripts.run("inspect", &keys, &ids));
        assert_eq!(
            seen[..5],
            text(&[&"STOCK", &self.total, &self.pool, &self.sold, &self.limit]),
            "{self:#?}"
        );
        let mut leased = 0;
        for ((id, lease), seen) in live.iter().zip(seen[6..].chunks(4)) {
            assert_eq!(seen[..3], text(&[&lease.granted, &lease.committed, &lease.seq]), "{id}: {lease:?}");
            assert!(0 <= lease.committed && lease.committed <= lease.granted);
            leased += lease.granted - lease.committed;
        }
        assert_eq!(self.pool + leased + self.sold, self.total);
        assert!(self.pool >= 0 && self.sold >= 0);
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// What one random call did, for the report of how often each answer came.
fn step(model: &mut Model, scripts: &mut Scripts, random: &mut Random, made: &mut u64) -> String {
    // Of the last few leases, and now and then one that has ended long ago.
    let recent = if random.percent(90) { 4 } else { *made };
    let id = format!("l{}", *made - random.below(recent.min(*made) as usize + 1) as u64);
    let ttl = if random.percent(30) { SHORT } else { LONG };
    let known = model.leases.get(&id).cloned().unwrap_or_default();
    let (answer, expected) = match random.below(100) {
        0..25 => {
            if random.percent(60) {
                *made += 1;
                // Few live leases, as each call is followed by a look at all of them.
                let old = format!("l{}", made.saturating_sub(8));
                assert_eq!(
                    scripts.close(&old)[0],
                    if model.end(&old).is_some() { "CLOSED" } else { "ENDED" }
                );
            }
            // Mostly the next request; also the last one again, an old one, and one too far.
            let request = match random.below(10) {
                0..7 => known.request + 1,
                7 => known.request.max(1),
                8 => known.request.saturating_sub(1).max(1),
                _ => known.request + 2,
            };
            let (want, div) = (1 + random.below(60) as i64, 1 + random.below(8) as i64);
            let answer = scripts.acquire(&id, request, want, div, ttl);
            (answer, model.acquire(&id, request, want, div, ttl))
        }
        25..65 => {
            let seq = match random.below(10) {
                0..6 => known.seq + 1,
                6..8 => known.seq.max(1),
                8 => known.seq.saturating_sub(1).max(1),
                _ => known.seq + 2,
            };
            let sale = |at: usize, random: &mut Random| Sale {
                order: format!("{id}/{seq}/{at}"),
                user: if random.percent(20) { String::new() } else { format!("u{}", random.below(40)) },
                units: 1 + random.below(3) as i64,
            };
            let batch: Vec<Sale> = (0..=random.below(5)).map(|at| sale(at, random)).collect();
            let answer = scripts.commit(&id, seq, ttl, &batch);
            let entry = answer.get(2).cloned().unwrap_or_default();
            let expected = model.commit(&id, seq, ttl, &batch, &entry);
            (answer, expected)
        }
        65..72 => {
            let expected = match model.leases.get_mut(&id).filter(|lease| lease.live) {
                Some(lease) => {
                    lease.ttl = ttl;
                    text(&[&"RENEWED"])
                }
                None => text(&[&"FENCED"]),
            };
            (scripts.renew(&id, ttl), expected)
        }
        72..77 => {
            let expected = match model.end(&id) {
                Some(back) => text(&[&"CLOSED", &back]),
                None => text(&[&"ENDED"]),
            };
            (scripts.close(&id), expected)
        }
        77..85 => {
            thread::sleep(PAST_SHORT);
            let is_overdue = |lease: &LeaseModel| lease.live && lease.ttl == SHORT;
            let due: HashSet<_> = model
                .leases
                .iter()
                .filter(|(_, lease)| is_overdue(lease))
                .map(|(id, _)| id.clone())
                .collect();
            assert_eq!(scripts.overdue(0), due);
            // Within the grace nothing is.
            assert_eq!(scripts.overdue(LONG), HashSet::new());
            // One that is not overdue is asked for too, and must live on.
            let mut ids: Vec<_> = due.iter().cloned().collect();
            ids.push(id.clone());
            ids.dedup();
            let answer = scripts.reap(0, &ids);
            let back: i64 = due.iter().filter_map(|id| model.end(id)).sum();
            (answer, text(&[&due.len(), &back]))
        }
        85..88 => {
            let name = format!("r{}", random.below(300));
            let units = random.below(100) as i64 - 50;
            (scripts.restock(&name, units), model.restock(&name, units))
        }
        88..90 => {
            model.limit = [0, 4, 20][random.below(3)];
            scripts.connection.command(&["SET", &at("limit"), &model.limit.to_string()]).unwrap();
            return "LIMIT".to_owned();
        }
        90..92 => (scripts.create(7, 7), text(&[&"PRESENT", &model.total, &model.limit])),
        92..93 => (scripts.cancel("1-1", "nothing"), text(&[&"UNKNOWN"])),
        _ if model.orders.is_empty() => return "NOTHING".to_owned(),
        _ => {
            let order = random.below(model.orders.len());
            let (entry, sale, ..) = model.orders[order].clone();
            (scripts.cancel(&entry, &sale.order), model.cancel(order))
        }
    };
    assert_eq!(answer, expected, "lease {id}, which was {known:?}");
    answer[0].clone()
}

#[test]
fn scripts_do_what_a_model_does() {
    let seed = std::env::var("HOTCACHE_TEST_SEED").map_or(1, |seed| seed.parse().unwrap());
    println!("HOTCACHE_TEST_SEED={seed}");
    let redis = Redis::start();
    let (mut scripts, mut random) = (Scripts::new(&redis), Random(seed));
    let mut model = Model { total: 500, pool: 500, limit: 4, ..Model::default() };
    assert_eq!(scripts.create(500, 4), ["CREATED"]);
    let mut answers = BTreeMap::new();
    let mut made = 0;
    for call in 0..CALLS {
        let answer = step(&mut model, &mut scripts, &mut random, &mut made);
        *answers.entry(answer).or_insert(0) += 1;
        model.check(&mut scripts);
        if call % 1_000 == 0 {
            for (user, count) in &model.users {
                let seen = scripts.connection.command(&["HGET", &at("users"), user]).unwrap();
                assert_eq!(seen.int(), *count, "{user}");
            }
        }
    }
    println!("{answers:?}");
    // The calls were varied enough that each answer came.
    for answer in [
        "GRANTED", "HELD", "SOLDOUT", "FENCED", "DONE", "DUP", "LAST", "OLD", "GAP", "OVER", "RENEWED",
        "CLOSED", "ENDED", "SHORT", "PRESENT", "UNKNOWN",
    ] {
        assert!(answers.contains_key(answer), "no call was answered {answer}: {answers:?}");
    }
}

fn sale(order: &str, user: &str, units: i64) -> Sale {
    Sale { order: order.to_owned(), user: user.to_owned(), units }
}

#[test]
fn a_call_done_twice_is_done_once() {
    let redis = Redis::start();
    let mut scripts = Scripts::new(&redis);
    let pool = |scripts: &mut Scripts| scripts.connection.command(&["GET", &at("pool")]).unwrap().int();
    assert_eq!(scripts.acquire("a", 1, 10, 2, LONG), ["ABSENT"]);
    assert_eq!(scripts.create(100, 3), ["CREATED"]);
    assert_eq!(scripts.create(100, 3), ["PRESENT", "100", "3"]);

    assert_eq!(scripts.acquire("a", 1, 10, 2, LONG), ["GRANTED", "10", "0"]);
    assert_eq!(scripts.acquire("a", 1, 10, 2, LONG), ["HELD", "10", "0"]);
    assert_eq!(scripts.acquire("a", 2, 10, 2, LONG), ["GRANTED", "20", "0"]);
    assert_eq!(scripts.acquire("a", 1, 10, 2, LONG), ["HELD", "20", "0"]);
    assert_eq!(pool(&mut scripts), 80);

    let batch = [sale("o1", "ann", 2), sale("o2", "ann", 2), sale("o3", "ben", 3)];
    let done = scripts.commit("a", 1, LONG, &batch);
    assert_eq!(done[..2], ["DONE", "+-+"]);
    assert_eq!(scripts.commit("a", 1, LONG, &batch), ["DUP", "+-+", &done[2]]);
    assert_eq!(scripts.connection.command(&["XLEN", &at("orders")]).unwrap().int(), 1);
    // Nothing to sell, but the number is used up.
    assert_eq!(scripts.commit("a", 2, LONG, &[sale("o4", "ben", 1)]), ["DONE", "-", ""]);
    assert_eq!(scripts.commit("a", 1, LONG, &batch), ["OLD", "2"]);
    assert_eq!(scripts.commit("a", 4, LONG, &batch), ["GAP", "2"]);
    assert_eq!(scripts.commit("a", 3, LONG, &[sale("o5", "", 16)]), ["OVER", "20", "5"]);

    assert_eq!(scripts.cancel(&done[2], "o3"), ["DONE", "3"]);
    assert_eq!(scripts.cancel(&done[2], "o3"), ["DUP", "3"]);
    assert_eq!(scripts.cancel(&done[2], "o2"), ["UNKNOWN"]);
    assert_eq!(pool(&mut scripts), 83);
    assert_eq!(scripts.restock("d1", 7), ["DONE", "107"]);
    assert_eq!(scripts.restock("d1", 7), ["DUP", "107"]);
    assert_eq!(pool(&mut scripts), 90);

    assert_eq!(scripts.close("a"), ["CLOSED", "15"]);
    assert_eq!(scripts.close("a"), ["ENDED"]);
    assert_eq!(pool(&mut scripts), 105);
    // An ended lease tells what it did, and does nothing more.
    assert_eq!(scripts.commit("a", 2, LONG, &[sale("o4", "ben", 1)]), ["LAST", "-", ""]);
    assert_eq!(scripts.commit("a", 3, LONG, &batch), ["FENCED", "2"]);
    assert_eq!(scripts.acquire("a", 1, 10, 2, LONG), ["FENCED"]);
    assert_eq!(scripts.renew("a", LONG), ["FENCED"]);
    // It is forgotten after a while, and until then not evicted for want of a deadline.
    assert!(scripts.connection.command(&["PTTL", &at("lease:a")]).unwrap().int() > 0);
    assert_eq!(scripts.commit("b", 1, LONG, &batch), ["FENCED", "-1"]);
}

#[test]
fn what_was_committed_is_told_though_memory_is_full() {
    let redis = Redis::start();
    let mut scripts = Scripts::new(&redis);
    assert_eq!(scripts.create(100, 0), ["CREATED"]);
    scripts.acquire("a", 1, 10, 1, LONG);
    let batch = [sale("o1", "", 2)];
    let done = scripts.commit("a", 1, LONG, &batch);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    // It cannot be renewed, and says so.
    assert_eq!(scripts.commit("a", 1, LONG, &batch), ["LATE", "+", &done[2]]);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(scripts.commit("a", 1, LONG, &batch), ["DUP", "+", &done[2]]);
}

#[test]
fn large_numbers_stay_exact() {
    let redis = Redis::start();
    let mut scripts = Scripts::new(&redis);
    let all = 1_000_000_000_000;
    assert_eq!(scripts.create(all, 0), ["CREATED"]);
    assert_eq!(scripts.acquire("a", 1, all - 1, 1, LONG), ["GRANTED", "999999999999", "0"]);
    assert_eq!(scripts.commit("a", 1, LONG, &[sale("o", "", all - 2)])[0], "DONE");
    assert_eq!(scripts.close("a"), ["CLOSED", "1"]);
    assert_eq!(scripts.connection.command(&["GET", &at("pool")]).unwrap().int(), 2);
    assert_eq!(scripts.connection.command(&["GET", &at("sold")]).unwrap().int(), all - 2);
}

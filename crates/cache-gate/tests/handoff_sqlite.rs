//! The journal: what it answers is what is in the file, and workers, buyers and operators do not undo each other's work.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test that unwraps says what it expects by failing")]

#[path = "handoff_support/mod.rs"]
mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cache_gate::handoff::sqlite::{
    CancelAnswer, Fault, Faults, Journal, JournalBuilder, JournalError, Record,
};
use cache_gate::handoff::{Desk, HandOff, Order, OrderState, Outcome, Refusal, Submitted};
use cache_gate::{Admission, Event, Gate, Goods, Item, Mend, Request, RestoreError, State};
use cache_rwlock::RwLockBackend;
use support::{File, order};
use tokio::task::JoinSet;

const MINUTE: Duration = Duration::from_secs(60);

async fn submit(journal: &Journal, order: &Order) -> Submitted {
    journal.submit(order, Goods::Counted).await
}

async fn state(journal: &Journal, id: &str) -> Option<OrderState> {
    journal.get(id).await.unwrap().map(|record| record.state)
}

/// A date that only the test moves.
#[derive(Clone, Default)]
struct Wall(Arc<AtomicU64>);

impl Wall {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs(), Relaxed);
    }

    fn give(&self, builder: JournalBuilder) -> JournalBuilder {
        let seconds = Arc::clone(&self.0);
        builder.wall(move || UNIX_EPOCH + Duration::from_secs(seconds.load(Relaxed)))
    }
}

#[tokio::test]
async fn orders_are_there_after_it_was_opened_again() {
    let file = File::new("reopened");
    let journal = Journal::builder().open(file.path()).unwrap();
    for number in 1..=10 {
        assert_eq!(submit(&journal, &order(number)).await, Submitted::Durable);
    }
    let with_request = Order { request_id: Some("r\0\u{e9}".to_owned()), ..order(u64::MAX) };
    assert_eq!(submit(&journal, &with_request).await, Submitted::Durable);
    journal.close().await.unwrap();
    assert_eq!(journal.close().await, Err(JournalError::Closed));
    let refused = Submitted::Refused { why: Refusal::Closed, retry_after: None };
    assert_eq!(submit(&journal, &order(11)).await, refused);
    assert_eq!(journal.get("1").await, Err(JournalError::Closed));

    let journal = Journal::builder().open(file.path()).unwrap();
    // Two pages and an empty one.
    let mut records = journal.orders(0, 7).await.unwrap();
    records.extend(journal.orders(records[6].seq, 7).await.unwrap());
    assert!(journal.orders(records[10].seq, 7).await.unwrap().is_empty());
    let expected: Vec<Order> = (1..=10).map(order).chain([with_request]).collect();
    assert_eq!(records.into_iter().map(|record| record.order).collect::<Vec<_>>(), expected);
    let totals = journal.totals().await.unwrap();
    let totals: Vec<_> = totals.iter().map(|total| (&*total.item, total.orders, total.units)).collect();
    assert_eq!(totals, [("item 0", 4, 7), ("item 1", 4, 6), ("item 2", 3, 4)]);
}

#[tokio::test]
async fn an_id_is_one_order() {
    let file = File::new("ids");
    let journal = Journal::builder().open(file.path()).unwrap();
    let duplicate = Submitted::Refused { why: Refusal::Duplicate, retry_after: None };
    assert_eq!(submit(&journal, &order(1)).await, Submitted::Durable);
    // Equal in everything: asked again, as its answer was lost.
    assert_eq!(submit(&journal, &order(1)).await, Submitted::Durable);
    let other = order(2);
    for changed in [
        Order { ticket: other.ticket, ..order(1) },
        Order { user: "eve".to_owned(), ..order(1) },
        Order { units: 100, ..order(1) },
        Order { event: "another".to_owned(), ..order(1) },
        Order { request_id: Some("r".to_owned()), ..order(1) },
        Order { at: SystemTime::now(), ..order(1) },
    ] {
        assert_eq!(submit(&journal, &changed).await, duplicate, "{changed:?}");
    }
    assert!(matches!(journal.cancel("1").await, Ok(CancelAnswer::Cancelled(_))));
    // The units of the new reservation are not those of the order that was cancelled.
    assert_eq!(submit(&journal, &order(1)).await, duplicate);
    assert_eq!(journal.orders(0, 10).await.unwrap().len(), 1);
    let elsewhere = Order { ticket: other.ticket, ..order(1) };
    assert_eq!(journal.find(&elsewhere).await, Ok(None));
    assert_eq!(journal.find(&order(1)).await, Ok(Some(OrderState::Cancelled)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_end_of_a_transaction_leaves_its_orders_unknown_until_asked() {
    for (fault, is_done) in [(Fault::NotDone, false), (Fault::Done, true)] {
        let file = File::new(&format!("failed-{is_done}"));
        let faults = Faults::default();
        let journal = Journal::builder().faults(&faults).open(file.path()).unwrap();
        faults.push(fault);
        assert_eq!(submit(&journal, &order(1)).await, Submitted::Unknown);
        assert_eq!(submit(&journal, &order(2)).await, Submitted::Durable);
        let expected = is_done.then_some(OrderState::Accepted);
        assert_eq!(journal.find(&order(1)).await, Ok(expected));
        assert_eq!(journal.find(&order(2)).await, Ok(Some(OrderState::Accepted)));

        // A call that is not an order is not taken for done, either.
        faults.push(fault);
        assert!(matches!(journal.set_meta("k", b"v").await, Err(JournalError::Unknown { .. })));
        assert_eq!(journal.get_meta("k").await.unwrap().is_some(), is_done);

        // Under the desk, it ends as the books say.
        let gate: Gate<RwLockBackend> = Gate::builder().build();
        gate.add_event(Event::new("sale")).unwrap();
        gate.add_item(Item::new("sku", "sale", 10)).unwrap();
        gate.set_ready(true);
        let desk = Desk::new(journal);
        let Admission::Held(held) = gate.admit(&Request::new("ann", "sku", 1)).unwrap() else { panic!() };
        let ticket = held.ticket();
        faults.push(fault);
        assert_eq!(desk.submit(held, "desk").await, Outcome::Unknown);
        assert_eq!(desk.drain(MINUTE).await, 0);
        assert_eq!(gate.state(ticket), Some(if is_done { State::Committed } else { State::Released }));
        assert_eq!(state(desk.books(), "desk").await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_answered_truly() {
    const ORDERS: u64 = 3_000;
    let file = File::new("many");
    let faults = Faults::default();
    let journal = Journal::builder().faults(&faults).batch(100).open(file.path()).unwrap();
    for fault in [Fault::NotDone, Fault::Done, Fault::NotDone, Fault::Done] {
        faults.push(fault);
    }
    let mut tasks = JoinSet::new();
    for number in 0..ORDERS {
        let journal = journal.clone();
        tasks.spawn(async move { (number, submit(&journal, &order(number)).await) });
    }
    let (mut durable, mut unknown) = (HashSet::new(), Vec::new());
    while let Some(answer) = tasks.join_next().await {
        match answer.unwrap() {
            (number, Submitted::Durable) => drop(durable.insert(number)),
            (number, Submitted::Unknown) => unknown.push(number),
            other => panic!("{other:?}"),
        }
    }
    assert!(unknown.len() >= 4);
    for number in unknown {
        if journal.find(&order(number)).await.unwrap().is_some() {
            durable.insert(number);
        }
    }
    let mut seen = HashSet::new();
    let mut last = 0;
    loop {
        let records = journal.orders(last, 1_000).await.unwrap();
        let Some(newest) = records.last() else { break };
        last = newest.seq;
        seen.extend(records.iter().map(|record| record.order.ticket.get()));
    }
    assert_eq!(seen, durable);
    assert_eq!(journal.depth(), 0);
}

#[tokio::test]
async fn a_writer_that_dies_leaves_nothing_wrong_behind() {
    let file = File::new("panics");
    let faults = Faults::default();
    let journal = Journal::builder().faults(&faults).open(file.path()).unwrap();
    assert_eq!(submit(&journal, &order(1)).await, Submitted::Durable);
    faults.push(Fault::Panic);
    assert_eq!(submit(&journal, &order(2)).await, Submitted::Unknown);
    // Nobody can tell now, so nobody does.
    assert!(journal.find(&order(2)).await.is_err());
    let refused = Submitted::Refused { why: Refusal::Closed, retry_after: None };
    assert_eq!(submit(&journal, &order(3)).await, refused);
    assert_eq!(journal.depth(), 0);

    let journal = file.reopen();
    assert_eq!(state(&journal, "1").await, Some(OrderState::Accepted));
    assert_eq!(journal.find(&order(2)).await, Ok(None));
    assert_eq!(submit(&journal, &order(3)).await, Submitted::Durable);
}

#[tokio::test]
async fn more_than_may_wait_are_refused() {
    let file = File::new("full");
    let journal = Journal::builder().capacity(1).open(file.path()).unwrap();
    // All are polled once before any of them is answered, unless the writer is very quick.
    let mut answers = Vec::new();
    while !answers.iter().any(|answer| *answer != Submitted::Durable) {
        let first = answers.len() as u64;
        assert!(first < 100_000);
        let mut tasks = JoinSet::new();
        for number in first..first + 100 {
            let journal = journal.clone();
            tasks.spawn(async move { submit(&journal, &order(number)).await });
        }
        answers.extend(tasks.join_all().await);
    }
    let durable = answers.iter().filter(|answer| **answer == Submitted::Durable).count();
    for answer in &answers {
        let is_full = matches!(answer, Submitted::Refused { why: Refusal::Full, retry_after: Some(_) });
        assert!(is_full || *answer == Submitted::Durable, "{answer:?}");
    }
    assert!(durable > 0);
    assert_eq!(journal.orders(0, answers.len()).await.unwrap().len(), durable);
    assert_eq!(journal.depth(), 0);
    assert_eq!(submit(&journal, &order(1_000_000)).await, Submitted::Durable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_and_nothing_half_done_stays() {
    let file = File::new("disk");
    let faults = Faults::default();
    let journal = Journal::builder().faults(&faults).open(file.path()).unwrap();
    assert_eq!(submit(&journal, &order(0)).await, Submitted::Durable);
    faults.fill_disk(true);
    // Every second one has no room. Those between would fit, and share its transaction.
    let large = |number| match number % 2 {
        0 => Order { user: "u".repeat(3_000), ..order(number) },
        _ => order(number),
    };
    let mut tasks = JoinSet::new();
    for number in 1..=200 {
        let journal = journal.clone();
        tasks.spawn(async move { (number, submit(&journal, &large(number)).await) });
    }
    let (mut durable, mut refused) = (1, 0);
    while let Some(answer) = tasks.join_next().await {
        let (number, answer) = answer.unwrap();
        // A question that shares a transaction with an order that finds the disk full has no answer.
        let is_there = loop {
            if let Ok(found) = journal.find(&large(number)).await {
                break found.is_some();
            }
        };
        match answer {
            Submitted::Durable => durable += 1,
            Submitted::Refused { why: Refusal::Unavailable, retry_after: Some(_) } => refused += 1,
            other => panic!("{other:?}"),
        }
        assert_eq!(is_there, answer == Submitted::Durable, "order {number}");
    }
    assert!(refused > 0);
    assert_eq!(journal.orders(0, 1_000).await.unwrap().len(), durable);
    faults.fill_disk(false);
    assert_eq!(submit(&journal, &large(1_000)).await, Submitted::Durable);
}

#[tokio::test]
async fn workers_fulfil_fail_and_lose_claims() {
    let file = File::new("workers");
    let wall = Wall::default();
    let builder = wall.give(Journal::builder()).attempts(3).retry_after(Duration::from_secs(10));
    let journal = builder.open(file.path()).unwrap();
    for number in 1..=4 {
        submit(&journal, &order(number)).await;
    }
    let first = journal.claim(2, MINUTE).await.unwrap();
    let ids: Vec<&str> = first.iter().map(|claim| &*claim.order.id).collect();
    assert_eq!(ids, ["1", "2"]);
    let second = journal.claim(10, MINUTE).await.unwrap();
    assert_eq!(second.len(), 2);
    assert!(journal.claim(10, MINUTE).await.unwrap().is_empty());

    assert_eq!(journal.fulfil(&first[0]).await, Ok(true));
    // The answer was lost, say.
    assert_eq!(journal.fulfil(&first[0]).await, Ok(true));
    assert_eq!(journal.fail(&first[0], "no").await, Ok(None));
    assert_eq!(state(&journal, "1").await, Some(OrderState::Fulfilled));

    // The worker of order 2 is slow, and another one gets it.
    wall.advance(MINUTE);
    let again = journal.claim(1, MINUTE).await.unwrap();
    assert_eq!((&*again[0].order.id, again[0].attempt), ("2", 2));
    assert_eq!(journal.fulfil(&first[1]).await, Ok(false));
    assert_eq!(journal.fail(&first[1], "late").await, Ok(None));
    assert_eq!(state(&journal, "2").await, Some(OrderState::Accepted));
    assert_eq!(journal.fulfil(&again[0]).await, Ok(true));

    // The worker of order 3 was slow, too. Its second attempt fails, and the third comes 20 s later. Order 4 is in nobody's way.
    journal.reject("4", "sold by mistake").await.unwrap().unwrap();
    let mut claim = journal.claim(1, MINUTE).await.unwrap().remove(0);
    assert_eq!((&*claim.order.id, claim.attempt), ("3", 2));
    assert_eq!(journal.fail(&claim, "broken").await, Ok(Some(OrderState::Accepted)));
    wall.advance(Duration::from_secs(19));
    assert!(journal.claim(1, MINUTE).await.unwrap().is_empty());
    wall.advance(Duration::from_secs(1));
    claim = journal.claim(1, MINUTE).await.unwrap().remove(0);
    assert_eq!(journal.fail(&claim, "broken for good").await, Ok(Some(OrderState::Dead)));
    let record = journal.get("3").await.unwrap().unwrap();
    assert_eq!(
        (record.state, record.attempts, record.note.as_deref()),
        (OrderState::Dead, 3, Some("broken for good"))
    );
    wall.advance(MINUTE);
    assert!(journal.claim(1, MINUTE).await.unwrap().is_empty());

    // Revived, it has all its attempts. Claims of its first life count for nothing.
    assert_eq!(journal.revive("3").await, Ok(true));
    assert_eq!(journal.revive("3").await, Ok(false));
    let revived = journal.claim(1, MINUTE).await.unwrap().remove(0);
    assert_eq!(revived.attempt, 1);
    for old in [&second[0], &claim] {
        assert_eq!(journal.fulfil(old).await, Ok(false));
    }
    assert_eq!(journal.fulfil(&revived).await, Ok(true));
}

#[tokio::test]
async fn an_order_whose_workers_all_died_is_dead() {
    let file = File::new("died");
    let wall = Wall::default();
    let journal = wall.give(Journal::builder()).attempts(2).open(file.path()).unwrap();
    submit(&journal, &order(1)).await;
    for attempt in 1..=2 {
        assert_eq!(journal.claim(1, MINUTE).await.unwrap()[0].attempt, attempt);
        wall.advance(MINUTE);
    }
    assert!(journal.claim(1, MINUTE).await.unwrap().is_empty());
    assert_eq!(state(&journal, "1").await, Some(OrderState::Dead));
}

#[tokio::test]
async fn an_order_is_cancelled_once_and_not_under_a_workers_hands() {
    let file = File::new("cancel");
    let wall = Wall::default();
    let journal = wall.give(Journal::builder()).open(file.path()).unwrap();
    for number in 1..=3 {
        submit(&journal, &order(number)).await;
    }
    assert_eq!(journal.cancel("1").await, Ok(CancelAnswer::Cancelled(order(1))));
    assert_eq!(journal.cancel("1").await, Ok(CancelAnswer::Before(order(1))));
    assert_eq!(journal.cancel("none").await, Ok(CancelAnswer::Absent));
    assert_eq!(journal.reject("1", "no").await, Ok(None));

    let claims = journal.claim(10, MINUTE).await.unwrap();
    assert_eq!(claims.iter().map(|claim| &*claim.order.id).collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(journal.cancel("2").await, Ok(CancelAnswer::InProgress));
    journal.fulfil(&claims[0]).await.unwrap();
    assert_eq!(journal.cancel("2").await, Ok(CancelAnswer::TooLate(OrderState::Fulfilled)));
    // The worker of order 3 has had its time.
    wall.advance(MINUTE);
    assert_eq!(journal.cancel("3").await, Ok(CancelAnswer::Cancelled(order(3))));
    assert_eq!(journal.fulfil(&claims[1]).await, Ok(false));
    assert_eq!(state(&journal, "3").await, Some(OrderState::Cancelled));
}

#[tokio::test]
async fn a_gate_is_restored_from_the_books() {
    let file = File::new("restored");
    let open = |journal: Journal| {
        let gate: Gate<RwLockBackend> = Gate::builder().build();
        gate.add_event(Event::new("sale")).unwrap();
        gate.add_item(Item::new("sku", "sale", 10).limit(2)).unwrap();
        (gate, Desk::new(journal))
    };
    let (gate, desk) = open(Journal::builder().open(file.path()).unwrap());
    gate.set_ready(true);
    let mut tickets = Vec::new();
    for user in 0..4 {
        let user = format!("user {user}");
        let request = Request::new(&user, "sku", 2).id("r1");
        let Admission::Held(held) = gate.admit(&request).unwrap() else { panic!() };
        tickets.push(held.ticket());
        let id = held.ticket().to_string();
        assert_eq!(desk.submit(held, id).await, Outcome::Accepted);
    }
    let CancelAnswer::Cancelled(order) = desk.books().cancel(&tickets[3].to_string()).await.unwrap() else {
        panic!()
    };
    // The process ends before it has told the gate.
    assert_eq!(order.ticket, tickets[3]);
    drop((gate, desk));

    let (gate, desk) = open(file.reopen());
    for record in desk.books().orders(0, 100).await.unwrap() {
        gate.restore(&record.sale()).unwrap();
    }
    gate.set_ready(true);
    assert_eq!(gate.item("sku").unwrap().left, 4);
    // A retry of a client whose answer was lost buys nothing twice.
    match gate.admit(&Request::new("user 0", "sku", 2).id("r1")).unwrap() {
        Admission::Repeated(ticket, State::Committed) => assert_eq!(ticket, tickets[0]),
        other => panic!("{other:?}"),
    }
    // Nor does one whose order was cancelled.
    match gate.admit(&Request::new("user 3", "sku", 2).id("r1")).unwrap() {
        Admission::Repeated(ticket, State::Cancelled) => assert_eq!(ticket, tickets[3]),
        other => panic!("{other:?}"),
    }
    assert!(gate.admit(&Request::new("user 1", "sku", 1)).is_err());
    assert!(matches!(gate.admit(&Request::new("user 3", "sku", 2)), Ok(Admission::Held(_))));
}

#[tokio::test]
async fn orders_of_an_ended_event_are_not_charged_to_the_next() {
    let file = File::new("events");
    let journal = Journal::builder().open(file.path()).unwrap();
    let gate: Gate<RwLockBackend> = Gate::builder().build();
    gate.add_event(Event::new("autumn")).unwrap();
    gate.add_item(Item::new("tea", "autumn", 10).limit(1)).unwrap();
    gate.set_ready(true);
    let desk = Desk::new(journal);
    for user in 0..10 {
        let Admission::Held(held) = gate.admit(&Request::new(&format!("user {user}"), "tea", 1)).unwrap()
        else {
            panic!()
        };
        let id = held.ticket().to_string();
        assert_eq!(desk.submit(held, id).await, Outcome::Accepted);
    }
    for claim in desk.books().claim(10, MINUTE).await.unwrap() {
        assert_eq!(desk.books().fulfil(&claim).await, Ok(true));
    }
    gate.end_event("autumn").unwrap();
    let winter = |gate: &Gate<RwLockBackend>| {
        gate.add_event(Event::new("winter")).unwrap();
        gate.add_item(Item::new("tea", "winter", 10).limit(1)).unwrap();
    };
    winter(&gate);
    drop((gate, desk));

    let (gate, journal) = (Gate::<RwLockBackend>::builder().build(), file.reopen());
    winter(&gate);
    let records = journal.orders(0, 100).await.unwrap();
    assert_eq!(records.len(), 10);
    for record in &records {
        assert_eq!(gate.restore(&record.sale()), Err(RestoreError::OtherEvent));
    }
    assert!(gate.books(records.iter().map(Record::sale), Mend::Mend).differences.is_empty());
    gate.set_ready(true);
    assert_eq!(gate.item("tea").unwrap().left, 10);
    assert!(matches!(gate.admit(&Request::new("user 1", "tea", 1)), Ok(Admission::Held(_))));
}

#[tokio::test]
async fn values_beside_the_orders() {
    let file = File::new("meta");
    let journal = Journal::builder().open(file.path()).unwrap();
    for (key, value) in [("a/1", "x"), ("a/2", "y"), ("a%", "z"), ("b", ""), ("a/1", "new")] {
        journal.set_meta(key, value.as_bytes()).await.unwrap();
    }
    let journal = {
        journal.close().await.unwrap();
        Journal::builder().open(file.path()).unwrap()
    };
    let found = journal.meta("a/").await.unwrap();
    assert_eq!(found, [("a/1".to_owned(), b"new".to_vec()), ("a/2".to_owned(), b"y".to_vec())]);
    assert_eq!(journal.meta("a%").await.unwrap().len(), 1);
    assert_eq!(journal.get_meta("b").await, Ok(Some(Vec::new())));
    assert_eq!(journal.del_meta("b").await, Ok(true));
    assert_eq!(journal.del_meta("b").await, Ok(false));
    assert_eq!(journal.meta("").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_second_process_and_strange_files_are_refused() {
    let file = File::new("second");
    let journal = Journal::builder().open(file.path()).unwrap();
    let in_use = JournalError::InUse { path: file.path().to_owned() };
    assert_eq!(Journal::builder().open(file.path()).unwrap_err(), in_use);
    journal.close().await.unwrap();
    drop(Journal::builder().open(file.path()).unwrap());

    // Of a newer version, and of an older one, whose orders do not say of which event they are.
    for version in [99, 1] {
        let other = File::new(&format!("version-{version}"));
        let connection = rusqlite::Connection::open(other.path()).unwrap();
        connection.pragma_update(None, "user_version", version).unwrap();
        drop(connection);
        let error = Journal::builder().open(other.path()).unwrap_err();
        let expected = JournalError::Version { path: other.path().to_owned(), found: version, known: 2 };
        assert_eq!(error, expected);
        assert!(error.to_string().ends_with(&format!("has version {version}: only version 2 is known here")));
    }

    let rubbish = File::new("rubbish");
    std::fs::write(rubbish.path(), "this is no database ".repeat(100)).unwrap();
    let error = Journal::builder().open(rubbish.path()).unwrap_err();
    assert!(matches!(error, JournalError::Open { .. }), "{error}");

    for builder in
        [Journal::builder().capacity(0), Journal::builder().batch(0), Journal::builder().attempts(0)]
    {
        assert!(matches!(builder.open(file.path()), Err(JournalError::Setting { .. })));
    }
}

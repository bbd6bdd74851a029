//! Models of the closable counter: every order of two threads.
//!
//! Two and not three, as loom has no end of orders in which two threads wait for a third.
//!
//! Run with `RUSTFLAGS="--cfg loom" cargo test --profile loom -p cache-core --lib models`.

use loom::sync::Arc;
use loom::thread;

use super::{Closable, Closed};

const S: i64 = Closable::SENTINEL;

/// One thread adds 1 while another closes: what was added is in the final value, or the add knows.
fn add_beside_close(start: i64) {
    loom::model(move || {
        let counter = Arc::new(Closable::new(start));
        let other = Arc::clone(&counter);
        let adder = thread::spawn(move || other.add(1));
        let last = counter.close();
        match adder.join().expect("no panic") {
            Ok(sum) => assert_eq!((sum, last), (start + 1, Ok(start + 1))),
            Err(Closed) => assert_eq!(last, Ok(start)),
        }
        assert_eq!(counter.get(), Err(Closed));
    });
}

#[test]
fn an_add_beside_close() {
    add_beside_close(0);
}

#[test]
fn an_add_to_the_sentinel_beside_close() {
    add_beside_close(S);
}

#[test]
fn an_add_that_makes_the_sentinel_beside_close() {
    add_beside_close(S - 1);
}

/// The order that two sentinels without a hold get wrong: one thread reads the sentinel as a value and is interrupted,
/// while another stores something else and closes.
#[test]
fn a_stale_sentinel_is_not_replaced() {
    loom::model(|| {
        let counter = Arc::new(Closable::new(S));
        let other = Arc::clone(&counter);
        let adder = thread::spawn(move || other.add(5));
        counter.set(7).expect("nobody has closed it");
        let last = counter.close().expect("nobody has closed it");
        let added = adder.join().expect("no panic");
        assert_eq!(counter.get(), Err(Closed));
        let possible = match added {
            Err(Closed) => last == 7,
            Ok(sum) => (sum == S + 5 && last == 7) || (sum == 12 && last == 12),
        };
        assert!(possible, "add {added:?}, last {last}");
    });
}

/// A removal is reported once: by the thread that closes, or by the thread that detaches.
#[test]
fn close_beside_detach() {
    loom::model(|| {
        let counter = Arc::new(Closable::new(3));
        let other = Arc::clone(&counter);
        let closer = thread::spawn(move || other.close());
        let detached = counter.detach();
        let closed = closer.join().expect("no panic");
        assert_eq!(detached, closed.is_err());
    });
}

/// A decision that is refused leaves the counter as it is, and one that is not is about the final value.
#[test]
fn close_if_beside_an_add() {
    for start in [0, S, S - 1] {
        loom::model(move || {
            let counter = Arc::new(Closable::new(start));
            let other = Arc::clone(&counter);
            let adder = thread::spawn(move || other.add(1));
            let closed = counter.close_if(start);
            let added = adder.join().expect("no panic");
            match closed.expect("nobody else closes") {
                Ok(()) => assert_eq!(added, Err(Closed)),
                Err(seen) => {
                    assert_eq!((seen, added), (start + 1, Ok(start + 1)));
                    assert_eq!(counter.get(), Ok(start + 1));
                }
            }
        });
    }
}

/// A reader sees the value, or that the counter is closed; never the sentinel as a value that it was not.
#[test]
fn a_get_beside_close() {
    for start in [3, S] {
        loom::model(move || {
            let counter = Arc::new(Closable::new(start));
            let other = Arc::clone(&counter);
            let reader = thread::spawn(move || other.get());
            assert_eq!(counter.close_if(start), Ok(Ok(())));
            let read = reader.join().expect("no panic");
            assert!(read == Ok(start) || read == Err(Closed), "{read:?}");
        });
    }
}

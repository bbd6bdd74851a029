use super::*;

fn engine() -> Engine {
    Engine::new(Limits { dirty: 10, heartbeat: 5 }, Planted::default())
}

/// Loads an empty server.
fn load(engine: &mut Engine, round: u64) {
    assert_eq!(engine.next(0, 9), Some(Request::Scan { cursor: 0, round }));
    assert_eq!(engine.next(0, 9), None);
    engine.scanned(round, 0, Vec::new());
    assert_eq!(engine.sweep_due(), Some(round));
    engine.swept(round, Vec::new());
    assert_eq!(engine.sweep_due(), None);
    assert!(engine.is_loaded());
}

/// An engine that has loaded an empty server, at time 0, with its first PING answered.
fn loaded() -> Engine {
    let mut engine = engine();
    assert_eq!(engine.next(0, 9), Some(Request::Ping));
    engine.pong();
    load(&mut engine, 0);
    engine
}

fn ping(engine: &mut Engine, now: Time) {
    assert_eq!(engine.next(now, 9), Some(Request::Ping));
    engine.pong();
}

#[test]
fn freshness_is_the_time_of_the_ping_before_the_last() {
    let mut engine = loaded();
    assert_eq!(engine.fresh(), None);
    ping(&mut engine, 10);
    assert_eq!(engine.fresh(), Some(0));
    assert_eq!(engine.next(14, 9), None, "the heart beats every 5");
    ping(&mut engine, 15);
    assert_eq!(engine.fresh(), Some(10));
}

#[test]
fn a_change_holds_freshness_back_until_it_was_fetched() {
    let mut engine = loaded();
    engine.push(b"a");
    ping(&mut engine, 10);
    assert_eq!(engine.fresh(), None);
    let Some(Request::Fetch { keys, .. }) = engine.next(10, 9) else { panic!("a is dirty") };
    assert_eq!(keys, [b"a".to_vec()]);
    ping(&mut engine, 15);
    assert_eq!(engine.fresh(), None);
    engine.fetched();
    assert_eq!(engine.fresh(), Some(10));
}

#[test]
fn a_key_that_is_written_all_the_time_does_not_hold_freshness_back() {
    let mut engine = loaded();
    engine.push(b"hot");
    assert!(matches!(engine.next(1, 9), Some(Request::Fetch { .. })));
    for round in 1..10 {
        engine.push(b"hot");
        ping(&mut engine, 10 * round);
        // The value of the last fetch is older than the last push, but newer than all pushes before it was sent.
        engine.fetched();
        assert!(matches!(engine.next(10 * round, 9), Some(Request::Fetch { .. })));
    }
    assert_eq!(engine.fresh(), Some(70));
}

#[test]
fn keys_are_fetched_once_for_many_pushes() {
    let mut engine = loaded();
    for _ in 0..3 {
        engine.push(b"a");
        engine.push(b"b");
    }
    assert_eq!(engine.dirty(), 2);
    assert!(matches!(engine.next(1, 1), Some(Request::Fetch { keys, .. }) if keys.len() == 1));
    assert!(matches!(engine.next(1, 1), Some(Request::Fetch { keys, .. }) if keys.len() == 1));
    assert_eq!(engine.dirty(), 0);
}

#[test]
fn a_flush_begins_another_scan_and_makes_the_last_one_void() {
    let mut engine = engine();
    assert_eq!(engine.next(0, 9), Some(Request::Ping));
    assert!(matches!(engine.next(0, 9), Some(Request::Scan { .. })));
    engine.scanned(0, 7, vec![b"a".to_vec()]);
    assert!(matches!(engine.next(0, 9), Some(Request::Scan { cursor: 7, round: 0 })));
    assert!(matches!(engine.next(0, 9), Some(Request::Page { round: 0, .. })));
    engine.flush();
    assert!(!engine.is_current(0));
    engine.scanned(0, 8, vec![b"b".to_vec()]);
    engine.paged(0);
    engine.swept(0, vec![b"c".to_vec()]);
    assert!(!engine.is_loaded());
    load(&mut engine, 1);
}

#[test]
fn a_flush_after_the_load_holds_freshness_back() {
    let mut engine = loaded();
    ping(&mut engine, 10);
    engine.flush();
    ping(&mut engine, 20);
    ping(&mut engine, 30);
    assert_eq!(engine.fresh(), Some(0));
    load(&mut engine, 1);
    assert_eq!(engine.fresh(), Some(20));
}

#[test]
fn the_scan_goes_ahead_of_the_values_but_not_far() {
    let mut engine = engine();
    assert_eq!(engine.next(0, 2), Some(Request::Ping));
    assert!(engine.next(0, 2).is_some());
    let keys = |keys: u8| (0..keys).map(|key| vec![key]).collect();
    engine.scanned(0, 9, keys(5));
    // Two parts of the page, before what is left is little enough.
    assert!(matches!(engine.next(0, 2), Some(Request::Page { keys, .. }) if keys.len() == 2));
    assert!(matches!(engine.next(0, 2), Some(Request::Page { keys, .. }) if keys.len() == 2));
    assert_eq!(engine.next(0, 2), Some(Request::Scan { cursor: 9, round: 0 }));
    assert!(matches!(engine.next(0, 2), Some(Request::Page { keys, .. }) if keys.len() == 1));
    assert_eq!(engine.next(0, 2), None);
    engine.scanned(0, 0, Vec::new());
    (0..2).for_each(|_| engine.paged(0));
    assert_eq!(engine.sweep_due(), None, "a page is under way");
    engine.paged(0);
    assert_eq!(engine.sweep_due(), Some(0));
}

#[test]
fn a_load_is_over_once_keys_that_the_scan_has_not_seen_were_asked_for() {
    let mut engine = engine();
    ping(&mut engine, 0);
    assert_eq!(engine.next(0, 1), Some(Request::Scan { cursor: 0, round: 0 }));
    engine.scanned(0, 0, Vec::new());
    engine.swept(0, vec![b"a".to_vec(), b"b".to_vec()]);
    for key in [b"a", b"b"] {
        assert_eq!(engine.next(0, 1), Some(Request::Page { keys: vec![key.to_vec()], round: 0 }));
    }
    assert_eq!(engine.next(0, 1), None);
    ping(&mut engine, 10);
    engine.paged(0);
    assert!(!engine.is_loaded() && engine.fresh().is_none(), "b may be gone");
    engine.paged(0);
    assert_eq!(engine.sweep_due(), None);
    assert!(engine.is_loaded());
    assert_eq!(engine.fresh(), Some(0));
}

#[test]
fn a_flush_makes_what_is_being_asked_for_void() {
    let mut engine = engine();
    ping(&mut engine, 0);
    assert!(matches!(engine.next(0, 1), Some(Request::Scan { .. })));
    engine.scanned(0, 0, Vec::new());
    engine.swept(0, vec![b"a".to_vec(), b"b".to_vec()]);
    assert!(matches!(engine.next(0, 1), Some(Request::Page { .. })));
    engine.flush();
    engine.paged(0);
    assert!(!engine.is_loaded());
    load(&mut engine, 1);
}

#[test]
fn a_key_that_cannot_be_read_stops_freshness() {
    let mut engine = loaded();
    ping(&mut engine, 10);
    engine.stall();
    ping(&mut engine, 20);
    ping(&mut engine, 30);
    assert_eq!(engine.fresh(), Some(0));
}

#[test]
fn too_many_changes_end_the_session() {
    let mut engine = loaded();
    (0..10_u8).for_each(|key| engine.push(&[key]));
    assert!(!engine.overflowed());
    engine.push(&[0]);
    assert!(!engine.overflowed());
    engine.push(&[10]);
    assert!(engine.overflowed());
}

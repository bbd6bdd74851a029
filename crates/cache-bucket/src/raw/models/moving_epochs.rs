//! Models of each fast path while the epoch moves on and entries of its bucket die and are replaced, between any two
//! of its reads.
//!
//! The other thread moves the epoch, removes a key that the fast path may hold, moves the epoch as far as it can, and
//! puts another key into the only room.

use super::threads::{Thread, World, keys, keys_of_one_lane, race};
use crate::models::check;
use crate::primitive::AtomicI64;

/// Removes `dies` from a full bucket and inserts `comes`, beside `op`.
fn beside_a_death(
    dies: u64,
    comes: u64,
    others: [u64; 3],
    op: impl FnOnce(&Thread<AtomicI64>) + Send + 'static,
) {
    let world = World::moving(1);
    let main = world.thread();
    main.set(dies, 5);
    others.iter().for_each(|&key| main.set(key, 1));
    race(
        main,
        [
            Box::new(op),
            Box::new(move |t| {
                t.move_on(1);
                t.del_fast(dies);
                t.move_on(3);
                t.add_fast(comes, 7);
            }),
        ],
    );
}

/// Returns a key that dies, a key that comes and looks like it until compared, and three that fill the bucket.
fn cast() -> (u64, u64, [u64; 3]) {
    let [dies, comes] = keys_of_one_lane();
    let [a, b, c, d, e] = keys(|_| true);
    let mut others = [a, b, c, d, e].into_iter().filter(|&key| key != dies && key != comes);
    (dies, comes, std::array::from_fn(|_| others.next().expect("there are plenty")))
}

#[test]
fn get_beside_a_death() {
    check(2, || {
        let (dies, comes, others) = cast();
        beside_a_death(dies, comes, others, move |t| {
            t.get(dies);
            t.get(comes);
        });
    });
}

/// Models a write in place. `fast_insert_while_one_dies` models one that inserts because the key is gone.
#[test]
fn try_add_beside_a_death() {
    check(2, || {
        let (dies, comes, others) = cast();
        beside_a_death(dies, comes, others, move |t| t.try_add(dies, 1));
    });
}

#[test]
fn del_beside_a_death() {
    check(2, || {
        let (dies, comes, others) = cast();
        beside_a_death(dies, comes, others, move |t| t.del_fast(dies));
    });
}

/// Models the removal of the key that comes, for which the dying one is mistaken at first.
#[test]
fn del_of_another_beside_a_death() {
    check(2, || {
        let (dies, comes, others) = cast();
        beside_a_death(dies, comes, others, move |t| t.del_fast(comes));
    });
}

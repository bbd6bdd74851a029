//! Every fast path while the epoch moves on and entries of its bucket die between any two of its reads, and are replaced.
//!
//! The other thread moves the epoch, removes a key that the fast path may have in hand, moves the epoch as far as it gets, and
//! puts another key into the only room there is.

use super::threads::{Thread, World, keys, keys_of_one_lane, race};
use crate::models::check;
use crate::primitive::AtomicI64;

/// A full bucket: `dies` is removed, and `comes` is inserted. Beside that, `op`.
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
                t.del_quickly(dies);
                t.move_on(3);
                t.add_quickly(comes, 7);
            }),
        ],
    );
}

/// Two keys with which a look-up confuses the one that dies, and three that fill the bucket.
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

/// A write in place. One that inserts, if the key is gone, is `quick_insert_while_one_dies`.
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
        beside_a_death(dies, comes, others, move |t| t.del_quickly(dies));
    });
}

/// A removal of the key that comes, for which the one that dies is taken at first.
#[test]
fn del_of_another_beside_a_death() {
    check(2, || {
        let (dies, comes, others) = cast();
        beside_a_death(dies, comes, others, move |t| t.del_quickly(comes));
    });
}

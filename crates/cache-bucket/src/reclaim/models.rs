//! Models of reclamation: a retired object is never freed while a pinned thread may see it.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use loom::thread;

use super::{Domain, Effort, Record, Retired};
use crate::models::{Tracked, check};
use crate::primitive::{AtomicPtr, Ordering};

/// An object that any thread may find until it is removed.
struct Slot {
    object: AtomicPtr<Tracked>,
    domain: Domain,
    dropped: Arc<AtomicUsize>,
}

impl Slot {
    /// Creates a slot whose pins have fences, as on systems without `membarrier`. `docs/bucket-proofs.md` argues that
    /// this is equivalent.
    fn new() -> Arc<Self> {
        Self::of(Domain::new(true))
    }

    /// Creates a slot whose pins have no fences. The epoch moves when all threads are seen to have pinned it. A
    /// barrier, which does not exist here, is refused.
    fn light() -> Arc<Self> {
        Self::of(Domain::new(false))
    }

    fn of(domain: Domain) -> Arc<Self> {
        let dropped = Arc::new(AtomicUsize::new(0));
        let object = Box::into_raw(Box::new(Tracked::new(7, &dropped)));
        Arc::new(Self { object: AtomicPtr::new(object), domain, dropped })
    }

    /// Creates a record for a thread of the model.
    fn join(&self) -> &'static Record {
        // SAFETY: the record lives as long as the domain, to which every thread of a model has a reference while it
        // runs.
        unsafe { &*ptr::from_ref(self.domain.join()) }
    }

    /// Reads the object, if it is there.
    fn read(&self, record: &Record) {
        let _guard = self.domain.pin(record);
        // SAFETY: null, or an object that is freed after all pins under which it could be found. This is what the
        // models check.
        if let Some(object) = unsafe { self.object.load(Ordering::Acquire).as_ref() } {
            assert_eq!(object.look(), 7);
        }
    }

    /// Unlinks the object as the table does: by a store, with no fence between that and the stamp.
    fn unlink(&self) -> Retired {
        /// # Safety
        ///
        /// The object is out of everyone's sight.
        unsafe fn free(object: *mut ()) {
            // SAFETY: it came from a box.
            drop(unsafe { Box::from_raw(object.cast::<Tracked>()) });
        }
        let object = self.object.load(Ordering::Acquire);
        self.object.store(ptr::null_mut(), Ordering::Release);
        // SAFETY: no thread can find it any more, and `Tracked` may be dropped on any thread.
        unsafe { Retired::new(object.cast(), free) }
    }

    /// Moves the epoch on up to `times` times, and collects garbage.
    fn move_on(&self, times: usize) {
        for _ in 1..times {
            self.domain.try_move(None, Effort::Full);
        }
        self.domain.collect(None);
    }

    /// Ends these threads, so that the epoch need not wait for them.
    fn leave(&self, records: &[&Record]) {
        records.iter().for_each(|record| self.domain.leave(record));
    }

    /// Frees everything, when no thread is pinned, and checks that the object was dropped exactly once.
    fn end(&self) {
        self.domain.collect_all(None);
        assert_eq!(self.dropped.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}

/// The object, found under a pin that lasts.
struct Found(*mut Tracked);

// SAFETY: an object may be looked at by any thread.
unsafe impl Send for Found {}

impl Found {
    fn look(&self) {
        // SAFETY: found under a pin that lasts.
        assert_eq!(unsafe { &*self.0 }.look(), 7);
    }
}

fn join_all<const N: usize>(threads: [thread::JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().expect("it did not panic");
    }
}

/// Models a reader, a remover, and a thread that moves the epoch on.
#[test]
fn retire_enter() {
    check(2, || {
        let slot = Slot::new();
        let (reader, remover) = (slot.join(), slot.join());
        let threads = [
            thread::spawn({
                let slot = slot.clone();
                move || slot.read(reader)
            }),
            thread::spawn({
                let slot = slot.clone();
                move || slot.move_on(4)
            }),
        ];
        let guard = slot.domain.pin(remover);
        guard.pinned().retire_shared(slot.unlink());
        drop(guard);
        join_all(threads);
        slot.end();
    });
}

/// Models a reader that pins again at once: a thread that sees the second pin must see the end of the first.
///
/// The remover is pinned from the beginning, at an epoch that has passed when it unlinks.
#[test]
fn retire_enter_again() {
    check(2, || {
        let slot = Slot::new();
        let (reader, remover) = (slot.join(), slot.join());
        let guard = slot.domain.pin(remover);
        let threads = [
            thread::spawn({
                let slot = slot.clone();
                move || slot.move_on(3)
            }),
            thread::spawn({
                let slot = slot.clone();
                move || {
                    slot.read(reader);
                    drop(slot.domain.pin(reader));
                }
            }),
        ];
        guard.pinned().retire_shared(slot.unlink());
        drop(guard);
        join_all(threads);
        slot.end();
    });
}

/// Models a thread that moves the epoch on and another that frees: the latter must see what the former saw end.
#[test]
fn moved_by_one_freed_by_another() {
    check(2, || {
        let slot = Slot::new();
        let (reader, remover) = (slot.join(), slot.join());
        let reading = slot.domain.pin(reader);
        let found = Found(slot.object.load(Ordering::Acquire));
        let guard = slot.domain.pin(remover);
        guard.pinned().retire_shared(slot.unlink());
        drop(guard);
        std::mem::forget(reading);
        let threads = [
            thread::spawn({
                let slot = slot.clone();
                move || {
                    found.look();
                    reader.unpin();
                    drop(slot);
                }
            }),
            thread::spawn({
                let slot = slot.clone();
                move || slot.move_on(3)
            }),
        ];
        slot.domain.collect(None);
        join_all(threads);
        slot.end();
    });
}

/// Models a thread that ends, and another that takes its record: a thread that sees the second's pins must see the
/// end of the first's.
#[test]
fn thread_exit() {
    check(1, || {
        let slot = Slot::new();
        let remover = slot.join();
        let visit = |slot: &Arc<Slot>| {
            let slot = slot.clone();
            move || {
                let record = slot.join();
                slot.read(record);
                slot.domain.leave(record);
            }
        };
        let threads = [thread::spawn(visit(&slot)), thread::spawn(visit(&slot))];
        let guard = slot.domain.pin(remover);
        guard.pinned().retire_shared(slot.unlink());
        drop(guard);
        slot.move_on(3);
        join_all(threads);
        slot.end();
    });
}

/// Models a thread that ends with a retired object while another frees what it can: the object is freed once.
#[test]
fn thread_exit_leaves_nothing_behind() {
    check(1, || {
        let slot = Slot::new();
        let remover = slot.join();
        let threads = [
            thread::spawn({
                let slot = slot.clone();
                move || {
                    let guard = slot.domain.pin(remover);
                    guard.pinned().retire(slot.unlink());
                    drop(guard);
                    slot.domain.leave(remover);
                }
            }),
            thread::spawn({
                let slot = slot.clone();
                move || {
                    let record = slot.join();
                    slot.read(record);
                    slot.domain.leave(record);
                }
            }),
        ];
        slot.domain.collect_all(None);
        join_all(threads);
        slot.end();
    });
}

/// Models the owner of a bag, and another thread that empties it at the same time.
#[test]
fn bag_claimed() {
    check(2, || {
        let slot = Slot::new();
        let remover = slot.join();
        let owner = thread::spawn({
            let slot = slot.clone();
            move || {
                let guard = slot.domain.pin(remover);
                guard.pinned().retire(slot.unlink());
                // Retires once more, when the other thread may have claimed the bag.
                // SAFETY: nothing is dropped.
                guard.pinned().retire(unsafe { Retired::new(ptr::null_mut(), |_| ()) });
                drop(guard);
                slot.domain.collect(Some(remover));
            }
        });
        slot.domain.collect_all(None);
        owner.join().expect("it did not panic");
        slot.end();
    });
}

/// Runs `body` on one thread, while another unlinks the object, moves the epoch on up to `moves` times, and frees
/// what it may. At the end the threads in `end` leave.
fn retire_beside(
    slot: &Arc<Slot>,
    body: impl FnOnce(&Slot) + Send + 'static,
    (moves, effort): (usize, Effort),
    end: &[&Record],
) {
    let remover = slot.join();
    let other = thread::spawn({
        let slot = slot.clone();
        move || body(&slot)
    });
    let guard = slot.domain.pin(remover);
    guard.pinned().retire_shared(slot.unlink());
    drop(guard);
    for _ in 0..moves {
        slot.domain.try_move(Some(remover), effort);
    }
    slot.domain.collect(Some(remover));
    other.join().expect("it did not panic");
    end.iter().chain([&remover]).for_each(|record| slot.domain.leave(record));
    slot.end();
}

/// Models pins without fences, one after the other: the epoch moves on only when both threads were seen to have
/// pinned it.
#[test]
fn light_pins() {
    check(2, || {
        let slot = Slot::light();
        let reader = slot.join();
        let read = |slot: &Slot| (0..3).for_each(|_| slot.read(reader));
        retire_beside(&slot, read, (3, Effort::Light), &[reader]);
    });
}

/// Models a system that refuses a barrier after pins without fences: the threads get fences, and are waited for until
/// they have them.
#[test]
fn barrier_refused() {
    check(1, || {
        let slot = Slot::light();
        let reader = slot.join();
        let read = |slot: &Slot| (0..2).for_each(|_| slot.read(reader));
        retire_beside(&slot, read, (4, Effort::Full), &[reader]);
    });
}

/// Models a thread that stops executing fences in its pins, while the epoch moves past it.
#[test]
fn fences_are_left_out_again() {
    check(2, || {
        let slot = Slot::light();
        let reader = slot.join();
        // Sets the flag as a barrier would have left it.
        reader.fenced.store(true, Ordering::Relaxed);
        retire_beside(&slot, |slot| slot.read(reader), (3, Effort::Light), &[reader]);
    });
}

/// Models a thread that takes a free record and pins without a fence, while the epoch moves past it.
#[test]
fn record_taken() {
    check(2, || {
        let slot = Slot::light();
        let (old, kept) = (slot.join(), slot.join());
        slot.domain.leave(old);
        let visit = |slot: &Slot| {
            let record = slot.join();
            slot.read(record);
            slot.domain.leave(record);
        };
        retire_beside(&slot, visit, (3, Effort::Light), &[kept]);
    });
}

/// An object that its owner retired before it tried to move the epoch is freed after two moves.
#[test]
fn bag_closed() {
    check(2, || {
        let slot = Slot::new();
        let (reader, remover) = (slot.join(), slot.join());
        let threads = [
            thread::spawn({
                let slot = slot.clone();
                move || slot.read(reader)
            }),
            thread::spawn({
                let slot = slot.clone();
                move || {
                    slot.domain.try_move(None, Effort::Full);
                }
            }),
        ];
        let guard = slot.domain.pin(remover);
        guard.pinned().retire(slot.unlink());
        drop(guard);
        for _ in 0..3 {
            slot.domain.collect(Some(remover));
        }
        join_all(threads);
        slot.end();
    });
}

/// Models a table that gets a next one while a mover finds a lagging thread and makes it fence. What that thread may
/// still do without a lock must not be missed.
#[test]
fn settled_beside_a_barrier() {
    check(1, || {
        let slot = Slot::light();
        let (writer, settler) = (slot.join(), slot.join());
        // The writer lags from now on.
        slot.domain.try_move(Some(settler), Effort::Light);
        let threads = [
            // Finds the table open; here, finds the object.
            thread::spawn({
                let slot = slot.clone();
                move || slot.read(writer)
            }),
            thread::spawn({
                let slot = slot.clone();
                move || {
                    slot.domain.try_move(None, Effort::Full);
                }
            }),
        ];
        let guard = slot.domain.pin(settler);
        let retired = slot.unlink();
        if guard.pinned().others_settled() {
            super::free_all([retired]);
        } else {
            guard.pinned().retire_shared(retired);
        }
        drop(guard);
        join_all(threads);
        slot.leave(&[writer, settler]);
        slot.end();
    });
}

/// Models an object that is retired while another thread finds that nothing is left to free.
#[test]
fn pending_is_not_forgotten() {
    check(2, || {
        let domain = Arc::new(Domain::new(true));
        domain.pending.set();
        domain.pending.review(false, 1);
        let setter = thread::spawn({
            let domain = domain.clone();
            move || domain.pending.set()
        });
        domain.pending.review(false, 3);
        setter.join().expect("it did not panic");
        assert!(domain.pending.is_set());
    });
}

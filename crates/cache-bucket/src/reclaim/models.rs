//! What is retired is never freed while a pinned thread may see it, whoever pins, moves the epoch, comes and goes.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use loom::thread;

use super::{Domain, Effort, Record, Retired};
use crate::models::{Tracked, check};
use crate::primitive::{AtomicPtr, Ordering};

/// An object that anyone may find, until it is removed.
struct Slot {
    object: AtomicPtr<Tracked>,
    domain: Domain,
    dropped: Arc<AtomicUsize>,
}

impl Slot {
    /// With pins that have fences of their own, as where there is no `membarrier`: that this is the same is argued in
    /// `docs/bucket-proofs.md`.
    fn new() -> Arc<Self> {
        Self::of(Domain::new(true))
    }

    /// With pins that have no fences. The epoch moves when all are seen to have pinned it. A barrier, which is not to be had
    /// here, is refused.
    fn light() -> Arc<Self> {
        Self::of(Domain::new(false))
    }

    fn of(domain: Domain) -> Arc<Self> {
        let dropped = Arc::new(AtomicUsize::new(0));
        let object = Box::into_raw(Box::new(Tracked::new(7, &dropped)));
        Arc::new(Self { object: AtomicPtr::new(object), domain, dropped })
    }

    /// A record for a thread of the model.
    fn join(&self) -> &'static Record {
        // SAFETY: it lives as long as the domain. Every thread of a model has a reference to that while it runs.
        unsafe { &*ptr::from_ref(self.domain.join()) }
    }

    /// Looks at the object, if it is there.
    fn read(&self, record: &Record) {
        let _guard = self.domain.pin(record);
        // SAFETY: null, or an object that is freed after all pins under which it could be found. That is what the
        // models are about.
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
        // SAFETY: nobody finds it any more, and `Tracked` may be dropped anywhere.
        unsafe { Retired::new(object.cast(), free) }
    }

    /// Moves the epoch on so many times, if it can, and frees what it may.
    fn move_on(&self, times: usize) {
        for _ in 1..times {
            self.domain.try_move(None, Effort::Full);
        }
        self.domain.tidy(None);
    }

    /// Ends these threads, so that nobody has to pin for the epoch to move on.
    fn leave(&self, records: &[&Record]) {
        records.iter().for_each(|record| self.domain.leave(record));
    }

    /// Frees everything, now that nobody is pinned: no less than what there was, and no more.
    fn end(&self) {
        self.domain.drive(None);
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

/// A reader, a remover, and one who moves the epoch on.
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

/// A reader that pins again at once: whoever sees the second pin must see the end of the first.
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

/// One moves the epoch on, and another frees: it must see what the first saw end.
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
        slot.domain.tidy(None);
        join_all(threads);
        slot.end();
    });
}

/// A thread that ends, and another that takes its record: whoever sees the second's pins must see the end of the
/// first's.
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

/// A thread that ends with something retired, while another frees what it can: it is freed, and once.
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
        slot.domain.drive(None);
        join_all(threads);
        slot.end();
    });
}

/// The owner of a bag, and one who takes out of it what it can at the same time.
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
                // Once more, when the other may have been at the bag.
                // SAFETY: nothing is dropped.
                guard.pinned().retire(unsafe { Retired::new(ptr::null_mut(), |_| ()) });
                drop(guard);
                slot.domain.tidy(Some(remover));
            }
        });
        slot.domain.drive(None);
        owner.join().expect("it did not panic");
        slot.end();
    });
}

/// One thread does `body`, while another unlinks the object and moves the epoch on, so many times at most, before it frees what it
/// may. At the end these threads have left.
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
    slot.domain.tidy(Some(remover));
    other.join().expect("it did not panic");
    end.iter().chain([&remover]).for_each(|record| slot.domain.leave(record));
    slot.end();
}

/// Pins without fences, one after the other: the epoch moves on only when both were seen to have pinned it.
#[test]
fn light_pins() {
    check(2, || {
        let slot = Slot::light();
        let reader = slot.join();
        let read = |slot: &Slot| (0..3).for_each(|_| slot.read(reader));
        retire_beside(&slot, read, (3, Effort::Light), &[reader]);
    });
}

/// The system refuses a barrier, after pins without fences: they get fences, and are waited for until they have.
#[test]
fn barrier_refused() {
    check(1, || {
        let slot = Slot::light();
        let reader = slot.join();
        let read = |slot: &Slot| (0..2).for_each(|_| slot.read(reader));
        retire_beside(&slot, read, (4, Effort::Full), &[reader]);
    });
}

/// A thread whose pins have fences does without from one pin on, while the epoch moves past it.
#[test]
fn fences_are_left_out_again() {
    check(2, || {
        let slot = Slot::light();
        let reader = slot.join();
        // As a barrier would have left it.
        reader.fenced.store(true, Ordering::Relaxed);
        retire_beside(&slot, |slot| slot.read(reader), (3, Effort::Light), &[reader]);
    });
}

/// A thread takes a record that nobody has, and pins without a fence, while the epoch moves past it.
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

/// What its owner retired before it tried to move the epoch on goes after two moves.
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
            slot.domain.tidy(Some(remover));
        }
        join_all(threads);
        slot.end();
    });
}

/// A table gets a next one while a mover finds that a thread lags, and makes it fence. What that thread may still do without a
/// lock must not be missed.
#[test]
fn settled_beside_a_barrier() {
    check(1, || {
        let slot = Slot::light();
        let (writer, settler) = (slot.join(), slot.join());
        // The writer lags from now on.
        slot.domain.try_move(Some(settler), Effort::Light);
        let threads = [
            // Takes the table for open, which here is that the object is there.
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

/// Something is retired while it is found that nothing is left to be freed.
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

use std::ops::RangeInclusive;

use crate::AddError;
use crate::counter::primitive::{AtomicI64, AtomicU8, Backoff, Ordering};
use crate::counter::step;

/// The counter may be read and written.
const OPEN: u8 = 0;
/// One thread holds the counter: it closes it, or replaces a sentinel that is a value.
const HELD: u8 = 1;
/// No thread reads or writes the counter any more.
const CLOSED: u8 = 2;

/// A counter that can be closed. The thread that closes it knows its final value.
///
/// For maps whose counters are changed without a lock. An operation on a closed counter fails with [`Closed`]: its
/// entry is gone, and the key must be looked up again. Every `i64` is a value.
///
/// # How it works
///
/// The value and a state of one byte: open, held, or closed. A closed counter holds [`SENTINEL`](Self::SENTINEL). So
/// an operation that finds any other value does not read the state: it takes one load and one compare-and-swap.
///
/// The sentinel is a value like any other while the state is open. Three rules keep the two apart:
///
/// 1. The sentinel is replaced only by the thread that holds the counter. All others change the value by
///    compare-and-swap, and expect something else.
/// 2. A counter is closed by the thread that holds it: it puts the sentinel in place of the final value, and then
///    changes the state from held to closed. If the value has changed meanwhile, it changes the state back to open.
/// 3. A closed counter is never opened again.
///
/// *No write succeeds on a closed counter.* Once it holds the sentinel, a compare-and-swap that expects another value
/// fails. A thread that would replace the sentinel must hold the counter first, and the closing thread never gives up
/// its hold. (Two sentinels without a hold would not do: a thread that once read the first sentinel as a value, and
/// was interrupted, could still put its sum in place of that sentinel after the counter was closed with it.)
///
/// *A sentinel beside an open state is a value.* The closing thread holds the counter before it stores the sentinel,
/// and the state is never open afterwards. Its store of the sentinel is a release and the load that sees it an
/// acquire, so a later look at the state finds it held or closed.
///
/// While the state is held, a thread that finds the sentinel waits: for a few instructions, or for a time slice if
/// the holder is preempted. Nothing that can panic or wait runs under the hold.
///
/// # Removal without closing
///
/// [`detach`](Self::detach) is for a cheap removal. It marks a counter that was taken out of its map, and returns
/// whether it was open. Operations that had found the counter before go on; they are ordered before the removal.
/// Closing it afterwards fails, so no removal is reported twice.
///
/// # Examples
///
/// ```
/// use cache_core::counter::{Closable, Closed};
///
/// let counter = Closable::new(5);
/// assert_eq!(counter.add(2), Ok(7));
/// assert_eq!(counter.close_if(5), Ok(Err(7)));
/// assert_eq!(counter.close_if(7), Ok(Ok(())));
/// assert_eq!(counter.add(1), Err(Closed));
/// ```
#[derive(Debug)]
pub struct Closable {
    value: AtomicI64,
    state: AtomicU8,
}

/// The error for a closed counter. Its entry has been removed: look the key up again.
///
/// # Examples
///
/// ```
/// use cache_core::counter::{Closable, Closed};
/// let counter = Closable::new(1);
/// assert_eq!(counter.close(), Ok(1));
/// assert_eq!(counter.get(), Err(Closed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl Closable {
    /// The value of a closed counter. An open counter may have this value too, but its operations are slower then.
    pub const SENTINEL: i64 = -0x5A17_C105_EDC0_47E5;

    /// Creates an open counter.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::Closable;
    /// assert_eq!(Closable::new(5).get(), Ok(5));
    /// ```
    #[must_use]
    pub fn new(value: i64) -> Self {
        Self { value: AtomicI64::new(value), state: AtomicU8::new(OPEN) }
    }

    /// Reads the value.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the counter is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::Closable;
    /// assert_eq!(Closable::new(5).get(), Ok(5));
    /// ```
    #[inline]
    pub fn get(&self) -> Result<i64, Closed> {
        match self.value.load(Ordering::Acquire) {
            Self::SENTINEL => self.get_sentinel(),
            value => Ok(value),
        }
    }

    /// Stores a value.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the counter is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::Closable;
    /// let counter = Closable::new(5);
    /// counter.set(6).unwrap();
    /// assert_eq!(counter.get(), Ok(6));
    /// ```
    #[inline]
    pub fn set(&self, value: i64) -> Result<(), Closed> {
        self.swap(value).map(drop)
    }

    /// Stores a value and returns the previous one.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the counter is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::Closable;
    /// assert_eq!(Closable::new(5).swap(0), Ok(5));
    /// ```
    #[inline]
    pub fn swap(&self, value: i64) -> Result<i64, Closed> {
        self.change(|current| Change { new: Some(value), result: current })
    }

    /// Adds to the value, wrapping on overflow, and returns the sum.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the counter is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::Closable;
    /// assert_eq!(Closable::new(7).add(-3), Ok(4));
    /// ```
    #[inline]
    pub fn add(&self, delta: i64) -> Result<i64, Closed> {
        self.change(|current| {
            let sum = current.wrapping_add(delta);
            Change { new: Some(sum), result: sum }
        })
    }

    /// Adds if the sum lies within `bounds`, and returns the sum.
    ///
    /// The inner result is as for [`counter::try_add`](super::try_add).
    ///
    /// # Errors
    ///
    /// [`Closed`] if the counter is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache::AddError;
    /// use cache_core::counter::Closable;
    /// let stock = Closable::new(1);
    /// assert_eq!(stock.try_add(-1, &(0..=i64::MAX)), Ok(Ok(0)));
    /// assert_eq!(stock.try_add(-1, &(0..=i64::MAX)), Ok(Err(AddError::OutOfBounds { current: 0 })));
    /// ```
    #[inline]
    pub fn try_add(&self, delta: i64, bounds: &RangeInclusive<i64>) -> Result<Result<i64, AddError>, Closed> {
        self.change(|current| {
            let sum = step(current, delta, bounds);
            Change { new: sum.ok(), result: sum }
        })
    }

    /// Stores `new` if the value is `current`. Otherwise the inner error is the value.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the counter is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::Closable;
    /// let counter = Closable::new(5);
    /// assert_eq!(counter.compare_exchange(4, 0), Ok(Err(5)));
    /// assert_eq!(counter.compare_exchange(5, 0), Ok(Ok(())));
    /// ```
    #[inline]
    pub fn compare_exchange(&self, current: i64, new: i64) -> Result<Result<(), i64>, Closed> {
        self.change(|seen| {
            let same = seen == current;
            Change { new: same.then_some(new), result: if same { Ok(()) } else { Err(seen) } }
        })
    }

    /// Closes the counter if its value is `value`, which is the final value then. Otherwise the inner error is the
    /// value.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the counter is closed or detached already.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::{Closable, Closed};
    /// let counter = Closable::new(5);
    /// assert_eq!(counter.close_if(4), Ok(Err(5)));
    /// assert_eq!(counter.close_if(5), Ok(Ok(())));
    /// assert_eq!(counter.close_if(5), Err(Closed));
    /// ```
    pub fn close_if(&self, value: i64) -> Result<Result<(), i64>, Closed> {
        let hold = self.hold()?;
        match self.value.compare_exchange(value, Self::SENTINEL, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                hold.close();
                Ok(Ok(()))
            }
            // A value, even if it is the sentinel: no other thread can have closed the counter.
            Err(seen) => {
                hold.release();
                Ok(Err(seen))
            }
        }
    }

    /// Closes the counter and returns its final value.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the counter is closed or detached already.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::{Closable, Closed};
    /// let counter = Closable::new(5);
    /// assert_eq!(counter.close(), Ok(5));
    /// assert_eq!(counter.close(), Err(Closed));
    /// ```
    pub fn close(&self) -> Result<i64, Closed> {
        let hold = self.hold()?;
        let last = self.value.swap(Self::SENTINEL, Ordering::AcqRel);
        hold.close();
        Ok(last)
    }

    /// Marks a counter that was just taken out of its map, and returns whether it was open.
    ///
    /// If it was closed, the thread that closed it has removed the key.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_core::counter::{Closable, Closed};
    /// let counter = Closable::new(5);
    /// assert!(counter.detach());
    /// assert!(!counter.detach());
    /// assert_eq!(counter.close(), Err(Closed));
    /// // One that found the counter before goes on.
    /// assert_eq!(counter.add(1), Ok(6));
    /// ```
    #[must_use]
    pub fn detach(&self) -> bool {
        self.leave_open(CLOSED).is_ok()
    }

    /// Replaces the value with the result of `f`, which may be called several times.
    #[inline]
    fn change<R>(&self, mut f: impl FnMut(i64) -> Change<R>) -> Result<R, Closed> {
        let mut current = self.value.load(Ordering::Acquire);
        loop {
            if current == Self::SENTINEL {
                match self.change_sentinel(&mut f)? {
                    Some(result) => return Ok(result),
                    None => current = self.value.load(Ordering::Acquire),
                }
                continue;
            }
            let Change { new, result } = f(current);
            let Some(new) = new else { return Ok(result) };
            match self.value.compare_exchange_weak(current, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(result),
                Err(seen) => current = seen,
            }
        }
    }

    /// Replaces a value that is the sentinel; `None` if the value has changed.
    #[cold]
    #[inline(never)]
    fn change_sentinel<R>(&self, f: &mut dyn FnMut(i64) -> Change<R>) -> Result<Option<R>, Closed> {
        let hold = self.hold()?;
        let mut done = None;
        if self.value.load(Ordering::Acquire) == Self::SENTINEL {
            let Change { new, result } = f(Self::SENTINEL);
            // By rule 1, no other thread changes it now.
            if let Some(new) = new {
                self.value.store(new, Ordering::Release);
            }
            done = Some(result);
        }
        hold.release();
        Ok(done)
    }

    #[cold]
    #[inline(never)]
    fn get_sentinel(&self) -> Result<i64, Closed> {
        let mut backoff = Backoff::default();
        loop {
            let value = self.value.load(Ordering::Acquire);
            if value != Self::SENTINEL {
                return Ok(value);
            }
            // After the value: see the second claim above.
            match self.state.load(Ordering::Acquire) {
                OPEN => return Ok(value),
                CLOSED => return Err(Closed),
                _ => backoff.wait(),
            }
        }
    }

    /// Holds the counter, after waiting for any other holder.
    fn hold(&self) -> Result<Hold<'_>, Closed> {
        self.leave_open(HELD)?;
        Ok(Hold(&self.state))
    }

    /// Changes the state from open to `next`, after waiting for any holder.
    fn leave_open(&self, next: u8) -> Result<(), Closed> {
        let mut backoff = Backoff::default();
        loop {
            match self.state.compare_exchange_weak(OPEN, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(CLOSED) => return Err(Closed),
                Err(_) => backoff.wait(),
            }
        }
    }
}

/// The outcome of an operation on a value: the new value, if it changes, and the result.
struct Change<R> {
    new: Option<i64>,
    result: R,
}

/// This thread's hold on a counter.
struct Hold<'a>(&'a AtomicU8);

impl Hold<'_> {
    fn release(self) {
        self.0.store(OPEN, Ordering::Release);
    }

    fn close(self) {
        self.0.store(CLOSED, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const S: i64 = Closable::SENTINEL;

    #[test]
    fn the_sentinel_is_a_value() {
        let counter = Closable::new(S);
        assert_eq!(counter.get(), Ok(S));
        assert_eq!(counter.add(0), Ok(S));
        assert_eq!(counter.compare_exchange(S, S), Ok(Ok(())));
        assert_eq!(counter.compare_exchange(0, 1), Ok(Err(S)));
        assert_eq!(counter.add(5), Ok(S + 5));
        assert_eq!(counter.swap(S), Ok(S + 5));
        assert_eq!(counter.try_add(1, &(0..=9)), Ok(Err(AddError::OutOfBounds { current: S })));
        assert_eq!(counter.close_if(0), Ok(Err(S)));
        assert_eq!(counter.get(), Ok(S));
        assert_eq!(counter.close_if(S), Ok(Ok(())));
        assert_eq!(counter.get(), Err(Closed));
    }

    #[test]
    fn nothing_works_once_it_is_closed() {
        for value in [0, 7, S, i64::MIN, i64::MAX] {
            let counter = Closable::new(value);
            assert_eq!(counter.close(), Ok(value));
            assert_eq!(counter.get(), Err(Closed));
            assert_eq!(counter.set(S), Err(Closed));
            assert_eq!(counter.add(1), Err(Closed));
            assert_eq!(counter.try_add(0, &(i64::MIN..=i64::MAX)), Err(Closed));
            assert_eq!(counter.compare_exchange(S, 1), Err(Closed));
            assert_eq!(counter.close(), Err(Closed));
            assert_eq!(counter.close_if(S), Err(Closed));
            assert!(!counter.detach());
        }
    }
}

//! The desk: from a reservation to a settled order, whatever the client does.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cache_core::Backend;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use super::{HandOff, Order, Outcome, Refusal, Submitted, observe};
use crate::{Goods, Reservation, Unsettled};

/// The first wait before the books are asked what became of an order.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// The longest one. Books that are down for an hour are found back within this.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Hands reservations over to the books, each in a task of its own. Clones are the same desk.
///
/// From the call of [`submit`](Desk::submit) on, no time limit ends the reservation: its order may be in the books already. The
/// answer of the books decides. Where there is none, the desk asks them until there is.
///
/// # Examples
///
/// ```
/// # use std::collections::HashMap;
/// # use std::sync::Mutex;
/// # use cache_gate::handoff::{HandOff, Order, OrderState, Submitted, Unanswered};
/// # #[derive(Default)]
/// # struct Memory(Mutex<HashMap<String, Order>>);
/// # impl HandOff for Memory {
/// #     async fn submit(&self, order: &Order, _: cache_gate::Goods) -> Submitted {
/// #         self.0.lock().unwrap().insert(order.id.clone(), order.clone());
/// #         Submitted::Durable
/// #     }
/// #     async fn find(&self, order: &Order) -> Result<Option<OrderState>, Unanswered> {
/// #         Ok(self.0.lock().unwrap().contains_key(&order.id).then_some(OrderState::Accepted))
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::{Duration, Instant};
/// use cache_gate::handoff::{Desk, Outcome};
/// use cache_gate::{Admission, Event, Gate, Item, Request, State};
/// use cache_rwlock::RwLockBackend;
///
/// let gate: Gate<RwLockBackend> = Gate::builder().build();
/// gate.add_event(Event::new("sale"))?;
/// gate.add_item(Item::new("sku:1", "sale", 100))?;
/// gate.set_ready(true);
///
/// let desk = Desk::new(Memory::default());
/// let Admission::Held(reservation) = gate.admit(&Request::new("ann", "sku:1", 1))? else { panic!("no retry") };
/// let ticket = reservation.ticket();
/// assert_eq!(desk.submit(reservation, ticket.to_string()).await, Outcome::Accepted);
/// assert_eq!(gate.state(ticket), Some(State::Committed));
///
/// // At the end: take no more, and wait for those under way.
/// assert_eq!(desk.drain(Duration::from_secs(10)).await, 0);
/// # Ok(())
/// # }
/// ```
pub struct Desk<H: HandOff> {
    shared: Arc<Shared<H>>,
}

struct Shared<H> {
    books: H,
    /// Orders that are not settled yet. `SeqCst`, and so is `closed`: either the submitter sees that the desk is closed, or `drain`
    /// sees the submitter.
    under_way: AtomicUsize,
    /// Those of them whose outcome is unknown.
    unknown: AtomicUsize,
    closed: AtomicBool,
    idle: Notify,
}

impl<H: HandOff> Desk<H> {
    /// A desk of these books.
    ///
    /// # Examples
    ///
    /// See [`Desk`].
    pub fn new(books: H) -> Self {
        let shared = Shared {
            books,
            under_way: AtomicUsize::new(0),
            unknown: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            idle: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The books.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::handoff::{Desk, HandOff};
    /// fn depth<H: HandOff>(desk: &Desk<H>) -> usize {
    ///     desk.books().depth()
    /// }
    /// ```
    pub fn books(&self) -> &H {
        &self.shared.books
    }

    /// Hands the order of a reservation over, under this id, and settles both.
    ///
    /// The work is done by a task. Dropping the [`Submission`] changes nothing: wait for it for as long as the client does. A hand-off
    /// that panics leaves the outcome unknown.
    ///
    /// # Examples
    ///
    /// See [`Desk`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with a timer.
    pub fn submit<B: Backend>(&self, reservation: Reservation<B>, id: impl Into<String>) -> Submission {
        let runtime = Handle::current();
        let (reply, answer) = oneshot::channel();
        let submission = Submission { answer };
        let refuse = |why| Outcome::Refused { why, retry_after: None };
        let under_way = UnderWay::new(&self.shared);
        if self.shared.closed.load(SeqCst) {
            drop(reservation);
            let _ = reply.send(refuse(Refusal::Closed));
            return submission;
        }
        let order = Order::new(id, &reservation);
        match reservation.unsettled() {
            Ok(unsettled) => drop(runtime.spawn(under_way.run(unsettled, order, reply))),
            // Somebody cancelled it, or its time was over.
            Err(_) => drop(reply.send(refuse(Refusal::Expired))),
        }
        submission
    }

    /// The number of orders that are not settled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::handoff::{Desk, HandOff};
    /// fn is_idle<H: HandOff>(desk: &Desk<H>) -> bool {
    ///     desk.under_way() == 0
    /// }
    /// ```
    pub fn under_way(&self) -> usize {
        self.shared.under_way.load(SeqCst)
    }

    /// The number of orders whose outcome is unknown, among those under way.
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_gate::handoff::{Desk, HandOff};
    /// fn is_healthy<H: HandOff>(desk: &Desk<H>) -> bool {
    ///     desk.unknown() == 0
    /// }
    /// ```
    pub fn unknown(&self) -> usize {
        self.shared.unknown.load(SeqCst)
    }

    /// Takes no more orders, and waits until all are settled, at most for `limit`. Returns the number of those that are not: the
    /// books will tell the next process.
    ///
    /// # Examples
    ///
    /// See [`Desk`].
    pub async fn drain(&self, limit: Duration) -> usize {
        self.shared.closed.store(true, SeqCst);
        let idle = async {
            loop {
                let mut notified = pin!(self.shared.idle.notified());
                // Before the look, or the last order could end between the two unnoticed.
                notified.as_mut().enable();
                if self.under_way() == 0 {
                    return;
                }
                notified.await;
            }
        };
        let _ = timeout(limit, idle).await;
        self.under_way()
    }
}

impl<H: HandOff> Clone for Desk<H> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<H: HandOff> fmt::Debug for Desk<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("under_way", &self.under_way())
            .field("unknown", &self.unknown())
            .finish_non_exhaustive()
    }
}

/// The answer to an order that was handed over. Dropping it changes nothing.
///
/// # Examples
///
/// See [`Desk`].
#[derive(Debug)]
pub struct Submission {
    answer: oneshot::Receiver<Outcome>,
}

impl Future for Submission {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        // Without an answer, the runtime went down under the task.
        Pin::new(&mut self.answer).poll(context).map(|answer| answer.unwrap_or(Outcome::Unknown))
    }
}

/// An order that is not settled. It is counted until it is dropped, which a panic does too.
struct UnderWay<H: HandOff> {
    shared: Arc<Shared<H>>,
    is_unknown: bool,
}

impl<H: HandOff> UnderWay<H> {
    fn new(shared: &Arc<Shared<H>>) -> Self {
        shared.under_way.fetch_add(1, SeqCst);
        Self { shared: Arc::clone(shared), is_unknown: false }
    }

    async fn run<B: Backend>(
        mut self,
        unsettled: Unsettled<B>,
        order: Order,
        reply: oneshot::Sender<Outcome>,
    ) {
        let books = Arc::clone(&self.shared);
        let (goods, began) = (goods(&unsettled), Instant::now());
        let submitted = caught(async { books.books.submit(&order, goods).await }).await;
        let outcome = match submitted.unwrap_or(Submitted::Unknown) {
            Submitted::Durable => {
                unsettled.commit();
                Outcome::Accepted
            }
            Submitted::Refused { why, retry_after } => {
                if why == Refusal::Unavailable {
                    unsettled.gate().report(false);
                }
                unsettled.release();
                Outcome::Refused { why, retry_after }
            }
            Submitted::Unknown => {
                self.is_unknown = true;
                self.shared.unknown.fetch_add(1, SeqCst);
                unsettled.gate().report(false);
                observe::submitted(&Outcome::Unknown, began.elapsed());
                let _ = reply.send(Outcome::Unknown);
                let found = self.settle(unsettled, order).await;
                return observe::settled(found, began.elapsed());
            }
        };
        observe::submitted(&outcome, began.elapsed());
        // The order is settled before the client hears of it.
        drop(self);
        let _ = reply.send(outcome);
    }

    /// Asks until the books have answered. Returns whether they have the order.
    async fn settle<B: Backend>(self, unsettled: Unsettled<B>, order: Order) -> bool {
        let books = &self.shared.books;
        let mut wait = FIRST_WAIT;
        loop {
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            match caught(async { books.find(&order).await }).await {
                Some(Ok(Some(state))) => {
                    let (gate, ticket) = (unsettled.gate().clone(), unsettled.ticket());
                    unsettled.commit();
                    if !state.holds_units() {
                        // Its buyer was faster. A late copy of the request must not buy again, so it is not released. An error says that
                        // somebody else has cancelled it.
                        let _ = gate.cancel(ticket);
                    }
                    return true;
                }
                Some(Ok(None)) => {
                    unsettled.release();
                    return false;
                }
                Some(Err(_)) | None => {}
            }
        }
    }
}

impl<H: HandOff> Drop for UnderWay<H> {
    fn drop(&mut self) {
        if self.is_unknown {
            self.shared.unknown.fetch_sub(1, SeqCst);
        }
        if self.shared.under_way.fetch_sub(1, SeqCst) == 1 {
            self.shared.idle.notify_waiters();
        }
    }
}

/// What the order is paid for with: units of a lease, or nothing that the books must know of.
#[cfg(feature = "redis")]
fn goods<B: Backend>(unsettled: &Unsettled<B>) -> Goods {
    unsettled.take_leased().map_or(Goods::Counted, |taken| Goods::Leased(Some(taken)))
}

#[cfg(not(feature = "redis"))]
fn goods<B: Backend>(_: &Unsettled<B>) -> Goods {
    Goods::Counted
}

/// The output of a future; `None` if it panicked.
async fn caught<T>(future: impl Future<Output = T> + Send) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // It is not polled again after a panic, so nobody sees what it left half done.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

//! Sends the requests of a plan when they are due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::plan::BLOCKED;
use crate::tally::{add, read};
use crate::{Accepted, Act, Answer, Attempt, Client, Link, Plan, Reply, Seen, Shape, Tally, Target};

/// How long a client waits before it connects again.
const PAUSE: Duration = Duration::from_millis(50);

/// How long it may take until all nodes know of a sale.
const LONGEST_NEWS: Duration = Duration::from_secs(30);

/// Users that only buy what is left at the end.
const SPARE: u32 = 1_000;

/// An item that nobody sells.
const NOBODYS: &str = "nobody-sells-this";

/// The events and items of one run.
#[derive(Clone, Debug)]
pub struct Sale {
    /// What all its names begin with.
    prefix: String,
    shape: Shape,
}

/// The counts and latencies of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The sale.
    pub sale: Sale,
    /// Counts and latencies.
    pub tally: Tally,
    /// Orders and contradictions.
    pub seen: Seen,
    /// How long it took.
    pub took: Duration,
}

impl Sale {
    /// The users that a shape needs, with those who are black-listed and those who buy the rest.
    #[must_use]
    pub fn users(shape: &Shape) -> u32 {
        shape.users + BLOCKED + SPARE
    }

    /// The users who buy the rest.
    pub(crate) fn spare(&self) -> std::ops::Range<u32> {
        let first = self.shape.users + BLOCKED;
        first..first + SPARE
    }

    /// The name of an item by its number.
    #[must_use]
    pub fn item(&self, number: u32) -> String {
        format!("{}-{number}", self.prefix)
    }

    /// The names of all items on sale.
    pub fn items(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.shape.items).map(|number| self.item(number))
    }

    /// The items on sale.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn target(&self, target: Target) -> String {
        match target {
            Target::Item(number) => self.item(number),
            Target::Unknown => NOBODYS.to_owned(),
            Target::Early => format!("{}-early", self.prefix),
        }
    }

    /// Makes the events and items known to the service, and black-lists some users.
    ///
    /// # Errors
    ///
    /// If the service does not answer, or refuses.
    pub async fn prepare(client: &Client, shape: &Shape) -> Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let now = u64::try_from(since.as_millis())?;
        let sale = Self { prefix: format!("load-{now}"), shape: shape.clone() };
        let day = 86_400_000;
        let (open, later) = (format!("{}-open", sale.prefix), format!("{}-later", sale.prefix));
        for (event, starts, ends) in [(&open, now - 1_000, now + day), (&later, now + day, now + 2 * day)] {
            let body = json!({ "id": event, "starts": starts, "ends": ends });
            client.administrate("POST", "/admin/events", &body).await?;
        }
        let add = async |item: String, title: String, event: &str| {
            let body = json!({ "id": item, "event": event, "title": title, "stock": shape.stock, "limit": shape.limit });
            client.administrate("POST", "/admin/items", &body).await
        };
        for (number, item) in (1..).zip(sale.items()) {
            add(item, format!("Item {number}"), &open).await?;
        }
        add(sale.target(Target::Early), "Not yet".to_owned(), &later).await?;
        let blocked: Vec<_> = (shape.users..shape.users + BLOCKED).map(|user| client.name(user)).collect();
        client.administrate("POST", "/admin/lists", &json!({ "block": blocked })).await?;
        // The lists came last: a node that has them has everything.
        let begin = Instant::now();
        let knows =
            |stats: &Value| stats["blocked"].as_u64().is_some_and(|blocked| blocked >= u64::from(BLOCKED));
        while !client.ask_each("/admin/stats").await.iter().all(knows) {
            ensure!(begin.elapsed() < LONGEST_NEWS, "a node does not know of the sale");
            tokio::time::sleep(PAUSE).await;
        }
        Ok(sale)
    }
}

/// Prepares a sale and sends all requests of its shape. `midway` is awaited beside them from half the time on.
///
/// # Errors
///
/// If the sale cannot be prepared. What happens afterwards is counted.
pub async fn run(
    client: &Client,
    shape: &Shape,
    midway: impl Future<Output = Result<()>>,
) -> Result<Outcome> {
    let sale = Sale::prepare(client, shape).await?;
    let work = Arc::new(Work {
        plan: Plan::new(shape),
        client: client.clone(),
        outcome: Outcome { sale, tally: Tally::new(), seen: Seen::new(shape.items), took: Duration::ZERO },
        due: Semaphore::new(0),
        next: AtomicU64::new(0),
        start: Instant::now(),
    });
    let pacer = {
        let work = Arc::clone(&work);
        std::thread::spawn(move || work.pace())
    };
    let workers: Vec<_> =
        (0..shape.connections as usize).map(|worker| tokio::spawn(Arc::clone(&work).work(worker))).collect();
    let progress = (!shape.quiet).then(|| tokio::spawn(Arc::clone(&work).progress()));
    let half = async {
        while work.next.load(Ordering::Relaxed) < shape.attempts() / 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        midway.await
    };
    let all = async {
        for worker in workers {
            worker.await.context("a worker panicked")?;
        }
        Ok(())
    };
    let ((), ()) = tokio::try_join!(half, all)?;
    if let Some(progress) = progress {
        progress.abort();
        // Its handle on the work is dropped with it.
        let _ = progress.await;
    }
    pacer.join().map_err(|_| anyhow::anyhow!("the pacer panicked"))?;
    let work = Arc::into_inner(work).context("somebody is still at work")?;
    Ok(Outcome { took: work.start.elapsed(), ..work.outcome })
}

struct Work {
    plan: Plan,
    client: Client,
    outcome: Outcome,
    /// A permit for each request that is due.
    due: Semaphore,
    next: AtomicU64,
    start: Instant,
}

impl Work {
    /// Releases requests when they are due. A thread, because it wakes more exactly than the runtime's timers, which count
    /// milliseconds.
    fn pace(&self) {
        let shape = self.outcome.sale.shape();
        let total = shape.attempts();
        let mut released = 0;
        while released < total {
            let due = match shape.rate {
                0 => total,
                rate => (self.start.elapsed().as_secs_f64() * rate as f64) as u64 + 1,
            };
            let due = due.min(total);
            // The semaphore has an upper limit, far above a second's requests.
            for part in [(due - released) / 2, (due - released).div_ceil(2)] {
                self.due.add_permits(part as usize);
            }
            released = due;
            if shape.rate > 0 {
                let next = self.start + Duration::from_secs_f64(released as f64 / shape.rate as f64);
                std::thread::sleep(next.saturating_duration_since(Instant::now()));
            }
        }
    }

    async fn work(self: Arc<Self>, worker: usize) {
        let shape = self.outcome.sale.shape();
        let mut link = self.client.link(worker);
        loop {
            // Every worker takes one number too many at the end.
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= shape.attempts() {
                return;
            }
            let Ok(permit) = self.due.acquire().await else { return };
            permit.forget();
            let intended = match shape.rate {
                0 => Instant::now(),
                rate => self.start + Duration::from_secs_f64(number as f64 / rate as f64),
            };
            self.attempt(&mut link, number, worker, intended).await;
        }
    }

    async fn progress(self: Arc<Self>) {
        let total = self.outcome.sale.shape().attempts();
        let mut before = 0;
        for second in 1.. {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let done = self.next.load(Ordering::Relaxed).min(total);
            println!("{}", self.outcome.tally.progress(second, done, before));
            before = done;
        }
    }

    async fn attempt(&self, link: &mut Link, number: u64, worker: usize, intended: Instant) {
        let attempt = self.plan.attempt(number);
        let item = self.outcome.sale.target(attempt.target);
        let request = self.client.buy(attempt.user, &item, attempt.quantity, &format!("r{number}"));
        let Outcome { tally, seen, .. } = &self.outcome;
        if matches!(attempt.act, Act::HangUp | Act::HangUpAndRetry) {
            // Whether it arrived is not known, and does not matter.
            let _ = link.send(&request).await;
            link.hang_up();
            if attempt.act == Act::HangUp {
                add(&tally.hung_up);
                seen.unanswered(attempt.user, &item);
                return;
            }
        }
        let node = link.at();
        let first = self.ask(link, &request).await;
        tally.took(worker, intended.elapsed());
        let Some(order) = self.judge(&attempt, &item, first) else {
            if link.at() != node {
                // The node before may have sold, and died with its answer.
                seen.unanswered(attempt.user, &item);
            }
            return;
        };
        match attempt.act {
            Act::Retry => {
                let node = link.at();
                let again = self.ask(link, &request).await;
                match self.judge(&attempt, &item, again) {
                    Some(same) if same == order => {}
                    // Another node does not sell before the lease of one that died is over.
                    None if link.at() != node => {}
                    other => seen.problem(format!("request r{number} was order {order}, and then {other:?}")),
                }
            }
            Act::Cancel => self.cancel(link, attempt.user, &order).await,
            _ => {}
        }
    }

    /// Counts an answer, and returns the order if there is one.
    fn judge(&self, attempt: &Attempt, item: &str, reply: Option<Reply>) -> Option<String> {
        let Outcome { tally, seen, .. } = &self.outcome;
        let answer = reply.as_ref().and_then(|reply| reply.json::<Answer>().ok()).unwrap_or_default();
        match (reply.map(|reply| reply.status), answer) {
            (Some(202), Answer { order: Some(order), state, .. }) => {
                if state.as_deref() == Some("unknown") {
                    // It may be in the books or not, as if the client had hung up.
                    add(&tally.unknown);
                    seen.unanswered(attempt.user, item);
                    return None;
                }
                let quantity = attempt.quantity;
                let accepted =
                    Accepted { user: attempt.user, item: item.to_owned(), quantity, cancelled: None };
                add(if seen.accept(&order, accepted) { &tally.accepted } else { &tally.repeated });
                if attempt.user >= self.outcome.sale.shape().users
                    || !matches!(attempt.target, Target::Item(_))
                {
                    seen.problem(format!("order {order} was accepted, and should not: {attempt:?}"));
                }
                Some(order)
            }
            (Some(400..=499 | 503), Answer { error: Some(reason), .. }) if tally.refuse(&reason) => {
                if let (Target::Item(item), "sold_out") = (attempt.target, reason.as_str()) {
                    seen.sell_out(item);
                }
                None
            }
            (status, answer) => {
                add(&tally.errors);
                // Without an answer it may have been bought.
                if status.is_none_or(|status| status >= 500) {
                    seen.unanswered(attempt.user, item);
                }
                if let Some(status) = status {
                    seen.problem(format!("a purchase was answered {status}: {answer:?}"));
                }
                None
            }
        }
    }

    async fn cancel(&self, link: &mut Link, user: u32, order: &str) {
        let Outcome { tally, seen, .. } = &self.outcome;
        let request = self.client.cancel(user, order);
        let begin = Instant::now();
        let reply = loop {
            let reply = self.ask(link, &request).await;
            // The books do not answer. To cancel again changes nothing.
            let is_busy = reply.as_ref().is_some_and(|reply| reply.status == 503);
            if !is_busy || begin.elapsed() > Duration::from_secs(self.outcome.sale.shape().patience) {
                break reply;
            }
            tokio::time::sleep(PAUSE).await;
        };
        match reply.map(|reply| reply.status) {
            Some(200) => {
                add(&tally.cancelled);
                seen.cancel(order, Some(true));
            }
            // It is too late, or the order's outcome is not known yet.
            Some(409) => seen.cancel(order, Some(false)),
            status => {
                add(&tally.errors);
                seen.cancel(order, None);
                if let Some(status) = status {
                    seen.problem(format!("the cancellation of {order} was answered {status}"));
                }
            }
        }
    }

    /// Sends a request until it is answered, or patience is over.
    async fn ask(&self, link: &mut Link, request: &[u8]) -> Option<Reply> {
        let patience = Duration::from_secs(self.outcome.sale.shape().patience);
        let begin = Instant::now();
        loop {
            let reply = link.ask(request).await;
            match reply {
                // A service that starts is asked again.
                Ok(reply) if reply.status == 503 && is_starting(&reply) => {}
                Ok(reply) => return Some(reply),
                Err(_) => {}
            }
            if begin.elapsed() > patience {
                return None;
            }
            add(&self.outcome.tally.resent);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn is_starting(reply: &Reply) -> bool {
    reply.json::<Value>().is_ok_and(|answer| answer["error"] == "not_ready")
}

impl Outcome {
    /// Requests a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.sale.shape().attempts() as f64 / self.took.as_secs_f64()
    }

    /// Requests that were answered as they should not be.
    #[must_use]
    pub fn errors(&self) -> u64 {
        read(&self.tally.errors)
    }
}

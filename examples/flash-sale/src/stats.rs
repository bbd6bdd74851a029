//! What the admin page shows: a sample of everything each second, and the samples of the last minutes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cache_gate::{Breaker, ItemStats, Reason, Statistics};
use serde_json::{Value, json};

use crate::app::App;
use crate::latency::Counted;
use crate::specs::Moment;

/// The samples that are kept: two minutes.
const KEPT: usize = 120;

/// Percentiles are those of so many seconds: of one second, the highest would be those of single requests.
const WINDOW: usize = 10;

/// The items that are asked for most, as far as they are shown.
const HOT: usize = 10;

/// The items whose history is kept. A page with more of them cannot be read.
const CHARTED: usize = 50;

/// Samples, one each second.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    kept: Mutex<VecDeque<Sample>>,
}

#[derive(Debug)]
struct Sample {
    at: Instant,
    latency: Counted,
    statistics: Statistics,
    /// What is left of the items.
    left: BTreeMap<String, u64>,
}

impl Stats {
    /// Adds a sample.
    pub(crate) fn sample(&self, app: &App) {
        let items = app.gate.items();
        let left =
            items.iter().take(CHARTED).map(|item| (item.id.clone(), app.left(&item.id, item.left))).collect();
        let statistics = app.gate.statistics().unwrap_or_default();
        let sample = Sample { at: Instant::now(), latency: app.latency.counted(), statistics, left };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(sample);
    }

    /// Everything that the page shows.
    pub(crate) fn report(&self, app: &App) -> Value {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let statistics = app.gate.statistics().unwrap_or_default();
        let refused: BTreeMap<_, _> =
            Reason::ALL.iter().map(|&reason| (reason.name(), statistics.refused(reason))).collect();
        let load = app.gate.load();
        let items: Vec<_> = app.gate.items().iter().map(|item| about(app, item, &kept)).collect();
        let hot = app.gate.hot_items(HOT);
        let hot: Vec<_> =
            hot.iter().map(|hot| json!({ "item": hot.key.as_str(), "share": hot.share })).collect();
        let window = kept.iter().rev().nth(WINDOW.min(kept.len().saturating_sub(1)));
        let recent = kept
            .back()
            .zip(window)
            .map(|(last, first)| last.latency.since(&first.latency))
            .unwrap_or_default();
        json!({
            "now": Moment::now(),
            "uptime_s": app.started.elapsed().as_secs(),
            "ready": app.gate.is_ready(),
            "stopping": app.is_stopping(),
            "breaker": match app.gate.breaker() {
                Breaker::Closed => "closed",
                Breaker::HalfOpen => "half open",
                _ => "open",
            },
            "in_flight": u64::from(load.in_flight) + app.desk.under_way() as u64,
            "unknown": app.desk.unknown(),
            "queue": load.depth,
            "blocked": load.blocked,
            "users": load.users,
            "rates": load.rates,
            "requests": load.requests,
            "reservations": load.reservations,
            "admitted": statistics.admitted,
            "committed": statistics.committed,
            "cancelled": statistics.cancelled,
            "expired": statistics.expired,
            "repeated": statistics.repeated,
            "refused": refused,
            "refusals": statistics.refusals(),
            "latency_us": {
                "p50": recent.quantile(0.5),
                "p99": recent.quantile(0.99),
                "p999": recent.quantile(0.999),
            },
            "items": items,
            "hot": hot,
            "history": history(&kept),
        })
    }
}

fn about(app: &App, item: &ItemStats, kept: &VecDeque<Sample>) -> Value {
    let shared = app.nodes.as_ref().and_then(|nodes| nodes.seen(&item.id));
    let (total, left, sold) = shared.unwrap_or((item.total, item.left, item.sold));
    let history: Vec<_> = kept.iter().filter_map(|sample| sample.left.get(&item.id).copied()).collect();
    json!({
        "item": item.id,
        "event": item.event,
        "title": app.title(&item.id),
        "total": total,
        "left": left,
        "held": item.held,
        "sold": sold,
        "in_flight": item.in_flight,
        "limit": item.limit,
        "sold_out": item.sold_out,
        "starts_in_ms": item.starts_in.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        "ended": item.ended,
        "history": history,
    })
}

/// What happened in each of the last seconds.
fn history(kept: &VecDeque<Sample>) -> Value {
    let (mut requests, mut accepted, mut refused, mut p50, mut p99) =
        (vec![], vec![], vec![], vec![], vec![]);
    for (before, after) in kept.iter().zip(kept.iter().skip(1)) {
        let seconds = (after.at - before.at).max(Duration::from_millis(1)).as_secs_f64();
        let rate = |count: u64| (count as f64 / seconds).round() as u64;
        let latency = after.latency.since(&before.latency);
        let statistics = after.statistics.since(&before.statistics);
        requests.push(rate(latency.len()));
        accepted.push(rate(statistics.admitted));
        refused.push(rate(statistics.refusals()));
        p50.push(latency.quantile(0.5));
        p99.push(latency.quantile(0.99));
    }
    json!({ "requests": requests, "accepted": accepted, "refused": refused, "p50_us": p50, "p99_us": p99 })
}

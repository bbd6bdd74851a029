//! The counts as text for Prometheus.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use crate::service::Service;

pub(crate) fn render(service: &Service) -> String {
    let stats = service.items.statistics().expect("the cache was built to keep them");
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, samples: &[(&str, f64)]| {
        let written = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").and_then(|()| {
            samples.iter().try_for_each(|(labels, value)| writeln!(text, "{name}{labels} {value}"))
        });
        written.expect("a string can be written to");
    };
    metric("items_cached", "gauge", "Items in memory.", &[("", service.items.len() as f64)]);
    metric(
        "items_read_total",
        "counter",
        "Items that were asked for.",
        &[(r#"{result="hit"}"#, stats.hits as f64), (r#"{result="miss"}"#, stats.misses as f64)],
    );
    metric(
        "items_loaded_total",
        "counter",
        "Loads of items.",
        &[(r#"{result="ok"}"#, stats.loads as f64), (r#"{result="failed"}"#, stats.failed_loads as f64)],
    );
    let seconds = stats.load_time.as_secs_f64();
    metric("items_load_seconds_total", "counter", "Time that loads took.", &[("", seconds)]);
    metric(
        "items_removed_total",
        "counter",
        "Items that left the memory.",
        &[
            (r#"{cause="expired"}"#, stats.expired as f64),
            (r#"{cause="evicted"}"#, stats.evicted as f64),
            (r#"{cause="replaced"}"#, stats.replaced as f64),
            (r#"{cause="removed"}"#, stats.removed as f64),
        ],
    );
    let refused = service.refused.load(Ordering::Relaxed) as f64;
    let queries = service.database.queries() as f64;
    metric("database_queries_total", "counter", "Queries that were started.", &[("", queries)]);
    metric(
        "clients_limited",
        "gauge",
        "Clients with recent requests.",
        &[("", service.clients.len() as f64)],
    );
    metric("requests_refused_total", "counter", "Requests over a limit.", &[("", refused)]);
    text
}

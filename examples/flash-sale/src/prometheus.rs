//! `/metrics`, in the text format of Prometheus.

use std::fmt::Write as _;

use metrics::gauge;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::app::App;
use crate::latency::Counted;

/// The limits of the buckets that are shown, in microseconds: powers of two, which the counts are exact at. From 64 µs to 1 s.
const POWERS: std::ops::RangeInclusive<u32> = 6..=20;

/// Makes the page. The recorder is its own, and not the process's: counts are copied into it when the page is asked for.
#[derive(Debug)]
pub(crate) struct Exporter {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Exporter {
    pub(crate) fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, cache_gate::metrics::describe);
        Self { recorder, handle }
    }

    pub(crate) fn render(&self, app: &App) -> String {
        metrics::with_local_recorder(&self.recorder, || {
            app.gate.export_metrics();
            gauge!("flash_sale_orders_under_way").set(app.desk.under_way() as f64);
            gauge!("flash_sale_orders_unknown").set(app.desk.unknown() as f64);
            gauge!("flash_sale_uptime_seconds").set(app.started.elapsed().as_secs_f64());
        });
        let mut page = self.handle.render();
        histogram(&mut page, &app.latency.counted());
        page
    }
}

/// The latencies are counted by us, without a lock, so the recorder does not know them.
fn histogram(page: &mut String, counted: &Counted) {
    const NAME: &str = "flash_sale_buy_seconds";
    let _ = writeln!(
        page,
        "# HELP {NAME} Time from the whole head of a purchase to its answer.\n# TYPE {NAME} histogram"
    );
    for power in POWERS {
        let micros = 1_u64 << power;
        let _ = writeln!(page, "{NAME}_bucket{{le=\"{}\"}} {}", micros as f64 / 1e6, counted.within(micros));
    }
    let _ = writeln!(page, "{NAME}_bucket{{le=\"+Inf\"}} {}", counted.len());
    let _ = writeln!(page, "{NAME}_sum {}\n{NAME}_count {}", counted.micros() as f64 / 1e6, counted.len());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::latency::Latency;

    #[test]
    fn buckets_are_cumulative() {
        let latency = Latency::new();
        for micros in [10, 100, 1_000_000_000] {
            latency.record(Duration::from_micros(micros));
        }
        let mut page = String::new();
        histogram(&mut page, &latency.counted());
        for line in
            ["_bucket{le=\"0.000064\"} 1", "_bucket{le=\"0.000128\"} 2", "_bucket{le=\"+Inf\"} 3", "_count 3"]
        {
            assert!(page.contains(line), "{line} is not in {page}");
        }
    }
}

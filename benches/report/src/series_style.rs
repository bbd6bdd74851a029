//! The colour and the mark of each backend, which are the same in every chart.

use std::collections::HashMap;

use crate::{Kind, Run};

/// The style of a series: a class of the style sheet, and the number of its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeriesStyle {
    pub(crate) class: &'static str,
    pub(crate) mark: usize,
    pub(crate) is_dashed: bool,
}

/// Colours that people with any form of colour blindness can tell apart, as far as that is possible with eight. Each
/// also has its own mark. They are those of Okabe and Ito (2008), darkened or lightened to a contrast of 3 : 1 with
/// the background.
const CLASSES: [&str; 8] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];

/// The styles of all rows of some runs.
#[derive(Debug)]
pub(crate) struct SeriesStyles(HashMap<String, SeriesStyle>);

impl SeriesStyles {
    pub(crate) fn of(runs: &[Run]) -> Self {
        let mut styles = HashMap::new();
        let (mut backends, mut others) = (0, 0);
        for (name, kind) in runs.iter().flat_map(names) {
            styles.entry(name.to_owned()).or_insert_with(|| match kind {
                Kind::Backend => {
                    backends += 1;
                    let place = backends - 1;
                    let is_dashed = place >= CLASSES.len();
                    SeriesStyle { class: CLASSES[place % CLASSES.len()], mark: place, is_dashed }
                }
                Kind::Floor => SeriesStyle { class: "floor", mark: 0, is_dashed: true },
                Kind::Peer | Kind::ByHand => {
                    others += 1;
                    SeriesStyle { class: "peer", mark: others, is_dashed: true }
                }
            });
        }
        Self(styles)
    }

    pub(crate) fn style(&self, backend: &str) -> SeriesStyle {
        self.0.get(backend).copied().unwrap_or(SeriesStyle { class: "peer", mark: 0, is_dashed: true })
    }
}

fn names(run: &Run) -> impl Iterator<Item = (&str, Kind)> {
    let cells = run.cells.iter().map(|one| (one.backend.as_str(), one.kind));
    let latency = run.latency.iter().map(|one| (one.backend.as_str(), one.kind));
    let memory = run.memory.iter().map(|one| (one.backend.as_str(), one.kind));
    let trace = run.trace.iter().map(|one| (one.backend.as_str(), one.kind));
    cells.chain(latency).chain(memory).chain(trace)
}

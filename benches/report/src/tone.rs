//! Which colour and mark a backend has: the same in every chart.

use std::collections::HashMap;

use crate::{Kind, Run};

/// How a series looks: a class of the style sheet, and the number of its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tone {
    pub(crate) class: &'static str,
    pub(crate) mark: usize,
    pub(crate) is_dashed: bool,
}

/// Colours that people with any form of colour blindness tell apart, as far as eight can be; each has a mark of its
/// own besides. After those of Okabe and Ito (2008), darkened or lightened until each stands 3 : 1 off its ground.
const CLASSES: [&str; 8] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];

/// The tones of all rows of some runs.
#[derive(Debug)]
pub(crate) struct Tones(HashMap<String, Tone>);

impl Tones {
    pub(crate) fn of(runs: &[Run]) -> Self {
        let mut tones = HashMap::new();
        let (mut backends, mut others) = (0, 0);
        for (name, kind) in runs.iter().flat_map(names) {
            tones.entry(name.to_owned()).or_insert_with(|| match kind {
                Kind::Backend => {
                    backends += 1;
                    let place = backends - 1;
                    let is_dashed = place >= CLASSES.len();
                    Tone { class: CLASSES[place % CLASSES.len()], mark: place, is_dashed }
                }
                Kind::Floor => Tone { class: "floor", mark: 0, is_dashed: true },
                Kind::Peer | Kind::ByHand => {
                    others += 1;
                    Tone { class: "peer", mark: others, is_dashed: true }
                }
            });
        }
        Self(tones)
    }

    pub(crate) fn tone(&self, backend: &str) -> Tone {
        self.0.get(backend).copied().unwrap_or(Tone { class: "peer", mark: 0, is_dashed: true })
    }
}

fn names(run: &Run) -> impl Iterator<Item = (&str, Kind)> {
    let cells = run.cells.iter().map(|one| (one.backend.as_str(), one.kind));
    let latency = run.latency.iter().map(|one| (one.backend.as_str(), one.kind));
    let memory = run.memory.iter().map(|one| (one.backend.as_str(), one.kind));
    let trace = run.trace.iter().map(|one| (one.backend.as_str(), one.kind));
    cells.chain(latency).chain(memory).chain(trace)
}

//! Whether a run was measured on a machine that did something else besides.

use crate::{Cell, Run};

/// The share of the processors from which other processes are reported.
const BUSY: f64 = 0.05;

/// From this share of a pass's time on, the pass was disturbed.
const DISTURBED: f64 = 0.1;

/// The share of disturbed cells from which they are reported.
const MANY: f64 = 0.05;

/// Describes what disturbed the machine during a run, for the head of its pages and tables. `None` if the machine was
/// quiet, or nothing is known.
///
/// A machine is disturbed if other processes took more than 5 % of its processors, or if more than 5 % of the cells lost
/// a tenth of their time or more to something else in at least half of their passes.
///
/// # Examples
///
/// ```
/// use hotcache_report::{Machine, Run, disturbance};
///
/// let machine = |busy| Machine { busy_elsewhere: Some(busy), ..Machine::default() };
/// assert_eq!(disturbance(&Run::new(machine(0.01))), None);
/// let told = disturbance(&Run::new(machine(0.31))).unwrap();
/// assert!(told.starts_with("the machine was not quiet: other processes took 31 % of its processors"));
/// ```
#[must_use]
pub fn disturbance(run: &Run) -> Option<String> {
    let elsewhere = run.machine.busy_elsewhere.filter(|share| *share > BUSY);
    let elsewhere =
        elsewhere.map(|share| format!("other processes took {:.0} % of its processors", share * 100.0));
    let cells = run.cells.iter().chain(run.bounded.iter().map(|one| &one.cell));
    let known: Vec<_> = cells.filter(|cell| !cell.busy.is_empty()).collect();
    let disturbed = known.iter().filter(|cell| is_disturbed(cell)).count();
    let cells = (disturbed as f64 > known.len() as f64 * MANY).then(|| {
        format!("{disturbed} of {} cells were disturbed in at least half of their passes", known.len())
    });
    let what: Vec<_> = elsewhere.into_iter().chain(cells).collect();
    (!what.is_empty()).then(|| {
        format!(
            "the machine was not quiet: {}; do not trust these numbers, least of all those of several threads",
            what.join(", and ")
        )
    })
}

fn is_disturbed(cell: &Cell) -> bool {
    let passes = cell.busy.iter().filter(|busy| **busy >= DISTURBED).count();
    passes * 2 >= cell.busy.len()
}

/// A table for a terminal, headed by a warning if the run was disturbed; an empty one stays empty.
pub(crate) fn headed(run: &Run, table: String) -> String {
    match disturbance(run) {
        Some(why) if !table.is_empty() => format!("warning: {why}\n{table}"),
        _ => table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Machine, Work, garbage, latencies, summary};

    /// A run of cells that something else took so much of, each in two passes.
    fn run(busy: &[[f64; 2]]) -> Run {
        let mut run = Run::new(Machine { cores: 2, ..Machine::default() });
        for (keys, busy) in (1..).zip(busy) {
            let work = Work::new("int", "get", keys, 1);
            let cell = Cell::measured(work, "scc", Kind::Backend, vec![20.0, 20.0]);
            run.cells.extend(cell.map(|cell| Cell { busy: busy.to_vec(), ..cell }));
        }
        run
    }

    #[test]
    fn cells_that_neighbours_slowed_disturb_a_run() {
        assert_eq!(disturbance(&run(&[[0.0, 0.05]; 20])), None);
        let mut busy = [[0.0, 0.0]; 20];
        busy[0] = [0.0, 0.4];
        assert_eq!(disturbance(&run(&busy)), None, "one in twenty");
        busy[1] = [0.4, 0.0];
        let told = disturbance(&run(&busy)).expect("two in twenty");
        assert!(told.contains("2 of 20 cells were disturbed"), "{told}");
    }

    #[test]
    fn the_warning_is_the_first_line_of_a_table() {
        let disturbed = run(&[[0.5, 0.5]]);
        assert!(summary(&disturbed, "int").starts_with("warning: the machine was not quiet: 1 of 1 cells"));
        assert!(summary(&run(&[[0.0, 0.0]]), "int").starts_with("int: ns"));
        assert_eq!(summary(&disturbed, "obj"), "", "there is no table to head");
        assert_eq!(latencies(&disturbed) + &garbage(&disturbed), "");
    }
}

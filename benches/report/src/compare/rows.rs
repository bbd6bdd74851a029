//! Finding the cells that two runs share, and those of the same work together.

use std::collections::{BTreeMap, HashMap};

use crate::{Cell, Run, Work};

/// The cells of one work: measured round by round next to each other.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) work: Work,
    pub(super) cells: Vec<Pair<'a>>,
}

/// One cell in both runs.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) old: &'a Cell,
    pub(super) new: &'a Cell,
}

#[derive(Debug)]
pub(super) struct Paired<'a> {
    pub(super) rows: Vec<Row<'a>>,
    pub(super) only_old: Vec<String>,
    pub(super) only_new: Vec<String>,
}

pub(super) fn pair<'a>(old: &'a Run, new: &'a Run) -> Paired<'a> {
    let mut waiting: HashMap<_, _> =
        old.cells.iter().map(|cell| ((cell.work(), &cell.backend), cell)).collect();
    let mut rows: BTreeMap<Work, Vec<Pair<'a>>> = BTreeMap::new();
    let mut only_new = Vec::new();
    for cell in &new.cells {
        match waiting.remove(&(cell.work(), &cell.backend)) {
            Some(old) => rows.entry(cell.work()).or_default().push(Pair { old, new: cell }),
            None => only_new.push(cell.name()),
        }
    }
    let mut only_old: Vec<_> = waiting.into_values().map(Cell::name).collect();
    only_old.sort_unstable();
    let rows = rows.into_iter().map(|(work, cells)| Row { work, cells }).collect();
    Paired { rows, only_old, only_new }
}

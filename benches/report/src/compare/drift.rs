//! How much faster or slower the machine itself was when a row was measured again.
//!
//! Each cell is held against the *others* of its row, so that its own change never enters its yardstick. Where
//! enough of them hold no code of ours (maps written by hand, peers), those alone are the yardstick: a change that
//! slows every backend alike is then seen in each of them. Otherwise it is all the others, and such a change is
//! looked for apart: see [`common`](super::common). Floors serve only where there is nothing else.

use super::level::Levels;
use super::rows::Row;
use crate::{Kind, stats};

/// A median of fewer would follow the one that changed.
const FEWEST: usize = 3;

/// Whether the row's yardstick is one that no change of ours can move.
pub(super) fn sees_common_changes(row: &Row<'_>) -> bool {
    row.cells.iter().filter(|pair| is_map_of_others(pair.old.kind)).count() > FEWEST
}

fn is_map_of_others(kind: Kind) -> bool {
    matches!(kind, Kind::ByHand | Kind::Peer)
}

/// The logarithm of how many times as long everything takes in the new run, as the cell's neighbours show it; `None`
/// if it has too few.
pub(super) fn of(row: &Row<'_>, levels: &Levels, at: usize) -> Option<f64> {
    let changes = |wanted: fn(Kind) -> bool| -> Vec<f64> {
        let others = row.cells.iter().enumerate().filter(|(i, pair)| *i != at && wanted(pair.old.kind));
        others.map(|(i, _)| levels.change(i)).collect()
    };
    let maps = changes(is_map_of_others);
    if maps.len() >= FEWEST {
        return stats::median(&maps);
    }
    // Floors hardly touch memory, and so do not feel what slows it.
    let backends = changes(|kind| kind != Kind::Floor);
    if backends.len() >= FEWEST {
        return stats::median(&backends);
    }
    let all = changes(|_| true);
    if all.len() >= FEWEST {
        return stats::median(&all);
    }
    stats::median(&changes(Kind::is_reference))
}

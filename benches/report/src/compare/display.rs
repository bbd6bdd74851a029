//! A comparison as text, for a terminal.

use std::fmt;

use super::{Change, Comparison, Verdict};
use crate::{Kind, Spread, number};

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Faster => "faster",
            Verdict::Slower => "SLOWER",
            Verdict::NoDifference => "no difference found",
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for caveat in &self.caveats {
            writeln!(f, "note: {caveat}")?;
        }
        let name = self.changes.iter().map(|change| change.backend.chars().count()).max().unwrap_or(0);
        let mut work = None;
        for change in &self.changes {
            if work != Some(&change.work) {
                writeln!(f, "{}{}", if work.is_some() { "\n" } else { "" }, change.work)?;
                work = Some(&change.work);
            }
            write_change(f, change, name)?;
        }
        for (cells, run) in [(&self.only_old, "saved"), (&self.only_new, "new")] {
            if !cells.is_empty() {
                writeln!(f, "\nonly in the {run} run: {}", cells.join("; "))?;
            }
        }
        self.write_summary(f)
    }
}

fn write_change(f: &mut fmt::Formatter<'_>, change: &Change, name: usize) -> fmt::Result {
    let ns = |spread: Spread| {
        let [median, min, max] = [spread.median, spread.min, spread.max].map(number::short);
        format!("{median} ({min}–{max})")
    };
    let (low, high) = change.interval;
    let verdict =
        if change.kind == Kind::Floor { "yardstick".to_owned() } else { change.verdict.to_string() };
    writeln!(
        f,
        "  {:<name$}  {:>20} → {:<20}  {:>9}  [{}, {}]  {}",
        change.backend,
        ns(change.old),
        ns(change.new),
        number::change(change.change),
        number::change(low),
        number::change(high),
        verdict,
    )
}

impl Comparison {
    fn maps(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.kind != Kind::Floor)
    }

    fn write_summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            return writeln!(f, "no cell is in both runs");
        }
        let (slower, faster, all) = (self.slower().count(), self.faster().count(), self.maps().count());
        writeln!(
            f,
            "\n{all} cells: {slower} slower, {faster} faster, no difference found in {}",
            all - slower - faster
        )?;
        writeln!(
            f,
            "An unchanged cell moves by about {:.1} % here; a change from about {:.0} % on would be found in nine of \
             ten cells. What moved all cells of a row alike is taken out.",
            self.noise * 100.0,
            self.visible * 100.0,
        )?;
        if let Some(common) = self.common {
            writeln!(
                f,
                "All backends together take {} against the floors, in {} rows: either code they share is {}, or the \
                 machine's memory was. Measure again to tell.",
                number::change(common.change),
                common.rows,
                common.verdict,
            )?;
        }
        Ok(())
    }
}

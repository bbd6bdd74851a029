use super::{Block, Column, Entry, Section, Table};
use crate::{Run, number};

/// Where and how it was measured, and what could not be.
pub(super) fn machine(run: &Run) -> Option<Section> {
    let machine = &run.machine;
    let mut table = Table::new("", "what", []);
    table.columns.push(Column { title: "this run".to_owned(), is_number: false });
    let memory = number::memory(machine.memory);
    let cores = machine.cores.to_string();
    let busy = machine.busy_elsewhere.map(|share| format!("{:.1} % of the processors", share * 100.0));
    let is_virtual = machine.is_virtual.map(|is| if is { "yes" } else { "no" });
    let lines = [
        ("processor", Some(machine.cpu.as_str())),
        ("cores", Some(&cores)),
        ("caches", machine.caches.as_deref()),
        ("memory", Some(&memory)),
        ("virtual machine", is_virtual),
        ("system", Some(&machine.os)),
        ("kernel", machine.kernel.as_deref()),
        ("compiler", Some(&machine.compiler)),
        ("Go", machine.go.as_deref()),
        ("flags", Some(&machine.flags)),
        ("allocator", Some(&machine.allocator)),
        ("hasher", Some(&machine.hasher)),
        ("commit", Some(&machine.commit)),
        ("date", Some(&machine.date)),
        ("other processes took", busy.as_deref()),
    ];
    for (what, value) in lines {
        if let Some(value) = value {
            table.push(vec![Entry::text(what), Entry::text(value)]);
        }
    }
    let mut blocks = Vec::new();
    if run.partial {
        blocks.push(Block::Warning("This run was interrupted: what it did not reach is missing.".to_owned()));
    }
    let cells = || run.cells.iter().chain(run.bounded.iter().map(|one| &one.cell));
    let unverified = cells().filter(|cell| cell.verified != Some(true)).count();
    if unverified > 0 {
        let all = cells().count();
        blocks.push(Block::Warning(format!("{unverified} of {all} cells were not verified.")));
    }
    blocks.push(Block::Text(
        "Allocator, hasher and flags are the same for every row that can take them.".to_owned(),
    ));
    blocks.push(Block::Table(table));
    if !run.skipped.is_empty() {
        blocks.push(Block::Text("Not measured:".to_owned()));
        let rows = run.skipped.iter().map(|skipped| format!("{}: {}", skipped.backend, skipped.why));
        blocks.push(Block::List(rows.collect()));
    }
    super::section("machine", "The machine", blocks)
}

/// Lists the conclusions that the numbers do not support.
pub(super) fn limits(run: &Run) -> Option<Section> {
    let cores = run.machine.cores;
    let s = if cores == 1 { "" } else { "s" };
    let mut limits = vec![
        format!(
            "They were measured on {cores} core{s}. What contention costs on a machine with many, or with two sockets, \
             they do not show: measure there."
        ),
        "A loop that does nothing but call a cache keeps the cache's own code and data close. In a program that does \
         other work between two calls, every operation is slower, and the differences are smaller than here."
            .to_owned(),
        "Keys are drawn evenly or by a fixed law, and rendered beforehand. Your keys, their lengths and their order are \
         your own: replay a trace of them."
            .to_owned(),
        "The spread is that of one run. Another run on the same machine moves cells by some percent; ratios within a \
         row hold better than absolute numbers."
            .to_owned(),
        "Throughput says nothing of the worst operation: see the latencies, where they were measured.".to_owned(),
    ];
    if run.machine.is_virtual == Some(true) {
        limits.push(
            "The machine is a virtual one: its neighbours slow it now and then, and its memory and cores may not be \
             what they seem."
                .to_owned(),
        );
    }
    super::section("limits", "What the numbers do not say", vec![Block::List(limits)])
}

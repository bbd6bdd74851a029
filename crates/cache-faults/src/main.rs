//! Faults against mirrors and stock leases: `cargo xtask faults`.

use std::process::ExitCode;

use cache_faults::{Flags, NodeFlags};
use clap::Parser;

fn main() -> ExitCode {
    // A node is this program again.
    let result = if std::env::args().nth(1).as_deref() == Some("node") {
        cache_faults::sell(&NodeFlags::parse_from(std::env::args().skip(1)))
    } else {
        let flags = Flags::parse();
        std::env::current_exe().map_err(Into::into).and_then(|program| cache_faults::run(&flags, &program))
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

//! How busy the machine was with something else: two threads that share a processor with a compiler measure the
//! compiler.

use std::fs;

use hotcache_report::{Machine, Run, disturbance};

/// Ticks by which the system's count and the process's differ though nothing else ran.
const COARSENESS: u64 = 2;

/// Processor time, in ticks of the system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// That the processors had, of any kind.
    all: u64,
    /// In which they did nothing.
    idle: u64,
    /// In which they ran this process and those that it started.
    own: u64,
}

impl Load {
    /// The time up to now, if the system tells.
    #[must_use]
    pub fn now() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        let children =
            children().into_iter().filter_map(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok());
        let processes: Vec<_> = std::iter::once(own).chain(children).collect();
        Self::parse(&fs::read_to_string("/proc/stat").ok()?, &processes)
    }

    /// So many ticks, of which none were this process's.
    #[cfg(test)]
    pub(crate) fn of(all: u64, idle: u64) -> Self {
        Self { all, idle, own: 0 }
    }

    fn parse(system: &str, processes: &[String]) -> Option<Self> {
        let line = system.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_ascii_whitespace().map_while(|ticks| ticks.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are within user.
        let all = ticks.get(..8)?.iter().sum();
        let idle = ticks[3] + ticks[4];
        let own = processes.iter().map(|process| ticks_of(process)).sum::<Option<u64>>()?;
        Some(Self { all, idle, own })
    }

    /// The share of the processors, from 0 to 1, that something else took from `earlier` to this; what the coarseness
    /// of the two counts alone can show is left out.
    #[must_use]
    pub fn elsewhere_since(self, earlier: Load) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        let idle = self.idle.saturating_sub(earlier.idle);
        let own = self.own.saturating_sub(earlier.own);
        all.saturating_sub(idle + own + COARSENESS) as f64 / all.max(1) as f64
    }
}

/// A line that warns of what else ran since `earlier`, for the head of a table; empty if nothing to speak of did.
pub(crate) fn warning_since(earlier: Option<Load>) -> String {
    let busy_elsewhere = Load::now().zip(earlier).map(|(now, earlier)| now.elsewhere_since(earlier));
    let machine = Machine { busy_elsewhere, ..Machine::default() };
    disturbance(&Run::new(machine)).map_or_else(String::new, |why| format!("warning: {why}\n"))
}

/// The time that a process took, and those of its children that it waited for.
fn ticks_of(process: &str) -> Option<u64> {
    // The name may have any character in it, but is in parentheses; utime, stime, cutime and cstime are fields 14 to 17.
    let (_, fields) = process.rsplit_once(')')?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(4);
    Some(ticks.map_while(|ticks| ticks.parse::<u64>().ok()).sum())
}

/// The processes that this one started and that still run, where the system tells.
fn children() -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    children.flat_map(|ids| ids.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_idle_nor_ours_is_elsewhere() {
        let of = |system, own: &[&str]| {
            let processes: Vec<_> =
                own.iter().map(|ticks| format!("1 (a) b) R 1 1 1 0 -1 0 0 0 0 0 {ticks} 9")).collect();
            Load::parse(system, &processes).expect("well formed")
        };
        let before = of("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1", &["10 5 0 0"]);
        let after = of("cpu  150 0 60 830 60 0 0 0 9 0\ncpu0 1", &["20 5 3 7", "8 2 0 0"]);
        // 100 ticks: 40 idle, 30 ours: 10 of this process, 10 of a child that ended, 10 of one that runs; and 2 that
        // may be nobody's.
        assert!((after.elsewhere_since(before) - 0.28).abs() < 1e-9);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_system_tells() {
        assert!(Load::now().is_some());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_table_is_headed_by_what_else_ran() {
        let now = Load::now().expect("this system tells");
        // Whatever was idle or ours until now, was not.
        let earlier = Load { all: 0, idle: now.idle, own: now.own };
        let warning = warning_since(Some(earlier));
        assert!(
            warning.starts_with("warning: the machine was not quiet: other processes took "),
            "{warning}"
        );
        assert!(warning.ends_with('\n'));
        assert_eq!(warning_since(None), "");
    }
}

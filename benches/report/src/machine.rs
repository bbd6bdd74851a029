//! Finding out what machine this is. Whatever cannot be found is called unknown; nothing here fails.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

use crate::Machine;

const UNKNOWN: &str = "unknown";

impl Machine {
    /// This machine, now, and the tree that the working directory is in.
    ///
    /// Only the builder of the benchmarks knows the allocator, hasher and flags. Words of `flags` that hold a path
    /// are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::Machine;
    ///
    /// let here = Machine::here("system", "foldhash", "profile bench, -C link-arg=/opt/x.so");
    /// assert!(!here.cpu.is_empty());
    /// assert_eq!(here.flags, "profile bench, -C …");
    /// ```
    #[must_use]
    pub fn here(allocator: &str, hasher: &str, flags: &str) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        Self {
            cpu: cpu(&cpuinfo),
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory: memory().unwrap_or(0),
            os: os(),
            kernel: line_of("/proc/sys/kernel/osrelease").or_else(|| said("uname", &["-r"])),
            allocator: allocator.to_owned(),
            hasher: hasher.to_owned(),
            compiler: compiler(),
            go: None,
            commit: commit(Path::new(".")),
            flags: without_paths(flags),
            date: date(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())),
            caches: caches(),
            is_virtual: field(&cpuinfo, "flags").map(|flags| flags.split(' ').any(|f| f == "hypervisor")),
            busy_elsewhere: None,
        }
    }

    /// Sets the commit to that of the tree at `tree`, instead of the tree of the working directory.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::Machine;
    /// let machine = Machine::default().of_tree("no/such/directory".as_ref());
    /// assert_eq!(machine.commit, "unknown");
    /// ```
    #[must_use]
    pub fn of_tree(self, tree: &Path) -> Self {
        Self { commit: commit(tree), ..self }
    }
}

fn cpu(cpuinfo: &str) -> String {
    let named = ["model name", "Model", "Hardware", "cpu model", "uarch"];
    let listed = named.into_iter().find_map(|key| field(cpuinfo, key));
    listed
        .or_else(|| said("sysctl", &["-n", "machdep.cpu.brand_string"]))
        .or_else(|| env::var("PROCESSOR_IDENTIFIER").ok())
        .unwrap_or_else(|| format!("{UNKNOWN} ({})", env::consts::ARCH))
}

fn memory() -> Option<u64> {
    let listed = fs::read_to_string("/proc/meminfo").ok().and_then(|info| {
        let kib = field(&info, "MemTotal")?;
        kib.strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    });
    listed.or_else(|| said("sysctl", &["-n", "hw.memsize"])?.parse().ok())
}

fn os() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = pretty.map(|name| name.trim_matches('"').to_owned());
    name.unwrap_or_else(|| env::consts::OS.to_owned())
}

fn compiler() -> String {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let Some(verbose) = output(&rustc, &["-vV"]) else { return UNKNOWN.to_owned() };
    let first = verbose.lines().next().unwrap_or(UNKNOWN);
    let parts = ["LLVM version", "host"].into_iter().filter_map(|key| Some((key, field(&verbose, key)?)));
    parts.fold(first.to_owned(), |all, (key, value)| {
        format!("{all}, {}{value}", if key == "host" { "" } else { "LLVM " })
    })
}

fn commit(tree: &Path) -> String {
    let Some(tree) = tree.to_str() else { return UNKNOWN.to_owned() };
    let Some(head) = said("git", &["-C", tree, "rev-parse", "HEAD"]) else { return UNKNOWN.to_owned() };
    let changes = output("git", &["-C", tree, "status", "--porcelain", "--untracked-files=no"]);
    let dirty = changes.is_none_or(|changes| !changes.trim().is_empty());
    if dirty { head + "-dirty" } else { head }
}

fn caches() -> Option<String> {
    let mut found = Vec::new();
    for index in 0..8 {
        let at = |file| line_of(&format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{file}"));
        let (Some(level), Some(sort), Some(size)) = (at("level"), at("type"), at("size")) else { continue };
        if sort != "Instruction" {
            found.push(format!("L{level} {size}"));
        }
    }
    (!found.is_empty()).then(|| found.join(", "))
}

/// The flags with every word that could name a directory, and so a person, taken out.
fn without_paths(flags: &str) -> String {
    let words = flags.split_whitespace().map(|word| if word.contains(['/', '\\']) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// The value of the first line `key : value`.
fn field(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    });
    value.filter(|value| !value.is_empty()).map(str::to_owned)
}

fn line_of(file: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn said(program: &str, args: &[&str]) -> Option<String> {
    let said = output(program, args)?;
    said.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Seconds since 1970 as a date in universal time.
///
/// The days are counted in eras of 400 years that begin in March, so that a leap day is the last of its year.
fn date(seconds: u64) -> String {
    const ERA: u64 = 146_097;
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_on_the_days_that_go_wrong() {
        for (seconds, wanted) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date(seconds), wanted);
        }
    }

    #[test]
    fn a_processor_without_a_model_name_is_still_named() {
        assert_eq!(cpu("processor : 0\nmodel name\t: Some CPU @ 2 GHz\n"), "Some CPU @ 2 GHz");
        assert!(!cpu("processor : 0\nCPU part : 0xd0c\n").is_empty());
    }

    #[test]
    fn no_path_is_told() {
        assert_eq!(without_paths("-C target-cpu=native -L /home/me/lib"), "-C target-cpu=native -L …");
        let here = format!("{:?}", Machine::here("system", "foldhash", "none"));
        for private in ["HOME", "USER", "HOSTNAME"].into_iter().filter_map(|name| env::var(name).ok()) {
            assert!(private.len() < 5 || !here.contains(&private), "{private} in {here}");
        }
    }
}

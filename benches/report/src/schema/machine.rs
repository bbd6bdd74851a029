use serde::{Deserialize, Serialize};

/// The machine and the build of a run. Contains no name of a person or a directory.
///
/// # Examples
///
/// ```
/// use hotcache_report::Machine;
///
/// let here = Machine::here("system", "foldhash", "profile bench, lto fat");
/// assert!(here.cores >= 1 && here.date.ends_with('Z'));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the processor.
    pub cpu: String,
    /// Processors that the run could use.
    pub cores: usize,
    /// Memory in bytes; 0 if unknown.
    pub memory: u64,
    /// The operating system.
    pub os: String,
    /// The version of its kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The allocator of every row.
    pub allocator: String,
    /// The hasher of every row.
    pub hasher: String,
    /// The compiler, its back end and its target.
    pub compiler: String,
    /// The version of Go that its rows were built with, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<String>,
    /// The commit that was measured, with `-dirty` where the tree differed from it.
    pub commit: String,
    /// The profile and flags that every row was built with.
    pub flags: String,
    /// When the run began, in universal time: `2026-01-31T18:00:00Z`.
    pub date: String,
    /// The sizes of the processor's caches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caches: Option<String>,
    /// Whether the machine is virtual, if that can be determined.
    #[serde(default, rename = "virtual", skip_serializing_if = "Option::is_none")]
    pub is_virtual: Option<bool>,
    /// The share of the processors, from 0 to 1, that other processes took during the run; where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_elsewhere: Option<f64>,
}

impl Machine {
    /// Lists the differences between two machines, apart from the commit and the date. A comparison across machines
    /// says little.
    ///
    /// # Examples
    ///
    /// ```
    /// use hotcache_report::Machine;
    /// let one = Machine { cores: 2, ..Machine::default() };
    /// let other = Machine { cores: 64, date: "2026-01-31T18:00:00Z".into(), ..Machine::default() };
    /// assert_eq!(one.differences(&other), ["cores: 2, now 64"]);
    /// ```
    #[must_use]
    pub fn differences(&self, now: &Machine) -> Vec<String> {
        let cores = [self.cores, now.cores].map(|cores| cores.to_string());
        let memory = [self.memory, now.memory].map(crate::number::memory);
        let pairs = [
            ("processor", &self.cpu, &now.cpu),
            ("cores", &cores[0], &cores[1]),
            ("memory", &memory[0], &memory[1]),
            ("system", &self.os, &now.os),
            ("allocator", &self.allocator, &now.allocator),
            ("hasher", &self.hasher, &now.hasher),
            ("compiler", &self.compiler, &now.compiler),
            ("flags", &self.flags, &now.flags),
        ];
        let differing = pairs.into_iter().filter(|(_, old, new)| old != new);
        differing.map(|(what, old, new)| format!("{what}: {old}, now {new}")).collect()
    }
}

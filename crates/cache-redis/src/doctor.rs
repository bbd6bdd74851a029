//! Checks of a server: what would go wrong with mirrors, change feeds and leases on it, and what to change.

mod checks;
mod keyspace;
mod rights;

use std::fmt;

use crate::Server;
use crate::server::{Identity, Link, Node};

/// How bad a finding is.
///
/// # Examples
///
/// ```
/// use cache_redis::Severity;
/// assert!(Severity::Note < Severity::Warning && Severity::Warning < Severity::Error);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// Nothing to do, or a check that this user may not make.
    Note,
    /// It works, until something happens.
    Warning,
    /// It does not work, or loses data.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One thing that a check found.
///
/// # Examples
///
/// See [`doctor`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The node: its host and port. Empty for all of them.
    pub node: String,
    /// What was checked: a stable name, such as `eviction`.
    pub check: &'static str,
    /// What was found.
    pub found: String,
    /// What to change; empty if nothing.
    pub change: String,
}

/// What [`doctor`] found.
///
/// `Display` prints one block for each finding, the worst first.
///
/// # Examples
///
/// See [`doctor`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// All findings, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The severity of the worst finding; `None` if there is none.
    ///
    /// # Examples
    ///
    /// See [`doctor`].
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The findings of one check.
    ///
    /// # Examples
    ///
    /// See [`doctor`].
    pub fn of<'a>(&'a self, check: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.check == check)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return f.write_str("nothing to change");
        }
        for (index, Finding { severity, node, check, found, change }) in self.findings.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let at = if node.is_empty() { String::new() } else { format!(" at {node}") };
            write!(f, "{severity}: {check}{at}: {found}")?;
            if !change.is_empty() {
                write!(f, "\n    change: {change}")?;
            }
        }
        Ok(())
    }
}

/// Checks a server, for keys under `prefix`, and says what to change.
///
/// It changes nothing, and looks at a sample of the keys only. What cannot be reached is a finding, so there is always a
/// report. The page `docs/operations.md` explains each check.
///
/// # Performance
///
/// Some 40 commands for each primary. None blocks the server for long.
///
/// # Examples
///
/// ```no_run
/// use cache_redis::{Server, Severity, doctor};
///
/// # async fn run() -> Result<(), cache_redis::Error> {
/// let report = doctor(&Server::standalone("redis://127.0.0.1:6379")?, "shop:").await;
/// println!("{report}");
/// assert!(report.worst() < Some(Severity::Error));
/// # Ok(())
/// # }
/// ```
pub async fn doctor(server: &Server, prefix: &str) -> Report {
    let mut findings = Vec::new();
    match server.topology().await {
        Ok(topology) => {
            for primary in &topology.primaries {
                let mut patient = Patient { node: &primary.node, prefix, findings: &mut findings };
                patient.check(server).await;
            }
        }
        Err(error) => findings.push(Finding {
            severity: Severity::Error,
            node: String::new(),
            check: "reachable",
            found: error.to_string(),
            change: String::new(),
        }),
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Report { findings }
}

/// One node, while it is checked.
struct Patient<'a> {
    node: &'a Node,
    prefix: &'a str,
    findings: &'a mut Vec<Finding>,
}

impl Patient<'_> {
    fn find(
        &mut self,
        severity: Severity,
        check: &'static str,
        found: impl Into<String>,
        change: impl Into<String>,
    ) {
        let node = self.node.name.clone();
        self.findings.push(Finding { severity, node, check, found: found.into(), change: change.into() });
    }

    async fn check(&mut self, server: &Server) {
        let mut link = match self.node.connect().await {
            Ok(link) => link,
            // These say what to change.
            Err(error) => return self.find(Severity::Error, "reachable", error.to_string(), ""),
        };
        let mut runs_leases = true;
        match Identity::of(&mut link).await {
            Ok(identity) => {
                runs_leases = identity.version >= (7, 0);
                if let Err(error) = identity.check(self.node, server.is_cluster()) {
                    self.find(Severity::Error, "identity", error.to_string(), "");
                }
            }
            Err(error) => self.find(Severity::Error, "identity", error.to_string(), ""),
        }
        let has_stock = self.check_keyspace(&mut link).await;
        if !runs_leases {
            self.find_no_leases(has_stock);
        }
        self.check_rights(&mut link).await;
        self.check_memory(&mut link, has_stock).await;
        self.check_buffers(&mut link).await;
        self.check_persistence(&mut link, has_stock).await;
        self.check_replication(&mut link, has_stock).await;
        if server.is_cluster() {
            self.check_cluster(&mut link).await;
        }
    }
}

//! Lists of users in files, which are read again when they change.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, anyhow};

use crate::specs::check_id;

/// One file with a user in each line. Empty lines, and what follows a `#`, do not count.
#[derive(Debug)]
pub(crate) struct List {
    path: Option<PathBuf>,
    /// What the file looked like when it was read last.
    seen: Option<(SystemTime, u64)>,
    pub(crate) users: Vec<String>,
}

impl List {
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, seen: None, users: Vec::new() }
    }

    /// Reads the file if it has changed, or in any case with `anyway`. Returns whether it was read. After an error, the old
    /// users stay.
    pub(crate) fn refresh(&mut self, anyway: bool) -> Result<bool> {
        let Some(path) = &self.path else { return Ok(false) };
        let context = || format!("cannot read the list {}", path.display());
        let about = fs::metadata(path).with_context(context)?;
        let looks = Some((about.modified().with_context(context)?, about.len()));
        if looks == self.seen && !anyway {
            return Ok(false);
        }
        // Before it is parsed: a mistake is told of once, and not each second.
        self.seen = looks;
        let text = fs::read_to_string(path).with_context(context)?;
        self.users = parse(path, &text)?;
        Ok(true)
    }
}

fn parse(path: &Path, text: &str) -> Result<Vec<String>> {
    let mut users = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let user = line.split('#').next().unwrap_or_default().trim();
        if user.is_empty() {
            continue;
        }
        check_id("user", user).map_err(|error| anyhow!("{}, line {number}: {error}", path.display()))?;
        users.push(user.to_owned());
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_users() {
        let users = parse(Path::new("list"), "# bots\nann\n\n  bob  # twice\n").unwrap();
        assert_eq!(users, ["ann", "bob"]);
    }

    #[test]
    fn a_mistake_has_its_line() {
        let error = parse(Path::new("list"), "ann\nbob smith\n").unwrap_err().to_string();
        assert!(error.contains("list, line 2") && error.contains("bob smith"), "{error}");
    }
}

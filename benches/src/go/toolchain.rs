use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program's source, a module that needs nothing but the standard library.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/go");

/// The first version of Go whose `sync.Map` is a hash trie.
const LEAST: (u32, u32) = (1, 24);

/// Builds the program, and returns the version of Go and the program's path; or why that cannot be done, in words for
/// a table.
pub(super) fn build(directory: &Path) -> Result<(String, PathBuf), String> {
    let (major, minor) = LEAST;
    let lacking = |what: &str| format!("needs go {major}.{minor} or later on the PATH, where {what}");
    let told = go(&["env", "GOVERSION"]).output().map_err(|_| lacking("there is none"))?;
    let name = words(&told)?;
    let found = version(&name).ok_or_else(|| lacking(&format!("`go` calls itself {name:?}")))?;
    if found < LEAST {
        return Err(lacking(&format!("there is {name}")));
    }
    fs::create_dir_all(directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
    let program = directory.join(format!("peers{}", std::env::consts::EXE_SUFFIX));
    let built = go(&["build", "-o"]).arg(&program).arg(".").output();
    words(&built.map_err(|error| format!("go build does not start: {error}"))?)?;
    Ok((name, program))
}

/// The `go` on the PATH, in the program's directory; as it is, without fetching anything.
fn go(arguments: &[&str]) -> Command {
    let mut go = Command::new("go");
    go.args(arguments).current_dir(SOURCE);
    for (variable, value) in
        [("GOTOOLCHAIN", "local"), ("GOPROXY", "off"), ("GOWORK", "off"), ("GOFLAGS", "")]
    {
        go.env(variable, value);
    }
    go
}

/// Returns the output of a command that succeeded, or the reason for its failure.
fn words(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let said = text(&output.stderr);
    Err(format!("go failed: {}", said.lines().next().unwrap_or("no reason given")))
}

/// Major and minor of `go1.27.3`, `go1.25rc1`, `devel go1.26-0123abc`.
fn version(text: &str) -> Option<(u32, u32)> {
    let (_, numbers) = text.split_once("go")?;
    let (major, rest) = numbers.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_go_writes_them() {
        for (text, wanted) in [
            ("go1.27.3", Some((1, 27))),
            ("go1.24", Some((1, 24))),
            ("go1.25rc1", Some((1, 25))),
            ("devel go1.26-0123abc Mon Jan 5", Some((1, 26))),
            ("go1", None),
            ("gcc 13.2", None),
            ("", None),
        ] {
            assert_eq!(version(text), wanted, "{text:?}");
        }
        assert!(version("go1.9.7") < Some(LEAST) && version("go2.0") > Some(LEAST));
    }
}

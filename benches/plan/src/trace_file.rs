//! The file of a trace: what can be said of it without reading it.

use std::fs;
use std::fs::File;
use std::path::Path;

use crate::{Refusal, shown_path};

/// Endings that tell how a trace is packed, and not which it is.
const PACKED: [&str; 2] = [".zst", ".gz"];

/// As many characters as a document allows a name.
const LONGEST_NAME: usize = 80;

/// Checks that a file can be read. A pipe is not opened, because its data can be read only once.
pub(crate) fn check(file: &Path) -> Result<(), Refusal> {
    let refused = |why: &str| Refusal::new(format!("--trace: {}: {why}", shown_path(file)));
    let about = match fs::metadata(file) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(refused("there is no such file"));
        }
        Err(error) => return Err(refused(&error.to_string())),
    };
    if about.is_dir() {
        return Err(refused("it is a directory; a trace is a file or a pipe"));
    }
    if about.is_file() {
        File::open(file).map_err(|error| refused(&error.to_string()))?;
    }
    Ok(())
}

/// The name of a trace in tables and documents: that of its file, without what tells only how it is packed.
pub(crate) fn name(file: &Path) -> Result<String, Refusal> {
    if is_pipe(file) {
        // Its name is a number that means nothing.
        return Ok("pipe".to_owned());
    }
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
    let packed = PACKED.into_iter().find_map(|ending| name.strip_suffix(ending));
    let printable: String = packed.unwrap_or(&name).chars().filter(|c| !c.is_control()).collect();
    let name: String = printable.trim().chars().take(LONGEST_NAME).collect();
    if name.is_empty() {
        return Err(Refusal::new(format!(
            "--trace: the file name `{}` leaves no name for tables and documents; rename the file",
            shown_path(file)
        )));
    }
    Ok(name)
}

/// Whether the file is what a shell makes of `<(command)` or of a pipe to standard input.
fn is_pipe(file: &Path) -> bool {
    let unnamed = ["/dev/fd", "/proc/self/fd"].into_iter().any(|directory| file.starts_with(directory));
    unnamed || file == Path::new("/dev/stdin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_named_for_its_file() {
        let named = |file: &str| name(Path::new(file)).map_err(|refusal| refusal.to_string());
        for (file, wanted) in [
            ("dir/OLTP.lis.zst", "OLTP.lis"),
            ("requests.csv.gz", "requests.csv"),
            ("a\u{7}b.csv", "ab.csv"),
            ("/dev/fd/63", "pipe"),
            ("/dev/stdin", "pipe"),
            (" x ", "x"),
        ] {
            assert_eq!(named(file).as_deref(), Ok(wanted), "{file}");
        }
        assert_eq!(named(&"x".repeat(200)).map(|name| name.len()), Ok(80));
        for bad in [".zst", " ", "\u{7}"] {
            let refused = named(bad).expect_err(bad);
            assert!(refused.contains("leaves no name"), "{refused}");
        }
    }
}

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process;

/// Writes a file whole or not at all: whoever reads it meanwhile, or after a crash, sees the old or the new.
///
/// Missing directories are made.
///
/// # Errors
///
/// If a directory or file cannot be written; what was there stays.
///
/// # Examples
///
/// ```
/// let file = std::env::temp_dir().join(format!("whole-{}/run.json", std::process::id()));
/// hotcache_report::write_whole(&file, "{}")?;
/// assert_eq!(std::fs::read_to_string(&file)?, "{}");
/// # std::fs::remove_dir_all(file.parent().unwrap())?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_whole(file: &Path, content: &str) -> io::Result<()> {
    let (Some(name), directory) = (file.file_name(), file.parent().unwrap_or(Path::new(""))) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} names no file", file.display())));
    };
    if !directory.as_os_str().is_empty() {
        fs::create_dir_all(directory)?;
    }
    // In the same directory, as a rename is whole only within one file system.
    let mut draft_name = std::ffi::OsString::from(".");
    draft_name.push(name);
    draft_name.push(format!(".{}.draft", process::id()));
    let draft = directory.join(draft_name);
    let written = write_through(&draft, content).and_then(|()| fs::rename(&draft, file));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn write_through(file: &Path, content: &str) -> io::Result<()> {
    let mut open = File::create(file)?;
    open.write_all(content.as_bytes())?;
    open.sync_all()
}

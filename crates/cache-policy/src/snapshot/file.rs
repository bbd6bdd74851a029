//! Files that are replaced as a whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::SnapshotError;

/// Writes a file under another name in the same folder, and renames it when all of it is on the disk.
pub(super) fn replace<R>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<R, SnapshotError>,
) -> Result<R, SnapshotError> {
    let temporary = Temporary::beside(path)?;
    let mut file = File::options().write(true).create_new(true).open(&temporary.0)?;
    let written = write(&mut file)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary.0, path)?;
    std::mem::forget(temporary);
    sync_folder(path)?;
    Ok(written)
}

/// A file that is removed when this is dropped: whatever fails, also by a panic, leaves nothing behind.
struct Temporary(PathBuf);

impl Temporary {
    /// A name that no other call uses, of this process or of another.
    fn beside(path: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Some(name) = path.file_name() else {
            let message = format!("{} names no file", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}-{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        Ok(Self(path.with_file_name(temporary)))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The first error is the one to report.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the new name last: on Unix it is part of the folder's own data.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let _ = path;
    Ok(())
}

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process;

/// Writes a file atomically: a reader, even after a crash, sees either the old or the new contents.
///
/// Missing directories are made. A symbolic link stays, and the file that it leads to is written.
///
/// # Errors
///
/// If a directory or file cannot be written, or the path leads to a device, a pipe or a socket; what was there stays.
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
pub fn write_whole(file: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let place = Place::of(file)?;
    fs::create_dir_all(&place.directory)?;
    let draft = place.draft();
    let written = write_through(&draft, content.as_ref()).and_then(|()| fs::rename(&draft, &place.file));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&draft);
        return written;
    }
    sync_directory(&place.directory)
}

/// Tells whether [`write_whole`] could write a file, without changing it; worth asking before an hour is spent on what
/// is to be written.
///
/// # Errors
///
/// If the directory is missing or not writable, or the path leads to something other than a regular file.
///
/// # Examples
///
/// ```
/// use hotcache_report::check_writable;
///
/// assert!(check_writable(&std::env::temp_dir().join("run.json")).is_ok());
/// let refused = check_writable("no/such/run.json".as_ref()).unwrap_err();
/// assert_eq!(refused.to_string(), "there is no directory no/such");
/// assert!(check_writable(&std::env::temp_dir()).is_err());
/// ```
pub fn check_writable(file: &Path) -> io::Result<()> {
    let place = Place::of(file)?;
    if !place.directory.is_dir() {
        let why = format!("there is no directory {}", place.directory.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    // A rename would replace a file that its owner protected.
    if place.file.exists() {
        OpenOptions::new().write(true).open(&place.file)?;
    }
    let draft = place.draft();
    OpenOptions::new().write(true).create_new(true).open(&draft)?;
    fs::remove_file(&draft)
}

/// Where a path leads.
struct Place {
    file: PathBuf,
    directory: PathBuf,
}

impl Place {
    fn of(file: &Path) -> io::Result<Self> {
        let invalid = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why.to_owned()));
        let is_link = fs::symlink_metadata(file).is_ok_and(|about| about.is_symlink());
        let target = match fs::canonicalize(file) {
            Ok(target) if is_link => target,
            Err(error) if is_link => {
                let why = format!("it is a symbolic link that leads to no file ({error})");
                return Err(io::Error::new(error.kind(), why));
            }
            _ => file.to_owned(),
        };
        match fs::metadata(&target) {
            Ok(about) if about.is_dir() => return invalid("it is a directory"),
            Ok(about) if !about.is_file() => {
                return invalid("it is a device, a pipe or a socket, and not a regular file");
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let ends_like_a_directory = file.as_os_str().as_encoded_bytes().ends_with(b"/");
        if target.file_name().is_none() || ends_like_a_directory {
            return invalid("it names no file");
        }
        let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new(".")).to_owned();
        Ok(Self { file: target, directory })
    }

    /// A name in the same directory, as a rename is whole only within one file system.
    fn draft(&self) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.file.file_name().unwrap_or_default());
        name.push(format!(".{}.draft", process::id()));
        self.directory.join(name)
    }
}

fn write_through(file: &Path, content: &[u8]) -> io::Result<()> {
    let mut open = File::create(file)?;
    open.write_all(content)?;
    open.sync_all()
}

/// Makes the new name outlast a power cut, too.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory).and_then(|open| open.sync_all()) {
        // Some file systems sync no directories; the file itself is on the disk.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Only Unix syncs directories.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::process::Command;

    use super::*;

    fn directory(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("hotcache-file-{name}-{}", process::id()));
        fs::create_dir_all(&directory).expect("a temporary directory");
        directory
    }

    #[test]
    fn what_is_no_regular_file_is_refused_and_stays() {
        let directory = directory("special");
        let [fifo, socket, link] = ["fifo", "socket", "link"].map(|name| directory.join(name));
        assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
        let _listening = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        symlink("/dev/null", &link).expect("a link");
        for special in [&fifo, &socket, &link, Path::new("/dev/null"), &directory] {
            for refused in [check_writable(special), write_whole(special, "{}")] {
                let refused = refused.expect_err("it is special").to_string();
                assert!(refused.contains("regular file") || refused.contains("directory"), "{refused}");
            }
        }
        let sort = |file: &Path| fs::symlink_metadata(file).expect("it is there").file_type();
        assert!(sort(&fifo).is_fifo() && sort(&socket).is_socket() && sort(&link).is_symlink());
        assert!(sort(Path::new("/dev/null")).is_char_device());
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn a_link_stays_and_its_file_is_written() {
        let directory = directory("link");
        let [file, link, dangling] = ["file", "link", "dangling"].map(|name| directory.join(name));
        fs::write(&file, "old").expect("written");
        symlink("file", &link).expect("a link");
        check_writable(&link).expect("its file can be written");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "old", "asking changes nothing");
        write_whole(&link, "new").expect("written");
        assert_eq!(fs::read_to_string(&file).expect("a file"), "new");
        assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
        symlink("nowhere", &dangling).expect("a link");
        let refused = check_writable(&dangling).expect_err("it leads nowhere").to_string();
        assert!(refused.contains("leads to no file"), "{refused}");
        let left: Vec<_> = fs::read_dir(&directory).expect("a directory").collect();
        assert_eq!(left.len(), 3, "no draft is left: {left:?}");
        fs::remove_dir_all(directory).expect("removed");
    }

    #[test]
    fn a_name_that_leaves_no_room_for_a_draft_is_refused_before() {
        let directory = directory("long");
        assert!(check_writable(&directory.join("x".repeat(254))).is_err());
        assert!(check_writable(&directory.join("x/")).is_err());
        fs::remove_dir_all(directory).expect("removed");
    }
}

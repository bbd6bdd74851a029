//! Compressed traces, which are recognised by their first bytes, because a pipe has no file name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::bufread::MultiGzDecoder;
use hotcache_bench_plan::shown_path;

/// As many bytes as the longest of the marks below.
const MARK: usize = 6;

const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const GZIP: &[u8] = &[0x1f, 0x8b];

/// The magic number of a skippable zstd frame, without its first byte, which has sixteen values.
const SKIPPABLE: &[u8] = &[0x2a, 0x4d, 0x18];

/// The largest window that zstd supports, with `--long=31`. 32-bit targets support less.
const LARGEST_WINDOW: u32 = if usize::BITS == 32 { 30 } else { 31 };

/// Formats that are recognised and not supported, with the commands that unpack them.
const OTHERS: [(&str, &[u8], &str); 6] = [
    ("bzip2", b"BZh", "bzip2 -dc"),
    ("xz", &[0xfd, b'7', b'z', b'X', b'Z', 0], "xz -dc"),
    ("lz4", &[0x04, 0x22, 0x4d, 0x18], "lz4 -dc"),
    ("zip", b"PK\x03\x04", "unzip -p"),
    ("7z", &[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c], "7z x -so"),
    ("compress", &[0x1f, 0x9d], "uncompress -c"),
];

/// Opens a file or a pipe to be read once, unpacked.
pub(super) fn open(file: &Path) -> Result<Box<dyn BufRead>> {
    let named = || shown_path(file);
    let mut reader = File::open(file).with_context(named)?;
    let mark = first_bytes(&mut reader).with_context(named)?;
    for (name, magic, command) in OTHERS {
        if mark.starts_with(magic) {
            bail!(
                "{}: packed with {name}, where zstd and gzip are read; unpack it into a pipe: {command} FILE | cargo xtask \
                 bench --trace /dev/stdin",
                named()
            );
        }
    }
    let is_skippable =
        mark.first().is_some_and(|first| first & 0xf0 == 0x50) && mark[1..].starts_with(SKIPPABLE);
    let (is_zstd, is_gzip) = (mark.starts_with(ZSTD) || is_skippable, mark.starts_with(GZIP));
    // A pipe cannot be wound back.
    let whole = BufReader::new(Cursor::new(mark).chain(reader));
    if is_zstd {
        let mut decoder = zstd::Decoder::with_buffer(whole).with_context(named)?;
        decoder.window_log_max(LARGEST_WINDOW).with_context(named)?;
        return Ok(Box::new(BufReader::new(decoder)));
    }
    if is_gzip {
        return Ok(Box::new(BufReader::new(MultiGzDecoder::new(whole))));
    }
    Ok(Box::new(whole))
}

/// The first bytes, however small the pieces are in which a pipe hands them over.
fn first_bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(MARK);
    reader.take(MARK as u64).read_to_end(&mut first)?;
    Ok(first)
}

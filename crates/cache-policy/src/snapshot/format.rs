//! The bytes of a snapshot: a header, blocks of records, an end mark.
//!
//! ```text
//! header   magic [8]  version u16  kind u16  written u64  checksum u32
//! block    tag u8  length u32  records u32  checksum u32  payload [length]  checksum u32
//! ```
//!
//! Integers are little-endian; `written` is in nanoseconds since 1970. Each checksum is the CRC-32 of all that comes before it
//! in the file, without the other checksums: a block that is moved, doubled or taken from another file is refused as a changed
//! one is. The last block is the end mark, whose payload is the number of all records as a `u64`.
//!
//! A header is of this form in every version. A payload is a sequence of MessagePack values, with the fields of
//! structs by name, so that a type that gained a field with a default still reads its old snapshots.

use std::io::{Cursor, ErrorKind, Read, Write};

use crc32fast::Hasher;
use rmp_serde::Serializer;
use rmp_serde::decode::{Deserializer, ReadReader};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::error::{Kind, Part, SnapshotError};
use super::source::Kept;

/// As in PNG: a byte that no text has, a name, and line ends that a transfer as text would change.
const MAGIC: [u8; 8] = *b"\x89HCS\r\n\x1a\n";

/// The version that is written and read.
const VERSION: u16 = 1;

/// The bytes of a header, and of the head of a block.
const HEADER: usize = 24;
const HEAD: usize = 13;

/// The size from which on a block is written. One record may be longer.
const BLOCK: usize = 64 << 10;

/// Values are nested less deep than this, as in `serde_json`: the limit of `rmp-serde` is more than a thread's stack holds.
const DEPTH: usize = 128;

const END: u8 = 0;
const RECORDS: u8 = 1;
const GROUPS: u8 = 2;

/// Writes a snapshot, block by block.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    crc: Hasher,
    block: Vec<u8>,
    /// The records in the block, and in all blocks.
    records: u32,
    total: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the header. `written` is the moment that times left are counted from.
    pub(super) fn start(mut to: W, kind: Kind, written: u64) -> Result<Self, SnapshotError> {
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.extend(kind.code().to_le_bytes());
        header.extend(written.to_le_bytes());
        let mut crc = Hasher::new();
        crc.update(&header);
        header.extend(crc.clone().finalize().to_le_bytes());
        to.write_all(&header)?;
        Ok(Self { to, crc, block: Vec::with_capacity(BLOCK + 1024), records: 0, total: 0 })
    }

    pub(super) fn groups(&mut self, names: &[&str]) -> Result<(), SnapshotError> {
        if names.is_empty() {
            return Ok(());
        }
        self.value(Part::Terms, names)?;
        self.flush(GROUPS)
    }

    /// Appends a part of the present record.
    pub(super) fn value(
        &mut self,
        part: Part,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), SnapshotError> {
        let start = self.block.len();
        let mut serializer = Serializer::new(&mut self.block).with_struct_map();
        value
            .serialize(&mut serializer)
            .map_err(|error| SnapshotError::Serialize { part, message: error.to_string() })?;
        if nests_too_deep(&self.block[start..]) {
            let message = format!("it is nested {DEPTH} levels deep or more: fewer are allowed");
            return Err(SnapshotError::Serialize { part, message });
        }
        Ok(())
    }

    pub(super) fn end_record(&mut self) -> Result<(), SnapshotError> {
        self.records += 1;
        self.total += 1;
        if self.block.len() >= BLOCK { self.flush(RECORDS) } else { Ok(()) }
    }

    /// Writes the end mark, and returns the number of records.
    pub(super) fn finish(mut self) -> Result<u64, SnapshotError> {
        if self.records > 0 {
            self.flush(RECORDS)?;
        }
        self.block.extend(self.total.to_le_bytes());
        self.flush(END)?;
        self.to.flush()?;
        Ok(self.total)
    }

    fn flush(&mut self, tag: u8) -> Result<(), SnapshotError> {
        let length = u32::try_from(self.block.len()).map_err(|_| SnapshotError::Serialize {
            part: Part::Value,
            message: format!("it takes {} bytes, and at most {} are allowed", self.block.len(), u32::MAX),
        })?;
        let mut head = Vec::with_capacity(HEAD);
        head.push(tag);
        head.extend(length.to_le_bytes());
        head.extend(self.records.to_le_bytes());
        self.crc.update(&head);
        head.extend(self.crc.clone().finalize().to_le_bytes());
        self.to.write_all(&head)?;
        self.crc.update(&self.block);
        self.to.write_all(&self.block)?;
        self.to.write_all(&self.crc.clone().finalize().to_le_bytes())?;
        self.block.clear();
        self.records = 0;
        Ok(())
    }
}

/// Reads a snapshot, block by block.
pub(super) struct Reader<R> {
    from: R,
    crc: Hasher,
    /// The bytes read so far.
    at: u64,
    total: u64,
    groups: u32,
}

/// A block whose checksum is right.
pub(super) enum Block {
    Groups(Vec<String>),
    Records(Records),
    End,
}

impl<R: Read> Reader<R> {
    /// Reads the header, and returns when the snapshot was written.
    pub(super) fn start(from: R, expected: Kind) -> Result<(Self, u64), SnapshotError> {
        let mut reader = Self { from, crc: Hasher::new(), at: 0, total: 0, groups: 0 };
        let mut magic = Vec::new();
        reader.fill(&mut magic, MAGIC.len())?;
        if !MAGIC.starts_with(&magic) {
            return Err(SnapshotError::NotASnapshot);
        }
        let mut header = reader.exact(magic, HEADER)?;
        let checksum = split_u32(&mut header);
        reader.crc.update(&header);
        if reader.crc.clone().finalize() != checksum {
            return Err(SnapshotError::Corrupt { at: 0, what: "the checksum of the header is wrong" });
        }
        let version = u16::from_le_bytes([header[8], header[9]]);
        if version != VERSION {
            return Err(SnapshotError::UnsupportedVersion { found: version, supported: VERSION });
        }
        let code = u16::from_le_bytes([header[10], header[11]]);
        let found = Kind::from_code(code)
            .ok_or(SnapshotError::Corrupt { at: 10, what: "there is no such kind of snapshot" })?;
        if found != expected {
            return Err(SnapshotError::WrongKind { found, expected });
        }
        Ok((reader, u64::from_le_bytes(eight(&header[12..]))))
    }

    pub(super) fn block(&mut self) -> Result<Block, SnapshotError> {
        let start = self.at;
        let mut head = self.exact(Vec::new(), HEAD)?;
        let checksum = split_u32(&mut head);
        self.check(start, &head, checksum, "the checksum of a block's head is wrong")?;
        let records = split_u32(&mut head);
        let length = split_u32(&mut head) as usize;
        let payload_at = self.at;
        // Grows as the bytes arrive: a length that is not true allocates nothing.
        let payload = self.exact(Vec::new(), length)?;
        let mut checksum = self.exact(Vec::new(), 4)?;
        let checksum = split_u32(&mut checksum);
        self.check(start, &payload, checksum, "the checksum of a block is wrong")?;
        match head[0] {
            END if payload.len() != 8 || u64::from_le_bytes(eight(&payload)) != self.total => {
                Err(SnapshotError::Corrupt { at: start, what: "the end mark has another number of records" })
            }
            END => Ok(Block::End),
            // Records name their group by its number in the list.
            GROUPS if self.groups != 0 || self.total != 0 => {
                Err(SnapshotError::Corrupt { at: start, what: "the list of groups is not the first block" })
            }
            GROUPS => {
                let mut names = Records::new(payload, payload_at, 1, 0);
                let list: Vec<String> = names.value(Part::Terms)?;
                names.end()?;
                self.groups = u32::try_from(list.len()).unwrap_or(u32::MAX);
                Ok(Block::Groups(list))
            }
            RECORDS => {
                self.total += u64::from(records);
                Ok(Block::Records(Records::new(payload, payload_at, records, self.groups)))
            }
            _ => Err(SnapshotError::Corrupt { at: start, what: "there is no such kind of block" }),
        }
    }

    /// Checks that the input ends here.
    pub(super) fn end(mut self) -> Result<(), SnapshotError> {
        let at = self.at;
        let mut more = Vec::new();
        self.fill(&mut more, 1)?;
        if more.is_empty() {
            return Ok(());
        }
        Err(SnapshotError::Corrupt { at, what: "there are more bytes after the end mark" })
    }

    fn check(
        &mut self,
        at: u64,
        bytes: &[u8],
        checksum: u32,
        what: &'static str,
    ) -> Result<(), SnapshotError> {
        self.crc.update(bytes);
        if self.crc.clone().finalize() == checksum {
            Ok(())
        } else {
            Err(SnapshotError::Corrupt { at, what })
        }
    }

    /// Reads until there are `length` bytes in all, or the input ends.
    fn fill(&mut self, bytes: &mut Vec<u8>, length: usize) -> Result<(), SnapshotError> {
        let had = bytes.len();
        let read = self.from.by_ref().take((length - had) as u64).read_to_end(bytes);
        self.at += (bytes.len() - had) as u64;
        match read {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(SnapshotError::Truncated { at: self.at })
            }
            Err(error) => Err(SnapshotError::Io(error)),
        }
    }

    fn exact(&mut self, mut bytes: Vec<u8>, length: usize) -> Result<Vec<u8>, SnapshotError> {
        self.fill(&mut bytes, length)?;
        if bytes.len() < length { Err(SnapshotError::Truncated { at: self.at }) } else { Ok(bytes) }
    }
}

/// The records of one block.
#[derive(Debug)]
pub struct Records {
    from: Deserializer<ReadReader<Cursor<Vec<u8>>>>,
    /// Where the payload begins in the snapshot, and how long it is.
    at: u64,
    length: u64,
    left: u32,
    /// The number of groups that have a name.
    groups: u32,
}

impl Records {
    fn new(payload: Vec<u8>, at: u64, records: u32, groups: u32) -> Self {
        let length = payload.len() as u64;
        let mut from = Deserializer::new(Cursor::new(payload));
        from.set_max_depth(DEPTH);
        Self { from, at, length, left: records, groups }
    }

    /// Whether there is one more record, whose parts are to be read.
    pub(super) fn next(&mut self) -> Result<bool, SnapshotError> {
        if self.left == 0 {
            self.end()?;
            return Ok(false);
        }
        self.left -= 1;
        Ok(true)
    }

    pub(super) fn value<T: DeserializeOwned>(&mut self, part: Part) -> Result<T, SnapshotError> {
        T::deserialize(&mut self.from).map_err(|error| SnapshotError::Deserialize {
            at: self.at + self.from.position(),
            part,
            message: error.to_string(),
        })
    }

    /// Reads the terms of an entry.
    pub(super) fn terms(&mut self) -> Result<Kept, SnapshotError> {
        let terms: Kept = self.value(Part::Terms)?;
        if terms.1 > self.groups {
            let at = self.at + self.from.position();
            return Err(SnapshotError::Corrupt { at, what: "an entry belongs to a group without a name" });
        }
        Ok(terms)
    }

    /// Checks that the records are all of the block: a type that reads less than it wrote has misread what follows.
    fn end(&self) -> Result<(), SnapshotError> {
        let at = self.at + self.from.position();
        if self.from.position() == self.length {
            return Ok(());
        }
        Err(SnapshotError::Corrupt { at, what: "the records of a block do not fill it" })
    }
}

/// Whether a reader would refuse a value. The serializer has no limit.
fn nests_too_deep(value: &[u8]) -> bool {
    // Each level takes a byte.
    if value.len() < DEPTH {
        return false;
    }
    let mut from = Deserializer::from_read_ref(value);
    from.set_max_depth(DEPTH);
    matches!(IgnoredAny::deserialize(&mut from), Err(rmp_serde::decode::Error::DepthLimitExceeded))
}

/// Takes the last four bytes, which the callers have made sure of.
fn split_u32(bytes: &mut Vec<u8>) -> u32 {
    let tail = bytes.split_off(bytes.len() - 4);
    u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]])
}

/// The first eight bytes, which the callers have made sure of.
fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[..8]);
    eight
}

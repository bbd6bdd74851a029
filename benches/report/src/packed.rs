//! A document that is compressed with gzip, as it is committed next to pages.

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// The first bytes of every gzip member.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Packs a text. The same text gives the same bytes: no name and no time is in them.
pub(crate) fn pack(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

/// The text of a file, packed or plain: its first bytes tell, whatever its name says.
pub(crate) fn unpack(bytes: Vec<u8>) -> io::Result<String> {
    if !bytes.starts_with(&MAGIC) {
        return String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
    }
    let mut text = String::new();
    MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked_and_plain_text_is_left() {
        let text = "{\"version\": 1}\n".repeat(1_000);
        let packed = pack(&text).expect("memory");
        assert!(packed.len() < text.len() / 20, "{} bytes", packed.len());
        assert_eq!(packed, pack(&text).expect("memory"), "the same text, the same bytes");
        assert_eq!(unpack(packed.clone()).expect("packed"), text);
        assert_eq!(unpack(text.clone().into_bytes()).expect("plain"), text);
        unpack(packed[..packed.len() / 2].to_vec()).expect_err("cut off");
        unpack(vec![0xff, 0xfe]).expect_err("no text");
    }
}

/// Bytes read as numbers, until there are none left.
#[derive(Debug)]
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 after the last.
    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(crate) fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A value: mostly small, sometimes at an end of what there is.
    pub(crate) fn value(&mut self) -> i64 {
        match self.byte() {
            0x80 => i64::MIN,
            0x7f => i64::MAX,
            0x7e => i64::from(self.short()) << 47,
            small => i64::from(small as i8),
        }
    }
}

//! The claims of a token as bytes.
//!
//! `kind from until user subject`: a byte, two times in milliseconds since 1970 (8 bytes each, little-endian), and two names with a
//! byte of length before each.

/// What every kind of token has. A kind leaves out what it does not use: 0, or no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    pub from: u64,
    pub until: u64,
    pub user: &'a str,
    pub subject: &'a str,
}

impl<'a> Fields<'a> {
    pub(super) fn encode(&self, kind: u8) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(19 + self.user.len() + self.subject.len());
        bytes.push(kind);
        bytes.extend_from_slice(&self.from.to_le_bytes());
        bytes.extend_from_slice(&self.until.to_le_bytes());
        for name in [self.user, self.subject] {
            // Names are checked where claims are made.
            bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes
    }

    /// The kind and the fields; `None` if these are no claims.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<(u8, Self)> {
        let (&kind, rest) = bytes.split_first()?;
        let (from, rest) = rest.split_first_chunk::<8>()?;
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let (user, rest) = name(rest)?;
        let (subject, rest) = name(rest)?;
        let fields =
            Self { from: u64::from_le_bytes(*from), until: u64::from_le_bytes(*until), user, subject };
        rest.is_empty().then_some((kind, fields))
    }
}

fn name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(len))?;
    Some((std::str::from_utf8(name).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_and_parts_of_them_do_not() {
        let fields = Fields { from: 1, until: u64::MAX, user: "ann", subject: "" };
        let bytes = fields.encode(9);
        assert_eq!(Fields::decode(&bytes), Some((9, fields)));
        for len in 0..bytes.len() {
            assert_eq!(Fields::decode(&bytes[..len]), None);
        }
        assert_eq!(Fields::decode(&[&bytes[..], &[0]].concat()), None);
    }
}

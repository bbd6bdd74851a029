/// Runs a generic body with the hasher that a byte chooses: the usual one, or one of the degenerate.
///
/// The body is also told how many keys it may put in at once: with equal hashes each takes as long as all before it.
macro_rules! with_hasher {
    ($byte:expr, |$hasher:ident, $many:ident| $body:expr) => {{
        const FEW: u16 = 300;
        match $byte % 6 {
            0 => {
                let ($hasher, $many) = (cache_testkit::hashers::Constant, FEW);
                $body
            }
            1 => {
                let ($hasher, $many) = (cache_testkit::hashers::EqualHigh, 4 * FEW);
                $body
            }
            2 => {
                let ($hasher, $many) = (cache_testkit::hashers::EqualLow, u16::MAX);
                $body
            }
            _ => {
                let ($hasher, $many) = (cache_core::DefaultHashBuilder::default(), u16::MAX);
                $body
            }
        }
    }};
}
pub(crate) use with_hasher;

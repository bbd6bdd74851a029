use std::any::TypeId;

/// Whether a key of type `K` consists of its bytes, with none of them undefined: every integer, `bool`, `char`, and
/// pairs of one of these. Such keys are kept as they lie in memory.
///
/// A user's own type may have padding, or an interior that changes while it is compared. It is kept in a box.
#[inline(always)]
pub(super) fn is_plain<K: ?Sized + 'static>() -> bool {
    macro_rules! any {
        ($($t:ty)*) => {
            $(TypeId::of::<K>() == TypeId::of::<$t>() || TypeId::of::<K>() == TypeId::of::<($t, $t)>() ||)* false
        };
    }
    any!(u64 i64 u32 i32 usize isize u16 i16 u8 i8 u128 i128 bool char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_no_padding() {
        assert!(is_plain::<u64>() && is_plain::<(u128, u128)>() && is_plain::<(bool, bool)>());
        assert!(!is_plain::<(u64, u8)>() && !is_plain::<str>() && !is_plain::<String>());
    }
}

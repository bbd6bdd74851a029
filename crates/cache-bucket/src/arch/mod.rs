//! Code for one processor or system, each part beside a portable version that does the same.

#[cfg(all(target_arch = "x86_64", not(portable), not(loom), not(miri), not(tsan)))]
#[path = "x86.rs"]
mod cpu;
#[cfg(not(all(target_arch = "x86_64", not(portable), not(loom), not(miri), not(tsan))))]
#[path = "portable_cpu.rs"]
mod cpu;

#[cfg(all(target_os = "linux", not(portable), not(loom), not(miri), not(tsan)))]
#[path = "linux.rs"]
mod system;
#[cfg(not(all(target_os = "linux", not(portable), not(loom), not(miri), not(tsan))))]
#[path = "portable_system.rs"]
mod system;

pub(crate) use cpu::{matches, prefetch, same_16, usable};
pub(crate) use system::{heavy_barrier, nanoseconds, populate, register_heavy_barrier, want_large_pages};

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::primitive::AtomicU64;

    #[repr(align(16))]
    struct Words([AtomicU64; 2]);

    impl Words {
        fn of(lanes: [u16; 8]) -> Self {
            Words(std::array::from_fn(|word| {
                AtomicU64::new((0..4).fold(0, |all, i| all | u64::from(lanes[4 * word + i]) << (16 * i)))
            }))
        }
    }

    #[test]
    fn free_and_long_dead_lanes_are_usable() {
        let used = [0x0101, 0x7fff, 1, 0x7f00, 0x0900, 0x00ff, 0x4000, 0x0912];
        let words = |lanes| Words::of(lanes).0.map(AtomicU64::into_inner);
        assert_eq!(usable(words(used), 3, 7), 0);
        for place in 0..8 {
            let with = |lane: u16, now| {
                let mut lanes = used;
                lanes[place] = lane;
                usable(words(lanes), 3, now)
            };
            let it = 3 << (2 * place);
            assert_eq!(with(0, 7), it);
            for epoch in [1, 4, 0x7ffe, 0x7fff] {
                let dead = 0x8000 | epoch;
                // The last age is 0x7fff. A removal in an epoch later than `now` would seem to have that age, so
                // there must be none.
                let ages = [0, 2, 3, 4, 0x7fff].map(|age| with(dead, u64::from(epoch) + age));
                assert_eq!(ages, [0, 0, it, it, it], "{epoch:x} at {place}");
                // After 2^15 epochs the age wraps around: the entry seems to have died just now.
                assert_eq!(with(dead, u64::from(epoch) + 0x8000), 0);
            }
        }
    }

    #[test]
    fn every_lane_matches_and_no_other() {
        for lane in [0, 1, 0x7fff, 0x8000, 0xffff, 0x0912] {
            for place in 0..8 {
                let mut lanes = [0x8001_u16, 2, 0x7ffe, 0xfffe, 0x0911, 0x1209, 0x0812, 0x0100];
                lanes[place] = lane;
                assert_eq!(matches(&Words::of(lanes).0, lane), 3 << (2 * place), "{lane:x} at {place}");
            }
        }
    }
}

//! What one processor or system does better: each beside a portable twin that does the same.

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

pub(crate) use cpu::{matches, prefetch, same_16};
pub(crate) use system::{heavy_barrier, populate, register_heavy_barrier, want_large_pages};

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::primitive::AtomicU64;

    #[test]
    fn every_lane_matches_and_no_other() {
        #[repr(align(16))]
        struct Words([AtomicU64; 2]);
        for lane in [0, 1, 0x7fff, 0x8000, 0xffff, 0x0912] {
            for place in 0..8 {
                let mut lanes = [0x8001_u16, 2, 0x7ffe, 0xfffe, 0x0911, 0x1209, 0x0812, 0x0100];
                lanes[place] = lane;
                let words = Words(std::array::from_fn(|word| {
                    AtomicU64::new((0..4).fold(0, |all, i| all | u64::from(lanes[4 * word + i]) << (16 * i)))
                }));
                assert_eq!(matches(&words.0, lane), 3 << (2 * place), "{lane:x} at {place}");
            }
        }
    }
}

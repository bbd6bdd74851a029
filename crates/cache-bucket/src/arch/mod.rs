//! What one processor or system does better: each beside a portable twin that does the same.

#[cfg(all(target_arch = "x86_64", not(portable), not(loom)))]
#[path = "x86.rs"]
mod cpu;
#[cfg(not(all(target_arch = "x86_64", not(portable), not(loom))))]
#[path = "portable_cpu.rs"]
mod cpu;

#[cfg(all(target_os = "linux", not(portable), not(loom), not(miri), not(tsan)))]
#[path = "linux.rs"]
mod system;
#[cfg(not(all(target_os = "linux", not(portable), not(loom), not(miri), not(tsan))))]
#[path = "portable_system.rs"]
mod system;

pub(crate) use cpu::{matches, prefetch};
pub(crate) use system::{heavy_barrier, register_heavy_barrier, want_large_pages};

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_place_matches_and_no_other() {
        for tag in [0, 1, 0x7f, 0x80, 0xff] {
            for place in 0..8 {
                let other = 0x81_7e_02_fe_40_03_c0_10_u64;
                let word = other & !(0xff << (8 * place)) | u64::from(tag) << (8 * place);
                assert_eq!(matches(word, tag), 1 << place, "{tag} at {place}");
            }
        }
    }
}

//! See `cache_fuzz::histories`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cache_fuzz::histories(data));

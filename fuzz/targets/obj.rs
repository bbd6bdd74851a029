//! See `cache_fuzz::obj`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cache_fuzz::obj(data));

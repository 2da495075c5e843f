//! What the script of the facts printed, whole.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mahout_fuzz::facts(data));

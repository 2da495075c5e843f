//! An inventory's text, to a cluster or to everything that is wrong with it, shown.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mahout_fuzz::inventory(data));

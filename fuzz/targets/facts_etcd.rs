//! Its sections about etcd.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mahout_fuzz::sections(data));

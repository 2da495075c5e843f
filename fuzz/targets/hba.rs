//! A line of pg_hba.conf.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mahout_fuzz::hba(data));

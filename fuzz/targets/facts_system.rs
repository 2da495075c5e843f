//! Its sections about the system, files, packages, units and ports.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mahout_fuzz::sections(data));

//! What `verify`'s scripts printed: the doors, the probe.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mahout_fuzz::knocks(data));

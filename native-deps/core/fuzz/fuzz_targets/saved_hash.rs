#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| metacircular_core::fuzzed::saved_hash(input));

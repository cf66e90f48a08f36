//! See `groupchat_tests::fuzz::addresses`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groupchat_tests::fuzz::addresses::run(data));

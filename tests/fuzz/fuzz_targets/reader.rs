//! See `groupchat_tests::fuzz::reader`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groupchat_tests::fuzz::reader::run(data));

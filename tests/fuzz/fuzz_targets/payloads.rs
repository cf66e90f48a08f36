//! See `groupchat_tests::fuzz::payloads`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groupchat_tests::fuzz::payloads::run(data));

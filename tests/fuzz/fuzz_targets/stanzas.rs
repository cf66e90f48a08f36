//! See `groupchat_tests::fuzz::stanzas`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| groupchat_tests::fuzz::stanzas::run(data));

//! What is done with bytes that a fuzzer makes up: one function a target, which panics when a promise is broken.
//!
//! The same functions are run by `cargo xtask fuzz` (cargo-fuzz, in `tests/fuzz`) for as long as one likes, and by
//! `tests/tests/fuzz.rs` on the kept inputs and on mutations of them for a few seconds.
//!
//! Not here: where the bytes come from, and what is kept of them.

pub mod addresses;
mod choices;
pub mod payloads;
pub mod reader;
pub mod stanzas;

/// One target: what `tests/fuzz/fuzz_targets` and `tests/fuzz/corpus` call it, and what it does with an input.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Panics on a finding.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: [Target; 4] = [
    Target { name: "reader", run: reader::run },
    Target { name: "payloads", run: payloads::run },
    Target { name: "addresses", run: addresses::run },
    Target { name: "stanzas", run: stanzas::run },
];

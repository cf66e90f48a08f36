//! The fuzz targets in short: every kept input, and mutations of them that are the same in every run. Hours of it are
//! `cargo xtask fuzz`.
//!
//! A file that cargo-fuzz found (`target/fuzz/artifacts`) is played by `FUZZ_INPUT=<file> cargo test --test fuzz`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use groupchat_tests::fuzz::TARGETS;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Longer inputs say nothing new.
const BYTES_MAX: usize = 4_096;

#[test]
fn reader() {
    play("reader", 4_000);
}

#[test]
fn payloads() {
    play("payloads", 4_000);
}

#[test]
fn addresses() {
    play("addresses", 4_000);
}

#[test]
fn stanzas() {
    play("stanzas", 50);
}

fn play(name: &str, mutations: usize) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let kept = kept(name);
    let run = |input: &[u8]| {
        let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
        let shown = || format!("{name} fails with {:?}", String::from_utf8_lossy(input));
        assert!(outcome.is_ok(), "{}", shown());
    };
    if let Some(file) = std::env::var_os("FUZZ_INPUT") {
        run(&std::fs::read(file).expect("the file of FUZZ_INPUT"));
        return;
    }
    for input in kept.values() {
        run(input);
    }
    let kept: Vec<_> = kept.into_values().collect();
    let mut dice = StdRng::seed_from_u64(1);
    for _ in 0..mutations {
        run(&mutated(&kept, &mut dice));
    }
}

fn kept(name: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).expect("the target has a corpus").flatten();
    let kept: BTreeMap<_, _> = files
        .map(|file| {
            let input = std::fs::read(file.path()).expect("a kept input");
            (file.file_name().to_string_lossy().into_owned(), input)
        })
        .collect();
    assert!(!kept.is_empty(), "{} is empty", folder.display());
    kept
}

/// One of the kept inputs, changed in a few places.
fn mutated(kept: &[Vec<u8>], dice: &mut StdRng) -> Vec<u8> {
    let mut below = |bound: usize| dice.random_range(0..bound.max(1));
    let mut input = kept[below(kept.len())].clone();
    for _ in 0..=below(4) {
        let from = below(input.len());
        let to = (from + below(20)).min(input.len());
        match below(5) {
            // Another's piece.
            0 => {
                let other = &kept[below(kept.len())];
                let start = below(other.len());
                let end = (start + below(60)).min(other.len());
                drop(input.splice(from..to, other[start..end].iter().copied()));
            }
            // A bit.
            1 if !input.is_empty() => input[from] ^= 1 << below(8),
            // Itself.
            2 => {
                let piece = input[from..to].repeat(below(4));
                drop(input.splice(from..from, piece));
            }
            3 => drop(input.drain(from..to)),
            _ if below(8) == 0 => input.truncate(from),
            _ => {}
        }
    }
    input.truncate(BYTES_MAX);
    input
}

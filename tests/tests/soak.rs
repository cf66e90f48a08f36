//! Messages at a steady rate into a group whose members come and go: everybody gets everything, and the component's
//! memory stays as it is. Here for some seconds; `cargo xtask soak` makes it half an hour.
//!
//! `SOAK_SECONDS`, `SOAK_RATE`, `SOAK_MEMBERS` change how much it is, and `SOAK_SEED` repeats a run.

use std::time::Duration;

use anyhow::{Result, ensure};
use groupchat_tests::soak::{Sample, Soak, run};

/// A resident set is flat within this many per cent of its middle.
const FLAT_PER_CENT: u64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_and_nothing_is_lost() -> Result<()> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u32>().ok());
    let soak = Soak {
        time: Duration::from_secs(number("SOAK_SECONDS").unwrap_or(12).into()),
        rate: number("SOAK_RATE").unwrap_or(20),
        members: number("SOAK_MEMBERS").unwrap_or(100) as usize,
        seed: number("SOAK_SEED").unwrap_or_else(rand::random).into(),
    };
    println!("{} members, {} messages/s, SOAK_SEED={}", soak.members, soak.rate, soak.seed);
    println!(
        "{:>8} {:>10} {:>9} {:>12} {:>10} {:>8} {:>8}",
        "time", "RSS KiB", "messages", "delivered", "kept", "bounced", "waiting"
    );
    let report = run(soak, |Sample { at, resident_kib, counts }| {
        println!(
            "{:>6.0} s {resident_kib:>10} {:>9} {:>12} {:>10} {:>8} {:>8}",
            at.as_secs_f64(),
            counts.expected,
            counts.delivered,
            counts.kept,
            counts.bounced,
            counts.incomplete()
        );
    })
    .await?;
    let counts = report.counts;
    println!(
        "{} of {} messages reached everybody: {} copies to devices, {} kept, {} came back, {} twice; {} moves",
        counts.complete,
        counts.expected,
        counts.delivered,
        counts.kept,
        counts.bounced,
        counts.repeated,
        report.moves
    );
    ensure!(counts.refused == 0, "{} messages were refused", counts.refused);
    ensure!(counts.bounced > 0 && counts.kept > 0, "nobody was away: {counts:?}");
    if let Some(memory) = report.resident_kib() {
        println!(
            "RSS after the warm-up: min {}, median {}, max {} KiB",
            memory.min, memory.median, memory.max
        );
        ensure!(memory.is_flat(FLAT_PER_CENT), "the memory is not flat: {memory:?}");
    }
    Ok(())
}

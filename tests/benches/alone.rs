//! How fast the service is by itself, in front of a host that only counts: `cargo xtask bench` runs it. By itself:
//! `BENCH_MEMBERS=1000 BENCH_SECONDS=5 cargo bench -p groupchat-tests --bench alone`.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::time::Duration;

use anyhow::Result;
use groupchat_tests::bench::alone;

#[tokio::main]
async fn main() -> Result<()> {
    let text = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let time = Duration::from_secs_f64(text("BENCH_SECONDS", "8").parse()?);
    println!(
        "| members | messages/s | copies/s | CPU s for a million copies | memory, MB |\n| ---: | ---: | ---: | ---: | ---: |"
    );
    for members in text("BENCH_MEMBERS", "10,100,1000").split(',') {
        let figures = alone(members.parse()?, time).await?;
        println!(
            "| {members} | {:.0} | {:.0} | {:.2} | {:.0} |",
            figures.messages,
            figures.copies,
            figures.cpu,
            figures.resident_kib as f64 / 1_024.0
        );
    }
    Ok(())
}

//! How the service does on a large database: `cargo xtask bench --only scale` runs it. By itself:
//! `BENCH_DATABASE=sqlite,postgres BENCH_GROUPS=100000 BENCH_MEMBERSHIPS=1000000 BENCH_MESSAGES=10000000 cargo bench
//! -p groupchat-tests --bench scale`. The rows lie below the folder for temporary files until it ends.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures are what it is for, and it takes minutes"
)]

use std::time::Duration;

use anyhow::Result;
use groupchat_tests::bench::scale::{Database, Figures, Plan, run};

#[tokio::main]
async fn main() -> Result<()> {
    let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let wanted = text("BENCH_DATABASE").unwrap_or_else(|| "sqlite,postgres".to_owned());
    let number = |name: &str, default: u64| text(name).map_or(Ok(default), |text| text.parse::<u64>());
    let full = Plan::FULL;
    let plan = Plan {
        groups: number("BENCH_GROUPS", full.groups)?,
        memberships: number("BENCH_MEMBERSHIPS", full.memberships)?,
        messages: number("BENCH_MESSAGES", full.messages)?,
        large: number("BENCH_LARGE", full.large)?,
        busy: number("BENCH_BUSY", full.busy)?,
        active: number("BENCH_ACTIVE", full.active)?,
        times: full.times,
    };
    let mut all = Vec::new();
    for database in Database::ALL {
        if wanted.split(',').any(|name| name == database.key()) {
            all.push((database, run(database, &plan, |line| eprintln!("{line}")).await?));
        }
    }
    table(&plan, &all);
    Ok(())
}

fn table(plan: &Plan, all: &[(Database, Figures)]) {
    let Some((_, first)) = all.first() else { return };
    let [memberships, messages] = first.rows;
    println!(
        "{} groups, {memberships} memberships, {messages} messages; {} groups active.\n",
        plan.groups, plan.active
    );
    let row = |what: &str, cells: &dyn Fn(&Figures) -> String| {
        let cells: String = all.iter().map(|(_, figures)| format!(" {} |", cells(figures))).collect();
        println!("| {what} |{cells}");
    };
    let heads: String = all.iter().map(|(database, _)| format!(" {} |", database.name())).collect();
    println!("| |{heads}\n| --- |{}", " ---: |".repeat(all.len()));
    let megabytes = |kib: u64| format!("{:.0} MB", kib as f64 / 1_024.0);
    row("filling the database", &|figures| format!("{:.0} s", figures.filling.as_secs_f64()));
    row("memory when started", &|figures| megabytes(figures.at_start_kib));
    row(&format!("memory with {} active groups", plan.active), &|figures| megabytes(figures.active_kib));
    row("memory at the end", &|figures| megabytes(figures.at_end_kib));
    for place in 0..first.timings.len() {
        row(&first.timings[place].what, &|figures| {
            let timing = &figures.timings[place];
            let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
            format!("{:.1}, {:.1} ms", millis(timing.median), millis(timing.longest))
        });
    }
}

//! How fast the service is on real hosts beside what they have themselves: `cargo xtask bench` runs it. By itself:
//! `BENCH_HOST=prosody BENCH_MEMBERS=10,100 BENCH_SECONDS=5 BENCH_THROUGH=rooms,multicast cargo bench -p groupchat-tests
//! --bench hosts`.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::time::Duration;

use anyhow::{Context, Result};
use groupchat_tests::bench::{Contender, Figures, Load, Plan, run};
use groupchat_tests::script::HostKind;

#[tokio::main]
async fn main() -> Result<()> {
    let text = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let hosts = text("BENCH_HOST", "prosody,ejabberd");
    let members = text("BENCH_MEMBERS", "10,100,1000");
    let time = Duration::from_secs_f64(text("BENCH_SECONDS", "8").parse()?);
    let through = text("BENCH_THROUGH", "rooms,link,addressed,plain,multicast");
    let mut contenders = Contender::ALL.to_vec();
    contenders.retain(|contender| through.split(',').any(|name| name == contender.key()));
    for host in hosts.split(',') {
        let kind = HostKind::ALL.into_iter().find(|kind| kind.name() == host).context("no such host")?;
        for members in members.split(',') {
            let members = members.parse()?;
            println!("\n{host}, {members} members\n\n{HEAD}");
            let plan = Plan { host: kind, members, time, contenders: contenders.clone() };
            run(&plan, |figures| println!("{}", row(figures))).await?;
        }
    }
    Ok(())
}

const HEAD: &str = "| through | deliveries/s | p50, p99 ms | host's CPU s for 100,000 | service's | deliveries/s at half the load | p50, p99 ms | service's memory, MB |\n\
                    | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

fn row(figures: &Figures) -> String {
    let Figures { contender, full, half, resident_kib } = figures;
    let delays = |load: &Load| format!("{:.1}, {:.1}", load.p50_ms, load.p99_ms);
    let none = || "–".to_owned();
    let service_cpu = full.service_cpu.map_or_else(none, |cpu| format!("{cpu:.2}"));
    let half_rate = half.map_or_else(none, |half| format!("{:.0}", half.deliveries));
    let half_delays = half.as_ref().map_or_else(none, delays);
    let memory = resident_kib.map_or_else(none, |kib| format!("{:.0}", kib as f64 / 1_024.0));
    format!(
        "| {} | {:.0} | {} | {:.2} | {service_cpu} | {half_rate} | {half_delays} | {memory} |",
        contender.name(),
        full.deliveries,
        delays(full),
        full.host_cpu
    )
}

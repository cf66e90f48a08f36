//! Everything goes wrong around the service, on real hosts under load: nothing that was taken is lost, reordered or
//! doubled. Short by default; `cargo xtask chaos` makes it the long run. `tests/README.md` has the variables.

#![expect(clippy::print_stdout, reason = "the figures are what a long run is played for")]

use anyhow::{Context, Result, bail};
use groupchat_tests::chaos::{Counts, DatabaseKind, HostKind, Settings, run};

/// Once each, and the usual thing some times: half a minute.
const SHORT: Counts = Counts { kills: 3, host_restarts: 1, cuts: 1, freezes: 1, database_stops: 1 };

#[tokio::test(flavor = "multi_thread")]
async fn chaos_on_prosody() -> Result<()> {
    play(HostKind::Prosody, DatabaseKind::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn chaos_on_ejabberd() -> Result<()> {
    play(HostKind::Ejabberd, DatabaseKind::Postgres).await
}

async fn play(host: HostKind, database: DatabaseKind) -> Result<()> {
    if !host.is_wanted() {
        return Ok(());
    }
    let settings = Settings::from_environment(SHORT, database)?;
    println!("{}: CHAOS_SEED={}", host.name(), settings.seed);
    let report = run(host, &settings).await.with_context(|| format!("CHAOS_SEED={}", settings.seed))?;
    println!("\n{report}");
    match report.failure() {
        Some(failure) => bail!("{failure}"),
        None => Ok(()),
    }
}

//! A simulated world that goes wrong at random: users with devices that come, go, vanish and resume; a link that is cut;
//! a service that is killed in the midst of anything; a database that refuses to store; a host that is restarted. A seed
//! decides all of it. In the end everything is mended, and what was promised must hold (`checker`).
//!
//! The service is the real one with its real store; the host is the simulated one of the conversations; the link is its
//! queue, with echoes that come when the seed says. Not here: sockets (the link's own tests, and chaos on real hosts).

mod checker;
mod link;
mod people;
mod service;
mod steps;
mod world;

use std::fmt;

/// What one run did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Messages that were sent.
    pub sent: usize,
    /// Of those, how many came back to their senders.
    pub reflected: usize,
    /// Copies that arrived anywhere.
    pub copies: usize,
    /// Of those, how many were repeats.
    pub repeats: usize,
    /// Times that the service was killed.
    pub kills: usize,
    /// Times that the link was cut.
    pub cuts: usize,
    /// Times that the host was restarted.
    pub host_restarts: usize,
    /// Times that the database stopped storing.
    pub database_stops: usize,
    /// Messages that a member has only in the archive, because what would have brought him a copy was lost with a link
    /// or a host.
    pub archive_only: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        for (own, other) in [
            (&mut self.sent, other.sent),
            (&mut self.reflected, other.reflected),
            (&mut self.copies, other.copies),
            (&mut self.repeats, other.repeats),
            (&mut self.kills, other.kills),
            (&mut self.cuts, other.cuts),
            (&mut self.host_restarts, other.host_restarts),
            (&mut self.database_stops, other.database_stops),
            (&mut self.archive_only, other.archive_only),
        ] {
            *own += other;
        }
    }
}

/// A promise that was not kept.
#[derive(Debug)]
pub struct Broken {
    /// The run.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// What happened, step by step.
    pub story: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        self.story.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

impl std::error::Error for Broken {}

/// Runs the world of this seed.
///
/// # Errors
/// A promise was not kept, or the service ended by itself.
pub fn run(seed: u64) -> Result<Tally, Broken> {
    let broken = |what: String, story| Broken { seed, what, story };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| broken(format!("there is no runtime: {error}"), Vec::new()))?;
    runtime.block_on(async {
        let mut world =
            world::World::new(seed).await.map_err(|error| broken(format!("{error:#}"), Vec::new()))?;
        let outcome = async {
            world.live().await?;
            world.mend().await?;
            checker::check(&mut world).await
        };
        match outcome.await {
            Ok(tally) => Ok(tally),
            Err(error) => Err(broken(format!("{error:#}"), world.into_story())),
        }
    })
}

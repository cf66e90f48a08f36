//! A simulated world that goes wrong at random: users with devices that come, go, vanish and resume; a link that is cut;
//! a service that is killed in the midst of anything; a database that refuses to store; a host that is restarted. A seed
//! decides all of it, and time is virtual. In the end everything is mended, and what was promised must hold (`checker`).
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

/// A run that is over.
#[derive(Debug)]
pub struct Run {
    /// What decided it.
    pub seed: u64,
    /// What it did; or which promise was not kept, or that the service ended by itself.
    pub outcome: Result<Tally, String>,
    /// What happened, step by step.
    pub story: Vec<String>,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What went wrong comes last: the story is long.
        writeln!(f, "seed {}", self.seed)?;
        self.story.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        match &self.outcome {
            Ok(tally) => writeln!(f, "seed {}: {tally:?}", self.seed),
            Err(problem) => writeln!(f, "seed {}: {problem}", self.seed),
        }
    }
}

/// Runs the world of this seed.
pub fn run(seed: u64) -> Run {
    let ended = |outcome, story| Run { seed, outcome, story };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return ended(Err(format!("there is no runtime: {error}")), Vec::new()),
    };
    // Time passes when the world says so, not whenever everything waits for a database's thread: never while a blocking
    // task runs. This one ends with the run.
    let (_ends, held) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || held.recv());
    runtime.block_on(async {
        let mut world = match world::World::new(seed).await {
            Ok(world) => world,
            Err(error) => return ended(Err(format!("{error:#}")), Vec::new()),
        };
        let outcome = async {
            world.live().await?;
            world.mend().await?;
            checker::check(&mut world).await
        };
        let outcome = outcome.await.map_err(|error| format!("{error:#}"));
        ended(outcome, world.into_story())
    })
}

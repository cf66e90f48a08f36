//! What goes wrong and when: a plan, made from a seed. Carried out by `place.rs`.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// How often each thing goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// The service is killed and started again.
    pub kills: usize,
    /// The host is stopped, or killed, and started again.
    pub host_restarts: usize,
    /// The link between them is reset.
    pub cuts: usize,
    /// The link passes nothing on for a while.
    pub freezes: usize,
    /// The database is stopped, or locked by somebody else, for a while.
    pub database_stops: usize,
}

/// One thing that is done to the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    Kill,
    Revive,
    /// True: without a warning.
    StopHost(bool),
    StartHost,
    Cut,
    Freeze,
    Thaw,
    /// True: the database has to recover afterwards.
    StopDatabase(bool),
    StartDatabase,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// How long nothing is done before.
    pub(super) pause: Duration,
    pub(super) blow: Blow,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Kill,
    HostRestart,
    Cut,
    Freeze,
    DatabaseStop,
}

/// Shorter than it takes the link to find silence suspicious.
const FREEZE_MS_MAX: u64 = 5_000;
/// Longer than the service waits for a SQLite file that somebody else has locked.
const DATABASE_STOP_MS_MAX: u64 = 7_000;

impl Trouble {
    /// Its beginning, its end, and how many milliseconds may lie between.
    fn blows(self, by_force: bool) -> (Blow, Option<Blow>, std::ops::Range<u64>) {
        match self {
            Self::Kill => (Blow::Kill, Some(Blow::Revive), 0..800),
            Self::HostRestart => (Blow::StopHost(by_force), Some(Blow::StartHost), 200..1_500),
            Self::Cut => (Blow::Cut, None, 0..1),
            Self::Freeze => (Blow::Freeze, Some(Blow::Thaw), 1_000..FREEZE_MS_MAX),
            Self::DatabaseStop => {
                (Blow::StopDatabase(by_force), Some(Blow::StartDatabase), 500..DATABASE_STOP_MS_MAX)
            }
        }
    }
}

/// The plan that a seed stands for.
pub(super) fn plan(counts: Counts, seed: u64) -> Vec<Step> {
    let mut dice = StdRng::seed_from_u64(seed);
    let Counts { kills, host_restarts, cuts, freezes, database_stops } = counts;
    let mut troubles: Vec<Trouble> = [
        (Trouble::Kill, kills),
        (Trouble::HostRestart, host_restarts),
        (Trouble::Cut, cuts),
        (Trouble::Freeze, freezes),
        (Trouble::DatabaseStop, database_stops),
    ]
    .into_iter()
    .flat_map(|(trouble, count)| std::iter::repeat_n(trouble, count))
    .collect();
    troubles.shuffle(&mut dice);
    let mut blows = Vec::new();
    let mut calm_from = 0;
    // The trouble before, if nothing has happened within it yet.
    let mut around: Option<(Trouble, u64, u64)> = None;
    for trouble in troubles {
        let (first, last, lasts) = trouble.blows(dice.random_bool(0.5));
        let lasts = dice.random_range(lasts);
        // Now and then in the middle of another one.
        let within = around.filter(|(other, ..)| *other != trouble && dice.random_bool(0.25));
        let begins = match within {
            Some((_, from, to)) => dice.random_range(from..=to),
            None => calm_from + dice.random_range(100..2_000),
        };
        blows.push((begins, first));
        blows.extend(last.map(|last| (begins + lasts, last)));
        around = within.is_none().then_some((trouble, begins, begins + lasts));
        calm_from = calm_from.max(begins + lasts);
    }
    // Stable: the end of a trouble that takes no time stays behind its beginning.
    blows.sort_by_key(|(at, _)| *at);
    let mut before = 0;
    let step = |(at, blow)| {
        let pause = Duration::from_millis(at - before);
        before = at;
        Step { pause, blow }
    };
    blows.into_iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Counts = Counts { kills: 50, host_restarts: 20, cuts: 10, freezes: 10, database_stops: 10 };

    #[test]
    fn a_seed_stands_for_one_plan() {
        assert_eq!(plan(MANY, 7), plan(MANY, 7));
        assert_ne!(plan(MANY, 7), plan(MANY, 8));
        assert_eq!(plan(Counts::default(), 7), []);
    }

    #[test]
    fn everything_happens_as_often_as_asked_and_ends_before_it_begins_again() {
        let steps = plan(MANY, 1);
        let count = |wanted: fn(&Blow) -> bool| steps.iter().filter(|step| wanted(&step.blow)).count();
        assert_eq!(count(|blow| *blow == Blow::Cut), 10);
        for (begin, end, times) in [
            (Blow::Kill, Blow::Revive, 50),
            (Blow::StopHost(true), Blow::StartHost, 20),
            (Blow::Freeze, Blow::Thaw, 10),
            (Blow::StopDatabase(true), Blow::StartDatabase, 10),
        ] {
            let same = |blow: Blow| std::mem::discriminant(&blow) == std::mem::discriminant(&begin);
            let mut is_on = false;
            let mut seen = 0;
            for step in &steps {
                if same(step.blow) {
                    assert!(!is_on, "{begin:?} twice");
                    (is_on, seen) = (true, seen + 1);
                } else if step.blow == end {
                    assert!(is_on, "{end:?} of nothing");
                    is_on = false;
                }
            }
            assert!(!is_on && seen == times, "{begin:?}: {seen}");
        }
    }

    #[test]
    fn some_troubles_happen_within_others() {
        let steps = plan(MANY, 1);
        let nested = steps.windows(2).filter(|pair| {
            matches!(pair[0].blow, Blow::Freeze | Blow::StopHost(_) | Blow::StopDatabase(_))
                && matches!(pair[1].blow, Blow::Kill)
        });
        assert!(nested.count() > 2);
    }
}

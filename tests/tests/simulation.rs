//! The promises of delivery in worlds that go wrong at random, one for each seed. `SIMULATION_SEEDS` says how many,
//! `SIMULATION_FIRST` with which to begin; a failure names its seed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use groupchat_tests::simulation::{Tally, run};

fn number(variable: &str, otherwise: u64) -> Result<u64, String> {
    match std::env::var(variable) {
        Ok(text) => text.parse().map_err(|error| format!("{variable}: {error}")),
        Err(_) => Ok(otherwise),
    }
}

#[test]
fn what_is_promised_holds_whatever_goes_wrong() -> Result<(), String> {
    let first = number("SIMULATION_FIRST", 0)?;
    let count = number("SIMULATION_SEEDS", 1_000)?;
    let (next, sum) = (AtomicU64::new(first), Mutex::new((Tally::default(), Vec::new())));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let run = run(seed);
                    let Ok(mut sum) = sum.lock() else { break };
                    match run.outcome {
                        Ok(tally) => sum.0 += tally,
                        Err(_) => sum.1.push(run),
                    }
                    if sum.1.len() >= 5 {
                        break;
                    }
                }
            });
        }
    });
    let (tally, broken) = sum.into_inner().unwrap_or_default();
    println!("{count} seeds from {first}: {tally:?}");
    if let Some(first) = broken.first() {
        println!("{first}");
        let seeds: Vec<u64> = broken.iter().map(|broken| broken.seed).collect();
        return Err(format!("promises were broken with the seeds {seeds:?}; the first is told above"));
    }
    if tally.reflected < tally.sent / 4 || tally.kills == 0 || tally.repeats == 0 {
        return Err(format!("too little happens to prove anything: {tally:?}"));
    }
    Ok(())
}

/// Whoever has a seed that fails must see the same again.
#[test]
fn a_seed_tells_the_same_story_again() -> Result<(), String> {
    let first = number("SIMULATION_FIRST", 0)?;
    for seed in first..first + 20 {
        let (one, other) = (run(seed).to_string(), run(seed).to_string());
        if one != other {
            let first_line = one.lines().zip(other.lines()).position(|(one, other)| one != other);
            return Err(format!("seed {seed} differs from line {first_line:?}:\n{one}\n{other}"));
        }
    }
    Ok(())
}

//! Chaos: many clients on a real host, while the service is killed, the host restarted, the link between them cut or
//! frozen and the database stopped; then a comparison of what was promised with what was received.
//!
//! Here is the course of a run. Who takes part is in `cast.rs`, what each client does in `load.rs` (with `hear.rs`,
//! `outbox.rs`), what goes wrong in `trouble.rs` and `place.rs`, what is noted in `evidence.rs`, how it is judged in
//! `checker.rs`, and what is said of it in `report.rs`.

mod archive;
mod cast;
pub mod checker;
pub mod evidence;
mod hear;
mod load;
mod outbox;
mod place;
mod report;
mod scene;
mod settings;
mod trouble;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinSet;

pub use report::Report;
pub use settings::{DatabaseKind, HostKind, MulticastKind, Settings};
pub use trouble::Counts;

use crate::real::Domain;
use cast::Habit;
use evidence::{Diary, Evidence};
use load::Actor;
use place::Place;
use scene::{Phase, Scene};

/// How long people talk before the first thing goes wrong, and after the last.
const CALM: Duration = Duration::from_secs(1);
/// How long everybody may take to come back, and everything to be answered, when nothing goes wrong any more.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(60);
/// When nobody has heard anything for this long, nothing is on its way any more.
const QUIET: Duration = Duration::from_millis(1_500);

/// Plays a run on one host and judges it.
///
/// # Errors
/// It could not be played to its end. What is found then is in the report.
pub async fn run(host: HostKind, settings: &Settings) -> Result<Report> {
    let began = Instant::now();
    let domain = Domain { name: format!("chaos-{}.lit", host.name()), component_secret: "s3cret".to_owned() };
    let mut place = Place::start(&domain, host, settings).await?;
    let evidence = play(&mut place, domain, settings)
        .await
        .with_context(|| format!("{}\nThe service's log:\n{}", place.story.join("\n"), place.log_tail()))?;
    Ok(Report {
        host,
        settings: *settings,
        verdict: checker::check(&evidence),
        took: began.elapsed(),
        story: std::mem::take(&mut place.story),
        log_tail: place.log_tail(),
    })
}

async fn play(place: &mut Place, domain: Domain, settings: &Settings) -> Result<Evidence> {
    let talkers = devices(|habit| habit != Habit::Away);
    let speaks_every = Duration::from_secs(1).mul_f64(talkers as f64 / f64::from(settings.rate));
    let scene = Arc::new(Scene::new(place.clients(), domain, place.start_time(), speaks_every));
    archive::found_groups(&scene).await?;
    let mut actors = JoinSet::new();
    for (number, role) in cast::roles().into_iter().enumerate() {
        let seed = settings.seed.wrapping_add(number as u64 + 1);
        actors.spawn(Actor::new(Arc::clone(&scene), role, seed).play());
    }
    let directed = direct(place, &scene, settings).await;
    scene.go_on(Phase::Over);
    let mut diaries = actors.join_all().await;
    directed?;
    diaries.sort_by_key(|Diary { user, device, .. }| (user.clone(), device.clone()));
    Ok(Evidence { groups: cast::members(), diaries, readings: archive::read_all(&scene).await? })
}

/// Lets everything go wrong that is planned, and then everything come to rest.
async fn direct(place: &mut Place, scene: &Scene, settings: &Settings) -> Result<()> {
    place.rest(CALM).await?;
    for step in trouble::plan(settings.counts, settings.seed) {
        place.rest(step.pause).await?;
        place.suffer(step.blow).await.with_context(|| format!("{:?}", step.blow))?;
    }
    place.rest(CALM).await?;
    scene.go_on(Phase::Draining);
    let there = devices(|habit| habit != Habit::Away);
    settle(place, || scene.unanswered() == 0 && scene.online() == there).await?;
    quiet(place, scene).await?;
    scene.go_on(Phase::Gathering);
    // Whoever was away gets what the host kept for him before his announcement is answered.
    let there = devices(|_| true);
    settle(place, || scene.online() == there).await?;
    quiet(place, scene).await
}

/// How many devices there are of people with such a habit.
fn devices(wanted: impl Fn(Habit) -> bool) -> isize {
    cast::roles().iter().filter(|role| wanted(role.habit)).count() as isize
}

/// Waits until it is so, but not for ever: what is missing then, the judge finds.
async fn settle(place: &mut Place, is_so: impl Fn() -> bool) -> Result<()> {
    let until = Instant::now() + SETTLE_TIME_MAX;
    while !is_so() && Instant::now() < until {
        place.rest(Duration::from_millis(100)).await?;
    }
    Ok(())
}

/// Waits until nobody hears anything any more.
async fn quiet(place: &mut Place, scene: &Scene) -> Result<()> {
    let until = Instant::now() + SETTLE_TIME_MAX;
    let mut heard = None;
    while heard != Some(scene.heard()) && Instant::now() < until {
        heard = Some(scene.heard());
        place.rest(QUIET).await?;
    }
    Ok(())
}

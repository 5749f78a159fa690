//! The proof of order. `SIMULATION_HISTORIES` says how many histories are run over all modes, `SIMULATION_FROM` from which seed on;
//! `SIMULATION_SEED` runs a single one.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use simulation::Mode;
use simulation::check::failures;
use simulation::run::World;
use simulation::trace::trace;

/// Histories that share a store.
const TOGETHER: u64 = 1000;
/// More moments than any history has.
const ALL: usize = usize::MAX;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number")))
}

/// Runs a history by itself: what is wrong with it, and its story.
async fn alone(mode: Mode, seed: u64, moments: usize) -> Option<String> {
    let world = World::run(mode, &[seed], seed / TOGETHER, moments).await.unwrap();
    let found = failures(&world, mode).await.unwrap();
    found.get(&seed).map(|faults| trace(&world.running[0], faults))
}

/// The story of the shortest beginning of a history that is wrong by itself already.
async fn shortest(mode: Mode, seed: u64) -> Option<String> {
    for moments in 1..6 {
        if let Some(story) = alone(mode, seed, moments).await {
            return Some(story);
        }
    }
    alone(mode, seed, ALL).await
}

/// The histories of one store.
async fn together(mode: Mode, seeds: &[u64]) {
    let world = World::run(mode, seeds, seeds[0] / TOGETHER, ALL).await.unwrap();
    let found = failures(&world, mode).await.unwrap();
    let Some(seed) = found.keys().min() else { return };
    let running = world.running.iter().find(|running| running.history.seed == *seed).unwrap_or(&world.running[0]);
    let story = match shortest(mode, *seed).await {
        Some(story) => story,
        None => format!("only among its neighbours:\n{}", trace(running, &found[seed])),
    };
    let mut wrong: Vec<&u64> = found.keys().collect();
    wrong.sort_unstable();
    panic!(
        "{mode:?}: {} of {} histories are wrong, {wrong:?}; SIMULATION_SEED={seed} runs this one:\n{story}",
        wrong.len(),
        seeds.len()
    );
}

fn prove(mode: Mode) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if let Some(seed) = number("SIMULATION_SEED") {
            if let Some(story) = shortest(mode, seed).await {
                panic!("{mode:?}: {story}");
            }
            let first = seed / TOGETHER * TOGETHER;
            return together(mode, &(first..first + TOGETHER).collect::<Vec<_>>()).await;
        }
        let first = number("SIMULATION_FROM").unwrap_or(0).next_multiple_of(TOGETHER);
        // Each mode runs its half.
        let last = first + number("SIMULATION_HISTORIES").unwrap_or(10_000).div_ceil(2);
        let seeds: Vec<u64> = (first..last).collect();
        for seeds in seeds.chunks(usize::try_from(TOGETHER).unwrap()) {
            together(mode, seeds).await;
        }
    });
}

#[test]
fn every_order_ends_as_stripe_with_a_key() {
    prove(Mode::WithKey);
}

#[test]
fn every_order_ends_as_stripe_without_a_key() {
    prove(Mode::WithoutKey);
}

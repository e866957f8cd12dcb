//! Rounds: targets take turns in short measurements, and the result is the ratios within a round, because machines differ and
//! are noisy.

use super::workerd::Workerd;
use super::wrk::{self, Load, Wrk};
use crate::project::Project;
use anyhow::Result;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// Time before the first measurement: wasm is compiled again by the optimiser while it runs hot. Unit: seconds.
const WARM_UP_S: u32 = 5;

/// What a person can choose.
#[derive(Clone, Copy)]
pub struct RoundOptions {
    /// How often each target is measured.
    pub n_rounds: u32,
    /// Length of one measurement. Unit: seconds.
    pub round_s: u32,
}

/// One thing that is loaded.
pub struct Target {
    name: &'static str,
    /// What it does, for the reader of the result.
    note: &'static str,
    url: String,
    /// The request that it gets, as a script for wrk.
    script: PathBuf,
    /// Whether an answer that is no success ends the run.
    only_success: bool,
    /// Position of its workerd among the running ones.
    process_idx: usize,
    rounds: Vec<Round>,
}

/// One measurement of one target.
struct Round {
    load: Load,
    /// Processor time for one request, which other work on the machine does not change much, and which Workers bill.
    cpu_us: Option<f64>,
}

impl Target {
    /// A target whose answers must be successes.
    pub fn new(name: &'static str, note: &'static str, url: String, script: PathBuf, process_idx: usize) -> Self {
        Self { name, note, url, script, only_success: true, process_idx, rounds: Vec::new() }
    }

    /// Whether an answer that is no success ends the run.
    pub fn only_success(self, only_success: bool) -> Self {
        Self { only_success, ..self }
    }
}

/// Measures the targets in turn and prints the result. Target `reference_idx` is the one that all are compared with.
pub fn measure(
    project: &Project,
    wrk: &Wrk,
    mut targets: Vec<Target>,
    running: &[Workerd],
    reference_idx: usize,
    options: &RoundOptions,
) -> Result<()> {
    for target in &targets {
        wrk::run(wrk, &target.script, &target.url, WARM_UP_S, target.only_success)?;
    }
    for n in 1..=options.n_rounds.max(1) {
        for target in &mut targets {
            let workerd = &running[target.process_idx];
            let before_us = workerd.cpu_us();
            let load = wrk::run(wrk, &target.script, &target.url, options.round_s.max(1), target.only_success)?;
            let used_us = workerd.cpu_us().zip(before_us).map(|(after_us, before_us)| after_us - before_us);
            println!("round {n}  {:<22} {:>8.0} requests/s", target.name, load.requests_per_s);
            target.rounds.push(Round { cpu_us: used_us.map(|us| us as f64 / load.n_requests as f64), load });
        }
    }
    print_result(project, &targets, &targets[reference_idx]);
    Ok(())
}

fn print_result(project: &Project, targets: &[Target], reference: &Target) {
    println!("\nratios are against {}, within a round: median (min to max)\n", reference.name);
    println!(
        "{:<22} {:>10} {:>7} {:>7}  {:<21} {:>7}  {:<21}",
        "target", "requests/s", "p50 ms", "p99 ms", "ratio of requests/s", "CPU µs", "ratio of CPU"
    );
    for target in targets {
        let of = |value: fn(&Load) -> f64| Spread::of(target.rounds.iter().map(|round| value(&round.load)));
        let pairs = || target.rounds.iter().zip(&reference.rounds);
        let speeds = pairs().map(|(round, reference)| round.load.requests_per_s / reference.load.requests_per_s);
        let cpu = target.rounds.iter().filter_map(|round| round.cpu_us);
        let cpu_ratios = pairs().filter_map(|(round, reference)| Some(round.cpu_us? / reference.cpu_us?));
        println!(
            "{:<22} {:>10} {:>7} {:>7}  {:<21} {:>7}  {:<21} {}",
            target.name,
            of(|load| load.requests_per_s).middle(0),
            of(|load| load.p50_ms).middle(2),
            of(|load| load.p99_ms).middle(2),
            Spread::of(speeds).all(),
            Spread::of(cpu).middle(0),
            Spread::of(cpu_ratios).all(),
            target.note
        );
    }
    let machine = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = machine
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = fs::read_to_string(project.path("node_modules/workerd/package.json")).unwrap_or_default();
    let runtime: Value = serde_json::from_str(&runtime).unwrap_or_default();
    println!(
        "\n{n_cores} cores {model}; workerd {}; wrk, 16 connections, closed loop on the same machine; no TLS, no network",
        runtime["version"].as_str().unwrap_or("unknown")
    );
}

/// Some numbers in order; there may be none.
struct Spread {
    sorted: Vec<f64>,
}

impl Spread {
    fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = numbers.collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    fn median(&self) -> Option<f64> {
        self.sorted.get(self.sorted.len() / 2).copied()
    }

    /// The median with some decimals.
    fn middle(&self, n_decimals: usize) -> String {
        self.median().map_or("-".to_owned(), |median| format!("{median:.n_decimals$}"))
    }

    /// The median and how far the numbers go.
    fn all(&self) -> String {
        match (self.median(), self.sorted.first(), self.sorted.last()) {
            (Some(median), Some(min), Some(max)) => format!("{median:.2} ({min:.2} to {max:.2})"),
            _ => "-".to_owned(),
        }
    }
}

#[cfg(test)]
mod spread_tests {
    use super::*;

    #[test]
    fn a_spread_is_of_the_sorted_numbers() {
        let spread = Spread::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!((spread.all().as_str(), spread.middle(0).as_str()), ("2.00 (1.00 to 3.00)", "2"));
        assert_eq!(Spread::of(std::iter::empty()).all(), "-");
    }
}

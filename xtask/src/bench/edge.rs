//! The Worker under load on raw workerd, side by side in one run with JavaScript Workers and a Rust handler that does nothing.
//!
//! Machines differ and are noisy, so the targets take turns in short rounds and the result is the ratios within a round.

use super::workerd::{Module, Service, Workerd};
use super::wrk::{self, Load};
use crate::command::command;
use crate::demo;
use crate::local::free_port;
use crate::project::Project;
use crate::setup;
use crate::steps::{Outcome, Step, Steps};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Offers that compete in each placement. Source: the design's budgets.
const N_OFFERS: usize = 200;
/// Placements of one request, by the number of offers that each shows.
const PLACEMENT_COUNTS: [u8; 3] = [1, 4, 4];
/// Customers of the made-up shop whose table is used; the demo's, so that its work is shared.
const N_CUSTOMERS: u32 = 20_000;
/// Longest wait for the first measurement to be fair: wasm is compiled again by the optimiser while it runs hot.
const WARM_UP_S: u32 = 5;

/// What a person can choose.
pub struct EdgeOptions {
    /// How often each target is measured.
    pub n_rounds: u32,
    /// Length of one measurement. Unit: seconds.
    pub round_s: u32,
}

/// One thing that is loaded.
struct Target {
    name: &'static str,
    /// What it does, for the reader of the result.
    note: &'static str,
    url: String,
    /// Whether its answers are successes; the Rust handler that does nothing answers 404.
    succeeds: bool,
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

/// The position among the targets of the one that all are compared with.
const REFERENCE_IDX: usize = 1;

/// The task `bench edge`.
pub fn run(project: &Project, options: &EdgeOptions) -> Result<()> {
    let wrk = wrk::find(project)?;
    let mut steps = Steps::new(setup::N_STEPS + demo::N_PREPARE_STEPS + 2, &project.tools().join("log"));
    setup::ensure(project, &mut steps)?;
    let bench = Bench { project, dir: project.path(".demo/bench") };
    let demo = demo::prepare(project, &mut steps, N_CUSTOMERS)?;
    let truth = demo.truth()?;
    fs::create_dir_all(&bench.dir)?;
    steps.step("publish 200 offers", |step| bench.publish(step, &demo))?;
    steps.step("copy the local KV", |step| {
        let kv = bench.dir.join("vitrine/kv");
        demo::remove_folder(&kv)?;
        let mut export = command(project.node(), project.root());
        step.run(export.arg("xtask/bench/export-kv.mjs").arg(bench.dir.join("state")).arg(&kv))?;
        Ok(Outcome::Done)
    })?;
    let script = bench.write_script(&truth)?;
    let (mut targets, running) = bench.start(&demo)?;
    for target in &targets {
        wrk::run(&wrk, &script, &target.url, WARM_UP_S, target.succeeds)?;
    }
    for n in 1..=options.n_rounds.max(1) {
        for target in &mut targets {
            let workerd = &running[target.process_idx];
            let before_us = workerd.cpu_us();
            let load = wrk::run(&wrk, &script, &target.url, options.round_s.max(1), target.succeeds)?;
            let used_us = workerd.cpu_us().zip(before_us).map(|(after_us, before_us)| after_us - before_us);
            println!("round {n}  {:<15} {:>8.0} requests/s", target.name, load.requests_per_s);
            target.rounds.push(Round { cpu_us: used_us.map(|us| us as f64 / load.n_requests as f64), load });
        }
    }
    print_result(project, &targets);
    Ok(())
}

struct Bench<'a> {
    project: &'a Project,
    dir: PathBuf,
}

impl Bench<'_> {
    /// Publishes the demo's table and a configuration of [`N_OFFERS`] offers into a local KV of their own.
    fn publish(&self, step: &Step, demo: &demo::Demo) -> Result<Outcome> {
        let offers: Value = serde_json::from_slice(&fs::read(demo.offers_file())?).context("offers.json is no JSON")?;
        let document = self.dir.join("offers.json");
        fs::write(&document, bench_document(&offers)?.to_string())?;
        let state = self.dir.join("state");
        let inputs = demo.table_inputs()?.path(&document)?.finish();
        demo::unless_fresh(&state.join("published.stamp"), &inputs, || {
            demo::remove_folder(&state)?;
            fs::create_dir_all(&state)?;
            let worker = demo.start_at(free_port()?, &state)?;
            step.run(&mut demo.publish_table(worker.url()))?;
            step.run(&mut demo.publish_offers(worker.url(), &document))
        })
    }

    /// The request that every target gets, as a script for wrk.
    fn write_script(&self, truth: &Value) -> Result<PathBuf> {
        let visitor = truth["samples"][0]["visitor"].as_str().context("the truth file has no sample")?;
        let placements: Vec<Value> = (0..PLACEMENT_COUNTS.len())
            .map(|idx| json!({ "id": placement_id(idx), "count": PLACEMENT_COUNTS[idx] }))
            .collect();
        let body = json!({
            "request_id": "bench",
            "visitor": { "key": visitor },
            "consent": { "personalise": true },
            "context": { "page_type": "home", "locale": "en", "device": "mobile" },
            "placements": placements,
        });
        let script = self.dir.join("decide.lua");
        fs::write(
            &script,
            format!(
                "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\nwrk.body = [[{body}]]\n"
            ),
        )?;
        Ok(script)
    }

    fn start(&self, demo: &demo::Demo) -> Result<(Vec<Target>, Vec<Workerd>)> {
        let date = self.project.compatibility_date()?;
        let mut running = Vec::new();
        let mut urls = Vec::new();
        for name in ["hello", "echo"] {
            let port = free_port()?;
            let module = format!("{name}.mjs");
            let dir = self.dir.join(name);
            copy(&self.project.path("xtask/bench").join(&module), &dir.join(&module))?;
            let modules = [(module.as_str(), Module::Script)];
            let service = Service { port, compatibility_date: &date, modules: &modules, is_vitrine: false, vars: &[] };
            running.push(Workerd::start(self.project, &dir, &service)?);
            urls.push(format!("http://127.0.0.1:{port}/"));
        }
        let dir = self.dir.join("vitrine");
        for file in VITRINE_MODULES.map(|(file, _)| file) {
            copy(&self.project.worker_build().join(file), &dir.join(file))?;
        }
        copy(&self.project.path("xtask/bench/kv.mjs"), &dir.join("kv.mjs"))?;
        let port = free_port()?;
        let key = demo.table_key()?;
        let service = Service {
            port,
            compatibility_date: &date,
            modules: &VITRINE_MODULES,
            is_vitrine: true,
            vars: &[("TABLE_KEY", &key), ("ALLOWED_ORIGINS", "*")],
        };
        running.push(Workerd::start(self.project, &dir, &service)?);
        urls.push(format!("http://127.0.0.1:{port}/v1/nothing"));
        urls.push(format!("http://127.0.0.1:{port}/v1/decide"));
        let targets = [
            ("js hello", 0, "a constant"),
            ("js json echo", 1, "parses and answers the same JSON"),
            ("rust nothing", 2, "this Worker at a path that it does not have"),
            ("vitrine decide", 2, "3 placements, 200 offers, all warm"),
        ];
        let targets = targets.into_iter().zip(urls).map(|((name, process_idx, note), url)| {
            let succeeds = !url.ends_with("/v1/nothing");
            Target { name, note, url, succeeds, process_idx, rounds: Vec::new() }
        });
        Ok((targets.collect(), running))
    }
}

/// The files of the Worker in `build/`. Names of modules are those that they import each other by.
const VITRINE_MODULES: [(&str, Module); 5] = [
    ("index.js", Module::Script),
    ("edge/index.js", Module::Script),
    ("edge/index_bg.wasm", Module::Wasm),
    ("control/index.js", Module::Script),
    ("control/index_bg.wasm", Module::Wasm),
];

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

fn placement_id(idx: usize) -> String {
    format!("bench-{idx}")
}

/// The made-up shop's offers, repeated under new names until there are enough, all competing in each placement.
fn bench_document(shop: &Value) -> Result<Value> {
    let list = |name: &str| shop[name].as_array().filter(|list| !list.is_empty()).with_context(|| format!("no {name}"));
    let placements = list("placements")?;
    let fallbacks: BTreeSet<&str> = placements.iter().filter_map(|placement| placement["fallback"].as_str()).collect();
    let is_fallback = |offer: &&Value| offer["id"].as_str().is_some_and(|id| fallbacks.contains(id));
    let (mut offers, competing): (Vec<Value>, Vec<Value>) =
        list("offers")?.iter().cloned().partition(|offer| is_fallback(&offer));
    for (n, offer) in competing.iter().cycle().take(N_OFFERS).enumerate() {
        let mut offer = offer.clone();
        offer["id"] = json!(format!("{}-{n}", offer["id"].as_str().unwrap_or_default()));
        offers.push(offer);
    }
    let bench_placements =
        PLACEMENT_COUNTS.iter().enumerate().zip(placements.iter().cycle()).map(|((idx, count), placement)| {
            let mut placement = placement.clone();
            placement["id"] = json!(placement_id(idx));
            placement["offers"] = json!("all");
            placement["count"] = json!(count);
            placement
        });
    let bench_placements: Vec<Value> = bench_placements.collect();
    let mut document = shop.clone();
    document["offers"] = json!(offers);
    document["placements"] = json!(bench_placements);
    Ok(document)
}

fn print_result(project: &Project, targets: &[Target]) {
    let reference = &targets[REFERENCE_IDX];
    println!("\nratios are against {}, within a round: median (min to max)\n", reference.name);
    println!(
        "{:<15} {:>10} {:>7} {:>7}  {:<21} {:>7}  {:<21}",
        "target", "requests/s", "p50 ms", "p99 ms", "ratio of requests/s", "CPU µs", "ratio of CPU"
    );
    for target in targets {
        let of = |value: fn(&Load) -> f64| Spread::of(target.rounds.iter().map(|round| value(&round.load)));
        let pairs = || target.rounds.iter().zip(&reference.rounds);
        let speeds = pairs().map(|(round, reference)| round.load.requests_per_s / reference.load.requests_per_s);
        let cpu = target.rounds.iter().filter_map(|round| round.cpu_us);
        let cpu_ratios = pairs().filter_map(|(round, reference)| Some(round.cpu_us? / reference.cpu_us?));
        println!(
            "{:<15} {:>10} {:>7} {:>7}  {:<21} {:>7}  {:<21} {}",
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
mod bench_tests {
    use super::*;

    #[test]
    fn the_document_has_enough_offers_and_its_fallbacks() {
        let shop = json!({
            "version": 1,
            "offers": [{ "id": "welcome" }, { "id": "tea", "categories": ["tea"] }, { "id": "art" }],
            "placements": [{ "id": "home-hero", "fallback": "welcome" }],
        });
        let document = bench_document(&shop).unwrap();
        let offers = document["offers"].as_array().unwrap();
        assert_eq!(offers.len(), N_OFFERS + 1);
        assert_eq!(offers[0], json!({ "id": "welcome" }));
        assert_eq!(offers[3], json!({ "id": "tea-2", "categories": ["tea"] }));
        let placement = json!({ "id": "bench-1", "fallback": "welcome", "offers": "all", "count": 4 });
        assert_eq!(document["placements"][1], placement);
        assert_eq!(bench_document(&json!({ "offers": [] })).unwrap_err().to_string(), "no placements");
    }

    #[test]
    fn a_spread_is_of_the_sorted_numbers() {
        let spread = Spread::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!((spread.all().as_str(), spread.middle(0).as_str()), ("2.00 (1.00 to 3.00)", "2"));
        assert_eq!(Spread::of(std::iter::empty()).all(), "-");
    }
}

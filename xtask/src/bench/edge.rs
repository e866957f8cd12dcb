//! The Worker under load on raw workerd, side by side in one run with JavaScript Workers and a Rust handler that does nothing.
//!
//! Machines differ and are noisy, so the targets take turns in short rounds and the result is the ratios within a round.

use super::rounds::{self, RoundOptions, Target};
use super::workerd::{Module, Service, Workerd, copy};
use super::wrk;
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
/// Events of one call.
const EVENTS_PER_CALL: u32 = 10;
/// Signs tokens, and hashes what is measured.
const TOKEN_KEY: &str = "5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c";
/// The position among the targets of the one that all are compared with.
const REFERENCE_IDX: usize = 1;

/// The task `bench edge`.
pub fn run(project: &Project, options: &RoundOptions) -> Result<()> {
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
    let (decide, events) = (bench.write_script(&truth)?, bench.write_events_script()?);
    let (targets, running) = bench.start(&demo, &decide, &events)?;
    rounds::measure(project, &wrk, targets, &running, REFERENCE_IDX, options)
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

    /// Batches of [`EVENTS_PER_CALL`] events, none of which was sent before, as a script for wrk.
    fn write_events_script(&self) -> Result<PathBuf> {
        let row = r#"{"id":"b-%d","type":"view"}"#;
        let script = self.dir.join("events.lua");
        let text = format!(
            "local n = 0\nlocal row = [[{row}]]\nwrk.headers[\"content-type\"] = \"text/plain\"\n\
             function request()\n  local rows = {{}}\n  for i = 1, {EVENTS_PER_CALL} do\n    n = n + 1\n    \
             rows[i] = string.format(row, n)\n  end\n  \
             return wrk.format(\"POST\", nil, nil, '{{\"events\":[' .. table.concat(rows, \",\") .. \"]}}\")\nend\n"
        );
        fs::write(&script, text)?;
        Ok(script)
    }

    fn start(&self, demo: &demo::Demo, decide: &Path, events: &Path) -> Result<(Vec<Target>, Vec<Workerd>)> {
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
        let key = demo.table_key()?;
        let port = free_port()?;
        running.push(Workerd::start_vitrine(
            self.project,
            &dir,
            port,
            &[("TABLE_KEY", &key), ("TOKEN_KEY", TOKEN_KEY), ("ALLOWED_ORIGINS", "*")],
        )?);
        for path in ["nothing", "decide", "events"] {
            urls.push(format!("http://127.0.0.1:{port}/v1/{path}"));
        }
        let targets = [
            ("js hello", 0, decide, "a constant"),
            ("js json echo", 1, decide, "parses and answers the same JSON"),
            ("rust nothing", 2, decide, "this Worker at a path that it does not have"),
            ("vitrine decide", 2, decide, "3 placements, 200 offers, a signed token for each offer shown, all warm"),
            ("vitrine events", 2, events, "10 new events a request, counted by the ledger"),
        ];
        let targets = targets.into_iter().zip(urls).map(|((name, process_idx, script, note), url)| {
            let only_success = !url.ends_with("/v1/nothing");
            Target::new(name, note, url, script.to_path_buf(), process_idx).only_success(only_success)
        });
        Ok((targets.collect(), running))
    }
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
}

//! OFREP bulk evaluations under load on raw workerd, side by side in one run with GrowthBook's JavaScript SDK doing the same.

use super::rounds::{self, RoundOptions, Target};
use super::workerd::{Module, Service, Workerd, copy};
use super::wrk;
use crate::command::command;
use crate::local::free_port;
use crate::project::Project;
use crate::steps::{Outcome, Step, Steps};
use crate::{setup, worker};
use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

/// Flags of one request. Source: the design's budgets (20), and ten times as many.
const N_FLAGS: [usize; 2] = [20, 200];

/// Signs the exposure tokens of the answers; nobody else's.
const TOKEN_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The task `bench bulk`.
pub fn run(project: &Project, options: &RoundOptions) -> Result<()> {
    let wrk = wrk::find(project)?;
    let mut steps = Steps::new(setup::N_STEPS + worker::N_STEPS + N_FLAGS.len(), &project.tools().join("log"));
    setup::ensure(project, &mut steps)?;
    worker::build(project, &mut steps)?;
    let dir = project.path(".demo/bench/bulk");
    let script = write_script(&dir)?;
    for n_flags in N_FLAGS {
        let dir = dir.join(n_flags.to_string());
        steps.step(&format!("GrowthBook SDK with {n_flags} flags"), |step| bundle(project, step, &dir, n_flags))?;
        let (targets, running) = start(project, &dir, &script)?;
        println!("\n{n_flags} flags");
        rounds::measure(project, &wrk, targets, &running, 0, options)?;
    }
    Ok(())
}

/// The request that every target gets, as a script for wrk.
fn write_script(dir: &Path) -> Result<PathBuf> {
    let context =
        json!({ "targetingKey": "visitor-4711", "country": "DE", "device": "mobile", "age": 41, "premium": true });
    let body = json!({ "context": context });
    let script = dir.join("bulk.lua");
    fs::create_dir_all(dir)?;
    let head = "wrk.method = \"POST\"\nwrk.headers[\"content-type\"] = \"application/json\"\n";
    fs::write(&script, format!("{head}wrk.body = [[{body}]]\n"))?;
    Ok(script)
}

/// The JavaScript Worker as one file, its payload inside.
fn bundle(project: &Project, step: &Step, dir: &Path, n_flags: usize) -> Result<Outcome> {
    let source = dir.join("source");
    copy(&project.path("xtask/bench/growthbook.mjs"), &source.join("growthbook.mjs"))?;
    let payload = payload(n_flags);
    fs::write(source.join("payload.json"), payload.to_string())?;
    let mut esbuild = command(project.npm_bin("esbuild"), project.root());
    esbuild.arg(source.join("growthbook.mjs")).args([
        "--bundle",
        "--format=esm",
        "--minify",
        "--define:process.env.NODE_ENV=\"production\"",
    ]);
    esbuild.arg(format!("--outfile={}", dir.join("growthbook/growthbook.mjs").display()));
    esbuild.env("NODE_PATH", project.path("node_modules"));
    step.run(&mut esbuild)?;
    for (key, value) in published(&payload) {
        let file = dir.join("vitrine/kv").join(key.replace('/', "_"));
        fs::create_dir_all(dir.join("vitrine/kv"))?;
        fs::write(file, value)?;
    }
    Ok(Outcome::Done)
}

/// What KV holds when the payload runs (docs/formats/bundle.md).
fn published(payload: &Value) -> [(&'static str, String); 2] {
    let bundle = json!({
        "format": 1, "consent": "assumed", "attributes": [], "audiences": [], "offers": [], "placements": [],
        "flags": payload, "groups": {},
    });
    let text = bundle.to_string();
    let sha256: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let at = "2026-11-01T00:00:00Z";
    let envelope = format!("{{\"version\":1,\"published_at\":\"{at}\",\"sha256\":\"{sha256}\",\"bundle\":{text}}}");
    [("c/1", envelope), ("c/current", json!({ "version": 1, "epoch": 1, "published_at": at }).to_string())]
}

/// Every second flag is an experiment, the others have a targeted rule and a rollout.
fn payload(n_flags: usize) -> Value {
    let feature = |n: usize| {
        let experiment = json!({
            "key": format!("experiment-{n}"), "hashAttribute": "id", "hashVersion": 2, "seed": format!("experiment-{n}"),
            "condition": { "country": { "$in": ["DE", "AT", "CH"] } },
            "variations": ["control", "treatment"], "weights": [0.5, 0.5], "coverage": 1,
            "meta": [{ "key": "control" }, { "key": "treatment" }],
        });
        let targeted = json!({ "condition": { "device": "desktop", "age": { "$gt": 50 } }, "force": "desktop" });
        let rollout = json!({ "force": "new", "coverage": 0.3, "hashAttribute": "id", "seed": format!("rollout-{n}") });
        let rules = if n.is_multiple_of(2) { json!([experiment]) } else { json!([targeted, rollout]) };
        json!({ "defaultValue": "old", "rules": rules })
    };
    let features: serde_json::Map<String, Value> = (0..n_flags).map(|n| (format!("flag-{n:03}"), feature(n))).collect();
    json!({ "features": features })
}

fn start(project: &Project, dir: &Path, script: &Path) -> Result<(Vec<Target>, Vec<Workerd>)> {
    let date = project.compatibility_date()?;
    let port = free_port()?;
    let modules = [("growthbook.mjs", Module::Script)];
    let service = Service { port, compatibility_date: &date, modules: &modules, is_vitrine: false, vars: &[] };
    let growthbook = Workerd::start(project, &dir.join("growthbook"), &service)?;
    let growthbook_url = format!("http://127.0.0.1:{port}/");
    let port = free_port()?;
    let vitrine = Workerd::start_vitrine(
        project,
        &dir.join("vitrine"),
        port,
        &[("ALLOWED_ORIGINS", "*"), ("TOKEN_KEY", TOKEN_KEY)],
    )?;
    let url = format!("http://127.0.0.1:{port}/ofrep/v1/evaluate/flags");
    let target = |name, note, url, process_idx| Target::new(name, note, url, script.to_path_buf(), process_idx);
    let targets = vec![
        target("growthbook js sdk", "every flag evaluated, JSON in and out", growthbook_url, 0),
        target("vitrine ofrep bulk", "the same flags, with metadata, signed tokens and entity tag", url, 1),
    ];
    Ok((targets, vec![growthbook, vitrine]))
}

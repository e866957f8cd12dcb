//! The demo: a made-up shop from its orders to personalised answers of the Worker on this machine.
//!
//! Owns the order of the steps and what is skipped. The questions and what is right about the answers are in `answers`.

mod answers;

use crate::command::command;
use crate::local::{LocalWorker, Settings, check_port_is_free};
use crate::project::Project;
use crate::stamp::{self, Inputs};
use crate::steps::{Outcome, Steps};
use crate::{setup, tests, worker};
use anyhow::{Context, Result};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seed of the made-up shop.
const SEED: &str = "7";

/// What a person can choose.
pub struct Options {
    /// End after the answers were checked.
    pub once: bool,
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Size of the shop, in customers.
    pub n_customers: u32,
}

/// The task `demo`.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    check_port_is_free(options.port)?;
    let demo = Demo::new(project, options.port, options.n_customers)?;
    let mut steps = Steps::new(setup::N_STEPS + worker::N_STEPS + 6, &project.tools().join("log"));
    setup::ensure(project, &mut steps)?;
    tests::build_vitrine(project, &mut steps)?;
    worker::build(project, &mut steps)?;
    demo.shop(&mut steps)?;
    demo.profiles(&mut steps)?;
    let worker = demo.start(&mut steps)?;
    demo.publish(&mut steps, &worker)?;
    let answers = answers::Answers::ask(worker.url(), &demo.truth()?)?;
    answers.print();
    answers.check()?;
    if options.once {
        println!("\nall answers are right");
        return Ok(());
    }
    answers.print_what_next(worker.url(), &project.shown(&demo.token_file()));
    worker.wait()
}

/// A demo that is ready to be asked, for other tasks that need a published table.
pub fn prepare(project: &Project, steps: &mut Steps, n_customers: u32) -> Result<PathBuf> {
    let demo = Demo::new(project, 0, n_customers)?;
    tests::build_vitrine(project, steps)?;
    worker::build(project, steps)?;
    demo.shop(steps)?;
    demo.profiles(steps)?;
    Ok(demo.dir.clone())
}

/// Steps of [`prepare`].
pub const N_PREPARE_STEPS: usize = 3 + worker::N_STEPS;

/// One demo's folder and secrets.
pub struct Demo<'a> {
    project: &'a Project,
    port: u16,
    n_customers: u32,
    dir: PathBuf,
}

impl<'a> Demo<'a> {
    fn new(project: &'a Project, port: u16, n_customers: u32) -> Result<Self> {
        let dir = project.demo();
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let demo = Self { project, port, n_customers, dir };
        ensure_secret(&demo.token_file())?;
        ensure_secret(&demo.key_file())?;
        Ok(demo)
    }

    fn token_file(&self) -> PathBuf {
        self.dir.join("admin-token")
    }

    fn key_file(&self) -> PathBuf {
        self.dir.join("table-key")
    }

    fn truth(&self) -> Result<serde_json::Value> {
        let file = self.dir.join("shop/truth.json");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
    }

    /// Makes the shop: orders, catalogue, customers, offers, and the truth about them.
    fn shop(&self, steps: &mut Steps) -> Result<()> {
        let n_customers = self.n_customers.to_string();
        let out = self.dir.join("shop");
        let inputs = self.inputs()?.word(&n_customers).word(SEED).finish();
        steps.step(&format!("shop of {n_customers} customers"), |step| {
            self.unless_fresh(&out, &inputs, || {
                let mut make = self.vitrine(&["demo-data", "--customers", &n_customers, "--seed", SEED, "--out"]);
                step.run(make.arg(&out))
            })
        })
    }

    /// Computes the profile table from the shop's orders.
    fn profiles(&self, steps: &mut Steps) -> Result<()> {
        let shop = self.dir.join("shop");
        let out = self.dir.join("table");
        let inputs = self.inputs()?.path(&shop)?.path(&self.key_file())?.finish();
        steps.step("profiles", |step| {
            self.unless_fresh(&out, &inputs, || {
                let mut build = self.vitrine(&["profiles", "build", "--mapping", "vitrine-demo", "--orders"]);
                build.arg(shop.join("orders.csv")).arg("--key-file").arg(self.key_file()).arg("--out").arg(&out);
                step.run(&mut build)
            })
        })
    }

    /// Starts the Worker with the demo's secrets.
    fn start(&self, steps: &mut Steps) -> Result<LocalWorker> {
        let token = fs::read_to_string(self.token_file())?;
        let key = fs::read_to_string(self.key_file())?;
        let mut worker = None;
        steps.step("local Worker", |_| {
            worker = Some(LocalWorker::start(
                self.project,
                &Settings {
                    port: self.port,
                    state: &self.dir.join("state"),
                    vars: json!({
                        "ADMIN_TOKEN_SHA256": stamp::sha256_hex(token.trim().as_bytes()),
                        "TABLE_KEY": key.trim(),
                        "ALLOWED_ORIGINS": "*",
                    }),
                    log: self.dir.join("worker.log"),
                },
            )?);
            Ok(Outcome::Done)
        })?;
        worker.context("the step has started it")
    }

    /// Publishes the table, then the configuration: offers name items that the table must know.
    fn publish(&self, steps: &mut Steps, worker: &LocalWorker) -> Result<()> {
        let table = self.dir.join("table");
        let offers = self.dir.join("shop/offers.json");
        let stamps = self.dir.join("state");
        let inputs = self.inputs()?.path(&self.token_file())?;
        let table_inputs = inputs.path(&table.join("manifest.json"))?.finish();
        steps.step("publish the table", |step| {
            self.unless_published(&stamps.join("table.stamp"), &table_inputs, || {
                let mut publish = self.vitrine(&["tables", "publish"]);
                step.run(publish.arg(&table).args(["--url", worker.url(), "--token-file"]).arg(self.token_file()))
            })
        })?;
        let offers_inputs = Inputs::default().word(&table_inputs).path(&offers)?.finish();
        steps.step("publish the configuration", |step| {
            self.unless_published(&stamps.join("offers.stamp"), &offers_inputs, || {
                let mut publish = self.vitrine(&["config", "publish"]);
                step.run(publish.arg(&offers).args(["--url", worker.url(), "--token-file"]).arg(self.token_file()))
            })
        })
    }

    fn vitrine(&self, args: &[&str]) -> Command {
        let mut vitrine = command(self.project.vitrine(), self.project.root());
        vitrine.args(args);
        vitrine
    }

    /// Every step depends on the `vitrine` command itself.
    fn inputs(&self) -> Result<Inputs> {
        Inputs::default().path(&self.project.vitrine())
    }

    /// Makes the folder `out` anew with `work`, unless its stamp says that it was made of the same inputs.
    fn unless_fresh(&self, out: &Path, inputs: &str, work: impl FnOnce() -> Result<()>) -> Result<Outcome> {
        let stamp_file = out.with_extension("stamp");
        if out.is_dir() && stamp::is_fresh(&stamp_file, inputs) {
            return Ok(Outcome::AlreadyThere);
        }
        if out.exists() {
            fs::remove_dir_all(out).with_context(|| format!("cannot remove {}", out.display()))?;
        }
        work()?;
        stamp::write(&stamp_file, inputs)?;
        Ok(Outcome::Done)
    }

    /// The stamps of what was published lie beside the Worker's state, so that they vanish together.
    fn unless_published(&self, stamp_file: &Path, inputs: &str, work: impl FnOnce() -> Result<()>) -> Result<Outcome> {
        if stamp::is_fresh(stamp_file, inputs) {
            return Ok(Outcome::AlreadyThere);
        }
        work()?;
        stamp::write(stamp_file, inputs)?;
        Ok(Outcome::Done)
    }
}

/// 128 random bits as hexadecimal digits, made once.
fn ensure_secret(file: &Path) -> Result<()> {
    if !file.exists() {
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
        fs::write(file, stamp::hex(&secret)).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

//! The demo: a made-up shop from its orders to personalised answers of the Worker on this machine.
//!
//! Owns the order of the steps and what is skipped. The questions and what is right about the answers are in `answers`.

mod answers;

use crate::command::{capture, command};
use crate::local::{LocalWorker, Settings, check_port_is_free, get_json};
use crate::project::Project;
use crate::stamp::{self, Inputs};
use crate::steps::{Outcome, Step, Steps};
use crate::{setup, tests, worker};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Seed of the made-up shop.
const SEED: &str = "1";
/// Longest wait until the Worker runs what was published.
const SERVED_MAX: Duration = Duration::from_secs(30);

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
    let mut steps = Steps::new(setup::N_STEPS + N_PREPARE_STEPS + 3, &project.tools().join("log"));
    setup::ensure(project, &mut steps)?;
    let demo = prepare(project, &mut steps, options.n_customers)?;
    let state = demo.dir.join("state");
    let mut started = None;
    steps.step("local Worker", |_| {
        started = Some(demo.start_at(options.port, &state)?);
        Ok(Outcome::Done)
    })?;
    let worker = started.context("the step has started it")?;
    let table_inputs = demo.table_inputs()?.finish();
    steps.step("publish the table", |step| {
        unless_fresh(&state.join("table.stamp"), &table_inputs, || step.run(&mut demo.publish_table(worker.url())))
    })?;
    let offers = demo.offers_file();
    let offers_inputs = demo.table_inputs()?.path(&offers)?.finish();
    steps.step("publish the offers", |step| {
        unless_fresh(&state.join("offers.stamp"), &offers_inputs, || {
            step.run(&mut demo.publish_offers(worker.url(), &offers))
        })
    })?;
    demo.wait_until_served(worker.url())?;
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

/// Steps of [`prepare`].
pub const N_PREPARE_STEPS: usize = 3 + worker::N_STEPS;

/// Builds the command and the Worker, makes the shop and computes its table.
pub fn prepare<'a>(project: &'a Project, steps: &mut Steps, n_customers: u32) -> Result<Demo<'a>> {
    let demo = Demo { project, dir: project.demo() };
    fs::create_dir_all(&demo.dir).with_context(|| format!("cannot create {}", demo.dir.display()))?;
    tests::build_vitrine(project, steps)?;
    worker::build(project, steps)?;
    demo.make_secrets()?;
    let n_customers = n_customers.to_string();
    steps.step(&format!("shop of {n_customers} customers"), |step| demo.make_shop(step, &n_customers))?;
    steps.step("profiles", |step| demo.make_profiles(step))?;
    Ok(demo)
}

/// The demo's folder: `shop/`, `table/`, secrets, `state/` of the local Worker.
pub struct Demo<'a> {
    project: &'a Project,
    dir: PathBuf,
}

impl Demo<'_> {
    /// The computed profile table.
    pub fn table(&self) -> PathBuf {
        self.dir.join("table")
    }

    /// The made-up shop's configuration document.
    pub fn offers_file(&self) -> PathBuf {
        self.dir.join("shop/offers.json")
    }

    /// What is true about the made-up shop.
    pub fn truth(&self) -> Result<Value> {
        let file = self.dir.join("shop/truth.json");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
    }

    /// The key of the table's rows, as hexadecimal digits.
    pub fn table_key(&self) -> Result<String> {
        read_secret(&self.key_file())
    }

    /// What decides whether a local Worker must be given the table again: the table, and the Worker.
    pub fn table_inputs(&self) -> Result<Inputs> {
        let manifest = self.table().join("manifest.json");
        let inputs = Inputs::default().path(&manifest)?.path(&self.token_file())?;
        worker::stamp_files(self.project).iter().try_fold(inputs, |inputs, file| inputs.path(file))
    }

    /// Starts the Worker with the demo's secrets and the state of a folder.
    pub fn start_at(&self, port: u16, state: &Path) -> Result<LocalWorker> {
        let token = read_secret(&self.token_file())?;
        let vars = json!({
            "ADMIN_TOKEN_SHA256": stamp::sha256_hex(token.as_bytes()),
            "TABLE_KEY": self.table_key()?,
            "TOKEN_KEY": read_secret(&self.token_key_file())?,
            "ALLOWED_ORIGINS": "*",
            // The demo asks right after it has published.
            "REFRESH_MS": "500",
        });
        LocalWorker::start(self.project, &Settings { port, state, vars, log: self.dir.join("worker.log") })
    }

    /// The command that publishes the table to the Worker at `url`.
    pub fn publish_table(&self, url: &str) -> Command {
        let mut publish = self.vitrine(&["tables", "publish"]);
        publish.arg(self.table()).args(["--url", url, "--token-file"]).arg(self.token_file());
        publish
    }

    /// The command that publishes a configuration document to the Worker at `url`.
    pub fn publish_offers(&self, url: &str, document: &Path) -> Command {
        let mut publish = self.vitrine(&["config", "publish"]);
        publish.arg(document).args(["--url", url, "--token-file"]).arg(self.token_file());
        publish
    }

    /// A Worker holds what it has read for a while; waits until it runs what was published last.
    fn wait_until_served(&self, url: &str) -> Result<()> {
        let token = read_secret(&self.token_file())?;
        let published = |what: &str, name: &str| -> Result<Value> {
            Ok(get_json(&format!("{url}/v1/admin/{what}"), Some(&token))?["current"][name].take())
        };
        let expected = (published("config", "version")?, published("tables", "build")?);
        let started = Instant::now();
        loop {
            let health = get_json(&format!("{url}/healthz"), None)?;
            let running = (health["bundle"]["version"].clone(), health["table"]["build"].clone());
            if running == expected {
                return Ok(());
            }
            if started.elapsed() > SERVED_MAX {
                bail!("the Worker should run configuration {} and table {}; it says {health}", expected.0, expected.1);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn token_file(&self) -> PathBuf {
        self.dir.join("admin.token")
    }

    fn key_file(&self) -> PathBuf {
        self.dir.join("table.key")
    }

    fn token_key_file(&self) -> PathBuf {
        self.dir.join("token.key")
    }

    fn make_secrets(&self) -> Result<()> {
        let secrets = [
            ("--table-key-file", self.key_file()),
            ("--token-key-file", self.token_key_file()),
            ("--admin-token-file", self.token_file()),
        ];
        for (option, file) in secrets {
            if !file.exists() {
                capture(self.vitrine(&["keys", "generate", option]).arg(&file))?;
            }
        }
        Ok(())
    }

    fn make_shop(&self, step: &Step, n_customers: &str) -> Result<Outcome> {
        let inputs = self.command_inputs()?.word(n_customers).word(SEED).finish();
        let out = self.dir.join("shop");
        forget_if_gone(&out)?;
        unless_fresh(&stamp_beside(&out), &inputs, || {
            remove_folder(&out)?;
            let mut make = self.vitrine(&["demo-data", "--customers", n_customers, "--seed", SEED, "--out"]);
            step.run(make.arg(&out))
        })
    }

    fn make_profiles(&self, step: &Step) -> Result<Outcome> {
        let shop = self.dir.join("shop");
        let inputs = self.command_inputs()?.path(&shop)?.path(&self.key_file())?.finish();
        let out = self.table();
        forget_if_gone(&out)?;
        unless_fresh(&stamp_beside(&out), &inputs, || {
            remove_folder(&out)?;
            let mut build = self.vitrine(&["profiles", "build", "--mapping", "vitrine-demo", "--orders"]);
            build.arg(shop.join("orders.csv")).arg("--key-file").arg(self.key_file()).arg("--out").arg(&out);
            step.run(&mut build)
        })
    }

    /// What is made depends on the command that makes it.
    fn command_inputs(&self) -> Result<Inputs> {
        Inputs::default().path(&self.project.vitrine())
    }

    fn vitrine(&self, args: &[&str]) -> Command {
        let mut vitrine = command(self.project.vitrine(), self.project.root());
        vitrine.args(args);
        vitrine
    }
}

/// Does `work`, unless the stamp says that it was done with the same inputs.
pub fn unless_fresh(stamp_file: &Path, inputs: &str, work: impl FnOnce() -> Result<()>) -> Result<Outcome> {
    if stamp::is_fresh(stamp_file, inputs) {
        return Ok(Outcome::AlreadyThere);
    }
    // While the work is half done, no stamp may vouch for it.
    if stamp_file.exists() {
        fs::remove_file(stamp_file).with_context(|| format!("cannot remove {}", stamp_file.display()))?;
    }
    work()?;
    stamp::write(stamp_file, inputs)?;
    Ok(Outcome::Done)
}

/// Removes a folder with everything in it, if it is there.
pub fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// The stamp of a folder lies beside it: what is in the folder is an input of later steps.
fn stamp_beside(folder: &Path) -> PathBuf {
    folder.with_extension("stamp")
}

/// A folder that someone has removed is made again.
fn forget_if_gone(folder: &Path) -> Result<()> {
    let stamp_file = stamp_beside(folder);
    if !folder.exists() && stamp_file.exists() {
        fs::remove_file(&stamp_file).with_context(|| format!("cannot remove {}", stamp_file.display()))?;
    }
    Ok(())
}

fn read_secret(file: &Path) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.trim().to_owned())
}

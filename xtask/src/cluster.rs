//! The task `test-cluster`: builds of profiles on a cluster on this machine, compared with one in a single process.
//!
//! Owns the nodes, the moment at which one of them is killed, and the comparison. What a build does is the command's matter.

use crate::command::{capture, cargo, command, complaint};
use crate::demo::remove_folder;
use crate::local::free_port;
use crate::project::Project;
use crate::steps::{Outcome, Steps, shown_duration};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Seed of the made-up shop.
const SEED: &str = "1";
/// The day after its records end.
const AS_OF: &str = "2026-07-01";
/// What is compiled together, so that DataFusion is compiled once: the command, and a cluster's nodes.
const BUILT: [&str; 14] = [
    "-p",
    "vitrine-learn",
    "-p",
    "vitrine-intake",
    "-p",
    "vitrine-profiles",
    "-p",
    "vitrine-cli",
    "-p",
    "ballista-scheduler",
    "-p",
    "ballista-executor",
    "--features",
    "vitrine-cli/cluster-nodes",
];
/// The same for our crates alone, whose warnings are errors.
const CHECKED: [&str; 6] = ["-p", "vitrine-cli", "-p", "vitrine-profiles", "--features", "vitrine-cli/cluster-nodes"];
/// Longest wait for a node to come up.
const START_MAX: Duration = Duration::from_secs(60);
/// Pause between looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(20);

/// The task `test-cluster`, in the release profile or in that of the tests. Errors: a build fails, or a table differs from that of
/// one process by a byte.
pub fn run(project: &Project, n_customers: u32, is_release: bool) -> Result<()> {
    let mut steps = Steps::new(8, &project.tools().join("log"));
    steps.step("vitrine, scheduler and executor", |step| {
        let profile = if is_release { &["--release"][..] } else { &[] };
        step.run(cargo(project.root()).args(["build", "--locked"]).args(BUILT).args(profile))?;
        Ok(Outcome::Done)
    })?;
    let programs = project.target().join(if is_release { "release" } else { "debug" });
    let trial = Trial { programs, dir: project.tools().join("cluster") };
    remove_folder(&trial.dir)?;
    fs::create_dir_all(&trial.dir).with_context(|| format!("cannot create {}", trial.dir.display()))?;
    steps.step(&format!("shop of {n_customers} customers"), |step| {
        capture(trial.vitrine().args(["keys", "generate", "--table-key-file"]).arg(trial.dir.join("table.key")))?;
        let n_customers = n_customers.to_string();
        let mut make = trial.vitrine();
        make.args(["demo-data", "--customers", &n_customers, "--seed", SEED, "--out"]);
        step.run(make.arg(trial.dir.join("shop")))?;
        Ok(Outcome::Done)
    })?;
    let mut alone = Duration::ZERO;
    steps.step("build in one process", |step| {
        let began = Instant::now();
        step.run(&mut trial.build("alone"))?;
        alone = began.elapsed();
        Ok(Outcome::DoneWith(format!("{} steps", trial.n_stages("alone")?)))
    })?;
    let mut nodes = None;
    steps.step("scheduler and two executors", |_| {
        nodes = Some(Nodes::start(&trial)?);
        Ok(Outcome::Done)
    })?;
    let mut nodes = nodes.context("the step has started them")?;
    steps.step("build on the cluster", |step| {
        let began = Instant::now();
        step.run(trial.build("cluster").args(["--cluster", &nodes.url]))?;
        let ratio = began.elapsed().as_secs_f64() / alone.as_secs_f64();
        for executor in &nodes.executors {
            executor.check_has_worked()?;
        }
        let (n_there, n_stages) = (nodes.n_jobs()?, trial.n_stages("cluster")?);
        let same = trial.compare("cluster")?;
        Ok(Outcome::DoneWith(format!(
            "{n_there} of {n_stages} steps on the cluster, {ratio:.2} of the time in one process; {same}"
        )))
    })?;
    steps.step("build with an executor killed", |_| {
        let killed_after = trial.build_and_kill(&mut nodes)?;
        let same = trial.compare("killed")?;
        Ok(Outcome::DoneWith(format!("killed after {}; {same}", shown_duration(killed_after))))
    })?;
    steps.step("build that the cluster leaves alone", |step| {
        nodes.executors.clear();
        trial.build_and_wait(&nodes)?;
        step.run(&mut trial.build("alone-again"))?;
        Ok(Outcome::DoneWith(format!("given up, and gone on without it; {}", trial.compare("alone-again")?)))
    })?;
    steps.step("clippy with clusters", |step| {
        let mut clippy = cargo(project.root());
        clippy.args(["clippy", "--locked", "--all-targets"]).args(CHECKED).args(["--", "-D", "warnings"]);
        step.run(&mut clippy)?;
        Ok(Outcome::Done)
    })
}

/// Where everything of a run is: `shop/`, tables, what the nodes say.
struct Trial {
    programs: PathBuf,
    dir: PathBuf,
}

impl Trial {
    fn program(&self, name: &str) -> Command {
        command(self.programs.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)), &self.dir)
    }

    fn vitrine(&self) -> Command {
        self.program("vitrine")
    }

    /// A build of the shop into the folder `name`, with its steps in `name.work`.
    fn build(&self, name: &str) -> Command {
        let mut build = self.vitrine();
        build.args(["profiles", "build", "--shop", "shop/shop.toml", "--key-file", "table.key"]);
        build.args(["--as-of", AS_OF, "--out", name, "--work", &format!("{name}.work")]);
        build
    }

    /// Steps that a build has finished.
    fn n_stages(&self, name: &str) -> Result<usize> {
        let work = self.dir.join(format!("{name}.work"));
        let entries = match fs::read_dir(&work) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>()?,
            Err(_) => return Ok(0),
        };
        let names = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
        Ok(names.filter(|name| name.ends_with(".parquet") && !name.starts_with('.')).count())
    }

    /// Builds on the cluster and kills an executor when half of the steps are done. Gives when that was.
    fn build_and_kill(&self, nodes: &mut Nodes) -> Result<Duration> {
        let half = self.n_stages("alone")? / 2;
        let log = self.dir.join("killed.log");
        let mut build = self.build("killed");
        build.args(["--cluster", &nodes.url]).stdout(Stdio::null()).stderr(File::create(&log)?);
        let started = Instant::now();
        let mut build = build.spawn().context("cannot start vitrine")?;
        while self.n_stages("killed")? < half && build.try_wait()?.is_none() {
            std::thread::sleep(LOOK);
        }
        let killed_after = started.elapsed();
        let lost = nodes.executors.pop().context("there is an executor")?;
        drop(lost);
        if build.try_wait()?.is_some() {
            bail!("the build ended before an executor could be killed; take a larger shop: --customers N");
        }
        if !build.wait()?.success() {
            let said = fs::read_to_string(&log).unwrap_or_default();
            bail!("the build without its executor failed: {} (all of it: {})", complaint(&said), log.display());
        }
        Ok(killed_after)
    }

    /// Builds on a cluster without executors. Errors: the build does not say, after a minute, that it is the cluster that does
    /// nothing.
    fn build_and_wait(&self, nodes: &Nodes) -> Result<()> {
        let mut build = self.build("alone-again");
        let output = build.args(["--cluster", &nodes.url, "--cluster-patience", "1"]).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let expected = format!("on the cluster {}: nothing moved for 1 min", nodes.url);
        if output.status.success() || !said.contains(&expected) {
            bail!("a build on a cluster without executors does not say {expected:?}: {said}");
        }
        Ok(())
    }

    /// Compares the table `name` with that of one process. Gives what was compared.
    fn compare(&self, name: &str) -> Result<String> {
        compare(&self.dir.join("alone"), &self.dir.join(name))
    }
}

/// Compares two folders byte for byte. Gives what was compared.
fn compare(expected: &Path, found: &Path) -> Result<String> {
    let (expected, found) = (files(expected)?, files(found)?);
    let n_bytes: usize = expected.values().map(Vec::len).sum();
    for (name, bytes) in &expected {
        match found.get(name) {
            None => bail!("{} is missing, which the build in one process has", name.display()),
            Some(found) if found != bytes => bail!("{} is not that of one process", name.display()),
            Some(_) => {}
        }
    }
    if let Some(extra) = found.keys().find(|name| !expected.contains_key(*name)) {
        bail!("{} is there, which the build in one process lacks", extra.display());
    }
    Ok(format!("all {} files are equal, {n_bytes} bytes", expected.len()))
}

/// Every file below a folder with its bytes, by its path in the folder.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                found.insert(path.strip_prefix(folder)?.to_path_buf(), bytes);
            }
        }
    }
    Ok(found)
}

/// A scheduler and its executors, on 127.0.0.1 only. They end when this is dropped.
struct Nodes {
    url: String,
    executors: Vec<Node>,
    _scheduler: Node,
}

impl Nodes {
    fn start(trial: &Trial) -> Result<Self> {
        let port = free_port()?.to_string();
        let host = "127.0.0.1";
        let mut scheduler = trial.program("ballista-scheduler");
        scheduler.args(["--bind-host", host, "--external-host", host, "--bind-port", &port]);
        // A lost executor is noticed within seconds, not minutes.
        scheduler.args(["--executor-timeout-seconds", "10", "--expire-dead-executor-interval-seconds", "2"]);
        // Results stay, so that they can be counted.
        scheduler.args(["--finished-job-data-clean-up-interval-seconds", "0"]);
        let _scheduler = Node::start(&trial.dir, "scheduler", scheduler)?;
        let mut executors = Vec::new();
        for name in ["executor-1", "executor-2"] {
            let health = free_port()?;
            let mut executor = trial.program("ballista-executor");
            executor.args(["--bind-host", host, "--external-host", host, "--scheduler-host", host]);
            executor.args(["--scheduler-port", &port, "--scheduler-connect-timeout-seconds", "30"]);
            executor.args(["--bind-port", &free_port()?.to_string(), "--bind-grpc-port", &free_port()?.to_string()]);
            executor.args(["--bind-health-port", &health.to_string(), "--executor-heartbeat-interval-seconds", "2"]);
            executor.args(["--vcores", "2", "--work-dir"]).arg(trial.dir.join(name));
            fs::create_dir_all(trial.dir.join(name))?;
            executors.push((Node::start(&trial.dir, name, executor)?, health));
        }
        for (executor, health) in &mut executors {
            executor.wait_until_ready(*health)?;
        }
        let executors = executors.into_iter().map(|(executor, _)| executor).collect();
        Ok(Self { url: format!("df://{host}:{port}"), executors, _scheduler })
    }

    /// Queries that an executor has worked on, each once.
    fn n_jobs(&self) -> Result<usize> {
        let mut jobs = BTreeSet::new();
        for executor in &self.executors {
            for entry in fs::read_dir(&executor.dir)? {
                jobs.insert(entry?.file_name());
            }
        }
        Ok(jobs.len())
    }
}

/// A node of the cluster. It ends at once when this is dropped.
struct Node {
    child: Child,
    /// Where an executor keeps what it has worked out.
    dir: PathBuf,
    log: PathBuf,
}

impl Node {
    fn start(dir: &Path, name: &str, mut program: Command) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = program.stdout(output.try_clone()?).stderr(output).spawn();
        let child = child.with_context(|| format!("cannot start the {name}"))?;
        Ok(Self { child, dir: dir.join(name), log })
    }

    /// Waits until an executor says that the scheduler knows it.
    fn wait_until_ready(&mut self, health_port: u16) -> Result<()> {
        let started = Instant::now();
        while ureq::get(format!("http://127.0.0.1:{health_port}/readyz")).call().is_err() {
            if self.child.try_wait()?.is_some() || started.elapsed() > START_MAX {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                bail!("an executor did not start: {} (all of it: {})", complaint(&said), self.log.display());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Errors: it has no result of any query.
    fn check_has_worked(&self) -> Result<()> {
        match fs::read_dir(&self.dir)?.next() {
            Some(_) => Ok(()),
            None => bail!("an executor did nothing: {} is empty", self.dir.display()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod comparison_tests {
    use super::*;

    #[test]
    fn a_byte_and_a_file_make_a_difference() {
        let dir = std::env::temp_dir().join(format!("xtask-cluster-{}", std::process::id()));
        let (one, other) = (dir.join("one"), dir.join("other"));
        for folder in [&one, &other] {
            fs::create_dir_all(folder.join("shards")).unwrap();
            fs::write(folder.join("shards/0"), "abc").unwrap();
        }
        let compared = || compare(&one, &other).map_err(|error| error.to_string());
        assert_eq!(compared().as_deref(), Ok("all 1 files are equal, 3 bytes"));
        fs::write(other.join("shards/0"), "abd").unwrap();
        assert_eq!(compared().unwrap_err(), "shards/0 is not that of one process");
        fs::write(other.join("shards/0"), "abc").unwrap();
        fs::write(other.join("more"), "").unwrap();
        assert_eq!(compared().unwrap_err(), "more is there, which the build in one process lacks");
        fs::rename(other.join("more"), one.join("more")).unwrap();
        assert_eq!(compared().unwrap_err(), "more is missing, which the build in one process has");
        fs::remove_dir_all(dir).unwrap();
    }
}

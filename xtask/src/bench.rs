//! Benchmarks: criterion for the pure crates, builds of profiles at size, and the Worker under load on raw workerd.

mod bulk;
mod edge;
mod profiles;
mod rounds;
mod workerd;
mod wrk;

use crate::command::{cargo, command, shown};
use crate::packages::{EDGE_TARGET, cargo_for};
use crate::project::Project;
use crate::setup;
use crate::steps::{Outcome, Steps};
use crate::tests::colour;
use anyhow::{Result, bail};

pub use bulk::run as bulk;
pub use edge::run as edge;
pub use profiles::{BuildOptions, run as build};
pub use rounds::RoundOptions;

/// The task `bench`: the crates that have benches.
pub fn criterion(project: &Project) -> Result<()> {
    let packages = ["vitrine-engine", "vitrine-tables", "vitrine-flags"];
    let mut bench = cargo_for(project, "bench", &packages);
    bench.arg("--benches");
    match shown(colour(&mut bench))? {
        (true, _) => Ok(()),
        (false, _) => bail!("cargo bench failed"),
    }
}

/// The task `bench flags`: flags beside other implementations. A workspace of its own, see `bench/README.md`.
pub fn flags(project: &Project) -> Result<()> {
    let mut run = cargo(project.root());
    run.args(["run", "--release", "--locked", "--manifest-path", "bench/Cargo.toml"]);
    match shown(colour(&mut run))? {
        (true, _) => Ok(()),
        (false, _) => bail!("the side-by-side benchmark of flags failed"),
    }
}

/// The task `bench rank`: the engine's rankers as wasm, beside JavaScript. A package of the workspace of `bench flags`.
pub fn rank(project: &Project) -> Result<()> {
    let mut steps = Steps::new(setup::N_STEPS + 1, &project.tools().join("log"));
    setup::ensure(project, &mut steps)?;
    steps.step("rankers as wasm", |step| {
        let mut build = cargo(project.root());
        build.args([
            "build",
            "--release",
            "--locked",
            "--manifest-path",
            "bench/Cargo.toml",
            "-p",
            "vitrine-bench-rank",
        ]);
        step.run(build.args(["--target", EDGE_TARGET]))?;
        Ok(Outcome::Done)
    })?;
    let wasm = project.path("bench/target").join(EDGE_TARGET).join("release/vitrine_bench_rank.wasm");
    match shown(command(project.node(), project.root()).arg("xtask/bench/rank.mjs").arg(wasm))? {
        (true, _) => Ok(()),
        (false, _) => bail!("the benchmark of rankers failed"),
    }
}

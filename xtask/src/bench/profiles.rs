//! Building profiles of a large made-up shop: time and memory of each stage, and of the next day's build.

use crate::command::{command, shown};
use crate::packages::{WITH_DATAFUSION, cargo_for};
use crate::project::Project;
use crate::tests::colour;
use anyhow::{Result, bail};

/// How large the shop is, and how the build is measured.
pub struct BuildOptions {
    /// Customers of the shop.
    pub n_customers: u32,
    /// How many times as much as usual people look around.
    pub events_scale: f64,
    /// Memory for sorting and grouping. Unit: MiB.
    pub memory_mib: u32,
    /// The last so many days of events come as a file each, and the last of them after the first build. 0: one file, one build.
    pub n_days: u32,
    /// The profile of the demo and the tests instead of the release profile, which takes 40 minutes to compile.
    pub is_dev: bool,
}

/// The task `bench build`.
pub fn run(project: &Project, options: &BuildOptions) -> Result<()> {
    let mut build = cargo_for(project, "build", &WITH_DATAFUSION);
    build.args(["--example", "build_bench"]);
    if !options.is_dev {
        build.arg("--release");
    }
    if !shown(colour(&mut build))?.0 {
        bail!("the bench does not compile");
    }
    let profile = if options.is_dev { "debug" } else { "release" };
    let mut run = command(project.target().join(profile).join("examples/build_bench"), project.root());
    let dir = project.path(".demo/bench/build");
    std::fs::create_dir_all(&dir)?;
    run.arg(&dir).args([options.n_customers.to_string(), options.events_scale.to_string()]);
    run.args([options.memory_mib.to_string(), options.n_days.to_string()]);
    match shown(&mut run)? {
        (true, _) => Ok(()),
        (false, _) => bail!("the build failed"),
    }
}

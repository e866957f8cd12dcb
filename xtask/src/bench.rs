//! Benchmarks: criterion for the pure crates, builds of profiles at size, and the Worker under load on raw workerd.

mod bulk;
mod edge;
mod profiles;
mod rounds;
mod workerd;
mod wrk;

use crate::command::{cargo, shown};
use crate::packages::cargo_for;
use crate::project::Project;
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

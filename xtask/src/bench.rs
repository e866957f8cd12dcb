//! Benchmarks: criterion for the pure crates, and the Worker under load on raw workerd.

mod bulk;
mod edge;
mod rounds;
mod workerd;
mod wrk;

use crate::command::{cargo, shown};
use crate::project::Project;
use crate::tests::colour;
use anyhow::{Result, bail};

pub use bulk::run as bulk;
pub use edge::run as edge;
pub use rounds::RoundOptions;

/// The task `bench`: the crates that have benches.
pub fn criterion(project: &Project) -> Result<()> {
    let mut bench = cargo(project.root());
    bench.args(["bench", "--locked", "-p", "vitrine-engine", "-p", "vitrine-tables", "--benches"]);
    match shown(colour(&mut bench))? {
        (true, _) => Ok(()),
        (false, _) => bail!("cargo bench failed"),
    }
}

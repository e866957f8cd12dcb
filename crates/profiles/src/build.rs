//! The way of a build, from order files to the finished directory.

use crate::{BuildError, BuildOptions, Progress, Report};
use vitrine_tables::Manifest;

/// A finished build.
#[derive(Clone, Debug)]
pub struct Built {
    /// What was found; also in `report.json`.
    pub report: Report,
    /// The manifest of the table; also in `manifest.json`. Its `build` names the build by its content.
    pub manifest: Manifest,
}

/// Reads orders, cleans them, computes features and neighbour lists, and writes the directory `options.out`.
///
/// Blocks until the build is done; starts its own threads. The directory appears whole or not at all.
///
/// Errors: [`BuildError`]. Rows that are wrong are no error: they are counted and put aside.
pub fn build(options: &BuildOptions, progress: &mut dyn Progress) -> Result<Built, BuildError> {
    let _ = (options, progress);
    todo!()
}

//! The Worker under load.
use crate::project::Project;
use anyhow::Result;
/// What a person can choose.
pub struct EdgeOptions {
    /// How often each target is measured.
    pub n_rounds: u32,
    /// Length of one measurement. Unit: seconds.
    pub round_s: u32,
}
/// The task `bench edge`.
pub fn run(_project: &Project, _options: &EdgeOptions) -> Result<()> {
    Ok(())
}

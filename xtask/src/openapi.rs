//! The API's document: written from the types of the wire, and fuzzed against the Worker.

use crate::command::{capture, cargo, command, shown};
use crate::project::Project;
use crate::steps::Steps;
use crate::{python, setup, worker};
use anyhow::{Context, Result, bail};

const DOCUMENT: &str = "docs/api/openapi.json";

/// The task `openapi`.
pub fn write(project: &Project) -> Result<()> {
    let mut print = cargo(project.root());
    print.args(["run", "--quiet", "--locked", "--package", "vitrine-openapi"]);
    let text = capture(&mut print)?;
    let file = project.path(DOCUMENT);
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    if before.trim_end() == text {
        println!("{DOCUMENT} is up to date");
        return Ok(());
    }
    std::fs::write(&file, format!("{text}\n")).with_context(|| format!("cannot write {DOCUMENT}"))?;
    println!("{DOCUMENT} is written: read the difference before it is committed");
    Ok(())
}

/// How the Worker is fuzzed.
pub struct FuzzOptions {
    /// Most random cases of each operation.
    pub n_cases: u32,
    /// The same seed makes the same cases.
    pub seed: u32,
}

/// The task `fuzz-api`. Errors: the Worker and the document disagree, or a call ended in a 5xx.
pub fn fuzz(project: &Project, options: &FuzzOptions) -> Result<()> {
    let mut steps = Steps::new(setup::N_STEPS + worker::N_STEPS + 1, &project.tools().join("log"));
    setup::ensure(project, &mut steps)?;
    worker::build(project, &mut steps)?;
    let dir = project.tools().join("schemathesis");
    steps.step("schemathesis", |step| {
        python::environment(project, step, &dir.join("env"), "tests/openapi/requirements.txt")
    })?;
    let report = dir.join("report");
    std::fs::create_dir_all(&report)?;
    let mut node = command(project.node(), &report);
    node.arg(project.path("tests/openapi/fuzz.mjs"));
    node.env("VITRINE_BUILD_DIR", project.worker_build())
        .env("VITRINE_SCHEMATHESIS", dir.join("env/bin/schemathesis"))
        .env("VITRINE_FUZZ_CASES", options.n_cases.to_string())
        .env("VITRINE_FUZZ_SEED", options.seed.to_string())
        .env("VITRINE_FUZZ_REPORT", &report);
    match shown(&mut node)? {
        (true, _) => Ok(()),
        (false, _) => bail!("fuzzing found something; all of it: {}", project.shown(&report)),
    }
}

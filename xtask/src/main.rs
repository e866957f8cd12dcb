//! Developer tasks of Vitrine, run as `cargo xtask <task>`.
//!
//! Owns the command line only: which task runs with which options. Each task has its own file.

mod bench;
mod ci;
mod clients;
mod cluster;
mod command;
mod counts;
mod demo;
mod local;
mod openapi;
mod packages;
mod project;
mod python;
mod setup;
mod stamp;
mod steps;
mod tests;
mod tidy;
mod worker;

use anyhow::{Result, bail};
use project::Project;
use std::process::ExitCode;

const HELP: &str = "\
Developer tasks of Vitrine.

usage: cargo xtask <task> [options]

  demo [--once] [--port N] [--customers N]
               a made-up shop, from its orders to personalised answers on http://127.0.0.1:8787;
               serves until Ctrl-C, or with --once checks the answers and ends
  test [--fast]
               all tests: the crates, then end to end against local workerd (--fast: crates only)
  test-cluster [--customers N] [--release]
               builds on a Ballista cluster of two executors on this machine, one of which is killed, against a build in
               one process: the first time half an hour of compiling (more in the release profile), and no part of `test`
  bench        benchmarks of the engine, of table lookups and of flags
  bench flags  flags beside growthbook-rust and unleash-yggdrasil, in one run
  bench rank   the rankers as wasm with 200 and 2,000 offers, beside the same choice in JavaScript, in one run
  bench edge [--rounds N] [--seconds N]
               requests per second of the Worker on raw workerd, beside JavaScript workers, in one run
  bench bulk [--rounds N] [--seconds N]
               OFREP bulk evaluations of 20 and of 200 flags, beside GrowthBook's JavaScript SDK, in one run
  bench build [--customers N] [--events-scale X] [--memory MIB] [--days N] [--dev]
               time and memory of a build of 500,000 customers and ten million events, and of the next day's build
               (--dev: with the profile of the tests; the release profile takes 40 minutes to compile)
  openapi      the API's document (docs/api/openapi.json) from the types of the wire
  fuzz-api [--cases N] [--seed N]
               the Worker through that document, with schemathesis: takes minutes, and is no part of the tests
  build        the Worker into build/, with its size
  tidy         the walls between the crates and the rules of the house
  ci           everything that must be green before a change lands
  setup        tools only; every other task does its own set-up

examples:
  cargo xtask demo                   # the first time up to 25 minutes, then seconds
  cargo xtask demo --once --port 9000
  cargo xtask test --fast
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let mut args = Args::new(args);
    let Some(task) = args.word() else {
        print!("{HELP}");
        return Ok(());
    };
    if args.flag("--help") || args.flag("-h") || matches!(task.as_str(), "help" | "--help" | "-h") {
        print!("{HELP}");
        return Ok(());
    }
    let project = Project::find()?;
    match task.as_str() {
        "demo" => {
            let options = demo::Options {
                once: args.flag("--once"),
                port: args.number("--port")?.unwrap_or(8787),
                n_customers: args.number("--customers")?.unwrap_or(20_000),
            };
            args.finish()?;
            demo::run(&project, &options)
        }
        "test" => {
            let fast = args.flag("--fast");
            args.finish()?;
            tests::run(&project, if fast { tests::Scope::Crates } else { tests::Scope::All })
        }
        "test-cluster" => {
            let n_customers = args.number("--customers")?.unwrap_or(20_000);
            let is_release = args.flag("--release");
            args.finish()?;
            cluster::run(&project, n_customers, is_release)
        }
        "bench" => match args.word().as_deref() {
            None => {
                args.finish()?;
                bench::criterion(&project)
            }
            Some(what @ ("edge" | "bulk")) => {
                let options = bench::RoundOptions {
                    n_rounds: args.number("--rounds")?.unwrap_or(5),
                    round_s: args.number("--seconds")?.unwrap_or(5),
                };
                args.finish()?;
                if what == "edge" { bench::edge(&project, &options) } else { bench::bulk(&project, &options) }
            }
            Some("flags") => {
                args.finish()?;
                bench::flags(&project)
            }
            Some("rank") => {
                args.finish()?;
                bench::rank(&project)
            }
            Some("build") => {
                let options = bench::BuildOptions {
                    n_customers: args.number("--customers")?.unwrap_or(500_000),
                    events_scale: args.number("--events-scale")?.unwrap_or(3.6),
                    memory_mib: args.number("--memory")?.unwrap_or(2048),
                    n_days: args.number("--days")?.unwrap_or(7),
                    is_dev: args.flag("--dev"),
                };
                args.finish()?;
                bench::build(&project, &options)
            }
            Some(other) => {
                bail!(
                    "there is no bench `{other}`; there are `bench`, `bench flags`, `bench rank`, `bench build`, `bench edge` and `bench bulk`"
                )
            }
        },
        "openapi" => {
            args.finish()?;
            openapi::write(&project)
        }
        "fuzz-api" => {
            let options = openapi::FuzzOptions {
                n_cases: args.number("--cases")?.unwrap_or(200),
                seed: args.number("--seed")?.unwrap_or(1),
            };
            args.finish()?;
            openapi::fuzz(&project, &options)
        }
        "build" => {
            args.finish()?;
            worker::run(&project)
        }
        "tidy" => {
            args.finish()?;
            tidy::run(&project)
        }
        "ci" => {
            args.finish()?;
            ci::run(&project)
        }
        "setup" => {
            args.finish()?;
            setup::run(&project)
        }
        other => bail!(
            "there is no task `{other}`; the tasks are demo, test, test-cluster, bench, openapi, fuzz-api, build, tidy, ci, setup (cargo xtask --help)"
        ),
    }
}

/// What is left of the command line. Options may stand in any order.
struct Args {
    rest: Vec<String>,
}

impl Args {
    fn new(args: &[String]) -> Self {
        Self { rest: args.to_vec() }
    }

    /// Takes the next argument if it is a word, or if it stands first.
    fn word(&mut self) -> Option<String> {
        (!self.rest.is_empty() && (!self.rest[0].starts_with("--") || self.rest[0] == "--help"))
            .then(|| self.rest.remove(0))
    }

    fn flag(&mut self, name: &str) -> bool {
        let found = self.rest.iter().position(|arg| arg == name);
        found.map(|at| self.rest.remove(at)).is_some()
    }

    fn number<N: std::str::FromStr>(&mut self, name: &str) -> Result<Option<N>> {
        let Some(at) = self.rest.iter().position(|arg| arg == name) else { return Ok(None) };
        self.rest.remove(at);
        if at >= self.rest.len() {
            bail!("{name} needs a number");
        }
        let value = self.rest.remove(at);
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => bail!("{name} needs a number in its range, not `{value}`"),
        }
    }

    fn finish(self) -> Result<()> {
        match self.rest.first() {
            None => Ok(()),
            Some(extra) => bail!("unknown argument `{extra}` (cargo xtask --help)"),
        }
    }
}

#[cfg(test)]
mod argument_tests {
    use super::{Args, run};

    fn args(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_unknown_task_names_the_tasks() {
        let error = run(&args(&["dmeo"])).unwrap_err().to_string();
        assert!(error.contains("no task `dmeo`") && error.contains("demo, test, test-cluster, bench"), "{error}");
    }

    #[test]
    fn options_stand_in_any_order_and_what_is_left_is_an_error() {
        let mut parsed = Args::new(&args(&["--port", "9000", "--once", "--wrong"]));
        assert!(parsed.flag("--once"));
        assert_eq!(parsed.number::<u16>("--port").unwrap(), Some(9000));
        assert_eq!(parsed.finish().unwrap_err().to_string(), "unknown argument `--wrong` (cargo xtask --help)");
    }

    #[test]
    fn a_number_out_of_range_is_an_error() {
        let mut parsed = Args::new(&args(&["--port", "99999"]));
        assert!(parsed.number::<u16>("--port").is_err());
        assert!(Args::new(&args(&["--port"])).number::<u16>("--port").is_err());
    }
}

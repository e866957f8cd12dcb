//! Raw workerd: its configuration text, and its processes.
//!
//! `wrangler dev` and miniflare put a proxy of their own before the Worker and are several times slower than it.

use crate::command::command;
use crate::project::Project;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for workerd to listen.
const START_MAX: Duration = Duration::from_secs(20);

/// A Worker as workerd is told of it. Paths are relative to the folder that holds the configuration.
pub struct Service<'a> {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Date that fixes the runtime's behaviour.
    pub compatibility_date: &'a str,
    /// Name by which it is imported, and whether it is wasm; the first is the entry. The name is the file's name too.
    pub modules: &'a [(&'a str, Module)],
    /// Vitrine's own bindings: the KV namespace from the folder `kv` by the Worker `kv.mjs`, and the registry.
    pub is_vitrine: bool,
    /// Variables by name.
    pub vars: &'a [(&'a str, &'a str)],
}

/// Kinds of modules.
#[derive(Clone, Copy)]
pub enum Module {
    /// An ECMAScript module.
    Script,
    /// Compiled WebAssembly.
    Wasm,
}

/// Services, bindings and objects of Vitrine's Worker.
const VITRINE: (&str, &str, &str) = (
    r#"    (name = "files", disk = (path = "kv")),
    (name = "kv", worker = (
      modules = [(name = "kv.mjs", esModule = embed "kv.mjs")],
      compatibilityDate = "2026-07-01",
      bindings = [(name = "FILES", service = "files")],
    )),
"#,
    r#"    (name = "VITRINE", kvNamespace = "kv"),
    (name = "REGISTRY", durableObjectNamespace = "Registry"),
    (name = "NOTIFIER", durableObjectNamespace = "Notifier"),
    (name = "LEDGER", durableObjectNamespace = "Ledger"),
    (name = "BUDGET", durableObjectNamespace = "Budget"),
"#,
    r#"  durableObjectNamespaces = [
    (className = "Registry", uniqueKey = "registry", enableSql = true),
    (className = "Notifier", uniqueKey = "notifier", enableSql = true),
    (className = "Ledger", uniqueKey = "ledger", enableSql = true),
    (className = "Budget", uniqueKey = "budget", enableSql = true),
  ],
  durableObjectStorage = (inMemory = void),
"#,
);

impl Service<'_> {
    /// The configuration in Cap'n Proto's text form. Blanks around `=` and after commas matter to its parser.
    pub fn configuration(&self) -> String {
        let modules = self.modules.iter().map(|(name, kind)| match kind {
            Module::Script => format!("    (name = {name:?}, esModule = embed {name:?}),\n"),
            Module::Wasm => format!("    (name = {name:?}, wasm = embed {name:?}),\n"),
        });
        let vars = self.vars.iter().map(|(name, value)| format!("    (name = {name:?}, text = {value:?}),\n"));
        let (services, bindings, objects) = if self.is_vitrine { VITRINE } else { ("", "", "") };
        format!(
            "using Workerd = import \"/workerd/workerd.capnp\";\n\
             const config :Workerd.Config = (\n  \
             services = [\n    (name = \"main\", worker = .main),\n{services}  ],\n  \
             sockets = [(name = \"http\", address = \"127.0.0.1:{}\", http = (), service = \"main\")],\n);\n\
             const main :Workerd.Worker = (\n  \
             modules = [\n{}  ],\n  compatibilityDate = {:?},\n  \
             bindings = [\n{bindings}{}  ],\n{objects});\n",
            self.port,
            modules.collect::<String>(),
            self.compatibility_date,
            vars.collect::<String>(),
        )
    }
}

/// The files of the Worker in `build/`. Names of modules are those that they import each other by.
const VITRINE_MODULES: [(&str, Module); 12] = [
    ("index.js", Module::Script),
    ("batch.js", Module::Script),
    ("mail.js", Module::Script),
    ("pages.js", Module::Script),
    ("piece.js", Module::Script),
    ("vitrine.js", Module::Script),
    ("edge/index.js", Module::Script),
    ("edge/index_bg.wasm", Module::Wasm),
    ("control/index.js", Module::Script),
    ("control/index_bg.wasm", Module::Wasm),
    ("measure/index.js", Module::Script),
    ("measure/index_bg.wasm", Module::Wasm),
];

/// Copies a file, and makes its folder.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(dir) = to.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// A running workerd; it ends when this is dropped.
pub struct Workerd {
    child: Child,
}

impl Workerd {
    /// Starts `service` from the folder `dir`, where its modules are, and waits until it listens.
    pub fn start(project: &Project, dir: &Path, service: &Service) -> Result<Self> {
        let file = dir.join("config.capnp");
        std::fs::write(&file, service.configuration()).with_context(|| format!("cannot write {}", file.display()))?;
        let log = dir.join("workerd.log");
        let mut serve = command(program(project)?, dir);
        serve.args(["serve", "config.capnp"]).stdout(Stdio::null()).stderr(File::create(&log)?);
        let mut workerd = Self { child: serve.spawn().context("cannot start workerd")? };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", service.port)).is_err() {
            if started.elapsed() > START_MAX || workerd.child.try_wait()?.is_some() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("workerd did not start: {}", said.lines().next().unwrap_or("it said nothing"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(workerd)
    }

    /// Starts the Worker that is in `build/` from the folder `dir`, whose folder `kv` holds its KV, one file a key.
    pub fn start_vitrine(project: &Project, dir: &Path, port: u16, vars: &[(&str, &str)]) -> Result<Self> {
        for (file, _) in VITRINE_MODULES {
            copy(&project.worker_build().join(file), &dir.join(file))?;
        }
        copy(&project.path("xtask/bench/kv.mjs"), &dir.join("kv.mjs"))?;
        let compatibility_date = &project.compatibility_date()?;
        let modules = &VITRINE_MODULES;
        Self::start(project, dir, &Service { port, compatibility_date, modules, is_vitrine: true, vars })
    }

    /// Processor time used so far. Unit: microseconds. Only Linux tells.
    pub fn cpu_us(&self) -> Option<u64> {
        cpu_us(&std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?)
    }
}

/// Reads the user and system time of a process from `/proc/<pid>/stat`, which counts in hundredths of a second.
fn cpu_us(stat: &str) -> Option<u64> {
    const TICK_US: u64 = 10_000;
    // The program's name stands in parentheses and may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = |idx| fields.split_whitespace().nth(idx)?.parse::<u64>().ok();
    Some((ticks(11)? + ticks(12)?) * TICK_US)
}

impl Drop for Workerd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The runtime itself: the program of that name among the npm packages is a script around it.
fn program(project: &Project) -> Result<PathBuf> {
    let packages = project.path("node_modules/@cloudflare");
    for entry in std::fs::read_dir(&packages).with_context(|| format!("cannot list {}", packages.display()))? {
        let program = entry?.path().join("bin/workerd");
        if program.is_file() {
            return Ok(program);
        }
    }
    bail!("there is no workerd for this machine in {}", packages.display())
}

#[cfg(test)]
mod configuration_tests {
    use super::*;

    #[test]
    fn a_plain_worker_has_no_bindings() {
        let service = Service {
            port: 9001,
            compatibility_date: "2026-07-01",
            modules: &[("hello.mjs", Module::Script)],
            is_vitrine: false,
            vars: &[],
        };
        let expected = "using Workerd = import \"/workerd/workerd.capnp\";\nconst config :Workerd.Config = (\n  services = [\n    (name = \"main\", worker = .main),\n  ],\n  sockets = [(name = \"http\", address = \"127.0.0.1:9001\", http = (), service = \"main\")],\n);\nconst main :Workerd.Worker = (\n  modules = [\n    (name = \"hello.mjs\", esModule = embed \"hello.mjs\"),\n  ],\n  compatibilityDate = \"2026-07-01\",\n  bindings = [\n  ],\n);\n";
        assert_eq!(service.configuration(), expected);
    }

    #[test]
    fn processor_time_is_user_and_system_time() {
        let stat = "4711 (work) erd) S 1 4711 4711 0 -1 4194304 9000 0 0 0 250 50 0 0 20 0 9 0 100 1000 200";
        assert_eq!(cpu_us(stat), Some(3_000_000));
        assert_eq!(cpu_us("4711"), None);
    }

    #[test]
    fn vitrine_gets_its_kv_its_registry_and_its_variables() {
        let service = Service {
            port: 9004,
            compatibility_date: "2026-07-01",
            modules: &[("index.js", Module::Script), ("index_bg.wasm", Module::Wasm)],
            is_vitrine: true,
            vars: &[("TABLE_KEY", "00")],
        };
        let text = service.configuration();
        for part in [
            "(name = \"files\", disk = (path = \"kv\"))",
            "(name = \"index_bg.wasm\", wasm = embed \"index_bg.wasm\")",
            "(name = \"VITRINE\", kvNamespace = \"kv\")",
            "(name = \"TABLE_KEY\", text = \"00\")",
            "durableObjectStorage = (inMemory = void)",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}

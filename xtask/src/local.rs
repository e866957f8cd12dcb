//! A local Worker: workerd under miniflare, started by `xtask/serve.mjs`, and how it is asked.

use crate::command::{command, complaint};
use crate::project::Project;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Longest wait for the Worker to come up. A cold start takes about 3 s.
const START_MAX: Duration = Duration::from_secs(60);

/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// What a local Worker is started with.
pub struct Settings<'a> {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Folder that keeps KV and Durable Objects.
    pub state: &'a Path,
    /// The Worker's variables.
    pub vars: Value,
    /// What the Worker and the runtime print.
    pub log: PathBuf,
}

/// A running Worker. It ends when this is dropped, and when this process ends in any way.
pub struct LocalWorker {
    child: Child,
    url: String,
}

impl LocalWorker {
    /// Starts the Worker that is in `build/`, and waits until it answers. Errors: it did not come up.
    pub fn start(project: &Project, settings: &Settings) -> Result<Self> {
        let options = json!({ "port": settings.port, "state": settings.state, "vars": settings.vars });
        let mut serve = command(project.node(), project.root());
        serve.arg("xtask/serve.mjs").env("VITRINE_SERVE", options.to_string());
        // The script ends when this pipe closes.
        serve.stdin(Stdio::piped()).stdout(Stdio::piped());
        serve.stderr(File::create(&settings.log).with_context(|| format!("cannot write {}", settings.log.display()))?);
        let mut child = serve.spawn().context("cannot start node")?;
        let stdout = child.stdout.take().context("node has no output")?;
        let (sender, first_line) = channel();
        let mut log = File::options().append(true).open(&settings.log)?;
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if line.starts_with("ready ") {
                    let _ = sender.send(());
                }
                let _ = writeln!(log, "{line}");
            }
        });
        let worker = Self { child, url: format!("http://127.0.0.1:{}", settings.port) };
        if first_line.recv_timeout(START_MAX).is_err() {
            let said = std::fs::read_to_string(&settings.log).unwrap_or_default();
            bail!("the local Worker did not start: {} (all of it: {})", complaint(&said), settings.log.display());
        }
        Ok(worker)
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the Worker ends. Errors: it ended by itself.
    pub fn wait(mut self) -> Result<()> {
        // Kept open: `Child::wait` would close it, and so end the Worker.
        let _stdin = self.child.stdin.take();
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the local Worker ended: {status}");
        }
        Ok(())
    }
}

impl Drop for LocalWorker {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Errors: something listens on this port of 127.0.0.1.
pub fn check_port_is_free(port: u16) -> Result<()> {
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Ok(()),
        Err(_) => bail!("port {port} is taken: end what listens there, or choose another with --port N"),
    }
}

/// A port of 127.0.0.1 on which nothing listens now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Posts a JSON document and gives the JSON answer. Errors: no answer, no JSON, or a status of 400 and above.
pub fn post_json(url: &str, body: &Value) -> Result<Value> {
    let post = agent().post(url).header("content-type", "application/json");
    read_json(url, post.send(body.to_string()))
}

/// Gets a JSON document, as the administrator if there is a token. Errors: as for [`post_json`].
pub fn get_json(url: &str, token: Option<&str>) -> Result<Value> {
    let mut get = agent().get(url);
    if let Some(token) = token {
        get = get.header("authorization", format!("Bearer {token}"));
    }
    read_json(url, get.call())
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(ANSWER_MAX));
    config.build().into()
}

fn read_json(url: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
    let mut answer = answer.with_context(|| format!("no answer from {url}"))?;
    let text = answer.body_mut().read_to_string().with_context(|| format!("no body from {url}"))?;
    let status = answer.status().as_u16();
    if status >= 400 {
        bail!("{url} answered {status}: {text}");
    }
    serde_json::from_str(&text).with_context(|| format!("{url} answered no JSON: {text}"))
}

#[cfg(test)]
mod port_tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_with_its_remedy() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = check_port_is_free(port).unwrap_err().to_string();
        assert_eq!(error, format!("port {port} is taken: end what listens there, or choose another with --port N"));
        drop(listener);
        // A child that another test starts at this moment may hold the socket until it runs its own program.
        let is_free = || {
            check_port_is_free(port).is_ok() || {
                std::thread::sleep(Duration::from_millis(20));
                false
            }
        };
        assert!((0..250).any(|_| is_free()));
    }
}

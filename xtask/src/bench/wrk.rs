//! The load generator wrk: where it is, how it is run, what it reports.

use crate::command::{capture, command, find_in_path};
use crate::project::Project;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Connections that are open at a time; each has one request under way.
const N_CONNECTIONS: u32 = 16;

/// Debian's packages of wrk and of what it needs beyond a plain system.
const DEBIAN_PACKAGES: &str = "wrk libluajit-5.1-2 libluajit-5.1-common";

/// An installed wrk.
pub struct Wrk {
    program: PathBuf,
    /// Where its libraries are, if not where the system has them.
    libraries: Option<PathBuf>,
}

/// Finds wrk in `PATH` or among the project's tools, where it is unpacked from Debian's packages if they can be had.
pub fn find(project: &Project) -> Result<Wrk> {
    if let Some(program) = find_in_path("wrk") {
        return Ok(Wrk { program, libraries: None });
    }
    let dir = project.tools().join("wrk");
    let program = dir.join("usr/bin/wrk");
    if !program.exists() && find_in_path("apt-get").is_some() {
        std::fs::create_dir_all(&dir)?;
        let unpack = format!("apt-get download {DEBIAN_PACKAGES} && for deb in *.deb; do dpkg -x \"$deb\" .; done");
        // Whether this worked is seen by the file below.
        let _ = capture(command("sh", &dir).args(["-c", &unpack]));
    }
    if !program.exists() {
        bail!("wrk makes the load and is missing: install it (Debian: apt-get install wrk; macOS: brew install wrk)");
    }
    let libraries = std::fs::read_dir(dir.join("usr/lib"))?.next().transpose()?.map(|entry| entry.path());
    Ok(Wrk { program, libraries })
}

/// What one run of wrk measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Answers in all.
    pub n_requests: u64,
    /// Answers a second.
    pub requests_per_s: f64,
    /// Median time to the answer. Unit: milliseconds.
    pub p50_ms: f64,
    /// Time that 99 of 100 answers keep. Unit: milliseconds.
    pub p99_ms: f64,
}

/// Loads `url` with the requests of a wrk script for some seconds. Errors: wrk fails, or an answer was no success though `only_success`.
pub fn run(wrk: &Wrk, script: &Path, url: &str, seconds: u32, only_success: bool) -> Result<Load> {
    let dir = script.parent().context("the script has no folder")?;
    let mut load = command(&wrk.program, dir);
    if let Some(libraries) = &wrk.libraries {
        load.env("LD_LIBRARY_PATH", libraries);
    }
    load.args(["--threads", "1", "--latency", "--connections", &N_CONNECTIONS.to_string()]);
    load.args(["--duration", &format!("{seconds}s"), "--script"]).arg(script).arg(url);
    let report = capture(&mut load)?;
    if only_success
        && let Some(line) = report.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
    {
        bail!("{url}: {}", line.trim());
    }
    parse(&report).with_context(|| format!("wrk gave an unknown report:\n{report}"))
}

fn parse(report: &str) -> Option<Load> {
    let after = |head: &str| {
        let line = report.lines().find(|line| line.trim_start().starts_with(head))?;
        line.trim_start()[head.len()..].split_whitespace().next()
    };
    let (n_requests, _) = report.lines().find_map(|line| line.trim().split_once(" requests in "))?;
    Some(Load {
        n_requests: n_requests.parse().ok()?,
        requests_per_s: after("Requests/sec:")?.parse().ok()?,
        p50_ms: milliseconds(after("50%")?)?,
        p99_ms: milliseconds(after("99%")?)?,
    })
}

/// wrk writes `512.00us`, `1.73ms` or `1.02s`.
fn milliseconds(text: &str) -> Option<f64> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let factor = match &text[unit_at..] {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        _ => return None,
    };
    Some(text[..unit_at].parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod report_tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let report = "Running 5s test @ http://127.0.0.1:9001/\n  1 threads and 16 connections\n\
            \x20 Latency Distribution\n     50%    1.73ms\n     75%    2.00ms\n     90%    2.50ms\n     99%  912.00us\n\
            \x20 45000 requests in 5.00s, 7.1MB read\nRequests/sec:   9012.34\nTransfer/sec:      1.42MB\n";
        assert_eq!(
            parse(report),
            Some(Load { n_requests: 45_000, requests_per_s: 9012.34, p50_ms: 1.73, p99_ms: 0.912 })
        );
        assert_eq!(parse("unable to connect"), None);
    }
}

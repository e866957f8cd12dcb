//! Progress: `[2/6] worker-build 0.8.7 … done in 3m12s`.

use crate::command;
use anyhow::Result;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a step ended.
pub enum Outcome {
    /// Nothing to do.
    AlreadyThere,
    /// The work was done.
    Done,
    /// The work was done, and this is worth telling.
    DoneWith(String),
}

/// Numbered steps of one task.
pub struct Steps {
    n_steps: usize,
    n_begun: usize,
    logs: PathBuf,
}

impl Steps {
    /// `n_steps` steps whose programs write into files of the folder `logs`.
    pub fn new(n_steps: usize, logs: &Path) -> Self {
        Self { n_steps, n_begun: 0, logs: logs.to_path_buf() }
    }

    /// Runs one step and shows how it goes. Errors: those of `work`.
    pub fn step(&mut self, label: &str, work: impl FnOnce(&Step) -> Result<Outcome>) -> Result<()> {
        self.n_begun += 1;
        let started = Instant::now();
        let head = format!("[{}/{}] {label} …", self.n_begun, self.n_steps);
        print!("{head}");
        std::io::stdout().flush()?;
        let latest = Arc::new(Mutex::new(String::new()));
        let ticker = Ticker::start(head.clone(), started, Arc::clone(&latest));
        let result = work(&Step { log: self.logs.join(format!("{}.log", label.replace([' ', '/'], "-"))), latest });
        let ticked = ticker.stop();
        if ticked {
            print!("{}{head}", if std::io::stdout().is_terminal() { "\r\x1b[K" } else { "\n" });
        }
        match &result {
            Ok(Outcome::AlreadyThere) => println!(" already there"),
            Ok(Outcome::Done) => println!(" done in {}", shown_duration(started.elapsed())),
            Ok(Outcome::DoneWith(note)) => println!(" done in {} ({note})", shown_duration(started.elapsed())),
            Err(_) => println!(" failed after {}", shown_duration(started.elapsed())),
        }
        result.map(drop)
    }
}

/// One step at work.
pub struct Step {
    log: PathBuf,
    latest: Arc<Mutex<String>>,
}

impl Step {
    /// Runs a program with its output in the step's log; its latest line is shown beside the clock.
    pub fn run(&self, command: &mut Command) -> Result<()> {
        // The log and the errors that are read from it are plain text.
        command.env("CARGO_TERM_COLOR", "never").env("NO_COLOR", "1");
        command::logged(command, &self.log, |line| {
            if !line.is_empty()
                && let Ok(mut latest) = self.latest.lock()
            {
                line.clone_into(&mut latest);
            }
        })
    }
}

/// Shows that a long step is alive: every second on a terminal, every minute elsewhere.
struct Ticker {
    stop: Sender<()>,
    thread: JoinHandle<bool>,
}

impl Ticker {
    fn start(head: String, started: Instant, latest: Arc<Mutex<String>>) -> Self {
        let (stop, stopped) = channel();
        let terminal = std::io::stdout().is_terminal();
        let pause = Duration::from_secs(if terminal { 1 } else { 60 });
        let thread = std::thread::spawn(move || {
            let mut ticked = false;
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(pause) {
                ticked = true;
                let latest = latest.lock().map(|line| line.clone()).unwrap_or_default();
                let clock = shown_duration(started.elapsed());
                if terminal {
                    let line: String = format!("{head} {clock}  {latest}").chars().take(100).collect();
                    print!("\r\x1b[K{line}");
                } else {
                    print!("\n      {clock}  {latest}");
                }
                let _ = std::io::stdout().flush();
            }
            ticked
        });
        Self { stop, thread }
    }

    /// Whether it has shown anything.
    fn stop(self) -> bool {
        let _ = self.stop.send(());
        self.thread.join().unwrap_or(false)
    }
}

/// `0.4s`, `12s` or `3m12s`.
pub fn shown_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", duration.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod duration_tests {
    use super::*;

    #[test]
    fn durations_are_short_to_read() {
        let shown: Vec<String> = [400, 12_300, 192_000].map(|ms| shown_duration(Duration::from_millis(ms))).into();
        assert_eq!(shown, ["0.4s", "12s", "3m12s"]);
    }
}

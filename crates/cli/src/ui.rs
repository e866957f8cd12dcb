//! What people and machines see: results on standard output, progress and messages on standard error.

use crate::failure::Failure;
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

/// A number with its digits in groups of three: `1,234,567`.
pub use vitrine_config::grouped as count;

/// How this run shows things.
#[derive(Clone, Copy, Debug)]
pub struct Ui {
    json: bool,
    quiet: bool,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HELP: Style = AnsiColor::Green.on_default().bold();

impl Ui {
    /// `json`: results as one JSON document. `quiet`: no progress and no notes.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether results are wanted as JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Shows the result: `value` as JSON for machines, or `text` for people.
    ///
    /// # Errors
    /// [`Failure::Pipe`] when the reader is gone, or the error of standard output.
    pub fn result(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        let shown = if self.json {
            serde_json::to_string_pretty(value).map_err(|error| Failure::from(anyhow::Error::from(error)))?
        } else {
            text()
        };
        self.line(&shown)
    }

    /// Writes text to standard output and ends the line.
    ///
    /// # Errors
    /// As [`Ui::result`].
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        let mut out = anstream::stdout().lock();
        match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::Pipe),
            Err(error) => Err(anyhow::Error::from(error).context("cannot write to standard output").into()),
        }
    }

    /// Tells people something that is not the result.
    pub fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            // A message that nobody can read is no reason to stop.
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Tells why the command stopped.
    pub fn failure(&self, failure: &Failure) {
        let Failure::Told { exit, error, help } = failure else { return };
        let mut err = anstream::stderr();
        let message = chain(error);
        let _: io::Result<()> = if self.json {
            let body = serde_json::json!({ "error": { "exit": *exit as u8, "message": message, "help": help } });
            writeln!(err, "{body}")
        } else {
            writeln!(err, "{ERROR}error:{ERROR:#} {message}").and_then(|()| match help {
                Some(help) => writeln!(err, " {HELP}help:{HELP:#} {help}"),
                None => Ok(()),
            })
        };
    }

    /// A bar that counts up to `of`. It shows only on a terminal.
    pub fn bar(&self, label: &'static str, of: u64) -> Bar {
        let bar = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new(of) };
        bar.set_style(style("{prefix:>18} {bar:30} {pos}/{len} {elapsed} {wide_msg}"));
        bar.set_prefix(label);
        Bar(bar)
    }

    /// A sign of life for work of unknown length. It shows only on a terminal.
    pub fn spinner(&self, label: &'static str) -> Bar {
        let bar = if self.quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.set_style(style("{prefix:>18} {spinner} {elapsed} {wide_msg}"));
        bar.set_prefix(label);
        bar.enable_steady_tick(Duration::from_millis(120));
        Bar(bar)
    }
}

/// An error with its causes. Some errors already say their cause; it is not said twice.
fn chain(error: &anyhow::Error) -> String {
    let mut message = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            message.push_str(": ");
            message.push_str(&cause);
        }
    }
    message
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// The progress of one piece of work; goes away with it.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// So much of so much is done.
    pub fn set(&self, done: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(done);
    }

    /// One more is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// What is being done now.
    pub fn message(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A number of bytes for people: `812 B`, `15.9 KiB`, `2.4 MiB`.
pub fn bytes(n: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = None;
    for next in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = Some(next);
    }
    unit.map_or_else(|| format!("{n} B"), |unit| format!("{value:.1} {unit}"))
}

/// The rows of a table, padded.
pub fn columns(table: &[Vec<String>]) -> Vec<String> {
    let n_columns = table.first().map_or(0, Vec::len);
    let width = |at: usize| table.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let row = |cells: &Vec<String>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    table.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1023, 1024, 16_230, 1 << 31].map(bytes), ["0 B", "1023 B", "1.0 KiB", "15.8 KiB", "2.0 GiB"]);
    }
}

//! `vitrine eval`: flags for other programs, line by line.

use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use anyhow::Context;
use clap::{Args, ValueEnum};
use std::io::{self, BufRead, BufWriter, ErrorKind, Write};
use vitrine_flags::eval_line;

/// Evaluate flags line by line, to compare other implementations with this one.
///
/// Reads one JSON object a line, {"id", "payload", "attributes", "key"?, "context"?}, and writes one a line with the full
/// result of each feature. A line that is no such object gets an error in its place, the others are answered, and the exit
/// code is 3.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  echo '{\"id\":1,\"payload\":{\"features\":{\"a\":{\"defaultValue\":true}}},\"attributes\":{\"id\":\"u1\"}}' |
    vitrine eval --format growthbook")]
pub struct Eval {
    /// How lines and results are written.
    #[arg(long)]
    pub format: EvalFormat,
}

/// How lines and results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EvalFormat {
    /// Payloads and results of the GrowthBook SDK specification 0.12.0.
    Growthbook,
}

/// The answer to a line that is no text.
const NOT_UTF8: &str = r#"{"error":{"code":"not_json","message":"the line is not UTF-8"}}"#;

/// Answers every line of standard input.
///
/// # Errors
/// 3 after the last line if one of them was broken, 1 if standard input or output fails.
pub fn run(args: &Eval, _ui: &Ui) -> Result<(), Failure> {
    let EvalFormat::Growthbook = args.format;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut any_broken = false;
    let mut line = Vec::new();
    let mut input = io::stdin().lock();
    while input.read_until(b'\n', &mut line).context("cannot read standard input")? > 0 {
        if !line.iter().all(u8::is_ascii_whitespace) {
            let answer = match std::str::from_utf8(&line) {
                Ok(text) => eval_line(text.trim()).map_err(|error| error.answer),
                Err(_) => Err(NOT_UTF8.to_owned()),
            };
            any_broken |= answer.is_err();
            write_line(&mut out, &answer.unwrap_or_else(|it| it))?;
        }
        line.clear();
    }
    out.flush().map_err(broken_pipe)?;
    if any_broken { Err(Failure::Shown(Exit::Invalid)) } else { Ok(()) }
}

fn write_line(out: &mut impl Write, text: &str) -> Result<(), Failure> {
    writeln!(out, "{text}").map_err(broken_pipe)
}

fn broken_pipe(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::Pipe,
        _ => anyhow::Error::from(error).context("cannot write to standard output").into(),
    }
}

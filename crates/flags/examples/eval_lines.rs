//! Evaluates lines of standard input as `vitrine eval --format growthbook` does, without the command: for comparisons.
#![allow(missing_docs)]

use std::io::{BufWriter, Write as _};
use vitrine_flags::eval_line;

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lines() {
        writeln!(out, "{}", eval_line(&line?).unwrap_or_else(|error| error.answer))?;
    }
    out.flush()
}

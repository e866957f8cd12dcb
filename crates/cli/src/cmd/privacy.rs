//! `vitrine privacy …`: visitors who want to be forgotten.

use crate::args::EdgeArgs;
use crate::edge::{Edge, Repeat};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::table;
use crate::ui::Ui;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use vitrine_tables::TableKey;

/// Visitors that one call erases.
const STEP: usize = 1000;

/// `vitrine privacy …`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "their help texts are where they are defined")]
pub enum Privacy {
    Erase(Erase),
    Tombstones(Tombstones),
    Verify(Verify),
}

/// Erase visitors: the edge stops using their rows within a minute, and the next build leaves them out.
///
/// Their ids do not leave this machine: the Worker gets row keys.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  vitrine privacy erase --visitor-file ids.txt --key-file table.key --url https://offers.shop.example --token-file admin.token")]
pub struct Erase {
    /// Ids of visitors, one a line, as the shop's data name them; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub visitor_file: PathBuf,
    /// File with the table key. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Write the row keys of everybody who was erased, for `vitrine profiles build --tombstones`.
#[derive(Debug, Args)]
pub struct Tombstones {
    /// The file to write, one row key a line. What is there already stays.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Read every store again and say what it holds of visitors who were erased.
///
/// Ends with exit code 3 if the edge would still use the row of one of them, or a table directory holds one.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  vitrine privacy verify --visitor-file ids.txt --key-file table.key --table table --url https://offers.shop.example")]
pub struct Verify {
    /// Ids of visitors, one a line; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub visitor_file: PathBuf,
    /// File with the table key. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// A table directory that must not hold them; several times for several.
    #[arg(long = "table", value_name = "DIR")]
    pub tables: Vec<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Does it.
///
/// # Errors
/// 1 for files that cannot be read or written, 3 for a wrong key, an empty list, or a visitor who is not gone, 4 if the Worker refuses or
/// does not answer.
pub fn run(args: &Privacy, ui: &Ui) -> Result<(), Failure> {
    match args {
        Privacy::Erase(args) => erase(args, ui),
        Privacy::Tombstones(args) => tombstones(args, ui),
        Privacy::Verify(args) => verify(args, ui),
    }
}

fn erase(args: &Erase, ui: &Ui) -> Result<(), Failure> {
    let key = files::table_key(args.key_file.as_deref())?;
    let row_keys: Vec<String> = visitors(&args.visitor_file)?.iter().map(|it| row_key(&key, it)).collect();
    let edge = Edge::new(&args.edge)?;
    let mut receipts = Vec::new();
    for part in row_keys.chunks(STEP) {
        // Twice is the same as once: the first receipt of a visitor stays.
        receipts.push(edge.post("/v1/admin/visitors", &json!({ "visitors": part }), Repeat::Safe)?);
    }
    let answer = json!({ "visitors": row_keys.len(), "receipts": receipts });
    ui.result(&answer, || {
        let numbers: Vec<&str> = receipts.iter().filter_map(|it| it["receipt"].as_str()).collect();
        format!(
            "{} visitors erased, receipt {}; their rows go with the next build (--tombstones)",
            row_keys.len(),
            numbers.join(", ")
        )
    })
}

fn tombstones(args: &Tombstones, ui: &Ui) -> Result<(), Failure> {
    let answer = Edge::new(&args.edge)?.get("/v1/admin/visitors")?;
    let told = answer["visitors"].as_array().into_iter().flatten().filter_map(|it| it["row_key"].as_str());
    let before = if args.out.exists() { files::read(&args.out)? } else { Vec::new() };
    let before = String::from_utf8(before).with_context(|| format!("{} is no text", args.out.display()))?;
    let mut lines: Vec<&str> = before.lines().filter(|it| !it.is_empty()).collect();
    let n_before = lines.len();
    lines.extend(told);
    lines.sort_unstable();
    lines.dedup();
    let text: String = lines.iter().map(|it| format!("{it}\n")).collect();
    std::fs::write(&args.out, text).with_context(|| format!("cannot write {}", args.out.display()))?;
    let n_new = lines.len().saturating_sub(n_before);
    ui.result(&json!({ "visitors": lines.len(), "new": n_new }), || {
        format!("{}: {} visitors, {n_new} of them new", args.out.display(), lines.len())
    })
}

fn verify(args: &Verify, ui: &Ui) -> Result<(), Failure> {
    let key = files::table_key(args.key_file.as_deref())?;
    let edge = Edge::new(&args.edge)?;
    let mut tables = Vec::new();
    for path in &args.tables {
        let table = table::open(path)?;
        table::check_key(&table, &key)?;
        tables.push(table);
    }
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    for (at, visitor) in visitors(&args.visitor_file)?.iter().enumerate() {
        // The number of the line stands for the visitor: what is printed here may be kept.
        let line = at.saturating_add(1);
        let row_key = row_key(&key, visitor);
        let told = edge.get(&format!("/v1/admin/visitors/{row_key}"))?;
        let is_honoured = told["honoured"] == Value::Bool(true);
        let builds = told["tables"].as_array().into_iter().flatten();
        let holding: Vec<&str> =
            builds.filter(|it| it["has_row"] == Value::Bool(true)).filter_map(|it| it["build"].as_str()).collect();
        if !is_honoured && !holding.is_empty() {
            faults.push(format!("line {line}: the edge uses the row in {}", holding.join(", ")));
        }
        if let Some(n) = told["measured"].as_u64().filter(|it| *it > 0) {
            faults.push(format!("line {line}: the ledger knows {n} things that they met"));
        }
        for table in &tables {
            if table::with_row(table, &key, visitor, |row| row.is_some())? {
                faults.push(format!("line {line}: {} holds a row", table.path().display()));
            }
        }
        found.push(json!({ "line": line, "row_key": row_key, "edge": told }));
    }
    let answer = json!({ "visitors": found, "faults": faults });
    ui.result(&answer, || match faults.is_empty() {
        true => format!("{} visitors: no store uses them", found.len()),
        false => faults.join("\n"),
    })?;
    if faults.is_empty() { Ok(()) } else { Err(Failure::Shown(Exit::Invalid)) }
}

/// The ids in a file, one a line.
fn visitors(file: &Path) -> Result<Vec<String>, Failure> {
    let text = String::from_utf8(files::read_or_stdin(file)?)
        .map_err(|_| Failure::new(Exit::Invalid, format!("{} is no text in UTF-8", file.display())))?;
    let ids: Vec<String> = text.lines().filter(|it| !it.is_empty()).map(str::to_owned).collect();
    if ids.is_empty() {
        let message = format!("{} names no visitor", file.display());
        return Err(Failure::new(Exit::Invalid, message).help("write one id a line, as the shop's data name customers"));
    }
    Ok(ids)
}

fn row_key(key: &TableKey, visitor: &str) -> String {
    format!("{:016x}", key.hash(visitor).0)
}

//! `vitrine decide`: the engine without the edge.

use crate::document::{self, Around};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::table;
use crate::ui::Ui;
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use vitrine_api::{BundleState, DecideRequest, Lookup, Occasion, Problem, Signals, Snapshot, TableSlot, TableState};
use vitrine_api::{answer, personalisation};
use vitrine_engine::TimestampMs;
use vitrine_tables::{TableDir, TableKey};

/// Decide a request on this machine, as the Worker would, byte for byte.
///
/// Takes the body of POST /v1/decide and prints its answer. The configuration counts as version 0; a country is known only
/// if the request says one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  echo '{\"visitor\":{\"key\":\"17850\"},\"consent\":{\"personalise\":true},\"placements\":[{\"id\":\"home-hero\"}]}' |
    vitrine decide --config offers.json --table table --key-file table.key --request -
  vitrine decide --config offers.yaml --request request.json --now 2026-12-24T18:00:00Z --explain | jq .")]
pub struct Decide {
    /// The configuration: JSON, YAML, CSV or a workbook.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Table directory. Without one nobody has a profile.
    #[arg(long, value_name = "DIR")]
    pub table: Option<PathBuf>,
    /// File with the table key. Default: the variable VITRINE_TABLE_KEY.
    #[arg(long, value_name = "FILE", requires = "table")]
    pub key_file: Option<PathBuf>,
    /// The request, JSON; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub request: PathBuf,
    /// Decide as if it were this time (RFC 3339). Default: now. The request's own options.at goes first.
    #[arg(long, value_name = "TIME")]
    pub now: Option<Timestamp>,
    /// The request came with `Sec-GPC: 1`.
    #[arg(long)]
    pub gpc: bool,
    /// Say for each offer why it is or is not shown.
    #[arg(long)]
    pub explain: bool,
}

/// Reads the files, asks the engine, prints the answer.
///
/// # Errors
/// 3 for a configuration, request or key with errors, 1 for a file that cannot be read.
pub fn run(args: &Decide, ui: &Ui) -> Result<(), Failure> {
    let mut request = parse(&args.request)?;
    request.explain |= args.explain;
    let table = args.table.as_deref().map(|dir| open(dir, args.key_file.as_deref())).transpose()?;
    let around = Around {
        table: table.as_ref().map(|(table, _)| table),
        key_file: args.key_file.as_deref(),
        ..Around::default()
    };
    let checked = document::checked(&args.config, around, ui)?;
    let state = match &table {
        Some((dir, _)) => {
            let items = dir.items()?;
            let vectors = items.as_ref().map(|items| dir.vectors(items)).transpose()?.flatten();
            TableSlot::Ready(Rc::new(TableState { manifest: dir.manifest().clone(), items, vectors }))
        }
        None => TableSlot::Absent,
    };
    let bundle =
        Rc::new(BundleState::new(0, String::new(), checked.stored()).map_err(|why| Failure::new(Exit::Invalid, why))?);
    let snapshot = Snapshot::new(Some(bundle), state, false);
    let signals = Signals { gpc: args.gpc, ..Signals::default() };
    let now = request.at.unwrap_or_else(|| TimestampMs(args.now.unwrap_or_else(Timestamp::now).as_millisecond()));
    let visitor = personalisation(&snapshot, &mut request, signals).map(str::to_owned);
    let answer = match (visitor, &table) {
        (Ok(visitor), Some((dir, key))) => table::with_row(dir, key, &visitor, |row| {
            let lookup = row.as_ref().map_or(Lookup::NotFound, |row| Lookup::Row(row.as_bytes()));
            answer(&snapshot, &request, Ok(lookup), Occasion::at(now))
        })?,
        (Ok(_), None) => answer(&snapshot, &request, Ok(Lookup::Unavailable), Occasion::at(now)),
        (Err(reason), _) => answer(&snapshot, &request, Err(reason), Occasion::at(now)),
    };
    ui.line(&answer.json)
}

fn parse(file: &Path) -> Result<DecideRequest, Failure> {
    let body = files::read_or_stdin(file)?;
    DecideRequest::parse(&body).map_err(|Problem { code, detail, errors }| {
        let places = errors.iter().map(|it| match it.pointer.as_str() {
            "" => it.detail.clone(),
            pointer => format!("{pointer}: {}", it.detail),
        });
        let said = if errors.is_empty() { detail } else { places.collect::<Vec<_>>().join("; ") };
        Failure::new(Exit::Invalid, format!("{}: {said} ({})", file.display(), code.as_str()))
    })
}

fn open(dir: &Path, key_file: Option<&Path>) -> Result<(TableDir, TableKey), Failure> {
    let table = table::open(dir)?;
    let key = files::table_key(key_file)?;
    table::check_key(&table, &key)?;
    Ok((table, key))
}

//! What a marketer writes, in JSON, YAML or a spreadsheet, becomes every diagnostic at once or a [`vitrine_engine::Bundle`].
//!
//! The crate is pure: no file, clock or network. The same function serves the command line, the Worker's admin API and
//! later the console, so that all of them say the same about the same document.
//!
//! How a document travels:
//! 1. `source` reads JSON or YAML, and `sheet` the rows of a spreadsheet, into one located tree, in which every value knows its place
//!    in the text or its cell, and its JSON pointer;
//! 2. `section` has one file for each part of the document (settings, audiences, offers, placements) that reads the tree
//!    strictly, with the typed readers of `read`;
//! 3. `compile` resolves references, says what is unused or can never happen, and builds the bundle;
//! 4. `lint` compares the sections, by what they left in `facts`: law, links, slots, terms, campaigns in time;
//! 5. `report` collects what is wrong on the way; nothing stops at the first problem but broken syntax.
//!
//! What this crate does not do: decide (`vitrine-engine`), read files or speak HTTP (`vitrine-cli`, the Worker).
//!
//! ```
//! use vitrine_config::{Format, check};
//!
//! let document = r#"{
//!   "version": 1,
//!   "offers": [{ "id": "welcome", "content": { "title": "Hello" } }],
//!   "placements": [{ "id": "home", "offers": ["welcome"], "fallback": "welcom" }]
//! }"#;
//! let diagnostics = check(document, Format::Json).unwrap_err();
//! assert_eq!(diagnostics[0].code, "unknown_offer");
//! assert_eq!(
//!     diagnostics[0].to_string(),
//!     r#"line 4, /placements/0/fallback: there is no offer "welcom" (did you mean "welcome"?)"#
//! );
//!
//! let checked = check(&document.replace("welcom\"", "welcome\""), Format::Json).unwrap();
//! assert_eq!(checked.bundle.placements().len(), 1);
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod calendar;
mod census;
pub mod codes;
mod column;
mod compile;
mod condition;
mod diagnostic;
mod diff;
mod facts;
mod flagd;
mod formula;
mod growthbook;
pub mod limits;
mod lint;
mod payload;
mod read;
mod report;
mod reshuffle;
mod section;
pub mod sheet;
mod source;
mod stock;
mod stored;
mod time_zone;
mod timetable;

use std::collections::BTreeMap;

use serde_json::Value;
use vitrine_engine::Bundle;
use vitrine_flags::Json;

pub use census::{Census, CountChange, CountedRule, Counts, RuleCount, count_changes, grouped};
pub use column::{Column, ColumnValues, columns};
pub use diagnostic::{Diagnostic, Severity};
pub use diff::{Change, ChangeKind, diff};
pub use flagd::import_flagd;
pub use growthbook::{
    Exported, ImportOptions, Imported, Note, NoteKind, export_growthbook, import_growthbook, is_decryption_key,
};
pub use lint::is_sensitive;
pub use payload::LayerPlan;
pub use reshuffle::{Reshuffle, Tally, VISITORS, reshuffle, reshuffle_at};
pub use section::saved_group::{Group, GroupFiles};
pub use source::Format;
pub use stock::{StockFault, StockFeed, read_stock};
pub use time_zone::minute_of_day;
pub use timetable::CampaignRun;

use compile::Surroundings;
use payload::Flags;
use report::Report;
use source::Tree;

/// A document without errors.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it compiles to.
    pub bundle: Bundle,
    /// What is allowed but probably not meant, in the order of the source.
    pub warnings: Vec<Diagnostic>,
    /// The document itself, keys sorted; saved groups have their hashes instead of a file. As JSON it compiles to the same.
    pub document: Value,
    /// Flags and experiments: a GrowthBook payload (specification 0.12.0) with members `vitrine`, features in the order of their
    /// ids. It has no [`vitrine_flags::Payload::faults`].
    pub flags: Json,
    /// Saved groups of hashed ids, in the order of the document. The payload refers to them as remote groups.
    pub groups: Vec<Group>,
    /// Which part of each layer its experiments have; layers that are in use, by their ids.
    pub layers: Vec<LayerPlan>,
    /// When and where campaigns run, in the order of the document.
    pub campaigns: Vec<CampaignRun>,
    /// Conditions of audiences as flags and experiments ask them, for those that some flag or experiment names.
    pub(crate) audiences_of_flags: BTreeMap<String, Json>,
}

/// What a check may know besides the document.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Columns of the running profile table: a `profile.<name>` that is not among them gets a warning. `None` knows no table.
    pub columns: Option<&'a [&'a str]>,
    /// What these columns can hold: a rule that asks for something else gets a warning. `None` does not know.
    pub table: Option<&'a [Column<'a>]>,
    /// Hashed ids of the saved groups that name a `file`, see [`group_files`]. `None`, or a group that is not in it: such a group is
    /// an error, because only the command line can read files.
    pub group_files: Option<&'a GroupFiles>,
    /// How many visitors of the table each rule admits, see [`Census`]: one that admits nobody gets a warning. `None` has not counted.
    pub counts: Option<&'a Counts>,
}

/// Checks a document and compiles it.
///
/// Errors: all diagnostics (errors and warnings) in the order of the source, at least one of them an error. At most
/// [`limits::DIAGNOSTICS_MAX`] of each severity are listed; the last one then says how many are not.
pub fn check(source: &str, format: Format) -> Result<Checked, Vec<Diagnostic>> {
    check_with_columns(source, format, None)
}

/// [`check`], and a warning for each `profile.<name>` that is not among `columns`, the columns of the running profile table.
///
/// `None` knows no table, and so warns of nothing. Errors: as [`check`].
pub fn check_with_columns(source: &str, format: Format, columns: Option<&[&str]>) -> Result<Checked, Vec<Diagnostic>> {
    check_with(source, format, Options { columns, ..Options::default() })
}

/// [`check`] with all that is known. Errors: as [`check`].
pub fn check_with(source: &str, format: Format, options: Options<'_>) -> Result<Checked, Vec<Diagnostic>> {
    compile(source, format, options).map(Compiled::into_checked)
}

/// A saved group whose ids are in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFile {
    /// Id of the group.
    pub id: String,
    /// Path as written, relative to the document.
    pub file: String,
}

/// The saved groups of a document whose ids are in files: what the command line must read and hash before a check.
///
/// Errors: the text is broken; diagnostics as in [`check`]. What else is wrong is left to the check.
pub fn group_files(source: &str, format: Format) -> Result<Vec<GroupFile>, Vec<Diagnostic>> {
    let mut report = Report::default();
    let tree = source::parse(source, format, &mut report);
    let Some(tree) = tree else { return Err(report.finish(source).unwrap_or_else(|it| it)) };
    Ok(groups_with_files(&tree))
}

fn groups_with_files(tree: &Tree) -> Vec<GroupFile> {
    let groups = tree.root().get("saved_groups").into_iter().flat_map(source::At::children);
    let text = |at: source::At<'_>, key: &str| at.get(key).map(|it| it.as_text().to_owned());
    groups.filter_map(|at| Some(GroupFile { id: text(at, "id")?, file: text(at, "file")? })).collect()
}

/// [`check_with`] of the bytes of a file.
///
/// JSON and YAML are UTF-8; the encoding of CSV is found out (the mark, strict UTF-8, then GB18030), and a warning names it unless it is UTF-8.
/// Errors: as [`check`]; also when the bytes are no text.
pub fn check_bytes(bytes: &[u8], format: Format, options: Options<'_>) -> Result<Checked, Vec<Diagnostic>> {
    match format {
        #[cfg(feature = "csv")]
        Format::Csv => compile_read("", options, |report| sheet::bytes(bytes, report)).map(Compiled::into_checked),
        _ => {
            let source = std::str::from_utf8(bytes);
            let source = source.map_err(|error| vec![report::not_utf8(bytes, error.valid_up_to())])?;
            check_with(source, format, options)
        }
    }
}

/// [`check_with`] of the sheets of a workbook.
///
/// Sheets without a column `kind` are left out, with a warning. Errors: as [`check`].
#[cfg(feature = "csv")]
pub fn check_sheets(sheets: &[sheet::Sheet], options: Options<'_>) -> Result<Checked, Vec<Diagnostic>> {
    compile_read("", options, |report| sheet::sheets(sheets, report)).map(Compiled::into_checked)
}

/// [`group_files`] of the sheets of a workbook. Errors: as there.
#[cfg(feature = "csv")]
pub fn group_files_of_sheets(sheets: &[sheet::Sheet]) -> Result<Vec<GroupFile>, Vec<Diagnostic>> {
    let mut report = Report::default();
    let tree = sheet::sheets(sheets, &mut report);
    let Some(tree) = tree else { return Err(report.finish("").unwrap_or_else(|it| it)) };
    Ok(groups_with_files(&tree))
}

/// Compiles a JSON document that was checked when it was published, as the Worker does when it loads a bundle.
///
/// Errors: as [`check`]; also when `bytes` are not UTF-8.
pub fn compile_json(bytes: &[u8]) -> Result<Bundle, Vec<Diagnostic>> {
    let source = std::str::from_utf8(bytes).map_err(|error| vec![report::not_utf8(bytes, error.valid_up_to())])?;
    compile(source, Format::Json, Options::default()).map(|it| it.bundle)
}

struct Compiled {
    tree: Tree,
    bundle: Bundle,
    flags: Flags,
    campaigns: Vec<CampaignRun>,
    warnings: Vec<Diagnostic>,
}

impl Compiled {
    fn into_checked(self) -> Checked {
        let Self { tree, bundle, flags: Flags { payload, groups, layers, audiences }, campaigns, warnings } = self;
        // A tree holds only what JSON can hold, so this cannot fail.
        let mut document = serde_json::to_value(tree.root()).unwrap_or(Value::Null);
        section::saved_group::keep_hashes(&mut document, &groups);
        Checked { bundle, warnings, document, flags: payload, groups, layers, campaigns, audiences_of_flags: audiences }
    }
}

fn compile(source: &str, format: Format, options: Options<'_>) -> Result<Compiled, Vec<Diagnostic>> {
    compile_read(source, options, |report| source::parse(source, format, report))
}

/// Compiles the tree that `read` gives. `source` is the text that the tree's offsets count in.
fn compile_read(
    source: &str,
    options: Options<'_>,
    read: impl FnOnce(&mut Report) -> Option<Tree>,
) -> Result<Compiled, Vec<Diagnostic>> {
    let mut report = Report::default();
    let compiled = read(&mut report).and_then(|tree| {
        let around = Surroundings {
            columns: options.columns,
            table: options.table,
            files: options.group_files,
            counts: options.counts,
        };
        let (bundle, flags, campaigns) = compile::compile(tree.root(), around, &mut report)?;
        Some((tree, bundle, flags, campaigns))
    });
    match (compiled, report.finish(source)) {
        (Some((tree, bundle, flags, campaigns)), Ok(warnings)) => {
            Ok(Compiled { tree, bundle, flags, campaigns, warnings })
        }
        (_, Ok(diagnostics) | Err(diagnostics)) => Err(diagnostics),
    }
}

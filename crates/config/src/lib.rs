//! What a marketer writes, in JSON or YAML, becomes every diagnostic at once or a [`vitrine_engine::Bundle`].
//!
//! The crate is pure: no file, clock or network. The same function serves the command line, the Worker's admin API and
//! later the console, so that all of them say the same about the same document.
//!
//! How a document travels:
//! 1. `source` reads JSON or YAML into one located tree, in which every value knows its place in the text and its JSON pointer;
//! 2. `section` has one file for each part of the document (settings, audiences, offers, placements) that reads the tree
//!    strictly, with the typed readers of `read`;
//! 3. `compile` resolves references, says what is unused or can never happen, and builds the bundle;
//! 4. `report` collects what is wrong on the way; nothing stops at the first problem but broken syntax.
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
pub mod codes;
mod compile;
mod condition;
mod diagnostic;
mod facts;
pub mod limits;
mod read;
mod report;
mod section;
pub mod sheet;
mod source;
mod time_zone;

use serde_json::Value;
use vitrine_engine::Bundle;

pub use diagnostic::{Diagnostic, Severity};
pub use source::Format;

use report::Report;
use source::Tree;

/// A document without errors.
#[derive(Clone, Debug)]
pub struct Checked {
    /// What it compiles to.
    pub bundle: Bundle,
    /// What is allowed but probably not meant, in the order of the source.
    pub warnings: Vec<Diagnostic>,
    /// The document itself, keys sorted. As JSON it compiles to the same bundle.
    pub document: Value,
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
    let Compiled { tree, bundle, warnings } = compile(source, format, columns)?;
    // A tree holds only what JSON can hold, so this cannot fail.
    let document = serde_json::to_value(tree.root()).unwrap_or(Value::Null);
    Ok(Checked { bundle, warnings, document })
}

/// Compiles a JSON document that was checked when it was published, as the Worker does when it loads a bundle.
///
/// Errors: as [`check`]; also when `bytes` are not UTF-8.
pub fn compile_json(bytes: &[u8]) -> Result<Bundle, Vec<Diagnostic>> {
    let source = std::str::from_utf8(bytes).map_err(|error| vec![report::not_utf8(bytes, error.valid_up_to())])?;
    compile(source, Format::Json, None).map(|it| it.bundle)
}

struct Compiled {
    tree: Tree,
    bundle: Bundle,
    warnings: Vec<Diagnostic>,
}

fn compile(source: &str, format: Format, columns: Option<&[&str]>) -> Result<Compiled, Vec<Diagnostic>> {
    compile_read(source, columns, |report| source::parse(source, format, report))
}

/// Compiles the tree that `read` gives. `source` is the text that the tree's offsets count in.
fn compile_read(
    source: &str,
    columns: Option<&[&str]>,
    read: impl FnOnce(&mut Report) -> Option<Tree>,
) -> Result<Compiled, Vec<Diagnostic>> {
    let mut report = Report::default();
    let compiled = read(&mut report).and_then(|tree| {
        let bundle = compile::compile(tree.root(), columns, &mut report)?;
        Some((tree, bundle))
    });
    match (compiled, report.finish(source)) {
        (Some((tree, bundle)), Ok(warnings)) => Ok(Compiled { tree, bundle, warnings }),
        (_, Ok(diagnostics) | Err(diagnostics)) => Err(diagnostics),
    }
}

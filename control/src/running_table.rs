//! The profile table that runs, as checks of configurations see it: rules are compared with what its columns can hold.
//!
//! A table that is missing or cannot be read hinders no check and no publication: nothing is then said about its columns.

use std::cell::RefCell;
use std::rc::Rc;

use vitrine_config::{Checked, Column, Diagnostic, Format, Options, columns};
use vitrine_rim::kv::Kv;
use vitrine_rim::manifests::read_manifest;
use vitrine_tables::Manifest;

thread_local! {
    /// The manifest that was read last. A build never changes once it runs.
    static HELD: RefCell<Option<Rc<Manifest>>> = const { RefCell::new(None) };
}

/// The manifest of the build that runs; `None`, with a line in the log, if it cannot be read.
pub async fn manifest(kv: &Kv, build: &str) -> Option<Rc<Manifest>> {
    let held = HELD.with_borrow(|it| it.clone().filter(|it| it.build == build));
    if held.is_some() {
        return held;
    }
    match read_manifest(kv, build).await {
        Ok(manifest) => {
            let manifest = Rc::new(manifest);
            HELD.with_borrow_mut(|it| *it = Some(manifest.clone()));
            Some(manifest)
        }
        Err(error) => {
            worker::console_error!("configurations are checked without the table {build}: {error}");
            None
        }
    }
}

/// Checks a document as `vitrine config check --table` does.
///
/// Errors: all diagnostics, at least one of them an error.
pub fn check(source: &str, table: Option<&Manifest>) -> Result<Checked, Vec<Diagnostic>> {
    let table: Option<Vec<Column<'_>>> = table.map(|it| columns(&it.schema));
    let names: Option<Vec<&str>> = table.as_ref().map(|it| it.iter().map(|it| it.name).collect());
    let options = Options { columns: names.as_deref(), table: table.as_deref(), ..Options::default() };
    vitrine_config::check_with(source, Format::Json, options)
}

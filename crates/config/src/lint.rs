//! Checks that compare sections, or look for what is allowed by the model and still wrong: by law, for readers, on the page.
//!
//! All of them run after everything is read, also when there are errors, so that one check tells all at once.

mod advertising;
mod labels;
mod links;
mod prices;
mod slots;
mod table;
mod timetable;
mod words;

use vitrine_engine::Schedule;

use crate::compile::Compiler;
use crate::source::At;

/// Runs all checks on the document `root`.
pub(crate) fn check<'t>(root: At<'t>, compiler: &mut Compiler<'t, '_>) {
    links::check(compiler);
    advertising::check(compiler);
    labels::check(root, compiler);
    table::check(root, compiler);
    prices::check(compiler);
    slots::check(compiler);
    timetable::check(compiler);
}

pub use labels::is_sensitive;

/// All conditions of a document, whatever section they are in: the values of keys `when`.
fn rules<'t>(root: At<'t>, rules: &mut Vec<At<'t>>) {
    for child in root.children() {
        match child.key() {
            "when" => rules.push(child),
            // Contents, values and schemas are not ours to read.
            "content" | "value" | "default" | "schema" => {}
            _ => self::rules(child, rules),
        }
    }
}

/// Whether there is a moment at which both run.
fn overlap(first: Schedule, second: Schedule) -> bool {
    let is_before = |a: Schedule, b: Schedule| match (a.ends(), b.starts()) {
        (Some(end), Some(start)) => end <= start,
        _ => false,
    };
    !is_before(first, second) && !is_before(second, first)
}

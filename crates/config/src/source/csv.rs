//! Between cells and the located tree: JSON inside of a cell, and the tree of a document that rows have made.

use serde_json::Number;

use super::{At, Builder, Kind, Stop, Tree, json};
use crate::report::{Finding, Report};
use crate::sheet::located::{Located, Object, Value};

/// The tree of a document; `None` when it breaks a limit, and then the report says which.
pub(crate) fn tree(document: &Located, report: &mut Report) -> Option<Tree> {
    let mut builder = Builder { nodes: Vec::new(), open: Vec::new(), skipped_bytes: 0, report };
    match build(document, &mut builder) {
        Ok(()) => Some(Tree { nodes: builder.nodes }),
        Err(Stop) => None,
    }
}

/// Recursion is bounded: the builder refuses deep nesting.
fn build(it: &Located, builder: &mut Builder<'_>) -> Result<(), Stop> {
    let place = it.place;
    match &it.value {
        Value::Null => builder.scalar(place, Kind::Null),
        Value::Bool(it) => builder.scalar(place, Kind::Bool(*it)),
        Value::Number(it) => builder.scalar(place, Kind::Number(it.clone())),
        Value::Text(it) => builder.scalar(place, Kind::Text(it.clone())),
        Value::Broken => builder.scalar(place, Kind::Broken),
        Value::List(list) => {
            builder.begin_list(place)?;
            list.iter().try_for_each(|it| build(it, builder))?;
            builder.end();
            Ok(())
        }
        Value::Object(object) => {
            builder.begin_object(place)?;
            for (key, value) in object.members() {
                builder.key(value.place, key.into());
                build(value, builder)?;
            }
            builder.end();
            Ok(())
        }
    }
}

/// The JSON value that a cell holds, all of it at the cell's place.
///
/// Errors: what is wrong, with its line and character in the cell.
pub(crate) fn json_cell(text: &str, place: usize) -> Result<Value, String> {
    let mut report = Report::default();
    let mut builder = Builder { nodes: Vec::new(), open: Vec::new(), skipped_bytes: 0, report: &mut report };
    let tree = match json::read(text, &mut builder) {
        Ok(()) => Some(Tree { nodes: builder.nodes }),
        Err(Stop) => None,
    };
    let first = match report.finish(text) {
        Ok(_) => None,
        Err(errors) => errors.into_iter().next(),
    };
    match (tree, first) {
        (Some(tree), None) => Ok(located(tree.root(), place).value),
        (_, first) => Err(first.map_or_else(String::new, |it| match (it.line, it.column) {
            (Some(1), Some(column)) => format!("character {column}: {}", it.message),
            (Some(line), Some(column)) => format!("line {line}, character {column}: {}", it.message),
            _ => it.message,
        })),
    }
}

/// Recursion is bounded: a tree is not deeper than its builder allows.
fn located(at: At<'_>, place: usize) -> Located {
    let value = match at.kind() {
        Kind::Null => Value::Null,
        Kind::Bool(it) => Value::Bool(*it),
        Kind::Number(it) => Value::Number(it.clone()),
        Kind::Text(it) => Value::Text(it.clone()),
        Kind::Broken => Value::Broken,
        Kind::List(_) => Value::List(at.children().map(|it| located(it, place)).collect()),
        Kind::Object(_) => {
            Value::Object(at.children().map(|it| (it.key().into(), located(it, place))).collect::<Object>())
        }
    };
    Located { place, value }
}

/// The value of a decimal number; `None` if no 64-bit number holds it.
pub(crate) fn number(text: &str) -> Option<Number> {
    super::number(text)
}

/// A finding at a place of a spreadsheet, before there is a tree.
pub(crate) fn finding(
    place: usize,
    code: &'static str,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Finding {
    Finding { code, pointer: String::new(), offset: Some(place), message: message.into(), help: help.into() }
}

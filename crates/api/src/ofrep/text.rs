//! JSON written straight into the answer: an answer has hundreds of small members, and building them first would cost more
//! than evaluating.

use std::fmt::Write as _;

use vitrine_flags::{Json, ValueType};

/// Writes the members of one object, with the commas between them.
pub(super) struct Members<'t> {
    text: &'t mut String,
    is_first: bool,
}

impl<'t> Members<'t> {
    /// The object has just been opened in `text`.
    pub(super) fn new(text: &'t mut String) -> Self {
        Self { text, is_first: true }
    }

    /// A member whose value is a text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        push_text(self.value(name), value);
    }

    /// A member whose value is JSON already.
    pub(super) fn raw(&mut self, name: &str, json: &str) {
        self.value(name).push_str(json);
    }

    /// A member whose value is written by the caller. `name` needs no escapes.
    pub(super) fn value(&mut self, name: &str) -> &mut String {
        if !self.is_first {
            self.text.push(',');
        }
        self.is_first = false;
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.text
    }
}

/// A text in quotes.
pub(super) fn push_text(into: &mut String, text: &str) {
    if text.bytes().any(|it| it < b' ' || it == b'"' || it == b'\\') {
        // Texts always serialise.
        into.push_str(&serde_json::to_string(text).unwrap_or_default());
    } else {
        into.push('"');
        into.push_str(text);
        into.push('"');
    }
}

/// A flag's value as its type is written: clients in other languages tell `1` from `1.0`.
pub(super) fn push_value(into: &mut String, value: &Json, value_type: Option<ValueType>) {
    let start = into.len();
    match value {
        Json::Text(text) => push_text(into, text),
        // Writing to a text cannot fail.
        other => drop(write!(into, "{other}")),
    }
    let is_whole = |number: &str| !number.contains(['.', 'e']);
    if matches!((value, value_type), (Json::Number(_), Some(ValueType::Number)))
        && into.get(start..).is_some_and(is_whole)
    {
        into.push_str(".0");
    }
}

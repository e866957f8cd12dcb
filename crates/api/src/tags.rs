//! What a profile says about its visitor, for the visitor: every column of the row but those that are sensitive.

use serde::Serialize;
use vitrine_tables::{ItemTable, Row, Value};

/// One thing that is known, or reckoned.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Tag {
    /// Name of the column.
    pub name: String,
    /// What it holds.
    pub value: TagValue,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum TagValue {
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Several texts, the strongest first where they have a strength.
    Texts(Vec<String>),
}

/// The tags of a row, in the order of its columns. Columns without value and those that `is_hidden` names are left out; vectors
/// are numbers that stand for nothing by themselves, and are left out too.
pub fn tags(row: &Row<'_>, items: Option<&ItemTable>, is_hidden: impl Fn(&str) -> bool) -> Vec<Tag> {
    let schema = row.schema();
    let shown = schema.columns().iter().filter(|it| !is_hidden(&it.name));
    let tag = |name: &String| {
        let value = match row.get(schema.column(name)?) {
            Value::Missing | Value::Vector(_) => return None,
            Value::Bool(it) => TagValue::Bool(it),
            // Counts beyond 2^53 would lose their last digits, as they do in every JSON number.
            Value::Unsigned(it) => TagValue::Number(it as f64),
            Value::Number(it) => TagValue::Number(it),
            Value::Category(it) => TagValue::Text(it.to_owned()),
            Value::Labels(labels) => TagValue::Texts(labels.iter().map(str::to_owned).collect()),
            Value::TopK(list) => {
                let text = |id: u32| match list.dictionary() {
                    "items" => items?.id(id).map(str::to_owned),
                    other => schema.dictionary(other)?.get(usize::try_from(id).ok()?).cloned(),
                };
                TagValue::Texts(list.iter().filter_map(|(id, _)| text(id)).collect())
            }
        };
        Some(Tag { name: name.clone(), value })
    };
    shown.filter_map(|it| tag(&it.name)).collect()
}

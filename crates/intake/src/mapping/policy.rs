//! Cleaning policies of a column, and the shop's own attributes, as mappings state them.

use super::FieldSource;
use crate::document::{Table, Value, unknown};

/// What is done with the values of one field or attribute. By default: nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnPolicy {
    /// What becomes of rows without a value; `None`: the value stays missing.
    pub missing: Option<Missing>,
    /// Which numbers are too far out.
    pub outliers: Option<Outliers>,
    /// What values must look like; rows with others are put aside.
    pub valid: Option<Validator>,
    /// The declared type; `None`: that of the field, text for attributes.
    pub kind: Option<ColumnType>,
    /// How numbers are brought to a common scale.
    pub scale: Option<Scale>,
}

/// What becomes of a missing value.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// The row is put aside.
    Drop,
    /// The value becomes the word `unknown`.
    Unknown,
    /// The value becomes this one.
    Constant(String),
    /// The middle value of the column; of an even number the lower one.
    Median,
    /// The most frequent value of the column; of equal ones the least.
    Mode,
    /// On the line between the neighbours in time; numbers only.
    Linear,
}

/// Which numbers are outliers, and what becomes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outliers {
    /// Which.
    pub rule: OutlierRule,
    /// What becomes of them.
    pub action: OutlierAction,
}

/// Which numbers are outliers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OutlierRule {
    /// Those below `min` or above `max`; at least one is given, and `min` is less.
    Range {
        /// The least good number.
        min: Option<f64>,
        /// The greatest good number.
        max: Option<f64>,
    },
    /// Those more than `k` interquartile ranges below the first or above the third quartile.
    Iqr {
        /// Above 0; 1.5 by default.
        k: f64,
    },
    /// Those more than `k` median absolute deviations (times 1.4826) from the median.
    Mad {
        /// Above 0; 3.5 by default.
        k: f64,
    },
}

/// What becomes of an outlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutlierAction {
    /// The row is put aside.
    Drop,
    /// The value becomes the nearest good one.
    Cap,
    /// It stays, and is counted.
    Flag,
}

/// What values must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validator {
    /// A telephone number: 7 to 15 digits, perhaps with `+`, blanks, dots, hyphens and brackets.
    Phone,
    /// An address with one `@` and a dot after it.
    Email,
    /// A date in one of the mapping's formats.
    Date,
    /// A region code: ISO 3166 (`DE`, `CN-31`) or six digits (GB/T 2260).
    Region,
    /// A regular expression that the whole value must match.
    Pattern(String),
    /// One of these.
    Values(Vec<String>),
}

/// The declared type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// A whole number.
    Int,
    /// A decimal number.
    Decimal,
    /// A date or time.
    Date,
    /// One of a few words.
    Category,
    /// True or false.
    Bool,
    /// Several words, parted by the attribute's `split`.
    List,
    /// Any text.
    Text,
}

impl ColumnType {
    const ALL: [(&'static str, Self); 7] = [
        ("int", Self::Int),
        ("decimal", Self::Decimal),
        ("date", Self::Date),
        ("category", Self::Category),
        ("bool", Self::Bool),
        ("list", Self::List),
        ("text", Self::Text),
    ];

    /// Its word in mappings.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("text", |(name, _)| name)
    }

    /// Whether values can be averaged and bounded.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Decimal)
    }
}

/// How numbers are brought to a common scale. The parameters come from the data and stand in the table's manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// (x - min) / (max - min).
    MinMax,
    /// (x - mean) / standard deviation.
    ZScore,
    /// ln(1 + x); values below 0 are put aside.
    Log,
}

/// How carefully an attribute must be handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sensitivity {
    /// Says little about a person.
    #[default]
    Ordinary,
    /// Describes a person.
    Personal,
    /// Health, belief, origin and the like. Leaves the build only for a declared purpose.
    Sensitive,
}

impl Sensitivity {
    /// Its word in mappings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Personal => "personal",
            Self::Sensitive => "sensitive",
        }
    }
}

/// An attribute that the shop adds to customers or items.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Lower-case letters, digits and `_`, a letter first; at most 64 bytes.
    pub name: String,
    /// Where its values come from.
    pub source: FieldSource,
    /// The declared type.
    pub kind: ColumnType,
    /// What parts the words of a list; only with [`ColumnType::List`].
    pub split: Option<String>,
    /// What is done with its values.
    pub policy: ColumnPolicy,
    /// Words of the files and what they mean here; others stay.
    pub codes: std::collections::BTreeMap<String, String>,
    /// Whether somebody concluded the value instead of the customer having declared it.
    pub is_inferred: bool,
    /// How carefully it must be handled.
    pub sensitivity: Sensitivity,
    /// What it may be used for; needed if it is sensitive and shall leave the build.
    pub purpose: Option<String>,
}

/// Reads the policies of one column. `is_number`: of the field, where no type is declared.
pub(super) fn policy(table: &Table<'_, '_>, is_number: bool) -> ColumnPolicy {
    let kind = table.get("type").and_then(|value| column_type(&value));
    let is_number = kind.map_or(is_number, ColumnType::is_number);
    let policy = ColumnPolicy {
        missing: table.get("missing").and_then(|value| missing(&value)),
        outliers: table.get("outliers").and_then(|value| outliers(&value)),
        valid: table.get("valid").and_then(|value| validator(&value)),
        kind,
        scale: table.get("scale").and_then(|value| scale(&value)),
    };
    let needs = "is for numbers, but the column holds none; declare type = \"int\" or \"decimal\" if it does";
    if !is_number {
        if policy.outliers.is_some() {
            table.refuse("outliers", needs);
        }
        if policy.scale.is_some() {
            table.refuse("scale", needs);
        }
        if matches!(policy.missing, Some(Missing::Median | Missing::Linear)) {
            table.refuse("missing", format!("{needs}; for words there is \"mode\""));
        }
    }
    policy
}

/// Reads one of a few words.
pub(super) fn word<T: Copy>(value: &Value<'_, '_>, words: &[(&str, T)]) -> Option<T> {
    let text = value.text()?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        value.refuse(unknown("word", &text, &known));
    }
    found
}

pub(super) fn column_type(value: &Value<'_, '_>) -> Option<ColumnType> {
    word(value, &ColumnType::ALL)
}

fn scale(value: &Value<'_, '_>) -> Option<Scale> {
    word(value, &[("min_max", Scale::MinMax), ("z_score", Scale::ZScore), ("log", Scale::Log)])
}

pub(super) fn sensitivity(value: &Value<'_, '_>) -> Option<Sensitivity> {
    let all = [Sensitivity::Ordinary, Sensitivity::Personal, Sensitivity::Sensitive];
    word(value, &all.map(|class| (class.name(), class)))
}

fn missing(value: &Value<'_, '_>) -> Option<Missing> {
    if value.value.is_table() {
        let table = value.table()?;
        let constant = table.required("constant", "write { constant = \"…\" }", |table, key| {
            let value = table.get(key)?;
            if value.value.is_str() { value.text() } else { Some(value.number()?.to_string()) }
        });
        table.finish();
        return Some(Missing::Constant(constant?));
    }
    let words = ["drop", "unknown", "median", "mode", "linear"];
    let word = word(value, &words.map(|word| (word, word)))?;
    Some(match word {
        "drop" => Missing::Drop,
        "unknown" => Missing::Unknown,
        "median" => Missing::Median,
        "mode" => Missing::Mode,
        _ => Missing::Linear,
    })
}

fn outliers(value: &Value<'_, '_>) -> Option<Outliers> {
    let table = value.table()?;
    let by = table.required("by", "write by = \"range\", \"iqr\" or \"mad\"", |table, key| {
        let words = ["range", "iqr", "mad"];
        word(&table.get(key)?, &words.map(|word| (word, word)))
    });
    let action = table.required("action", "write action = \"drop\", \"cap\" or \"flag\"", |table, key| {
        let words = [("drop", OutlierAction::Drop), ("cap", OutlierAction::Cap), ("flag", OutlierAction::Flag)];
        word(&table.get(key)?, &words)
    });
    let rule = match by? {
        "range" => {
            let (min, max) = (table.number("min"), table.number("max"));
            if min.is_none() && max.is_none() {
                table.refuse("by", "\"range\" needs min, max or both");
            }
            if min.zip(max).is_some_and(|(min, max)| min >= max) {
                table.refuse("min", "is not below max");
            }
            OutlierRule::Range { min, max }
        }
        by => {
            let k = table.number("k").unwrap_or(if by == "iqr" { 1.5 } else { 3.5 });
            if k <= 0.0 {
                table.refuse("k", format!("is {k}; it must be above 0 (iqr: 1.5, mad: 3.5 are usual)"));
            }
            if by == "iqr" { OutlierRule::Iqr { k } } else { OutlierRule::Mad { k } }
        }
    };
    table.finish();
    Some(Outliers { rule, action: action? })
}

fn validator(value: &Value<'_, '_>) -> Option<Validator> {
    if !value.value.is_table() {
        let words = ["phone", "email", "date", "region"];
        return Some(match word(value, &words.map(|word| (word, word)))? {
            "phone" => Validator::Phone,
            "email" => Validator::Email,
            "date" => Validator::Date,
            _ => Validator::Region,
        });
    }
    let table = value.table()?;
    let (pattern, values) = (table.text("pattern"), table.texts("values"));
    let found = match (pattern, values) {
        (Some(pattern), None) if !pattern.is_empty() => Some(Validator::Pattern(pattern)),
        (None, Some(values)) if !values.is_empty() => Some(Validator::Values(values)),
        _ => {
            value.refuse("needs either pattern = \"…\" or values = [\"…\"], and not empty");
            None
        }
    };
    table.finish();
    found
}

//! The mapping: how the columns of a shop's files become canonical fields.
//!
//! `docs/guides/mappings.md` describes the keys. A [`Mapping`] is checked: what the files hold is the only thing left
//! that can contradict it. SQL expressions stay text; the engine that runs them checks them.

mod policy;
mod presets;
mod wire;

use crate::dates::DateFormat;
use crate::document::{self, DocumentError};
use crate::kind::Kind;
use std::collections::BTreeMap;
use std::path::Path;

pub use policy::{Attribute, ColumnPolicy, ColumnType, Missing, OutlierAction, OutlierRule, Outliers, Scale};
pub use policy::{Sensitivity, Validator};
pub use presets::BUILTIN_MAPPINGS;
pub(crate) use wire::currency;

/// The word for mappings in messages.
const WHAT: &str = "mapping";

/// How the columns of files become the canonical fields of one or several kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// 1 (order lines only) or 2.
    pub version: u32,
    /// The name that it gives itself; it stands in the report. 1 to 64 bytes.
    pub name: String,
    /// ISO 4217 code of the currency of its money.
    pub currency: String,
    /// Decimal digits of the minor unit of the currency. Range: 0..=4.
    pub minor_digits: u8,
    /// What is mapped; never empty.
    pub kinds: BTreeMap<Kind, KindMapping>,
    /// How dates are written.
    pub dates: Dates,
    /// Which order lines take earlier purchases back.
    pub cancellations: Cancellations,
    /// How text files are written.
    pub csv: CsvOptions,
    /// How JSON lines are unfolded.
    pub json: JsonOptions,
}

/// How columns become the fields of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct KindMapping {
    /// The kind.
    pub kind: Kind,
    /// An SQL condition; rows that do not fulfil it are not of this kind, and no fault. `None`: all rows.
    pub rows: Option<String>,
    /// Where each mapped field comes from, in the order of [`Kind::fields`].
    pub fields: Vec<(&'static str, FieldSource)>,
    /// Cleaning policies by field; without the default ones.
    pub columns: BTreeMap<&'static str, ColumnPolicy>,
    /// Words of the files and what they mean here, by field: `[events.codes.kind] page_view = "visit"`. Words that are not listed stay.
    pub codes: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// The shop's own attributes (customers and catalogue only), by name.
    pub attributes: Vec<Attribute>,
    /// Which rows count once.
    pub duplicates: Duplicates,
}

/// Where the value of a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldSource {
    /// A column of the file; of JSON lines, a dotted path.
    Column(String),
    /// A column that counts money in minor units, where others count in the currency.
    Minor(String),
    /// An SQL expression over the columns of the file, built-in functions only.
    Sql(String),
}

/// How dates are written, and which are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dates {
    /// Never empty; the first that fits a text wins.
    pub formats: Vec<DateFormat>,
    /// Earlier times are put aside. Unit: seconds since 1970, 0 or more.
    pub earliest_s: i64,
    /// Later times are put aside. Unit: seconds since 1970, more than `earliest_s`.
    pub latest_s: Option<i64>,
}

/// Which order lines take earlier purchases back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancellations {
    /// None does.
    Never,
    /// Lines whose order id starts with this text; never empty.
    OrderIdPrefix(String),
    /// Lines with a quantity below 0.
    NegativeQuantity,
}

/// Which rows count once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// Whether later rows that equal an earlier one are put aside.
    pub drop: bool,
    /// The fields by which rows are equal; empty: all mapped ones.
    pub key: Vec<&'static str>,
    /// Columns of the file that tell rows apart which are equal otherwise.
    pub line_columns: Vec<String>,
}

/// What parts the fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// One character. Neither a letter, a digit, the quote nor a line end.
    Byte(u8),
    /// Any number of blanks and tabs; leading ones part nothing. There are no quotes.
    Whitespace,
}

/// How text files are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// What parts the fields; `None`: a comma, in `.tsv` files a tab.
    pub delimiter: Option<Delimiter>,
    /// The character around fields that hold delimiters or line ends; `None`: there is none.
    pub quote: Option<u8>,
    /// The names of the columns, if the files have no line of them.
    pub header: Option<Vec<String>>,
    /// Lines before the header that are no data.
    pub skip_lines: u32,
    /// The encoding, as the web names it; `None`: by mark, else UTF-8 if that is what it is, else GB18030.
    pub encoding: Option<String>,
    /// Whether numbers have a decimal comma.
    pub decimal_comma: bool,
    /// Texts that mean that there is no value, such as `NA`; the empty text always does.
    pub nulls: Vec<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: Some(b'"'),
            header: None,
            skip_lines: 0,
            encoding: None,
            decimal_comma: false,
            nulls: Vec::new(),
        }
    }
}

/// How JSON lines are unfolded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonOptions {
    /// Dotted path of a list: every element makes a row of its own, beside the other members. An empty or missing list makes one row.
    pub explode: Option<String>,
}

impl Mapping {
    /// Reads a mapping file (TOML).
    ///
    /// Errors: the file cannot be read, or [`Mapping::parse`] refuses it.
    pub fn from_file(path: &Path) -> Result<Self, DocumentError> {
        let text = document::read(WHAT, path)?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads the text of a mapping; `name` (a file name, say) stands in messages.
    ///
    /// Errors: no TOML, unknown or missing keys, values that make no sense; all at once, each with its line.
    pub fn parse(name: &str, text: &str) -> Result<Self, DocumentError> {
        wire::parse(name, text)
    }

    /// A mapping that is built in, see [`BUILTIN_MAPPINGS`].
    ///
    /// Errors: there is none of that name.
    pub fn builtin(name: &str) -> Result<Self, DocumentError> {
        match presets::text(name) {
            Some(text) => Self::parse(name, text),
            None => Err(DocumentError::Unknown {
                name: name.to_owned(),
                meant: document::near(name, &BUILTIN_MAPPINGS).map(str::to_owned),
                known: BUILTIN_MAPPINGS.join(", "),
            }),
        }
    }

    /// The text of a mapping that is built in, with its comments; a good one to begin from.
    pub fn builtin_text(name: &str) -> Option<&'static str> {
        presets::text(name)
    }

    /// The section of a kind.
    pub fn kind(&self, kind: Kind) -> Option<&KindMapping> {
        self.kinds.get(&kind)
    }

    /// The names of its kinds, for messages: `orders, events`.
    pub fn kind_names(&self) -> String {
        self.kinds.keys().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
    }
}

impl KindMapping {
    /// Where a field comes from; `None` if it is not mapped.
    pub fn field(&self, name: &str) -> Option<&FieldSource> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, source)| source)
    }

    /// The cleaning policy of a field; nothing is done where the mapping says nothing.
    pub fn policy(&self, field: &str) -> ColumnPolicy {
        self.columns.get(field).cloned().unwrap_or_default()
    }

    /// The columns of the file that it names by themselves, each with the key that does.
    pub fn named_columns(&self) -> Vec<(String, String)> {
        let kind = self.kind;
        let fields = self.fields.iter().map(|(field, source)| (format!("{kind}.fields.{field}"), source));
        let attributes = self.attributes.iter();
        let attributes =
            attributes.map(|attribute| (format!("{kind}.attributes.{}", attribute.name), &attribute.source));
        let lines = self.duplicates.line_columns.iter();
        fields
            .chain(attributes)
            .filter_map(|(key, source)| match source {
                FieldSource::Column(column) | FieldSource::Minor(column) => Some((key, column.clone())),
                FieldSource::Sql(_) => None,
            })
            .chain(lines.map(|column| (format!("{kind}.duplicates.line_columns"), column.clone())))
            .collect()
    }

    /// The columns that its SQL expressions name in double quotes. What stands in single quotes or comments is no column.
    pub fn quoted_columns(&self) -> Vec<String> {
        let sources = self.fields.iter().map(|(_, source)| source);
        let sources = sources.chain(self.attributes.iter().map(|attribute| &attribute.source));
        let expressions = sources.filter_map(|source| match source {
            FieldSource::Sql(sql) => Some(sql.as_str()),
            FieldSource::Column(_) | FieldSource::Minor(_) => None,
        });
        let mut columns: Vec<String> = expressions.chain(self.rows.as_deref()).flat_map(quoted_names).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

/// The names in double quotes of an SQL expression.
fn quoted_names(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(quote) = chars.next() {
        if quote != '"' && quote != '\'' {
            continue;
        }
        let mut name = String::new();
        while let Some(c) = chars.next() {
            if c == quote {
                // A doubled quote stands for itself.
                if chars.next_if_eq(&quote).is_none() {
                    break;
                }
            }
            name.push(c);
        }
        if quote == '"' {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_double_quotes_are_columns() {
        let names = quoted_names(r#"concat("a.b", ' "no" it''s "no" ', "say ""hi""", lower(c))"#);
        assert_eq!(names, ["a.b", "say \"hi\""]);
    }
}

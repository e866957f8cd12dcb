//! Proposes a mapping from the names of columns and the shape of their values. A person reads it before it is used.

mod sample;
mod shape;
mod words;

use crate::kind::{FieldSpec, FieldType, Kind};
use shape::Numbers;
use std::collections::BTreeSet;
use words::WORDS;

pub use sample::suggest_file;

/// A proposed mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The mapping as TOML with comments; [`crate::Mapping::parse`] reads it.
    pub text: String,
    /// The kind proposed.
    pub kind: Kind,
    /// What was matched, in the order of the fields.
    pub matches: Vec<Match>,
    /// Columns that nothing was found for.
    pub unmatched: Vec<String>,
}

/// A column that seems to be a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The field.
    pub field: &'static str,
    /// The column.
    pub column: String,
    /// How sure it is. Range: 0..=1.
    pub confidence: f64,
    /// Why.
    pub why: String,
}

/// How the file is written, as far as the sample shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// What parts the fields, where it is not the usual one.
    pub delimiter: Option<char>,
    /// The encoding, where it is neither UTF-8 nor marked.
    pub encoding: Option<String>,
}

/// Proposes a mapping from a header and some rows. `name` becomes the mapping's name.
pub fn suggest(name: &str, header: &[String], rows: &[Vec<String>], written: &Written) -> Suggestion {
    let columns: Vec<Column<'_>> = header.iter().enumerate().map(|(idx, name)| Column::new(name, idx, rows)).collect();
    let best = Kind::ALL.into_iter().map(|kind| (kind, matches(kind, &columns))).max_by(|(a, of_a), (b, of_b)| {
        // Of equal kinds the first one.
        score(*a, of_a).total_cmp(&score(*b, of_b)).then(b.cmp(a))
    });
    let (kind, matches) = best.unwrap_or((Kind::Orders, Vec::new()));
    let used: BTreeSet<&str> = matches.iter().map(|found| found.column.as_str()).collect();
    let unmatched: Vec<String> = header.iter().filter(|name| !used.contains(name.as_str())).cloned().collect();
    let text = write(name, kind, &matches, &unmatched, &columns, written);
    Suggestion { text, kind, matches, unmatched }
}

/// A column of the sample.
struct Column<'a> {
    name: &'a str,
    /// Its name, letters and digits only.
    word: String,
    dates: Vec<&'static str>,
    numbers: Numbers,
    is_empty: bool,
}

impl<'a> Column<'a> {
    fn new(name: &'a str, idx: usize, rows: &'a [Vec<String>]) -> Self {
        let values =
            rows.iter().filter_map(|row| row.get(idx)).map(String::as_str).filter(|value| !value.trim().is_empty());
        let values: Vec<&str> = values.collect();
        Self {
            name,
            word: name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect(),
            dates: shape::date_formats(&values),
            numbers: shape::numbers(&values),
            is_empty: values.is_empty(),
        }
    }

    /// How well the column fits a field, and why; `None` if it does not.
    fn fit(&self, field: &FieldSpec, names: &[&str]) -> Option<(f64, String)> {
        let exact = names.iter().position(|name| *name == self.word);
        let (mut confidence, mut why) = match exact {
            Some(place) => (0.9 - 0.005 * place as f64, "its name".to_owned()),
            None => {
                let near = names
                    .iter()
                    .filter(|name| name.chars().count() >= 4 || !name.is_ascii() && name.chars().count() >= 2);
                let near = near
                    .filter(|name| self.word.ends_with(*name) || self.word.starts_with(*name))
                    .max_by_key(|name| name.len())?;
                (if near.is_ascii() && near.len() < 5 { 0.3 } else { 0.5 }, format!("its name is like {near}"))
            }
        };
        match field.kind {
            FieldType::Time | FieldType::Day => match self.dates.as_slice() {
                [] if !self.is_empty => return None,
                [] => confidence -= 0.2,
                [format] => {
                    confidence += 0.08;
                    why = format!("{why}, and dates as {format}");
                }
                [first, others @ ..] => {
                    confidence -= 0.2;
                    why = format!("{why}, and dates as {first}, or as {}: check which", others.join(", "));
                }
            },
            kind if kind.is_number() => match self.numbers {
                Numbers::None if !self.is_empty => return None,
                Numbers::None => confidence -= 0.2,
                Numbers::Whole | Numbers::Point | Numbers::Comma => {
                    confidence += 0.05;
                    why = format!("{why}, and numbers");
                }
            },
            // Dates are no ids, names or words.
            _ if !self.dates.is_empty() && self.numbers == Numbers::None => return None,
            _ => {}
        }
        Some((confidence, why))
    }
}

/// The best column of each field; no column twice.
fn matches(kind: Kind, columns: &[Column<'_>]) -> Vec<Match> {
    let mut candidates: Vec<(f64, usize, usize, String)> = Vec::new();
    for words in WORDS.iter().filter(|words| words.kind == kind) {
        let place = kind.fields().iter().position(|field| field.name == words.field);
        let Some((place, field)) = place.and_then(|place| Some((place, kind.fields().get(place)?))) else { continue };
        for (idx, column) in columns.iter().enumerate() {
            if let Some((confidence, why)) = column.fit(field, words.names) {
                candidates.push((confidence, place, idx, why));
            }
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut fields, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let mut found = Vec::new();
    for (confidence, place, idx, why) in candidates {
        if fields.contains(&place) || taken.contains(&idx) {
            continue;
        }
        let (Some(field), Some(column)) = (kind.fields().get(place), columns.get(idx)) else { continue };
        fields.insert(place);
        taken.insert(idx);
        found.push((place, Match { field: field.name, column: column.name.to_owned(), confidence, why }));
    }
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, found)| found).collect()
}

/// How well a kind fits: fields found count, required ones that are missing count against it.
fn score(kind: Kind, matches: &[Match]) -> f64 {
    let found: f64 = matches.iter().map(|found| found.confidence).sum();
    let n_missing = missing(kind, matches).len() as f64;
    // A customer file is one id with anything beside it, and an id with a time or another id is found in many files: these are
    // what is left when nothing else fits.
    let handicap = match kind {
        Kind::Customers => 0.3,
        Kind::Contacts | Kind::Identities => 1.0,
        _ => 0.0,
    };
    found - 0.8 * n_missing - handicap
}

fn missing(kind: Kind, matches: &[Match]) -> Vec<&'static FieldSpec> {
    let has = |name: &str| matches.iter().any(|found| found.field == name);
    let needs = |field: &&FieldSpec| match (kind, field.name) {
        (Kind::Orders, "unit_price") => !has("unit_price") && !has("amount"),
        _ => field.is_required && !has(field.name),
    };
    kind.fields().iter().filter(needs).collect()
}

fn write(
    name: &str,
    kind: Kind,
    matches: &[Match],
    unmatched: &[String],
    columns: &[Column<'_>],
    written: &Written,
) -> String {
    let is_chinese = columns.iter().any(|column| column.name.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)));
    let mut lines = vec![
        "# Proposed from the names of the columns and the shape of the first rows. Read it before you use it."
            .to_owned(),
        "version = 2".to_owned(),
        format!("name = {}", quoted(&name.chars().take(16).collect::<String>())),
        "# The file does not say which currency its money is in: set both lines.".to_owned(),
        format!("currency = {}", if is_chinese { "\"CNY\"" } else { "\"EUR\"" }),
        "minor_digits = 2".to_owned(),
        String::new(),
        format!("[{kind}.fields]"),
    ];
    for found in matches {
        lines.push(format!("# confidence {:.2}: {}", found.confidence.clamp(0.0, 1.0), found.why));
        lines.push(format!("{} = {}", found.field, quoted(&found.column)));
    }
    for field in missing(kind, matches) {
        lines.push(format!("# confidence 0: no column looks like this ({}); name the one", field.means));
        lines.push(format!("{} = \"?\"", field.name));
    }
    if kind == Kind::Customers {
        for column in unmatched {
            let name = attribute_name(column, unmatched);
            lines.extend([
                String::new(),
                format!("[customers.attributes.{name}]"),
                format!("from = {}", quoted(column)),
            ]);
        }
    } else if !unmatched.is_empty() {
        lines.extend([String::new(), "# Columns that nothing was found for:".to_owned()]);
        lines.extend(unmatched.iter().map(|column| format!("#   {}", quoted(column))));
    }
    let of = |found: &Match| columns.iter().find(|column| column.name == found.column);
    let is_time = |found: &&Match| {
        kind.field(found.field).is_some_and(|field| matches!(field.kind, FieldType::Time | FieldType::Day))
    };
    let mut formats: Vec<&str> = Vec::new();
    for format in matches.iter().filter(is_time).filter_map(of).filter_map(|column| column.dates.first()) {
        if !formats.contains(format) {
            formats.push(format);
        }
    }
    if !formats.is_empty() {
        let formats: Vec<String> = formats.iter().map(|format| quoted(format)).collect();
        lines.extend([String::new(), "[dates]".to_owned(), format!("formats = [{}]", formats.join(", "))]);
    }
    let is_number = |found: &&Match| kind.field(found.field).is_some_and(|field| field.kind.is_number());
    let has_comma = matches.iter().filter(is_number).filter_map(of).any(|column| column.numbers == Numbers::Comma);
    let delimiter = written.delimiter.map(|delimiter| format!("delimiter = {}", quoted(&delimiter.to_string())));
    let encoding = written.encoding.as_ref().map(|encoding| format!("encoding = {}", quoted(encoding)));
    let comma = has_comma.then(|| "decimal_comma = true".to_owned());
    let csv: Vec<String> = [delimiter, encoding, comma].into_iter().flatten().collect();
    if !csv.is_empty() {
        lines.extend([String::new(), "[csv]".to_owned()]);
        lines.extend(csv);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A name that an attribute may have; columns without Latin letters are numbered.
fn attribute_name(column: &str, all: &[String]) -> String {
    let plain = |text: &str| -> String {
        let text = text.to_lowercase();
        let name: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        name.trim_matches('_').chars().take(48).collect()
    };
    let place = all.iter().position(|other| other == column).unwrap_or(0) + 1;
    let name = plain(column);
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase());
    match is_name && all.iter().filter(|other| plain(other) == name).count() == 1 {
        true => name,
        false => format!("attribute_{place}"),
    }
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    // What JSON escapes, TOML reads; it also wants the character 127 escaped.
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

//! Strict reading of TOML documents: every key is known, every value has its type, and all problems are told at once.
//!
//! What the values mean is for the document's own module.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the document, from 1; `None` if it concerns the whole.
    pub line: Option<usize>,
    /// Dotted path of the key; empty for the whole document.
    pub key: String,
    /// What is wrong and how to mend it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        match self.key.as_str() {
            "" => write!(f, "{}", self.what),
            key => write!(f, "{key}: {}", self.what),
        }
    }
}

/// Why a mapping or a shop file is refused. Every message names the document, and says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The file cannot be read.
    #[error("cannot read {what} {name}: {reason}")]
    Read {
        /// `mapping` or `shop file`.
        what: &'static str,
        /// The file.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// No TOML, unknown or missing keys, values that make no sense. Never empty.
    #[error("{what} {name}{}", listed(problems))]
    Problems {
        /// `mapping` or `shop file`.
        what: &'static str,
        /// The document.
        name: String,
        /// In the order of the document's lines.
        problems: Vec<Problem>,
    },
    /// No mapping of that name is built in.
    #[error("no mapping {name:?} is built in{}; there are: {known}", meant.as_deref().map_or(String::new(), |meant| format!("; did you mean {meant:?}?")))]
    Unknown {
        /// The name.
        name: String,
        /// A name that is near.
        meant: Option<String>,
        /// All names.
        known: String,
    },
}

impl DocumentError {
    /// The problems, if the document could be read at all.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Problems { problems, .. } => problems,
            Self::Read { .. } | Self::Unknown { .. } => &[],
        }
    }
}

fn listed(problems: &[Problem]) -> String {
    match problems {
        [only] => format!(": {only}"),
        all => {
            let lines: Vec<String> = all.iter().map(|problem| format!("\n  {problem}")).collect();
            format!(" has {} problems:{}", all.len(), lines.concat())
        }
    }
}

/// Reads the text of a document file.
pub(crate) fn read(what: &'static str, path: &Path) -> Result<String, DocumentError> {
    std::fs::read_to_string(path).map_err(|error| DocumentError::Read {
        what,
        name: path.display().to_string(),
        reason: error.to_string(),
    })
}

/// Collects what is wrong with a document.
pub(crate) struct Problems<'t> {
    text: &'t str,
    found: RefCell<Vec<Problem>>,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, found: RefCell::default() }
    }

    /// Notes a problem of a key.
    pub(crate) fn add(&self, span: Option<Range<usize>>, key: &str, what: impl Into<String>) {
        let line = span.map(|span| 1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count());
        self.found.borrow_mut().push(Problem { line, key: key.to_owned(), what: what.into() });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The value if there were no problems.
    pub(crate) fn into_result<T>(self, value: Option<T>, what: &'static str, name: &str) -> Result<T, DocumentError> {
        let mut problems = self.found.into_inner();
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => {
                problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
                Err(DocumentError::Problems { what, name: name.to_owned(), problems })
            }
        }
    }
}

/// Parses TOML; a syntax error becomes the only problem.
pub(crate) fn parse<'t>(problems: &Problems<'t>, text: &'t str) -> Option<Spanned<DeTable<'t>>> {
    match DeTable::parse(text) {
        Ok(table) => Some(table),
        Err(error) => {
            problems.add(error.span(), "", format!("no TOML: {}", error.message().trim_end()));
            None
        }
    }
}

/// A table whose keys are taken one by one. [`Table::finish`] refuses those that nobody took.
pub(crate) struct Table<'a, 't> {
    problems: &'a Problems<'t>,
    path: String,
    span: Range<usize>,
    entries: &'a DeTable<'t>,
    known: RefCell<Vec<String>>,
}

/// A value with its place.
pub(crate) struct Value<'a, 't> {
    problems: &'a Problems<'t>,
    pub(crate) path: String,
    pub(crate) span: Range<usize>,
    pub(crate) value: &'a DeValue<'t>,
}

impl<'a, 't> Table<'a, 't> {
    /// The document itself.
    pub(crate) fn root(problems: &'a Problems<'t>, entries: &'a DeTable<'t>) -> Self {
        Self { problems, path: String::new(), span: 0..0, entries, known: RefCell::default() }
    }

    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, if there is one. The key is known from now on.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'a, 't>> {
        self.known.borrow_mut().push(key.to_owned());
        let (name, value) = self.entries.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
        Some(Value { problems: self.problems, path: self.path(key), span: name.span(), value: value.get_ref() })
    }

    /// All entries; all keys are known from now on.
    pub(crate) fn all(&self) -> Vec<(String, Value<'a, 't>)> {
        let entry = |(name, value): (&'a Spanned<std::borrow::Cow<'t, str>>, &'a Spanned<DeValue<'t>>)| {
            let key = name.get_ref().to_string();
            self.known.borrow_mut().push(key.clone());
            let path = self.path(&key);
            (key, Value { problems: self.problems, path, span: name.span(), value: value.get_ref() })
        };
        let mut all: Vec<_> = self.entries.iter().map(entry).collect();
        all.sort_by_key(|(_, value)| value.span.start);
        all
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.get(key)?.text()
    }

    pub(crate) fn bool(&self, key: &str) -> Option<bool> {
        self.get(key)?.bool()
    }

    pub(crate) fn whole(&self, key: &str) -> Option<i64> {
        self.get(key)?.whole()
    }

    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.number()
    }

    pub(crate) fn texts(&self, key: &str) -> Option<Vec<String>> {
        self.get(key)?.texts()
    }

    pub(crate) fn table(&self, key: &str) -> Option<Table<'a, 't>> {
        self.get(key)?.table()
    }

    /// The value of a key that must be there.
    pub(crate) fn required<T>(&self, key: &str, advice: &str, read: impl Fn(&Self, &str) -> Option<T>) -> Option<T> {
        if !self.entries.keys().any(|name| name.get_ref().as_ref() == key) {
            self.known.borrow_mut().push(key.to_owned());
            self.problems.add(self.place(), &self.path(key), format!("is missing; {advice}"));
            return None;
        }
        read(self, key)
    }

    /// Notes a problem of a key of this table.
    pub(crate) fn refuse(&self, key: &str, what: impl Into<String>) {
        let span = self.entries.keys().find(|name| name.get_ref().as_ref() == key).map(Spanned::span);
        self.problems.add(span.or_else(|| self.place()), &self.path(key), what);
    }

    fn place(&self) -> Option<Range<usize>> {
        (!self.path.is_empty()).then(|| self.span.clone())
    }

    /// Refuses the keys that nobody asked for.
    pub(crate) fn finish(self) {
        let known = self.known.borrow();
        for name in self.entries.keys() {
            let key = name.get_ref().as_ref();
            if !known.iter().any(|known| known == key) {
                let mut unique: Vec<&str> = known.iter().map(String::as_str).collect();
                unique.sort_unstable();
                unique.dedup();
                let what = unknown("key", key, &unique);
                self.problems.add(Some(name.span()), &self.path(key), what);
            }
        }
    }
}

impl<'a, 't> Value<'a, 't> {
    /// Notes a problem of this value.
    pub(crate) fn refuse(&self, what: impl Into<String>) {
        self.problems.add(Some(self.span.clone()), &self.path, what);
    }

    fn wrong<T>(&self, wanted: &str) -> Option<T> {
        self.refuse(format!("is {}, but {wanted} is needed", kind(self.value)));
        None
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.value.as_str().map_or_else(|| self.wrong("a text in quotes"), |text| Some(text.to_owned()))
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        self.value.as_bool().map_or_else(|| self.wrong("true or false"), Some)
    }

    pub(crate) fn whole(&self) -> Option<i64> {
        let number =
            self.value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        number.map_or_else(|| self.wrong("a whole number"), Some)
    }

    pub(crate) fn number(&self) -> Option<f64> {
        let text = match self.value {
            DeValue::Integer(number) => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => "",
        };
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.map_or_else(|| self.wrong("a number"), Some)
    }

    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        let wanted = "a list of texts such as [\"a\", \"b\"]";
        let Some(array) = self.value.as_array() else { return self.wrong(wanted) };
        let texts: Option<Vec<String>> = array.iter().map(|text| text.get_ref().as_str().map(str::to_owned)).collect();
        texts.map_or_else(|| self.wrong(wanted), Some)
    }

    pub(crate) fn table(&self) -> Option<Table<'a, 't>> {
        let Some(entries) = self.value.as_table() else { return self.wrong("a table") };
        let (path, span) = (self.path.clone(), self.span.clone());
        Some(Table { problems: self.problems, path, span, entries, known: RefCell::default() })
    }

    /// The tables of `[[key]]`.
    pub(crate) fn tables(&self) -> Option<Vec<Table<'a, 't>>> {
        let Some(array) = self.value.as_array() else {
            return self.wrong(&format!("a list of tables, each beginning with [[{}]],", self.path));
        };
        let table = |(idx, value): (usize, &'a Spanned<DeValue<'t>>)| {
            let path = format!("{}[{}]", self.path, idx + 1);
            let value = Value { problems: self.problems, path, span: value.span(), value: value.get_ref() };
            value.table()
        };
        array.iter().enumerate().map(table).collect()
    }
}

/// What is unknown, what may have been meant, and what there is.
pub(crate) fn unknown(what: &str, given: &str, known: &[&str]) -> String {
    match near(given, known) {
        Some(meant) => format!("unknown {what} {given:?}; did you mean {meant:?}? There are: {}", known.join(", ")),
        None => format!("unknown {what} {given:?}; there are: {}", known.join(", ")),
    }
}

/// The known name that a mistyped one is nearest to, if it is near at all.
pub(crate) fn near<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    let given = given.to_lowercase().replace('-', "_");
    let bound = 1 + given.chars().count() / 4;
    let scored = known.iter().map(|name| (distance(&given, &name.to_lowercase().replace('-', "_")), *name));
    scored.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= bound).map(|(_, name)| name)
}

/// How many letters must be put in, left out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let change = row.get(j).copied().unwrap_or(0) + usize::from(from != *to);
            let put = next.last().copied().unwrap_or(0) + 1;
            let leave = row.get(j + 1).copied().unwrap_or(0) + 1;
            next.push(change.min(put).min(leave));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date without quotes",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

//! From a document to CSV. Every value finds a cell: in the column of its member, in a row of its own, or as JSON in `more`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Separator;
use super::cell;
use super::table::{self, Form, Home, KIND_COLUMN, KINDS, Kind, MORE_COLUMN, OF_COLUMN};

/// How CSV is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Whether a byte-order mark goes first. Excel needs it to read UTF-8; default true.
    pub bom: bool,
    /// What stands between cells; default [`Separator::Comma`].
    pub separator: Separator,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { bom: true, separator: Separator::Comma }
    }
}

/// Writes a document as CSV (RFC 4180, UTF-8, CRLF): the columns that it uses, in a fixed order, and its rows in the order of its
/// sections.
///
/// Reading it back gives the same document. `None` if `document` is no object or has no version: no sheet says that.
pub fn to_csv(document: &Value, options: CsvOptions) -> Option<String> {
    let Value::Object(root) = document else { return None };
    let rows = rows(root)?;
    let used: BTreeSet<&str> = rows.iter().flat_map(|row| row.keys().copied()).collect();
    // The columns that nearly every sheet has are always there.
    let columns: Vec<&str> = table::all_columns()
        .into_iter()
        .filter(|it| used.contains(it) || [KIND_COLUMN, "id", OF_COLUMN].contains(it))
        .collect();
    let mut csv = if options.bom { "\u{feff}".to_owned() } else { String::new() };
    write_row(&mut csv, columns.iter().copied(), options.separator);
    for row in &rows {
        let cells = columns.iter().map(|column| row.get(column).map_or("", String::as_str));
        write_row(&mut csv, cells, options.separator);
    }
    Some(csv)
}

/// The cells of a row, by column.
type Row = BTreeMap<&'static str, String>;

/// Quotes only where they are needed: whatever a reader might take for something else.
fn write_row<'c>(csv: &mut String, cells: impl Iterator<Item = &'c str>, separator: Separator) {
    for (idx, cell) in cells.enumerate() {
        if idx > 0 {
            csv.push(separator.as_char());
        }
        if cell.contains(['"', '\r', '\n', ',', ';', '\t'])
            || cell.starts_with([' ', '\u{feff}'])
            || cell.ends_with(' ')
        {
            csv.push('"');
            csv.push_str(&cell.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(cell);
        }
    }
    csv.push_str("\r\n");
}

fn rows(root: &Map<String, Value>) -> Option<Vec<Row>> {
    let mut rest = root.clone();
    let mut rows = Vec::new();
    if let Some(version) = cell::write(rest.get(table::VERSION)?, table::setting(table::VERSION)) {
        rest.remove(table::VERSION);
        rows.push(setting_row(table::VERSION.to_owned(), version));
    }
    if let Some(mut written) = rest.get("settings").and_then(settings_rows) {
        rest.remove("settings");
        rows.append(&mut written);
    }
    for kind in KINDS {
        let Home::Entry { section } = kind.home else { continue };
        if let Some(mut written) = rest.get(section).and_then(|it| section_rows(kind, section, it)) {
            rest.remove(section);
            rows.append(&mut written);
        }
    }
    if !rest.is_empty() {
        let more = (MORE_COLUMN, Value::Object(rest).to_string());
        rows.insert(0, Row::from([(KIND_COLUMN, "document".to_owned()), more]));
    }
    Some(rows)
}

fn setting_row(id: String, value: String) -> Row {
    Row::from([(KIND_COLUMN, "setting".to_owned()), ("id", id), ("value", value)])
}

/// The rows of `settings`; `None` if rows cannot say it.
fn settings_rows(settings: &Value) -> Option<Vec<Row>> {
    let settings = settings.as_object().filter(|it| !it.is_empty() && !it.contains_key(table::VERSION))?;
    let row = |(name, value): (&String, &Value)| {
        let id = cell::write(&Value::String(name.clone()), Form::Word)?;
        // An alias means another name.
        (table::setting_name(name) == name)
            .then(|| cell::write(value, table::setting(name)))
            .flatten()
            .map(|value| setting_row(id, value))
    };
    settings.iter().map(row).collect()
}

/// The rows of a section; `None` if rows cannot say it.
fn section_rows(kind: &Kind, section: &str, entries: &Value) -> Option<Vec<Row>> {
    let entries = entries.as_array().filter(|it| !it.is_empty())?;
    let mut ids = BTreeSet::new();
    let mut rows = Vec::new();
    for entry in entries {
        let entry = entry.as_object()?;
        let id = entry.get("id").filter(|it| it.is_string())?;
        if !ids.insert(id.as_str()) {
            return None;
        }
        let id = cell::write(id, Form::Word)?;
        rows.append(&mut entry_rows(kind, section, &id, entry));
    }
    Some(rows)
}

/// The row of an entry, followed by those of its parts.
fn entry_rows(kind: &Kind, section: &str, id: &str, entry: &Map<String, Value>) -> Vec<Row> {
    let mut rest = entry.clone();
    let mut parts: Vec<Parts> = Vec::new();
    let mut homes: Vec<PartKind> = KINDS.iter().filter_map(|it| PartKind::of(it, section)).collect();
    // What is inside of a part leaves it first, so that it is not written twice.
    homes.sort_by_key(|it| Reverse(it.path.len()));
    for home in homes {
        if let Some(objects) = get(&rest, home.path).and_then(|it| home.objects(it)) {
            remove(&mut rest, home.path);
            parts.push(Parts { kind: home.kind, objects });
        }
    }
    parts.sort_by_key(|it| KINDS.iter().position(|kind| kind.name == it.kind.name));
    let mut rows = vec![row(kind, rest)];
    for Parts { kind, objects } in parts {
        for object in objects {
            let mut row = row(kind, object);
            row.insert(OF_COLUMN, id.to_owned());
            rows.push(row);
        }
    }
    rows
}

/// A kind of rows that belong to an entry.
struct PartKind {
    kind: &'static Kind,
    path: &'static [&'static str],
    is_list: bool,
}

/// What such rows say of one entry.
struct Parts {
    kind: &'static Kind,
    objects: Vec<Map<String, Value>>,
}

impl PartKind {
    fn of(kind: &'static Kind, section: &str) -> Option<Self> {
        match kind.home {
            Home::Element { section: of, path } if of == section => Some(Self { kind, path, is_list: true }),
            Home::Part { section: of, path } if of == section => Some(Self { kind, path, is_list: false }),
            _ => None,
        }
    }

    /// The objects of a value that rows can say; `None` if they cannot say it.
    fn objects(&self, value: &Value) -> Option<Vec<Map<String, Value>>> {
        match value {
            Value::Array(list) if self.is_list && !list.is_empty() => {
                list.iter().map(|it| it.as_object().cloned()).collect()
            }
            Value::Object(object) if !self.is_list => Some(vec![object.clone()]),
            _ => None,
        }
    }
}

/// The row of an object.
fn row(kind: &Kind, mut rest: Map<String, Value>) -> Row {
    let mut row = Row::from([(KIND_COLUMN, kind.name.to_owned())]);
    for member in kind.members {
        let Some(cell) = get(&rest, member.path).and_then(|it| cell::write(it, member.form)) else { continue };
        remove(&mut rest, member.path);
        row.insert(member.column, cell);
    }
    if !rest.is_empty() {
        row.insert(MORE_COLUMN, Value::Object(rest).to_string());
    }
    row
}

fn get<'v>(object: &'v Map<String, Value>, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    let value = object.get(*first)?;
    if rest.is_empty() { Some(value) } else { get(value.as_object()?, rest) }
}

/// Removes the value at a path, and the objects around it that become empty.
fn remove(object: &mut Map<String, Value>, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else { return };
    if !rest.is_empty() {
        let Some(Value::Object(inner)) = object.get_mut(*first) else { return };
        remove(inner, rest);
        if !inner.is_empty() {
            return;
        }
    }
    object.remove(*first);
}

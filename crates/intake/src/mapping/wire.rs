//! A mapping as it is written in TOML, and its way into a checked [`Mapping`].

use super::policy::{self, Attribute, ColumnType, Sensitivity};
use super::{
    Cancellations, CsvOptions, Dates, Delimiter, Duplicates, FieldSource, JsonOptions, KindMapping, Mapping, WHAT,
};
use crate::dates::{DateFormat, unix_seconds};
use crate::document::{self, DocumentError, Problems, Table, Value, unknown};
use crate::kind::{FieldType, Kind};
use std::collections::BTreeMap;

/// Reads and checks the text of a mapping.
pub(super) fn parse(name: &str, text: &str) -> Result<Mapping, DocumentError> {
    let problems = Problems::new(text);
    let mapping = document::parse(&problems, text).and_then(|table| {
        let root = Table::root(&problems, table.get_ref());
        let mapping = read(&root);
        // A document of another version has other keys: the version is the one thing to say.
        if mapping.is_some() || !problems.is_empty() && root.get("version").is_some_and(|value| known_version(&value)) {
            root.finish();
        }
        mapping
    });
    problems.into_result(mapping, WHAT, name)
}

fn known_version(value: &Value<'_, '_>) -> bool {
    value.value.as_integer().is_some_and(|number| matches!(number.as_str(), "1" | "2"))
}

fn read(root: &Table<'_, '_>) -> Option<Mapping> {
    let version = root.required("version", "write version = 2", |root, key| root.whole(key))?;
    if !(1..=2).contains(&version) {
        root.refuse("version", format!("is {version}, but this command reads versions 1 and 2"));
        return None;
    }
    let name = root.required("name", "name the mapping; the name stands in the report", |root, key| root.text(key));
    if name.as_ref().is_some_and(|name| name.is_empty() || name.len() > 64) {
        root.refuse("name", "needs 1 to 64 bytes; it stands in the report");
    }
    let (currency, minor_digits) = currency(root);
    let dates = dates(root);
    let cancellations = cancellations(root);
    let csv = root.table("csv").map_or_else(CsvOptions::default, |table| csv(table));
    let mut json = JsonOptions::default();
    let mut kinds = BTreeMap::new();
    if version == 1 {
        let fields = root.required(
            "fields",
            "write [fields] with at least order_id, item_id, quantity, ordered_at, unit_price, customer_id",
            Table::table,
        );
        let duplicates = root.table("duplicates").map_or_else(Duplicates::default, |table| duplicates(table, None));
        if let Some(table) = fields {
            for key in ["quantity", "unit_price"] {
                if table.get(key).is_none() {
                    table.refuse(key, "is missing; name the column");
                }
            }
            let fields = fields_of(Kind::Orders, table, &FIELDS_V1);
            kinds.insert(Kind::Orders, KindMapping { duplicates, fields, ..empty(Kind::Orders) });
        }
    } else {
        if let Some(table) = root.table("json") {
            json.explode = table.get("explode").and_then(|value| path_of(&value));
            table.finish();
        }
        let shared = root.table("duplicates").map(|table| duplicates(table, None));
        for kind in Kind::ALL {
            let Some(table) = root.table(kind.name()) else { continue };
            kinds.insert(kind, section(kind, table, shared.as_ref()));
        }
        if kinds.is_empty() {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            root.refuse("", format!("maps nothing; write at least one of the sections {}", known.join(", ")));
        }
    }
    if cancellations != Cancellations::Never && !kinds.contains_key(&Kind::Orders) {
        root.refuse("cancellations", "is about orders, but there is no [orders]; leave it out");
    }
    let (currency, minor_digits) = (currency?, minor_digits?);
    Some(Mapping {
        version: u32::try_from(version).ok()?,
        name: name?,
        currency,
        minor_digits,
        kinds,
        dates: dates?,
        cancellations,
        csv,
        json,
    })
}

/// The fields of version 1; brand, amount and the others came with version 2.
const FIELDS_V1: [&str; 10] = [
    "order_id",
    "item_id",
    "item_name",
    "category",
    "quantity",
    "ordered_at",
    "unit_price",
    "customer_id",
    "country",
    "is_goods",
];

fn empty(kind: Kind) -> KindMapping {
    KindMapping {
        kind,
        rows: None,
        fields: Vec::new(),
        columns: BTreeMap::new(),
        codes: BTreeMap::new(),
        attributes: Vec::new(),
        duplicates: Duplicates::default(),
    }
}

impl Default for Duplicates {
    fn default() -> Self {
        Self { drop: true, key: Vec::new(), line_columns: Vec::new() }
    }
}

/// Reads `currency` and `minor_digits`, of mappings and shop files.
pub(crate) fn currency(root: &Table<'_, '_>) -> (Option<String>, Option<u8>) {
    let currency = root.required("currency", "write three capital letters such as \"EUR\"", |root, key| root.text(key));
    if let Some(code) = &currency
        && (code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()))
    {
        root.refuse("currency", format!("{code:?} is no ISO 4217 code; write three capital letters such as \"EUR\""));
    }
    let advice = "write the decimal digits of the minor unit (EUR 2, JPY 0, KWD 3)";
    let digits = root.required("minor_digits", advice, |root, key| root.whole(key));
    let digits = digits.and_then(|digits| {
        let found = u8::try_from(digits).ok().filter(|digits| *digits <= 4);
        if found.is_none() {
            root.refuse("minor_digits", format!("is {digits}; currencies have 0 to 4 (EUR 2, JPY 0, KWD 3)"));
        }
        found
    });
    (currency, digits)
}

fn section(kind: Kind, table: Table<'_, '_>, shared: Option<&Duplicates>) -> KindMapping {
    let mut section = empty(kind);
    section.rows = table.text("rows");
    if section.rows.as_ref().is_some_and(|sql| sql.trim().is_empty()) {
        table.refuse("rows", "is empty; write an SQL condition, or leave the key out for all rows");
    }
    let all: Vec<&str> = kind.fields().iter().map(|field| field.name).collect();
    let advice = format!(
        "map at least {}",
        kind.fields().iter().filter(|field| field.is_required).map(|field| field.name).collect::<Vec<_>>().join(", ")
    );
    if let Some(fields) = table.required("fields", &advice, Table::table) {
        if kind == Kind::Orders && fields.get("unit_price").is_none() && fields.get("amount").is_none() {
            fields.refuse("unit_price", "is missing; map unit_price (of one piece) or amount (of the whole line)");
        }
        section.fields = fields_of(kind, fields, &all);
    }
    if let Some(columns) = table.table("columns") {
        for (name, value) in columns.all() {
            let Some(field) = kind.field(&name) else {
                value.refuse(unknown("field", &name, &all));
                continue;
            };
            let Some(table) = value.table() else { continue };
            if section.field(field.name).is_none() {
                value.refuse(format!("has policies, but [{kind}.fields] does not map {name}"));
            }
            section.columns.insert(field.name, policy::policy(&table, field.kind.is_number()));
            table.finish();
        }
    }
    if let Some(codes) = table.table("codes") {
        for (name, value) in codes.all() {
            let Some(field) = kind.field(&name) else {
                value.refuse(unknown("field", &name, &all));
                continue;
            };
            if section.field(field.name).is_none() {
                value.refuse(format!("translates words, but [{kind}.fields] does not map {name}"));
            }
            section.codes.insert(field.name, words(&value));
        }
    }
    if kind.has_attributes()
        && let Some(attributes) = table.table("attributes")
    {
        let read = attributes.all().into_iter().filter_map(|(name, value)| attribute(name, &value));
        section.attributes = read.collect();
    }
    section.duplicates = match table.table("duplicates") {
        Some(table) => duplicates(table, Some(&section)),
        None => shared.cloned().unwrap_or_default(),
    };
    table.finish();
    section
}

/// Reads `{ from word = "to word" }`.
fn words(value: &Value<'_, '_>) -> BTreeMap<String, String> {
    let Some(table) = value.table() else { return BTreeMap::new() };
    table.all().into_iter().filter_map(|(from, to)| Some((from, to.text()?))).collect()
}

fn fields_of(kind: Kind, table: Table<'_, '_>, known: &[&'static str]) -> Vec<(&'static str, FieldSource)> {
    let mut fields = Vec::new();
    for field in kind.fields().iter().filter(|field| known.contains(&field.name)) {
        let found = if field.is_required {
            let advice = format!("name the column with {}", field.means);
            table.required(field.name, &advice, |table, key| source(&table.get(key)?))
        } else {
            table.get(field.name).and_then(|value| source(&value))
        };
        if let Some(source) = found {
            if matches!(source, FieldSource::Minor(_)) && field.kind != FieldType::Money {
                table.refuse(field.name, "is no money; minor = \"column\" is for money that is counted in minor units");
            }
            fields.push((field.name, source));
        }
    }
    table.finish();
    fields
}

fn source(value: &Value<'_, '_>) -> Option<FieldSource> {
    let (source, text) = if value.value.is_table() {
        let table = value.table()?;
        if let Some(column) = table.text("minor") {
            table.finish();
            (FieldSource::Minor(column.clone()), column)
        } else {
            let advice =
                "write { sql = 'an expression over columns' }, or of money { minor = \"a column in minor units\" }";
            let sql = table.required("sql", advice, |table, key| table.text(key));
            table.finish();
            let sql = sql?;
            (FieldSource::Sql(sql.clone()), sql)
        }
    } else if value.value.is_str() {
        let column = value.text()?;
        (FieldSource::Column(column.clone()), column)
    } else {
        value.refuse("expected the name of a column, or { sql = 'an expression over columns' }");
        return None;
    };
    if text.trim().is_empty() {
        value.refuse("is empty; name a column of the file, or leave the key out if the field is optional");
        return None;
    }
    Some(source)
}

fn attribute(name: String, value: &Value<'_, '_>) -> Option<Attribute> {
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() > 64 || !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.bytes().all(letters) {
        value.refuse(
            "is no name of an attribute; use lower-case letters, digits and _, a letter first, at most 64 bytes",
        );
    }
    let table = value.table()?;
    let found = table
        .required("from", "write from = \"column\" or from = { sql = '…' }", |table, key| source(&table.get(key)?));
    if let Some(FieldSource::Minor(_)) = found {
        table.refuse("from", "is an attribute and no money; name a column, or write an expression");
    }
    let policy = policy::policy(&table, false);
    let kind = policy.kind.unwrap_or(ColumnType::Text);
    let split = table.text("split");
    match (&split, kind) {
        (Some(text), ColumnType::List) if !text.is_empty() => {}
        (None, ColumnType::List) => {
            table.refuse("split", "is missing; a list needs what parts its words, such as split = \"|\"")
        }
        (None, _) => {}
        (Some(_), _) => table
            .refuse("split", "parts the words of a list; declare type = \"list\", and write at least one character"),
    }
    let codes = table.get("codes").map(|value| words(&value)).unwrap_or_default();
    let is_inferred = table.bool("inferred").unwrap_or(false);
    let sensitivity = table.get("sensitivity").and_then(|value| policy::sensitivity(&value));
    let purpose = table.text("purpose");
    if purpose.as_ref().is_some_and(|purpose| purpose.trim().is_empty()) {
        table.refuse("purpose", "is empty; say what the attribute is used for, or leave the key out");
    }
    table.finish();
    Some(Attribute {
        name,
        source: found?,
        kind,
        split,
        policy,
        codes,
        is_inferred,
        sensitivity: sensitivity.unwrap_or(Sensitivity::Ordinary),
        purpose,
    })
}

fn dates(root: &Table<'_, '_>) -> Option<Dates> {
    let Some(table) = root.table("dates") else {
        return Some(Dates { formats: vec![DateFormat::Iso], earliest_s: 0, latest_s: None });
    };
    let texts = table.texts("formats").unwrap_or_else(|| vec!["iso".to_owned()]);
    if texts.is_empty() {
        table.refuse("formats", "is empty; leave the key out for ISO dates, or list at least one format");
    }
    let formats: Vec<DateFormat> = texts
        .iter()
        .filter_map(|text| DateFormat::parse(text).map_err(|what| table.refuse("formats", what)).ok())
        .collect();
    let time = |key: &str| {
        let text = table.text(key)?;
        let seconds = unix_seconds(&text);
        if seconds.is_none() {
            table.refuse(
                key,
                format!(
                    "{text:?} is no date or time; write 2026-01-31 (midnight at its start) or 2026-01-31T12:00:00Z"
                ),
            );
        }
        seconds
    };
    let earliest_s = time("earliest").unwrap_or(0);
    if earliest_s < 0 {
        table.refuse("earliest", "is before 1970-01-01; no shop's clock runs from before that");
    }
    let latest_s = time("latest");
    if latest_s.is_some_and(|latest| latest <= earliest_s) {
        table.refuse("latest", "is not after dates.earliest");
    }
    table.finish();
    Some(Dates { formats, earliest_s, latest_s })
}

fn cancellations(root: &Table<'_, '_>) -> Cancellations {
    let Some(table) = root.table("cancellations") else { return Cancellations::Never };
    let prefix = table.text("order_id_prefix");
    let negative = table.bool("negative_quantity").unwrap_or(false);
    table.finish();
    match (prefix, negative) {
        (Some(prefix), false) if !prefix.is_empty() => Cancellations::OrderIdPrefix(prefix),
        (None, true) => Cancellations::NegativeQuantity,
        _ => {
            root.refuse("cancellations", "needs either order_id_prefix = \"C\" (a text) or negative_quantity = true; leave the table out if there are none");
            Cancellations::Never
        }
    }
}

fn duplicates(table: Table<'_, '_>, section: Option<&KindMapping>) -> Duplicates {
    let drop = table.bool("drop").unwrap_or(true);
    let mut key = Vec::new();
    // Fields differ by kind, so only a section can name them.
    if let Some(section) = section
        && let Some(names) = table.texts("key")
    {
        if names.is_empty() {
            table.refuse("key", "is empty; list fields, or leave the key out to compare all of them");
        }
        for name in names {
            match section.fields.iter().find(|(field, _)| *field == name) {
                Some((field, _)) => key.push(*field),
                None => {
                    let mapped: Vec<&str> = section.fields.iter().map(|(field, _)| *field).collect();
                    table.refuse("key", format!("{}, which are mapped", unknown("field", &name, &mapped)));
                }
            }
        }
    }
    let line_columns = table.texts("line_columns").unwrap_or_default();
    if !key.is_empty() && !line_columns.is_empty() {
        table
            .refuse("line_columns", "tells rows apart which are equal in all fields; with key = […] it has no meaning");
    }
    table.finish();
    Duplicates { drop, key, line_columns }
}

fn path_of(value: &Value<'_, '_>) -> Option<String> {
    let path = value.text()?;
    if path.is_empty() || path.split('.').any(str::is_empty) {
        value.refuse(format!("{path:?} is no path; write the names of members parted by dots, such as \"cart.items\""));
        return None;
    }
    Some(path)
}

fn csv(table: Table<'_, '_>) -> CsvOptions {
    let mut csv = CsvOptions::default();
    csv.quote = match table.text("quote").as_deref() {
        None => csv.quote,
        Some("") => None,
        Some(text) => {
            let quote = one_character(text);
            if quote.is_none() {
                table.refuse(
                    "quote",
                    format!("{text:?} cannot be a quote; write one character such as \"'\", or \"\" if there is none"),
                );
            }
            quote
        }
    };
    csv.delimiter = match table.text("delimiter").as_deref() {
        None => None,
        Some("whitespace") => Some(Delimiter::Whitespace),
        Some(text) => {
            let byte = one_character(text).filter(|byte| Some(*byte) != csv.quote);
            if byte.is_none() {
                let what = format!(
                    "{text:?} cannot part columns; write one character such as \";\" or \"\\t\", or \"whitespace\""
                );
                table.refuse("delimiter", what);
            }
            byte.map(Delimiter::Byte)
        }
    };
    if csv.delimiter == Some(Delimiter::Whitespace) {
        csv.quote = None;
    }
    csv.header = table.texts("header");
    if let Some(header) = &csv.header {
        let mut names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        names.sort_unstable();
        if names.is_empty() || names.first().is_some_and(|name| name.is_empty()) {
            table.refuse("header", "needs a name for each column");
        }
        if let Some(twice) =
            names.windows(2).find_map(|pair| (pair.first() == pair.last()).then(|| pair.first())).flatten()
        {
            table.refuse("header", format!("names {twice:?} twice"));
        }
    }
    let skip = table.whole("skip_lines").unwrap_or(0);
    match u32::try_from(skip) {
        Ok(skip) if skip <= 10_000 => csv.skip_lines = skip,
        _ => table.refuse("skip_lines", format!("is {skip}; write how many lines come before the header, 0 to 10000")),
    }
    csv.encoding = table.text("encoding");
    if let Some(label) = &csv.encoding
        && encoding_rs::Encoding::for_label(label.as_bytes()).is_none()
    {
        table.refuse(
            "encoding",
            format!("{label:?} is no known encoding; write utf-8, gb18030, big5, windows-1252, utf-16le and so on"),
        );
    }
    csv.decimal_comma = table.bool("decimal_comma").unwrap_or(false);
    csv.nulls = table.texts("nulls").unwrap_or_default();
    table.finish();
    csv
}

/// The only byte of a text, if it can stand beside data.
fn one_character(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'\r' | b'\n') => Some(*byte),
        _ => None,
    }
}

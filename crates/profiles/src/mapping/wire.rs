//! A mapping as it is written in TOML, and its way into a checked [`Mapping`].

use super::{Cancellations, DateFormat, FieldSource, Fields, Mapping};
use crate::{AsOf, MappingError};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingWire {
    version: u32,
    name: String,
    currency: String,
    minor_digits: u8,
    fields: FieldsWire,
    #[serde(default)]
    dates: DatesWire,
    cancellations: Option<CancellationsWire>,
    #[serde(default)]
    duplicates: DuplicatesWire,
    #[serde(default)]
    csv: CsvWire,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsWire {
    order_id: FieldWire,
    item_id: FieldWire,
    item_name: Option<FieldWire>,
    category: Option<FieldWire>,
    quantity: FieldWire,
    ordered_at: FieldWire,
    unit_price: FieldWire,
    customer_id: FieldWire,
    country: Option<FieldWire>,
    is_goods: Option<FieldWire>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected the name of a column, or { sql = \"an expression over columns\" }")]
enum FieldWire {
    Column(String),
    Sql(SqlWire),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SqlWire {
    sql: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct DatesWire {
    formats: Option<Vec<String>>,
    earliest: Option<String>,
    latest: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancellationsWire {
    order_id_prefix: Option<String>,
    #[serde(default)]
    negative_quantity: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DuplicatesWire {
    drop: bool,
    line_columns: Vec<String>,
}

impl Default for DuplicatesWire {
    fn default() -> Self {
        Self { drop: true, line_columns: Vec::new() }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct CsvWire {
    delimiter: Option<String>,
    decimal_comma: bool,
}

/// Where a value stands, for messages.
struct At<'a> {
    mapping: &'a str,
}

impl At<'_> {
    fn refuse<T>(&self, key: &str, what: impl Into<String>) -> Result<T, MappingError> {
        Err(MappingError::Value { name: self.mapping.to_owned(), key: key.to_owned(), what: what.into() })
    }

    fn field(&self, key: &str, wire: FieldWire) -> Result<FieldSource, MappingError> {
        let (source, text) = match wire {
            FieldWire::Column(column) => (FieldSource::Column(column.clone()), column),
            FieldWire::Sql(SqlWire { sql }) => (FieldSource::Sql(sql.clone()), sql),
        };
        if text.trim().is_empty() {
            return self.refuse(
                &format!("fields.{key}"),
                "is empty; name a column of the file, or leave the key out if the field is optional",
            );
        }
        Ok(source)
    }

    fn optional_field(&self, key: &str, wire: Option<FieldWire>) -> Result<Option<FieldSource>, MappingError> {
        wire.map(|wire| self.field(key, wire)).transpose()
    }

    fn time(&self, key: &str, text: &str) -> Result<AsOf, MappingError> {
        text.parse().or_else(|error: crate::AsOfError| self.refuse(key, error.to_string()))
    }
}

/// Reads and checks the text of a mapping.
pub(super) fn parse(name: &str, text: &str) -> Result<Mapping, MappingError> {
    let wire: MappingWire = toml::from_str(text).map_err(|error| MappingError::Syntax {
        name: name.to_owned(),
        reason: error.to_string().trim_end().to_owned(),
    })?;
    let at = At { mapping: name };
    if wire.version != 1 {
        return at.refuse("version", format!("is {}, but this command reads version 1", wire.version));
    }
    if wire.name.is_empty() || wire.name.len() > 64 {
        return at.refuse("name", "needs 1 to 64 bytes; it stands in the report");
    }
    if wire.currency.len() != 3 || !wire.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return at.refuse(
            "currency",
            format!("{:?} is no ISO 4217 code; write three capital letters such as \"EUR\"", wire.currency),
        );
    }
    if wire.minor_digits > 4 {
        return at
            .refuse("minor_digits", format!("is {}; currencies have 0 to 4 (EUR 2, JPY 0, KWD 3)", wire.minor_digits));
    }
    let fields = Fields {
        order_id: at.field("order_id", wire.fields.order_id)?,
        item_id: at.field("item_id", wire.fields.item_id)?,
        item_name: at.optional_field("item_name", wire.fields.item_name)?,
        category: at.optional_field("category", wire.fields.category)?,
        quantity: at.field("quantity", wire.fields.quantity)?,
        ordered_at: at.field("ordered_at", wire.fields.ordered_at)?,
        unit_price: at.field("unit_price", wire.fields.unit_price)?,
        customer_id: at.field("customer_id", wire.fields.customer_id)?,
        country: at.optional_field("country", wire.fields.country)?,
        is_goods: at.optional_field("is_goods", wire.fields.is_goods)?,
    };
    let formats = wire.dates.formats.unwrap_or_else(|| vec!["iso".to_owned()]);
    if formats.is_empty() {
        return at.refuse("dates.formats", "is empty; leave the key out for ISO dates, or list at least one format");
    }
    let date_formats = formats
        .iter()
        .map(|format| DateFormat::parse(format).or_else(|what| at.refuse("dates.formats", what)))
        .collect::<Result<_, _>>()?;
    let earliest = at.time("dates.earliest", wire.dates.earliest.as_deref().unwrap_or("1970-01-01"))?;
    if earliest.unix_seconds() < 0 {
        return at.refuse("dates.earliest", "is before 1970-01-01; no shop's clock runs from before that");
    }
    let latest = wire.dates.latest.as_deref().map(|text| at.time("dates.latest", text)).transpose()?;
    if latest.is_some_and(|latest| latest <= earliest) {
        return at.refuse("dates.latest", "is not after dates.earliest");
    }
    let cancellations = match wire.cancellations {
        None => Cancellations::Never,
        Some(CancellationsWire { order_id_prefix: None, negative_quantity: true }) => Cancellations::NegativeQuantity,
        Some(CancellationsWire { order_id_prefix: Some(prefix), negative_quantity: false }) if !prefix.is_empty() => {
            Cancellations::OrderIdPrefix(prefix)
        }
        Some(_) => {
            return at.refuse(
                "cancellations",
                "needs either order_id_prefix = \"C\" (a text) or negative_quantity = true; leave the table out if there are none",
            );
        }
    };
    let delimiter = match wire.csv.delimiter.as_deref() {
        None => b',',
        Some(text) => match text.as_bytes() {
            [byte] if *byte != b'"' && !byte.is_ascii_alphanumeric() => *byte,
            _ => {
                return at.refuse(
                    "csv.delimiter",
                    format!("{text:?} cannot part columns; write one character such as \";\" or \"\\t\""),
                );
            }
        },
    };
    Ok(Mapping {
        name: wire.name,
        currency: wire.currency,
        minor_digits: wire.minor_digits,
        fields,
        date_formats,
        earliest,
        latest,
        cancellations,
        drop_duplicates: wire.duplicates.drop,
        line_columns: wire.duplicates.line_columns,
        delimiter,
        decimal_comma: wire.csv.decimal_comma,
    })
}

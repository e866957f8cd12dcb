//! The query that turns the columns of one raw file into the canonical fields.
//!
//! Nothing is guessed, nothing fails: text that is not what its field needs becomes null beside the text as it was
//! written, so that it can be counted and shown.

use super::fields::{self, Field, Holds};
use super::layout::Layout;
use super::numbering::ROWS_PER_FILE;
use crate::BuildError;
use crate::engine::{Given, RAW, Raw, quoted, text_literal};
use std::collections::BTreeMap;
use std::path::Path;
use vitrine_intake::{Cancellations, ColumnType, FieldSource, Kind};

/// The column with the number of a row in its file, if intake wrote one.
pub(super) const SOURCE_ROW: &str = "source_row";

/// An SQL expression with its type.
struct Value {
    sql: String,
    given: Given,
    /// Whether it is text without white space around it, and null where nothing is left.
    is_trimmed: bool,
}

impl Value {
    /// Trimmed text; null if there is none.
    fn text(&self) -> String {
        let Self { sql, given, is_trimmed } = self;
        match given {
            Given::Text if *is_trimmed => sql.clone(),
            Given::Text => format!("nullif(trim(CAST({sql} AS VARCHAR)), '')"),
            // Ids in a column of reals are a way to have empty cells: 17850.0 means 17850, and NaN means none.
            Given::Real => format!(
                "CASE WHEN isnan({sql}) THEN NULL WHEN {sql} = trunc({sql}) THEN CAST(TRY_CAST({sql} AS BIGINT) AS VARCHAR) \
                 ELSE CAST({sql} AS VARCHAR) END"
            ),
            _ => format!("CAST({sql} AS VARCHAR)"),
        }
    }
}

/// Writes the query for the canonical rows of one file.
pub(super) struct Reader<'a> {
    pub(super) raw: &'a Raw<'a>,
    pub(super) path: &'a Path,
    pub(super) kind: Kind,
    pub(super) layout: &'a Layout,
    /// Whether columns have the types of the file; else they are text that intake has trimmed.
    pub(super) is_typed: bool,
}

impl Reader<'_> {
    /// The query; `file_no` is the number of the file (`numbering`).
    pub(super) fn query(&self, file_no: u64) -> Result<String, BuildError> {
        self.check_columns()?;
        let layout = self.layout;
        let mut columns = vec![
            format!("{file_no} * {ROWS_PER_FILE} + CAST(\"source row\" AS BIGINT) AS row_no"),
            format!("CAST({file_no} AS BIGINT) AS file_idx"),
            "CAST(\"source row\" AS BIGINT) AS source_row".to_owned(),
            format!("CAST({} AS BIGINT) AS earliest_s", layout.mapping.dates.earliest_s),
        ];
        for field in fields::of(self.kind) {
            self.field(&field, &mut columns)?;
        }
        for (idx, attribute) in layout.section.attributes.iter().enumerate() {
            let value = self.value(&format!("attributes.{}", attribute.name), &attribute.source)?;
            let text = recoded(value.text(), &attribute.codes);
            let typed = match attribute.kind {
                ColumnType::Int => format!("CAST(TRY_CAST({} AS BIGINT) AS VARCHAR)", self.number(&value)),
                ColumnType::Decimal => decimal_text(&format!("TRY_CAST({} AS DECIMAL(18, 6))", self.number(&value))),
                ColumnType::Date => format!("CAST(CAST({} AS DATE) AS VARCHAR)", self.time(&value)),
                ColumnType::Bool => format!("CAST({} AS VARCHAR)", flag(&text)),
                ColumnType::List => {
                    let split = attribute.split.as_deref().unwrap_or(";");
                    format!("nullif(replace({text}, {}, ';'), '')", text_literal(split))
                }
                ColumnType::Category | ColumnType::Text => text.clone(),
            };
            columns.push(format!("{text} AS a{idx}_text"));
            columns.push(format!("{typed} AS a{idx}"));
        }
        let line_key = match layout.section.duplicates.line_columns.as_slice() {
            [] => "CAST(NULL AS VARCHAR)".to_owned(),
            names => {
                let texts: Vec<String> =
                    names.iter().map(|column| format!("CAST({} AS VARCHAR)", quoted(column))).collect();
                format!("concat_ws(chr(31), {})", texts.join(", "))
            }
        };
        columns.push(format!("{line_key} AS line_key"));
        let source_row = if self.raw.columns().iter().any(|column| column == SOURCE_ROW) {
            SOURCE_ROW
        } else {
            "row_number() OVER ()"
        };
        // A column and not a WHERE, so that a row can be judged by the other rows of its order.
        let (rows, is_kept) = match &layout.section.rows {
            Some(rows) => (format!(", ({rows}) AS \"kept row\""), " WHERE \"kept row\""),
            None => (String::new(), ""),
        };
        let fields = format!(
            "SELECT {} FROM (SELECT *, {source_row} AS \"source row\"{rows} FROM {RAW}){is_kept}",
            columns.join(", ")
        );
        if self.kind != Kind::Orders {
            return Ok(fields);
        }
        let is_cancellation = match &layout.mapping.cancellations {
            Cancellations::Never => "false".to_owned(),
            Cancellations::OrderIdPrefix(prefix) => {
                format!("coalesce(starts_with(order_id, {}), false)", text_literal(prefix))
            }
            Cancellations::NegativeQuantity => "coalesce(quantity < 0, false)".to_owned(),
        };
        Ok(format!("SELECT *, {is_cancellation} AS is_cancellation FROM ({fields})"))
    }

    /// Adds the columns of one field.
    fn field(&self, field: &Field, columns: &mut Vec<String>) -> Result<(), BuildError> {
        let Some(source) = self.layout.section.field(field.name) else {
            let missing = field.columns().into_iter().map(|(name, kind)| {
                let value = match name.as_str() {
                    // Whatever does not say that it is no goods, is; a line without quantity is one piece.
                    "is_goods" => "true",
                    "quantity" => "1",
                    _ => "NULL",
                };
                format!("CAST({value} AS {kind}) AS {name}")
            });
            columns.extend(missing);
            return Ok(());
        };
        let value = self.value(&format!("fields.{}", field.name), source)?;
        let text = match self.layout.section.codes.get(field.name) {
            Some(codes) => recoded(value.text(), codes),
            None => value.text(),
        };
        if field.holds == Holds::Text {
            columns.push(format!("{text} AS {}", field.name));
            return Ok(());
        }
        let typed = match field.holds {
            Holds::Text => text.clone(),
            Holds::Number(..) => format!("TRY_CAST({} AS {})", self.number(&value), field.sql_type()),
            Holds::Money if matches!(source, FieldSource::Minor(_)) => {
                format!("TRY_CAST({} AS DECIMAL(19, 6))", self.number(&value))
            }
            Holds::Money => {
                // In minor units, with room for prices finer than that. The ranges keep every product in 38 digits.
                let minor = 10_i64.pow(u32::from(self.layout.mapping.minor_digits));
                format!("CAST(TRY_CAST({} AS DECIMAL(15, 6)) * {minor} AS DECIMAL(19, 6))", self.number(&value))
            }
            Holds::Time => {
                if !matches!(value.given, Given::Time | Given::Text) {
                    return Err(self.refuse(
                        &format!("fields.{}", field.name),
                        "is neither text nor a date; for seconds since 1970 write { sql = 'to_timestamp_seconds(\"the_column\")' }",
                    ));
                }
                format!("CAST({} AS TIMESTAMP)", self.time(&value))
            }
            Holds::Flag if field.name == "is_goods" => format!("coalesce(TRY_CAST({} AS BOOLEAN), false)", value.sql),
            Holds::Flag => flag(&text),
        };
        columns.push(format!("{text} AS {}", field.text_column()));
        columns.push(format!("{typed} AS {}", field.column()));
        Ok(())
    }

    /// Every column that the mapping names by itself is there.
    fn check_columns(&self) -> Result<(), BuildError> {
        let columns = self.raw.columns();
        let version = self.layout.mapping.version;
        let missing: Vec<String> = self
            .layout
            .section
            .named_columns()
            .into_iter()
            .filter(|(_, column)| !columns.contains(column))
            .map(|(key, column)| {
                // Mappings of version 1 have no sections.
                let key = if version == 1 { key.trim_start_matches("orders.").to_owned() } else { key };
                format!("{column:?} ({key})")
            })
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(BuildError::MissingColumns {
            file: self.path.to_owned(),
            mapping: self.layout.mapping.name.clone(),
            missing: missing.join(", "),
            found: self.found(),
        })
    }

    fn refuse(&self, field: &str, reason: impl Into<String>) -> BuildError {
        BuildError::Expression {
            mapping: self.layout.mapping.name.clone(),
            field: field.to_owned(),
            reason: reason.into(),
            found: self.found(),
        }
    }

    fn value(&self, field: &str, source: &FieldSource) -> Result<Value, BuildError> {
        let (sql, given) = match source {
            FieldSource::Column(column) | FieldSource::Minor(column) => (quoted(column), self.raw.column(column)),
            FieldSource::Sql(sql) => (format!("({sql})"), self.raw.expression(sql)),
        };
        let is_trimmed = !self.is_typed && !matches!(source, FieldSource::Sql(_));
        Ok(Value { sql, given: given.map_err(|reason| self.refuse(field, reason))?, is_trimmed })
    }

    /// SQL for a number that can be cast to a decimal, or for text that may hold one.
    fn number(&self, value: &Value) -> String {
        match value.given {
            Given::Text if self.layout.mapping.csv.decimal_comma => format!("replace({}, ',', '.')", value.text()),
            Given::Text => value.text(),
            Given::Whole | Given::Real | Given::Decimal => value.sql.clone(),
            Given::Time | Given::Flag => "CAST(NULL AS VARCHAR)".to_owned(),
        }
    }

    fn time(&self, value: &Value) -> String {
        match value.given {
            Given::Time => format!("TRY_CAST({} AS TIMESTAMP)", value.sql),
            _ => self.layout.time(&value.text()),
        }
    }

    /// The columns of the file, for messages.
    fn found(&self) -> String {
        let names: Vec<String> = self
            .raw
            .columns()
            .iter()
            .filter(|name| *name != SOURCE_ROW && *name != "source_line")
            .map(|name| format!("{name:?}"))
            .collect();
        names.join(", ")
    }
}

/// SQL for the truth value that a text holds, in English or Chinese; null where it holds none.
pub(super) fn flag(text: &str) -> String {
    format!(
        "CASE WHEN {text} IN ('是', '真', '有') THEN true WHEN {text} IN ('否', '假', '无') THEN false \
         ELSE TRY_CAST({text} AS BOOLEAN) END"
    )
}

/// SQL for a text with the words of the file replaced by what they mean here.
fn recoded(text: String, codes: &BTreeMap<String, String>) -> String {
    if codes.is_empty() {
        return text;
    }
    let whens = codes.iter().map(|(word, meant)| format!("WHEN {} THEN {} ", text_literal(word), text_literal(meant)));
    format!("CASE {text} {}ELSE {text} END", whens.collect::<String>())
}

/// SQL for a decimal number as text without needless zeros.
fn decimal_text(sql: &str) -> String {
    format!("rtrim(rtrim(CAST({sql} AS VARCHAR), '0'), '.')")
}

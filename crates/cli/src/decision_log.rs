//! Logs of decisions: what was shown, with which chance, and what came of it. Parquet, CSV or JSON lines, one row a showing.

use anyhow::{Context, Result, anyhow, bail};
use arrow::array::{Array, ArrayRef, Float64Array, StringArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vitrine_learn::off_policy::{Action, Logged};

/// Rows from which the types of a text file's columns are told.
const ROWS_FOR_TYPES: usize = 10_000;

/// Which columns of a log mean what.
#[derive(Clone, Debug)]
pub struct Columns {
    /// What was shown.
    pub offer: String,
    /// Where; without one there is a single place.
    pub place: Option<String>,
    /// The chance with which it was shown.
    pub propensity: String,
    /// What came of it: a number.
    pub reward: String,
}

/// A log, with its offers and places numbered in the order of their names (numbers by their value).
#[derive(Debug)]
pub struct DecisionLog {
    /// One entry a showing.
    pub rows: Vec<Logged>,
    /// By number of the offer: its name.
    pub offers: Vec<String>,
    /// By number of the place: its name.
    pub places: Vec<String>,
}

/// A row as it is written.
struct Row {
    offer: String,
    place: String,
    propensity: f64,
    reward: f64,
}

impl DecisionLog {
    /// Reads a log.
    ///
    /// # Errors
    /// A file that cannot be read, a column that is missing, a cell that is empty or no number; they name file, column and row.
    pub fn read(path: &Path, columns: &Columns) -> Result<Self> {
        let mut rows = Vec::new();
        for batch in batches(path)? {
            let batch = batch.with_context(|| format!("{} cannot be read", path.display()))?;
            read_batch(&batch, columns, &mut rows).with_context(|| path.display().to_string())?;
        }
        let offers = numbered(rows.iter().map(|it| it.offer.as_str()));
        let places = numbered(rows.iter().map(|it| it.place.as_str()));
        let number = |of: &BTreeMap<Name, u32>, name: &str| of.get(&Name::new(name)).copied().unwrap_or_default();
        let logged = |row: &Row| Logged {
            action: Action { offer: number(&offers, &row.offer), place: number(&places, &row.place) },
            propensity: row.propensity,
            reward: row.reward,
        };
        let names = |of: &BTreeMap<Name, u32>| of.keys().map(|it| it.text.clone()).collect();
        Ok(Self { rows: rows.iter().map(logged).collect(), offers: names(&offers), places: names(&places) })
    }
}

/// A name that sorts by its value where it is a number, so that offer 10 comes behind offer 9.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    number: Option<i64>,
    text: String,
}

impl Name {
    fn new(text: &str) -> Self {
        Self { number: text.parse().ok(), text: text.to_owned() }
    }
}

fn numbered<'r>(names: impl Iterator<Item = &'r str>) -> BTreeMap<Name, u32> {
    let mut found: BTreeMap<Name, u32> = names.map(|it| (Name::new(it), 0)).collect();
    found.values_mut().zip(0..).for_each(|(at, number)| *at = number);
    found
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch>>>;

fn batches(path: &Path) -> Result<Batches> {
    let open = || File::open(path).with_context(|| format!("cannot open {}", path.display()));
    let extension = PathBuf::from(path).extension().map(|it| it.to_string_lossy().to_ascii_lowercase());
    Ok(match extension.as_deref() {
        Some("parquet") => {
            let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(open()?);
            let reader = reader.and_then(|it| it.build());
            let reader = reader.with_context(|| format!("{} is no Parquet file", path.display()))?;
            Box::new(reader.map(|it| it.map_err(Into::into)))
        }
        Some("csv") => {
            let mut file = open()?;
            let format = arrow::csv::reader::Format::default().with_header(true);
            let told = format.infer_schema(&mut file, Some(ROWS_FOR_TYPES));
            let (schema, _) = told.with_context(|| format!("{} is no CSV file", path.display()))?;
            file.rewind()?;
            let reader = arrow::csv::ReaderBuilder::new(Arc::new(schema)).with_header(true).build(file)?;
            Box::new(reader.map(|it| it.map_err(Into::into)))
        }
        Some("ndjson" | "jsonl") => {
            let mut reader = BufReader::new(open()?);
            let told = arrow::json::reader::infer_json_schema(&mut reader, Some(ROWS_FOR_TYPES));
            let (schema, _) = told.with_context(|| format!("{} holds no lines of JSON", path.display()))?;
            reader.rewind()?;
            let reader = arrow::json::ReaderBuilder::new(Arc::new(schema)).build(reader)?;
            Box::new(reader.map(|it| it.map_err(Into::into)))
        }
        _ => bail!("{}: a log is .parquet, .csv, .ndjson or .jsonl", path.display()),
    })
}

fn read_batch(batch: &RecordBatch, columns: &Columns, rows: &mut Vec<Row>) -> Result<()> {
    let column = |name: &str| -> Result<ArrayRef> {
        batch.column_by_name(name).cloned().ok_or_else(|| {
            let schema = batch.schema();
            let known: Vec<&str> = schema.fields().iter().map(|it| it.name().as_str()).take(12).collect();
            anyhow!("there is no column {name:?}; there are {}", known.join(", "))
        })
    };
    let texts = |name: &str| -> Result<StringArray> {
        let cast = arrow::compute::cast(&column(name)?, &DataType::Utf8);
        let cast = cast.with_context(|| format!("column {name:?} holds no names"))?;
        Ok(cast.as_any().downcast_ref::<StringArray>().context("a cast to texts gives texts")?.clone())
    };
    let numbers = |name: &str| -> Result<Float64Array> {
        let cast = arrow::compute::cast(&column(name)?, &DataType::Float64);
        let cast = cast.with_context(|| format!("column {name:?} holds no numbers"))?;
        Ok(cast.as_any().downcast_ref::<Float64Array>().context("a cast to numbers gives numbers")?.clone())
    };
    let offers = texts(&columns.offer)?;
    let places = columns.place.as_deref().map(texts).transpose()?;
    let (propensities, rewards) = (numbers(&columns.propensity)?, numbers(&columns.reward)?);
    for at in 0..batch.num_rows() {
        let filled = |name: &str, array: &dyn Array| {
            if array.is_null(at) {
                bail!("row {}: column {name:?} is empty, or no number where one is wanted", rows.len() + 1);
            }
            Ok(())
        };
        filled(&columns.offer, &offers)?;
        filled(&columns.propensity, &propensities)?;
        filled(&columns.reward, &rewards)?;
        let place = match (&columns.place, &places) {
            (Some(name), Some(places)) => {
                filled(name, places)?;
                places.value(at).to_owned()
            }
            _ => String::new(),
        };
        let (propensity, reward) = (propensities.value(at), rewards.value(at));
        rows.push(Row { offer: offers.value(at).to_owned(), place, propensity, reward });
    }
    Ok(())
}

//! What the tests share: building into a directory that vanishes, and reading Parquet row by row.

use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use datafusion::parquet::record::Field;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use vitrine_profiles::{BuildError, BuildOptions, Built, Mapping, Silent, TableKey, build};

pub const KEY: &str = "000102030405060708090a0b0c0d0e0f";

/// A build in its own directory.
pub struct Shop {
    pub dir: tempfile::TempDir,
    pub built: Built,
}

impl Shop {
    pub fn out(&self) -> PathBuf {
        self.dir.path().join("table")
    }

    /// A file of the build as rows of values by column.
    pub fn rows(&self, name: &str) -> Vec<BTreeMap<String, Field>> {
        parquet_rows(&self.out().join(name))
    }

    /// The table of a step as rows of values by column; of a table of several files, all of them.
    pub fn stage(&self, step: &str) -> Vec<BTreeMap<String, Field>> {
        let entries = fs::read_dir(self.dir.path().join("work")).expect("a work directory");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let is_of_step = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.strip_prefix(step).is_some_and(|rest| rest.starts_with('-'))
        };
        paths.iter().filter(|path| is_of_step(path)).flat_map(|path| parquet_rows(path)).collect()
    }

    /// The quarantine in short: `kind row field reason` a row, sorted.
    pub fn set_aside(&self) -> Vec<String> {
        let short = |row: BTreeMap<String, Field>| {
            let field = match &row["field"] {
                Field::Str(field) => field.clone(),
                _ => "-".to_owned(),
            };
            format!("{} {} {field} {}", text(&row["kind"]), number(&row["source_row"]), text(&row["reason"]))
        };
        let mut rows: Vec<String> = self.rows("quarantine.parquet").into_iter().map(short).collect();
        rows.sort();
        rows
    }

    /// The row of one customer in features.parquet.
    pub fn features(&self, customer_id: &str) -> BTreeMap<String, Field> {
        let is_theirs = |row: &BTreeMap<String, Field>| text(&row["customer_id"]) == customer_id;
        self.rows("features.parquet").into_iter().find(is_theirs).expect("the customer has a row")
    }

    /// How many rows each reason put aside; those without any are left out.
    pub fn reasons(&self) -> BTreeMap<&str, u64> {
        let reasons = self.built.report.reasons.iter();
        reasons.filter(|reason| reason.rows > 0).map(|reason| (reason.code.as_str(), reason.rows)).collect()
    }
}

pub fn options(orders: &[&Path], mapping: Mapping, out: &Path) -> BuildOptions {
    let orders = orders.iter().map(|path| path.to_path_buf()).collect();
    BuildOptions::new(orders, mapping, out.to_owned(), TableKey::from_hex(KEY).expect("a key"))
}

/// Builds one CSV text with changed options.
pub fn try_csv(csv: &[u8], mapping: &str, change: impl FnOnce(&mut BuildOptions)) -> Result<Shop, BuildError> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("orders.csv");
    fs::write(&path, csv).expect("written");
    let mapping = match Mapping::builtin(mapping) {
        Ok(mapping) => mapping,
        Err(_) => Mapping::parse("test.toml", mapping).expect("a sound mapping"),
    };
    let mut options = options(&[&path], mapping, &dir.path().join("table"));
    options.neighbours.buyers_min = 1;
    change(&mut options);
    let built = build(&options, &mut Silent)?;
    Ok(Shop { dir, built })
}

/// Builds a shop of several files. `shop`: the feeds of its shop file, without the head. Its stages stay in `work`.
pub fn try_shop(
    files: &[(&str, &str)],
    shop: &str,
    change: impl FnOnce(&mut BuildOptions),
) -> Result<Shop, BuildError> {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("written");
    }
    let text = format!("version = 1\nname = \"shop\"\ncurrency = \"EUR\"\nminor_digits = 2\n{shop}");
    let shop = vitrine_profiles::Shop::parse("shop.toml", &text, dir.path()).expect("a sound shop file");
    let mapping = Mapping::builtin("vitrine-demo").expect("a mapping");
    let mut options = options(&[], mapping, &dir.path().join("table"));
    options.neighbours.buyers_min = 1;
    options.work_dir = Some(dir.path().join("work"));
    options.shop = Some(shop);
    change(&mut options);
    let built = build(&options, &mut Silent)?;
    Ok(Shop { dir, built })
}

pub fn csv(csv: &str) -> Shop {
    try_csv(csv.as_bytes(), "vitrine-demo", |_| {}).expect("a build")
}

pub fn parquet_rows(path: &Path) -> Vec<BTreeMap<String, Field>> {
    let file = fs::File::open(path).expect("the file is there");
    let reader = SerializedFileReader::new(file).expect("a Parquet file");
    let rows = reader.get_row_iter(None).expect("rows");
    rows.map(|row| row.expect("a row").into_columns().into_iter().collect()).collect()
}

#[track_caller]
pub fn text(field: &Field) -> &str {
    match field {
        Field::Str(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

/// Any number, as the nearest f64.
#[track_caller]
pub fn number(field: &Field) -> f64 {
    match field {
        Field::Long(number) => *number as f64,
        Field::ULong(number) => *number as f64,
        Field::Int(number) => f64::from(*number),
        Field::Double(number) => *number,
        other => panic!("{other:?} is no number"),
    }
}

/// A list of texts.
#[track_caller]
pub fn texts(field: &Field) -> Vec<&str> {
    match field {
        Field::ListInternal(list) => list.elements().iter().map(text).collect(),
        other => panic!("{other:?} is no list"),
    }
}

/// A list of numbers.
#[track_caller]
pub fn numbers(field: &Field) -> Vec<f64> {
    match field {
        Field::ListInternal(list) => list.elements().iter().map(number).collect(),
        other => panic!("{other:?} is no list"),
    }
}

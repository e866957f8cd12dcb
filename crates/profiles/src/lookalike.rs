//! Customers of a finished build who are like those of a group: each has a direction, the sum of the directions of the items
//! that they bought, and those who point the way of the group come first.

use crate::BuildError;
use crate::finished::Finished;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
pub use vitrine_learn::segment::LookalikeMethod;
use vitrine_learn::segment::{Vectors, lookalikes};
use vitrine_tables::{ItemTable, ItemVectors};

/// What is asked.
#[derive(Clone, Debug)]
pub struct LookalikeOptions {
    /// Directory of a build, with `features.parquet`, `tastes.parquet`, `labels.json`, `items/items.bin` and `items/vectors.bin`.
    pub dir: PathBuf,
    /// The group: a label that is a flag (such as a segment of `labels.toml`), `LABEL=VALUE` of a category or a set, or the name of
    /// a segment by recency and frequency.
    pub seed_segment: String,
    /// How many customers are wanted. Default 1,000.
    pub top: usize,
    /// How closeness is measured. Default: by the centroid.
    pub method: LookalikeMethod,
    /// Draws the others that the group is told apart from, by the logistic method. Default 0.
    pub seed: u64,
    /// Memory for sorting. Unit: bytes. Default 2 GiB.
    pub memory_bytes: usize,
    /// A CSV file with a row a customer: id and score. Replaced if it is there. Default: none.
    pub out: Option<PathBuf>,
}

impl LookalikeOptions {
    /// The defaults of every option that has one.
    pub fn new(dir: PathBuf, seed_segment: String) -> Self {
        Self {
            dir,
            seed_segment,
            top: 1_000,
            method: LookalikeMethod::Centroid,
            seed: 0,
            memory_bytes: 2 << 30,
            out: None,
        }
    }
}

/// What was found. Holds no customer id.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lookalikes {
    /// The group, as it was asked for.
    pub seed_segment: String,
    /// How closeness was measured.
    pub method: LookalikeMethod,
    /// Customers of the group who have a direction.
    pub seed_customers: u64,
    /// Customers with a direction: those who bought an item that has one.
    pub customers: u64,
    /// Customers found: as many as were wanted, or all others.
    pub found: u64,
    /// Score of the closest of them. Range: -1 to 1 (centroid) or 0 to 1 (logistic).
    pub highest_score: Option<f64>,
    /// Score of the last of them.
    pub lowest_score: Option<f64>,
    /// Mean score of all customers outside of the group, to compare with.
    pub mean_score: Option<f64>,
}

/// Finds the customers who are most like those of a group, without the group itself, the closest first.
///
/// Errors: a directory that is no build with item vectors, a group that is no label or that nobody is in.
pub fn lookalike(options: &LookalikeOptions) -> Result<Lookalikes, BuildError> {
    let refuse = |option, what: &str| Err(BuildError::Option { option, what: what.to_owned() });
    if options.top == 0 {
        return refuse("top", "must be 1 or more");
    }
    let finished = Finished::open(&options.dir, options.memory_bytes)?;
    let group = finished.outcome("seed_segment", &options.seed_segment)?;
    if group.is_text {
        return refuse("seed_segment", "names a label of several values; write LABEL=VALUE");
    }
    finished.read("features")?;
    finished.read("tastes")?;
    let directions = Directions::read(&finished)?;
    let n_dims = directions.n_dims;
    if directions.ids.is_empty() {
        return refuse("dir", "holds no customer who bought an item with a vector");
    }
    let sql = format!("SELECT customer_id FROM features WHERE {} > 0 ORDER BY customer_id", group.sql);
    let members = finished.rows("the seed group", &sql, 1)?.texts.pop().unwrap_or_default();
    let seeds: Vec<usize> = members.iter().flatten().filter_map(|id| directions.ids.binary_search(id).ok()).collect();
    let n_others = directions.ids.len() - seeds.len();
    let vectors = Vectors::F32(&directions.values);
    let found = lookalikes(vectors, n_dims, &seeds, n_others.max(1), options.method, options.seed);
    let all = found.map_err(|error| BuildError::Option { option: "seed_segment", what: error.to_string() })?;
    let matches = all.get(..options.top.min(all.len())).unwrap_or_default();
    if let Some(path) = &options.out {
        let mut text = String::from("customer_id,score\n");
        for one in matches {
            let id = directions.ids.get(one.row_idx).map_or("", String::as_str);
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{},{:.6}", crate::csv_out::field(id), one.score);
        }
        crate::csv_out::write(path, &text)?;
    }
    Ok(Lookalikes {
        seed_segment: options.seed_segment.clone(),
        method: options.method,
        seed_customers: seeds.len() as u64,
        customers: directions.ids.len() as u64,
        found: matches.len() as u64,
        highest_score: matches.first().map(|one| one.score),
        lowest_score: matches.last().map(|one| one.score),
        mean_score: (!all.is_empty()).then(|| all.iter().map(|one| one.score).sum::<f64>() / all.len() as f64),
    })
}

/// The directions of customers, by rising id.
struct Directions {
    ids: Vec<String>,
    n_dims: usize,
    /// `n_dims` numbers a customer.
    values: Vec<f32>,
}

impl Directions {
    /// Adds up, for each customer, the directions of the items with how much they count.
    fn read(finished: &Finished) -> Result<Self, BuildError> {
        let bytes = |name: &str| {
            let file = finished.file(name);
            let what = |error: std::io::Error| format!("{error}; give a directory of a build with item vectors");
            std::fs::read(&file).map_err(|error| BuildError::Input { file: file.clone(), what: what(error) })
        };
        let items = ItemTable::decode(bytes("items/items.bin")?)?;
        let vectors = bytes("items/vectors.bin")?;
        let unsound = |error: vitrine_tables::ItemVectorsError| BuildError::Input {
            file: finished.file("items/vectors.bin"),
            what: error.to_string(),
        };
        let vectors = ItemVectors::decode(vectors).map_err(unsound)?;
        vectors.check_items(&items).map_err(unsound)?;
        let n_dims = vectors.n_dims() as usize;
        let mut directions = Self { ids: Vec::new(), n_dims, values: Vec::new() };
        let sql =
            "SELECT customer_id, item_id, CAST(weight AS DOUBLE) AS weight FROM tastes ORDER BY customer_id, item_id";
        let read = finished.rows("tastes", sql, 2)?;
        let ([ids, item_ids], [weights]) = (read.texts.as_slice(), read.numbers.as_slice()) else {
            return Ok(directions);
        };
        let mut sum = vec![0.0_f64; n_dims];
        let mut last: Option<&String> = None;
        for ((id, item_id), weight) in ids.iter().zip(item_ids).zip(weights) {
            let (Some(id), Some(item_id)) = (id, item_id) else { continue };
            if last.is_some_and(|last| last != id) {
                directions.push(last, &mut sum);
            }
            last = Some(id);
            let codes = items.find(item_id).and_then(|item| vectors.get(item));
            let codes: Vec<f64> = codes.into_iter().flatten().map(f64::from).collect();
            // Each item counts by its direction alone, whatever its length.
            let length = codes.iter().map(|code| code * code).sum::<f64>().sqrt();
            if length > 0.0 {
                sum.iter_mut().zip(&codes).for_each(|(sum, code)| *sum += weight * code / length);
            }
        }
        directions.push(last, &mut sum);
        Ok(directions)
    }

    /// Adds a customer, unless none of the items had a direction; the sum begins anew.
    fn push(&mut self, id: Option<&String>, sum: &mut [f64]) {
        let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
        if let Some(id) = id
            && length > 0.0
        {
            self.ids.push(id.clone());
            self.values.extend(sum.iter().map(|value| (value / length) as f32));
        }
        sum.fill(0.0);
    }
}

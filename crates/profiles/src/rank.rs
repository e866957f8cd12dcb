//! Which labels of a finished build tell an outcome: chi-square, mutual information, recursive elimination, joined to one list.

use crate::BuildError;
use crate::finished::Finished;
use crate::labels::{Label, LabelType};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;
use vitrine_learn::rank_features::{Column, Feature, RankError, RankSettings, rank_features};
pub use vitrine_learn::rank_features::{FeatureRank, FeatureRanking};

/// Numbers with up to so many different values are classes by themselves; of more, the upper half is told from the lower one.
const CLASSES_MAX: usize = 10;

/// What is asked.
#[derive(Clone, Debug)]
pub struct RankOptions {
    /// Directory of a build, with `features.parquet` and `labels.json`.
    pub dir: PathBuf,
    /// The label to be told: a flag, a category or a number; or `LABEL=VALUE` of a category or a set.
    pub outcome: String,
    /// Labels that take no part, such as those that the outcome is made of. Default: none.
    pub without: Vec<String>,
    /// Labels to keep. Range: 1 or more. Default: as many as tests and elimination call for.
    pub keep: Option<usize>,
    /// Draws the rows that elimination looks at, when there are many. Default 0.
    pub seed: u64,
    /// Memory for sorting. Unit: bytes. Default 2 GiB.
    pub memory_bytes: usize,
}

impl RankOptions {
    /// The defaults of every option that has one.
    pub fn new(dir: PathBuf, outcome: String) -> Self {
        Self { dir, outcome, without: Vec::new(), keep: None, seed: 0, memory_bytes: 2 << 30 }
    }
}

/// The ranked labels. Holds no customer id.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// The outcome, as it was asked for.
    pub outcome: String,
    /// What the classes of the ranking are, in their order.
    pub class_names: Vec<String>,
    /// Labels that take no part because they are lists, vectors, texts or times.
    pub left_out: Vec<String>,
    /// The labels, the best first. A value of a set is called `label=value`; of a list, the strongest entry takes part.
    #[serde(flatten)]
    pub ranking: FeatureRanking,
}

/// Ranks the labels of a finished build by how they tell an outcome. Customers of whom the outcome is not known are left out.
///
/// Errors: a directory that is no build, an outcome that is no label, or that is the same for all.
pub fn rank(options: &RankOptions) -> Result<Ranked, BuildError> {
    let finished = Finished::open(&options.dir, options.memory_bytes)?;
    let outcome = finished.outcome("outcome", &options.outcome)?;
    for name in &options.without {
        if finished.registry.get(name).is_none() {
            return Err(BuildError::Option { option: "without", what: format!("no label is called {name:?}") });
        }
    }
    finished.read("features")?;
    let takes_part = |label: &&Label| label.name != outcome.label && !options.without.contains(&label.name);
    let mut left_out = Vec::new();
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    for label in finished.labels().filter(takes_part) {
        let column = format!("\"{}\"", label.name);
        match &label.kind {
            LabelType::Bool => numbers.push((label.name.clone(), format!("CAST(CAST({column} AS INT) AS DOUBLE)"))),
            LabelType::Unsigned { .. } | LabelType::Linear { .. } | LabelType::Log { .. } => {
                numbers.push((label.name.clone(), format!("CAST({column} AS DOUBLE)")));
            }
            LabelType::Category(_) => texts.push((label.name.clone(), format!("CAST({column} AS VARCHAR)"))),
            LabelType::TopK { .. } => texts.push((label.name.clone(), format!("CAST({column}[1] AS VARCHAR)"))),
            LabelType::Labels { values } => numbers.extend(values.iter().map(|value| {
                let has = format!("array_has({column}, {})", crate::engine::text_literal(value));
                (format!("{}={value}", label.name), format!("CAST(CAST({has} AS INT) AS DOUBLE)"))
            })),
            LabelType::Vector { .. } | LabelType::Text | LabelType::Time => left_out.push(label.name.clone()),
        }
    }
    let (own_text, own_number) = match outcome.is_text {
        true => (Some(outcome.sql.clone()), None),
        false => (None, Some(outcome.sql.clone())),
    };
    let columns = own_text.iter().chain(texts.iter().map(|(_, sql)| sql));
    let columns: Vec<&String> = columns.chain(&own_number).chain(numbers.iter().map(|(_, sql)| sql)).collect();
    let named: Vec<String> = columns.iter().enumerate().map(|(idx, sql)| format!("{sql} AS c{idx}")).collect();
    let sql =
        format!("SELECT {} FROM features WHERE {} IS NOT NULL ORDER BY customer_id", named.join(", "), outcome.sql);
    let read = finished.rows("labels to rank", &sql, usize::from(outcome.is_text) + texts.len())?;
    let (mut read_texts, mut read_numbers) = (read.texts.into_iter(), read.numbers.into_iter());
    let (class_names, classes) = match outcome.is_text {
        true => names(read_texts.next().unwrap_or_default()),
        false => numbered(&read_numbers.next().unwrap_or_default()),
    };
    let of_texts = texts.into_iter().zip(read_texts.map(Column::Categories));
    // What is no finite number says nothing.
    let finite = |values: Vec<f64>| values.into_iter().map(|value| if value.is_finite() { value } else { f64::NAN });
    let of_numbers = numbers.into_iter().zip(read_numbers.map(|values| Column::Numbers(finite(values).collect())));
    let features: Vec<Feature> =
        of_texts.chain(of_numbers).map(|((name, _), column)| Feature { name, column }).collect();
    let settings = RankSettings { n_keep: options.keep, seed: options.seed, ..RankSettings::default() };
    let ranking = rank_features(&features, &classes, &settings, None).map_err(refused)?;
    Ok(Ranked { outcome: options.outcome.clone(), class_names, left_out, ranking })
}

fn refused(error: RankError) -> BuildError {
    let option = match &error {
        RankError::Setting { .. } => "keep",
        _ => "outcome",
    };
    BuildError::Option { option, what: error.to_string() }
}

/// Classes of names, in their order.
fn names(values: Vec<Option<String>>) -> (Vec<String>, Vec<u32>) {
    let known: BTreeSet<&str> = values.iter().flatten().map(String::as_str).collect();
    let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
    let class = |value: &Option<String>| known.partition_point(|name| Some(name) < value.as_ref()) as u32;
    let classes = values.iter().map(class).collect();
    (known, classes)
}

/// Classes of numbers: each by itself, or the upper half (above the median) and the lower one.
fn numbered(values: &[f64]) -> (Vec<String>, Vec<u32>) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let median = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    sorted.dedup();
    if sorted.len() <= CLASSES_MAX {
        let classes = values.iter().map(|value| sorted.partition_point(|other| other < value) as u32).collect();
        return (sorted.iter().map(f64::to_string).collect(), classes);
    }
    let names = vec![format!("up to {median}"), format!("above {median}")];
    (names, values.iter().map(|value| u32::from(*value > median)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_become_classes() {
        let text = |name: &str| Some(name.to_owned());
        assert_eq!(names(vec![text("b"), text("a"), text("b")]), (vec!["a".to_owned(), "b".to_owned()], vec![1, 0, 1]));
        assert_eq!(numbered(&[3.0, 0.0, 3.0]), (vec!["0".to_owned(), "3".to_owned()], vec![1, 0, 1]));
        let many: Vec<f64> = (0..20).map(f64::from).collect();
        let (names, classes) = numbered(&many);
        assert_eq!(names, ["up to 9", "above 9"]);
        assert_eq!(classes.iter().sum::<u32>(), 10);
        assert_eq!(numbered(&[]), (Vec::new(), Vec::new()));
    }
}

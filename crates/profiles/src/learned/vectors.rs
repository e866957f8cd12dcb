//! The direction of each customer's taste, from the factorisation whose items' side is `items/vectors.bin`: for rankers and
//! look-alikes of the shop's own. Only made on request: 32 bytes a row are half as much as all other labels together.

use super::{Job, Made, ModelSection, ModelState, Note};
use crate::BuildError;
use crate::engine::{Computed, Engine, Values};
use crate::labels::FeatureFile;
use crate::neighbours::{self, Tastes, VECTOR_DIMS};
use std::collections::HashMap;

const ROWS: &str = "learned_vectors";
const LABEL: &str = "taste_vector";
/// Fewer buyers have no directions of their own.
const BUYERS_MIN: usize = 100;

pub(super) fn made(engine: &Engine, job: &Job<'_>, file: FeatureFile) -> Result<Made, BuildError> {
    let reads = ["items", "tastes"].map(str::to_owned).to_vec();
    let note = if job.options.vectors {
        let settings = format!("{} vectors {VECTOR_DIMS}", super::WAY);
        super::read_note(&engine.keep_rows(ROWS, &reads, &settings, || computed(engine))?)?
    } else {
        Note::without(ModelState::Off, "not asked for")
    };
    Ok(Made { file, rows_table: ROWS, reads, note })
}

fn computed(engine: &Engine) -> Result<Computed, BuildError> {
    let items = engine.items()?;
    let positions: HashMap<String, u32> = items.iter().map(|item| item.item_id.clone()).zip(0..).collect();
    let mut tastes = Tastes::default();
    let mut ids: Vec<String> = Vec::new();
    engine.each_taste(|row| {
        if positions.contains_key(row.item_id) && ids.last().is_none_or(|last| last != row.customer_id) {
            ids.push(row.customer_id.to_owned());
        }
        tastes.push(&row, &positions);
        Ok(())
    })?;
    let columns = |ids: Vec<String>, vectors: Vec<Option<Vec<f64>>>| {
        let ids = ids.into_iter().map(Some).collect();
        vec![("customer_id".to_owned(), Values::Texts(ids)), (LABEL.to_owned(), Values::Lists(vectors))]
    };
    if ids.len() < BUYERS_MIN {
        let why = format!("{} customers bought; at least {BUYERS_MIN} are needed", ids.len());
        let note = Note::without(ModelState::Skipped, why).to_json()?;
        return Ok(Computed { columns: columns(Vec::new(), Vec::new()), note });
    }
    let vectors = neighbours::customer_vectors(&tastes, items.len())?;
    let vectors = vectors.chunks(VECTOR_DIMS).map(direction).collect();
    let section = ModelSection {
        state: ModelState::Published,
        why: format!("directions of {} customers among {} items", ids.len(), items.len()),
        labels: vec![LABEL.to_owned()],
        found: serde_json::Value::Null,
    };
    let note = Note { section, ..Note::default() }.to_json()?;
    Ok(Computed { columns: columns(ids, vectors), note })
}

/// A vector of length 1; none for zeros, which have no direction.
fn direction(vector: &[f32]) -> Option<Vec<f64>> {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    let stored = |value: &f32| super::stored(f64::from(*value) / length).unwrap_or(0.0);
    (length > 0.0).then(|| vector.iter().map(stored).collect())
}

#[cfg(test)]
mod tests {
    use super::direction;

    #[test]
    fn directions_have_length_1() {
        assert_eq!(direction(&[3.0, -4.0]), Some(vec![0.6, -0.8]));
        assert_eq!(direction(&[0.0, 0.0]), None);
    }
}

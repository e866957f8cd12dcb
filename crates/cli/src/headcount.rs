//! Reads a table directory whole: how many of its visitors each rule of a configuration admits, and how many would get another
//! variation. Rows are read and rules evaluated as the edge does; what is counted is the business of `vitrine-config`.

use crate::failure::{Exit, Failure};
use crate::ui::Ui;
use std::collections::BTreeSet;
use std::rc::Rc;
use vitrine_api::{BundleState, RowProfile, Snapshot, TableSlot, TableState, profile_columns};
use vitrine_config::{Census, Checked, Counts, Reshuffle, Tally};
use vitrine_engine::TimestampMs;
use vitrine_tables::TableDir;

/// What a table says about the step from one configuration to another.
pub struct Compared {
    /// Whom the rules of the old one admit.
    pub old: Counts,
    /// Whom the rules of the new one admit.
    pub new: Counts,
    /// What the step does to experiments and flags.
    pub reshuffle: Vec<Reshuffle>,
    /// Of how many visitors one was compared for it: 1 unless the table is very large.
    pub times: u64,
}

/// How many visitors of a table each rule of a configuration admits.
///
/// # Errors
/// 1 if a shard cannot be read or is not sound.
pub fn counts(table: &TableDir, checked: &Checked, ui: &Ui) -> Result<Counts, Failure> {
    let mut counts = scan(table, &[checked], &mut None, ui)?.0;
    Ok(counts.pop().unwrap_or_default())
}

/// Compares two configurations for the visitors of a table. `now`: when experiments run; `None` takes all as running.
///
/// # Errors
/// As [`counts`].
pub fn compare(
    table: &TableDir,
    [old, new]: [&Checked; 2],
    now: Option<TimestampMs>,
    ui: &Ui,
) -> Result<Compared, Failure> {
    let mut tally = Tally::new(old, new, now);
    let (mut counts, times) = scan(table, &[old, new], &mut tally, ui)?;
    let (new, old) = (counts.pop().unwrap_or_default(), counts.pop().unwrap_or_default());
    Ok(Compared { old, new, reshuffle: tally.map(Tally::finish).unwrap_or_default(), times })
}

/// Shows every row to the rules of some configurations, and every `times`-th to a tally.
fn scan(
    table: &TableDir,
    documents: &[&Checked],
    tally: &mut Option<Tally<'_>>,
    ui: &Ui,
) -> Result<(Vec<Counts>, u64), Failure> {
    let manifest = table.manifest();
    // Rules ask nothing of vectors.
    let state = Rc::new(TableState { manifest: manifest.clone(), items: table.items()?, vectors: None });
    let mut parts = Vec::new();
    for checked in documents {
        let bundle = BundleState::new(0, String::new(), checked.stored());
        let bundle = bundle.map_err(|why| Failure::new(Exit::Invalid, why))?;
        let snapshot = Snapshot::new(Some(Rc::new(bundle)), TableSlot::Ready(state.clone()), false);
        parts.push((snapshot, Census::new(checked)));
    }
    let mut columns: BTreeSet<String> = parts.iter().flat_map(|(_, census)| census.columns()).cloned().collect();
    columns.extend(tally.iter().flat_map(|it| it.columns()).map(str::to_owned));
    let columns: Vec<String> = columns.into_iter().collect();
    let compared_max = tally.as_ref().map_or(1, |it| it.visitors_max() as u64).max(1);
    let times = manifest.rows.div_ceil(compared_max).max(1);
    let bar = ui.bar("counting", u64::from(manifest.n_shards()));
    let mut n_rows = 0_u64;
    for shard_idx in 0..manifest.n_shards() {
        let bytes = table.read_shard(shard_idx)?;
        let shard = manifest.decode_shard(shard_idx, &bytes).map_err(|error| {
            anyhow::Error::from(error).context(format!("shard {shard_idx:x} of {}", table.path().display()))
        })?;
        for (_, row) in shard.rows() {
            let Some((first, _)) = parts.first() else { break };
            let attributes = profile_columns(first, &columns, row);
            for (snapshot, census) in &mut parts {
                census.add(&RowProfile::new(snapshot, row), &attributes);
            }
            if let Some(tally) = tally.as_mut().filter(|_| n_rows.is_multiple_of(times)) {
                tally.add(attributes);
            }
            n_rows += 1;
        }
        bar.step();
    }
    Ok((parts.into_iter().map(|(_, census)| census.finish()).collect(), times))
}

//! How far the distributions of a build have moved from those of the build before.

use crate::BuildOptions;
use crate::report::{Distribution, Drift, Quality, rounded};
use serde::Deserialize;
use std::collections::BTreeMap;
use vitrine_learn::drift::psi;

/// From this population stability index on, a column has drifted. Source: the usual reading, below .1 stable, above .25 moved.
const MOVED: f64 = 0.25;

/// The distributions of the build that the options name, or of the one in the output directory. `None` if there is none.
pub(super) fn previous(options: &BuildOptions) -> Option<Vec<Distribution>> {
    /// What is read of a report.
    #[derive(Deserialize)]
    struct Before {
        quality: Quality,
    }
    let path = options.previous.clone().unwrap_or_else(|| options.out.join("report.json"));
    let before: Before = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    Some(before.quality.distributions)
}

/// Compares distributions of the same table, column and bins.
pub(super) fn between(before: &[Distribution], now: &[Distribution]) -> Vec<Drift> {
    let place = |d: &Distribution| (d.table.clone(), d.column.clone());
    let before: BTreeMap<_, &Distribution> = before.iter().map(|d| (place(d), d)).collect();
    now.iter()
        .filter_map(|d| {
            let old = before.get(&place(d))?;
            let mut bins: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
            for bin in &old.bins {
                bins.entry(&bin.bin).or_default().0 = bin.rows;
            }
            for bin in &d.bins {
                bins.entry(&bin.bin).or_default().1 = bin.rows;
            }
            let (old_rows, rows): (Vec<u64>, Vec<u64>) = bins.values().copied().unzip();
            let (n_old, n): (u64, u64) = (old_rows.iter().sum(), rows.iter().sum());
            if n_old == 0 || n == 0 {
                return None;
            }
            let psi = psi(&old_rows, &rows);
            // The largest distance of the cumulative shares, where bins have an order.
            let ks = d.is_ordered.then(|| {
                let mut ordered: Vec<(i64, u64, u64)> =
                    bins.iter().map(|(bin, (old, new))| (bin.parse().unwrap_or(i64::MIN), *old, *new)).collect();
                ordered.sort_unstable();
                let (mut below_old, mut below, mut most) = (0, 0, 0.0_f64);
                for (_, old, new) in ordered {
                    below_old += old;
                    below += new;
                    most = most.max((below_old as f64 / n_old as f64 - below as f64 / n as f64).abs());
                }
                rounded(most)
            });
            Some(Drift {
                table: d.table.clone(),
                column: d.column.clone(),
                psi: rounded(psi),
                ks,
                rows_before: n_old,
                rows: n,
                has_moved: psi >= MOVED,
            })
        })
        .collect()
}

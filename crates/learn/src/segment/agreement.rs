//! How far two groupings of the same rows agree.

use std::collections::BTreeMap;

use super::SegmentError;

/// Rows that two groupings share, by pair of groups, and by group of each.
struct Shared {
    both: BTreeMap<(u32, u32), u64>,
    a: BTreeMap<u32, u64>,
    b: BTreeMap<u32, u64>,
}

fn shared(a: &[u32], b: &[u32]) -> Result<Shared, SegmentError> {
    if a.len() != b.len() {
        return Err(SegmentError::Length { what: "rows of the second grouping", expected: a.len(), found: b.len() });
    }
    let mut found = Shared { both: BTreeMap::new(), a: BTreeMap::new(), b: BTreeMap::new() };
    for (a, b) in a.iter().zip(b) {
        *found.both.entry((*a, *b)).or_insert(0) += 1;
        *found.a.entry(*a).or_insert(0) += 1;
        *found.b.entry(*b).or_insert(0) += 1;
    }
    Ok(found)
}

/// Adjusted Rand index of two groupings: 1 if they are the same but for numbering, about 0 if they agree by chance only; may be negative.
///
/// Two groupings that both have one group, or both have one row a group, agree: 1. Without rows 1.
/// Source: L. Hubert, P. Arabie, "Comparing partitions" (1985). Errors: [`SegmentError::Length`].
pub fn adjusted_rand_index(a: &[u32], b: &[u32]) -> Result<f64, SegmentError> {
    let found = shared(a, b)?;
    let pairs = |n: u64| n as f64 * (n as f64 - 1.0) / 2.0;
    let both: f64 = found.both.values().map(|n| pairs(*n)).sum();
    let in_a: f64 = found.a.values().map(|n| pairs(*n)).sum();
    let in_b: f64 = found.b.values().map(|n| pairs(*n)).sum();
    let all = pairs(a.len() as u64);
    if all <= 0.0 {
        return Ok(1.0);
    }
    let expected = in_a * in_b / all;
    let most = (in_a + in_b) / 2.0;
    Ok(if most == expected { 1.0 } else { (both - expected) / (most - expected) })
}

/// For each group of `a` (0 to `k - 1`) the largest Jaccard index with a group of `b`: shared rows by rows of either.
///
/// Range: 0 to 1; 0 for a group without rows. Errors: [`SegmentError::Length`].
pub fn best_jaccards(a: &[u32], b: &[u32], k: usize) -> Result<Vec<f64>, SegmentError> {
    let found = shared(a, b)?;
    let mut best = vec![0.0; k];
    for ((in_a, in_b), both) in &found.both {
        let size = |sizes: &BTreeMap<u32, u64>, group: &u32| sizes.get(group).copied().unwrap_or(0);
        let either = size(&found.a, in_a) + size(&found.b, in_b) - both;
        if let Some(best) = best.get_mut(*in_a as usize) {
            *best = f64::max(*best, *both as f64 / either as f64);
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_those_of_hand() {
        // The example of scikit-learn's documentation of the index: 0.571...
        let index = adjusted_rand_index(&[0, 0, 1, 1], &[0, 0, 1, 2]).unwrap();
        assert!((index - 4.0 / 7.0).abs() < 1e-12, "{index}");
        assert_eq!(adjusted_rand_index(&[0, 0, 1, 1], &[5, 5, 2, 2]).unwrap(), 1.0);
        assert!((adjusted_rand_index(&[0, 0, 1, 1], &[0, 1, 0, 1]).unwrap() + 0.5).abs() < 1e-12);
        assert_eq!(adjusted_rand_index(&[0, 0], &[1, 1]).unwrap(), 1.0);
        assert_eq!(adjusted_rand_index(&[], &[]).unwrap(), 1.0);
        assert!(adjusted_rand_index(&[0], &[]).is_err());
        // {0,1} against {0}: 1 of 2; {2,3} against {1,2,3}: 2 of 3.
        assert_eq!(best_jaccards(&[0, 0, 1, 1], &[0, 1, 1, 1], 3).unwrap(), [0.5, 2.0 / 3.0, 0.0]);
    }
}

//! Finding a key among rising ones. Keys are hashes, so they are spread evenly and the place of one can be guessed
//! from its size: three or four looks find it among thousands, where halving takes ten to fourteen.

use core::cmp::Ordering;
use core::ops::RangeInclusive;

/// After so many guesses the keys are not spread evenly, and halving is the better way.
const GUESSES_MAX: u32 = 8;

/// The position of `key` among `n_keys` strictly rising keys in `range`, or `None`.
///
/// `read` gives the key at a position below `n_keys`. It is called at most `8 + log2(n_keys) + 1` times, whatever it
/// answers.
pub(super) fn position(
    n_keys: usize,
    range: RangeInclusive<u64>,
    key: u64,
    mut read: impl FnMut(usize) -> u64,
) -> Option<usize> {
    if !range.contains(&key) {
        return None;
    }
    let (mut key_min, mut key_max) = range.into_inner();
    let (mut begin, mut end) = (0_usize, n_keys);
    let mut n_guesses = 0_u32;
    while let Some(last) = end.checked_sub(1).filter(|last| begin <= *last) {
        let width = last.saturating_sub(begin);
        let step = if n_guesses < GUESSES_MAX {
            let share = key.saturating_sub(key_min) as f64 / (key_max.saturating_sub(key_min) as f64 + 1.0);
            ((share * (width as f64 + 1.0)) as usize).min(width)
        } else {
            width / 2
        };
        n_guesses = n_guesses.saturating_add(1);
        let middle = begin.saturating_add(step);
        let found = read(middle);
        match found.cmp(&key) {
            Ordering::Equal => return Some(middle),
            Ordering::Less => {
                begin = middle.saturating_add(1);
                key_min = found.saturating_add(1).max(key_min);
            }
            Ordering::Greater => {
                end = middle;
                key_max = found.saturating_sub(1).min(key_max);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::position;
    use alloc::vec::Vec;

    fn check(keys: &[u64], range: core::ops::RangeInclusive<u64>, key: u64) -> u32 {
        let mut n_reads = 0;
        let found = position(keys.len(), range, key, |position| {
            n_reads += 1;
            keys[position]
        });
        assert_eq!(found, keys.binary_search(&key).ok(), "key {key:x} among {}", keys.len());
        n_reads
    }

    #[test]
    fn agrees_with_binary_search() {
        let full = 0..=u64::MAX;
        let sets: [Vec<u64>; 6] = [
            Vec::new(),
            [7].into(),
            [0, u64::MAX].into(),
            // Far from even: all at one end, and one outlier.
            (0..2000).collect(),
            (0..2000).map(|i| u64::MAX - 2000 + i).chain([u64::MAX]).collect(),
            (0..63).map(|bit| 1 << bit).collect(),
        ];
        for keys in &sets {
            for probe in keys.iter().flat_map(|key| [key.wrapping_sub(1), *key, key.wrapping_add(1)]) {
                assert!(check(keys, full.clone(), probe) <= 8 + 12);
            }
            check(keys, full.clone(), 0);
            check(keys, full.clone(), u64::MAX);
        }
    }

    /// Even keys, as hashes are: the point of guessing.
    #[test]
    fn needs_few_looks_at_hashes() {
        let key = crate::TableKey::from_bytes([1; 16]);
        let mut keys: Vec<u64> = (0..8192).map(|i| key.hash(&alloc::format!("v{i}")).0).collect();
        keys.sort_unstable();
        let total: u32 = keys.iter().map(|key| check(&keys, 0..=u64::MAX, *key)).sum();
        let mean = f64::from(total) / keys.len() as f64;
        assert!(mean < 5.0, "mean number of looks: {mean}");
    }

    #[test]
    fn refuses_keys_of_other_shards() {
        assert_eq!(position(1, 16..=31, 15, |_| 15), None);
        assert_eq!(position(1, 16..=31, 16, |_| 16), Some(0));
    }

    /// Bytes that change under the reader must not hang it.
    #[test]
    fn ends_whatever_it_reads() {
        let mut n_reads = 0_u64;
        let found = position(1 << 20, 0..=u64::MAX, 1 << 40, |_| {
            n_reads += 1;
            if n_reads.is_multiple_of(2) { 0 } else { u64::MAX }
        });
        assert_eq!(found, None);
        assert!(n_reads <= 8 + 21);
    }
}

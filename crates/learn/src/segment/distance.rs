//! Squared distances to several centres at once.

/// Centres laid out so that the distances to eight of them are computed side by side.
///
/// A plain loop adds one difference after the other; the compiler may not reorder that. Eight sums that run side by side are the
/// same sums, so the result has the same bits as the plain loop.
pub(super) struct Lanes {
    n_cols: usize,
    k: usize,
    /// Block by block of eight centres, column by column, centre by centre; unused places are infinitely far.
    blocks: Vec<[f64; 8]>,
}

impl Lanes {
    pub(super) fn new(centres: &[f64], n_cols: usize) -> Self {
        let k = centres.len() / n_cols.max(1);
        let mut blocks = Vec::with_capacity(k.div_ceil(8) * n_cols);
        for group in centres.chunks(8 * n_cols.max(1)) {
            for col in 0..n_cols {
                let mut lane = [f64::INFINITY; 8];
                for (place, centre) in lane.iter_mut().zip(group.chunks_exact(n_cols)) {
                    *place = centre.get(col).copied().unwrap_or(f64::INFINITY);
                }
                blocks.push(lane);
            }
        }
        Self { n_cols, k, blocks }
    }

    /// The nearest centre of a row and its squared distance; of equally near ones the first.
    pub(super) fn nearest(&self, row: &[f64]) -> (u32, f64) {
        let mut best = (0u32, f64::INFINITY);
        for (block_idx, block) in self.blocks.chunks_exact(self.n_cols.max(1)).enumerate() {
            let mut sums = [0.0f64; 8];
            for (value, lane) in row.iter().zip(block) {
                for (sum, centre) in sums.iter_mut().zip(lane) {
                    let difference = value - centre;
                    *sum += difference * difference;
                }
            }
            for (lane_idx, sum) in sums.into_iter().enumerate() {
                let centre_idx = block_idx * 8 + lane_idx;
                if sum < best.1 && centre_idx < self.k {
                    best = (centre_idx as u32, sum);
                }
            }
        }
        best
    }
}

/// Squared Euclidean distance, column by column.
pub(super) fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Stream;

    #[test]
    fn lanes_equal_the_plain_loop() {
        let mut stream = Stream::new(1, "lanes");
        for k in [1, 7, 8, 9, 17] {
            let centres: Vec<f64> = (0..k * 5).map(|_| stream.normal()).collect();
            let lanes = Lanes::new(&centres, 5);
            for _ in 0..200 {
                let row: Vec<f64> = (0..5).map(|_| stream.normal()).collect();
                let mut plain = (0, f64::INFINITY);
                for (idx, centre) in centres.chunks(5).enumerate() {
                    let distance = squared(&row, centre);
                    if distance < plain.1 {
                        plain = (idx as u32, distance);
                    }
                }
                assert_eq!(lanes.nearest(&row), plain);
            }
        }
    }
}

//! Directions of items, offers and visitors: those that are liked by the same people point the same way.
//!
//! All numbers are signed bytes, so their products and sums are whole and the same whatever their order.

use alloc::vec;
use alloc::vec::Vec;

/// Directions of a list of things, one behind the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directions {
    n_dims: usize,
    codes: Vec<i8>,
    /// 1 over the length of each; 0 for one that points nowhere.
    inverse: Vec<f64>,
}

/// A direction in the making: the sum of others.
pub(crate) struct Sum(Vec<i64>);

impl Sum {
    pub fn new(n_dims: usize) -> Self {
        Self(vec![0; n_dims])
    }

    /// Adds codes, `weight` times. Codes of another length are left out: they are of another space.
    pub fn add(&mut self, codes: &[u8], weight: i64) {
        if codes.len() == self.0.len() {
            for (sum, code) in self.0.iter_mut().zip(codes) {
                *sum = sum.saturating_add(i64::from(code.cast_signed()).saturating_mul(weight));
            }
        }
    }

    /// The direction, stretched so that its greatest number is ±127.
    fn codes(&self) -> impl Iterator<Item = i8> {
        let greatest = self.0.iter().map(|it| it.unsigned_abs()).max().unwrap_or(0);
        self.0.iter().map(move |it| {
            // Rounded to the nearest; |it| * 127 fits: sums are at most 2^20 items of 2^7 with weights of 2^16.
            let stretched = i128::from(*it).saturating_mul(254).checked_div(i128::from(greatest)).unwrap_or(0);
            i8::try_from(stretched.saturating_add(stretched.signum()) / 2).unwrap_or(0)
        })
    }
}

impl Directions {
    pub fn new(n_dims: usize) -> Self {
        Self { n_dims, ..Self::default() }
    }

    pub fn push(&mut self, sum: &Sum) {
        let from = self.codes.len();
        self.codes.extend(sum.codes());
        let square = dot(self.codes.get(from..).unwrap_or_default(), self.codes.get(from..).unwrap_or_default());
        self.inverse.push(if square > 0 { 1.0 / libm::sqrt(f64::from(square)) } else { 0.0 });
    }

    /// Length of a direction; 0 when there are none.
    pub fn n_dims(&self) -> usize {
        self.n_dims
    }

    fn get(&self, at: usize) -> Option<(&[i8], f64)> {
        let codes = self.codes.get(at.checked_mul(self.n_dims)?..)?.get(..self.n_dims)?;
        Some((codes, *self.inverse.get(at)?))
    }

    /// How alike two of them point, one of these and one of `others`. Range: -1..=1; 0 if one points nowhere.
    pub fn cosine(&self, at: usize, others: &Self, other: usize) -> f64 {
        match (self.get(at), others.get(other)) {
            (Some((a, a_inverse)), Some((b, b_inverse))) => f64::from(dot(a, b)) * a_inverse * b_inverse,
            _ => 0.0,
        }
    }
}

/// At most 256 products of 2^14: far from overflow.
fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a).wrapping_mul(i32::from(*b))).fold(0, i32::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directions(list: &[&[i8]]) -> Directions {
        let mut directions = Directions::new(2);
        for codes in list {
            let mut sum = Sum::new(2);
            sum.add(&codes.iter().map(|it| it.cast_unsigned()).collect::<Vec<u8>>(), 3);
            directions.push(&sum);
        }
        directions
    }

    #[test]
    fn directions_keep_their_angles_and_lose_their_lengths() {
        let all = directions(&[&[1, 0], &[100, 0], &[0, -7], &[-3, 0], &[5, 5], &[0, 0], &[1, 2, 3]]);
        let cosine = |a, b| all.cosine(a, &all, b);
        assert!((cosine(0, 1) - 1.0).abs() < 1e-12);
        assert_eq!(cosine(0, 2), 0.0);
        assert!((cosine(0, 3) + 1.0).abs() < 1e-12);
        assert!((cosine(0, 4) - 0.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!([cosine(0, 5), cosine(0, 6), cosine(0, 7)], [0.0; 3]);
    }
}

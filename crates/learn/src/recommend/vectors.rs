//! Vectors in one byte a number, with one scale for all: for look-alikes, similar offers, and profiles.

use super::RecommendError;
use super::als::Als;
use super::lists::code;

/// Vectors as they are stored. A number is its code times the scale.
#[derive(Clone, Debug, PartialEq)]
pub struct CodedVectors {
    /// Length of a vector.
    pub n_dims: usize,
    /// What code 1 stands for. Range: finite and above 0.
    pub scale: f32,
    /// Vector by vector. Range: -127..=127.
    pub codes: Vec<i8>,
}

impl CodedVectors {
    /// Codes vectors that stand one after the other. The scale is that of the largest number.
    ///
    /// Errors: a length that does not divide, or a number that is not finite.
    pub fn new(n_dims: usize, values: &[f32]) -> Result<Self, RecommendError> {
        if n_dims == 0 || !values.len().is_multiple_of(n_dims) {
            return Err(RecommendError::Parameter { name: "n_dims", found: n_dims as f64, rule: "divides the values" });
        }
        if let Some(found) = values.iter().find(|value| !value.is_finite()) {
            let found = f64::from(*found);
            return Err(RecommendError::Parameter { name: "component", found, rule: "is finite" });
        }
        let most = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let scale = if most / 127.0 > 0.0 { most / 127.0 } else { 1.0 };
        Ok(Self { n_dims, scale, codes: values.iter().map(|value| code(*value, scale)).collect() })
    }

    /// The items' vectors of a factorisation.
    pub fn of_items(als: &Als) -> Result<Self, RecommendError> {
        Self::new(als.options().n_factors, als.items())
    }

    /// The customers' vectors of a factorisation.
    pub fn of_users(als: &Als) -> Result<Self, RecommendError> {
        Self::new(als.options().n_factors, als.users())
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.codes.len() / self.n_dims
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The codes of a vector; none for one that does not exist.
    pub fn get(&self, position: usize) -> Option<&[i8]> {
        self.codes.get(position.checked_mul(self.n_dims)?..)?.get(..self.n_dims)
    }

    /// How alike two vectors point. Range: -1..=1; 0 if one does not exist or has no direction. Exact, and the same
    /// everywhere: the sums are whole numbers.
    pub fn cosine(&self, one: usize, other: usize) -> f64 {
        let (Some(one), Some(other)) = (self.get(one), self.get(other)) else { return 0.0 };
        let dot = |a: &[i8], b: &[i8]| a.iter().zip(b).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum::<i64>();
        let lengths = dot(one, one) * dot(other, other);
        if lengths > 0 { dot(one, other) as f64 / (lengths as f64).sqrt() } else { 0.0 }
    }

    /// The positions of the `k` most alike others, most alike first; of equal ones the lower position.
    pub fn most_alike(&self, position: usize, k: usize) -> Vec<(usize, f64)> {
        let others = (0..self.len()).filter(|other| *other != position);
        let mut found: Vec<(usize, f64)> = others.map(|other| (other, self.cosine(position, other))).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_within_half_a_step() {
        let values = [0.5_f32, -1.0, 0.004, 0.0, 0.25, 1.0];
        let coded = CodedVectors::new(2, &values).unwrap();
        assert_eq!((coded.len(), coded.scale), (3, 1.0 / 127.0));
        for (code, value) in coded.codes.iter().zip(values) {
            assert!((f32::from(*code) * coded.scale - value).abs() <= coded.scale * 0.5001);
        }
        assert_eq!(coded.get(1), Some(&[1, 0][..]));
        assert_eq!((coded.get(3), coded.get(usize::MAX)), (None, None));
    }

    #[test]
    fn alike_is_what_points_the_same_way() {
        let coded = CodedVectors::new(2, &[1.0, 0.0, 0.5, 0.1, -1.0, 0.0, 0.0, 0.0]).unwrap();
        let alike = coded.most_alike(0, 2);
        assert_eq!(alike[0].0, 1);
        assert_eq!(alike[1], (3, 0.0));
        assert_eq!(coded.cosine(0, 2), -1.0);
    }

    #[test]
    fn what_cannot_be_coded() {
        for (n_dims, values) in [(0, vec![]), (2, vec![1.0]), (1, vec![f32::NAN]), (1, vec![f32::INFINITY])] {
            assert!(CodedVectors::new(n_dims, &values).is_err());
        }
        let zeros = CodedVectors::new(1, &[0.0, 0.0]).unwrap();
        assert_eq!((zeros.scale, zeros.codes), (1.0, vec![0, 0]));
        assert!(CodedVectors::new(3, &[]).unwrap().is_empty());
    }
}

//! A hybrid: several rankers, each brought to the same size for the customer, added up with weights.

use super::RecommendError;
use super::ranker::{Own, Ranker};

/// One ranker of a blend.
pub struct Part<'a> {
    /// What it is called in reports.
    pub name: String,
    /// The ranker.
    pub ranker: Box<dyn Ranker + 'a>,
    /// How its scores are brought to the size of the others.
    pub sizing: Sizing,
}

/// How the scores of one ranker are made comparable with those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizing {
    /// Divided by the customer's highest score, so that the best item has 1.
    Highest,
    /// As they are: for scores that mean the same for every customer, such as a number of orders.
    AsIs,
}

impl Sizing {
    pub(super) fn divisor(self, scores: &[f64]) -> f64 {
        match self {
            Self::Highest => highest(scores),
            Self::AsIs => 1.0,
        }
    }
}

impl<'a> Part<'a> {
    /// Names a ranker whose scores are divided by the customer's highest.
    pub fn new(name: &str, ranker: impl Ranker + 'a) -> Self {
        Self { name: name.to_owned(), ranker: Box::new(ranker), sizing: Sizing::Highest }
    }

    /// Names a ranker whose scores are taken as they are.
    pub fn as_is(name: &str, ranker: impl Ranker + 'a) -> Self {
        Self { sizing: Sizing::AsIs, ..Self::new(name, ranker) }
    }
}

/// The weighted sum of rankers, each brought to a comparable size before.
pub struct Blend<'a> {
    parts: Vec<(&'a Part<'a>, f64)>,
}

impl<'a> Blend<'a> {
    /// Blends parts; those of weight 0 are not asked. Shape of `weights`: one a part.
    ///
    /// Errors: another number of weights than parts, or a weight that is not finite.
    pub fn new(parts: &'a [Part<'a>], weights: &[f64]) -> Result<Self, RecommendError> {
        if weights.len() != parts.len() {
            return Err(RecommendError::Weights { found: weights.len(), expected: parts.len() });
        }
        if let Some(found) = weights.iter().find(|weight| !weight.is_finite()) {
            return Err(RecommendError::Parameter { name: "weight", found: *found, rule: "is finite" });
        }
        let asked = parts.iter().zip(weights).filter(|(_, weight)| **weight != 0.0);
        Ok(Self { parts: asked.map(|(part, weight)| (part, *weight)).collect() })
    }
}

impl Ranker for Blend<'_> {
    fn score(&self, own: &[Own], user: Option<u32>, scores: &mut [f64]) {
        let mut part = vec![0.0; scores.len()];
        for (asked, weight) in &self.parts {
            part.fill(0.0);
            asked.ranker.score(own, user, &mut part);
            let scale = weight / asked.sizing.divisor(&part);
            for (score, part) in scores.iter_mut().zip(&part) {
                *score += scale * part;
            }
        }
    }
}

/// The highest score, or 1 if none is above 0.
fn highest(scores: &[f64]) -> f64 {
    let highest = scores.iter().fold(0.0_f64, |most, score| most.max(*score));
    if highest > 0.0 { highest } else { 1.0 }
}

/// What another ranker says, times a number of each item; what it says against an item stays.
///
/// With [`super::Purchases::freshness`] as numbers, items that are no longer sold or out of season sink.
pub struct Scaled<R> {
    ranker: R,
    factors: Vec<f64>,
}

impl<R: Ranker> Scaled<R> {
    /// Scales a ranker. Shape of `factors`: one an item, each finite and at least 0.
    ///
    /// Errors: a factor out of range.
    pub fn new(ranker: R, factors: Vec<f64>) -> Result<Self, RecommendError> {
        if let Some(found) = factors.iter().find(|factor| !(factor.is_finite() && **factor >= 0.0)) {
            let rule = "is finite and at least 0";
            return Err(RecommendError::Parameter { name: "factor", found: *found, rule });
        }
        Ok(Self { ranker, factors })
    }
}

impl<R: Ranker> Ranker for Scaled<R> {
    fn score(&self, own: &[Own], user: Option<u32>, scores: &mut [f64]) {
        let mut part = vec![0.0; scores.len()];
        self.ranker.score(own, user, &mut part);
        for ((score, part), factor) in scores.iter_mut().zip(&part).zip(&self.factors) {
            *score += if *part > 0.0 { part * factor } else { *part };
        }
    }
}

/// What another ranker says of the items that the customer bought before, and nothing of others.
pub struct OwnOnly<R>(
    /// The ranker.
    pub R,
);

impl<R: Ranker> Ranker for OwnOnly<R> {
    fn score(&self, own: &[Own], user: Option<u32>, scores: &mut [f64]) {
        let mut part = vec![0.0; scores.len()];
        self.0.score(own, user, &mut part);
        for own in own {
            let item = own.item as usize;
            if let (Some(score), Some(part)) = (scores.get_mut(item), part.get(item)) {
                *score += part;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::popularity::Popularity;
    use super::*;

    #[test]
    fn parts_are_brought_to_one_size() {
        let parts = [
            Part::new("large", Popularity::of_numbers(&[1000.0, 500.0, 0.0])),
            Part::new("small", Popularity::of_numbers(&[0.0, 0.001, 0.002])),
            Part::new("none", Popularity::of_numbers(&[0.0, 0.0, 0.0])),
        ];
        let mut scores = vec![0.0; 3];
        Blend::new(&parts, &[1.0, 2.0, 3.0]).unwrap().score(&[], None, &mut scores);
        assert_eq!(scores, [1.0, 1.5, 2.0]);
        let plain = [Part::as_is("plain", Popularity::of_numbers(&[4.0, 2.0, -1.0]))];
        let mut scores = vec![0.0; 3];
        Blend::new(&plain, &[0.5]).unwrap().score(&[], None, &mut scores);
        assert_eq!(scores, [2.0, 1.0, -0.5]);
    }

    #[test]
    fn weights_and_factors_are_checked() {
        let parts = [Part::new("one", Popularity::of_numbers(&[1.0]))];
        let error = |weights: &[f64]| Blend::new(&parts, weights).err().unwrap().to_string();
        assert_eq!(error(&[]), "there are 0 weights for 1 rankers; give one for each");
        assert_eq!(error(&[f64::NAN]), "`weight` is NaN, but it is finite");
        for factor in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(Scaled::new(Popularity::of_numbers(&[1.0]), vec![factor]).is_err());
        }
    }

    #[test]
    fn only_what_speaks_for_an_item_is_scaled() {
        let scaled = Scaled::new(Popularity::of_numbers(&[2.0, -2.0, 2.0]), vec![0.5, 0.5, 0.0]).unwrap();
        let mut scores = vec![0.0; 3];
        scaled.score(&[], None, &mut scores);
        assert_eq!(scores, [1.0, -2.0, 0.0]);
        let mut scores = vec![0.0; 3];
        OwnOnly(scaled).score(&[Own::now(0), Own::now(9)], None, &mut scores);
        assert_eq!(scores, [1.0, 0.0, 0.0]);
    }
}

//! What is known of arms after counting: the prior, and all counts of the window. Nothing of an earlier posterior goes in, so
//! the same counts always give the same numbers, and nothing counts twice.

use std::collections::BTreeMap;

/// Greatest number of an arm that a bundle takes.
const NUMBER_MAX: f64 = 1e9;

/// What was counted of an arm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ArmCounts {
    /// How often it was shown.
    pub n_shown: u64,
    /// How often it was rewarded.
    pub n_rewards: u64,
    /// Sum of the rewards. Unit: the currency's own.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
}

impl ArmCounts {
    /// How often it was tried. Rewards whose impression was not told are tries too.
    fn n_tries(&self) -> f64 {
        as_f64(self.n_shown.max(self.n_rewards))
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which nothing is ever counted to")]
fn as_f64(n: u64) -> f64 {
    n as f64
}

/// Beta distribution of a share: alpha grows by the rewards, beta by the tries without one.
pub(crate) fn bernoulli(prior: [f64; 2], counts: &ArmCounts) -> [f64; 2] {
    let [alpha, beta] = prior;
    let rewards = as_f64(counts.n_rewards);
    [alpha + rewards, beta + (counts.n_tries() - rewards)].map(short)
}

/// Normal distribution of each arm's mean reward of a try, with a normal prior (mean and standard deviation) and the spread of
/// single rewards as all arms together have it: an arm without any reward would else seem to be known for certain.
///
/// `None`: too little is counted to know the spread. Source: conjugate prior of a normal mean with known variance.
pub(crate) fn gaussian(prior: [f64; 2], arms: &BTreeMap<String, ArmCounts>) -> Option<BTreeMap<String, [f64; 2]>> {
    let tried = || arms.values().filter(|it| it.n_tries() > 0.0);
    let n_tries: f64 = tried().map(ArmCounts::n_tries).sum();
    let n_arms: f64 = tried().map(|_| 1.0).sum();
    let within: f64 = tried().map(|it| (it.squares - it.sum * it.sum / it.n_tries()).max(0.0)).sum();
    let variance = within / (n_tries - n_arms);
    if n_tries <= n_arms || variance <= 0.0 || !variance.is_finite() {
        return None;
    }
    let [mean, deviation] = prior;
    let known = |it: &ArmCounts| {
        let data = it.n_tries() / variance;
        if deviation <= 0.0 {
            return prior;
        }
        let before = 1.0 / (deviation * deviation);
        let precision = before + data;
        [(before * mean + it.sum / variance) / precision, (1.0 / precision).sqrt()].map(short)
    };
    let tried = arms.iter().filter(|(_, it)| it.n_tries() > 0.0);
    Some(tried.map(|(offer, it)| (offer.clone(), known(it))).collect())
}

/// A number of ten digits: those come back bit for bit through every reader of JSON, so that what has not changed is known to
/// be the same.
fn short(number: f64) -> f64 {
    format!("{number:.9e}").parse().unwrap_or(number).clamp(-NUMBER_MAX, NUMBER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(n_shown: u64, rewards: &[f64]) -> ArmCounts {
        ArmCounts {
            n_shown,
            n_rewards: rewards.len() as u64,
            sum: rewards.iter().sum(),
            squares: rewards.iter().map(|it| it * it).sum(),
        }
    }

    #[test]
    fn a_share_is_the_prior_and_what_was_counted() {
        let of = |n_shown, n_rewards| bernoulli([1.0, 1.0], &ArmCounts { n_shown, n_rewards, ..ArmCounts::default() });
        assert_eq!(of(0, 0), [1.0, 1.0]);
        assert_eq!(of(300, 12), [13.0, 289.0]);
        // Clicks whose impressions were lost never make a share above one.
        assert_eq!(of(3, 5), [6.0, 1.0]);
        assert_eq!(bernoulli([0.5, 20.25], &counts(2, &[1.0])), [1.5, 21.25]);
        assert_eq!(of(u64::MAX, 0), [1.0, 1e9]);
    }

    #[test]
    fn a_mean_is_drawn_towards_the_prior_by_how_much_is_known() {
        // Two arms, ten tries each: 10, 20 and eight times nothing; 40 and nine times nothing. By hand: the squares within are
        // 500 - 900/10 = 410 and 1600 - 1600/10 = 1440, so the variance is 1850/18.
        let arms = BTreeMap::from([
            ("a".to_owned(), counts(10, &[10.0, 20.0])),
            ("b".to_owned(), counts(10, &[40.0])),
            ("never".to_owned(), ArmCounts::default()),
        ]);
        let found = gaussian([5.0, 2.0], &arms).unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
        let data: f64 = 10.0 / (1850.0 / 18.0);
        for (offer, mean) in [("a", 3.0), ("b", 4.0)] {
            let precision: f64 = 0.25 + data;
            let expected = [(0.25 * 5.0 + data * mean) / precision, (1.0 / precision).sqrt()];
            for (found, expected) in found[offer].iter().zip(expected) {
                assert!((found - expected).abs() < 1e-8, "{offer}: {found} {expected}");
            }
        }
        // Who is sure stays so.
        assert_eq!(gaussian([5.0, 0.0], &arms).unwrap()["b"], [5.0, 0.0]);
    }

    #[test]
    fn without_spread_nothing_is_learnt_of_means() {
        let one = |it: ArmCounts| gaussian([0.0, 1.0], &BTreeMap::from([("a".to_owned(), it)]));
        assert_eq!(one(ArmCounts::default()), None);
        assert_eq!(one(counts(1, &[5.0])), None);
        assert_eq!(one(counts(500, &[])), None);
        assert_eq!(one(counts(2, &[5.0, 5.0])), None);
        assert!(one(counts(3, &[5.0, 5.0])).is_some());
    }

    #[test]
    fn numbers_are_short() {
        for (number, expected) in [(1.0 / 3.0, 0.333_333_333_3), (123_456.0, 123_456.0), (1e-300, 1e-300), (1e12, 1e9)]
        {
            assert_eq!(short(number), expected);
            let read: f64 = serde_json::from_str(&serde_json::to_string(&short(number)).unwrap()).unwrap();
            assert_eq!(read, short(number));
        }
    }
}

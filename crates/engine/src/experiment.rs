//! Experiments on placements and control groups: who sees what is tested, and who sees none of it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::bundle::Ranker;
use crate::random::{mixed, number_of, share_of};

/// Position of an experiment in [`crate::Bundle::experiments`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExperimentIdx(pub u16);

/// An experiment that placements take part in. Who is in which variation is decided elsewhere, with the other flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// Unique id, its tracking key.
    pub id: String,
    /// The flag whose rule it is.
    pub flag: String,
}

/// What the variations of an experiment change about a placement.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacementExperiment {
    /// The experiment.
    pub experiment: ExperimentIdx,
    /// By variation.
    pub treatments: Vec<Treatment>,
}

/// What one variation changes; the default changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Treatment {
    /// In place of the placement's own ranker.
    pub ranker: Option<Ranker>,
    /// Creatives of this variant are shown where an offer has them.
    pub variant: Option<String>,
}

/// The number that stands for a visitor in control groups and draws: equal wherever the same visitor is decided for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit(pub u64);

impl Unit {
    /// Whether the visitor is among the `share_bps` (unit: basis points) whom `salt` chooses. Salts choose independently.
    pub(crate) fn is_among(self, salt: &str, share_bps: u16) -> bool {
        share_of(mixed(self.0, number_of(salt))) * 10_000.0 < f64::from(share_bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept_and_salts_are_independent() {
        let units = || (0..20_000_u64).map(|it| Unit(mixed(it, 1)));
        let count = |holds: &dyn Fn(Unit) -> bool| units().filter(|it| holds(*it)).count();
        assert_eq!(count(&|it| it.is_among("a", 0)), 0);
        assert_eq!(count(&|it| it.is_among("a", 10_000)), 20_000);
        let (a, both) =
            (count(&|it| it.is_among("a", 1_000)), count(&|it| it.is_among("a", 1_000) && it.is_among("b", 1_000)));
        // Within four standard deviations.
        assert!((1_830..2_170).contains(&a), "{a}");
        assert!((144..256).contains(&both), "{both}");
    }
}

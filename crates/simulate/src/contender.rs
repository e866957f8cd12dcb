//! Which rankers compete, and what each is where the configuration says nothing about it.

use serde::Serialize;
use vitrine_engine::{
    Bandit, BanditModel, Formula, ItemsRanker, Objective, OfferField, OfferIdx, Placement, Ranker, Step, Two,
};

use crate::learner::Learner;
use crate::report::{Goal, SimulateError};
use crate::stage::{Policy, Stage};
use crate::truth::Truth;

/// A way of choosing offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Contender {
    /// By chance, anew at each visit.
    Random,
    /// The ranker `popular`.
    Popular,
    /// The ranker `priority`.
    Priority,
    /// The ranker `items`: the placement's, or with its default weights.
    Items,
    /// The ranker `relevance`.
    Relevance,
    /// The ranker `formula`: the placement's, or `offer.relevance + offer.popularity`.
    Formula,
    /// The ranker `hybrid`: the placement's, or `relevance` and `items` with equal weights.
    Hybrid,
    /// A bandit that learns a share for each offer: the placement's, or one that knows nothing yet. So the others.
    Bernoulli,
    /// A bandit that learns a mean.
    Gaussian,
    /// A bandit that learns a linear function of what is known of the visitor, and draws.
    LinearThompson,
    /// The same, and takes what may be best.
    LinUcb,
    /// The offer that is best for all visitors together, known from the truth.
    Single,
    /// The offer that is best for the visitor's segment, known from the truth: nothing that knows no more than segments can do better.
    Truth,
}

/// The word for all bandits.
const BANDITS: &str = "bandit";

impl Contender {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Random,
        Self::Popular,
        Self::Priority,
        Self::Items,
        Self::Relevance,
        Self::Formula,
        Self::Hybrid,
        Self::Bernoulli,
        Self::Gaussian,
        Self::LinearThompson,
        Self::LinUcb,
        Self::Single,
        Self::Truth,
    ];

    /// The word of the command line and of reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Popular => "popular",
            Self::Priority => "priority",
            Self::Items => "items",
            Self::Relevance => "relevance",
            Self::Formula => "formula",
            Self::Hybrid => "hybrid",
            Self::Bernoulli => "bernoulli",
            Self::Gaussian => "gaussian",
            Self::LinearThompson => "linear_thompson",
            Self::LinUcb => "lin_ucb",
            Self::Single => "single",
            Self::Truth => "truth",
        }
    }

    /// Whether it learns from what it shows.
    pub fn is_bandit(self) -> bool {
        self.model().is_some()
    }

    /// Whether it takes part whatever is asked for: what others are measured by.
    pub(crate) fn is_yardstick(self) -> bool {
        matches!(self, Self::Random | Self::Popular | Self::Single | Self::Truth)
    }

    /// Whether it knows the truth, and so cannot be had.
    pub fn knows_the_truth(self) -> bool {
        matches!(self, Self::Single | Self::Truth)
    }

    /// Those that words name, and the yardsticks, in the order of [`Contender::ALL`]. `bandit` names all four bandits; no words name everything.
    ///
    /// # Errors
    /// [`SimulateError::UnknownRanker`] and [`SimulateError::RankerTwice`].
    pub fn named<S: AsRef<str>>(words: &[S]) -> Result<Vec<Self>, SimulateError> {
        let mut named = Vec::new();
        for word in words.iter().map(AsRef::as_ref) {
            let found: Vec<Self> = match word {
                BANDITS => Self::ALL.into_iter().filter(|it| it.is_bandit()).collect(),
                _ => Self::ALL.into_iter().filter(|it| it.as_str() == word).collect(),
            };
            if found.is_empty() {
                let known = Self::ALL.map(Self::as_str).join(", ");
                return Err(SimulateError::UnknownRanker { found: word.to_owned(), known });
            }
            if found.iter().any(|it| named.contains(it)) {
                return Err(SimulateError::RankerTwice { found: word.to_owned() });
            }
            named.extend(found);
        }
        let is_in = |it: &Self| words.is_empty() || it.is_yardstick() || named.contains(it);
        Ok(Self::ALL.into_iter().filter(is_in).collect())
    }

    /// The contender that a placement's own ranker is.
    pub(crate) fn of(placement: &Placement) -> Self {
        match &placement.ranker {
            Ranker::Priority => Self::Priority,
            Ranker::Items(_) => Self::Items,
            Ranker::Popular => Self::Popular,
            Ranker::Relevance => Self::Relevance,
            Ranker::Formula(_) => Self::Formula,
            Ranker::Hybrid(_) => Self::Hybrid,
            Ranker::Bandit(bandit) => match bandit.model {
                BanditModel::Bernoulli => Self::Bernoulli,
                BanditModel::Gaussian => Self::Gaussian,
                BanditModel::LinearThompson => Self::LinearThompson,
                BanditModel::LinUcb { .. } => Self::LinUcb,
            },
        }
    }

    fn model(self) -> Option<BanditModel> {
        match self {
            Self::Bernoulli => Some(BanditModel::Bernoulli),
            Self::Gaussian => Some(BanditModel::Gaussian),
            Self::LinearThompson => Some(BanditModel::LinearThompson),
            Self::LinUcb => Some(BanditModel::LinUcb { width: 1.0 }),
            Self::Random
            | Self::Popular
            | Self::Priority
            | Self::Items
            | Self::Relevance
            | Self::Formula
            | Self::Hybrid
            | Self::Single
            | Self::Truth => None,
        }
    }

    /// The ranker that it is in a placement.
    fn ranker(self, stage: &Stage) -> Result<Ranker, SimulateError> {
        let own = &stage.placement().ranker;
        if Self::of(stage.placement()) == self {
            return Ok(own.clone());
        }
        let refused = |why: vitrine_engine::FormulaError| SimulateError::Engine { why: why.to_string() };
        Ok(match self {
            Self::Popular => Ranker::Popular,
            Self::Items => Ranker::Items(ItemsRanker::default()),
            Self::Relevance => Ranker::Relevance,
            Self::Formula => {
                let offer = |field| Step::Offer(field);
                let steps = vec![offer(OfferField::Relevance), offer(OfferField::Popularity), Step::Two(Two::Add)];
                Ranker::Formula(Formula::new(steps).map_err(refused)?)
            }
            Self::Hybrid => {
                Ranker::Hybrid(vec![(1.0, Ranker::Relevance), (1.0, Ranker::Items(ItemsRanker::default()))])
            }
            Self::Bernoulli | Self::Gaussian | Self::LinearThompson | Self::LinUcb => {
                Ranker::Bandit(untaught(self.model().unwrap_or(BanditModel::Bernoulli), stage))
            }
            Self::Random | Self::Priority | Self::Single | Self::Truth => Ranker::Priority,
        })
    }

    /// All that it needs to choose offers on a stage. `weights`: visits by segment.
    ///
    /// # Errors
    /// [`SimulateError::Engine`], which is a bug of Vitrine.
    pub(crate) fn policy(
        self,
        stage: &Stage,
        truth: &Truth,
        goal: Goal,
        weights: &[u64],
    ) -> Result<Policy, SimulateError> {
        let worth = |segment: usize, offer: OfferIdx| {
            let click = truth.click(segment, offer);
            match goal {
                Goal::Clicks => click,
                Goal::Value => click * truth.value_minor(segment, offer),
            }
        };
        let knowing = |worth: &dyn Fn(OfferIdx) -> f64| stage.bundle(known(stage, worth), Objective::Score);
        let plain = |bundles| Policy { bundles, learner: None, is_fresh: false };
        Ok(match self {
            Self::Random => {
                let chance = Bandit {
                    model: BanditModel::Gaussian,
                    features: Vec::new(),
                    prior: vec![0.0, 1.0],
                    arms: Vec::new(),
                };
                let bundles = vec![stage.bundle(Ranker::Bandit(chance), Objective::Score)?];
                Policy { bundles, learner: None, is_fresh: true }
            }
            Self::Single => {
                let total = |offer| {
                    let parts = weights.iter().enumerate().map(|(segment, n)| *n as f64 * worth(segment, offer));
                    parts.sum::<f64>() / weights.iter().sum::<u64>().max(1) as f64
                };
                plain(vec![knowing(&total)?])
            }
            Self::Truth => {
                let segments = 0..weights.len();
                plain(segments.map(|segment| knowing(&|offer| worth(segment, offer))).collect::<Result<_, _>>()?)
            }
            _ => {
                let ranker = self.ranker(stage)?;
                let learner = match &ranker {
                    Ranker::Bandit(bandit) => Some(Learner::new(bandit.clone())),
                    _ => None,
                };
                Policy { bundles: vec![stage.bundle(ranker, stage.placement().objective)?], learner, is_fresh: false }
            }
        })
    }
}

/// A ranker that knows what each offer is worth: a linear model of the constant alone, which is certain of it.
fn known(stage: &Stage, worth: &dyn Fn(OfferIdx) -> f64) -> Ranker {
    let mut offers = stage.placement().offers.clone();
    offers.sort_unstable();
    Ranker::Bandit(Bandit {
        model: BanditModel::LinUcb { width: 0.0 },
        features: Vec::new(),
        prior: vec![0.0, 0.0],
        arms: offers.into_iter().map(|offer| (offer, vec![worth(offer), 0.0])).collect(),
    })
}

/// A bandit that knows nothing yet. Priors are those of a configuration that says none.
fn untaught(model: BanditModel, stage: &Stage) -> Bandit {
    let features = match model {
        BanditModel::Bernoulli | BanditModel::Gaussian => Vec::new(),
        BanditModel::LinearThompson | BanditModel::LinUcb { .. } => stage.features().to_vec(),
    };
    let prior = match model {
        BanditModel::Bernoulli => vec![1.0, 1.0],
        BanditModel::Gaussian => vec![0.0, 1.0],
        BanditModel::LinearThompson | BanditModel::LinUcb { .. } => {
            let d = features.len() + 1;
            let triangle = (0..d).flat_map(|row| (0..=row).map(move |column| if row == column { 1.0 } else { 0.0 }));
            std::iter::repeat_n(0.0, d).chain(triangle).collect()
        }
    };
    Bandit { model, features, prior, arms: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_contenders_and_yardsticks_are_always_there() {
        let named =
            |words: &[&str]| Contender::named(words).unwrap().into_iter().map(Contender::as_str).collect::<Vec<_>>();
        assert_eq!(named(&[]).len(), 13);
        assert_eq!(named(&["items"]), ["random", "popular", "items", "single", "truth"]);
        let bandits = ["random", "popular", "bernoulli", "gaussian", "linear_thompson", "lin_ucb", "single", "truth"];
        assert_eq!(named(&["bandit", "popular"]), bandits);
        for (words, expected) in [
            (&["itmes"][..], "there is no ranker \"itmes\"; there are random, popular, priority,"),
            (&[""][..], "there is no ranker \"\""),
            (&["items", "items"][..], "the ranker \"items\" is named twice"),
            (&["bernoulli", "bandit"][..], "the ranker \"bandit\" is named twice"),
        ] {
            let found = Contender::named(words).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{found}");
        }
    }
}

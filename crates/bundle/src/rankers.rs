//! Rankers as they are stored.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use vitrine_engine::{
    AttributeIdx, Bandit, BanditFeature, BanditModel, Formula, ItemsRanker, OfferField, OfferIdx, One, Ranker, Step,
    Test, Two,
};

use crate::condition::{LiteralWire, TestWire};
use crate::error::BundleFormatError;
use crate::exact::Exact;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankerWire {
    Priority,
    Items { profile: Exact, session: Exact, own: Exact, popularity: Exact },
    Popular,
    Relevance,
    Formula(FormulaWire),
    Hybrid(Vec<(Exact, RankerWire)>),
    Bandit(BanditWire),
}

/// A program: its steps as words with spaces between them, see [`WORDS`].
#[derive(Serialize, Deserialize)]
pub struct FormulaWire {
    steps: String,
    /// `?0` is the first of them: the attribute and the question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tests: Vec<(u16, TestWire)>,
}

#[derive(Serialize, Deserialize)]
pub struct BanditWire {
    model: ModelWire,
    /// Of `lin_ucb`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<Exact>,
    /// Attribute, what it must equal (if it is no number), scale.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    features: Vec<(u16, Option<LiteralWire>, Exact)>,
    prior: Vec<Exact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arms: Vec<(u16, Vec<Exact>)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModelWire {
    Bernoulli,
    Gaussian,
    LinearThompson,
    LinUcb,
}

/// The words of steps that are neither numbers nor refer to attributes (`@3`) or tests (`?0`).
const WORDS: [(&str, Step); 23] = [
    (".priority", Step::Offer(OfferField::Priority)),
    (".margin", Step::Offer(OfferField::Margin)),
    (".popularity", Step::Offer(OfferField::Popularity)),
    (".relevance", Step::Offer(OfferField::Relevance)),
    (".items", Step::Offer(OfferField::Items)),
    ("neg", Step::One(One::Negative)),
    ("not", Step::One(One::Not)),
    ("abs", Step::One(One::Abs)),
    ("ln", Step::One(One::Ln)),
    ("exp", Step::One(One::Exp)),
    ("sqrt", Step::One(One::Sqrt)),
    ("+", Step::Two(Two::Add)),
    ("-", Step::Two(Two::Subtract)),
    ("*", Step::Two(Two::Multiply)),
    ("/", Step::Two(Two::Divide)),
    ("min", Step::Two(Two::Min)),
    ("max", Step::Two(Two::Max)),
    ("<", Step::Two(Two::Less)),
    ("<=", Step::Two(Two::AtMost)),
    ("==", Step::Two(Two::Equal)),
    ("and", Step::Two(Two::And)),
    ("or", Step::Two(Two::Or)),
    ("if", Step::Select),
];

impl From<&Formula> for FormulaWire {
    fn from(formula: &Formula) -> Self {
        let mut wire = Self { steps: String::new(), tests: Vec::new() };
        for step in formula.steps() {
            if !wire.steps.is_empty() {
                wire.steps.push(' ');
            }
            // Writing to a text cannot fail.
            let _ = match step {
                Step::Number(number) => write!(wire.steps, "{number}"),
                Step::Attribute(attribute) => write!(wire.steps, "@{}", attribute.0),
                Step::Test(attribute, test) => {
                    wire.tests.push((attribute.0, test.into()));
                    write!(wire.steps, "?{}", wire.tests.len().saturating_sub(1))
                }
                word => {
                    let found = WORDS.iter().find(|(_, step)| step == word);
                    write!(wire.steps, "{}", found.map_or("", |(word, _)| word))
                }
            };
        }
        wire
    }
}

impl FormulaWire {
    /// Errors: a word that is none, or steps that are no program.
    fn read(self) -> Result<Formula, BundleFormatError> {
        let tests: Vec<(AttributeIdx, Test)> =
            self.tests.into_iter().map(|(attribute, test)| (AttributeIdx(attribute), test.into())).collect();
        let step = |word: &str| -> Option<Step> {
            if let Some((_, step)) = WORDS.iter().find(|(it, _)| *it == word) {
                return Some(step.clone());
            }
            if let Some(attribute) = word.strip_prefix('@') {
                return attribute.parse().ok().map(|it| Step::Attribute(AttributeIdx(it)));
            }
            if let Some(test) = word.strip_prefix('?') {
                let (attribute, test) = tests.get(test.parse::<usize>().ok()?)?;
                return Some(Step::Test(*attribute, test.clone()));
            }
            word.parse().ok().map(Step::Number)
        };
        let steps: Option<Vec<Step>> = self.steps.split_ascii_whitespace().map(step).collect();
        let steps = steps.ok_or_else(|| BundleFormatError::Formula { why: self.steps.clone() })?;
        Formula::new(steps).map_err(|error| BundleFormatError::Formula { why: error.to_string() })
    }
}

fn exact(numbers: &[f64]) -> Vec<Exact> {
    numbers.iter().copied().map(Exact).collect()
}

fn numbers(exact: Vec<Exact>) -> Vec<f64> {
    exact.into_iter().map(|it| it.0).collect()
}

impl From<&Bandit> for BanditWire {
    fn from(bandit: &Bandit) -> Self {
        let (model, width) = match bandit.model {
            BanditModel::Bernoulli => (ModelWire::Bernoulli, None),
            BanditModel::Gaussian => (ModelWire::Gaussian, None),
            BanditModel::LinearThompson => (ModelWire::LinearThompson, None),
            BanditModel::LinUcb { width } => (ModelWire::LinUcb, Some(Exact(width))),
        };
        let feature = |it: &BanditFeature| (it.attribute.0, it.equals.clone().map(LiteralWire), Exact(it.scale));
        Self {
            model,
            width,
            features: bandit.features.iter().map(feature).collect(),
            prior: exact(&bandit.prior),
            arms: bandit.arms.iter().map(|(offer, numbers)| (offer.0, exact(numbers))).collect(),
        }
    }
}

impl From<BanditWire> for Bandit {
    fn from(wire: BanditWire) -> Self {
        let feature = |(attribute, equals, scale): (u16, Option<LiteralWire>, Exact)| BanditFeature {
            attribute: AttributeIdx(attribute),
            equals: equals.map(|it| it.0),
            scale: scale.0,
        };
        Self {
            model: match wire.model {
                ModelWire::Bernoulli => BanditModel::Bernoulli,
                ModelWire::Gaussian => BanditModel::Gaussian,
                ModelWire::LinearThompson => BanditModel::LinearThompson,
                ModelWire::LinUcb => BanditModel::LinUcb { width: wire.width.map_or(1.0, |it| it.0) },
            },
            features: wire.features.into_iter().map(feature).collect(),
            prior: numbers(wire.prior),
            arms: wire.arms.into_iter().map(|(offer, it)| (OfferIdx(offer), numbers(it))).collect(),
        }
    }
}

impl From<&Ranker> for RankerWire {
    fn from(ranker: &Ranker) -> Self {
        match ranker {
            Ranker::Priority => Self::Priority,
            Ranker::Items(ItemsRanker { profile, session, own, popularity }) => Self::Items {
                profile: Exact(*profile),
                session: Exact(*session),
                own: Exact(*own),
                popularity: Exact(*popularity),
            },
            Ranker::Popular => Self::Popular,
            Ranker::Relevance => Self::Relevance,
            Ranker::Formula(formula) => Self::Formula(formula.into()),
            Ranker::Hybrid(parts) => {
                Self::Hybrid(parts.iter().map(|(weight, part)| (Exact(*weight), part.into())).collect())
            }
            Ranker::Bandit(bandit) => Self::Bandit(bandit.into()),
        }
    }
}

impl RankerWire {
    /// Errors: a formula that is no program.
    pub fn read(self) -> Result<Ranker, BundleFormatError> {
        Ok(match self {
            Self::Priority => Ranker::Priority,
            Self::Items { profile, session, own, popularity } => Ranker::Items(ItemsRanker {
                profile: profile.0,
                session: session.0,
                own: own.0,
                popularity: popularity.0,
            }),
            Self::Popular => Ranker::Popular,
            Self::Relevance => Ranker::Relevance,
            Self::Formula(formula) => Ranker::Formula(formula.read()?),
            Self::Hybrid(parts) => {
                let part = |(weight, part): (Exact, Self)| Ok((weight.0, part.read()?));
                Ranker::Hybrid(parts.into_iter().map(part).collect::<Result<_, BundleFormatError>>()?)
            }
            Self::Bandit(bandit) => Ranker::Bandit(bandit.into()),
        })
    }
}

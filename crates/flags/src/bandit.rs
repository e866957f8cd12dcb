//! Contextual bandits: weights that depend on what is known of the visitor.

use crate::bucket::valid_weights;
use crate::condition::{Compiler, Condition, Scope, Subject};
use crate::experiment::{Experiment, text};
use crate::groups::Groups;
use crate::json::{Json, Object};
use crate::result::Leaf;

/// The leaf's id where no leaf fits and the rule's own weights are used.
pub(crate) const NO_LEAF: i64 = -1;

/// A bandit, as the rule that refers to it needs it.
#[derive(Clone, Debug)]
pub(crate) struct Bandit {
    choices: Vec<Choice>,
    /// With the rule's own weights.
    fallback: Leaf,
}

#[derive(Clone, Debug)]
struct Choice {
    /// `None`: for everybody.
    condition: Option<Condition>,
    /// `None`: malformed; the rule's weights are used.
    leaf: Option<Leaf>,
}

impl Bandit {
    /// Notes what is wrong with the payload's bandits, and what they read.
    pub(crate) fn check(bandits: &Object, compiler: &mut Compiler) {
        for (id, bandit) in bandits.iter() {
            let leaves = bandit.get("contexts").and_then(Json::as_list).unwrap_or_default();
            compiler.at(id, |compiler| {
                compiler.at("contexts", |compiler| {
                    for (at, leaf) in leaves.iter().enumerate() {
                        compiler.at(at, |it| it.optional_condition(leaf.get("condition"), Scope::Visitor));
                    }
                });
            });
        }
    }

    /// The bandit that `rule` refers to. `None` if it refers to none, or to one that is not there: the rule then runs as a
    /// plain experiment.
    pub(crate) fn compile(
        rule: &Json,
        bandits: &Object,
        experiment: &Experiment,
        compiler: &mut Compiler,
    ) -> Option<Self> {
        let reference = text(rule, "contextualBanditRef")?;
        let Some(bandit) = bandits.get(reference).filter(|bandit| bandit.is_truthy()) else {
            compiler.fault(format!("there is no contextual bandit {reference:?}; the rule's own weights are used"));
            return None;
        };
        let n = experiment.variations().len();
        let version = bandit.get("banditVersion").filter(|it| it.as_number().is_some_and(|it| it.fract() == 0.0));
        let leaf = |leaf_id: i64, weights: Vec<f64>| Leaf { leaf_id, weights, bandit_version: version.cloned() };
        let choices = bandit.get("contexts").and_then(Json::as_list).unwrap_or_default();
        // What is wrong with the bandit itself is told once, at its own place.
        let mut unheard = Compiler::default();
        let choices = choices.iter().map(|json| {
            let id = json.get("leafId").and_then(Json::as_number).filter(|id| id.fract() == 0.0);
            let weights = valid_weights(n, json.get("weights"));
            Choice {
                condition: unheard.optional_condition(json.get("condition"), Scope::Visitor),
                leaf: id.zip(weights).map(|(id, weights)| leaf(id as i64, weights)),
            }
        });
        let choices = choices.collect();
        Some(Self { choices, fallback: leaf(NO_LEAF, experiment.weights.clone()) })
    }

    /// The first leaf that `visitor` fits, else the weights of the rule itself.
    pub(crate) fn leaf(&self, visitor: Subject<'_>, groups: &Groups) -> &Leaf {
        let fits = |choice: &&Choice| choice.condition.as_ref().is_none_or(|it| it.passes(visitor, groups));
        self.choices.iter().find(fits).and_then(|choice| choice.leaf.as_ref()).unwrap_or(&self.fallback)
    }
}

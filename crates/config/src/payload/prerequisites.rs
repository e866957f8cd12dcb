//! Prerequisites: flags that exist, values that they can have, and no circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::compile::Compiler;
use crate::payload::{Feature, FeatureRule};
use crate::section::flag::Rule;
use crate::section::flag_rule::{Prerequisite, Wanted};
use crate::source::{At, shortened};
use vitrine_flags::ValueType;

impl<'t> Compiler<'t, '_> {
    /// Checks the prerequisites of all flags and of their rules.
    pub(super) fn check_prerequisites(&mut self, features: &BTreeMap<&'t str, Feature<'_, 't>>) {
        let mut edges: BTreeMap<&'t str, Vec<(&'t str, At<'t>)>> = BTreeMap::new();
        for feature in features.values() {
            for it in feature.prerequisites() {
                if let Some(parent) = features.get(it.flag.as_text()) {
                    edges.entry(feature.id).or_default().push((parent.id, it.at));
                    self.check_wanted(it, parent);
                } else if !self.draft.flag_names.contains(it.flag.as_text()) {
                    let id = it.flag.as_text();
                    let suggestion = self.report.did_you_mean(id, features.keys().copied());
                    let message = format!("there is no flag {:?}{suggestion}", shortened(id));
                    let help = "write the id of one of the flags of this document";
                    self.report.error(it.flag, "unknown_flag", message, help);
                }
            }
        }
        self.check_cycles(&edges);
    }

    /// The value that is wanted is one that the parent can have.
    fn check_wanted(&mut self, prerequisite: &Prerequisite<'t>, parent: &Feature<'_, 't>) {
        match prerequisite.wanted {
            Wanted::Value(at) => {
                let schema = parent.flag.and_then(|it| it.schema.as_ref());
                self.value(at, parent.value_type, schema);
            }
            Wanted::On if parent.value_type.is_some_and(|it| it != ValueType::Boolean) => {
                let message = format!("the flag {:?} is neither true nor false", parent.id);
                let help = "add value: with the value that it must have, or when: with a condition on value";
                self.report.error(prerequisite.at, "missing_key", message, help);
            }
            Wanted::On | Wanted::When(_) => {}
        }
    }

    /// Reports each circle once.
    fn check_cycles(&mut self, edges: &BTreeMap<&'t str, Vec<(&'t str, At<'t>)>>) {
        let mut done = BTreeSet::new();
        for start in edges.keys() {
            // The way from `start`, each step with the edges that are still to be gone.
            let mut way: Vec<(&'t str, std::slice::Iter<'_, (&'t str, At<'t>)>)> = Vec::new();
            let out = |id: &str| edges.get(id).map(Vec::as_slice).unwrap_or_default().iter();
            if !done.contains(start) {
                way.push((start, out(start)));
            }
            while let Some((id, rest)) = way.last_mut() {
                let Some((next, at)) = rest.next() else {
                    done.insert(*id);
                    way.pop();
                    continue;
                };
                if let Some(first) = way.iter().position(|(id, _)| id == next) {
                    let circle: Vec<&str> = way.iter().skip(first).map(|(id, _)| *id).chain([*next]).collect();
                    let message = format!("the prerequisites go round in a circle: {}", circle.join(" -> "));
                    let help = "remove one of these prerequisites; none of the flags would ever have a value";
                    self.report.error(*at, "cyclic_prerequisites", message, help);
                } else if !done.contains(next) {
                    way.push((next, out(next)));
                }
            }
        }
    }
}

impl<'t> Feature<'_, 't> {
    fn prerequisites(&self) -> Vec<&Prerequisite<'t>> {
        let gates = self.flag.map(|it| it.gates.as_slice()).unwrap_or_default().iter();
        let of_rules = self.rules.iter().flat_map(|it| match it {
            FeatureRule::Value(Rule::Value { delivery, .. }) => delivery.prerequisites.as_slice(),
            FeatureRule::Value(Rule::Experiment(_)) => &[],
            FeatureRule::Experiment(experiment) => experiment.delivery.prerequisites.as_slice(),
        });
        gates.chain(of_rules).collect()
    }
}

//! Layers: which part of the visitors each experiment of a layer has, and what is free.

use std::collections::BTreeMap;

use crate::payload::is_running;
use crate::report::Report;
use crate::section::experiment::{Experiment, Share, Slot};

/// A part of a layer. Unit: percent, from 0 to 100; the end is no longer in it.
pub type Range = (f64, f64);

/// Who has which part of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerPlan {
    /// Id of the layer.
    pub id: String,
    /// Running experiments and their parts, in rising order. Experiments whose times do not meet may share a part.
    pub taken: Vec<(String, Range)>,
    /// What no experiment ever has, in rising order.
    pub free: Vec<Range>,
}

pub(super) struct Plans<'t> {
    /// The range of each running experiment that is in a layer, by its id.
    pub ranges: BTreeMap<&'t str, (&'t str, Range)>,
    /// By the layer's id.
    pub plans: Vec<LayerPlan>,
}

/// An experiment with its part.
struct Taken<'e, 't> {
    experiment: &'e Experiment<'t>,
    range: Range,
}

/// Gives each running experiment its part: explicit ranges first, then shares in the order of the document, each in the first gap it fits.
pub(super) fn plan<'t>(experiments: &[Experiment<'t>], report: &mut Report) -> Plans<'t> {
    let mut layers: BTreeMap<&'t str, Vec<(&Experiment<'t>, &Slot<'t>)>> = BTreeMap::new();
    for experiment in experiments.iter().filter(|it| is_running(it)) {
        if let Some(slot) = &experiment.slot {
            layers.entry(slot.layer).or_default().push((experiment, slot));
        }
    }
    let mut plans = Plans { ranges: BTreeMap::new(), plans: Vec::new() };
    for (layer, members) in layers {
        let mut taken: Vec<Taken<'_, 't>> = Vec::new();
        for (experiment, slot) in &members {
            let Share::Range(from, to) = slot.wanted else { continue };
            let new = Taken { experiment, range: (from, to) };
            if let Some(other) = taken.iter().find(|it| it.meets(&new)) {
                let (from, to) = other.range;
                let message = format!(
                    "the range overlaps that of the experiment {:?}, {from} to {to}, in the layer {layer:?}",
                    other.experiment.id
                );
                let help = free_help(&free(&taken, &new));
                report.error(slot.at, "layer_overlap", message, help);
            }
            taken.push(new);
        }
        for (experiment, slot) in &members {
            let Share::Any(share) = slot.wanted else { continue };
            let mut new = Taken { experiment, range: (0.0, 100.0) };
            let gaps = free(&taken, &new);
            let Some(gap) = gaps.iter().find(|(from, to)| rounded(to - from) >= share) else {
                let message = format!("there is no free range of {share} % in the layer {layer:?}");
                report.error(slot.at, "layer_is_full", message, free_help(&gaps));
                continue;
            };
            new.range = (gap.0, rounded(gap.0 + share));
            taken.push(new);
        }
        taken.sort_by(|a, b| a.range.0.total_cmp(&b.range.0));
        plans.ranges.extend(taken.iter().map(|it| (it.experiment.id, (layer, it.range))));
        plans.plans.push(LayerPlan {
            id: layer.to_owned(),
            free: gaps(taken.iter().map(|it| it.range)),
            taken: taken.iter().map(|it| (it.experiment.id.to_owned(), it.range)).collect(),
        });
    }
    plans
}

impl Taken<'_, '_> {
    /// Whether a visitor could be in both at the same time.
    fn meets(&self, other: &Self) -> bool {
        self.range.0 < other.range.1
            && other.range.0 < self.range.1
            && self.experiment.delivery.window.meets(other.experiment.delivery.window)
    }
}

/// Ranges that are free while `new` runs.
fn free(taken: &[Taken<'_, '_>], new: &Taken<'_, '_>) -> Vec<Range> {
    let meet = |it: &&Taken<'_, '_>| it.experiment.delivery.window.meets(new.experiment.delivery.window);
    let mut ranges: Vec<Range> = taken.iter().filter(meet).map(|it| it.range).collect();
    ranges.sort_by(|a, b| a.0.total_cmp(&b.0));
    gaps(ranges.into_iter())
}

/// What ranges, in rising order of their begins, leave of 0 to 100.
fn gaps(ranges: impl Iterator<Item = Range>) -> Vec<Range> {
    let mut found = Vec::new();
    let mut end = 0.0_f64;
    for (from, to) in ranges.chain([(100.0, 100.0)]) {
        if from > end {
            found.push((end, from));
        }
        end = end.max(to);
    }
    found
}

/// Percentages as people add them: without the noise of binary fractions.
fn rounded(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}

fn free_help(gaps: &[Range]) -> String {
    let gaps: Vec<String> = gaps.iter().map(|(from, to)| format!("{from} to {to}")).collect();
    match &gaps[..] {
        [] => "nothing is free: stop an experiment of the layer, or make one smaller".to_owned(),
        _ => format!("free are {}", gaps.join(" and ")),
    }
}

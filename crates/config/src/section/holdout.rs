//! `holdouts`: visitors who are kept out of experiments, so that the effect of all of them together can be measured.

use crate::compile::Compiler;
use crate::limits::{FLAGS_MAX, LAYERS_MAX};
use crate::section::flag_rule::Window;
use crate::source::{At, Kind};

/// Keys of a holdout.
pub(crate) const KEYS: [&str; 10] =
    ["id", "description", "name", "share", "unit", "seed", "starts", "ends", "time_zone", "experiments"];

/// Its tracking key has a prefix, and must fit into an exposure token too. Unit: characters.
pub(crate) const ID_CHARS_MAX: usize = 55;

/// A holdout as written.
pub(crate) struct Holdout<'t> {
    pub id: &'t str,
    pub at: At<'t>,
    /// Visitors who are kept out. Unit: percent.
    pub share: f64,
    pub unit: Option<String>,
    pub seed: Option<String>,
    pub window: Window,
    pub covers: Covers<'t>,
}

/// The experiments that a holdout keeps its visitors out of, besides those that name it.
pub(crate) enum Covers<'t> {
    All,
    /// Texts that name experiments.
    Listed(Vec<At<'t>>),
}

impl Holdout<'_> {
    /// The key of the flag that tells who is held out.
    pub fn feature(id: &str) -> String {
        format!("$holdout:{id}")
    }

    /// The key under which its own exposures are counted.
    pub fn tracking_key(id: &str) -> String {
        format!("holdout:{id}")
    }
}

impl<'t> Compiler<'t, '_> {
    /// Reads the section `holdouts`.
    pub fn holdouts(&mut self, at: At<'t>) {
        for (idx, at) in self.report.list(at, "holdouts", "too_many_holdouts", LAYERS_MAX).enumerate() {
            let Some(at) = self.report.object(at, &KEYS) else { continue };
            let id = self.draft.holdout_names.declare(at, idx, self.report);
            if let (Some(id), Some(at)) = (id, at.get("id"))
                && id.len() > ID_CHARS_MAX
            {
                let message = format!("the id of a holdout has at most {ID_CHARS_MAX} characters, found {}", id.len());
                self.report.error(at, "invalid_id", message, "shorten it");
            }
            for key in ["description", "name"] {
                if let Some(at) = at.get(key) {
                    self.report.text(at);
                }
            }
            let help = "say how many percent of the visitors are kept out: share: 5";
            let share = self.report.required(at, "share", help).and_then(|at| self.report.percent(at));
            let (unit, seed, window) = (self.unit(at, "unit"), self.seed(at), self.window(at));
            let covers = match at.get("experiments").map(|at| (at, at.kind())) {
                None => Covers::Listed(Vec::new()),
                Some((_, Kind::Text(word))) if **word == *"all" => Covers::All,
                Some((at, _)) => {
                    let what = "experiments, or the word all";
                    let entries: Vec<At<'t>> = self.report.list(at, what, "too_many_experiments", FLAGS_MAX).collect();
                    Covers::Listed(entries.into_iter().filter(|at| self.report.text(*at).is_some()).collect())
                }
            };
            if let (Some(id), Some(share)) = (id, share) {
                self.draft.holdouts.push(Holdout { id, at, share, unit, seed, window, covers });
            }
        }
    }
}

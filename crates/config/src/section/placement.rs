//! `placements`: the slots, which offers compete for them, how they are ranked, and what shows when none may.

pub(crate) mod content;
pub(crate) mod experiment;

use std::collections::BTreeSet;

use vitrine_engine::{Creative, Objective, OfferIdx, Placement, Ranker};

use crate::compile::{Compiler, Named};
use crate::facts::PlacementFacts;
use crate::limits::{CANDIDATES_MAX, COUNT_MAX, OFFERS_MAX, PLACEMENTS_MAX};
use crate::source::{At, Kind};

pub(crate) const KEYS: [&str; 12] = [
    "id",
    "description",
    "offers",
    "ranker",
    "count",
    "fallback",
    "channels",
    "content",
    "objective",
    "diversity",
    "holdout",
    "experiment",
];

pub(crate) const DIVERSITY_KEYS: [&str; 2] = ["per_category", "variety"];

/// Reads the placements, `at`, of the document, `root`.
pub(crate) fn read<'t>(at: Option<At<'t>>, root: At<'t>, compiler: &mut Compiler<'t, '_>) {
    let list = at.map(|at| compiler.report.list(at, "placements", "too_many_placements", PLACEMENTS_MAX));
    let placements: Vec<At<'t>> = list.into_iter().flatten().collect();
    // A document may be about flags and experiments alone.
    let has_flags = ["flags", "experiments"].iter().any(|key| root.get(key).is_some());
    if placements.is_empty() && !has_flags && !compiler.report.has_errors() {
        let help = "add a placement for each slot of the page that offers may fill";
        compiler.report.warning(
            at.unwrap_or(root),
            "no_placements",
            "there are no placements, so nothing is ever shown",
            help,
        );
    }
    let fallbacks: BTreeSet<&str> = placements.iter().filter_map(|at| Some(at.get("fallback")?.as_text())).collect();
    let mut reader = Reader { fallbacks, all: None, n_candidates: 0, compiler };
    for (idx, at) in placements.into_iter().enumerate() {
        reader.placement(at, idx);
    }
}

struct Reader<'t, 'a, 'c> {
    /// Ids of the fallback offers of all placements.
    fallbacks: BTreeSet<&'t str>,
    /// What `all` means, once it is used.
    all: Option<Vec<OfferIdx>>,
    n_candidates: usize,
    compiler: &'c mut Compiler<'t, 'a>,
}

impl<'t> Reader<'t, '_, '_> {
    fn placement(&mut self, at: At<'t>, idx: usize) {
        let Some(at) = self.compiler.report.object(at, &KEYS) else { return };
        let Compiler { report, placements, .. } = &mut *self.compiler;
        let id = placements.declare(at, idx, report);
        if let Some(at) = at.get("description") {
            self.compiler.report.text(at);
        }
        let offers = self.candidates(at);
        let ranker = at.get("ranker").map_or(Ranker::Priority, |at| self.compiler.ranker(at));
        self.check_candidates(at, &offers, &ranker);
        let count = at.get("count").and_then(|at| self.compiler.report.integer(at, 1..=COUNT_MAX));
        let count_max = count.and_then(|it| u8::try_from(it).ok()).unwrap_or(1);
        let fallback = self.fallback(at);
        let facts = PlacementFacts {
            at,
            id: id.unwrap_or_default(),
            offers: offers.clone(),
            fallback,
            count_max,
            channels: self.compiler.channels(at),
            content: at.get("content").and_then(|at| content::read(at, self.compiler.report)),
        };
        self.compiler.facts.placements.push(facts);
        if let (Some(id), Some(fallback)) = (id, fallback) {
            let mut placement = Placement { ranker, count_max, ..Placement::new(id, offers, fallback) };
            self.aims(at, &mut placement);
            self.compiler.parts.placements.push(placement);
            if let Some(at) = at.get("experiment") {
                self.compiler.placement_experiment(id, at);
            }
        }
    }

    /// The offers of a list, or all that are no fallback offer of any placement.
    fn candidates(&mut self, placement: At<'t>) -> Vec<OfferIdx> {
        let Compiler { report, parts, offers, .. } = &mut *self.compiler;
        let mut candidates: Vec<OfferIdx> = Vec::new();
        match placement.get("offers") {
            Some(at) if !matches!(at.kind(), Kind::Text(word) if **word == *"all") => {
                let mut seen = BTreeSet::new();
                for entry in report.list(at, "offers, or the word all", "too_many_offers", OFFERS_MAX) {
                    let Some(named) = offers.resolve(entry, "unknown_offer", report) else { continue };
                    if seen.insert(named.idx) {
                        candidates.push(OfferIdx(named.idx));
                    } else {
                        report.error(
                            entry,
                            "duplicate_candidate",
                            format!("the offer {:?} is listed twice", entry.as_text()),
                            "remove one of the two",
                        );
                    }
                }
            }
            _ => {
                let all = self.all.get_or_insert_with(|| {
                    let ids = parts.offers.iter().map(|it| it.id.as_str());
                    let candidates = (0..=u16::MAX).zip(ids).filter(|(_, id)| !self.fallbacks.contains(id));
                    candidates.inspect(|(_, id)| offers.mark_used(id)).map(|(idx, _)| OfferIdx(idx)).collect()
                });
                candidates.clone_from(all);
            }
        }
        let n_before = self.n_candidates;
        self.n_candidates = n_before.saturating_add(candidates.len());
        if n_before <= CANDIDATES_MAX && self.n_candidates > CANDIDATES_MAX {
            let message = format!("the placements up to this one have more than {CANDIDATES_MAX} candidates together");
            report.error(placement, "too_many_candidates", message, "list the offers of each placement instead of all");
        }
        if self.n_candidates > CANDIDATES_MAX { Vec::new() } else { candidates }
    }

    /// What is made as great as possible, how far offers must differ, and who sees none of it.
    fn aims(&mut self, at: At<'t>, placement: &mut Placement) {
        let report = &mut *self.compiler.report;
        let objectives = [("score", Objective::Score), ("value", Objective::Value)];
        placement.objective = at.get("objective").and_then(|at| report.word(at, &objectives)).unwrap_or_default();
        if let Some(at) = at.get("diversity").and_then(|at| report.object(at, &DIVERSITY_KEYS)) {
            let per_category = at.get("per_category").and_then(|at| report.integer(at, 1..=COUNT_MAX));
            placement.diversity.per_category_max = per_category.and_then(|it| u8::try_from(it).ok());
            let variety = at.get("variety").and_then(|at| report.number_in(at, 0.0..=1.0));
            placement.diversity.variety = variety.unwrap_or_default();
        }
        placement.holdout_bps = at.get("holdout").and_then(|at| report.basis_points(at)).unwrap_or_default();
    }

    fn check_candidates(&mut self, placement: At<'_>, candidates: &[OfferIdx], ranker: &Ranker) {
        let Compiler { report, parts, .. } = &mut *self.compiler;
        // Of a document with errors it is not known which candidates there will be.
        if report.has_errors() {
            return;
        }
        if candidates.is_empty() {
            let message = "the placement has no candidates, so it always shows its fallback offer";
            report.warning(placement, "no_candidates", message, "name offers, or add offers that are no fallback");
            return;
        }
        let names_items = |idx: &OfferIdx| {
            parts.offers.get(usize::from(idx.0)).is_some_and(|it| !it.items.is_empty() || !it.categories.is_empty())
        };
        let needs_items = match ranker {
            Ranker::Items(_) => Some("items"),
            Ranker::Popular => Some("popular"),
            Ranker::Relevance => Some("relevance"),
            Ranker::Priority | Ranker::Formula(_) | Ranker::Hybrid(_) | Ranker::Bandit(_) => None,
        };
        if let Some(name) = needs_items.filter(|_| !candidates.iter().any(names_items)) {
            let message = format!("the ranker {name} has nothing to compare: no candidate names items or categories");
            report.warning(
                placement,
                "ranker_without_items",
                message,
                "give the offers items or categories, or write ranker: priority",
            );
        }
        let has_margin =
            |idx: &OfferIdx| parts.offers.get(usize::from(idx.0)).is_some_and(|it| it.margin_minor.is_some());
        if let Some(at) = placement.get("objective").filter(|it| it.as_text() == "value")
            && !candidates.iter().any(has_margin)
        {
            let message = "the objective is value, but no candidate has a margin";
            report.warning(at, "value_without_margin", message, "give the offers a margin, or remove the objective");
        }
    }

    fn fallback(&mut self, placement: At<'t>) -> Option<OfferIdx> {
        let report = &mut *self.compiler.report;
        let Some(at) = placement.get("fallback") else {
            let help = "add fallback: with the id of an offer that may always be shown";
            report.error(placement, "placement_without_fallback", "the placement has no fallback offer", help);
            return None;
        };
        let id = at.as_text();
        let Named { idx, at: offer, .. } = self.compiler.offers.resolve(at, "unknown_offer", report)?;
        let creatives = self.compiler.parts.offers.get(usize::from(idx)).map(|it| it.creatives.as_slice());
        let fits_everywhere = creatives.unwrap_or_default().iter().any(Creative::fits_everywhere);
        if !fits_everywhere && offer.get("creatives").is_some() && offer.get("content").is_none() {
            let message = format!("the fallback offer {id:?} has no creative that fits every locale and channel");
            let help = "add a creative without locale and channel to that offer";
            report.error(at, "fallback_does_not_fit_everywhere", message, help);
        }
        let ignored: Vec<&str> =
            ["starts", "ends", "audience", "when"].into_iter().filter(|key| offer.get(key).is_some()).collect();
        if !ignored.is_empty() {
            let message =
                format!("the fallback offer {id:?} has {}: as a fallback it shows regardless", ignored.join(" and "));
            report.warning(
                at,
                "fallback_rules_ignored",
                message,
                "remove them from that offer, or choose another fallback",
            );
        }
        Some(OfferIdx(idx))
    }
}

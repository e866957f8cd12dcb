//! Item neighbour lists and item vectors: which items speak for which others, tuned and measured on a split of time.
//!
//! The models are `vitrine_learn::recommend`'s; here is what is fitted on what, and chosen by which figure.

mod tastes;
mod weights;

pub(crate) use tastes::Tastes;

use crate::report::{LambdaTried, ListsMethod, Metrics, NeighbourReport, rounded};
use crate::{BuildError, NeighbourOptions};
use std::collections::BTreeMap;
use tastes::Side;
use vitrine_learn::recommend::{
    Als, AlsOptions, Case, CodedVectors, EaseCounts, Interactions, ListsOptions, Mode, NeighbourLists, OwnCounts,
    Popularity, ProfileShape, Ranker, RecommendError, Served, default_lists, ndcg,
};

/// A neighbour: position of the item, and how strongly it is spoken for.
pub(crate) use vitrine_learn::recommend::Neighbour;

/// Length of the lists that are measured.
const K: usize = 10;
/// Numbers of an item's vector.
pub(crate) const VECTOR_DIMS: usize = 32;

/// Items in a profile's list, and steps of their weights: what the served lists have to work with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ItemsShape {
    pub(crate) items_max: usize,
    pub(crate) weight_steps: u32,
}

/// Neighbour lists and how good they are.
pub(crate) struct Fitted {
    /// One list an item, by position, strongest first.
    pub(crate) lists: Vec<Vec<Neighbour>>,
    /// One vector an item, if they are wanted.
    pub(crate) vectors: Option<CodedVectors>,
    /// The numbers, but for those that only the caller knows.
    pub(crate) report: NeighbourReport,
}

impl From<RecommendError> for BuildError {
    fn from(error: RecommendError) -> Self {
        Self::Neighbours { reason: error.to_string() }
    }
}

/// Number of fits that [`fit`] makes.
pub(crate) fn n_fits(options: &NeighbourOptions) -> u64 {
    options.lambdas.len() as u64 + 1 + u64::from(options.vectors)
}

/// Tunes the lists on the time split, measures them beside simple rivals, and fits lists and vectors on everything.
pub(crate) fn fit(
    tastes: &Tastes,
    n_items: usize,
    shape: ItemsShape,
    options: &NeighbourOptions,
    seed: u64,
    mut fitted: impl FnMut(u64),
) -> Result<Fitted, BuildError> {
    let n_items = u32::try_from(n_items).unwrap_or(u32::MAX);
    let all = tastes.interactions(n_items, Side::Both)?;
    let method = method(&all, options);
    let tested = tastes.cases(seed);
    let mut chosen = Chosen::by_default(options);
    let mut tried = Vec::new();
    let mut rankers = BTreeMap::new();
    let mut suggested = Vec::new();
    if !tested.is_empty() {
        let early = tastes.interactions(n_items, Side::Early)?;
        let tuning =
            Tuning { early: &early, tested: &tested, freshness: tastes.freshness(n_items, Side::Early), options };
        let best;
        (best, tried) = tuning.run(method, &mut fitted)?;
        let profiles = tastes.profiles(seed);
        rankers = rivals(&early, &tested, &profiles, method, &best.lists, shape);
        suggested = weights::suggested(&best.lists, &early, &profiles, shape);
        chosen = best.chosen;
    }
    let mut done = options.lambdas.len() as u64;
    fitted(done);
    let factors = if chosen.is_fresh { tastes.freshness(n_items, Side::Both) } else { None };
    let factors = factors.unwrap_or_default();
    let (_, lists) = default_lists(&all, lists_options(options, method, chosen.lambda, &factors))?;
    done += 1;
    fitted(done);
    let vectors = if options.vectors {
        let vectors = vectors(&all)?;
        fitted(done + 1);
        Some(vectors)
    } else {
        None
    };
    let report = NeighbourReport {
        items: u64::from(n_items),
        items_left_out: 0,
        items_with_list: lists.as_slice().iter().filter(|list| !list.is_empty()).count() as u64,
        buyers_min: options.buyers_min,
        per_item: options.per_item as u64,
        method,
        lambda: chosen.lambda,
        is_fresh: chosen.is_fresh,
        split_at: None,
        customers_tested: tested.len() as u64,
        tried,
        rankers,
        suggested,
    };
    Ok(Fitted { lists: lists.as_slice().to_vec(), vectors, report })
}

/// EASE, as long as its matrix is of a bearable size.
fn method(all: &Interactions, options: &NeighbourOptions) -> ListsMethod {
    let is_active = |n: &&u32| u64::from(**n) >= options.buyers_min.max(1);
    let n_active = all.n_buyers().iter().filter(is_active).count();
    if n_active <= options.ease_items_max { ListsMethod::Ease } else { ListsMethod::ItemCosine }
}

fn lists_options<'a>(
    options: &NeighbourOptions,
    method: ListsMethod,
    lambda: f64,
    factors: &'a [f64],
) -> ListsOptions<'a> {
    ListsOptions {
        buyers_min: buyers_min(options),
        lambda,
        per_item: options.per_item,
        factors,
        // Decided once for both sides of the split, so that what is measured is what is written.
        ease_items_max: if method == ListsMethod::Ease { usize::MAX } else { 0 },
    }
}

fn buyers_min(options: &NeighbourOptions) -> u32 {
    u32::try_from(options.buyers_min).unwrap_or(u32::MAX)
}

/// How the lists are made.
#[derive(Clone, Copy)]
struct Chosen {
    lambda: f64,
    is_fresh: bool,
}

impl Chosen {
    /// For data that is too short to choose by.
    fn by_default(options: &NeighbourOptions) -> Self {
        let mut lambdas = options.lambdas.clone();
        lambdas.sort_by(f64::total_cmp);
        Self { lambda: lambdas.get(lambdas.len() / 2).copied().unwrap_or(300.0), is_fresh: false }
    }
}

/// The best lists so far.
struct Best {
    score: f64,
    chosen: Chosen,
    lists: NeighbourLists,
}

/// What is chosen by: lists of the early side, judged by what the tested customers bought on the late side.
struct Tuning<'a> {
    early: &'a Interactions,
    tested: &'a [Case],
    /// None where nothing is known of when items were bought.
    freshness: Option<Vec<f64>>,
    options: &'a NeighbourOptions,
}

impl Tuning<'_> {
    /// Tries every regularisation, each with and without the freshness of items.
    fn run(&self, method: ListsMethod, fitted: &mut impl FnMut(u64)) -> Result<(Best, Vec<LambdaTried>), BuildError> {
        let (options, per_item) = (self.options, self.options.per_item);
        let mut tried = Vec::new();
        let mut best: Option<Best> = None;
        if method == ListsMethod::ItemCosine {
            // Nothing to regularise: only freshness is tried.
            fitted(0);
            let lambda = Chosen::by_default(options).lambda;
            let lists = |factors: &[f64]| default_lists(self.early, lists_options(options, method, lambda, factors));
            let fresh = self.freshness.as_deref().map(|factors| Ok::<_, RecommendError>(lists(factors)?.1)).transpose();
            self.judge(lambda, lists(&[])?.1, fresh?, &mut best);
        } else {
            let mut lambdas = options.lambdas.clone();
            lambdas.sort_by(f64::total_cmp);
            let counts = EaseCounts::new(self.early, buyers_min(options))?;
            for (done, lambda) in lambdas.into_iter().enumerate() {
                fitted(done as u64);
                let ease = counts.fit(lambda)?;
                let fresh = self.freshness.as_deref().map(|factors| ease.scaled_lists(factors, per_item));
                let (plain, fresh) = self.judge(lambda, ease.lists(per_item), fresh, &mut best);
                tried.push(LambdaTried { lambda, novel_ndcg_10: plain, fresh_novel_ndcg_10: fresh });
            }
        }
        let nothing = || BuildError::Inconsistent { what: "no regularisation was tried".into() };
        Ok((best.ok_or_else(nothing)?, tried))
    }

    /// Measures lists without and with freshness, and keeps the better ones if they are the best so far.
    fn judge(
        &self,
        lambda: f64,
        plain: NeighbourLists,
        fresh: Option<NeighbourLists>,
        best: &mut Option<Best>,
    ) -> (f64, Option<f64>) {
        let measured = |lists: &NeighbourLists| rounded(ndcg(lists, self.early, self.tested, Mode::Novel, K));
        let scores = (measured(&plain), fresh.as_ref().map(measured));
        let mut candidate = Best { score: scores.0, chosen: Chosen { lambda, is_fresh: false }, lists: plain };
        if let (Some(score), Some(lists)) = (scores.1, fresh)
            && score > candidate.score
        {
            candidate = Best { score, chosen: Chosen { lambda, is_fresh: true }, lists };
        }
        // Of equal ones the strongest regularisation: the simplest model.
        if best.as_ref().is_none_or(|best| candidate.score >= best.score) {
            *best = Some(candidate);
        }
        scores
    }
}

/// The lists beside simple rivals. `profiles` are the tested customers as profiles have them.
fn rivals(
    early: &Interactions,
    tested: &[Case],
    profiles: &[Case],
    method: ListsMethod,
    lists: &NeighbourLists,
    shape: ItemsShape,
) -> BTreeMap<String, Metrics> {
    let popularity = Popularity::of_buyers(early);
    let own_counts = OwnCounts::new(&popularity);
    // The weights of the profiles have faded already.
    let shape =
        ProfileShape { items_max: shape.items_max, weight_steps: shape.weight_steps, half_life_days: f64::INFINITY };
    let served = Served::new(lists, shape);
    let name = method.name();
    let measured = |ranker: &dyn Ranker, cases: &[Case]| metrics(ranker, early, cases);
    BTreeMap::from([
        ("popularity".to_owned(), measured(&popularity, tested)),
        ("own_counts".to_owned(), Metrics { novel_ndcg_10: None, ..measured(&own_counts, tested) }),
        (name.to_owned(), measured(lists, tested)),
        (format!("{name}_served"), measured(&served, profiles)),
    ])
}

fn metrics(ranker: &dyn Ranker, early: &Interactions, cases: &[Case]) -> Metrics {
    let is_own = |case: &Case, item: u32| case.own.binary_search_by_key(&item, |own| own.item).is_ok();
    let has_novel = cases.iter().any(|case| case.later.iter().any(|item| !is_own(case, *item)));
    let of = |mode| rounded(ndcg(ranker, early, cases, mode, K));
    Metrics { novel_ndcg_10: has_novel.then(|| of(Mode::Novel)), repeat_ndcg_10: of(Mode::Repeat) }
}

/// Vectors that are alike where the same customers bought.
fn vectors(all: &Interactions) -> Result<CodedVectors, BuildError> {
    if all.n_entries() == 0 {
        return Ok(CodedVectors::new(VECTOR_DIMS, &vec![0.0; all.n_items() as usize * VECTOR_DIMS])?);
    }
    Ok(CodedVectors::of_items(&factorised(all)?)?)
}

fn factorised(all: &Interactions) -> Result<Als, BuildError> {
    let options = AlsOptions { n_factors: VECTOR_DIMS, regularisation: 30.0, ..AlsOptions::default() };
    Ok(Als::fit(all, options)?)
}

/// The customers' side of the same factorisation: [`VECTOR_DIMS`] numbers a customer, in the order of the tastes.
pub(crate) fn customer_vectors(tastes: &Tastes, n_items: usize) -> Result<Vec<f32>, BuildError> {
    let all = tastes.interactions(u32::try_from(n_items).unwrap_or(u32::MAX), Side::Both)?;
    Ok(if all.n_entries() == 0 { Vec::new() } else { factorised(&all)?.users().to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::TasteRow;
    use std::collections::HashMap;

    /// Two kinds of customers, each buying its ten items; every customer lacks one on the early side and buys it late.
    fn tastes() -> Tastes {
        let ids: Vec<String> = (0..20).map(|item| format!("i{item:02}")).collect();
        let positions: HashMap<String, u32> = ids.iter().cloned().zip(0..).collect();
        let mut tastes = Tastes::default();
        for customer in 0..60_u32 {
            for item in (0..20_u32).filter(|item| (item < &10) == (customer < 30)) {
                let is_late = item % 10 == customer % 10;
                tastes.push(
                    &TasteRow {
                        customer_id: &format!("c{customer:02}"),
                        item_id: &ids[item as usize],
                        weight: 1 << 20,
                        early_orders: u64::from(!is_late),
                        early_weight: u64::from(!is_late) << 20,
                        late_orders: u64::from(is_late),
                        early_fresh: u64::from(!is_late) << 19,
                        fresh: 1 << 19,
                    },
                    &positions,
                );
            }
        }
        tastes
    }

    #[test]
    fn both_methods_find_what_belongs_together() {
        let shape = ItemsShape { items_max: 12, weight_steps: 15 };
        for (ease_items_max, name, n_tried) in [(20, "ease", 3), (19, "item_cosine", 0)] {
            let options = NeighbourOptions { ease_items_max, ..NeighbourOptions::default() };
            let mut heard = Vec::new();
            let fitted = fit(&tastes(), 20, shape, &options, 0, |done| heard.push(done)).unwrap();
            let report = &fitted.report;
            assert_eq!((report.method.name(), report.tried.len(), report.customers_tested), (name, n_tried, 60));
            assert_eq!((heard.first(), heard.last()), (Some(&0), Some(&n_fits(&options))));
            for (item, list) in (0_u32..).zip(&fitted.lists) {
                assert!(
                    list.iter().filter(|(_, weight)| *weight > 0.01).all(|(other, _)| (*other < 10) == (item < 10))
                );
                assert!(list.len() >= 9, "{list:?}");
            }
            let suggested: Vec<_> =
                report.suggested.iter().map(|it| (it.placement.as_str(), it.trials.len())).collect();
            assert_eq!(suggested, [("novel", 4), ("repeat", 16)]);
            // Everybody buys what is new to them, which the lists know alone: the plainest weights win.
            let repeat = &report.suggested[1];
            assert_eq!((repeat.own, repeat.popularity, repeat.ndcg_10), (0.0, 0.0, repeat.trials[0].ndcg_10));
            assert!(repeat.ndcg_10 >= repeat.default_ndcg_10, "{repeat:?}");
            assert_eq!(report.rankers[name].novel_ndcg_10, Some(1.0));
            assert_eq!(report.rankers[&format!("{name}_served")].novel_ndcg_10, Some(1.0));
            let vectors = fitted.vectors.unwrap();
            assert_eq!((vectors.n_dims, vectors.len()), (32, 20));
            assert!(vectors.cosine(0, 5) > 0.9 && vectors.cosine(0, 15) < 0.5);
        }
    }

    #[test]
    fn a_shop_without_purchases_has_empty_lists() {
        let shape = ItemsShape { items_max: 12, weight_steps: 15 };
        let fitted = fit(&Tastes::default(), 2, shape, &NeighbourOptions::default(), 0, |_| ()).unwrap();
        assert_eq!((fitted.lists, fitted.report.lambda), (vec![vec![], vec![]], 300.0));
        assert_eq!(fitted.vectors.map(|vectors| vectors.codes), Some(vec![0; 64]));
    }
}

//! Which of the scored candidates are shown, and in which order: the best first, as far as diversity allows.

use alloc::vec;
use alloc::vec::Vec;

use crate::bundle::Diversity;
use crate::decide::Chosen;
use crate::explain::{Rejection, Trace};
use crate::items::OfferIndex;
use crate::rank::bounds;

/// The best `n_max` of `pool`, best first; among equals the higher priority goes first, then the earlier place.
pub(crate) fn select<'b>(
    pool: Vec<Chosen<'b>>,
    n_max: usize,
    diversity: &Diversity,
    index: &OfferIndex,
    trace: &mut impl Trace<'b>,
) -> Vec<Chosen<'b>> {
    let mut keys: Vec<f64> = pool.iter().map(|it| it.score.total()).collect();
    let mut fates = vec![Fate::Open; pool.len()];
    let mut chosen: Vec<Chosen<'b>> = Vec::with_capacity(n_max.min(pool.len()));
    if diversity.variety > 0.0 {
        let (least, greatest) = bounds(keys.iter().copied());
        let span = greatest - least;
        keys.iter_mut().for_each(|key| *key = if span > 0.0 { (*key - least) / span } else { 0.0 });
    }
    let mut alike = vec![0.0_f64; if diversity.variety > 0.0 { pool.len() } else { 0 }];
    while chosen.len() < n_max {
        // Marginal relevance: less is wanted of what is like the offers that are there already.
        let key = |at: usize| {
            let own = keys.get(at).copied().unwrap_or(0.0);
            alike.get(at).map_or(own, |alike| (1.0 - diversity.variety) * own - diversity.variety * alike)
        };
        let mut best: Option<(usize, f64, &Chosen<'b>)> = None;
        for (at, (it, fate)) in pool.iter().zip(&fates).enumerate() {
            if *fate != Fate::Open {
                continue;
            }
            let found = key(at);
            let is_ahead = best.is_none_or(|(_, have, than)| {
                found.total_cmp(&have).then(it.offer.priority.cmp(&than.offer.priority)).is_gt()
            });
            if is_ahead {
                best = Some((at, found, it));
            }
        }
        let Some((at, _, picked)) = best else { break };
        let picked = *picked;
        chosen.push(picked);
        set(&mut fates, at, Fate::Chosen);
        if let Some(max) = diversity.per_category_max {
            close_full(&pool, &mut fates, &chosen, usize::from(max));
        }
        for (alike, it) in alike.iter_mut().zip(&pool) {
            *alike = alike.max(likeness(index, it, &picked));
        }
    }
    for (it, fate) in pool.iter().zip(fates) {
        match fate {
            Fate::Open => trace.rejected(it.idx, Rejection::Outranked),
            Fate::Full => trace.rejected(it.idx, Rejection::CategoryFull),
            Fate::Chosen => {}
        }
    }
    chosen
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Open,
    Chosen,
    /// One of its categories has as many offers as it may.
    Full,
}

fn set(fates: &mut [Fate], at: usize, fate: Fate) {
    if let Some(slot) = fates.get_mut(at) {
        *slot = fate;
    }
}

/// Closes candidates of a category that is full. Only categories of the offer chosen last can have become so.
fn close_full(pool: &[Chosen<'_>], fates: &mut [Fate], chosen: &[Chosen<'_>], max: usize) {
    let Some(last) = chosen.last() else { return };
    for category in &last.offer.categories {
        if chosen.iter().filter(|it| it.offer.categories.contains(category)).count() < max {
            continue;
        }
        for (it, fate) in pool.iter().zip(fates.iter_mut()) {
            if *fate == Fate::Open && it.offer.categories.contains(category) {
                *fate = Fate::Full;
            }
        }
    }
}

/// How alike two offers are, 0..=1: by their directions if there are any, else by the share of their categories that they have in
/// common.
fn likeness(index: &OfferIndex, a: &Chosen<'_>, b: &Chosen<'_>) -> f64 {
    let directions = index.directions();
    if directions.n_dims() > 0 {
        return directions.cosine(usize::from(a.idx.0), directions, usize::from(b.idx.0)).max(0.0);
    }
    let (a, b) = (&a.offer.categories, &b.offer.categories);
    let n_both = a.iter().filter(|it| b.contains(it)).count();
    let n_any = a.len().saturating_add(b.len()).saturating_sub(n_both);
    if n_any == 0 { 0.0 } else { n_both as f64 / n_any as f64 }
}

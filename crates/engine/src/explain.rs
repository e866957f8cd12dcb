//! Explanations: what happened to each candidate. They come from the same code path as the decision, through [`Trace`].

use alloc::vec::Vec;

use crate::bundle::{AudienceIdx, OfferIdx};
use crate::condition::Condition;
use crate::decide::ScoreParts;
use crate::limits::Limit;

/// Why a candidate was not shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection<'b> {
    /// Its schedule has not begun.
    NotStarted,
    /// Its schedule is over.
    Ended,
    /// The visitor is not in its audience.
    Audience {
        /// The audience.
        audience: AudienceIdx,
        /// The part of its condition that did not hold.
        failed: &'b Condition,
    },
    /// None of its creatives fits the request's locale and channel.
    NoCreative,
    /// Another placement of the same page shows it already.
    AlreadyShown,
    /// A cap, a budget, its stock, or the visitor's own answer to it.
    Limit(Limit),
    /// It was eligible, but others ranked higher.
    Outranked,
    /// It was eligible, but offers of one of its categories that ranked higher took all places that the category has.
    CategoryFull,
}

/// Learns what the decision does. Every method is called from the one code path that decides.
pub trait Trace<'b> {
    /// `offer` was rejected.
    fn rejected(&mut self, offer: OfferIdx, rejection: Rejection<'b>);
    /// `offer` is eligible. Asked in the placement's order, as [`Trace::rejected`] is of those that are not.
    fn admitted(&mut self, offer: OfferIdx);
    /// `offer` was eligible and got this score.
    fn scored(&mut self, offer: OfferIdx, score: ScoreParts);
}

/// Learns nothing, costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrace;

impl<'b> Trace<'b> for NoTrace {
    fn rejected(&mut self, _: OfferIdx, _: Rejection<'b>) {}
    fn admitted(&mut self, _: OfferIdx) {}
    fn scored(&mut self, _: OfferIdx, _: ScoreParts) {}
}

/// What happened to one candidate of a placement.
#[derive(Clone, Debug, PartialEq)]
pub struct OfferTrace<'b> {
    /// The candidate.
    pub offer: OfferIdx,
    /// Its score, if it was eligible.
    pub score: Option<ScoreParts>,
    /// Why it is not in the answer; `None` when it is.
    pub rejection: Option<Rejection<'b>>,
}

/// Records what happened to every candidate, in the placement's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation<'b> {
    /// One entry a candidate.
    pub offers: Vec<OfferTrace<'b>>,
}

impl<'b> Explanation<'b> {
    /// Updates the entry of `offer`, which is made when it is first heard of.
    fn update(&mut self, offer: OfferIdx, update: impl FnOnce(&mut OfferTrace<'b>)) {
        match self.offers.iter_mut().find(|it| it.offer == offer) {
            Some(entry) => update(entry),
            None => {
                let mut entry = OfferTrace { offer, score: None, rejection: None };
                update(&mut entry);
                self.offers.push(entry);
            }
        }
    }
}

impl<'b> Trace<'b> for Explanation<'b> {
    fn rejected(&mut self, offer: OfferIdx, rejection: Rejection<'b>) {
        self.update(offer, |it| it.rejection = Some(rejection));
    }

    fn admitted(&mut self, offer: OfferIdx) {
        self.update(offer, |_| {});
    }

    fn scored(&mut self, offer: OfferIdx, score: ScoreParts) {
        self.update(offer, |it| it.score = Some(score));
    }
}

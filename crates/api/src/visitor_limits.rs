//! What a visitor's own state keeps from being shown: caps by visitor, offers that were dismissed, offers that have done their work.

use vitrine_engine::{Bundle, Limit, Limits, Offer, OfferIdx, Suppression, TimestampMs};

use crate::visitor_state::VisitorState;

/// For how long a dismissed offer is not shown. Unit: seconds.
const DISMISSED_S: u32 = 90 * DAY_S;
const DAY_S: u32 = 24 * 3600;

/// A visitor's state, asked for one answer, and what else is limited.
#[derive(Clone, Copy)]
pub struct VisitorLimits<'a> {
    /// The running configuration.
    pub bundle: &'a Bundle,
    /// The visitor's state.
    pub state: &'a VisitorState,
    /// When it is decided.
    pub now: TimestampMs,
    /// By offer: whether what it promotes is sold out. May be shorter. It is told first.
    pub sold_out: &'a [bool],
    /// What is limited for all visitors; it is told next.
    pub others: &'a dyn Limits,
}

impl Limits for VisitorLimits<'_> {
    fn rejection(&self, offer: OfferIdx) -> Option<Limit> {
        if self.sold_out.get(usize::from(offer.0)).copied().unwrap_or(false) {
            return Some(Limit::OutOfStock);
        }
        if let Some(limit) = self.others.rejection(offer) {
            return Some(limit);
        }
        if self.state.is_empty() {
            return None;
        }
        self.of(self.bundle.offers().get(usize::from(offer.0))?)
    }

    fn show(&self, offer: OfferIdx) -> Option<Limit> {
        self.others.show(offer)
    }
}

impl VisitorLimits<'_> {
    fn of(&self, offer: &Offer) -> Option<Limit> {
        let seen = self.state.offer(&offer.id, self.now)?;
        if seen.dismissed_for_s().is_some_and(|it| it < DISMISSED_S) {
            return Some(Limit::Dismissed);
        }
        let is_done = |done_for_s: u32| match offer.suppress_after_conversion {
            // For as long as a state remembers.
            Some(Suppression::ForGood) => true,
            Some(Suppression::Days(days)) => done_for_s < u32::from(days).saturating_mul(DAY_S),
            None => false,
        };
        if seen.converted_for_s().is_some_and(is_done) {
            return Some(Limit::Converted);
        }
        let is_reached = offer.caps.visitor.iter().any(|it| seen.n_shown(it.window_s) >= u32::from(it.count_max));
        is_reached.then_some(Limit::VisitorCap)
    }
}

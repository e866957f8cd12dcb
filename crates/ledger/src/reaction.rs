//! What events mean for their visitor's own state: an offer that was declined stays away, one that has done its work may be spared.

use vitrine_api::VisitorState;

use crate::kind::Kind;
use crate::record::{Plan, Recorded};

/// Notes in the state of the batch's visitor what the events say of offers: dismissals, which are the visitor's own wish, and
/// conversions with the offer that they are attributed to, where the visitor is measured and `may_keep` allows it. `recorded`: what
/// [`crate::records`] made of the same plans.
///
/// Gives whether the state has changed.
pub fn react(plans: &[Plan], recorded: &[Recorded], may_keep: bool, state: &mut VisitorState) -> bool {
    let mut is_changed = false;
    for (Plan { event, .. }, recorded) in plans.iter().zip(recorded).filter(|(plan, _)| plan.event.is_of_batch) {
        // The first count says what the event is about.
        let offer = recorded.counts.first().map(|it| it.offer.as_str()).filter(|it| !it.is_empty());
        match (event.kind, offer) {
            (Kind::Dismiss, Some(offer)) => state.dismiss(offer, event.at),
            (Kind::Conversion, Some(offer)) if may_keep && event.visitor.is_some() => state.convert(offer, event.at),
            _ => continue,
        }
        is_changed = true;
    }
    is_changed
}

//! The ids under which people are in the shop's pages before they log in, and how they are linked to customers.

use crate::calendar::Instant;
use crate::draw::Draw;

/// An id that a browser or an app had before its owner logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The id, such as `anon-5f1d0c9a7b3e2468`.
    pub id: String,
    /// When the owner first logged in with it; `None` if they never did.
    pub linked_at: Option<Instant>,
    /// Somebody else logged in on the same device: their number, and when.
    pub also: Option<(u32, Instant)>,
}

/// The aliases of a customer's two devices, not yet linked to anybody.
pub(crate) fn draw_aliases(draw: &mut Draw) -> [Alias; 2] {
    [draw.bits(), draw.bits()].map(|bits| Alias { id: format!("anon-{bits:016x}"), linked_at: None, also: None })
}

/// Links an alias that was first seen at a time, or not; `own` is the number of its owner among `n_customers`.
pub(crate) fn link(alias: &mut Alias, seen_at: Instant, end: Instant, own: u32, n_customers: u32, draw: &mut Draw) {
    let linked = draw.chance(0.8);
    let at = seen_at.plus_s(600 + i64::from(draw.below(86_400)));
    if !linked || at >= end {
        return;
    }
    alias.linked_at = Some(at);
    let shared = draw.chance(0.01);
    let other = draw.below(n_customers);
    let later = at.plus_s(3_600 + i64::from(draw.below(30 * 86_400)));
    if shared && other != own && later < end {
        alias.also = Some((other, later));
    }
}

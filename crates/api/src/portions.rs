//! Portions: what an isolate may show of offers whose caps and budgets count for all visitors together.
//!
//! One object owns the counts (`vitrine-ledger`, `budget`); it leases portions of what is left to isolates, and what was leased
//! counts as shown until it is given back. So no cap is ever passed, and what isolates take along when they end is missed: for
//! each at most its last two portions, of twice what it has shown of late, or of [`PORTION_FIRST`] showings.
//!
//! Pure: the holder is told the time, and what the object answered. [`PortionLimits`] is how the engine asks.

use std::cell::{Cell, RefCell};

use vitrine_engine::{Bundle, CampaignIdx, CostModel, Limit, Limits, Offer, OfferIdx};

use crate::portion_call::{LeaseCall, Leased, Wanted};

/// Showings that an isolate asks for first; later it asks for twice what it has shown.
pub const PORTION_FIRST: u32 = 4;
/// After a call without answer: how long limited offers are left out before the object is asked again. Unit: ms.
pub const SILENCE_MS: u64 = 1_000;
/// Not sooner is a portion renewed behind an answer after one that was. Unit: ms.
const RENEWAL_PAUSE_MS: u64 = 500;
/// The id of portions that cost nothing and need not be given back: showings of what is paid for by click or conversion.
pub const LEAVE: u64 = 0;
/// Length of a day. Unit: ms.
const DAY_MS: u64 = 86_400_000;

/// Something that is counted for all visitors together, by its position in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meter {
    /// Showings of an offer, ever.
    Total(OfferIdx),
    /// Showings of an offer on one day (UTC).
    Daily(OfferIdx),
    /// Money of a campaign.
    Budget(CampaignIdx),
}

impl Meter {
    /// What an offer is limited by.
    pub fn of<'b>(bundle: &'b Bundle, idx: OfferIdx) -> impl Iterator<Item = Self> + use<'b> {
        let offer = bundle.offers().get(usize::from(idx.0));
        let total = offer.and_then(|it| it.caps.total).map(|_| Self::Total(idx));
        let daily = offer.and_then(|it| it.caps.daily).map(|_| Self::Daily(idx));
        [total, daily, offer.and_then(|it| budget(bundle, it)).map(Self::Budget)].into_iter().flatten()
    }

    /// Why an offer is not shown when nothing is left.
    pub fn limit(self) -> Limit {
        match self {
            Self::Total(_) => Limit::TotalCap,
            Self::Daily(_) => Limit::DailyCap,
            Self::Budget(_) => Limit::Budget,
        }
    }
}

/// The campaign of an offer, if its budget can be spent.
fn budget(bundle: &Bundle, offer: &Offer) -> Option<CampaignIdx> {
    let idx = offer.campaign?;
    let campaign = bundle.campaigns().get(usize::from(idx.0))?;
    let is_spent = campaign.budget_minor.is_some() && campaign.cost_minor > 0 && campaign.cost != CostModel::Fixed;
    is_spent.then_some(idx)
}

/// A portion that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Portion {
    /// The object's name for it.
    id: u64,
    meter: Meter,
    /// As it was leased.
    n: u32,
    left: u32,
    /// When it was asked for. Unit: ms since 1970.
    at_ms: u64,
    /// How long it may be used. Unit: ms.
    life_ms: u64,
}

impl Portion {
    fn is_good(&self, now_ms: u64) -> bool {
        let is_of_today = !matches!(self.meter, Meter::Daily(_)) || day(self.at_ms) == day(now_ms);
        is_of_today && now_ms.saturating_sub(self.at_ms) < self.life_ms
    }

    /// In the second half of its life.
    fn is_old(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) >= self.life_ms.div_euclid(2)
    }

    fn is_low(&self) -> bool {
        self.left <= self.n.div_euclid(4)
    }

    /// It says only that something is open, and is spent by what happens later.
    fn is_leave(&self) -> bool {
        self.id == LEAVE
    }
}

fn day(at_ms: u64) -> u64 {
    at_ms.div_euclid(DAY_MS)
}

/// The portions of one isolate.
#[derive(Clone, Debug, Default)]
pub struct Portions {
    version: u64,
    held: Vec<Portion>,
    /// Portions to be given back, with what is left of them; told with the next call, once.
    back: Vec<(u64, u32)>,
    /// Of what nothing is left, as of `known_at_ms`. Ascending.
    closed: Vec<Meter>,
    /// When it was asked what is closed; `None` when that is not known.
    known_at_ms: Option<u64>,
    /// For how long that is known. Unit: ms.
    known_for_ms: u64,
    /// What may have changed after this time. Unit: ms since 1970.
    look_again_at_ms: u64,
    /// Showings since the last call that asked for the meter.
    shown: Vec<(Meter, u32)>,
    /// What is being asked for now, once for each call.
    asked: Vec<Meter>,
    /// The object gave no answer: it is not asked before. Unit: ms since 1970.
    silent_until_ms: u64,
    renewed_at_ms: u64,
}

impl Portions {
    /// Turns to a version of the configuration. Positions mean something else in another one, so its portions go back.
    pub fn turn_to(&mut self, version: u64) {
        if self.version == version {
            return;
        }
        let held = std::mem::take(&mut self.held);
        let (back, silent_until_ms) = (std::mem::take(&mut self.back), self.silent_until_ms);
        *self = Self { version, back, silent_until_ms, ..Self::default() };
        self.back.extend(held.iter().filter(|it| !it.is_leave()).map(|it| (it.id, it.left)));
    }

    /// Whether the object may be asked now.
    pub fn may_ask(&self, now_ms: u64) -> bool {
        now_ms >= self.silent_until_ms
    }

    /// Makes the call that asks for portions of `wanted` and gives back what is no longer used. What it gives back is given
    /// back once, whether the call arrives or not: a call that was lost costs some showings, one that came twice none.
    pub fn call(&mut self, wanted: &[Meter], now_ms: u64) -> LeaseCall {
        self.give_back(|it| it.left == 0 || !it.is_good(now_ms));
        let wanted: Vec<Wanted> = wanted.iter().map(|it| Wanted { meter: *it, n: self.wanted(*it) }).collect();
        self.asked.extend(wanted.iter().map(|it| it.meter));
        LeaseCall { version: self.version, wanted, back: std::mem::take(&mut self.back) }
    }

    /// How many showings to ask for: twice as many as since the last time, at least [`PORTION_FIRST`]. While another request of this
    /// isolate is asking, one: a crowd that finds nothing must not take along a portion each.
    fn wanted(&mut self, meter: Meter) -> u32 {
        if self.asked.contains(&meter) {
            return 1;
        }
        let at = self.shown.iter().position(|(it, _)| *it == meter);
        let shown = at.map_or(0, |at| self.shown.swap_remove(at).1);
        shown.saturating_mul(2).max(PORTION_FIRST)
    }

    /// `call` is over.
    fn asked(&mut self, call: &LeaseCall) {
        for Wanted { meter, .. } in &call.wanted {
            if let Some(at) = self.asked.iter().position(|it| it == meter) {
                self.asked.swap_remove(at);
            }
        }
    }

    /// Takes the answer to a call that was made at `asked_at_ms`.
    pub fn take(&mut self, call: &LeaseCall, leased: Leased, asked_at_ms: u64) {
        let Leased { life_ms, look_again_ms, closed, granted } = leased;
        self.asked(call);
        if self.version != call.version {
            self.back.extend(granted.iter().filter(|it| it.id != LEAVE).map(|it| (it.id, it.n)));
            return;
        }
        // Answers may overtake each other; the latest question knows best.
        if self.known_at_ms.is_none_or(|it| it <= asked_at_ms) {
            self.known_at_ms = Some(asked_at_ms);
            self.look_again_at_ms = asked_at_ms.saturating_add(look_again_ms);
            self.known_for_ms = life_ms;
            self.held.retain(|it| !it.is_leave() || closed.binary_search(&it.meter).is_err());
            self.closed = closed;
        }
        // What was renewed takes the place of what is old.
        self.give_back(|it| it.is_old(asked_at_ms) && granted.iter().any(|new| new.meter == it.meter));
        self.held.extend(granted.iter().map(|it| Portion {
            id: it.id,
            meter: it.meter,
            n: it.n,
            left: it.n,
            at_ms: asked_at_ms,
            life_ms,
        }));
    }

    /// A call had no answer.
    pub fn failed(&mut self, call: &LeaseCall, now_ms: u64) {
        self.asked(call);
        self.silent_until_ms = now_ms.saturating_add(SILENCE_MS);
    }

    /// What is to be asked for behind an answer that showed `shown` and met something closed, if that is due. It is then begun.
    pub fn renewal(&mut self, shown: &[Meter], met_closed: bool, now_ms: u64) -> Option<Vec<Meter>> {
        let due = self.due(shown, met_closed, now_ms)?;
        self.renewed_at_ms = now_ms;
        Some(due)
    }

    /// As [`Self::renewal`], without beginning it.
    pub fn due(&self, shown: &[Meter], met_closed: bool, now_ms: u64) -> Option<Vec<Meter>> {
        let is_paused = now_ms.saturating_sub(self.renewed_at_ms) < RENEWAL_PAUSE_MS;
        if is_paused || !self.may_ask(now_ms) || (shown.is_empty() && !met_closed) {
            return None;
        }
        let is_used_up = |meter: &Meter| {
            let mut good = self.held.iter().filter(|it| it.meter == *meter && it.is_good(now_ms));
            good.all(|it| it.is_low() || it.is_old(now_ms))
        };
        let mut due: Vec<Meter> = Vec::new();
        for meter in shown {
            // What is closed cannot be renewed.
            if !due.contains(meter) && is_used_up(meter) && !self.is_closed(*meter, now_ms) {
                due.push(*meter);
            }
        }
        if due.is_empty() && !(met_closed && now_ms >= self.look_again_at_ms) {
            return None;
        }
        Some(due)
    }

    /// Counts showings.
    pub fn spend(&mut self, shown: &[Meter], now_ms: u64) {
        for meter in shown {
            let mut good = self.held.iter_mut().filter(|it| it.meter == *meter && it.left > 0 && it.is_good(now_ms));
            if let Some(portion) = good.next() {
                portion.left = portion.left.saturating_sub(1);
            }
            match self.shown.iter_mut().find(|(it, _)| it == meter) {
                Some((_, n)) => *n = n.saturating_add(1),
                None => self.shown.push((*meter, 1)),
            }
        }
    }

    /// How many showings are left here.
    fn left(&self, meter: Meter, now_ms: u64) -> u64 {
        let good = self.held.iter().filter(|it| it.meter == meter && it.is_good(now_ms));
        good.map(|it| u64::from(it.left)).sum()
    }

    /// Whether it is known that nothing is left anywhere.
    fn is_closed(&self, meter: Meter, now_ms: u64) -> bool {
        self.is_known(now_ms) && self.closed.binary_search(&meter).is_ok() && self.left(meter, now_ms) == 0
    }

    /// Whether it is known what is closed.
    fn is_known(&self, now_ms: u64) -> bool {
        let is_fresh = |it: u64| now_ms.saturating_sub(it) < self.known_for_ms && day(it) == day(now_ms);
        self.known_at_ms.is_some_and(is_fresh)
    }

    fn give_back(&mut self, goes: impl Fn(&Portion) -> bool) {
        let back = &mut self.back;
        self.held.retain(|it| {
            let goes = goes(it);
            if goes && !it.is_leave() {
                back.push((it.id, it.left));
            }
            !goes
        });
    }
}

/// What an answer does about offers of which the isolate holds no portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// It notes them and goes on as if there were one: the object is asked, and the answer is made again.
    Asks,
    /// It leaves them out.
    LeavesOut,
}

/// The limits of all visitors together, for one answer.
pub struct PortionLimits<'a> {
    bundle: &'a Bundle,
    portions: &'a RefCell<Portions>,
    now_ms: u64,
    shortage: Shortage,
    /// Whether showings count.
    counts: bool,
    shown: RefCell<Vec<Meter>>,
    lacking: RefCell<Vec<Meter>>,
    met_closed: Cell<bool>,
}

/// What an answer came to, for all visitors' limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    /// What it shows, once for each showing. To be spent if the answer is given.
    pub shown: Vec<Meter>,
    /// Of what it lacks a portion; empty unless it asks.
    pub lacking: Vec<Meter>,
    /// It left something out of which nothing was left.
    pub met_closed: bool,
}

impl<'a> PortionLimits<'a> {
    /// Limits for one answer from `bundle`, the version that `portions` were turned to. `counts`: whether showings count.
    pub fn new(
        bundle: &'a Bundle,
        portions: &'a RefCell<Portions>,
        now_ms: u64,
        shortage: Shortage,
        counts: bool,
    ) -> Self {
        let (shown, lacking, met_closed) = Default::default();
        Self { bundle, portions, now_ms, shortage, counts, shown, lacking, met_closed }
    }

    /// What the answer came to.
    pub fn into_metered(self) -> Metered {
        Metered {
            shown: self.shown.into_inner(),
            lacking: self.lacking.into_inner(),
            met_closed: self.met_closed.get(),
        }
    }

    /// Showings left for this answer.
    fn left(&self, meter: Meter) -> u64 {
        let taken = self.shown.borrow().iter().filter(|it| **it == meter).count();
        let left = self.portions.borrow().left(meter, self.now_ms);
        left.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX))
    }

    /// Why nothing more of it may be shown in an answer that leaves out what it lacks.
    fn reason(&self, meter: Meter) -> Limit {
        let portions = self.portions.borrow();
        if portions.may_ask(self.now_ms) || portions.is_closed(meter, self.now_ms) {
            meter.limit()
        } else {
            Limit::Unknown
        }
    }
}

impl Limits for PortionLimits<'_> {
    fn rejection(&self, offer: OfferIdx) -> Option<Limit> {
        let leaves_out = self.shortage == Shortage::LeavesOut && self.counts;
        if !leaves_out && self.portions.borrow().closed.is_empty() {
            return None;
        }
        let is_over = |meter: &Meter| {
            self.portions.borrow().is_closed(*meter, self.now_ms) || (leaves_out && self.left(*meter) == 0)
        };
        let meter = Meter::of(self.bundle, offer).find(is_over)?;
        self.met_closed.set(true);
        Some(self.reason(meter))
    }

    fn show(&self, offer: OfferIdx) -> Option<Limit> {
        if !self.counts {
            // What does not count needs no portion, only to know what is closed.
            if self.shortage == Shortage::Asks && !self.portions.borrow().is_known(self.now_ms) {
                self.lacking.borrow_mut().extend(Meter::of(self.bundle, offer));
            }
            return None;
        }
        let lacking = Meter::of(self.bundle, offer).find(|it| self.left(*it) == 0);
        match (lacking, self.shortage) {
            (None, _) => {
                self.shown.borrow_mut().extend(Meter::of(self.bundle, offer));
                None
            }
            (Some(_), Shortage::Asks) => {
                let all = Meter::of(self.bundle, offer).filter(|it| self.left(*it) == 0);
                let mut lacks = self.lacking.borrow_mut();
                for meter in all {
                    if !lacks.contains(&meter) {
                        lacks.push(meter);
                    }
                }
                None
            }
            (Some(meter), Shortage::LeavesOut) => Some(self.reason(meter)),
        }
    }
}

//! What an answer rests on besides the request and what is published: the time, what is limited, and who signs.

use vitrine_engine::{Chosen, ExperimentIdx, Limits, Mode, NoLimits, Offer, PlacementIdx, TimestampMs};
use vitrine_flags::Payload;

use crate::cookie::SetCookie;
use crate::request::DecideRequest;
use crate::token::{DecisionToken, TokenKeys, TokenMode};
use crate::visitor_state::VisitorState;

/// The circumstances of one answer.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    /// When it is decided.
    pub now: TimestampMs,
    /// What is capped, spent, sold out, or was declined by the visitor.
    pub limits: &'a dyn Limits,
    /// What signs the tokens of the answer; without it there are none.
    pub issuer: Option<Issuer<'a>>,
    /// The visitor's state, which the answer goes on with; without it nothing is kept.
    pub keeping: Option<Keeping<'a>>,
    /// The id that control groups, draws and experiments know the visitor by; it must be one that may be used for that. `None`
    /// takes the visitor's key where the visitor may be personalised, and no id elsewhere.
    pub unit: Option<&'a str>,
    /// Seed of what is drawn for visitors without such an id.
    pub seed: u64,
    /// The running flags, if some are switched off; `None` takes those of the bundle.
    pub flags: Option<&'a Payload>,
}

impl Occasion<'_> {
    /// A decision at `now`, with nothing limited and without tokens.
    pub fn at(now: TimestampMs) -> Self {
        Self { now, limits: &NoLimits, issuer: None, keeping: None, unit: None, seed: 0, flags: None }
    }
}

/// What tokens of decisions are signed with.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// The secrets.
    pub keys: &'a TokenKeys,
    /// The environment that decides.
    pub environment: &'a str,
    /// Differs between the answers of a deployment, as far as chance allows: from the runtime's random source.
    pub seed: u64,
    /// The visitor agreed to be measured.
    pub may_measure: bool,
}

/// A visitor's state, before an answer and after it.
#[derive(Clone, Copy, Debug)]
pub struct Keeping<'a> {
    /// The state as the request brought it.
    pub state: &'a VisitorState,
    /// What names the visitor, to which the state is bound: the key, or else the first-party id.
    pub visitor: &'a str,
    /// The secrets.
    pub keys: &'a TokenKeys,
}

impl Keeping<'_> {
    /// What is kept after these offers were shown. Only offers with a cap by visitor need it.
    pub(crate) fn after(&self, shown: &[&Offer], now: TimestampMs) -> Option<SetCookie> {
        let mut state = self.state.clone();
        let mut is_changed = false;
        for offer in shown.iter().filter(|it| !it.caps.visitor.is_empty()) {
            state.show(&offer.id, now);
            is_changed = true;
        }
        is_changed.then(|| state.kept(self.keys, self.visitor, now))
    }
}

/// Signs the tokens of one answer.
pub(crate) struct Signer<'a> {
    issuer: Issuer<'a>,
    issued_at_s: u32,
    bundle_version: u32,
    /// Distinguishes this answer.
    answer: u64,
    mode: TokenMode,
}

/// What one token is about, besides its answer.
pub(crate) struct Showing<'c, 'b> {
    pub placement: PlacementIdx,
    pub chosen: &'c Chosen<'b>,
    /// Place in the answer, from 0.
    pub rank: usize,
    pub is_fallback: bool,
    pub in_holdout: bool,
    pub experiment: Option<(ExperimentIdx, u8)>,
}

impl<'a> Signer<'a> {
    /// `None` where tokens would count what nobody sees, or where numbers do not fit: no token is better than a wrong one.
    pub fn new(occasion: &Occasion<'a>, request: &DecideRequest, bundle_version: u64, mode: Mode) -> Option<Self> {
        let issuer = occasion.issuer.filter(|_| request.counts())?;
        Some(Self {
            issued_at_s: u32::try_from(occasion.now.0.div_euclid(1000)).ok()?,
            bundle_version: u32::try_from(bundle_version).ok()?,
            answer: issuer.keys.nonce(issuer.seed, occasion.now, request.request_id.as_deref().unwrap_or_default()),
            mode: match mode {
                Mode::Personalised => TokenMode::Personalised,
                Mode::Contextual => TokenMode::Contextual,
                Mode::FallbackOnly => TokenMode::FallbackOnly,
            },
            issuer,
        })
    }

    /// The token of one offer that the answer shows.
    pub fn sign(&self, showing: &Showing<'_, '_>) -> Option<String> {
        let Showing { placement, chosen, rank, is_fallback, in_holdout, experiment } = showing;
        let token = DecisionToken {
            issued_at_s: self.issued_at_s,
            bundle_version: self.bundle_version,
            environment: self.issuer.environment,
            nonce: self.nonce(*placement),
            placement: placement.0,
            offer: chosen.idx.0,
            creative: chosen.creative_idx,
            rank: u8::try_from(*rank).ok()?,
            mode: self.mode,
            is_fallback: *is_fallback,
            in_holdout: *in_holdout,
            may_measure: self.issuer.may_measure,
            experiment: experiment.map(|(idx, variation)| (idx.0, variation)),
            propensity: chosen.propensity,
        };
        token.sign(self.issuer.keys)
    }

    /// One for each decision of the answer: the answer's number, turned by the placement's. Odd factors lose nothing.
    fn nonce(&self, placement: PlacementIdx) -> u32 {
        let turned = u64::from(placement.0).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(self.answer);
        // The upper half: multiplication moves what differs upwards.
        (turned.wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32) as u32
    }
}

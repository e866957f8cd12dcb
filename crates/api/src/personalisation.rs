//! May this request read a profile? The order of the questions is fixed: opt-out, GPC, consent, age; the strongest signal wins.

use vitrine_engine::{ConsentRule, ModeReason};

use crate::request::DecideRequest;
use crate::snapshot::{Snapshot, TableSlot};

/// Signals that come with the request outside of its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// `Sec-GPC: 1` (Global Privacy Control).
    pub gpc: bool,
    /// The shop's own opt-out cookie.
    pub opt_out: bool,
}

impl Signals {
    /// Reads the headers `Sec-GPC` and `Cookie`. The opt-out cookie is `vitrine_opt_out=1`.
    pub fn read(sec_gpc: Option<&str>, cookie: Option<&str>) -> Self {
        Self {
            gpc: sec_gpc.is_some_and(|it| it.trim() == "1"),
            opt_out: cookie.is_some_and(|it| it.split(';').any(|pair| pair.trim() == "vitrine_opt_out=1")),
        }
    }
}

/// What a call itself says about its visitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes<'r> {
    /// The visitor's pseudonymous key. Not empty.
    pub visitor_key: Option<&'r str>,
    /// The visitor objects to personalisation.
    pub opt_out: bool,
    /// The visitor is under the age for profiling.
    pub minor: bool,
    /// Consent to personalisation, if the call says anything about it.
    pub consent: Option<bool>,
}

/// The visitor key to look up, or the reason why no profile may be read or none can exist.
///
/// A caller must not look the key up in any other way: with personalisation off, not even the lookup happens.
pub fn personalisation<'r>(
    snapshot: &Snapshot,
    request: &'r DecideRequest,
    signals: Signals,
) -> Result<&'r str, ModeReason> {
    let DecideRequest { visitor_key, opt_out, minor, consent, .. } = request;
    let wishes = Wishes { visitor_key: visitor_key.as_deref(), opt_out: *opt_out, minor: *minor, consent: *consent };
    profile_key(snapshot, wishes, signals)
}

/// As [`personalisation`], for calls of another shape.
pub fn profile_key<'r>(snapshot: &Snapshot, request: Wishes<'r>, signals: Signals) -> Result<&'r str, ModeReason> {
    let Some(bundle) = snapshot.bundle() else {
        return Err(ModeReason::NoBundle);
    };
    if snapshot.killed() {
        return Err(ModeReason::KillSwitch);
    }
    if request.opt_out || signals.opt_out {
        return Err(ModeReason::OptOut);
    }
    if signals.gpc {
        return Err(ModeReason::Gpc);
    }
    let consent = match bundle.bundle().settings().consent {
        ConsentRule::Required => request.consent.unwrap_or(false),
        ConsentRule::Assumed => request.consent.unwrap_or(true),
    };
    if !consent {
        return Err(ModeReason::NoConsent);
    }
    if request.minor {
        return Err(ModeReason::Minor);
    }
    let key = request.visitor_key.ok_or(ModeReason::NoVisitor)?;
    match snapshot.table_slot() {
        TableSlot::Ready(_) => Ok(key),
        TableSlot::Absent => Err(ModeReason::NoTable),
        TableSlot::Unreadable => Err(ModeReason::ProfileUnavailable),
    }
}

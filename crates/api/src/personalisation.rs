//! May this request read a profile, and may its events be joined with the visitor? The order of the questions is fixed: opt-out,
//! GPC, consent, age; the strongest signal wins, and it is the one that is told.

use vitrine_engine::{ConsentRule, GpcRule, ModeReason, Settings};

use crate::consent::Consent;
use crate::request::DecideRequest;
use crate::snapshot::{Snapshot, TableSlot};

/// Cookie of a shop that notes objections itself: `vitrine_opt_out=1`.
const SHOP_COOKIE: &str = "vitrine_opt_out";
/// Cookie that `POST /v1/me/preferences` sets. An objection needs no proof: its signature tells when it was made, to whoever
/// asks, but whatever begins with `1` is obeyed.
pub const OPT_OUT_COOKIE: &str = "__Host-vitrine_opt_out";
/// Cookie in which consent platforms keep their string.
const TCF_COOKIE: &str = "euconsent-v2";

/// Signals that come with the request outside of its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// `Sec-GPC: 1` (Global Privacy Control).
    pub gpc: bool,
    /// One of the opt-out cookies.
    pub opt_out: bool,
    /// What the cookie of a consent platform says.
    pub consent: Consent,
}

impl Signals {
    /// Reads the headers `Sec-GPC` and `Cookie`. The opt-out cookies are `vitrine_opt_out=1` and [`OPT_OUT_COOKIE`], the consent
    /// platform's is `euconsent-v2`.
    pub fn read(sec_gpc: Option<&str>, cookie: Option<&str>) -> Self {
        let mut signals = Self { gpc: sec_gpc.is_some_and(|it| it.trim() == "1"), ..Self::default() };
        for (name, value) in cookies(cookie.unwrap_or_default()) {
            match name {
                SHOP_COOKIE => signals.opt_out |= value == "1",
                OPT_OUT_COOKIE => signals.opt_out |= value.starts_with('1'),
                TCF_COOKIE => signals.consent = signals.consent.and(Consent::of_tcf(value)),
                _ => {}
            }
        }
        signals
    }
}

impl Signals {
    /// Whether any of them is against joining events with the visitor. What the settings say of `Sec-GPC` is not asked: who reports
    /// events need not know them, and less is joined so.
    pub fn forbid_joining(self) -> bool {
        self.gpc || self.opt_out || self.consent.measure == Some(false)
    }
}

/// The value of a cookie in a header `Cookie`.
pub fn cookie<'h>(header: &'h str, wanted: &str) -> Option<&'h str> {
    cookies(header).find(|(name, _)| *name == wanted).map(|(_, value)| value)
}

/// The pairs of a header `Cookie`.
fn cookies(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| pair.trim().split_once('='))
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
    /// What the call says about consent.
    pub consent: Consent,
}

/// What may be done for a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Why no profile may be read; `None`: it may.
    pub objection: Option<ModeReason>,
    /// Events may be joined with the visitor.
    pub measure: bool,
    /// Something may be kept on the visitor's device.
    pub store: bool,
    /// Nothing about the visitor may go to others.
    pub limit_sharing: bool,
}

impl Permission {
    /// What the signals come to under the settings of a bundle.
    pub fn of(settings: Settings, wishes: Wishes<'_>, signals: Signals) -> Self {
        let consent = wishes.consent.and(signals.consent);
        let unsaid = settings.consent == ConsentRule::Assumed;
        let opt_out = wishes.opt_out || signals.opt_out;
        let gpc = signals.gpc && settings.gpc == GpcRule::NonPersonalised;
        let objection = if opt_out {
            Some(ModeReason::OptOut)
        } else if gpc {
            Some(ModeReason::Gpc)
        } else if !consent.personalise.unwrap_or(unsaid) {
            Some(ModeReason::NoConsent)
        } else if wishes.minor {
            Some(ModeReason::Minor)
        } else {
            None
        };
        Self {
            objection,
            measure: !opt_out && !gpc && !wishes.minor && consent.measure.unwrap_or(unsaid),
            store: objection.is_none() && consent.store.unwrap_or(true),
            limit_sharing: signals.gpc && settings.gpc != GpcRule::Ignore,
        }
    }
}

/// The visitor key to look up, or the reason why no profile may be read or none can exist. Notes in the request what may be
/// measured and kept, and takes out of it whatever names the visitor if that must not be used.
///
/// A caller must not look the key up in any other way: with personalisation off, not even the lookup happens.
pub fn personalisation<'r>(
    snapshot: &Snapshot,
    request: &'r mut DecideRequest,
    signals: Signals,
) -> Result<&'r str, ModeReason> {
    let wishes = Wishes { visitor_key: None, opt_out: request.opt_out, minor: request.minor, consent: request.consent };
    let permission = permission(snapshot, wishes, signals);
    if let Ok(Permission { measure, store, limit_sharing, .. }) = permission {
        (request.measure, request.may_store, request.limit_sharing) = (measure, store, limit_sharing);
    }
    let objection = permission.map_or_else(Some, |it| it.objection);
    if let Some(reason) = objection {
        (request.visitor_key, request.anon, request.state) = (None, None, None);
        return Err(reason);
    }
    key_of_table(snapshot, request.visitor_key.as_deref())
}

/// As [`personalisation`], for calls of another shape.
pub fn profile_key<'r>(snapshot: &Snapshot, request: Wishes<'r>, signals: Signals) -> Result<&'r str, ModeReason> {
    match permission(snapshot, request, signals)?.objection {
        Some(reason) => Err(reason),
        None => key_of_table(snapshot, request.visitor_key),
    }
}

/// Errors: nobody is asked, for there is nothing to decide with.
fn permission(snapshot: &Snapshot, wishes: Wishes<'_>, signals: Signals) -> Result<Permission, ModeReason> {
    let bundle = snapshot.bundle().ok_or(ModeReason::NoBundle)?;
    if snapshot.killed() {
        return Err(ModeReason::KillSwitch);
    }
    Ok(Permission::of(bundle.bundle().settings(), wishes, signals))
}

fn key_of_table<'r>(snapshot: &Snapshot, visitor_key: Option<&'r str>) -> Result<&'r str, ModeReason> {
    let key = visitor_key.ok_or(ModeReason::NoVisitor)?;
    match snapshot.table_slot() {
        TableSlot::Ready(_) => Ok(key),
        TableSlot::Absent => Err(ModeReason::NoTable),
        TableSlot::Unreadable => Err(ModeReason::ProfileUnavailable),
    }
}

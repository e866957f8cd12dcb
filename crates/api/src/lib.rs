//! What goes over the wire, and what joins the parts behind it.
//!
//! The Worker and the `vitrine` command both answer through this crate, so the same request gets the same bytes from both.
//! It owns: the JSON of decide requests ([`DecideRequest`]) and answers ([`answer`]), problem details ([`Problem`]), the
//! published envelope of a bundle ([`BundleState`]), and the [`Snapshot`] that joins one bundle with one table.
//! It leaves out: every input and output. Whoever calls it reads the body, the table row and the clock.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod access;
mod answer;
mod assignment;
mod audit;
mod click_target;
mod consent;
mod cookie;
mod decision_words;
mod draft;
mod envelope;
mod environment;
mod evaluation;
mod exposure_stamp;
mod exposures;
mod flag_context;
mod flag_explain;
mod growthbook;
mod made_up;
mod occasion;
mod ofrep;
mod outcome;
mod personalisation;
mod pointer;
mod portion_call;
mod portions;
mod preferences;
mod preview;
mod problem;
mod profile;
mod pseudonyms;
mod registry_wire;
mod request;
mod role;
mod scenario;
mod snapshot;
mod stock;
mod tags;
mod token;
mod tombstones;
mod visitor_limits;
mod visitor_state;

pub use access::{AccessAssertion, AccessError, AccessSettings, access_key};
pub use answer::{Answer, answer};
pub use audit::{AUDIT_START, AuditBreak, AuditDraft, AuditEntry, AuditHead, verify_audit};
pub use click_target::{NoTarget, click_target};
pub use consent::Consent;
pub use cookie::{COOKIE_AGE_MAX_S, SetCookie};
pub use decision_words::{DecisionWords, Languages, decision_words};
pub use draft::{Approval, Approve, Draft, DraftChange, DraftState, NewDraft, PublishDraft, Schedule};
pub use envelope::{Envelope, EnvelopeError, sha256_hex};
pub use environment::{
    BundlePointer, ENVIRONMENT_BYTES_MAX, EnvironmentSettings, KeyKind, PRODUCTION, SdkKey, bundle_key, document_key,
    environment_of, is_environment, pointer_key,
};
pub use evaluation::{FlagFacts, FlagState, Reason};
pub use exposure_stamp::ExposureStamp;
pub use exposures::{EXPOSURES_BYTES_MAX, EXPOSURES_MAX, Exposed, ExposureReport, ExposureVerdict, RowError};
pub use flag_context::{Edge, FlagContext, FlagContextError, profile_columns};
pub use flag_explain::{FlagExplanation, RuleExplanation, explain_flag};
pub use growthbook::{REMOTE_EVAL_BYTES_MAX, RemoteEval, SdkPayload, remote_eval, sdk_payload};
pub use made_up::{MadeUpProfile, apply_to_request as apply_preview_to_request};
pub use occasion::{Issuer, Keeping, Occasion};
pub use ofrep::{OfrepAnswer, OfrepRefusal, OfrepStamp, ofrep_all, ofrep_flag, ofrep_flag_unavailable};
pub use personalisation::{OPT_OUT_COOKIE, Permission, Signals, Wishes, cookie, personalisation, profile_key};
pub use portion_call::{Granted, LeaseCall, Leased, PortionCallError, Wanted};
pub use portions::{LEAVE, Meter, Metered, PORTION_FIRST, PortionLimits, Portions, SILENCE_MS, Shortage};
pub use preferences::{Dismissal, PREFERENCES_BYTES_MAX, Preferences, PreferencesAnswer, PreferencesVisitor};
pub use preview::{
    NewPreview, PREVIEW_CHARS_MAX, PREVIEW_HEADER, PREVIEW_LIFE_S, PREVIEW_PARAMETER, PreviewToken,
    apply as apply_preview, preview_key,
};
pub use problem::{FieldError, Problem, ProblemCode};
pub use profile::{ItemTableGraph, RowProfile};
pub use pseudonyms::{Pseudonyms, hexadecimal};
pub use registry_wire::{
    Change, Comparison, EnvironmentChange, EraseVisitors, KillFlag, NewKey, NewToken, Promote, Reshuffle, Rollback,
    SettingsChange, TOKEN_PREFIX,
};
pub use request::{
    ATTRIBUTES_MAX, BODY_BYTES_MAX, COUNT_MAX, DecideRequest, ITEMS_MAX, LABELS_MAX, PLACEMENTS_MAX, PlacementRequest,
    STATE_BYTES_MAX, TCF_BYTES_MAX, TEXT_BYTES_MAX, URL_BYTES_MAX,
};
pub use role::{NoRole, Role, RoleList};
pub use snapshot::{BundleState, Lookup, Snapshot, TableSlot, TableState};
pub use stock::{SOLD_OUT_MAX, STOCK_ITEM_BYTES_MAX, STOCK_KEY, Stock};
pub use tags::{Tag, TagValue, tags};
pub use token::{
    ConfigTag, DECISION_TOKEN_AGE_MAX_S, DECISION_TOKEN_CHARS_MAX, DecisionBytes, DecisionToken,
    EXPERIMENT_KEY_BYTES_MAX, EXPOSURE_TOKEN_CHARS_MAX, ExposureBytes, ExposureToken, StreamToken, TOKEN_AGE_MAX_S,
    TOKEN_SKEW_MAX_S, TokenError, TokenKeyError, TokenKeys, TokenMode,
};
pub use tombstones::{TOMBSTONES_KEY, TOMBSTONES_MAX, Tombstones, TombstonesError, row_key};
pub use visitor_limits::VisitorLimits;
pub use visitor_state::{OfferState, STATE_AGE_MAX_S, STATE_CHARS_MAX, STATE_COOKIE, VisitorState};

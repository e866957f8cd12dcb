//! Every combination of signals about a visitor, against a list of rules that was written apart from the code.

use std::rc::Rc;

use vitrine_api::{Consent, DecideRequest, Permission, Signals, Snapshot, TableSlot, Wishes, personalisation};
use vitrine_engine::{ConsentRule, GpcRule, ModeReason, Settings};

use crate::shop::{DOCUMENT, bundle, table};

/// One combination, as people would say it.
#[derive(Clone, Copy, Debug)]
struct Case {
    consent_rule: &'static str,
    gpc_rule: &'static str,
    member_flag: bool,
    cookie: &'static str,
    gpc: &'static str,
    declared: &'static str,
    measure: &'static str,
    tcf: &'static str,
    tcf_place: &'static str,
    consent_mode: &'static str,
    minor: bool,
}

const COOKIES: [&str; 4] =
    ["", "theme=dark", "vitrine_opt_out=1", "a=b; __Host-vitrine_opt_out=1.2b7c.c2lnbmVk; vitrine_opt_out=0"];
const TCF: [&str; 4] = ["", "all", "none", "rubbish"];

fn tcf_text(tcf: &str) -> Option<String> {
    match tcf {
        // Purposes 1, 3 to 6 and 8.
        "all" => Some("CAAAAAAAAAAAAAAAAAAAAAAAAL0AAAAAAAAA.YAAA".to_owned()),
        "none" => Some(format!("CA{}", "A".repeat(34))),
        "rubbish" => Some("C0FFEE".to_owned()),
        _ => None,
    }
}

fn cases() -> Vec<Case> {
    let words = ["", "yes", "no"];
    let mut cases = Vec::new();
    for consent_rule in ["required", "assumed"] {
        for gpc_rule in ["ignore", "limit_sharing", "non_personalised"] {
            for member_flag in [false, true] {
                for cookie in COOKIES {
                    for gpc in ["", "0", "1"] {
                        for declared in words {
                            for measure in words {
                                for (tcf, tcf_place) in TCF.iter().flat_map(|it| [(*it, "body"), (*it, "cookie")]) {
                                    for consent_mode in words {
                                        for minor in [false, true] {
                                            cases.push(Case {
                                                consent_rule,
                                                gpc_rule,
                                                member_flag,
                                                cookie,
                                                gpc,
                                                declared,
                                                measure,
                                                tcf,
                                                tcf_place,
                                                consent_mode,
                                                minor,
                                            });
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    cases
}

/// A rule: when it applies, and what it says of personalisation.
type Rule = (&'static str, fn(&Case) -> bool);

/// In this order; the first that applies is the reason.
const RULES: [Rule; 8] = [
    ("opt_out", |it| it.member_flag || it.cookie.contains("opt_out=1")),
    ("gpc", |it| it.gpc == "1" && it.gpc_rule == "non_personalised"),
    ("no_consent", |it| it.declared == "no"),
    ("no_consent", |it| it.consent_mode == "no"),
    ("no_consent", |it| matches!(it.tcf, "none" | "rubbish")),
    ("no_consent", |it| {
        it.consent_rule == "required" && it.declared.is_empty() && it.consent_mode.is_empty() && it.tcf.is_empty()
    }),
    ("minor", |it| it.minor),
    ("ok", |_| true),
];

fn expected_measure(it: &Case, reason: &str) -> bool {
    let refused = it.measure == "no" || it.consent_mode == "no" || matches!(it.tcf, "none" | "rubbish");
    let agreed = it.measure == "yes" || it.consent_mode == "yes" || it.tcf == "all";
    let objects = matches!(reason, "opt_out" | "gpc") || it.minor;
    !objects && !refused && (agreed || it.consent_rule == "assumed")
}

fn found(it: &Case) -> Permission {
    let word = |word: &str| match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let mut cookie = it.cookie.to_owned();
    let mut consent = Consent { personalise: word(it.declared), measure: word(it.measure), store: None }
        .and(Consent::of_consent_mode(word(it.consent_mode), word(it.consent_mode)));
    if let Some(tcf) = tcf_text(it.tcf) {
        match it.tcf_place {
            "body" => consent = consent.and(Consent::of_tcf(&tcf)),
            _ => cookie.push_str(&format!("; euconsent-v2={tcf}")),
        }
    }
    let settings = Settings {
        consent: if it.consent_rule == "required" { ConsentRule::Required } else { ConsentRule::Assumed },
        gpc: match it.gpc_rule {
            "ignore" => GpcRule::Ignore,
            "limit_sharing" => GpcRule::LimitSharing,
            _ => GpcRule::NonPersonalised,
        },
        ..Settings::default()
    };
    let signals = Signals::read(Some(it.gpc).filter(|it| !it.is_empty()), Some(&cookie));
    let wishes = Wishes { visitor_key: Some("42"), opt_out: it.member_flag, minor: it.minor, consent };
    Permission::of(settings, wishes, signals)
}

#[test]
fn every_combination_of_signals() {
    let cases = cases();
    assert_eq!(cases.len(), 2 * 3 * 2 * 4 * 3 * 3 * 3 * 8 * 3 * 2);
    for case in &cases {
        let (reason, _) = RULES.iter().find(|(_, applies)| applies(case)).unwrap();
        let found = found(case);
        assert_eq!(found.objection.map_or("ok", ModeReason::as_str), *reason, "{case:?}");
        assert_eq!(found.measure, expected_measure(case, reason), "measure {case:?}");
        assert_eq!(found.limit_sharing, case.gpc == "1" && case.gpc_rule != "ignore", "sharing {case:?}");
        assert_eq!(found.store, *reason == "ok", "store {case:?}");
    }
}

#[test]
fn nothing_is_kept_on_a_device_without_purpose_one() {
    let consent = Consent { store: Some(false), personalise: Some(true), measure: Some(true) };
    let permission = Permission::of(Settings::default(), Wishes { consent, ..Wishes::default() }, Signals::default());
    assert_eq!((permission.objection, permission.measure, permission.store), (None, true, false));
}

#[test]
fn what_names_the_visitor_leaves_the_request_when_it_must_not_be_used() {
    let snapshot = |document: &str| Snapshot::new(Some(bundle(document)), TableSlot::Ready(Rc::new(table())), false);
    let body = br#"{"visitor":{"key":"42","anon":"a7"},"state":"s","placements":[{"id":"hero"}]}"#;
    let left = |document: &str, signals| {
        let mut request = DecideRequest::parse(body).unwrap();
        let reason =
            personalisation(&snapshot(document), &mut request, signals).map_or_else(|it| it.as_str(), |_| "ok");
        let names = [request.visitor_key, request.anon, request.state].into_iter().flatten().count();
        (reason, names, request.measure, request.may_store, request.limit_sharing)
    };
    let gpc = Signals { gpc: true, ..Signals::default() };
    let limited = DOCUMENT.replace(r#""consent": "assumed""#, r#""consent": "assumed", "gpc": "limit_sharing""#);
    let required = DOCUMENT.replace("assumed", "required");
    assert_eq!(left(DOCUMENT, Signals::default()), ("ok", 3, true, true, false));
    assert_eq!(left(DOCUMENT, gpc), ("gpc", 0, false, false, true));
    assert_eq!(left(&limited, gpc), ("ok", 3, true, true, true));
    assert_eq!(left(&required, Signals::default()), ("no_consent", 0, false, false, false));
    let mut request = DecideRequest::parse(body).unwrap();
    assert_eq!(personalisation(&Snapshot::default(), &mut request, gpc), Err(ModeReason::NoBundle));
    assert_eq!((request.visitor_key, request.measure), (None, false));
}

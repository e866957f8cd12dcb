//! Decisions in words, in two languages.

use vitrine_api::{DecisionToken, TokenMode, decision_words};

use crate::shop::{DOCUMENT, bundle};

fn token() -> DecisionToken<'static> {
    let bundle = bundle(DOCUMENT);
    let position = |at: Option<usize>| u16::try_from(at.unwrap()).unwrap();
    DecisionToken {
        issued_at_s: 1_800_000_000,
        bundle_version: 3,
        environment: "production",
        nonce: 1,
        placement: position(bundle.bundle().placements().iter().position(|it| it.id == "hero")),
        offer: position(bundle.bundle().offers().iter().position(|it| it.id == "tea")),
        creative: 0,
        rank: 0,
        mode: TokenMode::Personalised,
        is_fallback: false,
        in_holdout: false,
        may_measure: true,
        experiment: None,
        propensity: 1.0,
    }
}

#[test]
fn what_mattered_is_said() {
    let words = |token: DecisionToken<'_>| decision_words(&token, bundle(DOCUMENT).bundle()).unwrap();
    let plain = words(token());
    assert_eq!(
        (plain.placement.as_str(), plain.offer.as_str(), plain.place, plain.mode),
        ("hero", "tea", 1, "personalised")
    );
    assert_eq!(plain.decided_at, "2027-01-15T08:00:00Z");
    assert_eq!(
        plain.text.en,
        "At 2027-01-15T08:00:00Z the place \"hero\" of the page showed you the offer \"tea\", as number 1. It was chosen from the page \
         you were on and from what the shop knows of you, such as earlier purchases. You can object to personalisation at any \
         time; it ends with your next request."
    );
    let said = [
        (DecisionToken { mode: TokenMode::Contextual, ..token() }, "nothing that the shop knows of you", "未使用"),
        (DecisionToken { mode: TokenMode::FallbackOnly, ..token() }, "switched off", "已关闭"),
        (DecisionToken { is_fallback: true, ..token() }, "what everybody sees", "所有人"),
        (DecisionToken { in_holdout: true, ..token() }, "drawn by lot, that is shown no", "对照组"),
        (DecisionToken { experiment: Some((0, 1)), ..token() }, "part of an experiment", "实验"),
        (DecisionToken { propensity: 0.25, ..token() }, "probability of 25.0 %", "概率为25.0%"),
    ];
    for (token, en, zh) in said {
        let text = words(token).text;
        assert!(text.en.contains(en) && text.zh.contains(zh), "{token:?}: {text:?}");
        assert!(!plain.text.en.contains(en) && !plain.text.zh.contains(zh), "{en}");
    }
}

#[test]
fn a_token_of_another_bundle_has_no_words() {
    let none = |token: DecisionToken<'_>| assert_eq!(decision_words(&token, bundle(DOCUMENT).bundle()), None);
    none(DecisionToken { placement: 99, ..token() });
    none(DecisionToken { offer: 99, ..token() });
}

//! Formulas as data: what they compile to, and what is said about those that are none.

use vitrine_config::{Format, check};
use vitrine_engine::{Ranker, Step};

/// The check of a document with this formula.
fn checked(formula: &str) -> Result<vitrine_config::Checked, Vec<vitrine_config::Diagnostic>> {
    let document = serde_json::json!({
        "version": 1,
        "offers": [{ "id": "a", "content": { "a": 1 } }, { "id": "b", "content": { "a": 1 } }],
        "placements": [{ "id": "p", "ranker": { "type": "formula", "formula": formula }, "fallback": "b" }],
    });
    check(&document.to_string(), Format::Json)
}

/// The steps in short, attributes by name.
fn steps(formula: &str) -> String {
    let checked = checked(formula).unwrap_or_else(|it| panic!("{formula}: {it:?}"));
    let Ranker::Formula(program) = &checked.bundle.placements()[0].ranker else { panic!("{formula}") };
    let name = |idx: usize| checked.bundle.attributes()[idx].to_string();
    let word = |step: &Step| match step {
        Step::Number(it) => it.to_string(),
        Step::Attribute(it) => format!("@{}", name(it.0.into())),
        Step::Test(it, test) => format!("({} {test})", name(it.0.into())),
        Step::Offer(it) => format!("{it:?}"),
        Step::One(it) => format!("{it:?}"),
        Step::Two(it) => format!("{it:?}"),
        Step::Select => "Select".to_owned(),
    };
    program.steps().iter().map(word).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn compiles(formula: &str, expected: &str) {
    assert_eq!(steps(formula), expected, "{formula}");
}

#[test]
fn operators_bind_as_in_mathematics() {
    compiles("1+2*3", "1 2 3 Multiply Add");
    compiles("(1+2)*3", "1 2 Add 3 Multiply");
    compiles("1-2-3", "1 2 Subtract 3 Subtract");
    compiles("-2*3", "2 Negative 3 Multiply");
    compiles("--2", "2");
    compiles("1 < 2 and 3 >= 4 or not 5 == 6", "1 2 Less 3 4 Less Not And 5 6 Equal Not Or");
    compiles("1 > 2", "1 2 AtMost Not");
    compiles("1 <= 2", "1 2 AtMost");
    compiles("1e3 + 1.5E-2 + .5", "1000 0.015 Add 0.5 Add");
}

#[test]
fn attributes_and_offers_are_numbers() {
    compiles("profile.spent", "0 @profile.spent");
    compiles("default(profile.spent, -1)", "1 Negative @profile.spent");
    compiles("exists(context.x)", "(context.x exists)");
    compiles("profile.segment == \"loyal\"", "(profile.segment is \"loyal\")");
    compiles("profile.segment != \"a b\"", "(profile.segment is \"a b\") Not");
    compiles("has(profile.tags, \"vip\")", "(profile.tags is \"vip\")");
    compiles("profile.a == profile.b", "0 @profile.a 0 @profile.b Equal");
    compiles("offer.margin * offer.popularity", "Margin Popularity Multiply");
}

#[test]
fn functions_take_what_they_take() {
    compiles("min(1, 2, 3)", "1 2 Min 3 Min");
    compiles("clamp(1, 0, 2)", "1 0 Max 2 Min");
    compiles("if(1, 2, 3)", "1 2 3 Select");
    compiles("ln(exp(sqrt(abs(1))))", "1 Abs Sqrt Exp Ln");
}

#[track_caller]
fn refused(formula: &str, expected: &str) {
    let diagnostics = checked(formula).map(|_| ()).unwrap_err();
    let found: Vec<String> = diagnostics.iter().map(|it| format!("{} {}", it.code, it.message)).collect();
    assert_eq!(found.join("\n"), expected, "{formula}");
}

#[test]
fn what_is_no_formula() {
    refused("", "invalid_formula character 1: the formula ends too early");
    refused("1 +", "invalid_formula character 4: the formula ends too early");
    refused("1 2", "invalid_formula character 3: '2' is not expected here");
    refused("(1", "invalid_formula character 3: expected \")\", found the end");
    refused("min(1)", "invalid_formula character 6: expected \",\", found ')'");
    refused("1 ** 2", "invalid_formula character 4: '*' is not expected here");
    refused("1.2.3", "invalid_formula character 1: \"1.2.3\" is no number");
    refused("1e99", "invalid_formula character 1: \"1e99\" is no number");
    refused("offer.margn", "invalid_formula character 1: there is no \"offer.margn\" (did you mean \"offer.margin\"?)");
    refused("clmp(1, 2, 3)", "invalid_formula character 1: there is no function \"clmp\" (did you mean \"clamp\"?)");
    refused("spent", "invalid_formula character 1: there is no \"spent\"");
    refused("profile.", "invalid_formula character 1: \"profile.\" is no attribute");
    refused("profile.a == \"b", "invalid_formula character 14: a text has no end");
    refused("\"a\" + 1", "formula_type character 6: expected a number, found the text \"a\"");
    refused("1 == \"a\"", "formula_type character 9: expected a number, found the text \"a\"");
    refused("default(1, 2)", "formula_type character 10: the first thing in default() is no attribute");
    refused("has(profile.a, 1)", "formula_type character 17: the second thing in has() is no text");
    refused("价格", "invalid_formula character 1: there is no \"价格\"");
    let deep = format!("{}1{}", "(".repeat(40), ")".repeat(40));
    refused(&deep, "formula_too_large character 33: the formula is nested too deeply");
    let long = vec!["1"; 300].join("+");
    refused(&long, "formula_too_large the formula has more than 512 steps");
    refused(&"1".repeat(8_001), "formula_too_large the formula has more than 8000 characters");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_check_panic(text in "[a-z0-9.()+*/<>=!,\" -]{0,40}") {
        let _ = checked(&text);
    }
}

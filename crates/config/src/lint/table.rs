//! Rules that ask for values which the running profile table cannot have, and so admit nobody.

use std::collections::BTreeSet;

use crate::census::{CountedRule, Counts, RuleCount, grouped};
use crate::column::{Column, ColumnValues};
use crate::compile::Compiler;
use crate::report::Report;
use crate::source::{At, Kind, shortened};

pub(super) fn check(root: At<'_>, compiler: &mut Compiler<'_, '_>) {
    let mut hopeless = BTreeSet::new();
    if let Some(table) = compiler.table {
        let mut rules = Vec::new();
        super::rules(root, &mut rules);
        for rule in rules {
            if condition(rule, table, compiler.report) {
                hopeless.insert(rule.pointer());
            }
        }
    }
    if let Some(counts) = compiler.counts {
        counted(root, counts, &hopeless, compiler.report);
    }
}

/// Rules that nobody in the table meets, although each of their values is there. `hopeless` are those of which more is said elsewhere.
fn counted(root: At<'_>, counts: &Counts, hopeless: &BTreeSet<String>, report: &mut Report) {
    // A table without visitors says nothing about rules, and rules for strangers have nobody in a table.
    let is_nobody = |it: &&RuleCount| it.n_visitors == 0 && !it.admits_strangers && counts.n_visitors > 0;
    for rule in counts.rules.iter().filter(is_nobody) {
        let entry = root.get(rule.rule.section()).and_then(|it| it.children().nth(rule.idx));
        let Some(at) = entry.and_then(|it| it.get("when")).filter(|it| !hopeless.contains(&it.pointer())) else {
            continue;
        };
        let whose = match rule.rule {
            CountedRule::Audience => "the audience",
            CountedRule::Offer => "the rule of the offer",
            CountedRule::Experiment => "the rule of the experiment",
        };
        let message =
            format!("{whose} {:?} matches none of the {} visitors of the table", rule.id, grouped(counts.n_visitors));
        let help = "loosen one of its tests, or remove the ones that exclude each other";
        report.warning(at, "audience_matches_nobody", message, help);
    }
}

/// Gives whether something in the condition is not in the table: a value, or a column, which the reader of conditions tells.
fn condition(at: At<'_>, table: &[Column<'_>], report: &mut Report) -> bool {
    let n_before = report.n_warnings();
    let mut is_hopeless = false;
    for child in at.children() {
        match child.key().strip_prefix("profile.") {
            Some(name) => match table.iter().find(|it| it.name == name) {
                Some(column) => tests(child, column, report),
                None => is_hopeless = true,
            },
            None => is_hopeless |= condition(child, table, report),
        }
    }
    is_hopeless || report.n_warnings() > n_before
}

/// What stands behind an attribute. Negations are left out: that nobody lacks a label is no mistake.
fn tests(at: At<'_>, column: &Column<'_>, report: &mut Report) {
    if !matches!(at.kind(), Kind::Object(_)) {
        if !is_possible(at, column) {
            tell(at, column, "the rule admits nobody", report);
        }
        return;
    }
    for test in at.children() {
        match test.key() {
            "$eq" if !is_possible(test, column) => tell(test, column, "the rule admits nobody", report),
            "$in" | "$all" => {
                let n_impossible = test.children().filter(|it| !is_possible(*it, column)).count();
                let is_empty = n_impossible == test.children().len() || test.key() == "$all";
                let so = if is_empty { "the rule admits nobody" } else { "this part of the rule admits nobody" };
                for value in test.children().filter(|it| !is_possible(*it, column)) {
                    tell(value, column, so, report);
                }
            }
            "$gt" | "$gte" | "$lt" | "$lte" => bound(test, column, report),
            _ => {}
        }
    }
}

fn is_possible(value: At<'_>, column: &Column<'_>) -> bool {
    match (&column.values, value.kind()) {
        (_, Kind::Null | Kind::Broken) | (ColumnValues::Any, _) => true,
        (ColumnValues::Labels(labels), Kind::Text(text)) => labels.iter().any(|it| **it == **text),
        (ColumnValues::Numbers(range), Kind::Number(it)) => it.as_f64().is_some_and(|it| range.contains(&it)),
        (ColumnValues::Truth, Kind::Bool(_)) => true,
        _ => false,
    }
}

fn tell(value: At<'_>, column: &Column<'_>, so: &str, report: &mut Report) {
    let name = column.name;
    let message = match (&column.values, value.kind()) {
        (ColumnValues::Labels(labels), Kind::Text(text)) => {
            let suggestion = report.did_you_mean(text, labels.iter().map(String::as_str));
            format!("in the running table no {name:?} is {:?}{suggestion}, so {so}", shortened(text))
        }
        (values, _) => {
            let held = match values {
                ColumnValues::Labels(_) => "labels, which are texts".to_owned(),
                ColumnValues::Numbers(range) => format!("numbers from {} to {}", range.start(), range.end()),
                ColumnValues::Truth | ColumnValues::Any => "true and false".to_owned(),
            };
            format!("in the running table {name:?} holds {held}, never {value}, so {so}")
        }
    };
    report.warning(value, "no_such_value", message, "compare with a value that the table has, or build the table anew");
}

fn bound(test: At<'_>, column: &Column<'_>, report: &mut Report) {
    let Kind::Number(number) = test.kind() else { return };
    let (Some(bound), ColumnValues::Numbers(range)) = (number.as_f64(), &column.values) else {
        if !matches!(column.values, ColumnValues::Any) {
            tell(test, column, "the rule admits nobody", report);
        }
        return;
    };
    let (min, max) = (*range.start(), *range.end());
    let is_met = match test.key() {
        "$gt" => max > bound,
        "$gte" => max >= bound,
        "$lt" => min < bound,
        _ => min <= bound,
    };
    if !is_met {
        let message = format!(
            "in the running table {:?} holds numbers from {min} to {max}, none is {} {bound}, so the rule admits nobody",
            column.name,
            test.key()
        );
        report.warning(test, "no_such_value", message, "choose a bound that some number meets");
    }
}

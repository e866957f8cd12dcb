//! Counts in words, as a difference shows them: `audience loyal: 12,400 visitors (+300)`.

use std::fmt::Write as _;

use super::{Counts, RuleCount};

/// A rule that admits another number of visitors than before, or is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountChange {
    /// The rule and its new count.
    pub count: RuleCount,
    /// Visitors that the old document's rule admits; `None` when there is no such rule in it.
    pub was: Option<u64>,
    /// In words.
    pub text: String,
}

/// Which rules admit another number of visitors of one and the same table than before, in the order of the new counts.
pub fn count_changes(old: &Counts, new: &Counts) -> Vec<CountChange> {
    let was =
        |it: &RuleCount| old.rules.iter().find(|old| old.rule == it.rule && old.id == it.id).map(|it| it.n_visitors);
    let changed = new.rules.iter().map(|it| (it, was(it))).filter(|(it, was)| *was != Some(it.n_visitors));
    changed.map(|(count, was)| CountChange { count: count.clone(), was, text: text(count, was) }).collect()
}

fn text(count: &RuleCount, was: Option<u64>) -> String {
    let RuleCount { rule, id, n_visitors, is_at_most, admits_strangers, .. } = count;
    let bound = if *is_at_most { "at most " } else { "" };
    let visitors = if *n_visitors == 1 { "visitor" } else { "visitors" };
    let mut text = format!("{} {id}: {bound}{} {visitors}", rule.word(), grouped(*n_visitors));
    if let Some(was) = was {
        let sign = if *n_visitors < was { '-' } else { '+' };
        // Writing to a text cannot fail.
        let _ = write!(text, " ({sign}{})", grouped(n_visitors.abs_diff(was)));
    }
    if *admits_strangers {
        text.push_str(", and whoever is not in the table");
    }
    text
}

/// A whole number with commas between thousands: `12,400`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && digits.len().saturating_sub(idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_have_commas() {
        for (number, text) in
            [(0, "0"), (12, "12"), (999, "999"), (1000, "1,000"), (12_400, "12,400"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}

//! A shop's purchases as numbers, and where their history is split in time.

use crate::engine::{Engine, Lines};
use crate::reading::day_shown;
use crate::{AsOf, BuildError};
use std::collections::{BTreeMap, BTreeSet};
use vitrine_learn::recommend::{InteractionsError, ItemWords, Purchase, Purchases};

const DAY_S: i64 = 86_400;
/// The later side of a split that nobody chose: a quarter of a year, or a quarter of all time if that is shorter.
const TEST_DAYS_MAX: i32 = 92;
/// Shorter histories say nothing. Unit: days.
const HISTORY_DAYS_MIN: i32 = 28;
/// What must lie before the split, so that a validation can be cut from it. Unit: days.
const BEFORE_DAYS_MIN: i32 = 21;

/// Customers and items of the time before the split, and what they bought before and after it.
pub(super) struct History {
    /// Customers by position.
    pub(super) users: Vec<String>,
    /// Items by position.
    pub(super) items: Vec<String>,
    /// What the items are, by position.
    pub(super) words: Vec<ItemWords>,
    pub(super) purchases: Purchases,
    pub(super) days: Days,
}

/// The times of an evaluation. Unit: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    /// Whatever is chosen is fitted on what came before this day.
    pub(super) validation: i32,
    /// Training ends, the test begins.
    pub(super) split: i32,
    /// The test ends.
    pub(super) until: i32,
}

impl Days {
    /// Splits a history from `first` on and before `until`.
    ///
    /// The validation is as long as the test, or a third of the time before the split if that is shorter.
    ///
    /// Errors: too little on either side.
    pub(super) fn new(first: i32, until: i32, split_at: Option<AsOf>) -> Result<Self, BuildError> {
        let refuse = |what: String| Err(BuildError::Option { option: "split_at", what });
        let history = until - first;
        let covered = format!("the orders cover {history} days, {} to {}", shown(first), shown(until - 1));
        let split = match split_at {
            None if history < HISTORY_DAYS_MIN => {
                return refuse(format!("{covered}, but an evaluation needs {HISTORY_DAYS_MIN}; give more history"));
            }
            None => until - TEST_DAYS_MAX.min(history / 4),
            Some(at) => day(at.unix_seconds().div_euclid(DAY_S)),
        };
        if split <= first || split >= until {
            return refuse(format!("{} does not split the history: {covered}; choose a day between", shown(split)));
        }
        let before = split - first;
        if before < BEFORE_DAYS_MIN {
            return refuse(format!(
                "only {before} days lie before {}, but a validation needs {BEFORE_DAYS_MIN}: {covered}; choose a later day",
                shown(split)
            ));
        }
        Ok(Self { validation: split - (until - split).min(before / 3), split, until })
    }
}

/// A day as a person writes it.
pub(super) fn shown(day: i32) -> String {
    day_shown(i64::from(day))
}

fn day(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN / 2 } else { i32::MAX / 2 })
}

impl History {
    /// Reads what cleaning left, and splits it.
    pub(super) fn read(
        engine: &Engine,
        lines: Lines,
        as_of_s: i64,
        split_at: Option<AsOf>,
    ) -> Result<Self, BuildError> {
        let mut users: Vec<String> = Vec::new();
        let mut orders: Vec<(u32, i32, Vec<u32>)> = Vec::new();
        let mut last_order = String::new();
        let mut items: BTreeMap<String, u32> = BTreeMap::new();
        engine.each_line(lines, |line| {
            let is_new = users.last().is_none_or(|user| user != line.customer_id);
            if is_new {
                users.push(line.customer_id.to_owned());
            }
            let at = day(line.day);
            // Lines of one order may lie on both sides of midnight: each keeps its day.
            if is_new || last_order != line.order_id || orders.last().is_none_or(|order| order.1 != at) {
                line.order_id.clone_into(&mut last_order);
                orders.push((users.len() as u32 - 1, at, Vec::new()));
            }
            let next = items.len() as u32;
            let item = match items.get(line.item_id) {
                Some(item) => *item,
                None => *items.entry(line.item_id.to_owned()).or_insert(next),
            };
            if let Some((_, _, bought)) = orders.last_mut() {
                bought.push(item);
            }
        })?;
        let nothing =
            || BuildError::Option { option: "orders", what: "hold no goods after cleaning; check the mapping".into() };
        let first = orders.iter().map(|(_, at, _)| *at).min().ok_or_else(nothing)?;
        let until = day(as_of_s.div_euclid(DAY_S) + i64::from(as_of_s.rem_euclid(DAY_S) > 0));
        let days = Days::new(first, until, split_at)?;

        // Customers and items of the training period; what is new later cannot be recommended.
        let early: BTreeSet<u32> = orders.iter().filter(|order| order.1 < days.split).map(|order| order.0).collect();
        let user_at: BTreeMap<u32, u32> = early.into_iter().zip(0..).collect();
        let names = engine.item_names(lines, i64::from(days.split) * DAY_S)?;
        let item_at: BTreeMap<u32, u32> =
            names.iter().zip(0..).filter_map(|(name, at)| Some((*items.get(&name.item_id)?, at))).collect();
        let mut rows = Vec::new();
        for ((user, at, bought), order) in orders.iter().zip(0..) {
            let Some(user) = user_at.get(user) else { continue };
            let known = bought.iter().filter_map(|item| item_at.get(item));
            rows.extend(known.map(|item| Purchase { user: *user, item: *item, day: *at, order }));
        }
        let failed = |error: InteractionsError| BuildError::Inconsistent { what: error.to_string() };
        let purchases = Purchases::new(user_at.len() as u32, names.len() as u32, rows).map_err(failed)?;
        Ok(Self {
            users: user_at.keys().filter_map(|user| users.get(*user as usize).cloned()).collect(),
            words: names.iter().map(|name| words(name.name.as_deref(), name.category.as_deref())).collect(),
            items: names.into_iter().map(|name| name.item_id).collect(),
            purchases,
            days,
        })
    }
}

/// What an item is. A category that is only a word of the name says nothing more, and `OTHER` says nothing.
fn words(name: Option<&str>, category: Option<&str>) -> ItemWords {
    let text = name.unwrap_or_default().to_owned();
    let is_word = |category: &str| {
        let mut words = text.split(|letter: char| !letter.is_alphanumeric());
        words.any(|word| word.to_lowercase() == category.to_lowercase())
    };
    let said = category.filter(|category| *category != "OTHER" && !is_word(category));
    ItemWords { values: said.map(str::to_owned).into_iter().collect(), text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> AsOf {
        text.parse().unwrap()
    }

    #[test]
    fn a_history_is_split_in_three() {
        // 2010-12-01 to 2011-12-09.
        let days = Days::new(14_944, 15_318, Some(at("2011-09-09"))).unwrap();
        assert_eq!(days, Days { validation: 15_134, split: 15_226, until: 15_318 });
        assert_eq!(Days::new(14_944, 15_318, None).unwrap(), days);
        assert_eq!(Days::new(0, 40, None).unwrap(), Days { validation: 20, split: 30, until: 40 });
        assert_eq!((shown(15_226), shown(0)), ("2011-09-09".into(), "1970-01-01".into()));
    }

    #[test]
    fn too_little_history_says_what_there_is() {
        let error =
            |first, until, split_at: Option<&str>| Days::new(first, until, split_at.map(at)).unwrap_err().to_string();
        assert_eq!(
            error(0, 27, None),
            "option split_at: the orders cover 27 days, 1970-01-01 to 1970-01-27, but an evaluation needs 28; give more history"
        );
        for split_at in ["1969-01-01", "1970-01-01", "1970-04-11", "9999-01-01"] {
            let error = error(0, 100, Some(split_at));
            assert!(error.contains("does not split the history: the orders cover 100 days"), "{error}");
        }
        let early = error(0, 100, Some("1970-01-15"));
        assert!(early.contains("only 14 days lie before 1970-01-15, but a validation needs 21"), "{early}");
    }

    #[test]
    fn categories_count_where_they_say_more_than_the_name() {
        assert_eq!(words(Some("Red cake stand"), Some("STAND")).values, [""; 0]);
        assert_eq!(words(Some("Red cake stand"), Some("kitchen")).values, ["kitchen"]);
        assert_eq!(words(None, Some("OTHER")), ItemWords::default());
    }
}

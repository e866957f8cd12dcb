//! Counts: by what they are kept, how they are asked for, and how those of several shards become one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vitrine_engine::TimestampMs;

use crate::attribution::Rule;
use crate::kind::Kind;
use crate::names::Shown;

/// Length of an hour. Unit: ms.
pub const HOUR_MS: i64 = 3_600_000;

/// What stands for `other` in squares: they are kept as whole numbers in two parts, because neither JavaScript nor the
/// database holds the square of a great value.
pub const SQUARE_PART: u128 = 1_000_000_000;

/// By what an event is counted. Empty texts stand for what it does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CountKey {
    /// When it happened. Unit: whole hours since 1970.
    pub hour: i64,
    /// What happened.
    pub kind: Kind,
    /// How it came to stand at the offer and the experiment.
    pub rule: Rule,
    /// Id of the placement.
    pub placement: String,
    /// Id of the offer.
    pub offer: String,
    /// The creative.
    pub creative: String,
    /// The experiment.
    pub experiment: String,
    /// Index of the variation.
    pub variation: String,
    /// Where it happened.
    pub channel: String,
    /// What it is called.
    pub name: String,
    /// The currency of its value.
    pub currency: String,
}

impl CountKey {
    /// The key of something shown, with nothing else said.
    pub(crate) fn of(shown: Option<&Shown>) -> Self {
        let text = |of: fn(&Shown) -> &String| shown.map(of).cloned().unwrap_or_default();
        Self {
            hour: 0,
            kind: Kind::Custom,
            rule: Rule::None,
            placement: text(|it| &it.placement),
            offer: text(|it| &it.offer),
            creative: text(|it| &it.creative),
            experiment: text(|it| &it.experiment),
            variation: text(|it| &it.variation),
            channel: String::new(),
            name: String::new(),
            currency: String::new(),
        }
    }
}

/// How many, and what they are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub n: u64,
    /// Sum of the values. Unit: smallest coin.
    pub value: u64,
    /// Sum of the squares of the values: whole thousand millions, and what is left.
    pub squares: (u64, u64),
}

impl Tally {
    /// One event of this value.
    pub fn of(value: u64) -> Self {
        let square = u128::from(value).saturating_mul(u128::from(value));
        let part = |it: Option<u128>| it.and_then(|it| u64::try_from(it).ok()).unwrap_or(u64::MAX);
        Self { n: 1, value, squares: (part(square.checked_div(SQUARE_PART)), part(square.checked_rem(SQUARE_PART))) }
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.n = self.n.saturating_add(other.n);
        self.value = self.value.saturating_add(other.value);
        self.squares = (self.squares.0.saturating_add(other.squares.0), self.squares.1.saturating_add(other.squares.1));
    }

    /// Sum of the squares of the values, exact. Unit: smallest coin, squared.
    pub fn sum_of_squares(&self) -> u128 {
        u128::from(self.squares.0).saturating_mul(SQUARE_PART).saturating_add(u128::from(self.squares.1))
    }
}

/// By what counts are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Id of the placement.
    Placement,
    /// Id of the offer.
    Offer,
    /// The creative.
    Creative,
    /// The experiment.
    Experiment,
    /// Index of the variation.
    Variation,
    /// Where.
    Channel,
    /// What it is called.
    Name,
    /// The hour, as the time at which it begins.
    Hour,
}

impl Dimension {
    /// All of them, in the order of an answer's members.
    pub const ALL: [Self; 8] = [
        Self::Placement,
        Self::Offer,
        Self::Creative,
        Self::Experiment,
        Self::Variation,
        Self::Channel,
        Self::Name,
        Self::Hour,
    ];

    /// The word of the API, and the name of the database's column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placement => "placement",
            Self::Offer => "offer",
            Self::Creative => "creative",
            Self::Experiment => "experiment",
            Self::Variation => "variation",
            Self::Channel => "channel",
            Self::Name => "name",
            Self::Hour => "hour",
        }
    }

    /// What a word of the API means.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// Which counts are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountQuery {
    /// Where.
    pub environment: String,
    /// From which hour on. Unit: whole hours since 1970.
    pub from_hour: i64,
    /// Up to this hour, which does not count.
    pub to_hour: i64,
    /// By what they are told apart, each once.
    pub by: Vec<Dimension>,
    /// What must be so.
    pub only: Vec<(Dimension, String)>,
}

/// One row of a shard's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CountRow {
    /// What counts.
    Count {
        /// The values of the query's dimensions, in its order.
        of: Vec<String>,
        /// What happened.
        kind: Kind,
        /// How it was attributed.
        rule: Rule,
        /// The currency of the values.
        currency: String,
        /// How many.
        tally: Tally,
    },
    /// What was not counted.
    Apart {
        /// The word of the reason.
        why: String,
        /// How many rows.
        n: u64,
    },
    /// How far the shard has come. Whatever the query, every shard that has counted says it.
    Position {
        /// Its number.
        shard: u32,
        /// How many events it has counted in all its time.
        n: u64,
    },
}

/// Counts of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
#[cfg_attr(feature = "openapi", schemars(rename = "CountRow"))]
pub struct CountGroup {
    /// Id of the placement; empty where nothing was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<String>,
    /// Id of the offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// The creative: locale and channel that it is for, `*` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creative: Option<String>,
    /// The experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// Index of the variation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variation: Option<String>,
    /// Where it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// RFC 3339 time at which the hour begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hour: Option<String>,
    /// What happened.
    pub r#type: String,
    /// How it came to stand here; `rules` says what the word means.
    pub rule: String,
    /// The currency of the values; empty where there are none.
    pub currency: String,
    /// How many.
    pub n: u64,
    /// Sum of the values. Unit: smallest coin of the currency.
    pub value_minor: u64,
    /// Sum of the squares of the values, in decimal digits: no JSON number would hold it. Unit: smallest coin, squared.
    pub value_squares: String,
}

/// The counts of all shards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Counts {
    /// Where.
    pub environment: String,
    /// RFC 3339 time from which it is counted: a whole hour.
    pub from: String,
    /// RFC 3339 time up to which it is counted: a whole hour, not in it.
    pub to: String,
    /// How long before a conversion a visitor may have met what it is attributed to, where it had no token. Unit: seconds.
    pub window_s: u32,
    /// What the words of `rule` mean.
    pub rules: BTreeMap<String, String>,
    /// The counts. Rows with the rule `exposure` are another view of conversions that stand in other rows too.
    pub rows: Vec<CountGroup>,
    /// What was not counted: `bot`, `prefetch`, `duplicate`, or the code of a refusal, and how many rows.
    pub apart: BTreeMap<String, u64>,
    /// How far the ledger has come: by shard, how many events it has counted in all its time.
    pub position: BTreeMap<u32, u64>,
}

impl Counts {
    /// Joins what the shards answered. Rows come in the order of their dimensions, then by type, rule and currency.
    pub fn of(query: &CountQuery, window_s: u32, answers: impl IntoIterator<Item = CountRow>) -> Self {
        let mut groups: BTreeMap<(Vec<String>, Kind, Rule, String), Tally> = BTreeMap::new();
        let mut apart: BTreeMap<String, u64> = BTreeMap::new();
        let mut position = BTreeMap::new();
        for row in answers {
            match row {
                CountRow::Count { of, kind, rule, currency, tally } => {
                    groups.entry((of, kind, rule, currency)).or_default().add(&tally);
                }
                CountRow::Apart { why, n } => {
                    let sum = apart.entry(why).or_default();
                    *sum = sum.saturating_add(n);
                }
                CountRow::Position { shard, n } => {
                    position.insert(shard, n);
                }
            }
        }
        let group = |((of, kind, rule, currency), tally): ((Vec<String>, Kind, Rule, String), Tally)| {
            let mut group = CountGroup {
                r#type: kind.as_str().to_owned(),
                rule: rule.as_str().to_owned(),
                currency,
                n: tally.n,
                value_minor: tally.value,
                value_squares: tally.sum_of_squares().to_string(),
                ..CountGroup::default()
            };
            for (dimension, value) in query.by.iter().zip(of) {
                *group.member(*dimension) = Some(value);
            }
            group
        };
        Self {
            environment: query.environment.clone(),
            from: time_of(query.from_hour),
            to: time_of(query.to_hour),
            window_s,
            rules: Rule::ALL.map(|it| (it.as_str().to_owned(), it.detail().to_owned())).into(),
            rows: groups.into_iter().map(group).collect(),
            apart,
            position,
        }
    }
}

impl CountGroup {
    fn member(&mut self, dimension: Dimension) -> &mut Option<String> {
        match dimension {
            Dimension::Placement => &mut self.placement,
            Dimension::Offer => &mut self.offer,
            Dimension::Creative => &mut self.creative,
            Dimension::Experiment => &mut self.experiment,
            Dimension::Variation => &mut self.variation,
            Dimension::Channel => &mut self.channel,
            Dimension::Name => &mut self.name,
            Dimension::Hour => &mut self.hour,
        }
    }

    /// The value of a dimension, if the query told apart by it.
    pub fn of(&self, dimension: Dimension) -> Option<&str> {
        match dimension {
            Dimension::Placement => &self.placement,
            Dimension::Offer => &self.offer,
            Dimension::Creative => &self.creative,
            Dimension::Experiment => &self.experiment,
            Dimension::Variation => &self.variation,
            Dimension::Channel => &self.channel,
            Dimension::Name => &self.name,
            Dimension::Hour => &self.hour,
        }
        .as_deref()
    }
}

/// The time at which an hour begins.
pub(crate) fn time_of(hour: i64) -> String {
    TimestampMs(hour.saturating_mul(HOUR_MS)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_squares_are_exact() {
        let mut sum = Tally::default();
        for value in [1_000_000_000, 999_999_999, 1, 0, 19_900] {
            sum.add(&Tally::of(value));
        }
        let expected = 1_000_000_000_u128.pow(2) + 999_999_999_u128.pow(2) + 1 + 19_900 * 19_900;
        assert_eq!((sum.n, sum.value, sum.sum_of_squares()), (5, 2_000_019_900, expected));
    }

    #[test]
    fn shards_become_one() {
        let query = CountQuery {
            environment: "production".to_owned(),
            from_hour: 490_000,
            to_hour: 490_001,
            by: vec![Dimension::Hour, Dimension::Offer],
            only: Vec::new(),
        };
        let row = |offer: &str, value| CountRow::Count {
            of: vec!["2025-11-24T16:00:00.000Z".to_owned(), offer.to_owned()],
            kind: Kind::Conversion,
            rule: Rule::Token,
            currency: "CNY".to_owned(),
            tally: Tally::of(value),
        };
        let apart = |n| CountRow::Apart { why: "bot".to_owned(), n };
        let position = |shard, n| CountRow::Position { shard, n };
        let answers = [row("b", 5), row("a", 7), apart(2), position(0, 7), row("b", 1), apart(1), position(3, 2)];
        let counts = Counts::of(&query, 604_800, answers);
        assert_eq!(counts.position, BTreeMap::from([(0, 7), (3, 2)]));
        let found: Vec<_> = counts.rows.iter().map(|it| (it.offer.as_deref(), it.n, it.value_minor)).collect();
        assert_eq!(found, [(Some("a"), 1, 7), (Some("b"), 2, 6)]);
        assert_eq!(counts.rows[1].value_squares, "26");
        assert_eq!(counts.apart["bot"], 3);
        assert_eq!(counts.rows[0].placement, None);
    }
}

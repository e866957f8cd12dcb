//! `vitrine counts`: what the ledger has counted.

use crate::args::{EdgeArgs, EnvironmentArg};
use crate::edge::Edge;
use crate::failure::{Exit, Failure};
use crate::ui::{Ui, columns};
use clap::Args;
use std::collections::BTreeSet;
use vitrine_ledger::{Counts as Counted, Dimension};

/// Show what visitors did, and how often: impressions, clicks, conversions, exposures.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  vitrine counts --by offer --url https://offers.shop.example
  vitrine counts --by experiment,variation --from 2026-12-01T00:00:00Z --url https://offers.shop.example
  vitrine counts --by hour,offer --only placement=home-hero --json --url https://offers.shop.example")]
pub struct Counts {
    /// Tell apart by these: placement, offer, creative, experiment, variation, channel, name, hour.
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    pub by: Vec<String>,
    /// From the hour of this time on (RFC 3339). Default: a day before the end.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Up to this time, in whole hours (RFC 3339). Default: now.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only what has this value.
    #[arg(long, value_name = "WORD=VALUE")]
    pub only: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub environment: EnvironmentArg,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub edge: EdgeArgs,
}

/// Asks, and shows a table.
///
/// # Errors
/// 2 for words that are no dimensions, 4 if the Worker refuses or does not answer.
pub fn run(args: &Counts, ui: &Ui) -> Result<(), Failure> {
    let answer = Edge::new(&args.edge)?.get(&path(args)?)?;
    let counts: Counted = serde_json::from_value(answer.clone())
        .map_err(|error| Failure::new(Exit::Edge, format!("the counts are not readable: {error}")))?;
    ui.result(&answer, || shown(&counts, &args.by))
}

fn path(args: &Counts) -> Result<String, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    for word in &args.by {
        if Dimension::of(word).is_none() {
            let words: Vec<&str> = Dimension::ALL.into_iter().map(Dimension::as_str).collect();
            return Err(usage(format!("{word:?} is none of {}", words.join(", "))));
        }
    }
    let mut path = format!("/v1/admin/counts?environment={}", encoded(&args.environment.environment));
    let mut add = |name: &str, value: &str| path.push_str(&format!("&{name}={}", encoded(value)));
    if !args.by.is_empty() {
        add("by", &args.by.join(","));
    }
    for (name, value) in [("from", &args.from), ("to", &args.to)] {
        if let Some(value) = value {
            add(name, value);
        }
    }
    for only in &args.only {
        let (word, value) = only.split_once('=').ok_or_else(|| usage(format!("{only:?} is not <word>=<value>")))?;
        if Dimension::of(word).is_none_or(|it| it == Dimension::Hour) {
            return Err(usage(format!("{word:?} is nothing to choose by")));
        }
        add(word, value);
    }
    Ok(path)
}

/// A value of an address: what is no letter or digit is written as `%` and two hexadecimal digits.
fn encoded(value: &str) -> String {
    let byte = |it: u8| match it {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(it).to_string(),
        _ => format!("%{it:02X}"),
    };
    value.bytes().map(byte).collect()
}

/// A table in columns, what the rules mean, and what was not counted.
fn shown(counts: &Counted, by: &[String]) -> String {
    let mut lines = vec![format!("{}, {} to {}", counts.environment, counts.from, counts.to)];
    let mut table: Vec<Vec<String>> = vec![Vec::new()];
    table[0].extend(by.iter().cloned());
    table[0].extend(["type", "rule", "n", "value"].map(str::to_owned));
    for row in &counts.rows {
        let dimensions = by.iter().map(|word| Dimension::of(word).and_then(|it| row.of(it)).unwrap_or_default());
        let mut cells: Vec<String> = dimensions.map(|it| if it.is_empty() { "-" } else { it }.to_owned()).collect();
        let value =
            if row.currency.is_empty() { String::new() } else { format!("{} {}", row.value_minor, row.currency) };
        cells.extend([row.r#type.clone(), row.rule.clone(), row.n.to_string(), value]);
        table.push(cells);
    }
    if counts.rows.is_empty() {
        lines.push("nothing was counted".to_owned());
    } else {
        lines.extend(columns(&table));
        lines.push("values are in the smallest coin of their currency".to_owned());
    }
    let used: BTreeSet<&str> = counts.rows.iter().map(|it| it.rule.as_str()).collect();
    lines.extend(
        counts
            .rules
            .iter()
            .filter(|(rule, _)| used.contains(rule.as_str()))
            .map(|(rule, means)| format!("{rule}: {means}")),
    );
    if used.iter().any(|it| it.starts_with("visitor") || *it == "exposure") {
        lines.push(format!("window: {} s", counts.window_s));
    }
    if !counts.apart.is_empty() {
        let apart: Vec<String> = counts.apart.iter().map(|(why, n)| format!("{why} {n}")).collect();
        lines.push(format!("not counted: {}", apart.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn counts_are_a_table_with_the_rules() {
        let counts: Counted = serde_json::from_value(json!({
            "environment": "production", "from": "2026-12-01T00:00:00Z", "to": "2026-12-02T00:00:00Z", "window_s": 604_800,
            "rules": { "token": "exact", "visitor_click": "last click", "none": "to nothing" },
            "rows": [
                { "offer": "tea", "type": "click", "rule": "token", "n": 12 },
                { "offer": "", "type": "conversion", "rule": "visitor_click", "currency": "CNY", "n": 3, "value_minor": 59_700 },
            ],
            "apart": { "bot": 4 }, "position": { "3": 19 },
        }))
        .unwrap();
        let expected = "production, 2026-12-01T00:00:00Z to 2026-12-02T00:00:00Z\n\
                        offer  type        rule           n   value\n\
                        tea    click       token          12\n\
                        -      conversion  visitor_click  3   59700 CNY\n\
                        values are in the smallest coin of their currency\n\
                        token: exact\n\
                        visitor_click: last click\n\
                        window: 604800 s\n\
                        not counted: bot 4";
        assert_eq!(shown(&counts, &["offer".to_owned()]), expected);
    }

    #[test]
    fn values_of_addresses_are_encoded() {
        assert_eq!(encoded("2026-12-01T00:00:00+08:00"), "2026-12-01T00%3A00%3A00%2B08%3A00");
        assert_eq!(encoded("茶"), "%E8%8C%B6");
    }
}

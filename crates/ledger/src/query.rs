//! How counts are asked for: parameters become a [`CountQuery`].

use vitrine_api::{PRODUCTION, Problem, is_environment};
use vitrine_engine::TimestampMs;

use crate::counts::{CountQuery, Dimension, HOUR_MS};

/// Names of the parameters of a query; also every dimension but the hour, to ask for one value of it.
const OWN: [&str; 4] = ["environment", "from", "to", "by"];
/// Hours that are told if nobody says from when.
const HOURS_DEFAULT: i64 = 24;
/// Most hours of one query: two years.
const HOURS_MAX: i64 = 2 * 366 * 24;

impl CountQuery {
    /// All parameters that there are.
    pub fn parameters() -> Vec<&'static str> {
        let only = Dimension::ALL.into_iter().filter(|it| *it != Dimension::Hour).map(Dimension::as_str);
        OWN.into_iter().chain(only).collect()
    }

    /// Reads the parameters. `text`: the value of each. Without any it is the last 24 hours of production, up to and with the
    /// present one, all in one.
    ///
    /// Errors: 400 that names the parameter.
    pub fn read<'t>(text: impl Fn(&str) -> Option<&'t str>, now: TimestampMs) -> Result<Self, Problem> {
        let environment = text("environment").unwrap_or(PRODUCTION);
        if !is_environment(environment) {
            return Err(Problem::field("/environment", "invalid_field", "this names no environment"));
        }
        let time = |name: &str| match text(name) {
            None => Ok(None),
            Some(value) => TimestampMs::parse(value).map(Some).map_err(|_| {
                let detail = format!("{value:?} is not an RFC 3339 time such as 2026-12-01T08:00:00Z");
                Problem::field(format!("/{name}"), "invalid_field", detail)
            }),
        };
        // Whole hours: what has begun counts.
        let up = |at: TimestampMs| at.0.saturating_add(HOUR_MS).saturating_sub(1).div_euclid(HOUR_MS);
        let to_hour = time("to")?.map_or_else(|| up(TimestampMs(now.0.saturating_add(1))), up);
        let from_hour =
            time("from")?.map_or_else(|| to_hour.saturating_sub(HOURS_DEFAULT), |at| at.0.div_euclid(HOUR_MS));
        if !(1..=HOURS_MAX).contains(&to_hour.saturating_sub(from_hour)) {
            let detail = "to lies after from, by two years at most";
            return Err(Problem::field("/from", "invalid_field", detail));
        }
        let mut by = Vec::new();
        for word in text("by").unwrap_or_default().split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let Some(dimension) = Dimension::of(word).filter(|it| !by.contains(it)) else {
                let words: Vec<&str> = Dimension::ALL.into_iter().map(Dimension::as_str).collect();
                let detail = format!("{word:?} is none of {}, or comes twice", words.join(", "));
                return Err(Problem::field("/by", "invalid_field", detail));
            };
            by.push(dimension);
        }
        let only = Dimension::ALL.into_iter().filter(|it| *it != Dimension::Hour);
        let only = only.filter_map(|it| text(it.as_str()).map(|value| (it, value.to_owned()))).collect();
        Ok(Self { environment: environment.to_owned(), from_hour, to_hour, by, only })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: TimestampMs = TimestampMs(490_000 * HOUR_MS + 1);

    fn read(params: &[(&str, &'static str)]) -> Result<CountQuery, String> {
        let text = |name: &str| params.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
        CountQuery::read(text, NOW).map_err(|problem| problem.detail)
    }

    #[test]
    fn without_parameters_it_is_the_last_day() {
        let query = read(&[]).unwrap();
        assert_eq!((query.environment.as_str(), query.from_hour, query.to_hour), ("production", 489_977, 490_001));
        assert!(query.by.is_empty() && query.only.is_empty());
    }

    #[test]
    fn parameters_are_read() {
        let query = read(&[
            ("environment", "staging"),
            ("from", "2025-11-24T16:10:00Z"),
            ("to", "2025-11-24T17:10:00Z"),
            ("by", "offer, hour"),
            ("placement", "home-hero"),
        ])
        .unwrap();
        assert_eq!((query.from_hour, query.to_hour), (490_000, 490_002));
        assert_eq!(query.by, [Dimension::Offer, Dimension::Hour]);
        assert_eq!(query.only, [(Dimension::Placement, "home-hero".to_owned())]);
        assert!(query.only.iter().all(|(it, _)| CountQuery::parameters().contains(&it.as_str())));
    }

    #[test]
    fn wrong_parameters_are_named() {
        let cases: [(&[(&str, &'static str)], &str); 6] = [
            (&[("environment", "Staging")], "/environment"),
            (&[("from", "yesterday")], "/from"),
            (&[("to", "")], "/to"),
            (&[("from", "2025-11-25T00:00:00Z"), ("to", "2025-11-24T00:00:00Z")], "/from"),
            (&[("by", "offer,colour")], "/by"),
            (&[("by", "offer,offer")], "/by"),
        ];
        for (params, field) in cases {
            let detail = read(params).unwrap_err();
            assert!(detail.starts_with(field), "{params:?}: {detail}");
        }
    }
}

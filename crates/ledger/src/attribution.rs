//! To what a conversion is attributed: exactly by its token, else to what the visitor met before it, within a window.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::Shown;

/// How long before a conversion a visitor may have met what it is attributed to, unless the operator says otherwise: 7 days.
/// Unit: seconds.
pub const WINDOW_S_DEFAULT: u32 = 7 * 24 * 3600;

/// How a number came to stand at its offer, placement or experiment. Every count says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "AttributionRule"))]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Exactly: the event carried the token of the decision.
    Token,
    /// To the visitor's last click within the window.
    VisitorClick,
    /// To the visitor's last impression within the window; there was no click.
    VisitorView,
    /// To the variation that the visitor met first within the window, for every experiment. These conversions are also counted
    /// under one of the other rules: they are another view of them, not more of them.
    Exposure,
    /// To nothing.
    None,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Token, Self::VisitorClick, Self::VisitorView, Self::Exposure, Self::None];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::VisitorClick => "visitor_click",
            Self::VisitorView => "visitor_view",
            Self::Exposure => "exposure",
            Self::None => "none",
        }
    }

    /// In words for people.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Token => "exact: the event carried the token of the decision",
            Self::VisitorClick => "to the visitor's last click within the window",
            Self::VisitorView => "to the visitor's last impression within the window, where there was no click",
            Self::Exposure => {
                "to the variation that the visitor met first within the window, for every experiment; the same conversions stand under another rule too"
            }
            Self::None => "to nothing",
        }
    }

    /// What a word of the API means.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }
}

/// How a visitor met something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchKind {
    /// They followed an offer.
    Click,
    /// They saw an offer.
    View,
    /// They met a variation.
    Exposure,
}

impl TouchKind {
    /// As the database keeps it.
    pub fn as_number(self) -> i64 {
        match self {
            Self::Click => 0,
            Self::View => 1,
            Self::Exposure => 2,
        }
    }

    /// What [`Self::as_number`] means.
    pub fn of_number(number: i64) -> Option<Self> {
        [Self::Click, Self::View, Self::Exposure].into_iter().find(|it| it.as_number() == number)
    }
}

/// That a visitor met something. Told twice it is the same as told once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Touch {
    /// How.
    pub kind: TouchKind,
    /// What there is one of: the click of a token, the first view of an offer in a placement in an hour, the first exposure to
    /// an experiment in a day.
    pub slot: String,
    /// When. Unit: ms since 1970.
    pub at_ms: i64,
    /// What.
    pub shown: Shown,
}

/// What a conversion at `at_ms` is attributed to, of what its visitor met.
pub fn attributed(touches: &[Touch], at_ms: i64, window_s: u32) -> (Rule, Option<&Shown>) {
    let last = |kind| {
        let within = touches.iter().filter(|it| it.kind == kind && is_within(it.at_ms, at_ms, window_s));
        within.max_by_key(|it| it.at_ms).map(|it| &it.shown)
    };
    match (last(TouchKind::Click), last(TouchKind::View)) {
        (Some(shown), _) => (Rule::VisitorClick, Some(shown)),
        (None, Some(shown)) => (Rule::VisitorView, Some(shown)),
        (None, None) => (Rule::None, None),
    }
}

/// The variations that the visitor had met before a conversion: of every experiment the first, in the order of their keys.
pub fn exposed(touches: &[Touch], at_ms: i64, window_s: u32) -> Vec<&Shown> {
    let mut first: BTreeMap<&str, &Touch> = BTreeMap::new();
    let is_exposure = |it: &&Touch| it.kind == TouchKind::Exposure && is_within(it.at_ms, at_ms, window_s);
    for touch in touches.iter().filter(is_exposure) {
        let have = first.entry(&touch.shown.experiment).or_insert(touch);
        if touch.at_ms < have.at_ms {
            *have = touch;
        }
    }
    first.into_values().map(|it| &it.shown).collect()
}

fn is_within(touched_ms: i64, at_ms: i64, window_s: u32) -> bool {
    (0..=i64::from(window_s).saturating_mul(1000)).contains(&at_ms.saturating_sub(touched_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(kind: TouchKind, at_ms: i64, offer: &str) -> Touch {
        let shown = Shown { offer: offer.to_owned(), ..Shown::default() };
        Touch { kind, slot: offer.to_owned(), at_ms, shown }
    }

    #[test]
    fn the_last_click_goes_before_the_last_view_and_both_lie_in_the_window() {
        use TouchKind::{Click, Exposure, View};
        let hour = 3_600_000;
        let now = 1000 * hour;
        /// What the visitor met, and what follows.
        type Case<'c> = (&'c [(TouchKind, i64, &'c str)], Rule, Option<&'c str>);
        let cases: [Case<'_>; 8] = [
            (&[], Rule::None, None),
            (&[(View, now - hour, "a")], Rule::VisitorView, Some("a")),
            (&[(Click, now - 9 * hour, "a"), (View, now - hour, "b")], Rule::VisitorClick, Some("a")),
            (&[(Click, now - 9 * hour, "a"), (Click, now - 8 * hour, "b")], Rule::VisitorClick, Some("b")),
            (&[(Click, now + 1, "a")], Rule::None, None),
            (&[(Click, now - 168 * hour, "a")], Rule::VisitorClick, Some("a")),
            (&[(Click, now - 168 * hour - 1, "a"), (View, now, "b")], Rule::VisitorView, Some("b")),
            (&[(Exposure, now - hour, "a")], Rule::None, None),
        ];
        for (touches, rule, offer) in cases {
            let touches: Vec<Touch> = touches.iter().map(|(kind, at, offer)| touch(*kind, *at, offer)).collect();
            let (found, shown) = attributed(&touches, now, WINDOW_S_DEFAULT);
            assert_eq!((found, shown.map(|it| it.offer.as_str())), (rule, offer), "{touches:?}");
        }
    }

    #[test]
    fn of_every_experiment_the_first_variation_counts() {
        let exposure = |at_ms, experiment: &str, variation: &str| {
            let mut touch = touch(TouchKind::Exposure, at_ms, "");
            touch.shown.experiment = experiment.to_owned();
            touch.shown.variation = variation.to_owned();
            touch
        };
        let touches = [
            exposure(6, "cta", "1"),
            exposure(5, "cta", "0"),
            touch(TouchKind::Click, 6, "b"),
            exposure(8, "late", "0"),
            exposure(7, "hero", "2"),
        ];
        let found = exposed(&touches, 7, 1);
        let found: Vec<&str> = found.iter().map(|it| it.variation.as_str()).collect();
        assert_eq!(found, ["0", "2"]);
        assert_eq!(exposed(&touches, 5000, 1), Vec::<&Shown>::new());
    }
}

//! What became of a candidate, as a word for programs and as a sentence for people, in English and Chinese.

use serde::Serialize;
use vitrine_engine::{Limit, Rejection};

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schemars(rename = "DecisionOutcome"))]
pub(crate) enum Outcome {
    /// It is among the items.
    Shown,
    /// Others were better.
    Outranked,
    /// Better offers of one of its categories took all places that the category has.
    CategoryFull,
    /// Its schedule has not begun.
    NotStarted,
    /// Its schedule is over.
    Ended,
    /// The visitor is not in its audience.
    NotInAudience,
    /// None of its creatives fits.
    NoCreative,
    /// Another placement of the page shows it.
    AlreadyShown,
    /// The visitor has seen it often enough.
    VisitorCap,
    /// It was shown often enough.
    TotalCap,
    /// It was shown often enough today.
    DailyCap,
    /// The budget of its campaign is spent, or what is planned for this part of its time.
    Budget,
    /// The visitor does not want it.
    Dismissed,
    /// The visitor has done what it asks for.
    Converted,
    /// What it promotes is sold out.
    OutOfStock,
    /// How much of its cap or its budget is left cannot be known now.
    LimitUnknown,
}

/// The languages of explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// Chinese for every tag of Chinese, else English.
    pub fn of(locale: Option<&str>) -> Self {
        let primary = locale.and_then(|it| it.split('-').next()).unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") { Self::Chinese } else { Self::English }
    }
}

impl From<Option<&Rejection<'_>>> for Outcome {
    fn from(rejection: Option<&Rejection<'_>>) -> Self {
        match rejection {
            None => Self::Shown,
            Some(Rejection::NotStarted) => Self::NotStarted,
            Some(Rejection::Ended) => Self::Ended,
            Some(Rejection::NoCreative) => Self::NoCreative,
            Some(Rejection::AlreadyShown) => Self::AlreadyShown,
            Some(Rejection::Outranked) => Self::Outranked,
            Some(Rejection::CategoryFull) => Self::CategoryFull,
            Some(Rejection::Audience { .. }) => Self::NotInAudience,
            Some(Rejection::Limit(limit)) => match limit {
                Limit::VisitorCap => Self::VisitorCap,
                Limit::TotalCap => Self::TotalCap,
                Limit::DailyCap => Self::DailyCap,
                Limit::Budget => Self::Budget,
                Limit::Dismissed => Self::Dismissed,
                Limit::Converted => Self::Converted,
                Limit::OutOfStock => Self::OutOfStock,
                Limit::Unknown => Self::LimitUnknown,
            },
        }
    }
}

impl Outcome {
    /// The outcome in a sentence.
    pub fn words(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::Shown => ("It is shown.", "已展示。"),
            Self::Outranked => ("Other offers ranked higher.", "其他优惠排名更高。"),
            Self::CategoryFull => ("Its category has all the places that it may have.", "该品类的名额已满。"),
            Self::NotStarted => ("It has not started yet.", "活动尚未开始。"),
            Self::Ended => ("It is over.", "活动已结束。"),
            Self::NotInAudience => ("The visitor is not in its audience.", "访客不在目标人群中。"),
            Self::NoCreative => ("None of its creatives fits language and channel.", "没有适合该语言和渠道的素材。"),
            Self::AlreadyShown => ("Another placement of the page shows it.", "同一页面的其他展位已展示。"),
            Self::VisitorCap => ("The visitor has seen it as often as allowed.", "已达到该访客的频次上限。"),
            Self::TotalCap => ("It was shown as often as allowed.", "已达到总展示上限。"),
            Self::DailyCap => ("It was shown as often as allowed today.", "已达到今日展示上限。"),
            Self::Budget => ("The budget of its campaign is spent for now.", "活动预算暂已用完。"),
            Self::Dismissed => ("The visitor is not interested in it.", "访客表示不感兴趣。"),
            Self::Converted => ("The visitor has done what it asks for.", "访客已完成转化。"),
            Self::OutOfStock => ("What it promotes is sold out.", "商品已售罄。"),
            Self::LimitUnknown => ("What is left of its cap or budget is not known now.", "暂无法得知剩余额度。"),
        };
        match language {
            Language::English => english,
            Language::Chinese => chinese,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_of_chinese_is_chinese() {
        for (locale, expected) in [
            (Some("zh"), Language::Chinese),
            (Some("ZH-Hans-CN"), Language::Chinese),
            (Some("en"), Language::English),
            (Some("zha"), Language::English),
            (None, Language::English),
        ] {
            assert_eq!(Language::of(locale), expected, "{locale:?}");
        }
    }
}

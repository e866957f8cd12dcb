//! `GET /v1/explain`: what a decision token stands for, in words for the person who saw the offer. Knows what the token says and
//! the configuration that decided; nothing about the person is kept that could be told.

use serde::Serialize;
use vitrine_engine::{Bundle, TimestampMs};

use crate::token::{DecisionToken, TokenMode};

/// A decision in words.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct DecisionWords {
    /// RFC 3339 time of the decision.
    #[cfg_attr(feature = "openapi", schemars(extend("format" = "date-time")))]
    pub decided_at: String,
    /// Version of the configuration that decided.
    pub bundle: u32,
    /// Id of the placement.
    pub placement: String,
    /// Id of the offer.
    pub offer: String,
    /// Place of the offer, from 1.
    pub place: u16,
    /// How much of the visitor the decision rested on.
    #[cfg_attr(feature = "openapi", schemars(extend("enum" = vitrine_engine::Mode::ALL.map(vitrine_engine::Mode::as_str))))]
    pub mode: &'static str,
    /// The offer is the one that shows when nothing else may.
    pub is_fallback: bool,
    /// The visitor is kept out of personalisation, to measure its effect.
    pub in_holdout: bool,
    /// Index of the variation, if the placement is part of an experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variation: Option<u8>,
    /// Chance with which the offer was chosen, 0..=1; 1 when nothing was left to chance.
    pub propensity: f64,
    /// All of that in sentences.
    pub text: Languages,
}

/// The same in two languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Languages {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// Puts a token into words. `bundle` is the version that the token names; `None` when it has no such placement or offer.
pub fn decision_words(token: &DecisionToken<'_>, bundle: &Bundle) -> Option<DecisionWords> {
    let placement = &bundle.placements().get(usize::from(token.placement))?.id;
    let offer = &bundle.offers().get(usize::from(token.offer))?.id;
    let decided_at = TimestampMs(i64::from(token.issued_at_s).saturating_mul(1000)).to_string();
    let place = u16::from(token.rank).saturating_add(1);
    let mut en = vec![format!(
        "At {decided_at} the place {placement:?} of the page showed you the offer {offer:?}, as number {place}."
    )];
    let mut zh = vec![format!("{decided_at},页面展位“{placement}”向您展示了优惠“{offer}”,排在第{place}位。")];
    let mut say = |english: &str, chinese: &str| {
        en.push(english.to_owned());
        zh.push(chinese.to_owned());
    };
    if token.is_fallback {
        say(
            "It is what everybody sees there when no other offer may be shown.",
            "没有其他可展示的优惠时,所有人在此处看到的都是这一内容。",
        );
    } else {
        match token.mode {
            TokenMode::Personalised => say(
                "It was chosen from the page you were on and from what the shop knows of you, such as earlier purchases.",
                "该优惠是根据您当时浏览的页面以及商店掌握的您的信息(例如以往购买)选出的。",
            ),
            TokenMode::Contextual => say(
                "It was chosen from the page you were on; nothing that the shop knows of you was used.",
                "该优惠仅根据您当时浏览的页面选出,未使用商店掌握的您的任何信息。",
            ),
            TokenMode::FallbackOnly => {
                say("No choice was made: decisions were switched off.", "当时决策功能已关闭,未作任何选择。");
            }
        }
    }
    if token.in_holdout {
        say(
            "You are in a group, drawn by lot, that is shown no personalised offers, so that their effect can be measured.",
            "您属于随机抽取的对照组,该组不展示个性化优惠,用于衡量其效果。",
        );
    }
    if token.experiment.is_some() {
        say(
            "The place is part of an experiment; which variation you see was drawn by lot.",
            "该展位正在进行实验,您看到的版本由随机分配决定。",
        );
    }
    if token.propensity < 1.0 {
        let percent = token.propensity * 100.0;
        say(
            &format!("Chance had a part in it: the offer came up with a probability of {percent:.1} %."),
            &format!("选择中含有随机成分:该优惠被选中的概率为{percent:.1}%。"),
        );
    }
    say(
        "You can object to personalisation at any time; it ends with your next request.",
        "您可以随时拒绝个性化推荐,自下一次请求起生效。",
    );
    Some(DecisionWords {
        decided_at,
        bundle: token.bundle_version,
        placement: placement.clone(),
        offer: offer.clone(),
        place,
        mode: match token.mode {
            TokenMode::Personalised => vitrine_engine::Mode::Personalised,
            TokenMode::Contextual => vitrine_engine::Mode::Contextual,
            TokenMode::FallbackOnly => vitrine_engine::Mode::FallbackOnly,
        }
        .as_str(),
        is_fallback: token.is_fallback,
        in_holdout: token.in_holdout,
        variation: token.experiment.map(|(_, variation)| variation),
        propensity: token.propensity,
        text: Languages { en: en.join(" "), zh: zh.concat() },
    })
}

//! Advertising law of China: words that advertisements must not use, and the label that says that something is one.

use crate::compile::Compiler;
use crate::facts::{AdvertisingLaw, OfferClass};
use crate::lint::words::{WordKind, Words};
use crate::section::content::present;
use crate::source::{At, Kind};

const ABSOLUTE_TERMS: &str = include_str!("absolute_terms_cn.txt");

/// Members of contents that nobody reads as a text.
const UNREAD: [&str; 7] = ["src", "poster", "url", "href", "link", "reviewer", "id"];

pub(super) fn check(compiler: &mut Compiler<'_, '_>) {
    let Compiler { report, facts, .. } = compiler;
    if facts.settings.advertising_law != AdvertisingLaw::Cn {
        return;
    }
    let words = Words::parse(ABSOLUTE_TERMS);
    for offer in &facts.offers {
        for content in &offer.contents {
            let mut texts = Vec::new();
            collect(content.at, &mut texts);
            for at in texts {
                for (word, kind) in words.find(at.as_text()) {
                    let message = format!("{word:?} is an absolute term");
                    if kind == WordKind::Forbidden {
                        let help =
                            "write what can be proved; the Advertising Law of China, article 9 (3), names the word";
                        report.error(at, "absolute_term", message, help);
                    } else {
                        let help =
                            "write what can be proved, or keep the proof: the Advertising Law of China, article 9 (3)";
                        report.warning(at, "absolute_term", message, help);
                    }
                }
            }
            let is_labelled = present(content.at, "ad_label").is_some_and(|at| !at.as_text().trim().is_empty());
            if offer.class == OfferClass::Promotion && !is_labelled && matches!(content.at.kind(), Kind::Object(_)) {
                let help = "add ad_label: 广告 to the content, or give the offer another class than promotion";
                let message = "the promotion does not say that it is an advertisement";
                report.warning(content.at, "missing_ad_label", message, help);
            }
        }
    }
}

/// All texts of a content that people read.
fn collect<'t>(at: At<'t>, texts: &mut Vec<At<'t>>) {
    if matches!(at.kind(), Kind::Text(_)) {
        texts.push(at);
    }
    // `link` can be a text that leads somewhere, or an object with a text to read.
    let is_unread = |it: &At<'_>| UNREAD.contains(&it.key()) && matches!(it.kind(), Kind::Text(_));
    for child in at.children().filter(|it| !is_unread(it)) {
        collect(child, texts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = Words::parse(ABSOLUTE_TERMS).find(text).into_iter().map(|(word, _)| word).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_list_is_sound() {
        let mut seen = std::collections::BTreeSet::new();
        let mut harmful: Vec<&str> = Vec::new();
        let mut harmless: Vec<&str> = Vec::new();
        for line in ABSOLUTE_TERMS.lines().filter(|it| !it.starts_with('#') && !it.is_empty()) {
            let (kind, words) = line.split_once(' ').unwrap();
            for word in words.split_whitespace() {
                assert!(seen.insert(word), "{word} is listed twice");
                assert_eq!(word, word.to_lowercase());
                match kind {
                    "!" | "?" => harmful.push(word),
                    "=" => harmless.push(word),
                    _ => panic!("{line}"),
                }
            }
        }
        assert!(harmful.len() > 80 && harmless.len() > 80);
        for word in harmless {
            assert!(harmful.iter().any(|it| word.contains(it)), "nothing is inside {word}");
        }
    }

    #[test]
    fn absolute_terms_are_found() {
        check("国家级品质", &["国家级"]);
        check("最高级的享受", &["最高级"]);
        check("全网最佳", &["最佳"]);
        check("销量第一", &["销量第一"]);
        check("中国第一品牌", &["第一品牌"]);
        check("顶级工艺，极致体验", &["顶级", "极致"]);
        check("全网最低价!", &["全网最低价"]);
        check("史上最低，最便宜", &["史上最低", "最便宜"]);
        check("No.1 之选", &["no.1"]);
        check("ＴＯＰ１", &["top1"]);
        check("Our NO.1", &["no.1"]);
        check("独一无二的唯一", &["独一无二", "唯一"]);
        check("第一次见面，销量第一", &["销量第一"]);
        check("最高减200，最高品质", &["最高"]);
        check("國家級", &["國家級"]);
    }

    #[test]
    fn harmless_compounds_are_not() {
        for text in [
            "第一次下单立减20元",
            "第一时间发货",
            "会员日第一天",
            "国家级非物质文化遗产传承人作品",
            "最佳食用日期见包装",
            "最佳赏味期30天",
            "满300最高减50",
            "最高可抵100元",
            "最低消费20元",
            "最大承重150公斤",
            "请最好在30天内使用",
            "没有最好，只有更好",
            "最近浏览",
            "最后一天",
            "最终解释权",
            "统一价格",
            "世界冠军推荐的跑鞋",
            "万能胶",
            "第一百零一次",
            "唯一标识码",
            "顶级域名注册",
            "no.10 号店",
            "laptop1",
            "Sale no1x",
            "最新到货",
            "一级能效",
            "高级感",
        ] {
            check(text, &[]);
        }
    }
}
